"""How well a bed without a film model comes apart into music, effects and ambience.

    python benchmarks/bed_sisdr.py [--data ../shared/data] [--separator deepfilternet]

For the scene and the remixes of both sets: SI-SDR of each stem against the true one less that of the bed
itself, in dB, of the true bed and of what the separator leaves when it has taken the voice. A stem that a mix
has none of is left out, and a mix with one stem alone. Last stands in how many mixes two stems gain 3 dB.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
from builtin_sisdr import DATA, Sound, si_sdr, voice
from remixes import CHOSEN, HELD, remixes

from dubline.backends.choosing import find
from dubline.separation.bed import BedSplit


def split(bed: Sound, rate: int) -> tuple[Sound, ...]:
    """The whole bed through the stream in one-second blocks -> (music, sfx, ambient)."""
    stream = BedSplit(rate, bed.shape[0])
    parts = [stream.push(bed[:, at : at + rate]) for at in range(0, bed.shape[1], rate)]
    return tuple(np.concatenate(stem, axis=1) for stem in zip(*parts, stream.flush(), strict=True))


def material(data: Path) -> Iterator[tuple[str, str, Sound, list[Sound]]]:
    """Set, name, speech and the three true stems."""
    names = ("dialogue", "music", "sfx", "ambient")
    speech, *stems = (sf.read(data / "scene" / f"{n}.flac", dtype="float32")[0].T for n in names)
    yield "scene", "scene", speech, stems
    for name, plans in (("chosen", CHOSEN), ("held", HELD)):
        for mix in remixes(plans, data):
            yield name, mix.name, mix.speech, [mix.music, mix.effects, mix.ambience]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--separator", default="deepfilternet")
    asked = parser.parse_args()
    separator = find("separator", asked.separator)
    gained: dict[tuple[str, str], list[list[float]]] = {}
    print(f"{'':32}{'of the true bed':>24}{'of what is left':>24}")
    for group, name, speech, stems in material(asked.data):
        if sum(bool(stem.any()) for stem in stems) < 2:
            continue
        whole = speech + sum(stems)
        found = voice(separator, {}, whole, None, False)
        print(f"{group + ': ' + name:32}", end="")
        for kind, bed in (("true", sum(stems)), ("left", whole - found)):
            pairs = zip(split(bed, 48000), stems, strict=True)
            row = [si_sdr(one, true) - si_sdr(bed, true) if true.any() else np.nan for one, true in pairs]
            gained.setdefault((group, kind), []).append(row)
            print("".join(f"{value:8.1f}" for value in row), end="")
        print(flush=True)
    for (group, kind), rows in gained.items():
        good = sum(sum(value >= 3 for value in row) >= 2 for row in rows)
        mean = "".join(f"{value:8.2f}" for value in np.nanmean(rows, axis=0))
        print(f"{group}, {kind} bed, mean:{mean}   two gain 3 dB in {good} of {len(rows)}")


if __name__ == "__main__":
    main()

"""How near guessed times come to where lines begin and end, of words for which a model gives no times.

    python benchmarks/guessed_times.py [--data ../shared/data]

Lines of `scene/dialogue.flac` whose words are known and that nobody talks over, three at a time in every
order that fits into 30 s, with pauses of 0.3 to 3 s before each over a noise of -80 dBFS. "even": the letters
shared out over the whole; "along the sound": over what is loud, as `transformers` guesses them.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from dubline.backends.recognizers.hearing import LONGEST, RATE
from dubline.backends.recognizers.sound_times import along_the_sound

Spans = Sequence[tuple[float, float]]


def evenly(words: Sequence[str], length: float) -> Spans:
    """Words shared out over a whole length in seconds by their letters."""
    letters = [sum(c.isalnum() for c in word) for word in words]
    return list(pairwise(x / sum(letters) * length for x in accumulate(letters, initial=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    truth = json.loads((data / "scene/truth_transcript.json").read_text(encoding="utf-8"))
    known = [s for s in truth["segments"] if s.get("text") and not s["overlaps_with"]]
    sound, rate = sf.read(data / "scene/dialogue.flac", always_2d=True)
    voice = soxr.resample(sound.mean(axis=1), rate, RATE).astype(np.float32)
    random = np.random.default_rng(0)
    away: dict[str, list[float]] = {"even": [], "along the sound": []}
    for lines in itertools.permutations(known, 3):
        parts, places, at = [], [], 0.0
        for line in lines:
            pause = random.uniform(0.3, 3)
            cut = voice[round(line["start"] * RATE) : round(line["end"] * RATE)]
            parts += [np.zeros(round(pause * RATE), np.float32), cut]
            places.append((at + pause, at + pause + len(cut) / RATE, line["text"].split()))
            at = places[-1][1]
        made = np.concatenate(parts)
        made += 1e-4 * random.normal(size=len(made)).astype(np.float32)
        if at > LONGEST:
            continue
        words = [word for *_, spoken in places for word in spoken]
        for name, spans in (("even", evenly(words, at)), ("along the sound", along_the_sound(words, made))):
            first = 0
            for start, end, spoken in places:
                last = first + len(spoken)
                away[name] += [abs(spans[first][0] - start), abs(spans[last - 1][1] - end)]
                first = last
    for name, found in away.items():
        near = 100 * np.mean(np.array(found) < 0.3)
        print(f"{name:16} {len(found)} starts and ends: median {np.median(found) * 1000:.0f} ms, "
              f"{near:.0f} % within 0.3 s")  # fmt: skip


if __name__ == "__main__":
    main()

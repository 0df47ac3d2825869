"""Null test on real media: the film-like scene, and a 5.1 track.

    python benchmarks/nulls.py [--data ../shared/data]

For every separator and depth: sample counts, and the peak of source minus the sum of the stems.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from material import DATA, FILM, htdemucs, save_bag
from random_mdx import build  # material puts tests/ on the path

from dubline.media.extraction import extract_sound
from dubline.media.probing import choose_track, probe
from dubline.media.sound import open_sound
from dubline.run import Run
from dubline.separation import SeparationJob, separate
from dubline.values.base import Choice
from dubline.values.layout import Layout
from dubline.values.media import Sound


def measure(name: str, sound: Sound, job: SeparationJob, run: Run) -> None:
    stems = run.step(separate, sound, job, hints={"threads": 1})
    source = soundfile.read(Layout(run.root).file(sound.path), dtype="float64", always_2d=True)[0]
    parts = [
        soundfile.read(Layout(run.root).file(s.path), dtype="float64", always_2d=True)[0] for s in stems.stems
    ]
    same = all(part.shape == source.shape for part in parts)
    depth = soundfile.info(Layout(run.root).file(stems.vocals.path)).subtype
    if depth == "PCM_24":
        source = np.rint(source * 2**23) / 2**23  # a lossy source has finer steps than 24 bit
    peak = float(np.abs(source - sum(parts)).max())
    shown = "exactly 0" if peak == 0 else f"{20 * np.log10(peak):.1f} dBFS = {peak * 2**23:.2f} LSB"
    print(f"{name:<34}{depth:<8}{source.shape!s:<14}{'same' if same else 'DIFFER':<8}{shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data.resolve()
    with tempfile.TemporaryDirectory() as place, Run(Path(place, "run")) as run:
        model = str(save_bag(Path(place, "m"), "m", [htdemucs(seed=1)]))
        film_model = str(save_bag(Path(place, "f"), "f", [htdemucs(FILM, seed=2)]))
        media = probe(data / "video/multi_audio_4tracks_51_default.mkv")
        surround = run.step(extract_sound, media, choose_track(media).index)
        demucs = Choice(backend="demucs", options={"model": model})
        film = Choice(backend="demucs", options={"model": film_model})
        uvr = Choice(backend="uvr", options={"model": str(build(Path(place), "mdx"))})
        print(f"{'':<34}{'depth':<8}{'source':<14}{'counts':<8}residue")
        for title, sound in (("scene", open_sound(data / "scene/mix.flac")), ("5.1", surround)):
            for depth in ("24", "float"):
                for name, job in {
                    "demucs": SeparationJob(separator=demucs, depth=depth),
                    "demucs, film chain": SeparationJob(separator=demucs, film=film, depth=depth),
                    "uvr": SeparationJob(separator=uvr, depth=depth),
                    "builtin": SeparationJob(separator=Choice(backend="builtin"), depth=depth),
                    "deepfilternet": SeparationJob(separator=Choice(backend="deepfilternet"), depth=depth),
                }.items():
                    measure(f"{title}: {name}", sound, job, run)


if __name__ == "__main__":
    main()

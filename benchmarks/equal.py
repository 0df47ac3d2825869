"""The streaming loop against demucs' `apply_model`, on a full-size model with random weights.

    python benchmarks/equal.py [--tiny]

Prints the largest difference for odd lengths, a bag of two and shifts; all must be <= 1e-6.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import types
from pathlib import Path
from typing import Any

import demucs.apply
import numpy as np
import torch
from demucs.pretrained import get_model
from material import FULL, htdemucs, save_bag

from dubline.backends.contract import Survey
from dubline.backends.separators.demucs import Demucs
from dubline.signal.overlap import Statistics


def differences(path: Path, sound: np.ndarray, shifts: int, seed: int) -> tuple[float, float]:
    """Largest difference, and largest magnitude of the reference."""
    statistics = Statistics()
    statistics.push(sound)
    survey = Survey(frames=sound.shape[1], rate=44100, mean=statistics.mean, std=statistics.std)
    options = Demucs.Options(model=str(path), precision="fp32", shifts=shifts, seed=seed, threads=1)
    with Demucs(options) as separator:
        stream = separator.stream(survey, lambda: None)
        parts = [stream.push(sound[:, i : i + 65536]) for i in range(0, sound.shape[1], 65536)]
        ours = np.concatenate([*parts, stream.flush()], axis=-1)
    torch.set_num_threads(1)
    drawn = random.Random(seed)
    # demucs draws shifts from the global generator, which its transformer advances as well.
    demucs.apply.random = types.SimpleNamespace(randint=drawn.randint)
    mix = torch.from_numpy(sound)
    mean, deviation = mix.mean(0).mean(), mix.mean(0).std() + 1e-8
    reference: Any = demucs.apply.apply_model(
        get_model(path.stem, repo=path.parent), ((mix - mean) / deviation)[None], shifts=shifts
    )
    theirs = (reference[0] * deviation).numpy()
    return float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a small model, to try the script")
    size = {} if parser.parse_args().tiny else FULL
    worst = 0.0
    with tempfile.TemporaryDirectory() as place:
        one = save_bag(Path(place, "one"), "one", [htdemucs(seed=1, **size)], half=True)
        pair = save_bag(
            Path(place, "pair"),
            "pair",
            [htdemucs(seed=1, **size), htdemucs(seed=2, **size)],
            weights=[[1, 0, 2, 1], [1, 3, 0, 1]],
            half=True,
        )
        print(f"{'model':<6}{'samples':>9}{'shifts':>8}{'max difference':>16}{'of a peak of':>14}")
        for path, frames, shifts in (
            (one, 4411, 0),
            (one, 400001, 0),
            (one, 883333, 0),
            (one, 300007, 2),
            (pair, 400001, 0),
            (pair, 300007, 1),
        ):
            sound = (np.random.default_rng(frames).normal(size=(2, frames)) * 0.1 + 0.02).astype(np.float32)
            difference, peak = differences(path, sound, shifts, 7)
            worst = max(worst, difference)
            print(f"{path.stem:<6}{frames:>9}{shifts:>8}{difference:>16.1e}{peak:>14.3f}", flush=True)
    print(f"worst {worst:.1e}")
    raise SystemExit(worst > 1e-6)


if __name__ == "__main__":
    main()

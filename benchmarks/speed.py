"""Speed of the streaming loop on one CPU thread, in one run with demucs' own loop; and our overhead.

    python benchmarks/speed.py [--seconds 30] [--film-minutes 10] [--tiny]

Full-size htdemucs with random weights. The reference is `apply_model(split=True, shifts=0)`, the loop that
`python -m demucs.separate` runs. CPU seconds are compared, so that other work on the machine counts little.
Overhead is everything from decoding to four written stems, with report and picture, that is not the model. It
does not depend on the model's size, so it is measured on a longer film with a small one and set against what
the full-size model takes for as much sound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demucs.apply import apply_model
from demucs.pretrained import get_model
from material import FULL, film, htdemucs, save_bag

from dubline.backends.contract import Survey
from dubline.backends.separators.demucs import Demucs
from dubline.media.sound import open_sound
from dubline.run import Run
from dubline.separation import SeparationJob, separate
from dubline.values.base import Choice


def ours(path: Path, sound: np.ndarray, precision: str) -> tuple[float, np.ndarray, tuple[str, ...]]:
    with Demucs(Demucs.Options(model=str(path), precision=precision, threads=1)) as separator:
        survey = Survey(frames=sound.shape[1], rate=44100, mean=0.0, std=0.1)
        # The trial chunk that decides on the precision is once per film: not counted.
        trial = separator.stream(survey, lambda: None)
        trial.push(sound[:, :44100])
        trial.flush()
        stream = separator.stream(survey, lambda: None)
        began = time.process_time()
        parts = [stream.push(sound[:, i : i + 65536]) for i in range(0, sound.shape[1], 65536)]
        result = np.concatenate([*parts, stream.flush()], axis=-1)
        return time.process_time() - began, result, separator.notes


def theirs(path: Path, sound: np.ndarray) -> float:
    torch.set_num_threads(1)
    model = get_model(path.stem, repo=path.parent)
    mix = torch.from_numpy(sound)[None] / 0.1
    began = time.process_time()
    apply_model(model, mix, shifts=0)
    return time.process_time() - began


def overhead(minutes: float, folder: Path) -> tuple[float, dict[str, float]]:
    """CPU seconds outside of the model for a film of so many minutes, and the wall seconds by part."""
    from demucs.htdemucs import HTDemucs

    inside = 0.0
    forward = HTDemucs.forward

    def clocked(self: Any, mix: Any) -> Any:
        nonlocal inside
        began = time.process_time()
        result = forward(self, mix)
        inside += time.process_time() - began
        return result

    model = save_bag(folder / "small", "small", [htdemucs(segment=FULL["segment"])], half=True)
    options = {"model": str(model), "precision": "fp32"}
    job = SeparationJob(separator=Choice(backend="demucs", options=options))
    # Imports are once per process, whatever the length: not counted.
    with Run(folder / "warm.dubline") as run:
        run.step(separate, open_sound(film(folder / "short.wav", 0.02)), job, hints={"threads": 1})
    source = open_sound(film(folder / "film.wav", minutes))
    HTDemucs.forward = clocked
    try:
        with Run(folder / "film.dubline") as run:
            began = time.process_time()
            run.step(separate, source, job, hints={"threads": 1})
            total = time.process_time() - began
            facts = run.manifest().steps[-1].facts["seconds"]
    finally:
        HTDemucs.forward = forward
    return total - inside, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--film-minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tiny", action="store_true", help="a small model, to try the script")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = save_bag(Path(place, "m"), "m", [htdemucs(**({} if arguments.tiny else FULL))], half=True)
        frames = int(44100 * arguments.seconds)
        sound = (np.random.default_rng(0).normal(size=(2, frames)) * 0.1).astype(np.float32)
        reference, exact, half = [], [], []
        for _ in range(arguments.rounds):  # in turns, so that the machine's mood hits all alike
            reference.append(theirs(path, sound))
            seconds, single, _ = ours(path, sound, "fp32")
            exact.append(seconds)
            seconds, rough, notes = ours(path, sound, "bf16")
            half.append(seconds)
        error = ((rough - single).astype(np.float64) ** 2).sum()
        snr = 10 * np.log10((single.astype(np.float64) ** 2).sum() / error)
        base = min(reference)
        print(f"{arguments.seconds:g} s of sound, one thread, best of {arguments.rounds}, CPU seconds")
        print(f"demucs' own loop, fp32   {base:7.1f}   x real time {arguments.seconds / base:5.2f}")
        print(f"streaming, fp32          {min(exact):7.1f}   ratio {base / min(exact):5.2f}")
        print(f"streaming, bf16          {min(half):7.1f}   ratio {base / min(half):5.2f}   SNR {snr:.1f} dB")
        print("  ", *notes, sep="\n   ")
        minutes = arguments.film_minutes
        rest, facts = overhead(minutes, Path(place))
        print(f"outside the model, film of {minutes:g} min: {rest:.1f} CPU seconds; wall {facts}")
        for name, took in (("fp32", min(exact)), ("bf16", min(half))):
            model = took / arguments.seconds * minutes * 60
            print(f"overhead against the full-size model, {name}: {rest / model:.1%}")


if __name__ == "__main__":
    main()

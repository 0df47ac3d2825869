"""Demucs on a GPU: speed by precision and batch size, against the card's own peak; and a whole film.

    python benchmarks/gpu.py [--minutes 60] [--device cuda] [--skip-film]

Weights are random and of full size (htdemucs), so figures are speeds, not quality. FLOPs are counted by
torch on the model itself, 2 per multiply-add.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from material import FULL, film, htdemucs, save_bag

from dubline.backends.torch_run import choose_device
from dubline.media.sound import open_sound
from dubline.run import Run
from dubline.separation import SeparationJob, separate
from dubline.values.base import Choice

TYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def flops(model: Any, chunk: torch.Tensor) -> float:
    """FLOPs of one chunk, attention included (fused kernels hide it from the counter)."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    torch.backends.mha.set_fastpath_enabled(False)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(chunk)
    torch.backends.mha.set_fastpath_enabled(True)
    return float(counter.get_total_flops())


def clocked(work: Any, device: torch.device, seconds: float = 3.0) -> float:
    """Median seconds of a call."""
    for _ in range(2):
        work()
    torch.cuda.synchronize(device)
    took: list[float] = []
    while sum(took) < seconds and len(took) < 50:
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize(device)
        took.append(begin.elapsed_time(end) / 1000)
    return float(np.median(took))


def peaks(device: torch.device) -> dict[str, float]:
    """Measured matrix product rates in FLOP/s, on random data."""
    size = 8192
    rates = {}
    for name, dtype in TYPES.items():
        a = torch.randn(size, size, device=device, dtype=dtype or torch.float32)
        b = torch.randn(size, size, device=device, dtype=dtype or torch.float32)
        rates[name] = 2 * size**3 / clocked(lambda a=a, b=b: a @ b, device, 1.0)
    return rates


def model_speed(device: torch.device, batches: list[int]) -> None:
    """The model alone: chunks a second, times real time, share of the peak."""
    model = htdemucs(**FULL)
    segment = int(model.samplerate * model.segment)
    stride = int(0.75 * segment) / model.samplerate
    work = flops(model, torch.randn(1, 2, segment))
    model.to(device)
    peak = peaks(device)
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}")
    print(f"{work / 1e9:.0f} GFLOP a chunk; measured peaks in TFLOP/s: ", end="")
    print(", ".join(f"{name} {rate / 1e12:.0f}" for name, rate in peak.items()))
    print(
        f"{'precision':<10}{'batch':>6}{'chunks/s':>10}{'x real time':>13}"
        f"{'TFLOP/s':>9}{'of peak':>9}{'GB':>7}"
    )
    for name, dtype in TYPES.items():
        for batch in batches:
            chunks = torch.randn(batch, 2, segment, device=device) * 0.1
            torch.cuda.reset_peak_memory_stats(device)

            def call(chunks: torch.Tensor = chunks, dtype: Any = dtype) -> None:
                with torch.inference_mode(), torch.autocast("cuda", dtype=dtype, enabled=dtype is not None):
                    model(chunks)

            try:
                rate = batch / clocked(call, device)
            except torch.OutOfMemoryError:
                print(f"{name:<10}{batch:>6}  out of memory")
                torch.cuda.empty_cache()
                break
            used = torch.cuda.max_memory_allocated(device) / 1e9
            print(
                f"{name:<10}{batch:>6}{rate:>10.2f}{rate * stride:>13.0f}{rate * work / 1e12:>9.1f}"
                f"{rate * work / peak[name]:>9.1%}{used:>7.1f}",
                flush=True,
            )


def whole_film(device: str, minutes: float, threads: int, precisions: list[str]) -> None:
    """Decode to written stems."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = save_bag(folder / "htdemucs", "htdemucs", [htdemucs(**FULL)])
        source = film(folder / "film.wav", minutes)
        sound = open_sound(source)
        for precision in precisions:
            options = {"model": str(model), "precision": precision}
            job = SeparationJob(separator=Choice(backend="demucs", options=options))
            began = time.monotonic()
            with Run(folder / f"{precision}.dubline") as run:
                stems = run.step(separate, sound, job, hints={"device": device, "threads": threads})
                facts = run.manifest().steps[-1].facts
            took = time.monotonic() - began
            print(
                f"film of {minutes:g} min, {precision}: {took:.1f} s, {minutes * 60 / took:.0f} x real time; "
                f"seconds: {json.dumps(facts['seconds'])}; residue {stems.quality.residue_dbfs}"
            )
            for note in stems.notes:
                print("  ", note)
            sys.stdout.flush()


def out_of_memory(device: str) -> None:
    """A batch too large for what the card may use is halved until it fits."""
    from dubline.backends.contract import Survey
    from dubline.backends.separators.demucs import Demucs

    with tempfile.TemporaryDirectory() as place:
        model = save_bag(Path(place), "htdemucs", [htdemucs(**FULL)])
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, 4e9 / total))
        with Demucs(Demucs.Options(model=str(model), device=device, batch=32, precision="fp32")) as demucs:
            sound = np.random.default_rng(0).normal(size=(2, 44100 * 240)).astype(np.float32) * 0.1
            stream = demucs.stream(Survey(frames=sound.shape[1], rate=44100), lambda: None)
            made = stream.push(sound).shape[-1] + stream.flush().shape[-1]
            print(f"with 4 GB allowed and a batch of 32: {made == sound.shape[1]=}, {demucs.notes[1:]}")
        torch.cuda.set_per_process_memory_fraction(1.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--batches", default="1,2,4,8,16,32")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--skip-film", action="store_true")
    parser.add_argument("--skip-model", action="store_true")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    if device.type != "cuda":
        raise SystemExit("this needs an NVIDIA GPU")
    if not arguments.skip_model:
        model_speed(device, [int(b) for b in arguments.batches.split(",")])
        out_of_memory(arguments.device)
    if not arguments.skip_film:
        whole_film(arguments.device, arguments.minutes, arguments.threads, arguments.precisions.split(","))


if __name__ == "__main__":
    main()

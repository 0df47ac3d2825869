"""How soon the engine says hello, answers, and stops.

    python benchmarks/serve_start.py [--times 10]

Each engine is a fresh `python -I -X utf8 -m dubline.serve`; the job is the built-in separator on two minutes
of noise. Milliseconds, from the host's side:

    hello        from starting the process to its first line
    answer       from asking for the back ends to the list
    cancel       from cancelling a job that ticks to its answer
    halted       the same where the job's process is halted (SIGSTOP) and has to be ended
    closing      from closing the pipe in the middle of a job until the engine and all its processes are gone
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile


@contextmanager
def engine(times: dict[str, list[float]]) -> Iterator[subprocess.Popen[bytes]]:
    """A fresh engine that has said hello."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-m", "dubline.serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdout.readline()
    times.setdefault("hello", []).append(time.perf_counter() - began)
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def send(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    """A line to the engine."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def until(process: subprocess.Popen[bytes], *events: str) -> dict[str, Any]:
    """The next message of one of these events."""
    assert process.stdout is not None
    while True:
        message: dict[str, Any] = json.loads(process.stdout.readline())
        if message["event"] in events:
            return message


def start(process: subprocess.Popen[bytes], sound: Path, folder: Path) -> None:
    """Start a job, and wait until its separator is at work."""
    job = {
        "media": {"kind": "file", "path": str(sound)},
        "separate": {"separator": "builtin"},
        "transcribe": None,
    }
    send(process, {"op": "localize", "id": 1, "folder": str(folder), "job": job})
    while until(process, "progress", "error").get("stage") != "separate":
        pass


def once(times: dict[str, list[float]], sound: Path, folder: Path) -> None:
    """Measure everything once."""

    def took(name: str, began: float) -> None:
        times.setdefault(name, []).append(time.perf_counter() - began)

    with engine(times) as process:
        began = time.perf_counter()
        send(process, {"op": "backends", "id": 1})
        until(process, "result")
        took("answer", began)
        for name in ("cancel", "halted"):
            start(process, sound, folder / name)
            if name == "halted":
                psutil.Process(process.pid).children()[0].suspend()
            began = time.perf_counter()
            send(process, {"op": "cancel", "id": 1})
            until(process, "error")
            took(name, began)
        start(process, sound, folder / "closing")
        family = psutil.Process(process.pid).children(recursive=True)
        assert process.stdin is not None
        began = time.perf_counter()
        process.stdin.close()
        process.wait()
        psutil.wait_procs(family)
        took("closing", began)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=10)
    count = parser.parse_args().times
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "noise.wav"
        samples = np.random.default_rng(0).normal(size=(48000 * 120, 2)) * 0.1
        soundfile.write(sound, samples, 48000, subtype="PCM_16")
        for number in range(count):
            once(times, sound, Path(folder) / str(number))
    print(f"{'':<10}{'median':>10}{'worst':>10}   ms, {count} times")
    for name, values in times.items():
        print(f"{name:<10}{1000 * statistics.median(values):>10.0f}{1000 * max(values):>10.0f}")


if __name__ == "__main__":
    main()

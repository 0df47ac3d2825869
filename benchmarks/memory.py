"""Peak memory of a separation, by length: full-size htdemucs with random weights, on the CPU.

    python benchmarks/memory.py [--minutes 2,20] [--precision auto] [--separator demucs|builtin|tiny]

Each in a process of its own, from decoding to written stems. A length may be named several times: what a
kernel counts as resident differs from run to run by some percent. Prints the ratio of the highest peak of the
longest to the highest of the shortest.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def one(source: Path, model: str, precision: str, run_folder: Path) -> None:
    """Separate, then print peak memory in MB and seconds."""
    from dubline.media.sound import open_sound
    from dubline.run import Run
    from dubline.separation import SeparationJob, separate
    from dubline.values.base import Choice

    began = time.monotonic()
    options = {"model": model, "precision": precision} if model else {}
    job = SeparationJob(separator=Choice(backend="demucs" if model else "builtin", options=options))
    with Run(run_folder) as run:
        stems = run.step(separate, open_sound(source), job, hints={"threads": 1})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"{peak * unit / 1e6:.0f} {time.monotonic() - began:.1f} {stems.quality.residue_dbfs}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", default="2,20")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--separator", default="demucs", choices=("demucs", "builtin", "tiny"))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        source, model, folder = arguments.one
        one(Path(source), model, arguments.precision, Path(folder))
        return
    from material import FULL, film, htdemucs, save_bag

    peaks: dict[float, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        model = ""
        if arguments.separator != "builtin":
            size = FULL if arguments.separator == "demucs" else {}
            model = str(save_bag(Path(place, "model"), "model", [htdemucs(**size)], half=True))
        print(f"{'minutes':>8}{'peak MB':>9}{'seconds':>9}{'x real time':>13}")
        for minutes in (float(m) for m in arguments.minutes.split(",")):
            source = film(Path(place, "film.wav"), minutes)
            folder = Path(place, f"{minutes:g}-{len(peaks.get(minutes, ()))}.dubline")
            command = [sys.executable, __file__, "--precision", arguments.precision]
            told = subprocess.run(
                [*command, "--one", str(source), model, str(folder)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout.split()
            peak, took = float(told[0]), float(told[1])
            peaks.setdefault(minutes, []).append(peak)
            print(f"{minutes:>8g}{peak:>9.0f}{took:>9.1f}{minutes * 60 / took:>13.2f}", flush=True)
    print(f"ratio {max(peaks[max(peaks)]) / max(peaks[min(peaks)]):.3f}")


if __name__ == "__main__":
    main()

"""What a worker process costs besides its work: the round trip of a call, and its start without a model.

python benchmarks/worker.py
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from dubline.workers.client import WorkerClient, worker_file

SERVICE = Path(__file__).resolve().parents[1] / "tests/faults/workers/faithful.py"
CALLS = 500
STARTS = 10


def main() -> None:
    command = [sys.executable, "-I", "-X", "utf8", worker_file(), str(SERVICE)]
    trips, starts = [], []
    with WorkerClient(command, name="faithful") as client:
        client.call("count", {"to": 0}, timeout=20)
        for _ in range(CALLS):
            began = time.perf_counter()
            client.call("count", {"to": 0}, timeout=20)
            trips.append((time.perf_counter() - began) * 1000)
    for _ in range(STARTS):
        began = time.perf_counter()
        with WorkerClient(command, name="faithful") as client:
            client.start()
            starts.append(time.perf_counter() - began)
    for what, unit, values in (("round trip", "ms", trips), ("start", "s", starts)):
        print(f"{what:<10} median {statistics.median(values):.2f} {unit}, longest {max(values):.2f} {unit}")


if __name__ == "__main__":
    main()

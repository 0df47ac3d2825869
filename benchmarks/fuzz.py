"""Damaged files for the readers: which errors come out that are not ours, what is slow, what takes memory.

    python benchmarks/fuzz.py --list
    python benchmarks/fuzz.py srt --cases 20000 --minutes 10
    python benchmarks/fuzz.py transcript --cases 1 --seed 1834        # that one again

The readers, and the valid files that are damaged, stand in `tests/file_readers.py`; a case is known by its
number, which is the seed of its damage. One child process reads many files before it is replaced (after a
fault, a case that takes too long, or `EACH` cases), so that a reader that kills its process is found too.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

EACH = 5000
"""Cases that one child reads."""
PATIENCE = 20.0
"""Seconds that one case may take."""


class Child:
    """A process that reads the cases from a number on, and says what came of each."""

    def __init__(self, reader: str, first: int, last: int) -> None:
        command = [sys.executable, "-u", __file__, reader, "--child", str(first), str(last)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdout is not None
        self._ready = selectors.DefaultSelector()
        self._ready.register(self.process.stdout, selectors.EVENT_READ)
        self._rest = b""

    def answers(self, seconds: float) -> list[dict[str, Any]] | None:
        """What came within so many seconds; [] where nothing did, None where the process has ended."""
        if not self._ready.select(seconds):
            return []
        assert self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def end(self) -> int:
        """Its exit status."""
        self.process.kill()
        return self.process.wait()


def child(reader: str, first: int, last: int) -> None:
    """Read the cases, a line of JSON for each; memory is what the process took at most, in MB."""
    import resource

    from file_damage import outcome
    from file_readers import READERS

    known = READERS[reader]
    known.try_once()  # what is loaded once is not a case's own
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb
    for number in range(first, last):
        began = time.process_time()
        fault = outcome(known, known.damaged(number))
        took = time.process_time() - began
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb - before
        print(json.dumps({"case": number, "seconds": took, "mb": more, "fault": fault}))


def run(reader: str, cases: int, minutes: float, seed: int) -> int:
    """All cases of a reader; how many faults there were."""
    began, number, last = time.monotonic(), seed, seed + cases
    slowest, largest = (0.0, seed), 0.0
    faults: dict[str, list[int]] = {}
    while number < last and time.monotonic() < began + minutes * 60:
        running = Child(reader, number, min(number + EACH, last))
        waited = time.monotonic()
        while time.monotonic() < began + minutes * 60:
            answers = running.answers(1.0)
            if answers is None:
                if number < last and running.process.wait() != 0:
                    faults.setdefault(f"the process died ({running.process.returncode})", []).append(number)
                    number += 1
                break
            for answer in answers:
                waited, number = time.monotonic(), answer["case"] + 1
                slowest = max(slowest, (answer["seconds"], answer["case"]))
                largest = max(largest, answer["mb"])
                if answer["fault"]:
                    faults.setdefault(answer["fault"], []).append(answer["case"])
            if time.monotonic() > waited + PATIENCE:
                faults.setdefault(f"longer than {PATIENCE:.0f} s", []).append(number)
                number += 1
                break
        running.end()
    done = number - seed
    rate = done / (time.monotonic() - began)
    print(
        f"{reader}: {done} cases, {rate:.0f} a second, slowest {slowest[0] * 1000:.0f} ms "
        f"(case {slowest[1]}), {largest:.0f} MB more at most, {sum(map(len, faults.values()))} faults"
    )
    for fault, numbers in sorted(faults.items(), key=lambda item: -len(item[1])):
        print(f"  {len(numbers)} times, first case {numbers[0]}: {fault}")
    return sum(map(len, faults.values()))


def main() -> None:
    """The command."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("reader", nargs="?", default="all")
    arguments.add_argument("--cases", type=int, default=2000)
    arguments.add_argument("--minutes", type=float, default=10.0, help="for each reader")
    arguments.add_argument("--seed", type=int, default=0, help="the number of the first case")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    said = arguments.parse_args()
    if said.child:
        child(said.reader, *said.child)
        return
    from file_readers import READERS

    if said.list:
        print("\n".join(READERS))
        return
    wanted = list(READERS) if said.reader == "all" else [said.reader]
    if unknown := [name for name in wanted if name not in READERS]:
        sys.exit(f"there is no reader {unknown[0]}; there are {', '.join(READERS)}")
    sys.exit(1 if sum([run(name, said.cases, said.minutes, said.seed) for name in wanted]) else 0)


if __name__ == "__main__":
    main()

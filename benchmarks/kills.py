"""SIGKILL at so many moments of every command that writes into a run.

    python benchmarks/kills.py [--kills 100] [--seed 1]

Small runs of noise and a voice that hums. A loss is a file that is half, lost, old or left behind, or a
command that does not go on, after another command and the same one again (`tests/kills.py`). Needs `os.fork`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> None:
    """Kill, look, and count the losses; exit status 1 where there are any."""
    from kills import WORDS, Kills
    from run_to_dub import dub, run_to_dub

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began, losses = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "made").mkdir()
        root = run_to_dub(Path(folder) / "made")
        assert dub(root).status == 0
        kills = Kills(root, Path(folder) / "here")
        for number, moment in enumerate(kills.moments(random.Random(asked.seed), asked.kills), 1):
            faults = kills.faults(moment)
            losses += bool(faults)
            if faults:
                print(f"{number}: {moment}: {'; '.join(faults)}", flush=True)
    told = f"{asked.kills} kills in {len(WORDS)} commands, {losses} with a loss"
    print(f"{told}, {time.monotonic() - began:.0f} s")
    raise SystemExit(bool(losses))


if __name__ == "__main__":
    main()

"""How soon Dubline's window is up in a simulated DaVinci Resolve.

    python benchmarks/resolve_window.py [--python PYTHON ...] [--times 7]

Seconds from the first line of the menu script, in a process of its own each time; median and longest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROBE = """
import time as _time
_began = _time.perf_counter()
_add = type(bmd.UIDispatcher(fusion.UIManager)).RunLoop
def _loop(self):
    print("window", _time.perf_counter() - _began)
    return _add(self)
type(bmd.UIDispatcher(fusion.UIManager)).RunLoop = _loop
"""


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from resolve_simulator.runner import run_menu_script

    from dubline_resolve.bridge import PROTOCOL

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="interpreters for the script")
    parser.add_argument("--times", type=int, default=7)
    given = parser.parse_args()
    script = (ROOT / "resolve_plugin/dubline_resolve/scripts/Dubline.py").read_text(encoding="utf-8")
    print(f"{'Python':<40} {'window: median':>15} {'longest':>9}")
    for python in given.python:
        seen = []
        for _ in range(given.times):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                pointer = {
                    "python": sys.executable,
                    "protocol": PROTOCOL,
                    "package": str(ROOT / "resolve_plugin"),
                }
                (folder / "Dubline.json").write_text(json.dumps(pointer), encoding="utf-8")
                (folder / "Dubline.py").write_text(PROBE + script, encoding="utf-8")
                run = run_menu_script(
                    folder / "Dubline.py",
                    "studio-21.1",
                    python=Path(python).absolute(),
                    scene={"timelines": [{"name": "Cut"}]},
                    user=[("tick", 1), ("close", "DublineWindow")],
                    environment={"DUBLINE_STATE": str(folder / "state")},
                ).check()
                seen.append(float(run.stdout.split()[1]))
        print(f"{python[-40:]:<40} {statistics.median(seen):>13.3f} s {max(seen):>7.3f} s")


if __name__ == "__main__":
    main()

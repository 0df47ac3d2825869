"""How many calls of DaVinci Resolve's interface a placement takes, counted in the simulated Resolve.

    python benchmarks/resolve_calls.py [--cues 1511] [--languages 2] [--speakers 4] [--times 1 2 4]

Five stems, and the cues of each language spread over the speakers. Reads are Get... and Is...; all others are
writes. First is a placement on a new timeline, then the same once more, then taking it back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from resolve_scene import Film, calls, feature

    from dubline_resolve.objects import drive
    from dubline_resolve.undo import undo

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cues", type=int, default=1511, help="in each language")
    parser.add_argument("--languages", type=int, default=2)
    parser.add_argument("--speakers", type=int, default=4)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 2, 4], help="so many times the cues")
    given = parser.parse_args()
    print(f"{'cues':>6} {'':<12} {'writes':>7} {'reads':>7} {'total':>7} {'60 + cues':>10}")
    for times in given.times:
        with tempfile.TemporaryDirectory() as name:
            film = Film(Path(name), "25", frames=100)
            plan = feature(film, given.cues * times, given.languages, given.speakers)
            cues = sum(len(subtitle["cues"]) for subtitle in plan["subtitles"])
            for what in ("placed", "once more", "taken back"):
                film.world.calls.clear()
                if what == "taken back":
                    drive(undo(film.session(), str(film.run)))
                else:
                    film.place(plan)
                film.world.check()
                writes, reads = calls(film)
                limit = 60 + cues if what == "placed" else ""
                print(f"{cues:>6} {what:<12} {writes:>7} {reads:>7} {writes + reads:>7} {limit:>10}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Install Dubline into its own environment.

python3 install/run.py                     the engine with what separates, listens and translates
python3 install/run.py --with ""           the engine alone: the built-in separator
python3 install/run.py --venv ~/dubline    somewhere else than .venv beside this folder
python3 install/run.py resolve install     the entry in DaVinci Resolve; also uninstall, check
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment


def main() -> None:
    if sys.argv[1:2] == ["resolve"]:
        import resolve

        raise SystemExit(resolve.main(sys.argv[2:]))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--venv", type=Path, default=environment.ROOT / ".venv", help="where to put it")
    parser.add_argument(
        "--with",
        dest="extras",
        default=environment.USUAL,
        help="back ends, comma between",
    )
    arguments = parser.parse_args()
    extras = environment.extras_of(arguments.extras)
    python = environment.make(arguments.venv.expanduser().absolute(), extras, editable=True)
    command = python.with_name("dubline.exe" if python.suffix else "dubline")
    subprocess.run([str(command), "backends"], check=True)
    print(f"\nReady: {command}")


if __name__ == "__main__":
    main()

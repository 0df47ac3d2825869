#!/usr/bin/env python3
"""Dubline, set up where it is not yet.

python3 install/run.py demo                        the whole job on a clip that comes along
python3 install/run.py localize FILM --to en       any command of `dubline` with its options
python3 install/run.py resolve install             the entry in DaVinci Resolve; also uninstall, check
python3 install/run.py                             sets up, and says what to do next

Before the command may stand:
  --venv FOLDER     where Dubline's Python packages are put; .venv beside this folder
  --with EXTRAS     back ends to set up beside the usual ones, comma between, such as demucs,pyannote
  --print-python    set up, print the path of Dubline's own Python, and stop
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment

NEXT = """\
Dubline is set up. Try it on a clip that comes along, or on a film of yours:

    {command} demo
    {command} localize FILM --from pt --to en
    {command} --help
"""


def main() -> None:
    words, given = sys.argv[1:], {"--venv": str(environment.ROOT / ".venv"), "--with": ""}
    before = len(words)
    shown = False
    while words and words[0].split("=")[0] in (*given, "--print-python"):
        name, equals, value = words.pop(0).partition("=")
        if name == "--print-python":
            shown = True
            continue
        if not equals and not words:
            raise SystemExit(f"{name} names nothing.\n{__doc__}")
        given[name] = value if equals else words.pop(0)
    if words[:1] == ["resolve"]:
        import resolve

        raise SystemExit(resolve.main(words[1:]))
    folder = Path(given["--venv"]).expanduser().absolute()
    extras = environment.extras_of(f"{environment.USUAL},{given['--with']}")
    if shown:  # what is said on the way goes where errors go: the path stands alone
        told, sys.stdout = sys.stdout, sys.stderr
        python = environment.make(folder, extras)
        print(python, file=told)
        return
    try:
        environment.make(folder, extras)
    except KeyboardInterrupt:
        raise SystemExit("\nStopped. The same command goes on from here.") from None
    typed = _typed(sys.argv[1 : 1 + before - len(words)])
    if not words:
        print(NEXT.format(command=typed))
        return
    os.environ["DUBLINE_COMMAND"] = typed
    program = str(environment.command(folder))
    if os.name != "nt":
        os.execv(program, [program, *words])
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends in its own way
    raise SystemExit(subprocess.call([program, *words]))


def _typed(options: list[str]) -> str:
    """What a person types to come here again, with the same options before the command."""
    import shlex
    import shutil

    name = Path(sys.executable).name
    python = name if (shutil.which(name) or "") == sys.executable else sys.executable
    return " ".join(
        shlex.quote(word) if os.name != "nt" else word for word in (python, sys.argv[0], *options)
    )


if __name__ == "__main__":
    main()

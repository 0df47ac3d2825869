"""What the window works on without Resolve: a film's file, and files that any Resolve imports (0.3)."""

import os
import subprocess
import sys
from typing import Any, Dict, Iterator, Optional

from dubline_resolve.bridge import clean_environment
from dubline_resolve.objects import Refused, Step

HOWTO = "HOWTO.txt"
IMPORT = "Ready in {}. Read {} there: it says what to import, and where."


class FileDesk:
    """A desk for a file; ``python`` is the engine's interpreter, which writes the files to import."""

    places = (("file", "A film or a sound file"),)
    place_word = "Make files for Resolve"
    timed = False

    def __init__(self, python: str) -> None:
        self.python = python

    def describe(self) -> str:
        return "Without DaVinci Resolve's scripting: the results are files that every edition imports."

    def identity(self) -> Any:
        return "file"

    def timeline(self) -> Optional[Dict[str, Any]]:
        return None

    def media(self, what: str, path: str, run: str) -> Dict[str, Any]:
        if not path.strip():
            raise Refused("No file is chosen", "Choose a film or a sound file.")
        if not os.path.isfile(path.strip()):
            raise Refused("There is no file {}".format(path.strip()), "Choose it again.")
        file = {"kind": "file", "path": os.path.abspath(path.strip()), "track": ""}
        return {"media": file, "notes": []}

    def rendering(self, what: str) -> Optional[Iterator[Step]]:
        return None

    def folder(self, what: str, path: str) -> str:
        return os.path.splitext(os.path.abspath(path.strip()))[0] + ".dubline" if path.strip() else ""

    def place(self, plan: Dict[str, Any], copy: bool) -> Iterator[Step]:
        """Have the engine's environment write RUN/exports/resolve."""
        run = plan["run"]
        # On top in a run that an older Dubline made.
        manifests = [os.path.join(run, "work", "run.json"), os.path.join(run, "run.json")]
        if not any(os.path.isfile(path) for path in manifests):
            raise Refused("There are no results in {} yet".format(run), "Press Start first.")
        return self._export(run)

    def _export(self, run: str) -> Iterator[Step]:
        code = "import sys; from dubline.cli import main; sys.exit(main())"
        process = subprocess.Popen(
            [self.python, "-I", "-X", "utf8", "-c", code, "export", run, "--to", "resolve"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(os.environ),
            creationflags=0x08000000 if sys.platform == "win32" else 0,
        )
        try:
            while process.poll() is None:
                yield Step(0, 0, "Writing the files", 0.2)
            text = process.stdout.read().decode("utf-8", "replace").strip()
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if process.returncode:
            lines = text.splitlines() or ["it ended with {}".format(process.returncode)]
            raise Refused("The files were not written: {}".format(lines[0]), "\n".join(lines[1:]))
        return IMPORT.format(os.path.join(run, "exports", "resolve"), HOWTO)

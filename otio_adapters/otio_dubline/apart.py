"""A timeline of another program, read in a process of its own: a crash there is a refusal here.

    timeline = read_apart(Path("edit.otio"))

The child looks the file through, lets the library read it, asks it for the length of everything, and writes
it again. What comes back was written by the library itself, and is read here.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import opentimelineio as otio

from dubline.errors import DublineError, InvalidJob
from otio_dubline.structure import HINT

PATIENCE = 300.0
"""Seconds. The largest file that is read takes a fraction of this."""
MEMORY = 8 * 2**30
"""Bytes of addresses that the child may take."""
_START = "import sys; sys.path[:] = {path!r}; from otio_dubline import apart; apart.answer(sys.argv[1])"


def read_apart(path: Path) -> otio.schema.Timeline:
    """The timeline of an .otio file that may come from anywhere.

    Raises:
        InvalidJob: as `otio_dubline.reading.parse_timeline`; or the library crashed, or found no end.
    """
    # Not "-m", which would look for modules in the folder that the user happens to be in.
    command = [
        sys.executable,
        "-I",
        "-c",
        _START.format(path=[p for p in sys.path if p]),
        str(path.absolute()),
    ]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise InvalidJob(f"{path.name} could not be read within {PATIENCE:.0f} s", hint=HINT) from None
    head, _, body = done.stdout.partition(b"\n")
    if done.returncode == 0 and head == b"timeline":
        made = otio.adapters.read_from_string(body.decode(), "otio_json")
        if isinstance(made, otio.schema.Timeline):
            return made
    if head == b"refused":
        message, hint = msgspec.json.decode(body, type=tuple[str, str])
        raise InvalidJob(message, hint=hint)
    raise InvalidJob(f"OpenTimelineIO broke down over {path.name}", hint=HINT)


def answer(name: str) -> None:
    """The child's part."""
    _in_bounds()
    out = sys.stdout.buffer
    try:
        from otio_dubline.reading import parse_file

        timeline = parse_file(Path(name))
        for item in timeline.find_children(descended_from_type=otio.core.Item):
            with contextlib.suppress(otio.exceptions.OTIOError, NotImplementedError, ValueError):
                item.trimmed_range()
        text = otio.adapters.write_to_string(timeline, "otio_json")
        out.write(b"timeline\n" + text.encode())
    except DublineError as error:
        out.write(b"refused\n" + msgspec.json.encode((error.message, error.hint)))
    except (MemoryError, RecursionError):
        sys.exit(3)
    out.flush()


def _in_bounds() -> None:
    """Take no more memory than a timeline needs, and leave no core behind."""
    if os.name != "posix":
        return
    import resource

    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))

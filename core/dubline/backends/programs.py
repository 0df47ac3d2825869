"""Programs that back ends start: one run for one text, stopped when the user stops.

The text goes to standard input or lies in a file; it never becomes a part of the command, where it could be
taken for an option or another program's work.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from dubline.backends.backend import Backend
from dubline.backends.contract import Tick
from dubline.errors import BackendFailed, BackendMissing
from dubline.workers.client import kill

LOOK = 0.1  # seconds between two looks at a running program
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_JOINERS = "\u200c\u200d"


class ProgramBackend(Backend):
    """A back end that is a program of the system's: its name, and the command that brings it."""

    program: ClassVar[str]
    install: ClassVar[str]

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        return () if shutil.which(cls.program) else (f"the program {cls.program}",)

    @classmethod
    def remedy(cls) -> str:
        return cls.install

    @classmethod
    def identity(cls, options: Any) -> tuple[str, ...]:
        """The program's version."""
        return () if cls.missing() else (cls.version(),)

    @classmethod
    def version(cls) -> str:
        """The program's name and version."""
        raise NotImplementedError

    @classmethod
    def found(cls, hint: str) -> str:
        """The path of the program. Raises `BackendMissing` with this hint where there is none."""
        path = shutil.which(cls.program)
        if path is None:
            raise BackendMissing(f"the program {cls.program} is not installed", hint=hint)
        return path


def told(*command: str) -> str:
    """What a program says about itself. Some end with an error status where they do."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        hint = f"Try {' '.join(command)}."
        raise BackendFailed(f"{command[0]} does not answer: {error}", hint=hint) from None
    return (done.stdout or done.stderr).decode("utf-8", "replace")


def speakable(text: str) -> str:
    """The text on one line, without control characters and invisible marks: programs drop some and stumble
    over others. The two joiners stay, as some scripts are spelt with them."""
    text = "".join(c for c in text if c in _JOINERS or c.isspace() or unicodedata.category(c) not in _UNSEEN)
    return " ".join(text.split())


def run_program(
    command: Sequence[str],
    given: bytes,
    tick: Tick,
    *,
    timeout: float,
    name: str,
    hint: str = "",
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What a program writes to standard output for this input. `tick` may raise, and the program ends.

    `hint` is what an error tells the user to do; `environment` None is ours.

    Raises:
        BackendFailed: it does not start, ends in an error, or still runs after `timeout` seconds.
    """
    late = hint or f"Raise its timeout, or run it by hand to see what is wrong: {command[0]}"
    hint = hint or f"Run it by hand to see what is wrong: {command[0]}"
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            # A script may start others: a session of its own, to end them all.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise BackendFailed(f"{name} does not start: {error}", hint=hint) from None
    deadline = time.monotonic() + timeout
    rest: bytes | None = given
    try:
        while True:
            tick()
            try:
                out, err = process.communicate(rest, timeout=LOOK)
                break
            except subprocess.TimeoutExpired:
                rest = None  # it is on its way and may not be given again
                if time.monotonic() > deadline:
                    raise BackendFailed(f"{name} was still running after {timeout:g} s", hint=late) from None
    except BaseException:
        kill(process)
        process.communicate()
        raise
    if process.returncode:
        said = " ".join(err.decode("utf-8", "replace").split())[-200:]
        status = f"{name} ended with status {process.returncode}"
        raise BackendFailed(status + (f": {said}" if said else ""), hint=hint)
    return out

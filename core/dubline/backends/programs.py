"""Programs that back ends start: one run for one text, stopped when the user stops.

The text goes to standard input or lies in a file; it never becomes a part of the command, where it could be
taken for an option or another program's work.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dubline.errors import BackendFailed

if TYPE_CHECKING:
    from dubline.backends.contract import Tick

LOOK = 0.1  # seconds between two looks at a running program


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
        BackendFailed: it does not start, ends in an error, or has not ended after `timeout` seconds.
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
                    raise BackendFailed(f"{name} has not ended after {timeout:g} s", hint=late) from None
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        said = " ".join(err.decode("utf-8", "replace").split())[-200:]
        status = f"{name} ended with status {process.returncode}"
        raise BackendFailed(status + (f": {said}" if said else ""), hint=hint)
    return out


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()

"""Programs that speak: one run for one text, its output read as a take.

The text goes to standard input or lies in a file; it never becomes a part of the command, where it could be
taken for an option or another program's work.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dubline.backends import Spoken
from dubline.errors import BackendFailed, DublineError
from dubline.sound import open_sound, read_blocks

if TYPE_CHECKING:
    from dubline.backends import Tick

LOOK = 0.1  # seconds between two looks at a running program
LONGEST_TAKE = 600.0  # seconds of sound for one line; what is longer is no line
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_JOINERS = "\u200c\u200d"


def speakable(text: str) -> str:
    """The text on one line, without control characters and invisible marks."""
    text = "".join(c for c in text if c in _JOINERS or c.isspace() or unicodedata.category(c) not in _UNSEEN)
    return " ".join(text.split())


def run_program(command: Sequence[str], given: bytes, tick: Tick, *, timeout: float, name: str) -> bytes:
    """What a program writes to standard output for this input. `tick` may raise, and the program ends.

    Raises:
        BackendFailed: it does not start, ends in an error, or has not ended after `timeout` seconds.
    """
    hint = f"Run it by hand to see what is wrong: {command[0]}"
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
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
                    raise BackendFailed(
                        f"{name} has not ended after {timeout:g} s", hint="Raise its timeout, or " + hint
                    ) from None
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


def read_spoken(path: Path, name: str) -> Spoken:
    """A sound file that a voice wrote, its channels averaged: (1, samples) float32.

    Raises:
        BackendFailed: no file, no sound in it, longer than ten minutes, or no sound file at all.
    """
    hint = "The voice has to write a sound file such as WAV, with one line in it."
    try:
        sound = open_sound(path)
        if sound.duration > LONGEST_TAKE:
            raise BackendFailed(f"{name} gave {sound.duration:.0f} s of sound for one line", hint=hint)
        blocks = [block.mean(axis=0, keepdims=True) for block in read_blocks(path)]
    except BackendFailed:
        raise
    except DublineError as error:
        # The file's own name is a temporary one and tells nobody anything.
        said = str(error).replace(str(path), "its sound")
        raise BackendFailed(f"{name} gave no usable sound: {said}", hint=hint) from None
    return Spoken(sound=np.concatenate(blocks, axis=1, dtype=np.float32), rate=sound.rate)

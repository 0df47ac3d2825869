"""Lines in and out. Standard library only: this is loaded before the hello."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from dubline.workers import worker

PROTOCOL = 2
LONGEST_LINE = 16 << 20
"""Bytes. A longer line is read to its end, kept nowhere, and refused."""

Message: TypeAlias = dict[str, Any]


class Refused(Exception):
    """A line that is no message; the text says why."""


def take_wire() -> tuple[int, int]:
    """Take the real input and output for the wire; what anybody prints from now on goes to standard error.

    Returns two descriptors, for reading and for writing, that no child process inherits.
    """
    try:
        os.fstat(2)
    except OSError:  # started without a console, there may be no standard error to send prints to
        nothing = os.open(os.devnull, os.O_WRONLY)
        if nothing != 2:
            os.dup2(nothing, 2)
            os.close(nothing)
    incoming, outgoing = worker.wire()
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (incoming, outgoing):
            msvcrt.setmode(descriptor, os.O_BINARY)
    if sys.stdout is None:
        sys.stdout = sys.stderr = open(2, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
    return incoming, outgoing


def lines(descriptor: int, longest: int = LONGEST_LINE) -> Iterator[bytes | None]:
    """The lines of a descriptor until it ends; None for one that is longer than `longest` bytes.

    What comes after the last line break is no line: whoever wrote it was stopped half-way.
    """
    held: list[bytes] = []
    size, too_long = 0, False
    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:
            return
        if not data:
            return
        first, *rest = data.split(b"\n")
        for piece in (first, *rest[:-1]) if rest else ():
            whole = b"".join((*held, piece))
            yield None if too_long or len(whole) > longest else whole
            held, size, too_long = [], 0, False
        tail = rest[-1] if rest else first
        size += len(tail)
        if size > longest:
            held, too_long = [], True
        elif not too_long:
            held.append(tail)


def parse(line: bytes | None) -> Message:
    """A line -> the object it holds.

    Raises:
        Refused: too long, not UTF-8, not JSON, not an object, or a number that JSON does not have.
    """
    if line is None:
        raise Refused(f"a line of more than {LONGEST_LINE >> 20} MiB")
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Refused(f"a line that is no JSON: {str(error)[:100]}") from None
    if not isinstance(message, dict):
        raise Refused("a line that is no JSON object")
    return message


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def encoded(message: Message) -> bytes:
    """A message as its line, in ASCII."""
    return json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"


class Outgoing:
    """Sends lines from a thread of its own, so that a reader that does not read stops nobody.

    While a reader is behind, the newest progress of a request takes the place of the one before. `broken` is
    called, once, when the other end has gone.
    """

    def __init__(self, descriptor: int, broken: Callable[[], None] = lambda: None) -> None:
        self._descriptor = descriptor
        self._broken = broken
        self._waiting: deque[Message] = deque()
        self._change = threading.Condition()
        self._busy = False
        self._gone = False
        threading.Thread(target=self._run, daemon=True).start()

    def send(self, message: Message) -> None:
        """Put a message in the queue; may be called from any thread."""
        with self._change:
            if self._gone:
                return
            last = self._waiting[-1] if self._waiting else {}
            if message["event"] == last.get("event") == "progress" and message["id"] == last["id"]:
                self._waiting.pop()
            self._waiting.append(message)
            self._change.notify_all()

    def flush(self, seconds: float) -> None:
        """Wait until everything is sent, but not longer than that."""
        with self._change:
            self._change.wait_for(lambda: self._gone or not (self._waiting or self._busy), seconds)

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._waiting)
                line = encoded(self._waiting.popleft())
                self._busy = True
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                with self._change:
                    self._gone = True
                    self._change.notify_all()
                self._broken()
                return

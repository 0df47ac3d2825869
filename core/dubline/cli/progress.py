"""Progress on a terminal: one line that is rewritten, or a line every tenth where nobody watches."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from dubline.errors import Cancelled
from dubline.report import UNITS, Progress, clock_text

if TYPE_CHECKING:
    from dubline.run import Run, StepRecord


class Bar:
    """Shows stages on a stream, in seconds of sound or in what the stage counts."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._width = 0
        self._told = (-1, "")
        self.progress = Progress(self.show)

    def show(self, stage: str, done: float, total: float, left: float | None) -> None:
        """Called by `Progress`."""
        share = done / total if total else 1.0
        time_left = f"  {clock_text(left)[:8]} left" if left is not None and share < 1 else ""
        if stage in UNITS:
            amount = f"{done:.0f} of {total:.0f} {UNITS[stage]}"
        else:
            amount = f"{clock_text(done)[:8]} of {clock_text(total)[:8]}"
        text = f"{stage:<10} {share:6.1%}  {amount}{time_left}"
        if self._live:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        elif (int(share * 10), stage) != self._told:
            self._told = (int(share * 10), stage)
            self._stream.write(text + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Leave the line free for other text."""
        if self._live and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def say(self, *texts: str) -> None:
        """Lines of text beside the bar."""
        self.clear()
        self._stream.writelines(text + "\n" for text in texts)
        self._stream.flush()


@contextmanager
def stoppable(hint: str) -> Iterator[None]:
    """Ctrl-C ends with a word on how to go on, not with a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        raise Cancelled("stopped", hint=hint) from None


@contextmanager
def working(root: Path) -> Iterator[tuple[Run, Bar]]:
    """A run to work in, watched: its notes are said, and which steps are kept from before."""
    from dubline.run import Run

    with watched() as bar:

        def said(record: StepRecord) -> None:
            if record.state == "kept":
                bar.say(f"{record.name}: kept from before")

        with Run(root, report=bar.progress.stage, tell=bar.say, said=said) as run:
            yield run, bar


@contextmanager
def watched() -> Iterator[Bar]:
    """Progress on standard error, and Ctrl-C as an orderly stop; a second Ctrl-C stops at once."""
    bar = Bar(sys.stderr)

    def interrupted(number: int, frame: FrameType | None) -> None:
        bar.progress.cancel()
        with suppress(RuntimeError):  # the signal may have come in the middle of writing a line
            bar.say("stopping at the next chunk; Ctrl-C again to stop at once")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, interrupted)
    ended = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield bar
    except KeyboardInterrupt:
        raise Cancelled(
            "stopped at once", hint="Run the same command again to go on at the last checkpoint."
        ) from None
    finally:
        bar.clear()
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, ended)

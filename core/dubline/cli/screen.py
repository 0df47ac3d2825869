"""The screen: words wrapped at its width, two bars at its foot, and no line of anybody else.

    with quiet() as screen:             from here on libraries, and programs that they start, write to a log
        screen.say("diarizer: ...")     said above the bars; the same sentence once
        screen.bars(Line("whole job", 0.3), Line("separating", 0.7, "00:00:12 of 00:01:30"))

Where nobody watches (a pipe, a CI log) there are no bars and no control characters; a line tells how far the
job is, at every tenth of it.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

COMMANDS = (
    "backends", "demo", "doctor", "dub", "export", "localize", "models", "report", "runs", "separate",
    "setup", "speakers", "subtitles", "transcribe", "transcript", "translate",
)  # fmt: skip
"""What `dubline` may be followed by."""
_COMMAND = re.compile(rf"(?<![\w./\\-])dubline(?= (?:{'|'.join(COMMANDS)})\b)")
TOPIC = 13
"""Characters that a line's topic takes, such as "recognizer"."""


class Line(NamedTuple):
    """A bar: what is done, the share of it that is (0 to 1, None where nobody knows), how much, and how long
    it still takes."""

    name: str
    share: float | None
    amount: str = ""
    left: str = ""


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """A text's lines broken at words; what follows the first line of each is indented by so many spaces more.
    Words that are longer than a line, such as paths, stay whole."""
    lines = []
    for line in text.split("\n"):
        own = len(line) - len(line.lstrip())
        lines += textwrap.wrap(
            line,
            max(width, 20),
            subsequent_indent=" " * (own + indent),
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]
    return "\n".join(lines)


def as_typed(text: str) -> str:
    """A text whose commands work as they stand: `install/run.py`, in whose place `dubline` may be no command,
    says how it was called."""
    command = os.environ.get("DUBLINE_COMMAND")
    return _COMMAND.sub(lambda match: command, text) if command else text


def for_stream(text: str, stream: TextIO, indent: int = 0) -> str:
    """A text with its commands as they are typed, wrapped to the terminal that a stream is."""
    text = as_typed(text)
    return wrapped(text, shutil.get_terminal_size().columns, indent) if stream.isatty() else text


def result(text: str = "", indent: int = 0) -> None:
    """Write to standard output, wrapped where that is a terminal."""
    print(for_stream(text, sys.stdout, indent))


class Log(io.TextIOBase):
    """What is said and what libraries write: in a file of the run as soon as there is a run.

    It never fails: a full disk must not look like a fault of what only wanted to say something.
    """

    def __init__(self) -> None:
        super().__init__()
        self._file: Any = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._taken: list[int] = []
        self._moved = False

    def fileno(self) -> int:
        """Where the system's own writes go."""
        number: int = self._file.fileno()
        return number

    def take(self, *streams: int) -> None:
        """Give these file numbers to the log from now on, also when it moves."""
        self._taken += streams
        for number in streams:
            os.dup2(self.fileno(), number)

    def give_back(self, number: int, kept: int) -> None:
        """Give a file number back to what it was."""
        if number in self._taken:
            self._taken.remove(number)
            os.dup2(kept, number)

    def write(self, text: str) -> int:
        """Write as a text stream does."""
        with suppress(OSError, ValueError):
            self._file.write(text.encode(errors="backslashreplace"))
        return len(text)

    def line(self, text: str) -> None:
        """A line with the time of day."""
        self.write(f"{time.strftime('%H:%M:%S')}  {text}\n")

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """Nobody watches it: libraries draw no bars."""
        return False

    @property
    def buffer(self) -> Any:
        """For who writes bytes."""
        return self._file

    def move(self, path: Path) -> None:
        """Go on at the end of a file, with all that was written so far; once."""
        if self._moved:
            return
        with suppress(OSError):
            file = path.open("ab", buffering=0)
            self._file.seek(0)
            shutil.copyfileobj(self._file, file)
            self._file.close()
            self._file, self._moved = file, True
            for number in self._taken:
                os.dup2(self.fileno(), number)

    def close(self) -> None:
        """The end."""
        super().close()
        self._file.close()


Switch = tuple[Callable[[], None], Callable[[], None]]
"""What gives a stream to the log, and what gives it back."""


@contextmanager
def _lent(switch: Switch | None) -> Iterator[None]:
    if switch is None:
        yield
        return
    hush, speak = switch
    speak()
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        hush()


class Screen:
    """What a person sees on a stream."""

    def __init__(self, stream: TextIO, *, verbose: bool = False, log: Log | None = None) -> None:
        self.verbose, self.log = verbose, log
        self._stream = stream
        self._live: Any = None
        self._rows: tuple[Any, Any] | None = None
        self._said: set[str] = set()
        self._tenth = -1
        self.output: Switch | None = None  # of standard output, while that goes to the log
        self.errors: Switch | None = None  # of standard error, the same
        self.watched = stream.isatty() and os.environ.get("TERM") != "dumb"

    def say(self, text: str, indent: int = 0) -> None:
        """A sentence above the bars, once. What does not fit the line goes on below, indented."""
        if text in self._said:
            return
        self._said.add(text)
        self.write(text, indent)

    def write(self, text: str, indent: int = 0) -> None:
        """Lines above the bars, and in the log."""
        text = as_typed(text)
        if self.log is not None:
            for line in text.split("\n"):
                self.log.line(line)
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(wrapped(text, self._width(), indent)), soft_wrap=True)
        else:
            shown = wrapped(text, self._width(), indent) if self.watched else text
            self._stream.write(f"{shown}\n")
            self._stream.flush()

    def bars(self, whole: Line, part: Line) -> None:
        """Show how far the job and its stage are."""
        if not self.watched:
            self._told(whole, part)
            return
        if self._live is None:
            self._begin()
        assert self._rows is not None
        for row, line in zip(self._rows, (whole, part), strict=True):
            self._live.update(
                row,
                description=line.name[:14],
                total=1.0 if line.share is not None else None,
                completed=line.share or 0.0,
                visible=bool(line.name),
                percent=f"{line.share:.0%}" if line.share is not None else "",
                amount=line.amount,
                left=line.left,
            )
        self._live.refresh()

    def still(self, text: str) -> None:
        """A line of a job that has said nothing for long: in the log, and where no bars are seen."""
        if self.log is not None:
            self.log.line(text)
        if not self.watched:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def hang_up(self) -> None:
        """The terminal is gone: what is said goes to the log alone."""
        self.watched, self._live, self._rows = False, None, None
        self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115

    def clear(self) -> None:
        """Leave the lines of the bars free."""
        if self._live is not None:
            self._live.stop()
            self._live = self._rows = None

    @contextmanager
    def results(self) -> Iterator[None]:
        """Standard output is the command's own meanwhile."""
        self.clear()
        with _lent(self.output):
            yield

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Standard error is the command's own meanwhile, for a display that is not of this module."""
        self.clear()
        with _lent(self.errors):
            yield

    def _width(self) -> int:
        with suppress(OSError, ValueError, AttributeError):
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        return shutil.get_terminal_size().columns

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(file=self._stream, highlight=False, markup=False, emoji=False, width=self._width())
        self._live = Progress(
            TextColumn("{task.description:<14}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[percent]:>4}", markup=False),
            TextColumn("{task.fields[amount]:<13}", markup=False),
            TextColumn("{task.fields[left]:>12}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        nothing = {"percent": "", "amount": "", "left": ""}
        self._rows = (self._live.add_task("", **nothing), self._live.add_task("", **nothing))
        self._live.start()
        console.show_cursor(True)  # whatever ends the process leaves a terminal that can be typed in

    def _told(self, whole: Line, part: Line) -> None:
        share = whole.share if whole.name else part.share
        tenth = int((share or 0.0) * 10)
        if tenth <= self._tenth and whole.name:
            return
        told = ", ".join(filter(None, (part.name, part.amount, whole.left if whole.name else part.left)))
        if self._tenth != tenth:
            self._tenth = tenth
            self._stream.write(f"{tenth * 10:3d} %  {told}\n")
            self._stream.flush()


@contextmanager
def _hushed(log: Log, number: int) -> Iterator[Switch]:
    """Give standard output (1) or error (2) to the log, of Python and of whoever writes to the number."""
    name = {1: "stdout", 2: "stderr"}[number]
    stream, kept = getattr(sys, name), os.dup(number)

    def hush() -> None:
        log.take(number)
        setattr(sys, name, log)

    def speak() -> None:
        setattr(sys, name, stream)
        log.give_back(number, kept)

    hush()
    try:
        yield hush, speak
    finally:
        speak()
        os.close(kept)


_now: list[Screen] = []


def screen_now() -> Screen:
    """The screen of the command that runs; one that silences nobody where it has none of its own."""
    return _now[-1] if _now else Screen(sys.stderr)


@contextmanager
def quiet(*, verbose: bool = False) -> Iterator[Screen]:
    """Standard error for the screen alone: what libraries and their C code write there goes to the log."""
    sys.stderr.flush()
    log, stream = Log(), sys.stderr
    ours = stream
    with suppress(OSError, ValueError, AttributeError):
        if stream.fileno() == 2:
            ours = os.fdopen(os.dup(2), "w", encoding=stream.encoding, errors="backslashreplace", buffering=1)
    screen = Screen(ours, verbose=verbose, log=log)
    try:
        with _hushed(log, 2) as screen.errors:
            _now.append(screen)
            try:
                yield screen
            finally:
                _now.pop()
                screen.clear()
    finally:
        if ours is not stream:
            ours.close()
        log.close()


@contextmanager
def quiet_here() -> Iterator[Screen]:
    """The screen of the command that runs, or one of its own."""
    if _now:
        yield _now[-1]
        return
    with quiet() as screen:
        yield screen


@contextmanager
def no_output(screen: Screen) -> Iterator[None]:
    """Standard output too goes to the log, while a job is at work: results are said when it is done."""
    if screen.log is None:
        yield
        return
    sys.stdout.flush()
    try:
        with _hushed(screen.log, 1) as screen.output:
            yield
    finally:
        screen.output = None

"""Progress and cancellation in one callable.

A stage calls `report(done, total)` as it goes, in seconds of media or in items. Whoever wants to
stop it makes that call raise `Cancelled`: every tick of progress is a place to stop, and no stage
needs to know about buttons or signals.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dubline.errors import Cancelled

Report = Callable[[float, float], None]

UNITS = {
    "translate": "lines",
    "tone": "segments",
    "cast": "clips",
    "pitch": "speakers",
    "references": "speakers",
    "pace": "lines",
    "speak": "lines",
    "verify": "MB",
}
"""Stages that count things; all others count seconds of sound."""


def quantity(number: int, thing: str) -> str:
    """A number of things that have a plain plural: "1 line", "2 lines"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def silent(done: float, total: float) -> None:
    """A report that nobody reads."""


class Progress:
    """A report at the edge of the product: throttled, cancellable, and able to tell the time left.

    `show(stage, done, total, seconds_left)` is called at most `per_second` times a second, and
    always for the first and the last tick of a stage. `seconds_left` is None until there is
    something to judge by. A stage that goes over its sound again does not step back: `done` stays until it
    is passed. `cancel()` may be called from any thread or signal handler.
    """

    def __init__(
        self,
        show: Callable[[str, float, float, float | None], None],
        *,
        per_second: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._show = show
        self._pause = 1.0 / per_second
        self._clock = clock
        self._stop = threading.Event()
        self._stage = ""
        self._start: tuple[float, float] | None = None  # clock and `done` of the first tick
        self._last = float("-inf")
        self._share = 0.0

    def stage(self, name: str) -> Report:
        """The report for one named stage; its first tick may be well above zero (a resumed run)."""
        self._stage, self._start, self._last, self._share = name, None, float("-inf"), 0.0
        return self

    def cancel(self) -> None:
        """Make the next tick raise `Cancelled`."""
        self._stop.set()

    def __call__(self, done: float, total: float) -> None:
        if self._stop.is_set():
            raise Cancelled("stopped", hint="Run the same command again to pick up where it stopped.")
        if total > 0:
            self._share = max(self._share, min(1.0, done / total))
            done = max(done, self._share * total)
        now = self._clock()
        if self._start is None:
            self._start = (now, done)
        if now - self._last < self._pause and done < total:
            return
        self._last = now
        began, first = self._start
        gained, spent = done - first, now - began
        left = spent * (total - done) / gained if gained > 0 and spent > 0 else None
        self._show(self._stage, done, total, left)


def part(report: Report, start: float, share: float, whole: float = 1.0) -> Report:
    """A report for a piece of a larger work: 0..total maps to start..start+share of 1, told as that share of
    `whole`, which is in seconds or items where `report` is a stage's."""

    def inner(done: float, total: float) -> None:
        report(whole * (start + share * (done / total if total else 1.0)), whole)

    return inner


def clock_text(seconds: float) -> str:
    """Seconds as people read them: 00:01:02.345."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"

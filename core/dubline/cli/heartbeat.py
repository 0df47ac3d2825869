"""A line now and then from a job that says nothing by itself for minutes: nobody takes it for dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SILENCE = 120.0
"""Seconds without a line after which one comes."""


class Heartbeat:
    """Says where a job is once it has been silent for `silence` seconds. `say` gets the line."""

    def __init__(self, say: Callable[[str], None], silence: float = SILENCE) -> None:
        self._say, self._silence = say, silence
        self._last = self._began = time.monotonic()
        self._doing = ""

    def line(self, doing: str = "") -> None:
        """Somebody has said something; `doing`: where the job is."""
        self._last, self._doing = time.monotonic(), doing or self._doing

    def now(self, doing: str) -> None:
        """Where the job is, of which nothing was said."""
        self._doing = doing

    @contextmanager
    def beating(self) -> Iterator[None]:
        """A time in which it beats."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(min(self._silence / 4, 10.0)):
                now = time.monotonic()
                if now - self._last >= self._silence:
                    minutes = round((now - self._began) / 60)
                    self._last = now
                    with suppress(OSError, ValueError):
                        self._say(f"still at work after {minutes} min: {self._doing or 'no figures yet'}")

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(1.0)

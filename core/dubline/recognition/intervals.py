"""Times in which something goes on: how much of a span they cover, and who speaks at once."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Protocol

from dubline.errors import InvalidJob
from dubline.timebase import Timed, merged


class Intervals:
    """Spans of seconds; overlapping ones count once. Each question takes a logarithm of their number."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        spans = tuple(spans)
        for start, end in spans:
            if not -math.inf < start <= end < math.inf:
                raise InvalidJob(f"a time from {start} s to {end} s", hint="It must end after it begins.")
        apart = merged(spans)
        self._starts = [start for start, _ in apart]
        self._ends = [end for _, end in apart]
        self._before = [0.0, *accumulate(end - start for start, end in apart)]

    def _until(self, at: float) -> float:
        """Seconds covered before a time."""
        index = bisect_right(self._starts, at)
        return self._before[index] - (max(0.0, self._ends[index - 1] - at) if index else 0.0)

    def share(self, start: float, end: float) -> float:
        """How much of start..end is covered, 0..1; for a moment without length, whether it is."""
        if end <= start:
            return float(self.distance(start, start) == 0.0)
        return min(max((self._until(end) - self._until(start)) / (end - start), 0.0), 1.0)

    def distance(self, start: float, end: float) -> float:
        """Seconds between start..end and the nearest span: 0 where they touch, infinite without any."""
        index = bisect_right(self._starts, end)
        behind = max(0.0, start - self._ends[index - 1]) if index else math.inf
        ahead = self._starts[index] - end if index < len(self._starts) else math.inf
        return min(behind, ahead)


class Spoken(Timed, Protocol):
    """What somebody says from one time to another."""

    @property
    def speaker(self) -> str: ...


def overlapping(pieces: Sequence[Spoken]) -> set[int]:
    """Which of the pieces, by their place, share time with one of another speaker."""
    order = sorted(range(len(pieces)), key=lambda k: (pieces[k].start, pieces[k].end))
    crowded: set[int] = set()
    running: list[int] = []
    for k in order:
        running = [r for r in running if pieces[r].end > pieces[k].start]
        others = [r for r in running if pieces[r].speaker != pieces[k].speaker]
        if others:
            crowded |= {k, *others}
        running.append(k)
    return crowded

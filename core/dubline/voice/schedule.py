"""When each take begins: at its segment's start, unless a line before it still runs.

Nobody speaks over himself, and nobody over another unless their segments overlap in the source too. A line
that is too long pushes the next one back; that one has less time then, and the first silence catches up.
"""

from __future__ import annotations

from typing import NamedTuple

from dubline.timebase import Timed


class _Placed(NamedTuple):
    source_end: float
    speaker: str
    end: int


class Schedule:
    """Takes in the order of their segments' starts; samples at `rate`, from the programme's first.

    `frames`: the programme's length, which no take should pass.
    """

    def __init__(self, rate: int, frames: int) -> None:
        self._rate = rate
        self._frames = frames
        self._over = 0  # the last end among takes whose segments are over: nobody may speak before it
        self._running: list[_Placed] = []

    def earliest(self, segment: Timed, speaker: str) -> int:
        """The first sample at which a line of that segment may begin: not before its segment does."""
        return max(self._free(segment, speaker), round(segment.start * self._rate))

    def place(self, segment: Timed, speaker: str, frames: int) -> int:
        """Put a take of so many samples; gives its first sample.

        One that would run past the programme's end begins earlier, as far as what is before it allows.
        """
        start = self.earliest(segment, speaker)
        if start + frames > self._frames:
            start = min(start, max(self._free(segment, speaker), self._frames - frames))
        self._running.append(_Placed(segment.end, speaker, start + frames))
        return start

    def _free(self, segment: Timed, speaker: str) -> int:
        """Where the last take ends that this one may not overlap."""
        running = []
        for placed in self._running:
            if placed.source_end <= segment.start:
                self._over = max(self._over, placed.end)
            else:
                running.append(placed)
        self._running = running
        own = (placed.end for placed in running if placed.speaker == speaker)
        return max([self._over, *own])

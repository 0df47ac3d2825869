"""When each take begins: at its segment's start, unless a line before it still runs.

Nobody speaks over himself, and nobody over another unless their segments overlap in the source too. A line
that is too long pushes the next one back; that one has less time then, and the first silence catches up.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from msgspec import structs

from dubline.timebase import Timed
from dubline.values.dubbed import Take
from dubline.values.translated import TranslatedSegment

LATE = 0.04  # seconds: a frame at 25; what begins later than that is told
CUT = "are cut off"


class Spot(NamedTuple):
    """Where a take lies: its segment and speaker, its first sample and its length in samples."""

    segment: Timed
    speaker: str
    start: int
    frames: int


def drawn_in(spots: Sequence[Spot], frames: int) -> list[int]:
    """First samples with which all takes end within a programme of so many samples: one that would not, and
    those that are in its way, begin earlier, in time that is free. Where there is not enough, all stay.

    `spots` are in the order of their segments' starts, and none overlaps another that it may not.
    """
    starts = [spot.start for spot in spots]
    latest = list(accumulate((spot.start + spot.frames for spot in spots), max))
    clear = frames  # who ends by then is in nobody's way
    for n in range(len(spots) - 1, -1, -1):
        if latest[n] <= clear:
            break
        spot, end = spots[n], frames
        for later in range(n + 1, len(spots)):
            other = spots[later]
            follows = spot.segment.end <= other.segment.start or spot.speaker == other.speaker
            if follows and starts[later] < other.start:  # the others are clear of it already
                end = min(end, starts[later])
        starts[n] = min(spot.start, end - spot.frames)
        if starts[n] < 0:
            return [spot.start for spot in spots]
        if starts[n] < spot.start:
            clear = min(clear, starts[n])
    return starts


def within(takes: tuple[Take, ...], segments: Sequence[TranslatedSegment], frames: int) -> tuple[Take, ...]:
    """The takes of these segments, with those at the end of a programme of `frames` samples drawn in; what is
    cut there all the same is told."""
    heard = sorted((n for n, take in enumerate(takes) if take.path), key=lambda n: (segments[n].start, n))
    spots = [Spot(segments[n], takes[n].speaker, takes[n].start, takes[n].frames) for n in heard]
    found = list(takes)
    for n, start in zip(heard, drawn_in(spots, frames), strict=True):
        take, reasons = takes[n], takes[n].reasons
        early = segments[n].start - start / take.rate
        if start < take.start:
            reasons = tuple(reason for reason in reasons if not reason.startswith("begins "))
            if early > LATE:
                reasons = (f"begins {early:.2f} s early, so as to end with the programme", *reasons)
        lost = max(0, start + take.frames - frames) / take.rate
        if lost:
            reasons += (f"{lost:.2f} s {CUT}: the programme ends before the line does",)
        state = "too_long" if lost else take.state
        found[n] = structs.replace(take, start=start, reasons=reasons, lost=lost, state=state)
    return tuple(found)


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

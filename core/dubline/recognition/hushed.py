"""A sound without what somebody says in it at other times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dubline.media.speech import RATE, Speech
from dubline.timebase import Timed, merged

FADE = 0.05
"""Seconds in which the sound goes, and comes back, inside a silent span."""


class HushedSpeech(Speech):
    """A speech that is silent where `others` lie and none of `own` does. Closing it closes nothing."""

    def __init__(self, speech: Speech, own: Iterable[Timed], others: Iterable[Timed]) -> None:
        self._whole = speech
        self.frames, self.duration = speech.frames, speech.duration
        at, level = [-1.0], [1.0]
        for start, end in outside(others, own):
            fade = min(FADE, (end - start) / 2)
            at += [start, start + fade, end - fade, end]
            level += [1.0, 0.0, 0.0, 1.0]
        self._at, self._level = np.array(at), np.array(level)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples start..stop as (n,) float32."""
        times = np.arange(start, max(start, stop)) / RATE
        gain = np.interp(times, self._at, self._level).astype(np.float32)
        return np.asarray(self._whole.read(start, stop) * gain, np.float32)

    def blocks(self, frames: int = RATE) -> Iterator[NDArray[np.float32]]:
        """The sound from its start in (n,) pieces."""
        for start in range(0, self.frames, frames):
            yield self.read(start, min(start + frames, self.frames))

    def close(self) -> None:
        """Nothing: the sound belongs to somebody else."""


def outside(others: Iterable[Timed], own: Iterable[Timed]) -> Iterator[tuple[float, float]]:
    """What of `others` lies outside of `own`, in order."""
    mine = merged((span.start, span.end) for span in own)
    at = 0
    for start, end in merged((span.start, span.end) for span in others):
        while at < len(mine) and mine[at][1] <= start:
            at += 1
        k = at
        while k < len(mine) and mine[k][0] < end:
            if mine[k][0] > start:
                yield start, mine[k][0]
            start = max(start, mine[k][1])
            k += 1
        if start < end:
            yield start, end

"""Times for words of which only the sound is known that they are in: a guess, along what is loud in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dubline.backends.recognizers.decoding import levels
from dubline.backends.recognizers.hearing import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOUD = 0.05
"""Share of the loudest 20 ms (-26 dB) from which on a moment counts as speech."""
PAUSE = 15
"""Moments of 20 ms without speech that part one passage from the next."""


def along_the_sound(words: Sequence[str], samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    """A span in seconds for each word: the time in which the sound is loud, shared out by their numbers of
    letters. A word lies on one side of a pause."""
    passages = _passages(samples)
    letters = [max(sum(c.isalnum() for c in word), 1) for word in words]
    passed = list(accumulate((end - start for start, end in passages), initial=0.0))
    reached = [x / sum(letters) * passed[-1] for x in accumulate(letters, initial=0)]
    middles = [(a + b) / 2 for a, b in pairwise(reached)]
    owners = [min(bisect_right(passed, middle), len(passages)) - 1 for middle in middles]
    spans: list[tuple[float, float]] = []
    for owner, group in groupby(range(len(words)), key=owners.__getitem__):
        mine = [letters[i] for i in group]
        start, end = passages[owner]
        spans += pairwise(start + (end - start) * x / sum(mine) for x in accumulate(mine, initial=0))
    return spans


def _passages(samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where the sound is loud, seconds, parted by pauses; all of it where nothing is."""
    loudness = levels(samples)
    (loud,) = np.nonzero(loudness >= LOUD * loudness.max(initial=0.0))
    length = len(samples) / RATE
    if not len(loud):
        return [(0.0, length)]
    parts = np.split(loud, np.nonzero(np.diff(loud) > PAUSE)[0] + 1)
    return [(part[0] / 50, min((part[-1] + 1) / 50, length)) for part in parts]

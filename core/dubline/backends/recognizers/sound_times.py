"""Times for words of which only the sound is known that they are in: a guess, along what is loud in it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dubline.backends.recognizers.decoding import levels
from dubline.backends.recognizers.hearing import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOUD = 0.05
"""Share of the loudest 20 ms (-26 dB) from which on a moment counts as speech."""


def along_the_sound(words: Sequence[str], samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    """A span in seconds for each word: the loud time shared out by their numbers of letters. A word that ends
    before a pause ends where the pause begins."""
    loudness = levels(samples)
    loud = loudness >= LOUD * loudness.max(initial=0.0)
    length = len(samples) / RATE
    # (moments + 1,) seconds of loud sound up to each border between moments
    passed = np.concatenate([[0.0], np.cumsum(loud / 50)])
    letters = [max(sum(c.isalnum() for c in word), 1) for word in words]
    shares = [x / sum(letters) * passed[-1] for x in accumulate(letters, initial=0)]
    spans = []
    for begin, end in pairwise(shares):
        first = int(np.searchsorted(passed, begin + 1e-9, side="right")) - 1
        last = int(np.searchsorted(passed, end - 1e-9, side="left"))
        start = first / 50 + (begin - passed[first])
        stop = last / 50 - (passed[last] - end)
        spans.append((min(start, length), min(stop, length)))
    return spans

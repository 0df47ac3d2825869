"""One channel of a short stretch, for measuring a voice in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CANCELS = 0.4
"""Share of the loudest channel's power under which the mean has lost the voice. Channels that have nothing to
do with each other keep half of it, a voice on one of two a quarter, an inverted one nothing."""


def mono(block: NDArray[np.float32]) -> NDArray[np.float64]:
    """(channels, n) samples -> (n,): the mean of the channels, or the loudest one where the mean has lost
    what is on it, since a voice stands on one side or inverted.

    It is decided for the block as a whole; what is heard for longer takes `media.speech.mixdown`.
    """
    mean: NDArray[np.float64] = block.mean(axis=0, dtype=np.float64)
    powers = np.square(block, dtype=np.float64).sum(axis=1)
    loudest = int(powers.argmax())
    lost = float(np.square(mean).sum()) < _CANCELS * float(powers[loudest])
    return block[loudest].astype(np.float64) if lost else mean

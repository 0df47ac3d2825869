"""Stems that sum to their source exactly, as they are written.

At 24 bit everything is counted in steps of 2**-23. Every stem but one is rounded to whole steps; the one
that takes the rest is source minus the others, in integers. Should a stem not fit into 24 bits (a model
may overshoot where the source is near full scale), what is over goes to the other stems, where the source
itself guarantees room.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 2.0**-23
LOWEST, HIGHEST = -(2**23), 2**23 - 1

Integers = NDArray[np.int32]
Floats = NDArray[np.float32]


def to_steps(samples: NDArray[Any]) -> Integers:
    """Samples in -1..1 -> whole steps of 2**-23, limited to 24 bits.

    In single precision every operation here is exact: scaling by a power of two, and rounding of values
    that have no more than 24 bits.
    """
    scaled = np.rint(np.asarray(samples, np.float32) * np.float32(2.0**23))
    return np.asarray(np.clip(scaled, LOWEST, HIGHEST, out=scaled).astype(np.int32))


def from_steps(steps: Integers) -> Floats:
    """Whole steps of 2**-23 -> samples; 24 bits fit into single precision."""
    return np.asarray(steps.astype(np.float32) * np.float32(STEP))


def integer_stems(source: Integers, parts: NDArray[Any], rest: int) -> tuple[Integers, int]:
    """Stems in whole steps that sum to the source.

    Args:
        source: (channels, n) in whole steps, within 24 bits.
        parts: (stems, channels, n), the stems as estimated, in -1..1; row `rest` is not looked at.
        rest: the row that becomes source minus all others.

    Returns:
        (stems, channels, n) within 24 bits, and how many samples had to be moved to another stem to fit.
    """
    # A handful of 24-bit numbers cannot overflow 32 bits.
    stems = to_steps(parts)
    stems[rest] = 0
    stems[rest] = source - stems.sum(axis=0, dtype=np.int32)
    over = stems[rest] - np.clip(stems[rest], LOWEST, HIGHEST)
    moved = int(np.count_nonzero(over))
    if moved:
        stems[rest] -= over
        for row in range(len(stems)):
            if row == rest:
                continue
            room = np.clip(stems[row] + over, LOWEST, HIGHEST) - stems[row]
            stems[row] += room
            over -= room
    return stems, moved


def float_stems(source: Floats, parts: NDArray[Any], rest: int) -> Floats:
    """Stems in single precision whose sum differs from the source by a rounding of the quietest only.

    Shapes as in `integer_stems`. The rest is taken from the other stems as they are rounded, in double
    precision, so errors do not add up; what rounding the rest itself leaves over goes to the quietest
    stem that is not silent, where steps are finest.
    """
    stems = np.array(parts, np.float32)
    stems[rest] = 0
    stems[rest] = (source.astype(np.float64) - stems.sum(axis=0, dtype=np.float64)).astype(np.float32)
    left = source.astype(np.float64) - stems.sum(axis=0, dtype=np.float64)
    size = np.where(stems == 0, np.float32(np.inf), np.abs(stems))
    quietest = size.argmin(axis=0)[None]  # (1, channels, n)
    finer = np.take_along_axis(stems, quietest, axis=0) + np.where(np.isfinite(size.min(axis=0)), left, 0.0)
    np.put_along_axis(stems, quietest, finer.astype(np.float32), axis=0)
    return stems

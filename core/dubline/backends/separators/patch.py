"""What the built-in separator knows of a stretch of sound on its way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]

PATCH = 16  # frames: 0.34 s


@dataclass
class Patch:
    """Sixteen frames on their way; what a stage has not yet found out is None.

    Shapes, with f frames and b bins: `mix` (2, f, b) complex; `given` (f, b), the voice that came along;
    `alive` (f,), 0 behind the end of the sound; `cross` (3, b) by which `place` is found, (2,) delay in
    samples and angle in radians; `middle` (f, b) complex, what stands there once turned; `chance` (f,) of
    speech, and `speaking`, the same spread out; `heard` (f, b), the share the first ear leaves of the middle,
    `second` that of another; `cov` (3, f, b); `free` (f, b), how surely no voice is there; `rest` (3, b)
    summed covariance and `level` (b,) summed power; `white` (3, b); `scores` (angles,); `angle` radians (1,);
    `voice` (f, b) complex, what comes from that angle; `along`, `across` (f, b); `floor` (2, b), summed power
    and weight; `kept` (2,), energy the ear left in speech, and had; `pointed` (2,), how much of what it left
    stands in the middle, and all of it; `points`, 0..1, how far one place explains it.
    """

    mix: NDArray[np.complex64]
    alive: Real
    cross: NDArray[np.complex64]
    given: NDArray[np.complex64] | None = None
    place: NDArray[np.float64] | None = None
    middle: NDArray[np.complex64] | None = None
    chance: Real | None = None
    heard: Real | None = None
    second: Real | None = None
    speaking: Real | None = None
    cov: Real | None = None
    free: Real | None = None
    rest: Real | None = None
    level: Real | None = None
    white: Real | None = None
    scores: NDArray[np.float64] | None = None
    angle: NDArray[np.float64] | None = None
    voice: NDArray[np.complex64] | None = None
    along: Real | None = None
    across: Real | None = None
    floor: Real | None = None
    kept: NDArray[np.float64] | None = None
    pointed: NDArray[np.float64] | None = None
    points: float = 1.0

"""Where in stereo a voice stands that is far off the middle, and turning the picture until it stands there.

A place is a delay of the right channel and an angle: 0 all left, 45 degrees the middle, 90 all right, below 0
one channel upside down. The delay is the peak of the generalised cross-correlation of the smoothed coherence
(Carter, Nuttall, Cable, "The smoothed coherence transform", Proc. IEEE 1973); the angle is the principal axis
of the 2x2 covariance, its off-diagonal real once the delay is taken out. Turning is a rotation, so it takes
nothing away and can be undone to rounding.

Only what is plain to see turns the picture: one direction that explains nearly all there is. All else stays
with the finer directions of `classical`, around the middle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dubline.backends.separators.classical import BINS, TINY, WINDOW, Real, Spectrum

DELAYS = np.arange(-48, 49)  # samples at 48 kHz: 1 ms to either side, 34 cm of air
COHERENT = 0.4  # mean coherence at a delay, from which on it is believed
AHEAD = 0.2  # and by how much more than at none
ONE_PLACE = 0.8  # (larger - smaller) / sum of the covariance's two axes, from which on there is one place
FAR = np.radians(15.0)  # less far off the middle than this nothing is turned

_OMEGA = 2 * np.pi * np.arange(BINS.start, BINS.stop) / WINDOW
_HEARD = (2 * np.pi * 150 / 48000 < _OMEGA) & (2 * np.pi * 6000 / 48000 > _OMEGA)
_LAGS = np.exp(-1j * np.outer(DELAYS, _OMEGA[_HEARD]))


def products(spectra: Spectrum) -> NDArray[np.complex64]:
    """Spectra (2, frames, bins) -> summed over the frames: powers left and right, left times right*."""
    left, right = spectra
    power = (spectra.real**2 + spectra.imag**2).sum(axis=1)
    cross = (left * right.conj()).sum(axis=0)
    return np.stack([power[0], power[1], cross]).astype(np.complex64)


def place(summed: NDArray[np.complex64]) -> tuple[float, float]:
    """Delay in samples and angle in radians by `products` (3, bins); 0 and the middle unless it is plain."""
    left, right, cross = summed[0].real[_HEARD], summed[1].real[_HEARD], summed[2][_HEARD]
    coherence = cross / np.sqrt(np.maximum(left * right, TINY))
    found = np.abs((_LAGS @ coherence).real) / coherence.size
    best, none = int(np.argmax(found)), DELAYS.size // 2
    delay = int(DELAYS[best]) if found[best] > max(COHERENT, found[none] + AHEAD) else 0
    # Each bin counts by the root of its power: the voice's few loudest would decide alone.
    weight = 1 / np.sqrt(np.maximum(left + right, TINY))
    a, d = float((weight * left).sum()), float((weight * right).sum())
    c = float((weight * (cross * _LAGS[none + delay]).real).sum())
    if np.hypot(a - d, 2 * c) < ONE_PLACE * (a + d) or a + d <= TINY:
        return 0.0, np.pi / 4
    angle = 0.5 * float(np.arctan2(2 * c, a - d))
    return float(delay), angle if delay or abs(angle - np.pi / 4) > FAR else np.pi / 4


def turned(spectra: Spectrum, delay: float, angle: float, back: bool = False) -> Spectrum:
    """Spectra (2, frames, bins) with what stands at a place moved to the middle, or from there to it."""
    if not delay and angle == np.pi / 4:
        return spectra
    shift = np.exp(1j * delay * _OMEGA).astype(np.complex64)
    turn = angle - np.pi / 4
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    left, right = spectra
    if back:
        return np.stack([cos * left - sin * right, (sin * left + cos * right) * shift.conj()])
    right = right * shift
    return np.stack([cos * left + sin * right, cos * right - sin * left])


def turned_covariance(cov: Real, angle: float, back: bool = False) -> Real:
    """Covariances (3, ...), left-left, right-right, left-right, as `turned` would make them."""
    turn = (np.pi / 4 - angle) if back else (angle - np.pi / 4)
    if not turn:
        return cov
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    a, d, c = cov
    cross = 2 * cos * sin * c
    return np.stack(
        [
            cos**2 * a + sin**2 * d + cross,
            sin**2 * a + cos**2 * d - cross,
            cos * sin * (d - a) + (cos**2 - sin**2) * c,
        ]
    )

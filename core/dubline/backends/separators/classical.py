"""Taking a voice out of stereo by signal processing alone: the frames, the room, and the verdict.

The voice is thought of as one direction in the stereo picture, the rest as a spread of sound whose
2x2 covariance is learnt, per frequency, where nobody speaks. Whitening by that covariance turns the
rest into the same power in every direction, so what is measured across the voice's direction is what
lies under it too: the two-channel case of the least-squares estimate behind multichannel Wiener
filters (Vincent, Virtanen, Gannot (eds.), "Audio Source Separation and Speech Enhancement", 2018,
chapter 10). With a rest of equal, unrelated channels and a centred voice it becomes the mid-side
filter.

Several such judgements are then weighed like independent witnesses, by a logistic sum of their
logarithms (`verdict`).

Arrays: spectra are complex64 (channels, frames, bins); covariances float32 (3, frames, bins), in the
order left-left, right-right, left-right (real part); gains float32 (frames, bins), 0..1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dubline.values.media import Line

Real = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

RATE = 48000
WINDOW = 4096  # 85 ms, so that harmonics of a voice stand apart
HOP = WINDOW // 4
LEAD = WINDOW - HOP  # frame t holds samples t * HOP - LEAD .. t * HOP + HOP
BINS = slice(2, 1366)  # 23 Hz .. 16 kHz: where a voice is worth taking
TINY = np.float32(1e-20)
BEFORE, AFTER = 0.09, 0.17  # seconds that widen each line, for consonants and room tails
FADE = 0.06  # seconds of the raised-cosine ramps that begin where the widening ends

ANGLES = np.radians(np.arange(27.0, 64.0, 3.0))  # directions tried; 45 degrees is the centre
_BANDS = np.unique(np.round(np.geomspace(150, 7000, 41) * WINDOW / RATE).astype(int)) - BINS.start
_CENTRE_PRIOR = 0.02 * _BANDS.size * ((np.degrees(ANGLES) - 45.0) / 12.0) ** 2

_TAPER = np.sqrt(np.hanning(WINDOW + 1)[:-1]).astype(np.float32)
_FLAT = np.fft.rfft(_TAPER)


def analyse(sound: Real) -> Spectrum:
    """Sound (channels, LEAD + frames * HOP) -> spectra (channels, frames, bins) within `BINS`.

    What is constant over a frame is taken out of it exactly, so an offset reaches no bin.
    """
    from scipy import fft

    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW, axis=-1)[:, ::HOP] * _TAPER
    full = fft.rfft(frames, axis=-1)
    offset = full[..., :1].real / np.float32(_FLAT[0].real)
    return np.ascontiguousarray(full[..., BINS] - offset * _FLAT[BINS].astype(np.complex64))


class Overlap:
    """Spectra back into sound; each call finishes as many samples as it was given frames, times HOP.

    The first `LEAD` samples that come out lie before the beginning of the sound.
    """

    def __init__(self, channels: int) -> None:
        self.tail = np.zeros((channels, LEAD), np.float32)

    def add(self, spectrum: Spectrum) -> Real:
        """Spectra (channels, frames, bins) -> sound (channels, frames * HOP)."""
        from scipy import fft

        channels, count, _ = spectrum.shape
        full = np.zeros((channels, count, WINDOW // 2 + 1), np.complex64)
        full[..., BINS] = spectrum
        pieces = fft.irfft(full, n=WINDOW, axis=-1) * (_TAPER * np.float32(2 * HOP / WINDOW))
        out = np.zeros((channels, count * HOP + LEAD), np.float32)
        out[:, :LEAD] = self.tail
        for k in range(WINDOW // HOP):
            out[:, k * HOP : (k + count) * HOP] += pieces[..., k * HOP : (k + 1) * HOP].reshape(channels, -1)
        self.tail = out[:, count * HOP :].copy()
        return np.asarray(out[:, : count * HOP], np.float32)


class LineGate:
    """How far the voice is let through: 1 in lines and a little around them, 0 elsewhere, smooth between."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._fade = FADE * RATE
        spans: list[list[float]] = []
        for line in sorted(lines, key=lambda one: one.start):
            start, end = (line.start - BEFORE) * RATE, (line.end + AFTER) * RATE
            if spans and start <= spans[-1][1] + 2 * self._fade:
                spans[-1][1] = max(spans[-1][1], end)
            elif line.end > line.start:
                spans.append([start, end])
        self._spans = spans
        self._ends = [end for _, end in spans]

    def at(self, samples: NDArray[np.int64]) -> Real:
        """The gate, float32 0..1, at ascending positions in samples."""
        ramp = np.zeros(samples.size, np.float32)
        if not samples.size:
            return ramp
        first = bisect_left(self._ends, float(samples[0]) - self._fade)
        for start, end in self._spans[first:]:
            if start - self._fade > samples[-1]:
                break
            inside = np.minimum(samples - start, end - samples) / self._fade + 1.0
            np.maximum(ramp, np.clip(inside, 0.0, 1.0), out=ramp, casting="unsafe")
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * ramp), np.float32)


def box(values: Real, frames: int, bins: int) -> Real:
    """Moving average over odd counts of frames (those at the ends drop out) and bins (ends repeat)."""
    count = values.shape[-2] - frames + 1
    total = sum(values[..., i : i + count, :] for i in range(frames)) / np.float32(frames)
    wide = np.concatenate([total[..., :1]] * (bins // 2) + [total] + [total[..., -1:]] * (bins // 2), axis=-1)
    size = values.shape[-1]
    return np.asarray(sum(wide[..., i : i + size] for i in range(bins)) / np.float32(bins), np.float32)


def covariance(spectrum: Spectrum) -> Real:
    """Spectra (2, frames, bins) -> covariances (3, frames, bins), not yet averaged."""
    left, right = spectrum
    return np.stack(
        [
            left.real**2 + left.imag**2,
            right.real**2 + right.imag**2,
            left.real * right.real + left.imag * right.imag,
        ]
    ).astype(np.float32)


def centredness(cov: Real) -> Real:
    """1 where the two channels agree in level and phase, 0 where they do not."""
    mid, side = cov[0] + cov[1] + 2 * cov[2], cov[0] + cov[1] - 2 * cov[2]
    return np.asarray(np.clip(1 - side / np.maximum(mid, TINY), 0, 1), np.float32)


def whitener(rest: Real, spread: float = 0.15) -> Real:
    """Covariance of the rest (3, bins) -> the inverse of its Cholesky factor: rows (11, 21, 22).

    Only the shape counts, not the level. `spread` of it is replaced by equal unrelated channels, so
    that a rest that comes from one point is not believed to the last decibel.
    """
    level = (rest[0] + rest[1]) / 2
    known = level > TINY
    a, d, c = (
        np.where(known, part / np.maximum(level, TINY), one)
        for part, one in zip(rest, (1, 1, 0), strict=True)
    )
    a, d, c = (1 - spread) * a + spread, (1 - spread) * d + spread, (1 - spread) * c
    low11 = np.sqrt(a)
    low21 = c / low11
    low22 = np.sqrt(np.maximum(d - low21 * low21, 1e-6))
    return np.stack([1 / low11, -low21 / (low11 * low22), 1 / low22]).astype(np.float32)


def _seen(white: Real, angle: float) -> tuple[Real, Real, Real]:
    """A direction after whitening: its unit vector and its length."""
    left, right = np.sqrt(2.0) * np.cos(angle), np.sqrt(2.0) * np.sin(angle)
    along0, along1 = white[0] * left, white[1] * left + white[2] * right
    length = np.sqrt(along0**2 + along1**2)
    return along0 / length, along1 / length, length


def powers(cov: Real, white: Real, angle: float) -> tuple[Real, Real]:
    """Whitened power along the voice's direction, and across it: (frames, bins) each."""
    along0, along1, _ = _seen(white, angle)
    c00 = white[0] ** 2 * cov[0]
    half0 = white[1] * cov[0] + white[2] * cov[2]
    half1 = white[1] * cov[2] + white[2] * cov[1]
    c01, c11 = white[0] * half0, half0 * white[1] + half1 * white[2]
    cross = 2 * along0 * along1 * c01
    along = along0**2 * c00 + along1**2 * c11 + cross
    across = along1**2 * c00 + along0**2 * c11 - cross
    return np.maximum(along, 0), np.maximum(across, 0)


def beam(spectrum: Spectrum, white: Real, angle: float) -> Spectrum:
    """What comes from a direction, the rest held down best: spectra (2, ...) -> (frames, bins)."""
    along0, along1, length = _seen(white, angle)
    left, right = spectrum
    return np.asarray(
        (along0 * (white[0] * left) + along1 * (white[1] * left + white[2] * right)) / length, np.complex64
    )


def direction_scores(cov: Real, white: Real, weight: Real) -> NDArray[np.float64]:
    """How badly each of `ANGLES` explains a stretch: lower is better, in units of log-likelihood.

    The likelihood of two whitened powers of one band is -log(along * across); a direction that gets
    less than half the power explains nothing. `weight` (frames, bins) says where a voice is likely.
    """
    cells = cov.shape[1] // 4 * 4

    def banded(values: Real) -> Real:
        summed = np.add.reduceat(values, _BANDS, axis=-1)[..., :-1]
        return np.asarray(summed, np.float32)

    def pooled(values: Real) -> Real:
        quarters = values[..., :cells, :].reshape(*values.shape[:-2], cells // 4, 4, -1)
        return np.asarray(quarters.mean(axis=-2), np.float32)

    size = np.diff(_BANDS).astype(np.float32)
    grouped, trust = pooled(banded(cov)), pooled(banded(weight)) / size
    shape = banded(white) / size
    scores = np.zeros(ANGLES.size)
    for i, angle in enumerate(ANGLES):
        along, across = (part.astype(np.float64) for part in powers(grouped, shape, float(angle)))
        mean = (along + across) / 2 + 1e-30
        fit = np.where(along > across, np.log(along * across / mean**2 + 1e-3), 0.0)
        scores[i] = float((trust * fit).sum(axis=-1).mean())
    return scores


def direction(scores: NDArray[np.float64]) -> float:
    """The best angle, in radians, leaning to the centre where the sound does not say."""
    return float(ANGLES[int(np.argmin(scores + _CENTRE_PRIOR))])


def evidence(share: Real) -> Real:
    """A gain as a witness: its logarithm, with a floor at 2 %."""
    return np.asarray(np.log(np.maximum(share, 0) + np.float32(0.02)), np.float32)


def verdict(witnesses: Iterable[Real], weights: Iterable[float], bias: float) -> Real:
    """Witnesses (frames, bins) each -> gain 0..1: the logistic function of their weighted sum."""
    total = np.float32(bias) + sum(np.float32(w) * one for w, one in zip(weights, witnesses, strict=True))
    return np.asarray(1 / (1 + np.exp(-np.clip(total, -30, 30))), np.float32)

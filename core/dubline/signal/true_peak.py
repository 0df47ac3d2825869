"""True peaks: finding them between the samples, and keeping them under a ceiling.

A true peak is the largest magnitude of the sound after oversampling to 192 kHz or more, which is fourfold
at 48 kHz (ITU-R BS.1770-4, annex 2). The interpolation here is a Kaiser-windowed sinc of 32 taps.

The limiter turns all channels down together, so the image does not move. It looks ahead: the gain is
already down when the peak comes, rises again by a fixed number of dB a second, and is smoothed so that it
never jumps. At no sample is it above what the peaks around that sample allow.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]  # (channels, samples)
Floats = NDArray[np.float64]

HALF = 16  # taps on either side of a point between two samples
FINEST = 192_000  # Hz at which peaks are looked for at least
_BETA = 8.0  # Kaiser's: side lobes near -80 dB

LOOK_AHEAD = 0.005  # seconds
RELEASE = 60.0  # dB a second
HEADROOM = 0.05  # dB under the ceiling, since meters interpolate differently
_TILE = 4096  # samples that are skipped together when they are too quiet to matter


@cache
def _phases(rate: int) -> tuple[Floats, float]:
    """(2 * HALF, points): weights of the samples around each point between one and the next; and how much
    larger than samples of magnitude 1 such a point can be."""
    times = max(4, -(-FINEST // rate))
    if FINEST % rate and rate < FINEST:
        times *= 2  # meters that convert to 192 kHz look at other points
    points = np.arange(1, times) / times
    distance = np.arange(1 - HALF, 1 + HALF)[:, None] - points[None]
    weights: Floats = np.sinc(distance) * np.i0(_BETA * np.sqrt(1 - (distance / HALF) ** 2)) / np.i0(_BETA)
    weights /= weights.sum(axis=0)
    return weights, float(np.abs(weights).sum(axis=0).max())


class PeakFollower:
    """Magnitude of the sound at and just after each sample, with memory across blocks.

    Where no point can pass `floor`, the values are those of the samples alone: that is exact for the
    question whether `floor` is passed, and saves the work on everything quiet. It may be raised any time.
    """

    def __init__(self, rate: int, channels: int, floor: float = 0.0) -> None:
        self.floor = floor
        self._kept = np.zeros((channels, HALF - 1), np.float32)
        weights, self._overshoot = _phases(rate)
        self._weights = weights.astype(np.float32)

    def push(self, block: Block) -> NDArray[np.float32]:
        """(channels, n) -> (n',): the peak from each sample up to the next, over all channels.

        The first values belong to the first samples; the last HALF samples pushed wait for what follows.
        """
        sound = np.concatenate((self._kept, block), axis=1)
        count = sound.shape[1] - (2 * HALF - 1)
        if count <= 0:
            self._kept = sound
            return np.zeros(0, np.float32)
        self._kept = sound[:, count:].copy()
        peaks = np.abs(sound[:, HALF - 1 : HALF - 1 + count]).max(axis=0)
        for start in range(0, count, _TILE):
            stop = min(count, start + _TILE)
            reach = sound[:, start : stop + 2 * HALF - 1]
            loudest = max(float(reach.max()), -float(reach.min()))
            if loudest == 0.0 or loudest * self._overshoot <= self.floor:
                continue
            for channel in reach:
                windows = np.lib.stride_tricks.sliding_window_view(channel, 2 * HALF)
                between = np.abs(windows @ self._weights).max(axis=1)
                np.maximum(peaks[start:stop], between, out=peaks[start:stop])
        return np.asarray(peaks, np.float32)

    def flush(self) -> NDArray[np.float32]:
        """The values that were still to come, with silence after the end."""
        return self.push(np.zeros((len(self._kept), HALF), np.float32))


class TruePeakLimiter:
    """Keeps true peaks under `ceiling` dBTP. What goes in comes out later, in the same number of samples.

    `reduced` is the largest reduction so far in dB (0.0: nothing was done), `touched` the samples turned
    down by more than 0.1 dB.
    """

    def __init__(self, rate: int, channels: int, ceiling: float) -> None:
        self._limit = 10 ** (ceiling / 20)
        self._ahead = max(2, round(LOOK_AHEAD * rate))
        self._slope = RELEASE / rate
        self._peaks = PeakFollower(rate, channels, floor=self._limit)
        # Silence in front, so that the gain can be down before the first sample; it is not given out.
        self._silence = self._ahead
        self._sound = np.zeros((channels, self._silence), np.float32)
        self._last_peak = 0.0
        self._allowed = np.zeros(self._silence)  # dB, what each sample's own peaks allow
        self._gains = np.zeros(self._ahead)  # dB, history for the smoothing
        window = np.hanning(self._ahead + 3)[1:-1]
        self._window: Floats = window / window.sum()
        self.reduced, self.touched = 0.0, 0

    def push(self, block: Block) -> Block:
        """(channels, n) -> (channels, n'), what is ready."""
        self._sound = np.concatenate((self._sound, block), axis=1)
        return self._follow(self._peaks.push(block))

    def flush(self) -> Block:
        """The rest; nothing may be pushed after it."""
        ready = self._follow(self._peaks.flush())
        quiet = np.full(self._ahead, -np.inf, np.float32)
        return np.concatenate((ready, self._follow(quiet)), axis=1)

    def _follow(self, peaks: NDArray[np.float32]) -> Block:
        if len(peaks):
            # What lies between two samples counts for both.
            both = np.maximum(peaks, np.concatenate(([self._last_peak], peaks[:-1])))
            self._last_peak = float(peaks[-1])
            over = np.maximum(both.astype(np.float64) / self._limit, 1.0)
            self._allowed = np.concatenate((self._allowed, -20 * np.log10(over)))
        count = len(self._allowed) - self._ahead
        if count <= 0:
            return self._sound[:, :0]
        gains = self._gain(count)
        ready, self._sound = self._sound[:, :count], self._sound[:, count:].copy()
        self._allowed = self._allowed[count:].copy()
        if gains is not None:
            ready = np.asarray(ready * (10 ** (gains / 20)).astype(np.float32), np.float32)
        cut = min(self._silence, count)
        self._silence -= cut
        return np.ascontiguousarray(ready[:, cut:])

    def _gain(self, count: int) -> Floats | None:
        """Gains in dB for the next `count` samples; None where all are 0."""
        from scipy.ndimage import minimum_filter1d

        if not self._allowed.any() and not self._gains.any():
            return None
        # The lowest of this sample and the look-ahead after it ...
        size = self._ahead + 1
        lowest = minimum_filter1d(self._allowed, size, origin=-(size // 2), mode="nearest")[:count]
        # ... rising again no faster than the release, which a running minimum along a slope gives ...
        line = self._slope * np.arange(1, count + 1)
        held = np.minimum.accumulate(np.concatenate(([self._gains[-1]], lowest - line)))[1:] + line
        held = np.minimum(held, 0.0)
        # ... and smoothed over the look-ahead: an average of values that are all low enough.
        known = np.concatenate((self._gains, held))
        self._gains = known[len(known) - self._ahead :].copy()
        smooth: Floats = np.convolve(known, self._window, mode="valid")
        self.reduced = max(self.reduced, -float(smooth.min()))
        self.touched += int(np.count_nonzero(smooth < -0.1))
        return smooth


def in_dbtp(peak: float) -> float | None:
    """A magnitude as dBTP; None for digital silence."""
    return 20 * math.log10(peak) if peak > 0 else None

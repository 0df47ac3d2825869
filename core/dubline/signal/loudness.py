"""How loud a programme is: ITU-R BS.1770-4 and EBU Tech 3341 and 3342, read from a stream.

- Integrated: blocks of 400 ms every 100 ms, gated at -70 LUFS and again 10 LU under the mean of the rest.
- Dialogue: the mean over the samples that the caller marks, without a gate, as BS.1770-1 measured it.
- Range: from the 10th to the 95th percentile of the loudness of 3 s every 100 ms, gated at -70 LUFS and
  20 LU under the mean of the rest.
- True peak: see `dubline.signal.true_peak`.

Fronts count 1.0, sides and backs 1.41, the LFE nothing, as in FFmpeg. The channels of a sound whose layout
is not known, or is one of another number of channels, all count 1.0. The K filter is built for each rate from
its analogue prototype (Brecht De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement",
AES 145, e-Brief 471, 2018), which at 48 kHz gives the coefficients that BS.1770 prints. FFmpeg's `ebur128`
does the same, and both read alike at every rate. Under 44.1 kHz the filter's response is a little higher than
the one at 48 kHz, so a meter that converts to 48 kHz first reads less: speech at 8 kHz by 0.2 LU, white noise
by 0.5. Under 3.8 kHz, where the head's shelf would lie beyond what the sound can hold, it lies at the upper
end of that, and the figure is rough: at 1 kHz more than 2 LU too high.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dubline.signal.channels import layout_of
from dubline.signal.true_peak import PeakFollower, in_dbtp
from dubline.values.dubbed import LoudnessReport

Block = NDArray[np.float32] | NDArray[np.float64]  # (channels, samples)
Floats = NDArray[np.float64]

ABSOLUTE_GATE = -70.0  # LUFS
_OFFSET = -0.691
_STEPS = 12_000  # of 0.01 LU, from the gate to +50 LUFS
_SURROUND = 1.41
_SURROUNDS = frozenset(("SL", "SR", "BL", "BC", "BR", "SDL", "SDR", "TBL", "TBC", "TBR"))
_HIGHEST = 0.45  # of the rate: where the shelf lies at most


def k_filter(rate: int) -> Floats:
    """The K filter as second-order sections, (2, 6) as scipy takes them: the head's shelf, then RLB."""
    tangent = math.tan(math.pi * min(1681.9744509555319 / rate, _HIGHEST))
    quality = 0.7071752369554193
    high = 10 ** (3.99984385397 / 20)
    band = high**0.499666774155
    norm = 1 + tangent / quality + tangent**2
    shelf = [
        (high + band * tangent / quality + tangent**2) / norm,
        2 * (tangent**2 - high) / norm,
        (high - band * tangent / quality + tangent**2) / norm,
        1.0,
        2 * (tangent**2 - 1) / norm,
        (1 - tangent / quality + tangent**2) / norm,
    ]
    tangent, quality = math.tan(math.pi * 38.13547087613982 / rate), 0.5003270373253953
    norm = 1 + tangent / quality + tangent**2
    low_cut = [
        1.0,
        -2.0,
        1.0,
        1.0,
        2 * (tangent**2 - 1) / norm,
        (1 - tangent / quality + tangent**2) / norm,
    ]
    return np.array([shelf, low_cut])


def channel_weights(layout: str, channels: int) -> Floats:
    """How much the power of each channel counts, (channels,).

    `layout` is FFmpeg's name ("stereo", "5.1(side)"); empty means the usual one of so many channels.
    """
    import av

    try:
        names = [channel.name for channel in av.AudioLayout(layout or layout_of(channels)).channels]
    except ValueError:
        names = []
    if len(names) != channels:
        return np.ones(channels)
    return np.array([0.0 if "LFE" in name else _SURROUND if name in _SURROUNDS else 1.0 for name in names])


class LoudnessMeter:
    """Reads one sound block by block, in the same memory however long it is.

    `peaks` False leaves the true peak out, which is most of the work. Samples must be finite numbers.
    """

    def __init__(self, rate: int, channels: int, layout: str = "", *, peaks: bool = True) -> None:
        self._rate = rate
        self._weights = channel_weights(layout, channels)
        self._filter = k_filter(rate)
        self._state = np.zeros((len(self._filter), channels, 2))
        self._peaks = PeakFollower(rate, channels) if peaks else None
        self._peak = 0.0
        self._frames = 0
        self._tenths: deque[float] = deque(maxlen=30)  # mean of each of the last 100 ms
        self._short, self._long = _Levels(), _Levels()  # of 400 ms and of 3 s
        self._sum, self._filled, self._number = 0.0, 0, 1
        self._due = self._edge(self._number)
        self._inside, self._inside_frames = 0.0, 0

    def _edge(self, number: int) -> int:
        return (number * self._rate + 5) // 10

    def push(self, block: Block, inside: NDArray[np.bool_] | None = None) -> None:
        """The next (channels, n) samples; `inside` (n,) marks those in which somebody speaks."""
        from scipy.signal import sosfilt

        if not block.shape[1]:
            return
        if self._peaks is not None:
            self._see(self._peaks.push(block.astype(np.float32, copy=False)))
        heard, self._state = sosfilt(self._filter, block.astype(np.float64), axis=1, zi=self._state)
        power: Floats = self._weights @ np.square(heard)
        if inside is not None:
            self._inside += float(power[inside].sum())
            self._inside_frames += int(np.count_nonzero(inside))
        at = 0
        while at < len(power):
            count = min(len(power) - at, self._due - self._frames)
            self._sum += float(power[at : at + count].sum())
            self._filled += count
            self._frames += count
            at += count
            if self._frames == self._due:
                self._count(self._sum / self._filled)
                self._sum, self._filled = 0.0, 0
                self._number += 1
                self._due = self._edge(self._number)

    def _count(self, tenth: float) -> None:
        """The power of the next 100 ms, and of the longer blocks that end with it."""
        self._tenths.append(tenth)
        for levels, size in ((self._short, 4), (self._long, 30)):
            if len(self._tenths) >= size:
                levels.add(sum(islice(self._tenths, len(self._tenths) - size, None)) / size)

    def _see(self, peaks: NDArray[np.float32]) -> None:
        self._peak = max(self._peak, float(peaks.max(initial=0.0)))
        if self._peaks is not None:
            self._peaks.floor = self._peak  # only what is higher matters from here on

    def result(self) -> LoudnessReport:
        """The figures for everything pushed; call it once, at the end.

        None stands where there is nothing to measure: less than 400 ms, or all of it under -70 LUFS.
        """
        if self._peaks is not None:
            self._see(self._peaks.flush())
        dialogue = self._inside / self._inside_frames if self._inside_frames else 0.0
        return LoudnessReport(
            integrated=self._short.integrated(),
            true_peak=in_dbtp(self._peak),
            range=self._long.range(),
            dialogue=_lufs(dialogue) if dialogue > _power(ABSOLUTE_GATE) else None,
        )


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


class _Levels:
    """The powers of blocks over the absolute gate, in steps of 0.01 LU: no more for a longer sound."""

    def __init__(self) -> None:
        self._counts = np.zeros(_STEPS, np.int64)
        self._sums = np.zeros(_STEPS)

    def add(self, power: float) -> None:
        if _power(ABSOLUTE_GATE) < power < math.inf:
            step = min(int((_lufs(power) - ABSOLUTE_GATE) * 100), _STEPS - 1)
            self._counts[step] += 1
            self._sums[step] += power

    def _gated(self, below: float) -> tuple[NDArray[np.int64], Floats]:
        """How many blocks are less than `below` LU under the mean, and their powers, by level."""
        there = self._counts > 0
        counts, sums = self._counts[there], self._sums[there]
        loud = sums / counts > sums.sum() / max(counts.sum(), 1) * 10 ** (-below / 10)
        return counts[loud], (sums / counts)[loud]

    def integrated(self) -> float | None:
        counts, powers = self._gated(10.0)
        return _lufs(float(np.average(powers, weights=counts))) if len(counts) else None

    def range(self) -> float | None:
        counts, powers = self._gated(20.0)
        if not len(counts):
            return None
        ranks = np.rint((counts.sum() - 1) * np.array((0.10, 0.95)))
        low, high = powers[np.searchsorted(counts.cumsum(), ranks, side="right")]
        return float(10 * np.log10(high / low))

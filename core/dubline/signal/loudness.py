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
from array import array
from typing import TYPE_CHECKING

import numpy as np

from dubline.signal.channels import layout_of
from dubline.signal.true_peak import PeakFollower, in_dbtp
from dubline.values.dubbed import LoudnessReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Block = NDArray[np.float32] | NDArray[np.float64]  # (channels, samples)
    Floats = NDArray[np.float64]

ABSOLUTE_GATE = -70.0  # LUFS
_OFFSET = -0.691
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
    """Reads one sound block by block. It keeps eight bytes for every 100 ms, 0.3 MB an hour.

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
        self._powers = array("d")  # mean of every full 100 ms
        self._sum, self._filled, self._due = 0.0, 0, self._edge(1)
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
                self._powers.append(self._sum / self._filled)
                self._sum, self._filled = 0.0, 0
                self._due = self._edge(len(self._powers) + 1)

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
        powers = np.array(self._powers)
        dialogue = self._inside / self._inside_frames if self._inside_frames else 0.0
        return LoudnessReport(
            integrated=_integrated(_sliding(powers, 4)),
            true_peak=in_dbtp(self._peak),
            range=_range(_sliding(powers, 30)),
            dialogue=_lufs(dialogue) if dialogue > _power(ABSOLUTE_GATE) else None,
        )


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


def _sliding(powers: Floats, size: int) -> Floats:
    """Mean of every `size` neighbours."""
    if len(powers) < size:
        return np.zeros(0)
    return np.convolve(powers, np.full(size, 1 / size), "valid")


def _gated(blocks: Floats, below: float) -> Floats:
    loud = blocks[blocks > _power(ABSOLUTE_GATE)]
    return loud[loud > loud.mean() * 10 ** (-below / 10)] if len(loud) else loud


def _integrated(blocks: Floats) -> float | None:
    loud = _gated(blocks, 10.0)
    return _lufs(float(loud.mean())) if len(loud) else None


def _range(blocks: Floats) -> float | None:
    loud = _gated(blocks, 20.0)
    if not len(loud):
        return None
    low, high = np.percentile(loud, (10, 95), method="nearest")
    return float(10 * np.log10(high / low))

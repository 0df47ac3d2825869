"""A bed without a film model taken apart into music, effects and ambience, in a stream: an estimate.

What tells them apart without a model is time and pitch. Ambience holds a level for half a minute
(`dubline.separation.ambient`); music is made of tones, which stand for some tenths of a second and are
narrow, and it goes on for longer; effects rise above both and are neither. A weighted sum of such signs
decides how each band is shared out; the weights were fitted on the ten mixes that `benchmarks/remixes.py`
has for choosing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dubline.separation.ambient import GROUP, AmbientSplit, smooth_bins

Real = NDArray[np.float32]

HELD, NARROW = 21, 31  # frames and bins over which the mean of a logarithm stands for what goes on
LOW = 0.25  # the share of the window that a second, lower floor leaves below it
MUSIC_SECONDS = 3.0  # to either side, over which the sound is asked whether it is tonal
TINY = np.float32(1e-12)

# For music, effects and ambience: of the floor, the lower floor, what is held, what is broad (each less the
# power here, as logarithms), how tonal it is around here, the logarithm of the bin; and a bias.
WEIGHTS = np.array(
    [
        [0.25, -0.14, 0.59, -0.83, -0.48, -0.09, 0.46],
        [0.04, -1.19, -0.40, 1.02, -0.40, 0.05, -2.31],
        [-0.30, 1.33, -0.19, -0.20, 0.88, 0.04, 1.85],
    ],
    np.float32,
)


class BedSplit(AmbientSplit):
    """Splits a bed into `music`, `sfx` and `ambient`, block by block; their sum is the bed
    to float32 rounding.

    As `AmbientSplit` in all else: what it holds, what it raises, and that blocks change nothing. Frames are
    85 ms long, so that the tones of a chord stand apart.
    """

    frame_seconds = 0.085
    parts = 2
    around = HELD // 2 + 1

    def _floor_at(self, group: int) -> Real:
        """Both floors and how tonal it is, at the start of a group -> (3, bins)."""
        middle = group * GROUP // 8
        first, last = max(0, middle - self._half), min(self._cells.end, middle + self._half)
        cells = self._cells[first:last]
        ranks = [int(share * (cells.shape[1] - 1)) for share in (0.6, LOW)]
        sorted_ = np.partition(cells, ranks, axis=1)
        reach = max(1, round(MUSIC_SECONDS / 15.0 * self._half))
        nearest = min(max(first, middle - reach), last - 1)  # the last floor may lie behind all cells
        near = np.log(self._cells[nearest : min(last, middle + reach)] + TINY)
        bins = near.shape[0]
        heard = slice(bins // 256, bins // 3)
        tonal = np.abs(near - _mean(near, NARROW, 0))[heard].mean()
        return np.stack([sorted_[:, ranks[0]], sorted_[:, ranks[1]], np.full(bins, tonal, np.float32)])

    def _gains(self, power: Real, floor: Real) -> Real:
        weighed = np.tensordot(WEIGHTS[:, :-1], self._signs(power, floor), 1) + WEIGHTS[:, -1:, None]
        shares = np.exp(weighed - weighed.max(axis=0))
        shares /= shares.sum(axis=0)
        return np.asarray(shares[:2], np.float32)

    def _signs(self, power: Real, floor: Real) -> Real:
        """(6, frames, bins); `floor` is (frames, 3, bins)."""
        margin = self.around
        smooth = smooth_bins(power)
        smooth = (smooth[:-2] + smooth[1:-1] + smooth[2:])[margin - 1 : -(margin - 1)] * np.float32(1 / 3)
        here = np.log(smooth + TINY)
        logs = np.log(power + TINY)
        held = _mean(logs, HELD, 0)[margin:-margin]
        broad = _mean(logs[margin:-margin], NARROW, 1)
        bins = np.log(np.arange(power.shape[1], dtype=np.float32) * np.float32(2049 / power.shape[1]) + 1) - 5
        floor = np.maximum(floor, 0)  # a straight line down to silence may end a rounding below it
        signs = [np.log(floor[:, k] + TINY) - here for k in (0, 1)]
        signs += [held - here, broad - here, floor[:, 2], np.broadcast_to(bins, here.shape)]
        return np.asarray(np.clip(np.stack(signs), -8, 8), np.float32)


def _mean(values: Real, size: int, axis: int) -> Real:
    """Moving average over an odd count; the ends repeat."""
    from scipy.ndimage import uniform_filter1d

    averaged: Real = uniform_filter1d(values, size, axis=axis, mode="nearest")
    return averaged

"""Effects taken apart into single sounds and the air around them, in a stream.

No public model separates ambience from effects. What does tell them apart is time: rain, wind, a room
or traffic hold a level for half a minute, a door does not. So each frequency band's level over a long
window gives a *floor*, what rises above the floor is `sfx`, and what is left is `ambient`.

It is an estimate. It works on an effects stem only; with music in the sound it does not help, and a
long held effect (an engine, an alarm) lands in the ambience.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dubline.errors import InvalidJob

Block = NDArray[np.float32]  # (channels, samples)

PERCENTILE = 0.6  # of a band's level over the window: half the window may be full of effects
EXCESS = 2.7  # how far above the floor, in power, a band must rise before any of it counts as an effect
FRAME_SECONDS = 0.043  # 2048 samples at 44.1 and 48 kHz
OVERLAP = 4  # frames over each sample; Hann twice, four times over, sums to 1.5
CELL = 8  # frames whose mean power makes one value under the percentile
GROUP = 64  # frames between two floors; in between the floor is drawn as a straight line


class AmbientSplit:
    """Splits one effects stem into `sfx` and `ambient`, block by block.

    Method: short-time spectra (Hann, 43 ms, hop 11 ms); power averaged over the channels and over cells
    of 8 frames; per band the 60th percentile of the cells within `window` seconds, centred, is the
    floor; the gain is spectral subtraction's Wiener form, max(0, 1 - 2.7 floor / power), with the
    over-subtraction of Berouti et al. (ICASSP 1979), smoothed over 3 bins and 3 frames, and common to
    all channels so that the image does not move. Near the ends the window holds only what exists.
    (Repeating the edge instead lets one cell outvote half a window; it measured 0.1 to 0.2 dB worse.)

    The percentile, the excess and 30 s were chosen on one scene; `benchmarks/ambient_sisdr.py` prints
    what they gain there.

    What comes out is as long as what went in, `sfx + ambient` is the input to float32 rounding, and
    nothing depends on how the sound was cut into blocks. It holds about window / 2 + 2 s of sound and
    `window` seconds of cells, in buffers up to twice that size, however long the sound is.

    Args:
        rate: samples per second, 1 or more.
        channels: 1 or more.
        window: seconds over which a sound must hold to count as ambience; at least 2.

    Raises:
        InvalidJob: a setting is out of range.
    """

    frame_seconds = FRAME_SECONDS
    parts = 1
    """Parts that are taken out; what they leave is one more."""
    around = 1
    """Frames to either side that a frame's gain is made with."""

    def __init__(self, rate: int, channels: int, window: float = 30.0) -> None:
        if rate < 1 or channels < 1:
            raise InvalidJob(f"no sound has {channels} channels at {rate} Hz", hint="Both must be 1 or more.")
        if not 2.0 <= window <= 600.0:
            raise InvalidJob(
                f"an ambience window of {window:g} s cannot be used",
                hint="Use 2 to 600 seconds; 30 is a good value, and a few seconds measured poor.",
            )
        self.channels = channels
        self._size = max(64, 2 ** round(np.log2(rate * self.frame_seconds)))
        self._hop = self._size // OVERLAP
        # Half a window in cells. Never less than a group, so that the last floor has cells to stand on.
        self._half = max(GROUP // CELL, round(window / 2 * rate / self._hop / CELL))
        self._hann = np.hanning(self._size + 1)[:-1].astype(np.float32)
        lead = self._size - self._hop  # silence before the sound: the first sample too has four frames
        self._sound = _Tape(channels)
        self._sound.append(np.zeros((channels, lead), np.float32))
        self._cells = _Tape(self._size // 2 + 1)
        self._given = 0  # samples pushed
        self._taken = 0  # samples returned
        self._skip = lead  # samples of the leading silence still to be dropped from the output
        self._heard = 0  # groups whose cells are known
        self._done = 0  # groups taken apart
        self._tail = np.zeros((self.parts, channels, OVERLAP - 1, self._hop), np.float32)
        self._floor: NDArray[np.float32] | None = None  # at the start of group `_done`
        self._ended = False

    def push(self, block: Block) -> tuple[Block, ...]:
        """Give (channels, n) samples, n >= 0; get back (sfx, ambient), each (channels, m), m >= 0."""
        if self._ended:
            raise InvalidJob("the sound has ended", hint="Make a new AmbientSplit for another sound.")
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise InvalidJob(
                f"expected ({self.channels}, n) samples, got {block.shape}",
                hint="Pass blocks with the number of channels that was announced.",
            )
        self._given += block.shape[1]
        step = GROUP * self._hop
        out = []
        for at in range(0, block.shape[1], step):
            self._sound.append(block[:, at : at + step])
            while self._sound.end >= self._heard * step + (GROUP - 1) * self._hop + self._size:
                self._listen(GROUP)
            while self._ready():
                out.append(self._take(GROUP, self.around))
        return self._join(out)

    def flush(self) -> tuple[Block, ...]:
        """The sound has ended; get back the rest."""
        self._ended = True
        out: list[tuple[Block, ...]] = []
        if self._given:
            frames = -(-(self._given + self._size - self._hop) // self._hop)
            rest = (frames - 1) * self._hop + self._size - self._sound.end
            self._sound.append(np.zeros((self.channels, max(0, rest)), np.float32))
            while self._heard * GROUP < frames:
                self._listen(min(GROUP, frames - self._heard * GROUP))
            while self._done * GROUP < frames:
                left = frames - self._done * GROUP
                out.append(self._take(min(GROUP, left), max(0, left - GROUP)))
        return self._join(out)

    def _ready(self) -> bool:
        # The floor at the far end of the group needs half a window of cells beyond it, and the smoothing
        # needs some frames beyond it.
        far = (self._done + 1) * GROUP
        enough = self._cells.end >= far // CELL + self._half
        return bool(enough and self._sound.end >= (far + self.around - 1) * self._hop + self._size)

    def _spectra(self, first: int, count: int) -> NDArray[np.complex64]:
        """Frames first .. first + count -> (channels, count, bins)."""
        from scipy.fft import rfft

        start = first * self._hop
        stretch = self._sound[start : start + (count - 1) * self._hop + self._size]
        frames = np.lib.stride_tricks.sliding_window_view(stretch, self._size, axis=1)[:, :: self._hop]
        spectra: NDArray[np.complex64] = rfft(frames * self._hann, axis=2)
        return spectra

    def _listen(self, count: int) -> None:
        """Turn the next `count` frames into cells."""
        power = _power(self._spectra(self._heard * GROUP, count))  # (count, bins)
        starts = np.arange(0, count, CELL)
        sums = np.add.reduceat(power, starts, axis=0)
        sizes = np.diff(np.append(starts, count)).astype(np.float32)
        sums /= sizes[:, None]
        self._cells.append(smooth_bins(sums).T)
        self._heard += 1

    def _floor_at(self, group: int) -> NDArray[np.float32]:
        """The floor at the start of a group -> (..., bins), from the cells half a window to either side."""
        middle = group * GROUP // CELL
        cells = self._cells[max(0, middle - self._half) : min(self._cells.end, middle + self._half)]
        rank = int(PERCENTILE * (cells.shape[1] - 1))
        floor: NDArray[np.float32] = np.partition(cells, rank, axis=1)[:, rank]
        return floor

    def _take(self, count: int, following: int) -> tuple[Block, ...]:
        """Take the next `count` frames apart; so many at least follow them, and after a flush no more."""
        from scipy.fft import irfft

        first = self._done * GROUP
        before = min(first, self.around)
        after = min(following, self.around)
        spectra = self._spectra(first - before, before + count + after)
        power = _power(spectra)
        power = np.pad(power, ((self.around - before, self.around - after), (0, 0)), mode="edge")

        here = self._floor if self._floor is not None else self._floor_at(self._done)
        there = self._floor_at(self._done + 1)
        way = (np.arange(count, dtype=np.float32) + 0.5) / GROUP
        way = way.reshape(-1, *(1,) * here.ndim)
        gains = self._gains(power, here + way * (there - here))

        kept = spectra[:, before : before + count] * gains[:, None]
        frames = irfft(kept, n=self._size, axis=3) * (self._hann * np.float32(1 / 1.5))
        pieces = frames.reshape(self.parts, self.channels, count, OVERLAP, self._hop)
        sums = np.zeros((self.parts, self.channels, count + OVERLAP - 1, self._hop), np.float32)
        sums[:, :, : OVERLAP - 1] = self._tail
        for k in range(OVERLAP):
            sums[:, :, k : k + count] += pieces[:, :, :, k]
        self._tail = sums[:, :, count:].copy()
        out: NDArray[np.float32] = sums[:, :, :count].reshape(self.parts, self.channels, count * self._hop)

        sound = self._sound[first * self._hop : (first + count) * self._hop]
        skip = min(self._skip, out.shape[2])
        self._skip -= skip
        stop = skip + min(out.shape[2] - skip, self._given - self._taken)
        out, sound = out[:, :, skip:stop], sound[:, skip:stop]

        self._taken += stop - skip
        self._done += 1
        self._floor = there
        self._sound.forget((self._done * GROUP - self.around) * self._hop)
        self._cells.forget((self._done + 1) * GROUP // CELL - self._half)
        return (*out, sound - out.sum(axis=0))

    def _gains(self, power: NDArray[np.float32], floor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Power (around + frames + around, bins) and floor (frames, bins) -> gains (parts, frames, bins)."""
        power = smooth_bins(power)
        power = (power[:-2] + power[1:-1] + power[2:]) * np.float32(1 / 3)
        # Where there is no power there is nothing to divide by, and nothing to take either.
        gain = np.maximum(0, 1 - EXCESS * floor / np.maximum(power, np.float32(1e-30)))
        return smooth_bins(gain)[None]

    def _join(self, parts: list[tuple[Block, ...]]) -> tuple[Block, ...]:
        if not parts:
            return tuple(np.zeros((self.channels, 0), np.float32) for _ in range(self.parts + 1))
        return tuple(np.concatenate(pieces, axis=1) for pieces in zip(*parts, strict=True))


def _power(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """(channels, frames, bins) -> mean power of the channels (frames, bins)."""
    power: NDArray[np.float32] = (spectra.real**2 + spectra.imag**2).mean(axis=0)
    return power


def smooth_bins(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of each bin and its two neighbours; (frames, bins) -> the same."""
    out: NDArray[np.float32] = values.copy()
    out[:, 1:] += values[:, :-1]
    out[:, :-1] += values[:, 1:]
    out[:, 0] += values[:, 0]
    out[:, -1] += values[:, -1]
    out /= 3
    return out


class _Tape:
    """Rows that grow at the end and are forgotten at the start, read by absolute position."""

    def __init__(self, rows: int) -> None:
        self._store = np.zeros((rows, 0), np.float32)
        self._from = 0  # where the kept part starts in the store
        self._start = 0  # absolute position of that
        self.end = 0  # absolute position after the last column

    def append(self, columns: NDArray[np.float32]) -> None:
        kept, new = self.end - self._start, columns.shape[1]
        if self._from + kept + new > self._store.shape[1]:
            # Twice what is needed: each column is moved once on average, however small the blocks.
            store = self._store
            if 2 * (kept + new) > store.shape[1]:
                store = np.empty((store.shape[0], 2 * (kept + new)), store.dtype)
            store[:, :kept] = self._store[:, self._from : self._from + kept].copy()
            self._store, self._from = store, 0
        self._store[:, self._from + kept : self._from + kept + new] = columns
        self.end += new

    def __getitem__(self, span: slice) -> NDArray[np.float32]:
        shift = self._from - self._start
        kept: NDArray[np.float32] = self._store[:, span.start + shift : span.stop + shift]
        return kept

    def forget(self, before: int) -> None:
        step = max(0, min(before, self.end) - self._start)
        self._from += step
        self._start += step

"""Decoded sound, piece by piece, put where its timestamps say: the part of decoding that needs no decoder.

A decoder hands out pieces of sound with a time each. The times jitter, for containers round them; they
step when sound is missing or doubled; and after a damaged packet some sound never comes. `Placing`
tells these apart, so that sample k of the result is always heard k/rate seconds after zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]  # (channels, samples)

# Speakers in the order of a WAV file (the bits of its speaker mask), by FFmpeg's names.
_SPEAKERS: tuple[str, ...] = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC")
_SPEAKERS += ("TFL", "TFC", "TFR", "TBL", "TBC", "TBR")
_LAYOUTS = {
    ("FL", "FR", "FC", "LFE", "BL", "BR"): "5.1",
    ("FL", "FR", "FC", "LFE", "SL", "SR"): "5.1",
    ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"): "7.1",
}


class Placing:
    """Where the next piece goes, in samples on the media clock; all sums it reports are samples.

    A step of up to `tolerance` is jitter and moves nothing; since each piece is measured against the
    clock and not against the piece before, jitter never adds up to more. A larger step ahead is filled
    with silence, a larger step back is cut; but not where the times `ahead` are those of sound that runs
    straight on, for then single times stray. A step back by more than `reset`, or ahead beyond `limit`,
    cannot be a gap: the clock itself was set anew there, and the sound goes on without a break.
    """

    def __init__(self, *, rate: int, tolerance: int, limit: int, reset: int) -> None:
        self._rate, self._tolerance, self._limit, self._reset = rate, tolerance, limit, reset
        self._shift = 0
        self._begun = False
        self._hurt = False  # something was lost since the last good piece
        self._gaps = self._overlaps = self._clocks = self._damages = 0
        self.position = 0
        self.early = self.filled = self.cut = self.lost = 0

    def place(
        self, at: int | None, count: int, ahead: Sequence[tuple[int | None, int]] = ()
    ) -> tuple[int, int]:
        """A piece of `count` samples at `at` (None: right after the last) -> (silence to put before
        it, samples to cut from its front). `ahead` are time and length of the pieces that follow it."""
        drift = 0 if at is None else at + self._shift - self.position
        if not self._begun:
            if drift < 0:
                cut = min(count, -drift)
                self.early += cut
                self._begun = cut < count
                self.position += count - cut
                return 0, cut
        elif abs(drift) <= self._tolerance or self._strays(count, ahead):
            drift = 0
        elif drift < -self._reset or self.position + drift > self._limit:
            self._shift -= drift
            self._clocks += 1
            drift = 0
        elif drift < 0:
            self._overlaps += 1
        silence, cut = max(drift, 0), min(count, max(-drift, 0))
        self.cut += cut
        if self._hurt:
            self.lost += silence
        elif self._begun and silence:
            self.filled += silence
            self._gaps += 1
        self._begun, self._hurt = True, False
        self.position += silence + count - cut
        return silence, cut

    def _strays(self, count: int, ahead: Sequence[tuple[int | None, int]]) -> bool:
        """Whether a time to come is back where it is without a gap or a cut."""
        expected = self.position + count
        for at, samples in ahead:
            if at is not None and abs(at + self._shift - expected) <= self._tolerance:
                return True
            expected += samples
        return False

    def damage(self) -> None:
        """A packet could not be decoded; its sound is missing from here on."""
        self._damages += 1
        self._hurt = True

    def end(self, at: int | None) -> int:
        """The last packet ended at `at` -> silence to add, if what came last was lost."""
        if not self._hurt or at is None or not self._begun:
            return 0
        silence = at + self._shift - self.position
        if silence <= self._tolerance or self.position + silence > self._limit:
            return 0
        self.lost += silence
        self.position += silence
        return silence

    def notes(self) -> list[str]:
        """What a person should know, one sentence each; empty when all was in order."""

        def seconds(samples: int) -> str:
            return f"{samples / self._rate:.3f} s"

        sentences = []
        if self.early > self._tolerance:
            sentences.append(f"{seconds(self.early)} of sound before the picture begins was left out")
        if self._damages:
            sentences.append(
                f"{self._damages} damaged packets could not be decoded; "
                f"{seconds(self.lost)} of silence stands in for them"
            )
        if self._gaps:
            sentences.append(
                f"{self._gaps} gaps in the sound were filled with {seconds(self.filled)} of silence"
            )
        if self._overlaps:
            sentences.append(
                f"{self._overlaps} overlaps in the sound were resolved by cutting {seconds(self.cut)}"
            )
        if self._clocks:
            sentences.append(f"the clock of the sound was set anew {self._clocks} times; taken as continuous")
        return sentences


def cut_evenly(pieces: Iterable[Block], size: int) -> Iterator[Block]:
    """Pieces (channels, any) -> contiguous blocks (channels, size), the last one shorter."""
    held: list[Block] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.shape[1]
        if count >= size:
            joined = np.concatenate(held, axis=1)
            for start in range(0, count - size + 1, size):
                yield np.ascontiguousarray(joined[:, start : start + size])
            held, count = [joined[:, count - count % size :].copy()], count % size
    if count:
        yield np.ascontiguousarray(np.concatenate(held, axis=1))


def silence(channels: int, frames: int, size: int) -> Iterator[Block]:
    """So many samples of silence, in pieces of at most `size`."""
    for start in range(0, frames, size):
        yield np.zeros((channels, min(size, frames - start)), np.float32)


def as_float(samples: NDArray[np.generic], channels: int) -> tuple[Block, bool]:
    """A decoder's samples -> float32 (channels, n) at full scale 1.0, and whether nothing was rounded.

    Comes as (channels, n) or, channels interleaved, as (1, channels * n). Integers are divided by half
    their range (8-bit ones lie around 128), so up to 24 bits stay exact.
    """
    if samples.shape[0] != channels:
        samples = samples.reshape(-1, channels).T
    if samples.dtype == np.float32:
        return np.ascontiguousarray(samples, np.float32), True
    wide = samples.astype(np.float64)
    if samples.dtype == np.uint8:
        wide = (wide - 128) / 128
    elif samples.dtype.kind == "i":
        wide /= 2.0 ** (8 * samples.dtype.itemsize - 1)
    narrow = np.ascontiguousarray(wide, np.float32)
    return narrow, bool((narrow == wide).all())


def speakers(names: tuple[str, ...]) -> tuple[list[int] | None, str]:
    """Names of a stream's channels, in its order -> (order that makes it a WAV's, layout).

    The order is None when nothing needs to move, or when a channel is unknown and nothing may.
    """
    known = set(names) <= set(_SPEAKERS) and len(set(names)) == len(names)
    if len(names) <= 2:
        return None, ("mono", "stereo")[len(names) - 1]
    if not known:
        unnamed = set(names) == {"NONE"}  # a plain WAV with no speaker mask: read as the usual layout
        return None, {6: "5.1", 8: "7.1"}.get(len(names), "discrete") if unnamed else "discrete"
    order = sorted(range(len(names)), key=lambda n: _SPEAKERS.index(names[n]))
    layout = _LAYOUTS.get(tuple(names[n] for n in order), "discrete")
    return (None if order == list(range(len(names))) else order), layout

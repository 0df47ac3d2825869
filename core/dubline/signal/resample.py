"""Changing the sample rate in a stream, with exact lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def resampled(blocks: Iterable[Array], rate: int, target: int, frames: int) -> Iterator[Array]:
    """Blocks (channels, n) at `rate` -> blocks at `target`, exactly `frames` samples in all.

    soxr's stream gives what its one-shot form gives. Where the filter ends a sample early, silence fills.
    """
    yield from _exactly(blocks if rate == target else _converted(blocks, rate, target), frames)


def _converted(blocks: Iterable[Array], rate: int, target: int) -> Iterator[Array]:
    import soxr

    stream = None
    channels = 0
    for block in blocks:
        if stream is None:
            channels = block.shape[0]
            stream = soxr.ResampleStream(rate, target, channels, dtype="float32", quality="VHQ")
        if block.shape[1]:
            yield np.ascontiguousarray(stream.resample_chunk(np.ascontiguousarray(block.T)).T)
    if stream is not None:
        rest = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        yield np.ascontiguousarray(rest.T)


def _exactly(blocks: Iterable[Array], frames: int) -> Iterator[Array]:
    left = frames
    channels = 1
    for block in blocks:
        channels = block.shape[0]
        if block.shape[1] and left:
            yield block[:, :left]
            left -= min(left, block.shape[1])
    for at in range(0, left, 65536):
        yield np.zeros((channels, min(65536, left - at)), np.float32)


class Reader:
    """An iterator of blocks as something one can take n samples from."""

    def __init__(self, blocks: Iterable[Array]) -> None:
        self._blocks = iter(blocks)
        self._held: list[Array] = []
        self._count = 0

    def take(self, frames: int) -> Array:
        """The next `frames` samples, (channels, frames); fewer only at the end."""
        while self._count < frames:
            block = next(self._blocks, None)
            if block is None:
                break
            self._held.append(block)
            self._count += block.shape[-1]
        if not self._held:
            raise EOFError("no more sound")
        joined = self._held[0] if len(self._held) == 1 else np.concatenate(self._held, axis=-1)
        self._held = [joined[..., frames:]]
        self._count = joined.shape[-1] - min(frames, joined.shape[-1])
        return joined[..., :frames]

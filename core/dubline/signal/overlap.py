"""Overlap-add in a stream: a model that hears a few seconds at a time, run over a sound of any length.

The result is that of Demucs' `apply_model(split=True)` on the whole sound, which the tests hold to 1e-6;
memory is that of two chunks. How the framing works there, and so here (demucs 4.1, `apply.py`):

* a chunk begins every `stride` samples, also where less than a whole chunk is left;
* a chunk that is shorter than the model's length is centred in it: real samples to its left as far as
  there are any, zeros beyond the ends of the sound;
* results are weighted by a triangle and divided by the sum of weights. A short chunk uses the first part
  of the triangle, not a shorter one.

Once a chunk at offset k is in, nothing before k changes any more, so everything before k can leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def triangle(length: int) -> Array:
    """The weights 1..length/2..1, scaled to a peak of 1. Shape (length,)."""
    rising = np.arange(1, length // 2 + 1, dtype=np.float32)
    falling = np.arange(length - length // 2, 0, -1, dtype=np.float32)
    weights = np.concatenate([rising, falling])
    return np.asarray(weights / weights.max(), dtype=np.float32)


class OverlapAdd:
    """One model's way over one sound.

    Args:
        run: (batch, 2, n) -> (batch, outputs, 2, n), the model itself.
        outputs: how many outputs `run` has.
        segment: samples in a whole chunk.
        stride: samples from one chunk's beginning to the next.
        length_for: how many samples the model wants for a chunk of so many (>= that many).
        batch: a callable that tells how many chunks to give to `run` at once.
        lead: samples of silence put before the sound and taken off the result again: the "shift trick".
    """

    def __init__(
        self,
        run: Callable[[Array], Array],
        *,
        outputs: int,
        segment: int,
        stride: int,
        length_for: Callable[[int], int],
        batch: Callable[[], int] = lambda: 1,
        lead: int = 0,
    ) -> None:
        self._run = run
        self._segment, self._stride = segment, stride
        self._length_for, self._batch = length_for, batch
        self._weights = triangle(segment)
        spare = length_for(segment) - segment  # a model may want more than the chunk, on both sides
        self._ahead = spare - spare // 2
        self._outputs = outputs
        self._heard: Array = np.zeros((2, lead), np.float32)  # what chunks to come may still look at
        self._heard_from = 0
        self._total = lead
        self._next = 0  # where the next chunk begins
        self._waiting: list[tuple[int, int]] = []  # (offset, length) of chunks collected for a batch
        self._sum: Array = np.zeros((outputs, 2, segment), np.float32)
        self._weight: Array = np.zeros(segment, np.float32)
        self._done = 0  # samples that have left; `_sum` begins here
        self._drop = lead

    def push(self, block: Array) -> Array:
        """(2, n) -> what is finished, (outputs, 2, m)."""
        self._heard = np.concatenate([self._heard, block], axis=1)
        self._total += block.shape[1]
        finished: list[Array] = []
        while self._total - self._next >= self._segment + self._ahead:
            self._waiting.append((self._next, self._segment))
            self._next += self._stride
            if len(self._waiting) >= self._batch():
                self._process(finished)
        self._forget()
        return self._joined(finished)

    def flush(self) -> Array:
        """The sound has ended: (outputs, 2, rest)."""
        finished: list[Array] = []
        while self._next < self._total:
            self._waiting.append((self._next, min(self._segment, self._total - self._next)))
            self._next += self._stride
            if len(self._waiting) >= self._batch():
                self._process(finished)
        self._process(finished)
        self._leave(self._total, finished)
        return self._joined(finished)

    def _process(self, finished: list[Array]) -> None:
        while self._waiting:
            offset, length = self._waiting[0]
            size = self._length_for(length)
            alike = 1  # a batch holds chunks of one length
            while alike < len(self._waiting) and self._length_for(self._waiting[alike][1]) == size:
                alike += 1
            alike = min(alike, max(1, self._batch()))
            chunks = self._waiting[:alike]
            results = self._run(np.stack([self._context(*chunk, size) for chunk in chunks]))
            # (batch, outputs, 2, size)
            del self._waiting[:alike]
            for (offset, length), result in zip(chunks, results, strict=True):
                self._leave(offset, finished)
                skip = (size - length) // 2
                weights = self._weights[:length]
                at = slice(offset - self._done, offset - self._done + length)
                self._sum[..., at] += weights * result[..., skip : skip + length]
                self._weight[at] += weights

    def _context(self, offset: int, length: int, size: int) -> Array:
        """The model's input for one chunk: (2, size)."""
        start = offset - (size - length) // 2
        end = start + size
        real_start, real_end = max(0, start), min(self._total, end)
        real = self._heard[:, real_start - self._heard_from : real_end - self._heard_from]
        return np.pad(real, ((0, 0), (real_start - start, end - real_end)))

    def _leave(self, upto: int, finished: list[Array]) -> None:
        """Move everything before `upto` out of the sum."""
        count = upto - self._done
        if count <= 0:
            return
        ready = self._sum[..., :count] / self._weight[:count]
        self._sum = np.concatenate([self._sum[..., count:], np.zeros_like(ready)], axis=-1)
        self._weight = np.concatenate([self._weight[count:], np.zeros(count, np.float32)])
        self._done = upto
        dropped = min(self._drop, count)
        self._drop -= dropped
        if count > dropped:
            finished.append(ready[..., dropped:])

    def _forget(self) -> None:
        # A chunk looks back at most the length the model wants, and a short last one nearly half of it.
        earliest = self._waiting[0][0] if self._waiting else self._next
        keep_from = max(0, earliest - self._length_for(self._segment))
        if keep_from > self._heard_from:
            self._heard = self._heard[:, keep_from - self._heard_from :].copy()
            self._heard_from = keep_from

    def _joined(self, finished: list[Array]) -> Array:
        if not finished:
            return np.zeros((self._outputs, 2, 0), np.float32)
        return finished[0] if len(finished) == 1 else np.concatenate(finished, axis=-1)

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as arrays and integers."""
        return {
            "heard": self._heard,
            "heard_from": self._heard_from,
            "total": self._total,
            "next": self._next,
            "waiting": np.array(self._waiting, np.int64).reshape(-1, 2),
            "sum": self._sum,
            "weight": self._weight,
            "done": self._done,
            "drop": self._drop,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same settings."""
        self._heard = np.asarray(state["heard"], np.float32)
        self._heard_from, self._total = int(state["heard_from"]), int(state["total"])
        self._next, self._done, self._drop = int(state["next"]), int(state["done"]), int(state["drop"])
        self._waiting = [(int(a), int(b)) for a, b in np.asarray(state["waiting"]).reshape(-1, 2)]
        self._sum = np.array(state["sum"], np.float32)
        self._weight = np.array(state["weight"], np.float32)


class Statistics:
    """Mean and unbiased standard deviation of the channel mean, in one pass and in double precision.

    Blocks are merged by the pairwise update of Chan, Golub and LeVeque (1979), so the result does not
    depend on the block size beyond rounding. `peak` is the largest magnitude in any channel.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.mean = 0.0
        self.peak = 0.0
        self._squares = 0.0

    def push(self, block: Array) -> None:
        """Take in (channels, n) samples."""
        count = block.shape[1]
        if not count:
            return
        middle = block.mean(axis=0, dtype=np.float32).astype(np.float64)
        mean = float(middle.mean())
        step = mean - self.mean
        total = self.frames + count
        self._squares += float(((middle - mean) ** 2).sum()) + step * step * self.frames * count / total
        self.mean += step * count / total
        self.frames = total
        self.peak = max(self.peak, float(np.abs(block).max()))

    @property
    def std(self) -> float:
        """Standard deviation, n - 1 in the denominator; 0.0 for fewer than two samples."""
        return (self._squares / (self.frames - 1)) ** 0.5 if self.frames > 1 else 0.0

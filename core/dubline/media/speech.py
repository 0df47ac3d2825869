"""A sound as speech back ends hear it: one channel at 16 kHz, any stretch of it at any time.

The whole sound is brought there once, by a streaming resampler, into a raw file; what is read of it is held
by whoever reads it. So a three-hour film costs 0.7 GB of disk and no memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dubline.errors import ValidationError
from dubline.media.sound import FloatFile, read_blocks
from dubline.report import Report, silent
from dubline.signal.resample import resampled
from dubline.timebase import resampled_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dubline.values.media import Sound

RATE = 16000


class Speech:
    """One channel at 16 kHz in a file. `frames` samples; `duration` seconds."""

    rate = RATE

    def __init__(self, path: Path) -> None:
        self._file = FloatFile(path, 1)
        self.frames = self._file.frames
        self.duration = self.frames / RATE

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples start..stop as (n,) float32; what lies outside the sound is silence."""
        inside_start, inside_stop = max(0, start), max(0, min(stop, self.frames))
        out = np.zeros(max(0, stop - start), np.float32)
        if inside_stop > inside_start:
            (block,) = self._file.blocks(inside_stop - inside_start, inside_start, inside_stop)
            out[inside_start - start : inside_stop - start] = block[0]
        return out

    def blocks(self, frames: int = RATE) -> Iterator[NDArray[np.float32]]:
        """The sound from its start in (n,) pieces."""
        for block in self._file.blocks(frames):
            yield block[0]

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()

    def __enter__(self) -> Speech:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def mixdown(source: Path, sound: Sound, channel: int | None = None) -> Iterator[NDArray[np.float32]]:
    """A sound's mean of channels (or one channel) at its own rate, as (1, n) blocks.

    A 5.1 or 7.1 sound counts with its three fronts: speech has no business in the others, and noise there
    would only cover it.

    Raises:
        ValidationError: a sample is not a number.
    """
    columns = [channel] if channel is not None else list(range(sound.channels))
    if channel is None and sound.layout in ("5.1", "7.1"):
        columns = [0, 1, 2]
    for block in read_blocks(source):
        middle = block[columns].mean(axis=0, dtype=np.float32, keepdims=True)
        if not np.isfinite(middle).all():
            raise ValidationError(
                f"{source.name} holds samples that are not numbers",
                hint="Export it again, or as 24-bit WAV.",
            )
        yield middle


def prepare_speech(
    source: Path, sound: Sound, target: Path, *, channel: int | None = None, report: Report = silent
) -> Speech:
    """Write the `mixdown` of a sound at 16 kHz to `target` and open it.

    Raises:
        ValidationError: a sample is not a number.
        StorageFull: the disk is full.
    """
    frames = resampled_length(sound.frames, sound.rate, RATE, "ceil")
    with FloatFile(target, 1) as file:
        file.truncate(0)
        for block in resampled(mixdown(source, sound, channel), sound.rate, RATE, frames):
            file.append(block)
            report(file.frames / RATE, frames / RATE)
        file.sync()
    return Speech(target)

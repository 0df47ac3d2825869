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
from dubline.signal.channels import NAMES
from dubline.signal.resample import resampled
from dubline.timebase import resampled_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dubline.signal.downmix import Downmix
    from dubline.values.media import Sound

RATE = 16000
LOWEST_RATE = 8000  # hertz: below, there is too little of a voice to tell it by
QUIET, LOUD = -50.0, 20.0
"""A channel is loud above so many dBFS, and at most so many dB under the loudest front."""


class Speech:
    """One channel at 16 kHz in a file. `frames` samples; `duration` seconds; `notes` on how it was made."""

    rate = RATE
    notes: tuple[str, ...] = ()

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

    def level(self) -> float:
        """Mean square of the sound in dBFS; -120 where it is silent."""
        energy = sum(float(np.square(block, dtype=np.float64).sum()) for block in self.blocks())
        return float(10 * np.log10(max(energy / max(1, self.frames), 1e-12)))

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()

    def __enter__(self) -> Speech:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def mixdown(
    source: Path,
    sound: Sound,
    channel: int | None = None,
    tell: Callable[[str], None] = lambda note: None,
    *,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[NDArray[np.float32]]:
    """A sound, from the sample `start` to `stop`, as one channel (or one channel of it) at its own rate: (1,
    n) blocks.

    It is the mean of the channels, in which voices that are late, inverted or on one side are kept as
    `dubline.signal.downmix` tells. Of a 5.1 or 7.1 sound the three fronts are always listened to, the
    surrounds while they sound of speech, and the LFE never: what else is there would only cover speech.
    `tell` gets, in the end, sentences on surrounds that were listened to, and on loud ones that were not.

    Raises:
        ValidationError: a sample is not a number.
    """
    surround = sound.layout in ("5.1", "7.1")
    fronts = [0, 1, 2] if surround else list(range(sound.channels))
    behind = list(range(4, sound.channels)) if surround else []
    if channel is not None:
        fronts, behind = [channel], []
    columns = fronts + behind
    plain = len(columns) == 1 or sound.rate < LOWEST_RATE

    def mean_and_channels() -> Iterator[NDArray[np.float32]]:
        for block in read_blocks(source, start=start, stop=stop):
            if not np.isfinite(block[columns]).all():
                raise ValidationError(
                    f"{source.name} holds samples that are not numbers",
                    hint="Export it again, or as 24-bit WAV.",
                )
            mean = block[fronts].mean(axis=0, dtype=np.float32, keepdims=True)
            yield mean if plain else np.concatenate([mean, block[columns]])

    if plain:
        yield from mean_and_channels()
        return
    from dubline.signal.downmix import Downmix  # with it comes SciPy, which most commands do without

    downmix = Downmix(sound.rate, len(fronts), len(behind))
    yield from downmix.blocks(mean_and_channels())
    for note in _told(downmix, len(fronts), [NAMES[sound.layout][k] for k in behind], sound.frames):
        tell(note)


def prepare_speech(
    source: Path, sound: Sound, target: Path, *, channel: int | None = None, report: Report = silent
) -> Speech:
    """Write the `mixdown` of a sound at 16 kHz to `target` and open it, with the notes on it.

    Raises:
        ValidationError: a sample is not a number.
        StorageFull: the disk is full.
    """
    frames = resampled_length(sound.frames, sound.rate, RATE, "ceil")
    notes: list[str] = []
    with FloatFile(target, 1) as file:
        file.truncate(0)
        for block in resampled(mixdown(source, sound, channel, notes.append), sound.rate, RATE, frames):
            file.append(block)
            report(file.frames / RATE, frames / RATE)
        file.sync()
    speech = Speech(target)
    speech.notes = tuple(notes)
    return speech


def _told(downmix: Downmix, fronts: int, behind: list[str], frames: int) -> tuple[str, ...]:
    """What is to be said about surrounds."""
    levels = 10 * np.log10(np.maximum(downmix.energy / max(1, frames), 1e-12))
    left_out = [
        f"{name} ({level:.0f} dBFS)"
        for name, level, heard in zip(behind, levels[fronts:], downmix.heard[fronts:], strict=True)
        if not heard and level > max(QUIET, levels[:fronts].max() - LOUD)
    ]
    listened = [
        f"{name} ({heard:.0f} s)"
        for name, heard in zip(behind, downmix.heard[fronts:], strict=True)
        if heard >= 1
    ]
    notes = []
    if listened:
        notes.append(f"voices were listened for beside the fronts too: {', '.join(listened)}")
    if left_out:
        notes.append(
            f"loud, but not listened to, since nothing there sounds like speech: {', '.join(left_out)}"
        )
    return tuple(notes)

"""Sound for an AAF: one mono stream of 48 kHz PCM for each channel, taken from a file block by block.

    with open_sound(path) as sound:
        for block in sound.blocks():        # int32 (channels, samples), the highest bits used
            ...

16 and 24 bits go over bit for bit. What has more becomes 24 bits, and another rate 48 kHz; `changes` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dubline.errors import AudioProcessingError, InvalidJob, ValidationError
from dubline.timebase import resampled_length

RATE = 48_000
"""Samples a second: what Avid and Pro Tools sessions for picture run at."""
BLOCK = 1 << 16
"""Samples of a channel that are in memory at a time."""
NARROW = {"PCM_16": 16, "PCM_S8": 16, "PCM_U8": 16, "PCM_24": 24}
"""Kinds of sample that fit into whole bytes of PCM as they are."""
CHANNELS = {
    1: ("",),
    2: ("L", "R"),
    6: ("L", "R", "C", "LFE", "Ls", "Rs"),
    8: ("L", "R", "C", "LFE", "Lb", "Rb", "Ls", "Rs"),
}
"""Names by number of channels, in the order of WAV's channel mask (5.1 and 7.1 as Dubline writes them)."""


def channel_names(channels: int) -> tuple[str, ...]:
    """A name for each channel: L, R ... or its number, counted from 1."""
    return CHANNELS.get(channels) or tuple(str(number) for number in range(1, channels + 1))


class SoundFile:
    """An open sound file. `frames` counts samples at 48 kHz, `bits` is 16 or 24."""

    def __init__(self, path: str, opened: Any) -> None:
        self.path = path
        self._file = opened
        self.rate = int(opened.samplerate)
        self.channels = int(opened.channels)
        self.frames = resampled_length(int(opened.frames), self.rate, RATE)
        exact = self.rate == RATE and opened.subtype in NARROW
        self.bits = NARROW[opened.subtype] if exact else 24
        self.changes: list[str] = []
        if self.rate != RATE:
            self.changes.append(f"{path} was converted from {self.rate} Hz to 48,000 Hz.")
        elif not exact:
            self.changes.append(f"{path} was written with 24 bits; it has more.")
        self._exact = exact

    def blocks(self) -> Iterator[np.ndarray[Any, Any]]:
        """The sound from its beginning, `frames` samples in all: int32 (channels, samples).

        Raises:
            AudioProcessingError: the file ends before its head says.
            ValidationError: a sample is not a number.
        """
        if self._exact:
            for block in self._read("int32"):
                yield block.T
            return
        clipped = 0
        for block in self._at_rate():
            if not np.isfinite(block).all():
                raise ValidationError(
                    f"{self.path} holds samples that are not numbers", hint="Make that sound again."
                )
            scaled = np.floor(block * 2.0**23 + 0.5)
            clipped += int(((scaled > 2**23 - 1) | (scaled < -(2**23))).sum())
            yield (np.clip(scaled, -(2**23), 2**23 - 1).astype(np.int32) << 8).T
        if clipped:
            self.changes.append(f"{clipped} samples of {self.path} were louder than full scale and are cut.")

    def _read(self, kind: str) -> Iterator[np.ndarray[Any, Any]]:
        """(samples, channels), as the file has them."""
        self._file.seek(0)
        left = int(self._file.frames)
        while left > 0:
            block = self._block(min(BLOCK, left), kind)
            if not len(block):
                raise AudioProcessingError(
                    f"{self.path} ends {left} samples before its head says", hint="Make that sound again."
                )
            left -= len(block)
            yield block

    def _block(self, samples: int, kind: str) -> np.ndarray[Any, Any]:
        import soundfile

        try:
            block: np.ndarray[Any, Any] = self._file.read(samples, dtype=kind, always_2d=True)
        except soundfile.SoundFileError as error:
            raise AudioProcessingError(
                f"{self.path} is damaged: {error}", hint="Make that sound again."
            ) from None
        return block

    def _at_rate(self) -> Iterator[np.ndarray[Any, Any]]:
        """(samples, channels) in floats at 48 kHz, exactly `frames` of them."""
        if self.rate == RATE:
            yield from self._read("float64")
            return
        import soxr

        converter = soxr.ResampleStream(self.rate, RATE, self.channels, dtype="float64", quality="VHQ")
        left = self.frames
        for block in self._read("float64"):
            made = converter.resample_chunk(block)[:left]
            left -= len(made)
            yield made
        made = converter.resample_chunk(np.zeros((0, self.channels)), last=True)[:left]
        yield made
        if left > len(made):  # soxr may round the length down
            yield np.zeros((left - len(made), self.channels))


@contextmanager
def open_sound(path: str) -> Iterator[SoundFile]:
    """A sound file that soundfile reads.

    Raises:
        InvalidJob: it cannot be read, or holds nothing.
    """
    import soundfile

    try:
        opened = soundfile.SoundFile(path)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise InvalidJob(
            f"{path} cannot be read as sound: {error}",
            hint="Put it back in its place, or make it again with its command.",
        ) from None
    with opened:
        yield SoundFile(path, opened)


def pcm(channel: np.ndarray[Any, Any], bits: int) -> bytes:
    """Samples of one channel -> little-endian PCM of 16 or 24 bits."""
    data = np.ascontiguousarray(channel, dtype="<i4").view(np.uint8).reshape(-1, 4)
    return data[:, 4 - bits // 8 :].tobytes()

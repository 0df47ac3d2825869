"""Takes that were spoken before, in the run folder: `memory/takes/KEY.wav` and what is known about each.

The key is everything that a take depends on, so an edited line is spoken anew and no other. A take without
its record was not finished, and one that does not match it was damaged: both are made again.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from dubline.errors import DublineError
from dubline.files import remove, write_whole
from dubline.media.sound import SoundWriter, open_sound
from dubline.values.base import Value
from dubline.values.sealed import read_sealed, sealed
from dubline.values.translated import FitStatus
from dubline.voice.fitting import FittedTake


class KeptTake(Value, frozen=True):
    """The figures of a take (see `dubbed.Take`); `frames` samples at `rate`, `fingerprint` of the file."""

    frames: int
    rate: int
    natural: float
    borrowed: float
    speed: float
    stretch: float
    status: FitStatus
    fingerprint: str = ""


class KeptTakes:
    """The takes in a folder, which is made when the first one is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> KeptTake | None:
        """What is known of a take; None where there is none, or not a whole one."""
        with contextlib.suppress(OSError, ValueError, DublineError):  # msgspec's errors are ValueErrors
            known = read_sealed(self._record(key), KeptTake)
            sound = open_sound(self.sound(key))
            right = (sound.frames, sound.rate, sound.channels) == (known.frames, known.rate, 1)
            if right and known.fingerprint in ("", _mark(self.sound(key))):
                return known
        return None

    def add(self, key: str, take: FittedTake, rate: int) -> KeptTake:
        """Keep a take; whole on disk when this returns.

        Raises:
            StorageFull: the disk is full.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        frames = take.sound.shape[1]
        self._record(key).unlink(missing_ok=True)
        remove(self.sound(key))
        with SoundWriter(self.sound(key), rate, 1, frames) as file:
            file.write(take.sound)
        figures = {name: figure for name, figure in take._asdict().items() if name != "sound"}
        known = KeptTake(frames=frames, rate=rate, fingerprint=_mark(self.sound(key)), **figures)
        write_whole(self._record(key), sealed(known))
        return known

    def sound(self, key: str) -> Path:
        """Where the take's file is."""
        return self._folder / f"{key}.wav"

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _mark(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

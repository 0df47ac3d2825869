"""Takes that were spoken before, in the run folder: `memory/takes/KEY.wav` and what is known about each.

The key is everything that a take depends on, so an edited line is spoken anew and no other. A take without
its record was not finished, and one that does not match it was damaged: both are made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

from dubline.errors import DublineError
from dubline.files import write_whole
from dubline.media.sound import SoundWriter, open_sound
from dubline.values.base import Value, to_json
from dubline.values.json_files import kept_json
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
        known = kept_json(self._record(key), KeptTake)
        if known is None:
            return None
        with contextlib.suppress(OSError, ValueError, DublineError):
            sound = open_sound(self.sound(key))
            if (sound.frames, sound.rate, sound.channels) == (known.frames, known.rate, 1):
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
        with SoundWriter(self.sound(key), rate, 1, frames) as file:
            file.write(take.sound)
        figures = {name: figure for name, figure in take._asdict().items() if name != "sound"}
        mark = hashlib.sha256(self.sound(key).read_bytes()).hexdigest()[:16]
        known = KeptTake(frames=frames, rate=rate, fingerprint=mark, **figures)
        write_whole(self._record(key), to_json(known))
        return known

    def sound(self, key: str) -> Path:
        """Where the take's file is."""
        return self._folder / f"{key}.wav"

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def put(source: Path, target: Path) -> None:
    """A file to a place: a hard link, or a copy where links don't work."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)

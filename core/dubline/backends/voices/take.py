"""What a voice gives back as a take."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dubline.backends.contract import Spoken
from dubline.errors import BackendFailed, DublineError
from dubline.media.sound import open_sound, read_blocks

LONGEST_TAKE = 600.0  # seconds of sound for one line; what is longer is no line


def read_spoken(path: Path, name: str) -> Spoken:
    """A sound file that a voice wrote, its channels averaged: (1, samples) float32.

    Raises:
        BackendFailed: no file, no sound in it, longer than ten minutes, or no sound file at all.
    """
    hint = "The voice has to write a sound file such as WAV, with one line in it."
    try:
        sound = open_sound(path)
        if sound.duration > LONGEST_TAKE:
            raise BackendFailed(f"{name} gave {sound.duration:.0f} s of sound for one line", hint=hint)
        blocks = [block.mean(axis=0, keepdims=True) for block in read_blocks(path)]
    except BackendFailed:
        raise
    except DublineError as error:
        # The file's own name is a temporary one and tells nobody anything.
        said = str(error).replace(str(path), "its sound")
        raise BackendFailed(f"{name} gave no usable sound: {said}", hint=hint) from None
    return Spoken(sound=np.concatenate(blocks, axis=1, dtype=np.float32), rate=sound.rate)

"""`raw_audio.wav`: a film's sound as mono at 44.1 kHz and 16 bit, for programs that take nothing else.

It is a by-product. Nothing of Dubline hears it, since left and right tell voices from the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dubline.media.sound import Block, SoundWriter, read_blocks
from dubline.run import Run, Work, step
from dubline.signal.resample import resampled
from dubline.timebase import resampled_length
from dubline.values.media import Sound

NAME = "raw_audio.wav"
RATE = 44100


def raw_audio(run: Run, sound: Sound) -> Path:
    """Write `raw_audio.wav`, and link it where it is looked for.

    Raises:
        AudioProcessingError, StorageFull, Cancelled.
    """
    return run.publish(run.step(write_raw_audio, sound).path, run.layout.raw_audio)


@step("raw_audio", version=1)
def write_raw_audio(work: Work, sound: Sound) -> Sound:
    """The mean of a sound's channels; in 5.1 and 7.1 of the three fronts, which have the dialogue."""
    fronts = 3 if sound.layout in ("5.1", "7.1") else sound.channels
    frames = resampled_length(sound.frames, sound.rate, RATE)

    def mono() -> Iterator[Block]:
        for block in read_blocks(work.open(sound.path)):
            yield block[:fronts].mean(axis=0, dtype=np.float32, keepdims=True)

    with SoundWriter(work.folder / NAME, RATE, 1, frames, "PCM_16") as writer:
        for block in resampled(mono(), sound.rate, RATE, frames):
            writer.write(block)
            work.report(writer.frames / RATE, sound.duration)
    if writer.clipped:
        work.note(f"{writer.clipped} samples of {NAME} went over full scale and were limited to it")
    return Sound(path=work.result(NAME), rate=RATE, channels=1, frames=frames, layout="mono")

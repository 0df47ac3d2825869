"""`no_vocals.wav`: everything but the voices in one file, for who wants two stems and not four."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from dubline.media.sound import SoundWriter, Subtype, read_blocks, system_name
from dubline.run import Run, Work, step
from dubline.values.base import Value
from dubline.values.stems import Stems

NAME = "no_vocals.wav"


class NoVocals(Value, frozen=True):
    """The file of the run."""

    path: str


def no_vocals(run: Run, stems: Stems) -> Path:
    """Write `no_vocals.wav`, and link it where it is looked for.

    Raises:
        AudioProcessingError, StorageFull, Cancelled.
    """
    return run.publish(run.step(write_no_vocals, stems).path, run.layout.no_vocals)


@step("no_vocals", version=1)
def write_no_vocals(work: Work, stems: Stems) -> NoVocals:
    """The sound minus its voices, which is music, sfx and ambient together: as deep and long as the stems."""
    import soundfile

    sound, vocals = stems.source, work.open(stems.vocals.path)
    depth = cast(Subtype, soundfile.info(system_name(vocals)).subtype)
    blocks = zip(read_blocks(work.open(sound.path)), read_blocks(vocals), strict=True)
    with SoundWriter(
        work.folder / NAME, sound.rate, sound.channels, sound.frames, depth, layout=sound.layout
    ) as writer:
        for whole, voices in blocks:
            writer.write((whole.astype(np.float64) - voices).astype(np.float32))
            work.report(writer.frames / sound.rate, sound.duration)
    if writer.clipped:
        work.note(f"{writer.clipped} samples of {NAME} went over full scale and were limited to it")
    return NoVocals(path=work.result(NAME))

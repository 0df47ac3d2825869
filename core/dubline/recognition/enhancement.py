"""The voice in a film's own sound, brought out for listening: one channel at 16 kHz, made by DeepFilterNet.

Nothing is separated for it: the separator of that name hears the mixdown once, without stems, sums or files
at full rate. What it leaves out is music, noise and room, and with them some of what a recognizer goes by.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.backends.choosing import opened
from dubline.backends.contract import Survey
from dubline.media.sound import FloatFile, read_blocks
from dubline.media.speech import RATE, Speech, mixdown
from dubline.recognition.stage import SpeechFile
from dubline.report import Report, silent
from dubline.run import Work, step
from dubline.signal.resample import resampled
from dubline.timebase import resampled_length
from dubline.values.base import Choice
from dubline.values.media import Sound


@step("enhance", version=1)
def enhance(work: Work, sound: Sound, separator: Choice) -> SpeechFile:
    """Bring a sound to one channel at 16 kHz, without what is not voice.

    Raises:
        BackendMissing, WeightsError: the separator cannot be used.
        ValidationError: a sample is not a number.
        StorageFull, Cancelled.
    """
    path = work.folder / "speech.f32"
    with (
        opened("separator", separator, work.hints, work.note) as network,
        enhanced(work.open(sound.path), sound, path, network, report=work.report) as speech,
    ):
        frames = speech.frames
    return SpeechFile(path=work.result("speech.f32"), frames=frames)


def enhanced(source: Path, sound: Sound, target: Path, network: Any, *, report: Report = silent) -> Speech:
    """Write the voice that an open separator hears in the mixdown of a sound, at 16 kHz, to `target`.

    The separator's first source is taken. Memory does not grow with the length of the sound.
    """
    frames = resampled_length(sound.frames, sound.rate, RATE, "ceil")
    inner = resampled_length(sound.frames, sound.rate, network.rate, "ceil")
    survey = Survey(frames=inner, rate=network.rate, mean=_mean(source), mono=True)
    with FloatFile(target, 1) as file:
        file.truncate(0)
        voice = _voice(source, sound, network, survey, report)
        for block in resampled(voice, network.rate, RATE, frames):
            file.append(block)
        file.sync()
    report(frames / RATE, frames / RATE)
    return Speech(target)


def _mean(source: Path) -> float:
    """Of all channels, near enough: the blocks are alike in length but for the last."""
    return float(np.mean([block.mean(dtype=np.float64) for block in read_blocks(source)]))


def _voice(
    source: Path, sound: Sound, network: Any, survey: Survey, report: Report
) -> Iterator[NDArray[np.float32]]:
    """(1, n) blocks of the voice at the separator's rate."""
    done, length = 0, survey.frames / survey.rate

    def tick() -> None:
        report(done / survey.rate, length)

    stream = network.stream(survey, tick)
    for block in resampled(mixdown(source, sound), sound.rate, survey.rate, survey.frames):
        yield stream.push(np.repeat(block, 2, axis=0))[0, :1]
        done += block.shape[1]
        tick()
    yield stream.flush()[0, :1]

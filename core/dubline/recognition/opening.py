"""The first minute of speech, listened to before the long work: is the named language spoken there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.backends.choosing import find, opened
from dubline.media.sound import FloatFile
from dubline.media.speech import RATE, Speech, mixdown
from dubline.recognition.microphones import FRAME, spoken
from dubline.recognition.spoken_language import FIRST, doubt, doubt_told
from dubline.recognition.stage import WordsJob, named_in
from dubline.recognition.stretches import true_runs
from dubline.run import Run, Work, step
from dubline.signal.resample import resampled
from dubline.values.base import Value
from dubline.values.media import Sound
from dubline.values.transcript import Turn
from dubline.weights.wheels import SILERO, find_file

LOOKED = 900
"""Seconds of a film in which its first minute of speech is looked for."""


class Opening(Value, frozen=True):
    """What is to be said about the language that was named; "" where nothing speaks against it."""

    doubt: str = ""


def check_language(run: Run, sound: Sound, job: WordsJob | None, hints: Mapping[str, Any]) -> None:
    """Say so where a language was named and surely another is spoken. Nothing, where nobody named one, where
    no words are recognised, or where the recognizer cannot tell languages apart without recognising."""
    if job is None or not named_in(job) or find_file(SILERO) is None:
        return
    if hasattr(find("recognizer", job.recognizer.backend), "detect"):
        run.step(listen_to_opening, sound, job, hints=dict(hints))


@step("opening", version=1)
def listen_to_opening(work: Work, sound: Sound, job: WordsJob) -> Opening:
    """Whether the language that was named is spoken in the first minute of speech of a sound.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the recognizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    path = work.folder / "opening.f32"
    turns = _first_speech(work, sound, FloatFile(path, 1))
    named, said = named_in(job), ""
    if turns:
        with (
            Speech(path) as speech,
            opened("recognizer", job.recognizer, work.hints, work.note) as recognizer,
        ):
            found = doubt(recognizer, speech, turns, named)
            said = doubt_told(found, named) if found else ""
    path.unlink()
    if said:
        work.note(said, warn=True)
    return Opening(doubt=said)


def _first_speech(work: Work, sound: Sound, file: FloatFile) -> list[Turn]:
    """When somebody speaks, up to a minute in all; as much of the sound is written to the file."""
    from dubline.backends.diarizers.silero import Silero

    model = find_file(SILERO)
    assert model is not None
    detector = Silero(model)
    chances: list[NDArray[np.float32]] = []
    heard, wanted = 0.0, min(FIRST, sound.duration)
    with file:
        file.truncate(0)
        for block in _mono(work, sound):
            file.append(block[None])
            chances.append(detector.chances(block))
            heard += float((chances[-1] >= 0.5).sum()) * FRAME / RATE
            work.report(min(heard, wanted), wanted)
            if heard >= FIRST:
                break
        file.sync()
    if not chances:
        return []
    runs = true_runs(spoken(np.concatenate(chances)))
    return [Turn(start=a * FRAME / RATE, end=b * FRAME / RATE, speaker="") for a, b in runs]


def _mono(work: Work, sound: Sound) -> Iterator[NDArray[np.float32]]:
    """The beginning of a sound as (n,) at 16 kHz, in whole frames of the voice detector but for the last."""
    frames = min(sound.frames, LOOKED * sound.rate)
    blocks = mixdown(work.open(sound.path), sound, stop=frames)
    held = np.zeros(0, np.float32)
    for block in resampled(blocks, sound.rate, RATE, frames * RATE // sound.rate):
        held = np.concatenate([held, block[0]])
        whole = len(held) // FRAME * FRAME
        if whole:
            yield held[:whole]
            held = held[whole:]
    if len(held):
        yield held

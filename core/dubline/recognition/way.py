"""A sound to its transcript: the steps of recognition in their order, for the command and the pipeline.

    transcribe               one sound: who speaks is told by the voices
    transcribe_microphones   a track or channel for each speaker: who speaks is told by the microphones

With a `text` the words are somebody's own, and a recognizer is run only where that text has no times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dubline.errors import InvalidJob
from dubline.media.extraction import extract_sound
from dubline.media.speech import RATE
from dubline.recognition.attribution import attribute_text
from dubline.recognition.given_text import GivenText, place_text
from dubline.recognition.microphones import (
    Microphone,
    MicrophoneRules,
    diarize_microphones,
    recognize_microphones,
)
from dubline.recognition.stage import (
    DiarizationJob,
    Diarized,
    RecognitionJob,
    Recognized,
    SpeechFile,
    cut,
    diarize,
    listen,
    recognize,
)
from dubline.run import Run
from dubline.separation import SeparationJob, separate
from dubline.values.base import Value
from dubline.values.media import Sound
from dubline.values.transcript import Transcript

Hints = Mapping[str, Any]


class TranscriptionJob(Value, frozen=True):
    """What is asked of recognition. `recognition` may be None where `text` is timed."""

    diarization: DiarizationJob
    recognition: RecognitionJob | None = None
    text: GivenText | None = None
    microphones: MicrophoneRules = MicrophoneRules()


class Transcribed(NamedTuple):
    """A transcript, and what it was made from: `heard` is what the speakers were found in; None where each
    had a microphone."""

    transcript: Transcript
    speakers: Diarized
    heard: SpeechFile | None


def voices_of(run: Run, sound: Sound, job: SeparationJob, hints: Hints) -> Sound:
    """The separated voices of a sound, as a sound of the run."""
    spoken = run.step(separate, sound, job, hints=dict(hints)).vocals
    return Sound(
        path=spoken.path,
        rate=spoken.rate,
        channels=spoken.channels,
        frames=spoken.frames,
        layout=spoken.layout,
    )


def transcribe(run: Run, sound: Sound, job: TranscriptionJob, hints: Hints) -> Transcribed:
    """Who says what in a sound.

    Raises:
        InvalidJob: no text and no recognizer; the text does not belong to the sound.
        BackendMissing, WeightsError: a back end cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    heard = run.step(listen, sound, None)
    speakers = run.step(diarize, heard, job.diarization, hints=dict(hints))
    words = None
    if needs_words(job):
        words = run.step(recognize, heard, speakers, _words_job(job), hints=dict(hints))
    return Transcribed(_written(run, heard, speakers, words, job), speakers, heard)


def transcribe_microphones(
    run: Run, microphones: tuple[Microphone, ...], job: TranscriptionJob, hints: Hints
) -> Transcribed:
    """Who says what, where everybody has a microphone; nothing is separated or diarized.

    Raises:
        InvalidJob: as `transcribe`; or a text is to be refined, which needs one sound.
        BackendMissing, WeightsError, Cancelled: as `transcribe`.
    """
    if job.text is not None and job.text.refine:
        raise InvalidJob(
            "times are refined on one sound, and here are several",
            hint="Leave out --refine, or --speakers-from-tracks.",
        )
    heard = tuple(_listened(run, microphone) for microphone in microphones)
    labels = tuple(microphone.label for microphone in microphones)
    names = {microphone.label: microphone.name for microphone in microphones}
    speakers = run.step(diarize_microphones, heard, labels, names, job.microphones)
    words = None
    if needs_words(job):
        words = run.step(recognize_microphones, heard, labels, speakers, _words_job(job), hints=dict(hints))
    longest = max(heard, key=lambda file: file.frames)
    return Transcribed(_written(run, longest, speakers, words, job), speakers, None)


def needs_words(job: TranscriptionJob) -> bool:
    """Whether a recognizer has to listen."""
    return job.text is None or not job.text.timed


def _listened(run: Run, microphone: Microphone) -> SpeechFile:
    if microphone.sound is not None:
        return run.step(listen, microphone.sound, microphone.channel)
    return run.step(listen, run.step(extract_sound, microphone.media, microphone.track), microphone.channel)


def _words_job(job: TranscriptionJob) -> Any:
    if job.recognition is None:
        raise InvalidJob("no recognizer was named", hint="Name one, or give a text with times.")
    return job.recognition.words


def _written(
    run: Run, heard: SpeechFile, speakers: Diarized, words: Recognized | None, job: TranscriptionJob
) -> Transcript:
    duration = heard.frames / RATE
    if job.text is not None:
        placed = run.step(place_text, heard, job.text, words)
        return run.step(attribute_text, placed, speakers, duration)
    assert words is not None and job.recognition is not None
    return run.step(cut, words, speakers, duration, job.recognition.cutting)

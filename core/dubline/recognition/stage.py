"""The recognition stage: a sound in, a transcript out. Three steps, each kept for itself.

    listen      the sound as one channel at 16 kHz
    diarize     who speaks when
    recognize   words for the stretches in which somebody speaks, cut into segments

Another recognizer redoes the last step only; another number of speakers the last two.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dubline.backends import find, options_of
from dubline.errors import InvalidJob
from dubline.model import Choice, Line, ModelIdentity, Sound, Value
from dubline.recognition.cutting import SegmentRules
from dubline.recognition.filters import FilterRules, Passage, filter_passages
from dubline.recognition.segments import segment
from dubline.recognition.stretches import pack
from dubline.run import Work, step
from dubline.transcript import Engine, Transcript, Turn


class SpeechFile(Value, frozen=True):
    """The sound as speech back ends hear it: `frames` samples at 16 kHz in a raw file of the run."""

    path: str
    frames: int


class DiarizationJob(Value, frozen=True):
    """Which diarizer, with what options. `models` are the SHA-256 of its weights where they are known."""

    diarizer: Choice
    models: tuple[str, ...] = ()


class Diarized(Value, frozen=True):
    """Who speaks when, as heard; see `dubline.backends.Diarization`."""

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    engine: Engine
    embeddings: dict[str, tuple[float, ...]] = {}
    embedding: str = ""
    notes: tuple[str, ...] = ()


class RecognitionJob(Value, frozen=True):
    """Which recognizer, and how words become segments and made-up words are found."""

    recognizer: Choice
    segments: SegmentRules = SegmentRules()
    filters: FilterRules = FilterRules()
    models: tuple[str, ...] = ()


@step("listen", version=1)
def listen(work: Work, sound: Sound, channel: int | None) -> SpeechFile:
    """Bring a sound (or one channel of it) to one channel at 16 kHz."""
    from dubline.speech_sound import prepare_speech

    path = work.folder / "speech.f32"
    with prepare_speech(work.open(sound.path), sound, path, channel=channel, report=work.report) as speech:
        frames = speech.frames
    return SpeechFile(path=work.result("speech.f32"), frames=frames)


@step("diarize", version=1)
def diarize(work: Work, heard: SpeechFile, job: DiarizationJob) -> Diarized:
    """Find who speaks when.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the diarizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    from dubline.speech_sound import Speech

    with opened("diarizer", job.diarizer, work) as diarizer, Speech(work.open(heard.path)) as speech:
        found = diarizer.diarize(speech, work.report)
        models = tuple(diarizer.identities)
        for note in diarizer.notes:
            work.note(note)
    if not found.turns:
        work.note("nobody speaks in this sound")
    return Diarized(
        turns=found.turns,
        exclusive=found.exclusive,
        engine=Engine(choice=job.diarizer, models=models),
        embeddings=found.embeddings,
        embedding=found.embedding,
        notes=tuple(work.notes),
    )


@step("recognize", version=1)
def recognize(work: Work, heard: SpeechFile, speakers: Diarized, job: RecognitionJob) -> Transcript:
    """Find the words, leave out what was made up, and cut them into segments by speaker.

    Only stretches in which the diarizer hears somebody are recognised.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the recognizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    from dubline.speech_sound import RATE, Speech

    passages: list[Passage] = []
    languages: dict[str, int] = {}
    with Speech(work.open(heard.path)) as speech:
        stretches = pack(speakers.turns, speech).stretches
        with opened("recognizer", job.recognizer, work) as recognizer:
            for stretch, found in zip(
                stretches, recognizer.recognize(speech, stretches, work.report), strict=True
            ):
                passages.append(
                    Passage(
                        words=found.words,
                        start=stretch.start,
                        end=stretch.end,
                        no_speech=found.no_speech,
                        log_probability=found.log_probability,
                    )
                )
                if found.words:
                    languages[found.language] = languages.get(found.language, 0) + len(found.words)
            models = tuple(recognizer.identities)
            for note in recognizer.notes:
                work.note(note)
    language = str(
        job.recognizer.options.get("language") or max(languages, key=languages.__getitem__, default="")
    )
    voiced = [Line(start=turn.start, end=turn.end) for turn in speakers.turns]
    judged = filter_passages(passages, voiced, language=language, rules=job.filters)
    transcript = segment(
        judged.kept,
        speakers.turns,
        duration=heard.frames / RATE,
        language=language,
        rules=job.segments,
        dropped=judged.dropped,
        recognizer=Engine(choice=job.recognizer, models=models),
        diarizer=speakers.engine,
    )
    if transcript.dropped:
        reasons: dict[str, int] = {}
        for left_out in transcript.dropped:
            reasons[left_out.reason] = reasons.get(left_out.reason, 0) + 1
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        work.note(f"left out: {told}; the transcript keeps them with their reasons")
    return transcript


@contextmanager
def opened(kind: str, choice: Choice, work: Work) -> Iterator[Any]:
    """A chosen back end with its weights in memory; their checksum and licence are told."""
    from dubline.weights import licence_notice

    cls = find(kind, choice.backend)
    known = set(cls.Options.__struct_fields__)
    hints = {k: v for k, v in work.hints.items() if k in known and v is not None}
    try:
        options = options_of(cls, {**choice.options, **hints})
    except InvalidJob as error:
        raise InvalidJob(f"{choice.backend}: {error.message}", hint=error.hint) from None
    with cls(options) as backend:
        for identity in backend.identities:
            _tell(identity, licence_notice(identity), work)
        yield backend


def _tell(identity: ModelIdentity, notice: str | None, work: Work) -> None:
    if identity.sha256:
        sums = ", ".join(f"{f} {d[:16]}" for f, d in zip(identity.files, identity.sha256, strict=True))
        work.note(f"weights of {identity.name}, SHA-256: {sums}")
    if notice:
        work.note(notice)

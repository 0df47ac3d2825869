"""The recognition stage: a sound in, a transcript out. Four steps, each kept for itself.

    listen      the sound as one channel at 16 kHz
    diarize     who speaks when
    recognize   words for the stretches in which somebody speaks
    cut         made-up words left out, the rest cut into segments by speaker

Other rules for cutting redo the last step only; another recognizer the last two; another number of speakers
the last three. `given_text` takes the place of the words, or of their text; `microphones` that of the
diarizer where every speaker has a track.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from dubline.backends.choosing import opened
from dubline.media.speech import Speech, prepare_speech
from dubline.recognition.cutting import SegmentRules
from dubline.recognition.filters import FilterRules, Passage, filter_passages
from dubline.recognition.segments import segment
from dubline.recognition.stretches import pack
from dubline.recognition.word_edges import first_words_on_sound
from dubline.report import Report
from dubline.run import Work, step
from dubline.values.base import Choice, Value
from dubline.values.media import Line, Sound
from dubline.values.transcript import DroppedSegment, Engine, HeardWord, Transcript, Turn


class SpeechFile(Value, frozen=True):
    """The sound as speech back ends hear it: `frames` samples at 16 kHz in a raw file of the run."""

    path: str
    frames: int


class DiarizationJob(Value, frozen=True):
    """Which diarizer, with what options."""

    diarizer: Choice


class Diarized(Value, frozen=True):
    """Who speaks when, as heard; see `dubline.backends.contract.Diarization`.

    `names`: label -> what the material itself calls that voice, such as a track's title.
    """

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    engine: Engine
    embeddings: dict[str, tuple[float, ...]] = {}
    embedding: str = ""
    notes: tuple[str, ...] = ()
    names: dict[str, str] = {}


class WordsJob(Value, frozen=True):
    """Which recognizer, with what options."""

    recognizer: Choice


class CutJob(Value, frozen=True):
    """How words become segments, and how made-up words are found."""

    segments: SegmentRules = SegmentRules()
    filters: FilterRules = FilterRules()


class Recognized(Value, frozen=True):
    """Everything that was heard, before anything is left out; words that one microphone heard alone have its
    speaker. `language` is the one asked for, else that of most words."""

    passages: tuple[Passage, ...]
    language: str
    engine: Engine


@step("listen", version=1)
def listen(work: Work, sound: Sound, channel: int | None) -> SpeechFile:
    """Bring a sound (or one channel of it) to one channel at 16 kHz."""
    path = work.folder / "speech.f32"
    with prepare_speech(work.open(sound.path), sound, path, channel=channel, report=work.report) as speech:
        frames = speech.frames
    return SpeechFile(path=work.result("speech.f32"), frames=frames)


@step("diarize", version=2)
def diarize(work: Work, heard: SpeechFile, job: DiarizationJob) -> Diarized:
    """Find who speaks when.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the diarizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    with (
        opened("diarizer", job.diarizer, work.hints, work.note) as diarizer,
        Speech(work.open(heard.path)) as speech,
    ):
        found = diarizer.diarize(speech, work.report)
        models = tuple(diarizer.identities)
        for note in diarizer.notes:
            work.note(note)
    if not found.turns:
        work.note("nobody speaks in this sound")
    notes = tuple(work.notes)
    _keep_reasons(work, "diarizer", "sound")
    return Diarized(
        turns=found.turns,
        exclusive=found.exclusive,
        engine=Engine(choice=job.diarizer, models=models),
        embeddings=found.embeddings,
        embedding=found.embedding,
        notes=notes,
    )


@step("recognize", version=3)
def recognize(
    work: Work, heard: SpeechFile, speakers: Diarized, job: WordsJob, edges: SpeechFile | None = None
) -> Recognized:
    """Find the words. Only stretches in which the diarizer hears somebody are recognised. `edges`: the sound
    in which first words are moved to where it begins, `heard` where it is left out.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the recognizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    with (
        Speech(work.open(heard.path)) as speech,
        Speech(work.open((edges or heard).path)) as voice,
        opened("recognizer", job.recognizer, work.hints, work.note) as recognizer,
    ):
        found = passages(recognizer, speech, speakers.turns, work.report, edges=voice)
        return recognized(found, recognizer, job, work)


def passages(
    recognizer: Any,
    speech: Speech,
    turns: Sequence[Turn],
    report: Report,
    *,
    speaker: str | None = None,
    edges: Speech | None = None,
) -> list[tuple[Passage, str]]:
    """What an open recognizer makes of the turns in a sound, and each passage's language.

    `speaker` is whose words they are, where that is known. `edges`: as for `recognize`.
    """
    stretches = pack(turns, speech)
    return [
        (
            Passage(
                words=tuple(
                    structs.replace(w, speaker=speaker)
                    for w in first_words_on_sound(found.words, edges or speech)
                ),
                start=stretch.start,
                end=stretch.end,
                no_speech=found.no_speech,
                log_probability=found.log_probability,
            ),
            found.language,
        )
        for stretch, found in zip(stretches, recognizer.recognize(speech, stretches, report), strict=True)
    ]


def recognized(
    found: Sequence[tuple[Passage, str]], recognizer: Any, job: WordsJob, work: Work
) -> Recognized:
    """Passages with what is to be known about the recognizer, whose notes are told."""
    for note in recognizer.notes:
        work.note(note)
    _keep_reasons(work, "recognizer", "language")
    spoken: dict[str, int] = {}
    for passage, language in found:
        if passage.words:
            spoken[language] = spoken.get(language, 0) + len(passage.words)
    wanted = job.recognizer.options.get("language")
    return Recognized(
        passages=tuple(passage for passage, _ in found),
        language=str(wanted or max(spoken, key=spoken.__getitem__, default="")),
        engine=Engine(choice=job.recognizer, models=tuple(recognizer.identities)),
    )


@step("cut", version=1)
def cut(work: Work, words: Recognized, speakers: Diarized, duration: float, job: CutJob) -> Transcript:
    """Leave out what was made up, and cut the rest into the segments of a programme of `duration` seconds."""
    kept: list[HeardWord] = []
    dropped: list[DroppedSegment] = []
    by_speaker: dict[str | None, list[Passage]] = defaultdict(list)
    for passage in words.passages:
        if passage.words:
            by_speaker[passage.words[0].speaker].append(passage)
    for speaker, mine in by_speaker.items():
        voiced = [
            Line(start=turn.start, end=turn.end) for turn in speakers.turns if speaker in (None, turn.speaker)
        ]
        judged = filter_passages(mine, voiced, language=words.language, rules=job.filters)
        kept += judged.kept
        dropped += judged.dropped
    transcript = segment(
        kept,
        speakers.turns,
        duration=duration,
        language=words.language,
        rules=job.segments,
        dropped=dropped,
        recognizer=words.engine,
        diarizer=speakers.engine,
        names=speakers.names,
    )
    if not transcript.segments:
        work.note("no words were found" if speakers.turns else "nobody speaks: there are no segments")
    tell_dropped(transcript, work)
    return transcript


def tell_dropped(transcript: Transcript, work: Work) -> None:
    """Note how much was left out, and why."""
    reasons = Counter(left_out.reason for left_out in transcript.dropped)
    if reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        work.note(f"left out: {told}; the transcript keeps them with their reasons")


def _keep_reasons(work: Work, *kinds: str) -> None:
    """Put into the manifest why this back end was chosen; the user has been told already."""
    work.notes.extend(r for r in work.hints.get("reasons", ()) if r.partition(":")[0] in kinds)

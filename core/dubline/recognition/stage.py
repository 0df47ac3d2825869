"""The recognition stage: a sound in, a transcript out. Five steps, each kept for itself.

    listen      the sound as one channel at 16 kHz
    diarize     who speaks when
    witness     a second ear for whether somebody speaks (`witness`)
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
from dubline.backends.contract import Stretch
from dubline.media.speech import QUIET, Speech, prepare_speech
from dubline.recognition.cutting import SegmentRules
from dubline.recognition.filter_rules import FilterRules
from dubline.recognition.filters import filter_passages
from dubline.recognition.hushed import HushedSpeech, outside
from dubline.recognition.passages import Passage, Witness
from dubline.recognition.segments import segment
from dubline.recognition.spoken_language import by_language, tell_languages
from dubline.recognition.stretches import pack
from dubline.recognition.word_edges import first_words_on_sound
from dubline.recognition.word_lengths import as_spoken
from dubline.report import Report, part
from dubline.run import Work, step
from dubline.timebase import merged
from dubline.values.base import Choice, Value
from dubline.values.media import Line, Sound
from dubline.values.transcript import UNKNOWN, DroppedSegment, Engine, HeardWord, Transcript, Turn

NO_WITNESS = Witness()
BREATH, ALONE = 0.15, 0.5
"""Seconds, each side, over which speech that a second ear hears goes on; and how much of it must lie where no
diarizer hears anybody to be listened to."""


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


@step("listen", version=2)
def listen(work: Work, sound: Sound, channel: int | None) -> SpeechFile:
    """Bring a sound (or one channel of it) to one channel at 16 kHz."""
    path = work.folder / "speech.f32"
    with prepare_speech(work.open(sound.path), sound, path, channel=channel, report=work.report) as speech:
        frames = speech.frames
        for note in speech.notes:
            work.note(note)
    return SpeechFile(path=work.result("speech.f32"), frames=frames)


@step("diarize", version=3)
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
            tell_nobody(speech, work)
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


def tell_nobody(speech: Speech, work: Work) -> None:
    """Note that nobody was heard; of a loud sound it is told, for that may be wrong."""
    level = speech.level()
    if level < QUIET:
        work.note("nobody speaks in this sound")
        return
    work.note(
        f"nobody was heard in this sound, and it is loud ({level:.0f} dBFS). If somebody does speak, try "
        "another --diarizer, or say when with --turns or with a --text that has times",
        warn=True,
    )


@step("recognize", version=7)
def recognize(
    work: Work,
    heard: SpeechFile,
    speakers: Diarized,
    job: WordsJob,
    witness: Witness = NO_WITNESS,
    edges: SpeechFile | None = None,
) -> Recognized:
    """Find the words. Only stretches in which the diarizer, or `witness` by itself, hears somebody are
    recognised. `edges`: the sound in which first words are moved to where it begins, `heard` where it is
    left out.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the recognizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    with (
        Speech(work.open(heard.path)) as speech,
        Speech(work.open((edges or heard).path)) as voice,
        opened("recognizer", job.recognizer, work.hints, work.note) as recognizer,
    ):
        alone = unclaimed(pack(speakers.turns, speech), witness)
        share = 1.0 - min(0.5, len(alone) / (len(alone) + len(speakers.turns) or 1))
        total = sum(turn.end - turn.start for turn in (*speakers.turns, *alone)) or 1.0
        report, named = part(work.report, 0.0, share, total), named_in(job)
        found = passages(recognizer, speech, speakers.turns, report, named=named, edges=voice)
        if alone:  # by itself: what the diarizer hears is heard as it would be without
            report = part(work.report, share, 1.0 - share, total)
            more = passages(recognizer, speech, alone, report, named=named, edges=voice)
            found = sorted([*found, *more], key=lambda one: one.start or 0.0)
        return recognized(found, recognizer, job, work)


def unclaimed(heard: Sequence[Stretch], witness: Witness) -> list[Turn]:
    """Speech that a second ear hears by itself, outside of what is recognised anyway: a diarizer misses
    whispers, most in an enhanced voice."""
    spans = merged((span.start - BREATH, span.end + BREATH) for span in witness.spans or ())
    alone = outside((Line(start=a + BREATH, end=b - BREATH) for a, b in spans), heard)
    return [Turn(start=start, end=end, speaker=UNKNOWN) for start, end in alone if end - start >= ALONE]


def passages(
    recognizer: Any,
    speech: Speech,
    turns: Sequence[Turn],
    report: Report,
    speaker: str | None = None,
    *,
    named: str,
    edges: Speech | None = None,
) -> list[Passage]:
    """What an open recognizer makes of the turns in a sound, in the language that is `named`, else in the one
    found for each turn.

    `speaker` is whose words they are, where that is known. `edges`: as for `recognize`. Of several
    languages each is heard by itself, while the turns in others are silent: cut apart at every answer, a
    dialogue would take many times as long.
    """
    if named or not hasattr(recognizer, "detect"):
        return _heard(recognizer, speech, turns, report, speaker, edges or speech, named=named)
    parts = by_language(recognizer, speech, turns, part(report, 0.0, 0.1))
    found: list[Passage] = []
    done = 0.0
    total = sum(turn.end - turn.start for mine in parts.values() for turn in mine) or 1.0
    for language, mine in parts.items():
        share = 0.9 * sum(turn.end - turn.start for turn in mine) / total
        others = [turn for other, theirs in parts.items() if other != language for turn in theirs]
        own = HushedSpeech(speech, mine, others) if others else speech
        stretches = part(report, 0.1 + done, share)
        found += _heard(recognizer, own, mine, stretches, speaker, edges or speech, language=language)
        done += share
    return sorted(found, key=lambda passage: (passage.start, passage.end))


def _heard(
    recognizer: Any,
    speech: Speech,
    turns: Sequence[Turn],
    report: Report,
    speaker: str | None,
    edges: Speech,
    *,
    named: str = "",
    language: str = "",
) -> list[Passage]:
    stretches = pack(turns, speech)
    if language:
        stretches = tuple(structs.replace(stretch, language=language) for stretch in stretches)
    return [
        Passage(
            words=tuple(
                structs.replace(w, speaker=speaker) for w in first_words_on_sound(found.words, edges)
            ),
            start=stretch.start,
            end=stretch.end,
            no_speech=found.no_speech,
            log_probability=found.log_probability,
            language=named or found.language,
        )
        for stretch, found in zip(stretches, recognizer.recognize(speech, stretches, report), strict=True)
    ]


def recognized(found: Sequence[Passage], recognizer: Any, job: WordsJob, work: Work) -> Recognized:
    """Passages with what is to be known about the recognizer, whose notes are told."""
    for note in recognizer.notes:
        work.note(note)
    _keep_reasons(work, "recognizer", "language")
    spoken: dict[str, int] = {}
    for passage in found:
        if passage.words:
            spoken[passage.language] = spoken.get(passage.language, 0) + len(passage.words)
    return Recognized(
        passages=tuple(found),
        language=named_in(job) or max(spoken, key=spoken.__getitem__, default=""),
        engine=Engine(choice=job.recognizer, models=tuple(recognizer.identities)),
    )


def named_in(job: WordsJob) -> str:
    """The language that was named, "" where it is to be found."""
    return str(job.recognizer.options.get("language") or "")


@step("cut", version=4)
def cut(
    work: Work,
    words: Recognized,
    speakers: Diarized,
    duration: float,
    job: CutJob,
    witness: Witness = NO_WITNESS,
) -> Transcript:
    """Leave out what was made up, and cut the rest into the segments of a programme of `duration` seconds.

    `witness` heard the sound that the words come from.
    """
    kept: list[HeardWord] = []
    dropped: list[DroppedSegment] = []
    apart: dict[tuple[str | None, str], list[Passage]] = defaultdict(list)
    for passage in words.passages:
        if passage.words:
            apart[passage.words[0].speaker, passage.language or words.language].append(passage)
    for (speaker, language), mine in apart.items():
        voiced = [
            Line(start=turn.start, end=turn.end) for turn in speakers.turns if speaker in (None, turn.speaker)
        ]
        judged = filter_passages(mine, voiced, witness=witness, language=language, rules=job.filters)
        stay = as_spoken(judged.kept, witness.spans, duration) if witness.spans else judged.kept
        other = language != words.language
        kept += [structs.replace(w, language=language) for w in stay] if other else stay
        dropped += judged.dropped
    transcript = segment(
        in_reading_order(kept),
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
    tell_languages(transcript, lambda text: work.note(text, warn=True))
    return transcript


def in_reading_order(words: Sequence[HeardWord]) -> Sequence[HeardWord]:
    """The words of several languages, each heard by itself, as they follow each other in time."""
    if not any(word.language for word in words):
        return words
    since, reached = [], 0.0
    for word in words:
        reached = reached if word.start is None else word.start
        since.append(reached)
    return [words[k] for k in sorted(range(len(words)), key=since.__getitem__)]


def tell_dropped(transcript: Transcript, work: Work) -> None:
    """Note how much was left out, and why."""
    reasons = Counter(left_out.reason for left_out in transcript.dropped)
    if reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        work.note(f"left out: {told}; the transcript keeps them with their reasons")


def _keep_reasons(work: Work, *kinds: str) -> None:
    """Put into the manifest why this back end was chosen; the user has been told already."""
    work.notes.extend(r for r in work.hints.get("reasons", ()) if r.partition(":")[0] in kinds)

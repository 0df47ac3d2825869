"""What was said, by whom and when: the values of recognition, and their JSON file.

    HeardWord   a word as a recognizer gives it: times may be missing or wrong
    Turn        a time in which a diarizer hears one speaker
    Transcript  segments of words with sound times, the speakers, and what was left out and why

Times are seconds from the start of the sound. Files hold them in whole milliseconds: every time is rounded
once, to the nearest, by `milliseconds`. docs/transcript.md explains the file field by field.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from dubline.errors import InvalidJob
from dubline.files import bytes_of, typed, write_whole
from dubline.values.base import Choice, ModelIdentity, Value, to_json
from dubline.values.json_files import parse_json, raw_json
from dubline.values.layout import Layout

FORMAT = "dubline.transcript.1"
DOUBTFUL = "doubtful"
"""The flag of a line that may be made up."""
UNKNOWN = ""
"""The speaker of words in a place where the diarizer heard nobody."""


def milliseconds(seconds: float) -> int:
    """Seconds -> the nearest whole millisecond; a half goes up. Exact for every finite float."""
    number, parts = seconds.as_integer_ratio()
    return (2000 * number + parts) // (2 * parts)


class HeardWord(Value, frozen=True):
    """A word as it was recognised, in reading order.

    `text` is kept to the letter, with the space before it where the recognizer puts one. `start` and `end`
    may be None (aligners give no times for digits). `confidence` is 0..1. `speaker` is set only where the
    recognizer knows it, because it heard that voice alone. `estimated` tells that the times are a guess.
    `language` is set where it is not the programme's.
    `doubt`: what speaks against the word, in words; "" where nothing does.
    """

    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None
    speaker: str | None = None
    estimated: bool = False
    language: str | UnsetType = UNSET
    doubt: str = ""


class Word(Value, frozen=True):
    """A word with its place: 0 <= start < end. `estimated` tells that its times were missing or repaired."""

    start: float
    end: float
    text: str
    confidence: float | None = None
    estimated: bool = False


class Turn(Value, frozen=True):
    """A time in which one speaker is heard; turns of different speakers may overlap."""

    start: float
    end: float
    speaker: str


class Segment(Value, frozen=True):
    """A piece of one speaker's words. `confidence` is the mean of its words', 0..1, None where unknown.

    `overlap` tells that somebody else speaks at the same time. `flags`: "short" (under the shortest length
    and without a neighbour to join), "long" (a single word over the longest), "long_text" (a single word
    over the subtitle's width), "estimated_times" (a word's times are estimated), "no_speaker", and of
    given text "two_speakers" (a cue that holds two people) and "not_heard" (of a script's line less than a
    third was heard, so its times are guessed), "doubtful" (something speaks against its words; `doubt` says
    what), "sung" (the recognizer marks it as song). `language` stands only where it is not the transcript's.
    `more`: fields of a user's own, as their file had them.
    """

    id: int
    start: float
    end: float
    speaker: str
    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    overlap: bool = False
    flags: tuple[str, ...] = ()
    language: str | UnsetType = UNSET
    doubt: str | UnsetType = UNSET
    more: dict[str, Any] | UnsetType = UNSET

    @property
    def doubted(self) -> str:
        """Why the line is doubtful, in words; "" where it is not."""
        return (self.doubt or "something speaks against it") if DOUBTFUL in self.flags else ""


class Speaker(Value, frozen=True):
    """A voice. `id` is SPEAKER_00, SPEAKER_01 ... by first appearance in the segments.

    `name` is for people and may be changed; `label` is what the diarizer called the voice; `seconds` is the
    length of the speaker's segments together.
    """

    id: str
    name: str = ""
    seconds: float = 0.0
    label: str = ""


class DroppedSegment(Value, frozen=True):
    """Words that were left out. `reason` is one word for programs, `detail` says it in words.

    Reasons of the filters: silence, no_speech, repetition, boilerplate, too_fast, description. Reasons of the
    segmentation: empty (no text), outside_programme, no_room (more words than milliseconds).
    """

    reason: str
    text: str
    start: float | None = None
    end: float | None = None
    detail: str = ""
    words: tuple[HeardWord, ...] = ()


class Engine(Value, frozen=True):
    """The back end that did the work, its options, and the weights that it used."""

    choice: Choice
    models: tuple[ModelIdentity, ...] = ()


class Transcript(Value, frozen=True):
    """Everything said in a programme of `duration` seconds, ordered by start.

    `num_speakers` and `total_duration` stand in the file alone, for programs that look for them there.
    `more`: fields of a user's own, as their file had them.
    """

    language: str
    duration: float
    segments: tuple[Segment, ...]
    format: str = FORMAT
    num_speakers: int | UnsetType = UNSET
    total_duration: float | UnsetType = UNSET
    speakers: tuple[Speaker, ...] = ()
    recognizer: Engine | None = None
    diarizer: Engine | None = None
    dropped: tuple[DroppedSegment, ...] = ()
    more: dict[str, Any] | UnsetType = UNSET

    def __getitem__(self, number: int) -> Segment:
        """The segment with that id."""
        for segment in self.segments:
            if segment.id == number:
                return segment
        raise KeyError(number)

    def language_of(self, segment: Segment) -> str:
        """The language that a segment is spoken in."""
        return segment.language or self.language

    def name_of(self, speaker: str) -> str:
        """A speaker's name, else the id."""
        return next((s.name for s in self.speakers if s.id == speaker and s.name), speaker)


# --- writing -----------------------------------------------------------------------------------


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else milliseconds(value) / 1000


def _tidy(value: Any) -> Any:
    """The same values with all times in whole milliseconds."""
    if isinstance(value, tuple):
        return tuple(_tidy(item) for item in value)
    if isinstance(value, Transcript):
        return msgspec.structs.replace(
            value,
            duration=_rounded(value.duration),
            segments=_tidy(value.segments),
            speakers=_tidy(value.speakers),
            dropped=_tidy(value.dropped),
        )
    if isinstance(value, Speaker):
        return msgspec.structs.replace(value, seconds=_rounded(value.seconds))
    changes: dict[str, Any] = {"start": _rounded(value.start), "end": _rounded(value.end)}
    if isinstance(value, (Segment, DroppedSegment)):
        changes["words"] = _tidy(value.words)
    return msgspec.structs.replace(value, **changes)


def transcript_json(transcript: Transcript) -> bytes:
    """Transcript -> indented JSON (UTF-8), all times in whole milliseconds.

    Raises:
        InvalidJob: the transcript breaks a rule that `parse_transcript` would refuse.
    """
    _check(transcript, "transcript")
    tidy = _tidy(transcript)
    told = {"num_speakers": speakers_told(tidy.speakers, tidy.more), "total_duration": tidy.duration}
    return to_json(msgspec.structs.replace(tidy, **told))


def speakers_told(speakers: tuple[Speaker, ...], more: dict[str, Any] | UnsetType) -> int:
    """How many speakers a file says it has: as a user's own file said, else as many as are listed."""
    told = {} if more is UNSET else more
    return int(told.get("num_speakers", len(speakers)))


def write_transcript(transcript: Transcript, path: Path) -> None:
    """Write the JSON file: whole, or not at all.

    Raises:
        InvalidJob: as `transcript_json`.
        OSError: the file cannot be written.
    """
    write_whole(path, transcript_json(transcript))


# --- reading -----------------------------------------------------------------------------------


def read_transcript(path: Path) -> Transcript:
    """A transcript from its file.

    Raises:
        InvalidJob: the file cannot be read, or is no transcript (see `parse_transcript`), or its run has none
            yet.
    """
    run = Layout(path.parent)
    if path == run.transcript and not path.exists() and run.is_run:
        if run.translations():
            raise InvalidJob(f"{run.root.name} has no transcript", hint="It was made of a text alone.")
        raise InvalidJob(
            f"{run.root.name} has no transcript yet", hint=f"dubline transcribe {typed(run.root)}"
        )
    return parse_transcript(bytes_of(path), path.name)


@lru_cache(maxsize=2)
def parse_transcript(data: bytes | str, where: str = "transcript") -> Transcript:
    """JSON -> Transcript. The top level is the object, or a list that holds it alone. The last two are kept,
    since one command reads the same text many times.

    Raises:
        InvalidJob: not JSON, an unknown or missing field, a wrong type, an impossible time, an id used
            twice, an unlisted speaker. The message names the segment and the field.
    """
    hint = "Correct what is named: docs/transcript.md lists the fields."
    text = data.encode() if isinstance(data, str) else data
    if text.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        listed = raw_json(text, where)
        if len(listed) != 1:
            raise InvalidJob(
                f"{where} holds {len(listed)} transcripts", hint="Give a file with one transcript in it."
            )
        # Spaces for its brackets, so that lines and columns stay where they are.
        before, _, after = text.replace(b"[", b" ", 1).rpartition(b"]")
        text = before + b" " + after
    transcript = parse_json(text, Transcript, where, hint=hint, format=FORMAT)
    _check(transcript, where)
    return _without_told(transcript)


def _without_told(transcript: Transcript) -> Transcript:
    """Without what the file says twice."""
    return msgspec.structs.replace(transcript, num_speakers=UNSET, total_duration=UNSET)


def _check(transcript: Transcript, where: str) -> None:
    """The rules that types cannot say."""

    def refuse(place: str, field: str, why: str) -> InvalidJob:
        return InvalidJob(f"{where}: {place}, field {field}: {why}", hint="Fix this field.")

    if not 0 <= transcript.duration < math.inf:
        raise refuse("transcript", "duration", f"{transcript.duration} is not a length in seconds")
    last = milliseconds(transcript.duration)
    speakers: set[str] = {UNKNOWN}
    for speaker in transcript.speakers:
        if speaker.id in speakers:
            raise refuse(f"speaker {speaker.id!r}", "id", "empty, or listed twice")
        speakers.add(speaker.id)
        if not 0 <= speaker.seconds < math.inf:
            raise refuse(
                f"speaker {speaker.id!r}", "seconds", f"{speaker.seconds} is not a length in seconds"
            )
    seen: set[int] = set()
    before = 0.0
    for segment in transcript.segments:
        place = f"segment {segment.id}"
        if segment.id in seen:
            raise refuse(place, "id", "used twice")
        seen.add(segment.id)
        if segment.speaker not in speakers:
            raise refuse(place, "speaker", f"{segment.speaker!r} is not among the speakers")
        _check_span(segment, place, "", refuse)
        if milliseconds(segment.end) > last:
            raise refuse(place, "end", f"{segment.end} s lies after the programme's {transcript.duration} s")
        if segment.start < before:
            raise refuse(place, "start", f"{segment.start} s lies before the start of the segment above it")
        before = segment.start
        for number, word in enumerate(segment.words, 1):
            _check_span(word, place, f"words, word {number}, field ", refuse)
            if word.start < segment.start or word.end > segment.end:
                raise refuse(place, f"words, word {number}", "lies outside its segment")


def _check_span(item: Segment | Word, place: str, field: str, refuse: Any) -> None:
    for name in ("start", "end"):
        value = getattr(item, name)
        if not 0 <= value < math.inf:
            raise refuse(place, field + name, f"{value} is not a time in seconds")
    if milliseconds(item.start) >= milliseconds(item.end):
        raise refuse(place, f"{field}end", f"{item.end} s is not after the start, {item.start} s")
    if item.confidence is not None and not 0 <= item.confidence <= 1:
        raise refuse(place, f"{field}confidence", f"{item.confidence} is not between 0 and 1")

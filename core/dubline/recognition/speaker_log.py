"""`speakers.json`: what people did to the voices of a run, so that it can be done again.

A diarizer's labels mean other voices as soon as it or its settings change. So each edit is anchored in time:
it keeps the spans of the speech that was meant, and is applied to whatever is heard there next time.

    rename   this speech is Ayşe's          merge   all this speech is one voice
    split    this speech is another voice   link    these voices have these numbers and names, as other runs
    cast     these voices are like the clips of these people (a name given by hand beats it)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.values.base import Value
from dubline.values.json_files import parse_json, raw_json
from dubline.values.layout import Layout
from dubline.values.sealed import told_bytes
from dubline.values.transcript import Segment, Speaker, Transcript

FORMAT = "dubline.speakers.2"
OLD_FORMAT = "dubline.speakers.1"

Span = tuple[float, float]
"""Start and end in seconds, whole milliseconds."""


class Meant(Value, frozen=True):
    """A voice at the time of an edit: what it was called, and when it spoke. Without spans: by its label."""

    id: str = ""
    label: str = ""
    spans: tuple[Span, ...] = ()


class Rename(Value, frozen=True, tag_field="edit", tag="rename"):
    """`voice` is called `name`."""

    voice: Meant
    name: str


class Merge(Value, frozen=True, tag_field="edit", tag="merge"):
    """`others` are the same voice as `into`, whose number and name stay."""

    into: Meant
    others: tuple[Meant, ...]


class Split(Value, frozen=True, tag_field="edit", tag="split"):
    """Of `voice`, each of `parts` is a voice of its own; `voice` here is what stays of it."""

    voice: Meant
    parts: tuple[Meant, ...]


class Linked(Value, frozen=True):
    """A voice and the id and name that it has in several runs; an empty name leaves its own."""

    voice: Meant
    id: str
    name: str = ""


class Link(Value, frozen=True, tag_field="edit", tag="link"):
    """The voices have these ids and names; a voice that is not here gives way where its number is taken."""

    voices: tuple[Linked, ...]


class Named(Value, frozen=True):
    """A voice and the person whose clips it is like."""

    voice: Meant
    name: str


class Cast(Value, frozen=True, tag_field="edit", tag="cast"):
    """Names from a gallery of clips."""

    voices: tuple[Named, ...]


Edit = Rename | Merge | Split | Link | Cast


class HeardVoice(Value, frozen=True):
    """A voice of the transcript before any edit."""

    id: str
    label: str = ""
    name: str = ""
    spans: tuple[Span, ...] = ()


class SpeakerLog(Value, frozen=True):
    """`speakers.json`.

    `heard` are the voices as recognised, `edits` what people did since, in order. `transcript` is the SHA-256
    of transcript.json as it was written last; `by_hand` tells that it held changes made by a person then;
    `recognised` is the SHA-256 of the transcript before any edit.
    `notes` say which edits found no place in what was heard last.
    """

    format: str = FORMAT
    edits: tuple[Edit, ...] = ()
    heard: tuple[HeardVoice, ...] = ()
    transcript: str = ""
    recognised: str = ""
    by_hand: bool = False
    notes: tuple[str, ...] = ()


class _OldNames(Value, frozen=True):
    format: str = OLD_FORMAT
    names: dict[str, str] = {}


def read_log(root: Path) -> SpeakerLog:
    """The log of a run folder; an empty one where there is no file. Names of the first format are renames.

    Raises:
        InvalidJob: the file is damaged, or of another version.
    """
    path = Layout(root).speaker_log
    hint = "Fix the file, or delete it to begin again."
    if not path.exists():
        return SpeakerLog()
    data = told_bytes(path, hint=hint, twice=True)
    known = raw_json(data, path.name, hint=hint)
    if isinstance(known, dict) and known.get("format") == OLD_FORMAT:
        old = parse_json(data, _OldNames, path.name, hint=hint)
        return SpeakerLog(
            edits=tuple(Rename(voice=Meant(label=k), name=name) for k, name in old.names.items())
        )
    log = parse_json(data, SpeakerLog, path.name, hint=hint, format=FORMAT)
    wrong = next((span for span in _all_spans(log) if not 0 <= span[0] < span[1]), None)
    if wrong is not None:
        raise InvalidJob(f"{path}: {wrong[0]} s to {wrong[1]} s is not a time", hint=hint)
    return log


def _all_spans(log: SpeakerLog) -> Iterable[Span]:
    for voice in log.heard:
        yield from voice.spans
    for edit in log.edits:
        for meant in meant_by(edit):
            yield from meant.spans


def meant_by(edit: Edit) -> tuple[Meant, ...]:
    """All voices that an edit speaks of."""
    if isinstance(edit, Rename):
        return (edit.voice,)
    if isinstance(edit, Merge):
        return (edit.into, *edit.others)
    if isinstance(edit, Split):
        return (edit.voice, *edit.parts)
    return tuple(item.voice for item in edit.voices)


def checksum_of(data: bytes) -> str:
    """SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


# --- between transcripts and the log -----------------------------------------------------------


def spans_of(segments: Iterable[Segment]) -> tuple[Span, ...]:
    """The times of some segments, in whole milliseconds."""
    return tuple((round(s.start, 3), round(s.end, 3)) for s in segments)


def meant(transcript: Transcript, speaker: str) -> Meant:
    """A speaker of a transcript, by id, as an edit keeps it."""
    label = next((s.label for s in transcript.speakers if s.id == speaker), "")
    return Meant(
        id=speaker, label=label, spans=spans_of(s for s in transcript.segments if s.speaker == speaker)
    )


def heard_voices(transcript: Transcript) -> tuple[HeardVoice, ...]:
    """The voices of a transcript, to be kept as what was heard. Segments without a speaker are one too."""
    voices = [
        HeardVoice(id=s.id, label=s.label, name=s.name, spans=meant(transcript, s.id).spans)
        for s in transcript.speakers
    ]
    nobody = spans_of(s for s in transcript.segments if not s.speaker)
    return (*voices, HeardVoice(id="", spans=nobody)) if nobody else tuple(voices)


def as_heard(log: SpeakerLog, transcript: Transcript) -> Transcript:
    """The voices before any edit as a transcript without words; `transcript` itself where none were kept."""
    if not log.heard:
        return transcript
    pieces = sorted((a, b, voice.id) for voice in log.heard for a, b in voice.spans)
    segments = tuple(
        Segment(id=k, start=a, end=b, speaker=who, text="") for k, (a, b, who) in enumerate(pieces, 1)
    )
    return Transcript(
        language="",
        duration=max([transcript.duration, *(s.end for s in segments)]),
        segments=segments,
        speakers=tuple(Speaker(id=v.id, name=v.name, label=v.label) for v in log.heard if v.id),
    )

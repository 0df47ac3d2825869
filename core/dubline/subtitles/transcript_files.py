"""Transcripts as JSON, whoever wrote them: Dubline, another program, or a user's own scripts.

    given = read_given(path)            what the file says, with times or without
    transcript, notes = as_transcript(given)

Told apart by their keys are the JSON of WhisperX (m-bain/whisperX), faster-whisper and OpenAI's whisper,
whisper.cpp (-oj, -ojf), AssemblyAI (with speaker labels), AutoSubs (tmoroney/auto-subs), and a list with one
object that has `segments` of `speaker`, `start`, `end`, `text`, `confidence`. A bare list of segments is read
too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dubline.errors import InvalidJob
from dubline.files import bytes_of
from dubline.subtitles.transcript_forms import (
    AUTOSUBS,
    CUSTOM,
    DUBLINE,
    SAID,
    TOLD,
    WHISPER_CPP,
    Form,
    recognised,
    tables,
)
from dubline.values.json_files import raw_json
from dubline.values.languages import language_code
from dubline.values.transcript import UNKNOWN, Segment, Speaker, Transcript

HINT = "Fix it, or leave that segment out."
OWN_ID = re.compile(r"SPEAKER_\d{2,4}")
NO_NAME = re.compile(r"(?i)(speaker[ _-]?)?([a-z]|\d*)")
"""What a diarizer calls a voice that it knows nothing of: "A", "3", "Speaker 1"."""


class Passage(NamedTuple):
    """A segment as a file has it. Seconds, None where it has none; `speaker` as it is called there; `more`
    are fields of the user's own."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str = ""
    confidence: float | None = None
    more: dict[str, Any] = {}


class Given(NamedTuple):
    """What a file says. `names`: speaker -> the name that the file gives; `notes` are for the user."""

    where: str
    form: Form
    passages: tuple[Passage, ...]
    language: str = ""
    duration: float = 0.0
    names: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    more: Mapping[str, Any] = {}


def read_given(path: Path, *, texts: bool = True) -> Given:
    """A transcript's file of any kind. Times may be missing, and without `texts` the words too.

    Raises:
        InvalidJob: the file cannot be read, is no transcript, or a field is not as it should be; the message
            names its place, such as segments[17].start.
    """
    return parse_given(raw_json(bytes_of(path), path.name), path.name, texts=texts)


def parse_given(raw: Any, where: str, *, texts: bool = True) -> Given:
    """JSON's plain values -> what they say; see `read_given`."""
    whole, form = recognised(raw, where)
    listed = whole[form.place]
    if not isinstance(listed, list):
        raise _refused(where, form.place, listed, "a list")
    notes: list[str] = []
    passages = tuple(
        _passage(item if texts else _worded(item), f"{form.place}[{n}]", form, where)
        for n, item in enumerate(listed)
    )
    info, result = (part if isinstance(part, dict) else {} for part in map(whole.get, ("info", "result")))
    spoken = whole.get("language") or whole.get("language_code") or whole.get("target_language")
    spoken = spoken or info.get("language") or result.get("language")
    language = ""
    if isinstance(spoken, str) and spoken:
        try:
            language = language_code(spoken)
        except InvalidJob as error:
            notes.append(f"{where}: {error.message}, so it counts as not named")
    duration = 0.0
    for name, place in (
        ("total_duration", whole),
        ("duration", whole),
        ("audio_duration", whole),
        ("duration", info),
    ):
        if place.get(name) is not None:
            duration = max(duration, _number(place[name], name, where))
    more = _more(whole, form)
    count = len({p.speaker for p in passages if p.speaker})
    if form is not DUBLINE and (told := whole.get("num_speakers")) is not None:
        if not isinstance(told, int) or isinstance(told, bool) or told < 0:
            raise _refused(where, "num_speakers", told, "a whole number")
        if told != count:
            more = {"num_speakers": told, **more}
            notes.append(f"{where}: num_speakers is {told}, and the segments have {count}")
    own = dict.fromkeys([*(k for k in more if k != "num_speakers"), *(k for p in passages for k in p.more)])
    if own:
        notes.append(f"{where}: fields that Dubline does not know are kept as they are: {', '.join(own)}")
    return Given(where, form, passages, language, duration, _names(whole, form, passages), tuple(notes), more)


def as_transcript(given: Given) -> tuple[Transcript, tuple[str, ...]]:
    """What a file says as a transcript, in order of start, numbered from 1, and sentences for the user.

    Speakers that are called SPEAKER_00, SPEAKER_01 ... stay so, others get free numbers and keep what they
    are called as a name. A duration that the file does not have is where its last segment ends.

    Raises:
        InvalidJob: there is no segment, or one has no times.
    """
    if not given.passages:
        raise InvalidJob(f"there is no segment in {given.where}", hint="Check that it is the right file.")
    for number, passage in enumerate(given.passages):
        for name, value in (("start", passage.start), ("end", passage.end)):
            if value is None:
                raise InvalidJob(
                    f"{given.where}: {given.form.place}[{number}] has no {name}",
                    hint="A translation needs to know when each line is spoken.",
                )
    notes = list(given.notes)
    ordered = sorted(given.passages, key=lambda p: p.start or 0.0)
    if ordered != list(given.passages):
        notes.append(f"{given.where}: its segments were not in order of time, and are now")
    ids = _ids(given.passages)
    lengths = dict.fromkeys(ids.values(), 0.0)
    segments = []
    for number, passage in enumerate(ordered, 1):
        who = ids[passage.speaker] if passage.speaker else UNKNOWN
        segment = Segment(
            id=number,
            start=passage.start or 0.0,
            end=passage.end or 0.0,
            speaker=who,
            text=passage.text,
            confidence=passage.confidence,
        )
        segments.append(segment if not passage.more else replace(segment, more=passage.more))
        if who:
            lengths[who] += segment.end - segment.start
    transcript = Transcript(
        language=given.language,
        duration=max(given.duration, *(s.end for s in segments)),
        segments=tuple(segments),
        speakers=tuple(
            Speaker(id=who, name=given.names.get(label, ""), seconds=round(lengths[who], 3), label=label)
            for label, who in ids.items()
        ),
    )
    return replace(transcript, more=dict(given.more)) if given.more else transcript, tuple(notes)


def _ids(passages: tuple[Passage, ...]) -> dict[str, str]:
    """What a speaker is called in the file -> the id."""
    called = dict.fromkeys(p.speaker for p in passages if p.speaker)
    free = (f"SPEAKER_{n:02d}" for n in range(len(called) * 2) if f"SPEAKER_{n:02d}" not in called)
    return {label: label if OWN_ID.fullmatch(label) else next(free) for label in called}


# --- fields ------------------------------------------------------------------------------------


def _passage(item: Any, place: str, form: Form, where: str) -> Passage:
    if not isinstance(item, dict):
        raise _refused(where, place, item, "an object")
    if "text" not in item:
        raise InvalidJob(f"{where}: {place} has no text", hint=HINT)
    text = "" if item["text"] is None else item["text"]  # nobody could tell the words
    if not isinstance(text, str):
        raise _refused(where, f"{place}.text", text, "text")
    times: Any = item
    at, first, last = place, "start", "end"
    if form is WHISPER_CPP:
        times, at, first, last = item.get("offsets"), f"{place}.offsets", "from", "to"
        if not isinstance(times, dict):
            raise _refused(where, at, times, "an object with from and to")
    start, end = (
        None if times.get(name) is None else _number(times[name], f"{at}.{name}", where, form.per_second)
        for name in (first, last)
    )
    if start is not None and end is not None and end < start:
        raise InvalidJob(
            f"{where}: {at}.{last} is {times[last]}, before its {first}, {times[first]}",
            hint=HINT,
        )
    spoken = tables(item.get("words"))
    speaker = item.get(form.speaker)
    if speaker is None:  # WhisperX may know it of the words alone
        voices = [word["speaker"] for word in spoken if isinstance(word.get("speaker"), str)]
        speaker = max(dict.fromkeys(voices), key=voices.count, default="")
    if isinstance(speaker, bool) or not isinstance(speaker, str | int):
        raise _refused(where, f"{place}.{form.speaker}", speaker, "a speaker's name")
    confidence = item.get("confidence")
    if confidence is not None:
        confidence = _number(confidence, f"{place}.confidence", where, what="a number from 0 to 1")
        if confidence > 1:
            raise _refused(where, f"{place}.confidence", confidence, "a number from 0 to 1")
    else:
        sure = [word.get("score", word.get("probability")) for word in spoken]
        known = [s for s in sure if isinstance(s, int | float) and not isinstance(s, bool) and 0 <= s <= 1]
        confidence = round(math.fsum(known) / len(known), 4) if known else None
    known_fields = SAID | form.fields | {form.speaker}
    return Passage(
        text=text if form in (CUSTOM, DUBLINE) else text.strip(),
        start=start,
        end=end,
        speaker="" if str(speaker).strip() in ("", "?") else str(speaker).strip(),
        confidence=confidence,
        more={name: value for name, value in item.items() if name not in known_fields},
    )


def _worded(item: Any) -> Any:
    return {**item, "text": ""} if isinstance(item, dict) else item


def _number(value: Any, place: str, where: str, per_second: int = 1, what: str = "") -> float:
    """A time in seconds, 0 or later."""
    right = isinstance(value, int | float) and not isinstance(value, bool)
    if not (right and 0 <= value < 1e9):
        unit = "seconds" if per_second == 1 else "milliseconds"
        late = right and math.isfinite(value)
        raise _refused(where, place, value, what or (f"a time in {unit}" if late else f"a number of {unit}"))
    return float(value) / per_second


def _refused(where: str, place: str, value: Any, wanted: str) -> InvalidJob:
    return InvalidJob(
        f"{where}: {place} is {_shown(value)}, not {wanted}", hint=HINT if "[" in place else "Fix it."
    )


def _shown(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:40] if isinstance(value, str | float) else json.dumps(value)[:40]


def _more(whole: dict[str, Any], form: Form) -> dict[str, Any]:
    """Fields of the whole that are the user's own."""
    known = TOLD | form.top | {form.place}
    if isinstance(whole.get("speakers"), list):
        known |= {"speakers"}
    return {name: value for name, value in whole.items() if name not in known}


def _names(whole: dict[str, Any], form: Form, passages: tuple[Passage, ...]) -> dict[str, str]:
    """Speaker -> name, where the file has one."""
    labels = dict.fromkeys(p.speaker for p in passages if p.speaker)
    names = {x: "" if OWN_ID.fullmatch(x) or NO_NAME.fullmatch(x) else x for x in labels}
    return {**names, **dict(_listed(whole.get("speakers"), form, labels))}


def _listed(speakers: Any, form: Form, labels: Mapping[str, None]) -> Iterator[tuple[str, str]]:
    """Names from the list of speakers that Dubline and AutoSubs have beside the segments."""
    known = [s if isinstance(s, dict) else {} for s in speakers] if isinstance(speakers, list) else []
    # AutoSubs counts its list from 1, or from 0 where a segment says so.
    first = 0 if "0" in labels else 1
    for number, speaker in enumerate(known, first):
        label = str(number) if form is AUTOSUBS else speaker.get("id")
        name = speaker.get("name")
        if label in labels and isinstance(name, str) and name.strip() and not NO_NAME.fullmatch(name.strip()):
            yield str(label), " ".join(name.split())

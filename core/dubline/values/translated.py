"""A transcript in another language: the values of translation, and their JSON file.

    SourceLine   what a translator is given: a sentence with its speaker and its time
    Answer       what it gives back: candidates, best first
    Translation  the transcript's segments one by one, each with its translation and how it fits

A translation has the transcript's segments: as many, in the same order, with the same ids, speakers and
times to the last digit. docs/translation.md explains the file field by field.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from dubline.errors import InvalidJob
from dubline.files import bytes_of
from dubline.values.base import Value, to_json
from dubline.values.json_files import parse_json
from dubline.values.layout import Layout
from dubline.values.transcript import UNKNOWN, Engine, Speaker, milliseconds, speakers_told

FORMAT = "dubline.translation.1"

State = Literal["translated", "failed", "pending", "silent"]
"""translated: has a text. failed: the translator gave none that passes; `reasons` say why. pending: left to a
person. silent: the source has no text."""

FitStatus = Literal["fits", "unsure", "borrowed", "short", "too_long"]
"""fits: can be spoken so that it ends with its slot, at a speed of 0.90 to 1.20. unsure: probably, but the
voice's known error is too large to say so. borrowed: with silence after the slot. short: leaves silence even
at the slowest. too_long: a person has to look."""

FitBasis = Literal["estimated", "calibrated", "measured"]
"""Where `Fit.natural` comes from. estimated: the pace of the language and of the actor. calibrated: the pace
of the voice, from other lines that it has spoken. measured: that voice has spoken this very text."""


class Candidate(Value, frozen=True):
    """A translation that was considered. `score` is the model's mean log probability of a token, None where
    it has none; `origin` says how it was made: "beam", "sampled", "shorter", "longer", "program", "llm"."""

    text: str
    score: float | None = None
    origin: str = "beam"


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to translate: a sentence, or what a speaker says in one breath.

    `key` names it for ever: the same line has the same key in every run. `text` is plain: no tags, no line
    breaks; placeholders in braces stand as they are. `seconds` is the time it may take, `syllables` about how
    many of the target language's fit into it (None: not known). `wanted`: "" the best, "shorter" or "longer"
    than the best was. `tone` and `speaker` are for back ends that can use them; `speaker` is a name or an id.
    `ids` are the transcript's segments that it comes from.
    """

    key: str
    text: str
    ids: tuple[int, ...] = ()
    speaker: str = ""
    seconds: float = 0.0
    syllables: int | None = None
    tone: str = ""
    wanted: Literal["", "shorter", "longer"] = ""


class Answer(Value, frozen=True):
    """What a translator gives for a line: candidates, best first, none twice; or why there is none.

    Neither candidates nor a failure means that the line is left to a person.
    """

    candidates: tuple[Candidate, ...] = ()
    failure: str = ""


class Fit(Value, frozen=True):
    """How a translation fits its time; seconds.

    `slot` is the segment's length, `borrowed` what is taken of the silence after it, `natural` how long this
    speaker or his voice takes at their own pace, which `basis` says more of, `speed` natural / (slot +
    borrowed): 1.1 means that the voice must be a tenth faster. Of a take that had to wait for the line before
    it, `speed` and `status` tell how it came out in what was left of its slot.
    """

    slot: float
    borrowed: float
    natural: float
    speed: float
    status: FitStatus
    basis: FitBasis = "estimated"


class Tone(Value, frozen=True):
    """How a segment is spoken, against that speaker's own median.

    `level` dB louder, `pitch` semitones higher, `rate` times faster; None where it cannot be measured.
    `tag`: words for it, such as "loud, high"; "" is the speaker's usual tone. `edited`: a person wrote the
    tag.
    """

    level: float | None = None
    pitch: float | None = None
    rate: float | None = None
    tag: str = ""
    edited: bool = False


class TranslatedSegment(Value, frozen=True):
    """A segment with its translation. `id`, `start`, `end` and `speaker` are the transcript's own.

    `text` is None unless there is a translation. `locked`: a person wrote it; no run changes it. `reasons`:
    why it failed; `warnings`: what a person may want to look at. `picked` is the index of the chosen
    candidate, None where the text is no candidate. `sentence` is the id of the segment in which its
    sentence begins: that one has the candidates, for the whole sentence. `written` is a digest of the text
    as a machine wrote it: where it does not belong to the text, a person has changed the text.
    `source_language` stands only where it is not the film's. `confidence`, `more` and
    `doubt` are the transcript's (see `Segment`; `doubt` is its `doubted`).
    """

    id: int
    start: float
    end: float
    speaker: str
    text: str | None
    source_text: str
    state: State
    locked: bool = False
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    picked: int | None = None
    sentence: int | None = None
    fit: Fit | None = None
    tone: Tone | None = None
    written: str = ""
    source_language: str | UnsetType = UNSET
    confidence: float | UnsetType | None = UNSET
    doubt: str | UnsetType = UNSET
    more: dict[str, Any] | UnsetType = UNSET

    def with_text(self, text: str) -> TranslatedSegment:
        """The segment with a text that a machine wrote."""
        return msgspec.structs.replace(self, text=text, written=digest(text))

    @property
    def edited(self) -> bool:
        """Whether a person wrote the text: it says so, or it is not the one that a machine wrote."""
        return self.locked or (self.text is not None and self.written != digest(self.text))


def digest(text: str) -> str:
    """Eight hex digits for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class Totals(Value, frozen=True):
    """Counts over all segments. `fitting` is the share of the translated ones whose status is fits or
    borrowed, None when there are none; `measured` counts those whose length a voice has shown; `glossary`
    counts the terms that stand in the source and, of these, the ones whose target stands in the
    translation."""

    segments: int = 0
    translated: int = 0
    failed: int = 0
    pending: int = 0
    silent: int = 0
    locked: int = 0
    fits: int = 0
    borrowed: int = 0
    short: int = 0
    too_long: int = 0
    unsure: int = 0
    measured: int = 0
    fitting: float | None = None
    glossary: tuple[int, int] = (0, 0)


class Translation(Value, frozen=True):
    """A whole programme in another language. `translators`: who translated what is spoken in another language
    than the film's, by that language.

    `language`, `num_speakers` and `total_duration` stand in the file alone, for programs that look for them
    there; `more` is the transcript's.
    """

    source_language: str
    target_language: str
    duration: float
    segments: tuple[TranslatedSegment, ...]
    format: str = FORMAT
    language: str | UnsetType = UNSET
    num_speakers: int | UnsetType = UNSET
    total_duration: float | UnsetType = UNSET
    speakers: tuple[Speaker, ...] = ()
    translator: Engine | None = None
    translators: dict[str, Engine] | UnsetType = UNSET
    paces: dict[str, float] = {}
    totals: Totals = Totals()
    notes: tuple[str, ...] = ()
    more: dict[str, Any] | UnsetType = UNSET

    def __getitem__(self, number: int) -> TranslatedSegment:
        """The segment with that id."""
        for segment in self.segments:
            if segment.id == number:
                return segment
        raise KeyError(number)


def counted(segments: tuple[TranslatedSegment, ...], glossary: tuple[int, int] = (0, 0)) -> Totals:
    """The totals of these segments."""
    states = [s.state for s in segments]
    lengths = [s.fit for s in segments if s.fit is not None and s.state == "translated"]
    fits = [fit.status for fit in lengths]
    counts: dict[str, Any] = {state: states.count(state) for state in get_args(State)}
    counts |= {status: fits.count(status) for status in get_args(FitStatus)}
    return Totals(
        **counts,
        segments=len(segments),
        locked=sum(s.locked for s in segments),
        measured=sum(fit.basis == "measured" for fit in lengths),
        fitting=round((fits.count("fits") + fits.count("borrowed")) / len(fits), 4) if fits else None,
        glossary=glossary,
    )


# --- the file ----------------------------------------------------------------------------------


def translation_json(translation: Translation) -> bytes:
    """Translation -> indented JSON (UTF-8). Times stand as the transcript has them.

    Raises:
        InvalidJob: the translation breaks a rule that `parse_translation` would refuse.
    """
    _check(translation, "translation")
    told = {
        "language": translation.target_language,
        "num_speakers": speakers_told(translation.speakers, translation.more),
        "total_duration": translation.duration,
    }
    return to_json(msgspec.structs.replace(translation, **told))


def read_translation(path: Path) -> Translation:
    """A translation from its file.

    Raises:
        InvalidJob: the file cannot be read, or is no translation (see `parse_translation`).
    """
    return parse_translation(bytes_of(path), path.name)


def place_of(root: Path, target: str) -> Path:
    """Where a run keeps its translation into a language: translated.json for its first language,
    translated.LANGUAGE.json for others, which stay there when the first one's is deleted.

    Raises:
        InvalidJob: the first one's file is damaged.
    """
    first, own = Layout(root).translation(), Layout(root).translation(f".{target}")
    # A damaged file must be looked at, not written over: reading it raises.
    taken = first.exists() and read_translation(first).target_language != target
    return own if taken or (own.exists() and not first.exists()) else first


@lru_cache(maxsize=4)
def parse_translation(data: bytes | str, where: str = "translation") -> Translation:
    """JSON -> Translation. The last four are kept, since one command reads the same lines many times.

    Raises:
        InvalidJob: not JSON, an unknown or missing field, a wrong type, an impossible time, an id used twice,
            an unlisted speaker, a state that its text contradicts. The message names the segment.
    """
    hint = "Translate again, or correct what is named: docs/translation.md lists the fields."
    data = data.encode() if isinstance(data, str) else data
    translation = parse_json(data, Translation, where, hint=hint, format=FORMAT)
    translation = msgspec.structs.replace(
        translation,
        segments=tuple(_by_hand(segment) for segment in translation.segments),
        language=UNSET,
        num_speakers=UNSET,
        total_duration=UNSET,
    )
    _check(translation, where)
    return translation


def _by_hand(segment: TranslatedSegment) -> TranslatedSegment:
    """A person who writes into the file changes the text alone: state and lock follow."""
    if not (segment.text or "").strip():
        state: State = "pending" if segment.state == "translated" else segment.state
        return msgspec.structs.replace(segment, text=None, state=state, locked=False, picked=None, written="")
    if segment.state == "translated" and (segment.locked or not segment.edited):
        return segment
    return msgspec.structs.replace(segment, state="translated", locked=True, reasons=())


def _check(translation: Translation, where: str) -> None:
    def refuse(place: str, field: str, why: str) -> InvalidJob:
        return InvalidJob(f"{where}: {place}, field {field}: {why}", hint="Fix this field.")

    if not 0 <= translation.duration < math.inf:
        raise refuse("translation", "duration", f"{translation.duration} is not a length in seconds")
    speakers = {UNKNOWN, *(speaker.id for speaker in translation.speakers)}
    seen: set[int] = set()
    for segment in translation.segments:
        place = f"segment {segment.id}"
        if segment.id in seen:
            raise refuse(place, "id", "used twice")
        seen.add(segment.id)
        if segment.speaker not in speakers:
            raise refuse(place, "speaker", f"{segment.speaker!r} is not among the speakers")
        for name in ("start", "end"):
            if not 0 <= getattr(segment, name) < math.inf:
                raise refuse(place, name, f"{getattr(segment, name)} is not a time in seconds")
        if milliseconds(segment.start) > milliseconds(segment.end):
            raise refuse(place, "end", f"{segment.end} s is before the start, {segment.start} s")
        has = bool(segment.text and segment.text.strip())
        if has != (segment.state == "translated"):
            raise refuse(place, "text", f"the state is {segment.state!r} and the text is {segment.text!r}")
        if segment.picked is not None and not 0 <= segment.picked < len(segment.candidates):
            raise refuse(place, "picked", f"there is no candidate {segment.picked}")

"""What a person asks for: one value for each stage, and the job that holds them all.

The commands, `serve`, the Resolve window, `CinematicAudioProcessor` and `--job job.toml` all fill these.
Every field may be left out (None), and one rule holds for all of them: **what is left out stays as this run
has it; what nobody ever said is `auto`**. `forget` breaks with what the run has.

Back ends are asked for by three fields, such as `recognizer` ("auto" or a name), `recognizer_model` and
`recognizer_options` (the back end's own settings by name). Naming another back end drops model and options
of the one before; naming a model alone lets any back end that can use it be taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_type_hints

import msgspec
from msgspec.structs import asdict, force_setattr, replace

from dubline.errors import InvalidJob
from dubline.timebase import frame_rate
from dubline.values.base import Value, complaint
from dubline.values.languages import language_code, language_codes, language_name
from dubline.values.timeline import Source
from dubline.values.voice_keys import keys_apart

EMBEDDED = "embedded"
"""Begins a `text` that is inside the film: "embedded", "embedded:eng", "embedded:0"."""

Content = Literal["auto", "dialogue", "music", "cinematic"]
Ear = Literal["auto", "mix", "vocals", "deepfilternet"]
W = TypeVar("W", bound="Wish")


class Wish(Value, frozen=True, omit_defaults=True):
    """What the wishes of all stages have in common.

    `KINDS`: the back ends that are asked for. `PATHS`: fields that name files. `ONCE`: fields that hold for
    one call alone, and are never kept. `forget`: what the run was asked before does not count.

    Languages are given by name or by code, a list of them with commas too; a wish has their codes
    (`dubline.values.languages`), and making one with a language that there is not raises InvalidJob.
    """

    KINDS: ClassVar[tuple[str, ...]] = ()
    PATHS: ClassVar[tuple[str, ...]] = ()
    ONCE: ClassVar[tuple[str, ...]] = ()

    forget: bool = False

    def __post_init__(self) -> None:
        if options := getattr(self, "voice_options", None):
            force_setattr(self, "voice_options", keys_apart(options))
        for name in ("language", "source"):
            spoken = getattr(self, name, None)
            if spoken:
                force_setattr(self, name, "" if spoken.lower() == "auto" else language_code(spoken))
        if rate := getattr(self, "rate", None):
            frame_rate(rate)  # refused now, or never
        into = getattr(self, "to", None)
        if into is not None:
            force_setattr(self, "to", language_codes(into))

    def over(self: W, before: W | None) -> W:
        """This wish with everything that it leaves out as it was `before`."""
        if before is None or self.forget:
            return replace(self, forget=False)
        old, new = asdict(before), {k: v for k, v in asdict(self).items() if v is not None}
        for name in ("forget", *self.ONCE):
            old.pop(name, None)
        for kind in self.KINDS:
            model, options = f"{kind}_model", f"{kind}_options"
            another = new.get(kind, old.get(kind)) != old.get(kind) or new.get(kind) == "auto"
            if model in new and kind not in new and new[model] != old.get(model):
                old.pop(kind, None)
                another = True
            if another:
                old.pop(model, None)
            if another or (kind in new and options in new):
                old.pop(options, None)
        for name, value in new.items():
            if isinstance(value, dict) and isinstance(old.get(name), dict):
                new[name] = {**old[name], **value}
        for name in self._dropped(new, old):
            old.pop(name, None)
        return type(self)(**{**old, **new, "forget": False})

    def origin(self, kind: str) -> str:
        """How the back end of a kind, if one is named in the end, came there: said now, or kept."""
        return "as asked" if getattr(self, kind) is not None else "as this run has it"

    def kept(self: W) -> W:
        """What of it the run keeps."""
        return type(self)(**{k: v for k, v in asdict(self).items() if k not in ("forget", *self.ONCE)})

    def _dropped(self, new: dict[str, Any], old: dict[str, Any]) -> tuple[str, ...]:
        """Fields of before that have no meaning beside what is asked now."""
        return ()


class SeparateWish(Wish, frozen=True, omit_defaults=True):
    """See `dubline separate --help`.

    `content`: what kind of sound it is. `budget`: "low" separates nothing in what is shorter than
    `dubline.separation.way.SHORT` seconds. `film_model`: splits music from effects in what the voices leave.
    `background`, `depth`, `ambient`: see `SeparationJob`. `lines`: a file that says when somebody speaks.
    """

    KINDS = ("separator",)
    PATHS = ("lines",)

    content: Content | None = None
    budget: Literal["low", "standard"] | None = None
    separator: str | None = None
    separator_model: str | None = None
    separator_options: dict[str, Any] | None = None
    film_model: str | None = None
    background: Literal["residual", "sum"] | None = None
    depth: Literal["auto", "24", "float"] | None = None
    ambient: bool | None = None
    lines: str | None = None

    def _dropped(self, new: dict[str, Any], old: dict[str, Any]) -> tuple[str, ...]:
        dropped: tuple[str, ...] = ()
        # A film model that was found for one content says nothing about another.
        if new.get("content", old.get("content")) != old.get("content"):
            dropped += ("film_model",)
        # Who names a separator wants it used.
        if {"separator", "separator_model", "film_model"} & set(new):
            dropped += ("budget",)
        return dropped


class TranscribeWish(Wish, frozen=True, omit_defaults=True):
    """See `dubline transcribe --help`.

    `language`: what is spoken; "" (or "auto") is detected. `turns_from`, `words_from`: the sound in which who
    speaks and the words are heard (`dubline.recognition.ears`); `on` says both, and is never kept.
    `speakers` and its bounds: how many people speak. `text`: what is said, as written, with its
    `text_encoding` and `text_offset` in seconds; `refine` moves its times to the sound. "embedded", or
    "embedded:eng", is a subtitle stream of the film. `turns`: an RTTM that says who speaks when, in the
    place of a diarizer.
    `speakers_from_tracks`: each speaker has a microphone, `microphones` says which tracks. `subtitles`:
    segments fit two lines.
    """

    KINDS = ("recognizer", "diarizer")
    PATHS = ("text", "turns", "glossary", "cast")

    language: str | None = None
    on: Ear | None = None
    turns_from: Ear | None = None
    words_from: Ear | None = None
    recognizer: str | None = None
    recognizer_model: str | None = None
    recognizer_options: dict[str, Any] | None = None
    diarizer: str | None = None
    diarizer_model: str | None = None
    diarizer_options: dict[str, Any] | None = None
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    glossary: str | None = None
    cast: str | None = None
    text: str | None = None
    text_encoding: str | None = None
    text_offset: float | None = None
    refine: bool | None = None
    turns: str | None = None
    speakers_from_tracks: bool | None = None
    microphones: str | None = None
    subtitles: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on is not None:
            force_setattr(self, "turns_from", self.turns_from or self.on)
            force_setattr(self, "words_from", self.words_from or self.on)
            force_setattr(self, "on", None)

    def _dropped(self, new: dict[str, Any], old: dict[str, Any]) -> tuple[str, ...]:
        dropped: tuple[str, ...] = ()
        if "text" in new:  # how the last text was read says nothing about this one
            dropped += ("text_encoding", "text_offset")
        if "speakers" in new:
            dropped += ("min_speakers", "max_speakers")
        if {"min_speakers", "max_speakers"} & set(new):
            dropped += ("speakers",)
        diarizer = {"diarizer", "diarizer_model", "diarizer_options"}
        counts = {"speakers", "min_speakers", "max_speakers"}
        if new.get("speakers_from_tracks"):  # nobody is told apart by voice then
            dropped += ("refine", "cast", "turns", *counts, *diarizer)
        if new.get("turns"):
            dropped += ("speakers_from_tracks", "microphones", *counts, *diarizer)
        if diarizer & set(new):
            dropped += ("speakers_from_tracks", "microphones", "turns")
        if counts & set(new):
            dropped += ("turns",)
        return dropped


class TranslateWish(Wish, frozen=True, omit_defaults=True):
    """See `dubline translate --help`. It is kept for each language by itself.

    `to`: the languages to translate into. `source`: the film's, the transcript's where it is left out.
    `candidates`: how many translations of a line to choose from. `again`: ask a second time for what does not
    fit. `rate`: frames a second. `voice`: "BACKEND[:VOICE]" that will speak the lines, with `voice_options`:
    they are chosen by how long it takes. `voice_pace`: by the run's last dub, where there is one; otherwise a
    dub would have its translation made again, and that the dub. `only`: these segments, such as "17,23-40".
    `apart`: the segments that were done again by themselves; they stay until
    something that they depend on is named anew. `found_for`: the source language for which `auto` took the
    translator that the run has; None where a person named it.
    """

    KINDS = ("translator",)
    PATHS = ("glossary", "synopsis", "cast")
    ONCE = ("to", "only", "retry_failed")

    to: tuple[str, ...] | None = None
    source: str | None = None
    translator: str | None = None
    translator_model: str | None = None
    translator_options: dict[str, Any] | None = None
    glossary: str | None = None
    synopsis: str | None = None
    cast: str | None = None
    candidates: int | None = None
    again: bool | None = None
    rate: str | None = None
    voice: str | None = None
    voice_options: dict[str, Any] | None = None
    voice_pace: bool | None = None
    only: str | None = None
    retry_failed: bool | None = None
    apart: tuple[int, ...] | None = None
    found_for: str | None = None

    @property
    def some(self) -> bool:
        """Whether some lines only are to be done again."""
        return bool(self.only or self.retry_failed)

    @property
    def open(self) -> bool:
        """Whether nobody has named a translator or its model."""
        return self.translator in (None, "auto") and not self.translator_model

    def for_source(self, source: str) -> tuple[TranslateWish, str]:
        """The wish without a translator that `auto` took for another source language; and a sentence on that,
        "" where there is nothing to say."""
        if not self.found_for or self.found_for.partition("-")[0] == source.partition("-")[0]:
            return self, ""
        why = (
            f"the translator is chosen anew: {self.translator} was taken for "
            f"{language_name(self.found_for)}, and the source is {language_name(source)} now"
        )
        return replace(self, translator=None, translator_model=None, found_for=None), why

    def _dropped(self, new: dict[str, Any], old: dict[str, Any]) -> tuple[str, ...]:
        lines = (
            "translator",
            "translator_model",
            "translator_options",
            "source",
            "glossary",
            "synopsis",
            "cast",
        )
        another = any(name in new and new[name] != old.get(name) for name in lines)
        dropped = ("apart",) if another and not self.some else ()
        return (*dropped, *(("found_for",) if {"translator", "translator_model"} & set(new) else ()))


class DubWish(Wish, frozen=True, omit_defaults=True):
    """See `dubline dub --help`. It is kept for each language by itself, in its dub.

    `to`: the translations to dub, all that have a text where it is left out. `mix`: fields of `MixJob`.
    `like`: a run folder whose voices people of the same name get. `rights`: somebody says that they may clone
    the voices; asked for once a run. `mux`: write the film too. `only`: these lines; `takes_only`: no mix.
    """

    KINDS = ("voice",)
    PATHS = ("cast", "like")
    ONCE = ("to", "only", "retry_failed", "takes_only", "rights")

    to: tuple[str, ...] | None = None
    voice: str | None = None
    voice_model: str | None = None
    voice_options: dict[str, Any] | None = None
    cast: str | None = None
    like: str | None = None
    mix: dict[str, Any] | None = None
    mux: bool | None = None
    rights: bool | None = None
    only: str | None = None
    retry_failed: bool | None = None
    takes_only: bool | None = None


class LocalizeJob(Value, frozen=True):
    """The media, and what is asked of each stage; None: that stage is not wanted.

    A translation needs a transcript and gets one; a dub
    needs a translation, and stems unless the budget is low and the film short. As JSON it is the `job` of
    `serve`'s "localize" (docs/serve.md), as TOML the file of `dubline localize --job`.
    """

    media: Source
    separate: SeparateWish | None = SeparateWish()
    transcribe: TranscribeWish | None = TranscribeWish()
    translate: TranslateWish | None = None
    dub: DubWish | None = None
    device: str = "auto"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages to translate into, each once."""
        return tuple(dict.fromkeys(self.translate.to or ())) if self.translate is not None else ()


def is_embedded(text: str) -> bool:
    """Whether a `text` is one inside the film."""
    return text == EMBEDDED or text.startswith(f"{EMBEDDED}:")


def wish_from(kind: type[W], given: dict[str, Any]) -> W:
    """A wish from plain values, such as a command's options or a table of a file; None is left out.

    Raises:
        InvalidJob: an unknown field, a wrong type, or a word that the field does not know.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name, annotation in get_type_hints(kind).items():
        words = [word for part in get_args(annotation) for word in get_args(part)]
        word = given.get(name)
        if isinstance(word, str) and words and all(isinstance(w, str) for w in words) and word not in words:
            raise InvalidJob(f"--{name.replace('_', '-')} takes no {word!r}", hint=f"Use {', '.join(words)}.")
    try:
        return msgspec.convert(given, kind, strict=True)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidJob):
            raise error.__cause__ from None
        raise InvalidJob(complaint(error), hint=f"There are {', '.join(kind.__struct_fields__)}.") from None


def file_of(wish: Wish, field: str) -> Path | None:
    """A file that a wish names.

    Raises:
        InvalidJob: it is not there.
    """
    name: str | None = getattr(wish, field)
    if not name:
        return None
    path = Path(name)
    if not path.exists():
        raise InvalidJob(
            f"there is no file {name}",
            hint=f"Check what --{field.replace('_', '-')} names. A run keeps what it was given: name the "
            "file where it lies now, or start over with --forget.",
        )
    return path

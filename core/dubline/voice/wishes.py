"""What a person asks of a dub, and what it becomes together with what was asked for before."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from dubline.backends.choosing import available, find, options_of
from dubline.errors import InvalidJob
from dubline.language.script import base_language
from dubline.run import Work, step
from dubline.values.base import Choice, Value
from dubline.values.cast import read_cast
from dubline.values.dubbed import CastVoice, DubSettings, read_dubs
from dubline.values.transcript import read_transcript
from dubline.voice.casting import Role, parted, roles_of
from dubline.voice.routing import choose_voice


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for; see `dubline dub --help`. What is None or empty stays as it was asked before.

    `language`: "" is the only one there is. `voice`: "auto" chooses anew. `options` are the voice's own,
    `mix` fields of `MixJob`. `forget`: what was asked before does not count.
    """

    language: str = ""
    voice: str = ""
    options: dict[str, Any] = {}
    cast: Path | None = None
    like: Path | None = None
    mix: dict[str, Any] = {}
    mux: bool | None = None
    only: str = ""
    retry_failed: bool = False
    takes_only: bool = False
    rights: bool = False
    forget: bool = False


class Settled(NamedTuple):
    """The settings of a dub, the roles of its cast file, and sentences on what was chosen."""

    settings: DubSettings
    roles: dict[str, Role]
    reasons: tuple[str, ...]

    @property
    def voice(self) -> Choice:
        """The back end that casts whom nobody else does."""
        assert self.settings.voice is not None
        return self.settings.voice

    @property
    def others(self) -> tuple[Choice, ...]:
        """Further back ends, which the cast file or the other run names."""
        known = {choice.backend: choice for choice in self.settings.others}
        named = [role.voice for role in self.roles.values() if role.voice]
        named += [voice.voice for voice in self.settings.like.values()]
        declared = available("voice")
        wanted = dict.fromkeys(
            backend
            for backend, voice in map(parted, named)
            if voice and backend in declared and backend != self.voice.backend
        )
        return tuple(known.get(name) or Choice(backend=name) for name in wanted)


class VoiceRights(Value, frozen=True):
    """That somebody said: I have the right to clone these voices."""

    given: bool = True


@step("rights", version=1)
def keep_rights(work: Work, rights: VoiceRights) -> VoiceRights:
    """Keep in the run that the rights to the voices were claimed, and when (its place among the steps)."""
    work.note("the user has said that they have the right to clone the voices of this programme")
    return rights


def settle(wishes: Wishes, before: DubSettings, language: str, root: Path) -> Settled:
    """The settings for a language: what is asked now, else what was asked before, else the defaults.

    Raises:
        InvalidJob: an unknown back end or option, options without a voice, a bad cast file, a run to be
            like that has no dub in this language or no names.
        BackendMissing, WeightsError: a voice cannot be used; the hint says how to get it.
    """
    if wishes.forget:
        before = DubSettings(attempt=before.attempt)
    like, others = before.like, before.others
    voice = before.voice
    if wishes.like is not None:
        like, others = _like(wishes.like, language, root)
        voice = voice or (others[0] if others else None)
    reasons: tuple[str, ...] = ()
    if wishes.voice == "auto" or not (wishes.voice or voice):
        if wishes.options:
            raise InvalidJob(
                f"{', '.join(wishes.options)}: there is no voice named that this would be for",
                hint="Name it with --voice.",
            )
        voice, reasons = choose_voice(language)
    elif wishes.voice and (voice is None or wishes.voice != voice.backend or wishes.options):
        voice = Choice(backend=wishes.voice, options=wishes.options)
    elif voice is not None and wishes.options:
        voice = structs.replace(voice, options={**voice.options, **wishes.options})
    assert voice is not None
    check_voice(voice)
    cast = wishes.cast.absolute().as_posix() if wishes.cast is not None else before.cast
    if wishes.cast is None and cast and not Path(cast).is_file():
        raise InvalidJob(
            f"the cast file of the last dub is gone: {cast}",
            hint="Name it with --cast, or begin anew with --forget.",
        )
    return Settled(
        DubSettings(
            voice=voice,
            others=others,
            cast=cast,
            like=like,
            mix={**before.mix, **wishes.mix},
            mux=before.mux if wishes.mux is None else wishes.mux,
            attempt=before.attempt,
        ),
        roles_of(read_cast(Path(cast))) if cast else {},
        reasons,
    )


def check_voice(choice: Choice) -> None:
    """Refuse a back end or options that there are not.

    Raises:
        InvalidJob, BackendMissing.
    """
    backend = find("voice", choice.backend)
    options_of(backend, choice.options)


def open_voices(settled: Settled, language: str) -> None:
    """Open each back end once and close it, so that what it lacks is known before other work begins.

    Raises:
        InvalidJob, BackendMissing, WeightsError: one cannot speak the language as asked.
    """
    for choice in (settled.voice, *settled.others):
        backend = find("voice", choice.backend)
        with backend(options_of(backend, {"language": language, **choice.options})):
            pass


def clones(choice: Choice) -> bool:
    """Whether a back end with these options speaks with a real person's voice, cut from the film."""
    backend = find("voice", choice.backend)
    told: Any = getattr(backend, "clones", False)
    return bool(told(options_of(backend, choice.options)) if callable(told) else told)


def require_consent(cloning: bool, given: bool, recorded: bool | None) -> None:
    """Refuse to clone voices before somebody has said that they may.

    Raises:
        InvalidJob: it was neither said now (`given`) nor earlier in this run (`recorded`).
    """
    if cloning and not given and not recorded:
        raise InvalidJob(
            "this voice clones the actors' voices, and nobody has said that they may be cloned",
            hint="If you have the right to, add --i-have-the-voice-rights; it is asked for once a run.",
        )


def _like(other: Path, language: str, root: Path) -> tuple[dict[str, CastVoice], tuple[Choice, ...]]:
    """The voices of another run's dub by the names of its people, and the back ends that speak them."""
    if not other.is_dir():
        raise InvalidJob(f"there is no run folder {other}", hint="Give the folder, such as E01.dubline.")
    dubs = {base_language(dub.language): dub for dub in reversed(read_dubs(other))}
    dub = dubs.get(base_language(language))
    if dub is None:
        has = ", ".join(sorted(dubs)) or "none"
        raise InvalidJob(
            f"{other} has no dub in {language!r} whose voices could be taken (it has {has})",
            hint="Dub that run first: `dubline dub`.",
        )
    names: dict[str, str] = {}
    if (other / "transcript.json").exists():
        names = {s.id: s.name for s in read_transcript(other / "transcript.json").speakers if s.name}
    people = {names[role.speaker]: role for role in dub.takes.cast if role.speaker in names}
    if other.absolute() == root.absolute():
        people = {**{role.speaker: role for role in dub.takes.cast}, **people}
    if not people:
        raise InvalidJob(
            f"nobody in {other} has a name, so nobody can be found again",
            hint="Name the speakers of both runs: `dubline speakers --help`.",
        )
    voices = tuple(c for c in (dub.settings.voice, *dub.settings.others) if c is not None)
    return people, voices

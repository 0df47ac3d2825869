"""What a dub is asked for now, together with what was asked for before: its voices, cast and mix."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dubline.backends.backend import Sought
from dubline.backends.choosing import available, find, opened, options_of, settle
from dubline.errors import InvalidJob
from dubline.language.script import base_language
from dubline.run import Work, step
from dubline.values.base import Choice, Value
from dubline.values.cast import read_cast
from dubline.values.dubbed import CastVoice, DubSettings, read_dubs
from dubline.values.layout import Layout
from dubline.values.transcript import read_transcript
from dubline.values.wishes import DubWish, file_of
from dubline.voice.casting import Role, parted, roles_of

DEAF = 8
"""Lines in a row that fail alike, after which a voice counts as gone."""


class SettledDub(NamedTuple):
    """The settings of a dub, the roles of its cast file, and sentences on what was chosen. `others` are
    further back ends, which the cast file or the other run names."""

    settings: DubSettings
    roles: dict[str, Role]
    reasons: tuple[str, ...]
    others: tuple[Choice, ...] = ()

    @property
    def voice(self) -> Choice:
        """The back end that casts whom nobody else does."""
        assert self.settings.voice is not None
        return self.settings.voice


class VoiceRights(Value, frozen=True):
    """That somebody said: I have the right to clone these voices."""

    given: bool = True


@step("rights", version=1)
def keep_rights(work: Work, rights: VoiceRights) -> VoiceRights:
    """Keep in the run that the rights to the voices were claimed, and when (its place among the steps)."""
    work.note("the user has said that they have the right to clone the voices of this programme")
    return rights


def settle_dub(wish: DubWish, before: DubSettings, language: str, root: Path) -> SettledDub:
    """The settings for a language: what is asked now, else what was asked before, else the defaults.

    Raises:
        InvalidJob: an unknown back end or option, options without a voice, a bad cast file, a run to be
            like that has no dub in this language or no names.
        BackendMissing, WeightsError: a voice cannot be used; the hint says how to get it.
    """
    if wish.forget:
        before = DubSettings(attempt=before.attempt)
    like, others, voice = before.like, before.others, before.voice
    if wish.like is not None:
        like, others = _like(Path(wish.like), language, root)
        voice = voice or (others[0] if others else None)
    if wish.voice_options and not (wish.voice or voice):
        raise InvalidJob(
            f"{', '.join(wish.voice_options)}: there is no voice named that this would be for",
            hint="Name it with --voice.",
        )
    asked, wish = wish, wish.over(_as_wish(voice, before, root))
    options = dict(wish.voice_options or {})
    sought = Sought(model=wish.voice_model or str(options.pop("model", "")), language=language)
    settled = settle("voice", wish.voice or "auto", sought, options=options, why=asked.origin("voice"))
    cast = file_of(wish, "cast")
    settings = DubSettings(
        voice=settled.choice,
        others=others,
        cast=Layout(root).told(cast) if cast is not None else "",
        like=like,
        mix=wish.mix or {},
        mux=wish.mux,
        attempt=before.attempt,
    )
    roles = roles_of(read_cast(cast)) if cast is not None else {}
    further = _others(settled.choice, others, roles, like, language)
    return SettledDub(settings, roles, settled.reasons, further)


def _as_wish(voice: Choice | None, before: DubSettings, root: Path) -> DubWish:
    """What the last dub was asked for."""
    return DubWish(
        voice=voice.backend if voice is not None else None,
        voice_options=voice.options if voice is not None else None,
        cast=Layout(root).found(before.cast).as_posix() if before.cast else None,
        mix=before.mix,
        mux=before.mux,
    )


def _others(
    voice: Choice,
    known: tuple[Choice, ...],
    roles: dict[str, Role],
    like: dict[str, CastVoice],
    language: str,
) -> tuple[Choice, ...]:
    """Back ends besides `voice` that the cast file and the other run name."""
    names = [role.voice for role in roles.values() if role.voice]
    names += [earlier.voice for earlier in like.values()]
    declared, options = available("voice"), {choice.backend: choice.options for choice in known}
    backends = dict.fromkeys(
        backend
        for backend, name in map(parted, names)
        if name and backend in declared and backend != voice.backend
    )
    return tuple(
        settle("voice", name, Sought(language=language), options=options.get(name)).choice
        for name in backends
    )


def lasting(choice: Choice) -> dict[str, Any]:
    """The options that change a take: not how long to wait, nor whom to cast from."""
    return {name: value for name, value in choice.options.items() if name not in ("timeout", "voices")}


def open_voice(choice: Choice, language: str) -> AbstractContextManager[Any]:
    """The back end for a language, its model loaded; see `choosing.opened`."""
    return opened("voice", replace(choice, options={"language": language, **choice.options}))


def open_voices(settled: SettledDub, language: str) -> None:
    """Open each back end once and close it, so that what it lacks is known before other work begins.

    Raises:
        InvalidJob, BackendMissing, WeightsError: one cannot speak the language as asked.
    """
    for choice in (settled.voice, *settled.others):
        with open_voice(choice, language):
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
    if other.is_file():  # a film's run lies beside it
        other = other.with_name(f"{other.stem}.dubline")
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
    heard = Layout(other).transcript
    if heard.exists():
        names = {s.id: s.name for s in read_transcript(heard).speakers if s.name}
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

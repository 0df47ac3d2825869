"""What all back ends tell about themselves, and what one is sought for.

    class Mine(Backend):
        requires = ("mine",)
        cost = "twice as slow as the others"

docs/back-ends.md shows a whole one, with its entry point and its test.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

from dubline.errors import InvalidJob
from dubline.values.base import ModelIdentity
from dubline.values.languages import language_name
from dubline.weights.installation import extra_command

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

KINDS = ("separator", "diarizer", "recognizer", "translator", "voice")

Self = TypeVar("Self", bound="Backend")


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What a back end is wanted for, as far as that decides who can do it and with which weights.

    `model`: by name or path, "" leaves it open. `language`: what is heard, spoken or translated from, a code
    such as "tr", "" where it is not known. `target`: the language to translate into. `content`: of the sound
    to separate: "dialogue", "music", "cinematic"; or "film", for the model that splits music from effects.
    `besides`: a model that is taken for something else already.
    """

    model: str = ""
    language: str = ""
    target: str = ""
    content: str = ""
    besides: str = ""


class Backend:
    """What every back end tells about itself, as a class, before any weights are loaded.

    Nothing about a back end stands anywhere else: who chooses, asks these. What is given here suits one that
    needs no library, no weights and no other word.

    `requires`: modules that must be importable. `extra`: the extra of ours that brings them ("" for a
    stranger's). `cost`: a sentence for the user on what taking it costs, "" for nothing. `languages`: the
    codes it knows, None where that depends on the model or does not matter. `precedence`: its rank, where
    that is the same for all contents. `identities`: which weights an opened one has loaded.
    """

    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    cost: ClassVar[str] = ""
    languages: ClassVar[tuple[str, ...] | None] = None
    precedence: ClassVar[int | None] = 50
    identities: tuple[ModelIdentity, ...]

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Settings; unknown ones are refused."""

    @classmethod
    def rank(cls, content: str) -> int | None:
        """How early `auto` takes it for a content: the highest first. None: only where it is named.

        Ours lie between 10 (a preview) and 90 (made for it). Who tells music from effects must say so.
        """
        return None if content == "film" else cls.precedence

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """What is not installed that it needs, by name."""
        return tuple(module for module in cls.requires if not importable(module))

    @classmethod
    def remedy(cls) -> str:
        """The command that brings what is missing; "" where nobody knows one."""
        return extra_command(cls.extra) if cls.extra else ""

    @classmethod
    def check(cls, sought: Sought) -> None:
        """Refuse what it cannot do at all, whatever its weights.

        Raises:
            InvalidJob, BackendMissing, WeightsError: with the remedy.
        """
        language = sought.language.partition("-")[0].lower()
        if cls.languages is not None and language and language not in cls.languages:
            raise InvalidJob(
                f"{name_of(cls)} knows {' and '.join(map(language_name, cls.languages))} only, "
                f"not {language_name(sought.language)}",
                hint="Use another one: `dubline backends` lists them.",
            )

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path] | None:
        """The models on this machine that suit, by the name to call them by, the best first; with
        `sought.model` that one alone, if it is here. None: it needs no model.

        Raises:
            WeightsError: the model is here, and damaged or of another kind.
        """
        return None

    @classmethod
    def damaged(cls) -> tuple[str, ...]:
        """What is wrong with models of its kind in the models folder that cannot be taken, as sentences."""
        return ()

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        """The sentence that says how to bring the model here."""
        return ""

    @classmethod
    def costs(cls, sought: Sought, place: Path | None) -> str:
        """A sentence on what taking it with the model at a place costs; its `cost` where that is all."""
        return cls.cost

    @classmethod
    def identity(cls, options: Any) -> tuple[str, ...]:
        """What its results depend on besides the options: the library that computes, with its version, and
        the SHA-256 of the weights. Another identity is another result, so steps are done again.

        Raises:
            WeightsError: the weights are not here, or cannot be read.
        """
        return versions(*cls.requires)

    @classmethod
    def trial_options(cls) -> dict[str, Any] | None:
        """Options with which `dubline doctor` may try it. None: it works with the user's own only."""
        return {}

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Give the memory back."""


def importable(module: str) -> bool:
    """Whether a module is installed, by its name; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # of a module in a package that is not there
        return False


def name_of(cls: type) -> str:
    """What users call a back end: the name of its entry point, else its class's."""
    place = f"{cls.__module__}:{cls.__qualname__}"
    for kind in KINDS:
        for point in entry_points(kind):
            if point.value == place:
                return point.name
    return cls.__name__.lower()


def entry_points(kind: str) -> tuple[EntryPoint, ...]:
    """The entry points of a kind, by name. What is installed while we run is seen."""
    places = [Path(place or ".") for place in sys.path]
    return _entry_points(kind, tuple((p, p.stat().st_mtime_ns) for p in places if p.exists()))


@lru_cache(maxsize=16)
def _entry_points(kind: str, places: tuple[tuple[Path, int], ...]) -> tuple[EntryPoint, ...]:
    from importlib import metadata

    found = {point.name: point for point in metadata.entry_points(group=f"dubline.{kind}")}
    return tuple(found[name] for name in sorted(found))


def versions(*modules: str) -> tuple[str, ...]:
    """The installed distributions that give these modules, as "NAME VERSION"."""
    from importlib.metadata import PackageNotFoundError, version

    names: dict[str, None] = {}
    for module in modules:
        try:
            names[f"{module} {version(module)}"] = None
        except PackageNotFoundError:  # of another name than its module
            givers = _distributions().get(module.partition(".")[0], ())
            names.update({f"{name} {version(name)}": None for name in givers})
    return tuple(names)


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    from importlib.metadata import packages_distributions

    return packages_distributions()

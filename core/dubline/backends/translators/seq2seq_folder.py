"""Where a translation model's files are, which one is usual for a pair of languages, and its licence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from dubline.backends.backend import Backend, Sought
from dubline.backends.translators.seq2seq_languages import flores, short_code
from dubline.errors import InvalidJob, WeightsError
from dubline.values.base import ModelIdentity
from dubline.weights.files import models_folder
from dubline.weights.folders import find_folder, folder_card, weight_sums
from dubline.weights.kinds import FolderKind, folder_kind, look, non_commercial, read_licence, weight_files

_BIG = "en-tr tr-en en-es en-ar en-pt en-lv en-lt el-en he-en"
_PLAIN = """
    ar-en cs-en da-en de-en es-en fi-en fr-en hi-en hu-en it-en ja-en ko-en nl-en pl-en ru-en sv-en uk-en
    zh-en en-cs en-da en-de en-el en-et en-fi en-fr en-hi en-hu en-is en-it en-mk en-nl en-ro en-ru en-sk
    en-sv en-uk en-zh
"""
USUAL = {
    **{pair: f"Helsinki-NLP/opus-mt-{pair}" for pair in _PLAIN.split()},
    **{pair: f"Helsinki-NLP/opus-mt-tc-big-{pair}" for pair in _BIG.split()},
}
"""Pair -> the model that "auto" means: OPUS-MT, CC-BY-4.0 or Apache-2.0, may be used for any purpose."""
MANY = (
    ("facebook/m2m100_418M", "100 languages, MIT"),
    ("facebook/nllb-200-distilled-600M", "200 languages, CC-BY-NC-4.0: not for commercial use"),
)
"""Models for many languages. They are never taken unless named."""


def usual_model(source: str, target: str) -> str:
    """The model that "auto" means for two languages.

    Raises:
        InvalidJob: a language is missing.
        WeightsError: there is no usual one; the hint names models that could do it.
    """
    pair = f"{short_code(source)}-{short_code(target)}"
    if pair in USUAL:
        return USUAL[pair]
    if not source or not target:
        raise InvalidJob(
            "a learned translator must be told both languages", hint="Name them, such as tr and en."
        )
    able = "; ".join(f"{name} ({what})" for name, what in MANY if flores(source) and flores(target))
    raise WeightsError(
        f"no model is the usual one from {source} to {target}",
        hint=f"Name one that can do it: {able}." if able else "Name a model's folder, or use an LLM.",
    )


class Seq2SeqBackend(Backend):
    """What the learned translators tell about their models; they differ in the forms that they can read."""

    forms: ClassVar[tuple[FolderKind, ...]]

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """The named model, or the usual one of the pair of languages.

        Raises:
            InvalidJob: a language is missing.
            WeightsError: the model is damaged, or the pair has no usual one.
        """
        name = sought.model or usual_model(sought.language, sought.target)
        found = find_folder(name, *cls.forms)
        if found is None:
            return {}
        look(found)
        return {name: found}

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        """The command that brings the model here, and who else could translate."""
        name = sought.model or usual_model(sought.language, sought.target)
        fetch = (
            f"Fetch the model with `dubline models fetch {name}`"
            if name.count("/") == 1
            else ("Bring the model in with `dubline models import FOLDER`")
        )
        return (
            f"{fetch}, or name another translator: --translator llm with a server of your own, apertium, or "
            "manual."
        )

    @classmethod
    def sums(cls, model: str, source: str, target: str) -> tuple[str, ...]:
        """The SHA-256 of the weights of a model, or of the usual one ("auto").

        Raises:
            InvalidJob: "auto", and a language is missing.
            WeightsError: it is not on this machine, or damaged.
        """
        return weight_sums(find_model(usual_model(source, target) if model == "auto" else model, *cls.forms))


def find_model(name: str, *kinds: FolderKind) -> Path:
    """A whole model's folder by its path, its name in the models folder, or OWNER/NAME.

    Nothing is downloaded: a repository is looked for in the models folder and in the hub's cache.

    Raises:
        WeightsError: it is not on this machine, damaged, or another kind of model.
    """
    found = find_folder(name, *kinds)
    if found is not None:
        look(found)
        return found
    for place in (Path(name).expanduser(), models_folder() / name):
        if place.is_dir():
            what = folder_kind(place)
            raise WeightsError(
                f"{place} is {f'a {what} model' if what else 'no model that Dubline knows'}, "
                f"not {' or '.join(kinds)}",
                hint="Give the folder that holds the model's config.json, with all files of it.",
            )
    fetch = f"Get it with `dubline models fetch {name}`, or" if name.count("/") == 1 else "Bring it in with"
    raise WeightsError(
        f"the translation model {name!r} is not on this machine",
        hint=f"{fetch} `dubline models import FOLDER`, or name its folder.",
    )


def identity_of(name: str, folder: Path) -> ModelIdentity:
    """Which weights these are: files, checksums, licence and origin as the card or README.md tell them."""
    kind = folder_kind(folder)
    card = folder_card(folder)
    fetched = f"https://huggingface.co/{name}" if "snapshots" in folder.parts else folder.as_posix()
    return ModelIdentity(
        name=called(name, folder),
        files=weight_files(folder, kind) if kind else (),
        sha256=weight_sums(folder),
        licence=(card.licence if card else "") or read_licence(folder / "README.md"),
        origin=(card.origin if card else "") or fetched,
    )


def check_numbers(candidates: int, beams: int, budget: int, threads: int | None) -> None:
    """Raises `InvalidJob` for a number that is below 1."""
    numbers = {"candidates": candidates, "beams": beams, "budget": budget, "threads": threads or 1}
    for name, value in numbers.items():
        if value < 1 or (name == "threads" and threads == 0):
            raise InvalidJob(f"{name} begins at 1", hint="Leave it out to take the default.")


def called(name: str, folder: Path) -> str:
    """What to call a model that was asked for by `name`: a path is told by its folder's name."""
    return name if name.count("/") <= 1 and not name.startswith((".", "/", "~")) else folder.name


def licence_note(identity: ModelIdentity, family: str) -> str | None:
    """What has to be said about a model's licence; None where nothing has."""
    if identity.licence and non_commercial(identity.licence):
        return f"{identity.name} is licensed {identity.licence}: not for commercial use"
    if family == "nllb" and not identity.licence:
        return (
            f"the licence of {identity.name} is not stated; Meta's NLLB-200 models are CC-BY-NC-4.0, not for "
            "commercial use"
        )
    return None

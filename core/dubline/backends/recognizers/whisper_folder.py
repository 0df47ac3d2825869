"""Where the files of a Whisper, or of another speech model, are: a folder the user names, the models folder,
Hugging Face's cache."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar

from dubline.backends.backend import Backend, Sought
from dubline.errors import InvalidJob, WeightsError
from dubline.language.script import base_language
from dubline.values.languages import language_name, names_near
from dubline.weights.files import models_folder
from dubline.weights.folders import (
    cached_folder,
    damaged_folders,
    folders_here,
    kept_folder,
    weight_sums,
)
from dubline.weights.kinds import NEEDED, FolderKind, english_only, folder_kind, look


class WhisperBackend(Backend):
    """What the back ends with Whisper tell about its models; they differ in the form of the files."""

    confidence: ClassVar[str] = "The mean of Whisper's probabilities of the tokens that make up the word."
    form: ClassVar[FolderKind]
    more_forms: ClassVar[tuple[FolderKind, ...]] = ()
    noun: ClassVar[str] = "Whisper model"

    @staticmethod
    def usual(device: str) -> str:
        """The size that "auto" means on a kind of device."""
        return "large-v3-turbo" if device == "cuda" else "small"

    @classmethod
    def repository(cls, name: str) -> str:
        """Where a model is on the hub; "" if the hub has none of that name."""
        raise NotImplementedError

    @classmethod
    def check(cls, sought: Sought) -> None:
        super().check(sought)
        if not sought.model:
            check_language(sought.language)

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        if not sought.model:
            english, folders = sought.language == "en", folders_here(cls.form)
            fitting = {n: p for n, p in folders.items() if english or not english_only(p, cls.form)}
            if folders and not fitting:
                raise WeightsError(
                    f"of Whisper's models here ({', '.join(folders)}) none hears anything but English",
                    hint=f"Say --language en if that is what is spoken. {cls.how_to_get(sought)}",
                )
            return fitting
        found = cls.here(sought.model)
        if found and sought.language and (form := folder_kind(found)) in ("whisper", "whisper-ct2"):
            if english_only(found, form) and not its_language(sought.language, ("en",)):
                raise refuse_language(sought.model, sought.language)
            check_language(sought.language)
        return {sought.model: found} if found else {}

    @classmethod
    def damaged(cls) -> tuple[str, ...]:
        return damaged_folders(cls.form, *cls.more_forms)

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        name = cls.repository(sought.model or cls.usual("cpu")) or "OWNER/NAME"
        return f"`dubline models fetch {name}` brings it, or `dubline models import FOLDER`."

    @classmethod
    def sums(cls, name: str) -> tuple[str, ...]:
        """The SHA-256 of a model's weights.

        Raises:
            WeightsError: it is not on this machine, or cannot be read.
        """
        found = cls.here(name)
        if found is None:
            raise WeightsError(
                f"the {cls.noun} {name!r} is not on this machine", hint=cls.how_to_get(Sought(model=name))
            )
        return weight_sums(found)

    @classmethod
    def here(cls, name: str) -> Path | None:
        """The folder that holds a model, if it is on this machine.

        `name` is what the user said: a path, or a name. A name is looked for in the models folder, then as
        what was fetched from its repository: there or in the hub's cache.

        Raises:
            WeightsError: it is there, but of another kind, or a file of it is missing or cut off.
        """
        forms = (cls.form, *cls.more_forms)
        for place in (_kept(name), Path(name).expanduser()):
            if place is not None and place.is_dir():
                return Path(look(place, *forms).path)
        if repository := cls.repository(name):
            found = kept_folder(repository, *forms)
            return Path(look(found, *forms).path) if found else cached_folder(repository, *forms)
        return None

    @classmethod
    def folder_of(cls, name: str) -> Path:
        """The folder that holds a Whisper's files. Nothing is fetched.

        Raises:
            WeightsError: it is not here, or a file is missing. The hint says which files belong where.
        """
        found = cls.here(name)
        if found is not None:
            return found
        files = ", ".join(n.replace("|", " or ") for n in NEEDED[cls.form])
        where = _kept(name) or models_folder() / "NAME"
        by_hand = f"Put its files ({files}) into {where}, or name the folder they are in."
        if not cls.repository(name) or name.startswith((".", "/", "~")) or "\\" in name:
            raise WeightsError(f"there is no {cls.noun} {name!r}", hint=by_hand)
        raise WeightsError(
            f"the {cls.noun} {name!r} is not on this machine",
            hint=f"{cls.how_to_get(Sought(model=name))} {by_hand}",
        )


_KNOWN = """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu
    hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt
    ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh
"""
LANGUAGES = frozenset(_KNOWN.split())
"""What Whisper's multilingual models know (`LANGUAGES` of OpenAI's whisper/tokenizer.py)."""
ITS_OWN = {
    "jv": "jw",
    "nb": "no",
    "fil": "tl",
    "iw": "he",
    "cmn": "zh",
    "yue": "zh",
    "prs": "fa",
    "sh": "hr",
    **dict.fromkeys(("acm", "aeb", "afb", "apc", "apd", "arb", "ars", "ary", "arz"), "ar"),
}
"""A language's code -> the one that Whisper knows it by, where that is another. Javanese is "jw" in OpenAI's
list (`LANGUAGES` of whisper/tokenizer.py), and there is no Bokmål beside Norwegian. Cantonese came with
large-v3 and is Chinese to the models before."""
OURS = {"jw": "jv"}


def its_language(language: str, known: Collection[str]) -> str:
    """A language's code in a model that knows these; "" where it has none.

    "nb-NO" is "no" and "zh-Hant" is "zh": it hears a language, and no country's or script's way of it.
    """
    base = base_language(language)
    return next((code for code in (language, base, ITS_OWN.get(base, "")) if code and code in known), "")


def our_language(code: str) -> str:
    """A model's code as `dubline.values.languages` writes it."""
    return OURS.get(code, code)


def refuse_language(name: str, language: str) -> InvalidJob:
    """The error for a language that a model does not know."""
    if its_language(language, LANGUAGES):
        return InvalidJob(
            f"{name} does not know {language_name(language)}",
            hint="Leave out --recognizer-model, or name one without .en in its name.",
        )
    return InvalidJob(
        f"Whisper does not know {language_name(language)}",
        hint=" ".join(filter(None, (names_near(language, LANGUAGES), OWN_TEXT))),
    )


def check_language(language: str) -> None:
    """Refuse a language that no Whisper knows; "" is none that was named.

    Raises:
        InvalidJob: it is one; the hint has the nearest names.
    """
    if language and not its_language(language, LANGUAGES):
        raise refuse_language("Whisper", language)


OWN_TEXT = "Where you have the words already, give them with --text FILE (.srt, .vtt, .json with times)."
"""What still works in a language that no recognizer knows."""


def _kept(name: str) -> Path | None:
    return models_folder() / name if re.fullmatch(r"[^./\\:~][^/\\:]*", name) else None

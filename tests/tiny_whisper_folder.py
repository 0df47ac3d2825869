"""The tiny Whisper, built once for a checkout and whatever versions of the libraries are installed."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pytest
from kept_models import kept

from dubline.backends.torchaudio_guard import before_transformers


@lru_cache(maxsize=1)
def tiny_whisper() -> Path:
    """A folder with `hf/` and `ct2/`. Half a minute the first time; then it is kept."""
    pytest.importorskip(
        "transformers", reason="transformers, which builds the tiny Whisper, is not installed"
    )
    pytest.importorskip(
        "ctranslate2", reason="ctranslate2, which converts the tiny Whisper, is not installed"
    )
    import tiny_whisper as builder

    before_transformers()
    recipe = Path(builder.__file__).read_bytes()
    recipe += "".join(version(name) for name in ("torch", "transformers", "ctranslate2")).encode()
    return kept("whisper", recipe, lambda new: builder.convert(builder.train(new / "hf"), new / "ct2"))

"""The tiny Whisper, built once for a checkout and whatever versions of the libraries are installed."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache" / "tiny-whisper"


@lru_cache(maxsize=1)
def tiny_whisper() -> Path:
    """A folder with `hf/` and `ct2/`. Half a minute the first time; it stays in pytest's cache folder."""
    pytest.importorskip(
        "transformers", reason="transformers, which builds the tiny Whisper, is not installed"
    )
    pytest.importorskip(
        "ctranslate2", reason="ctranslate2, which converts the tiny Whisper, is not installed"
    )
    import filelock
    import tiny_whisper as builder

    made_by = Path(builder.__file__).read_bytes()
    made_by += "".join(version(name) for name in ("torch", "transformers", "ctranslate2")).encode()
    folder = CACHE / hashlib.sha256(made_by).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as aside:
                builder.convert(builder.train(Path(aside, "new", "hf")), Path(aside, "new", "ct2"))
                Path(aside, "new").rename(folder)
    return folder

"""Our recognizers keep what every recognizer promises (`dubline.testing`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_whisper as tiny
from our_backends import ours
from tiny_speech_models import kept_speech_model
from tiny_whisper_folder import tiny_whisper

from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.backends.recognizers.pocketsphinx import Pocketsphinx
from dubline.backends.recognizers.transformers import Transformers
from dubline.testing import RECOGNIZER_PROMISES, Subject, keep

TINY = ("parakeet_ctc", "parakeet_tdt", "parakeet_rnnt", "wav2vec2", "canary", "cohere_asr", "qwen3_asr")
TINY += ("moonshine", "voxtral")


def _tiny(kind: str) -> dict[str, Any]:
    """Options for a model with random weights; some of them must be told the language."""
    if kind == "voxtral":
        pytest.importorskip("mistral_common", reason="mistral_common is not installed")
    return {"model": str(kept_speech_model(kind)), "language": "en", "device": "cpu", "threads": 1}


RECOGNIZERS: dict[str, tuple[Any, Callable[[], dict[str, Any]]]] = {
    "faster-whisper": (
        FasterWhisper,
        lambda: {"model": str(tiny_whisper() / "ct2"), "device": "cpu", "precision": "float32", "threads": 1},
    ),
    "transformers": (
        Transformers,
        lambda: {"model": str(tiny_whisper() / "hf"), "device": "cpu", "threads": 1},
    ),
    **{f"transformers, {kind}": (Transformers, partial(_tiny, kind)) for kind in TINY},
    "pocketsphinx": (Pocketsphinx, dict),
}
ELSEWHERE = {"paddlespeech"}
"""Tried for real in tests/slow, as it needs an environment of its own."""


@pytest.fixture(scope="module", params=RECOGNIZERS)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """A recognizer, loaded, and two voices that it has learnt to hear."""
    cls, options = RECOGNIZERS[request.param]
    if missing := cls.missing():
        pytest.skip(f"{', '.join(missing)} is not installed")
    given = options()
    sound = np.concatenate([tiny.voice(tiny.TURKISH, 5), tiny.voice(tiny.ENGLISH, 3)])
    with cls(cls.Options(**given)) as opened:
        yield Subject(cls, given, opened, Path(), sound)


@pytest.mark.parametrize("promise", RECOGNIZER_PROMISES)
def test_promise(subject: Subject, promise: str) -> None:
    keep(RECOGNIZER_PROMISES, promise, subject)


def test_all_of_ours_are_tried() -> None:
    assert set(ours("recognizer")) == {name.partition(",")[0] for name in RECOGNIZERS} | ELSEWHERE

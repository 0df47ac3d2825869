"""Our translators keep what every translator promises (`dubline.testing`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import firefox_models
import pytest
import tiny_translator as tiny
from misbehaving_server import MODEL, MisbehavingServer
from our_backends import ours

from dubline.backends.choosing import options_of
from dubline.backends.translators.apertium import Apertium
from dubline.backends.translators.ctranslate2 import CTranslate2Translator
from dubline.backends.translators.firefox import Firefox
from dubline.backends.translators.llm import LanguageModel
from dubline.backends.translators.manual import Manual
from dubline.backends.translators.transformers import TransformersTranslator
from dubline.testing import TRANSLATOR_PROMISES, Subject, keep
from dubline.testing.translators import SENTENCES


class Case(NamedTuple):
    """A translator, the options to make it with (in a `with`, so that a server can be run beside it), and
    sentences in its source language."""

    cls: Any
    options: Callable[[], AbstractContextManager[dict[str, Any]]]
    texts: Callable[[], Sequence[str]]


@contextmanager
def tiny_model(**more: Any) -> Iterator[dict[str, Any]]:
    options = {"source": "tr", "target": "en", "model": str(tiny.folder()), "device": "cpu", "threads": 1}
    yield {**options, "budget": 48, **more}


def turkish() -> list[str]:
    return [pair[0] for pair in tiny.held_out()[:24]]


@contextmanager
def by_a_server() -> Iterator[dict[str, Any]]:
    with MisbehavingServer() as server:
        yield {"server": server.address, "model": MODEL, "source": "tr", "target": "en", "batch": 5}


@contextmanager
def real_model() -> Iterator[dict[str, Any]]:
    yield {"source": "en", "target": "pt", "model": str(firefox_models.model("enpt"))}


@contextmanager
def spanish() -> Iterator[dict[str, Any]]:
    yield {"source": "en", "target": "es"}


def numbered() -> list[str]:
    return [f"Ben {number} numarada bekledim." for number in range(1, 15)]


TRANSLATORS: dict[str, Case] = {
    "transformers": Case(TransformersTranslator, lambda: tiny_model(precision="fp32"), turkish),
    "ctranslate2": Case(CTranslate2Translator, tiny_model, turkish),
    "firefox": Case(Firefox, real_model, lambda: SENTENCES),
    "llm": Case(LanguageModel, by_a_server, numbered),
    "apertium": Case(Apertium, spanish, lambda: SENTENCES),
    "manual": Case(Manual, lambda: nullcontext({"source": "tr", "target": "en"}), turkish),
}


PROGRAM = {"apertium": pytest.mark.program("apertium-eng-spa")}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=PROGRAM.get(name, ())) for name in TRANSLATORS]
)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A translator, loaded."""
    case = TRANSLATORS[request.param]
    if missing := case.cls.missing():
        pytest.skip(f"{', '.join(missing)} is not installed")
    folder = tmp_path_factory.mktemp("translator")
    with pytest.MonkeyPatch.context() as patch, case.options() as given:
        patch.setenv("DUBLINE_MODELS", str(folder / "models"))
        with case.cls(options_of(case.cls, given)) as opened:
            yield Subject(case.cls, given, opened, folder, case.texts())


@pytest.mark.parametrize("promise", TRANSLATOR_PROMISES)
def test_promise(subject: Subject, promise: str) -> None:
    keep(TRANSLATOR_PROMISES, promise, subject)


def test_all_of_ours_are_tried() -> None:
    assert set(ours("translator")) == TRANSLATORS.keys()

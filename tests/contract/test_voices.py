"""Our voices keep what every voice promises (`dubline.testing`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from humming_voice import humming
from kept_models import kept_by_paddle
from our_backends import ours
from speaking_programs import tone_program

from dubline.backends.choosing import options_of
from dubline.backends.voices.command import Command
from dubline.backends.voices.espeak import Espeak
from dubline.backends.voices.flite import Flite
from dubline.backends.voices.paddlespeech import PaddleSpeechVoice
from dubline.backends.voices.piper import Piper
from dubline.testing import VOICE_PROMISES, Subject, keep
from dubline.workers import environments as worker_environments


class Case(NamedTuple):
    """A voice, and a function that gives the options to make it with, or skips."""

    cls: Any
    options: Callable[[Path], dict[str, Any]]


def english(folder: Path) -> dict[str, Any]:
    return {"language": "en"}


def own_program(folder: Path) -> dict[str, Any]:
    return {"command": [sys.executable, str(tone_program(folder)), "{text_file}", "{wav}", "{rate}"]}


def humming_model(folder: Path) -> dict[str, Any]:
    return {"model": str(humming(folder)), "language": "en"}


def humming_choir(folder: Path) -> dict[str, Any]:
    return {"model": str(humming(folder, {"ann": 210.0, "bob": 105.0})), "language": "en"}


def tiny_paddle(folder: Path) -> dict[str, Any]:
    """PaddleSpeech for real, with weights that nobody trained."""
    if worker_environments.installed("paddlespeech", ("voices",)) is None:
        pytest.skip("no environment: dubline backends install paddlespeech --with voices")
    models = kept_by_paddle("tiny_paddle_voice.py", "paddlespeech_voice_worker.py")
    return {"model": str(models / "english"), "language": "en", "threads": 1}


def cloning_program(folder: Path) -> dict[str, Any]:
    """A program that will not speak without a reference and the words in it."""
    program = folder / "clone.py"
    program.write_text(
        "import runpy, sys, wave\n"
        "reference, words = sys.argv[4:]\n"
        "assert wave.open(reference).getnframes() > 0 and words == 'Reference words.', words\n"
        f"runpy.run_path({str(tone_program(folder))!r}, run_name='__main__')\n"
    )
    places = ["{text_file}", "{wav}", "{rate}", "{reference}", "{reference_text}"]
    return {"command": [sys.executable, str(program), *places]}


class LibraryEspeak(Espeak):
    """eSpeak NG where its program is not installed."""

    command = Espeak.library


VOICES: dict[str, Case] = {
    "espeak-ng": Case(Espeak, english),
    "espeak-ng, its library": Case(LibraryEspeak, english),
    "flite": Case(Flite, english),
    "piper": Case(Piper, humming_model),
    "piper, several speakers": Case(Piper, humming_choir),
    "command": Case(Command, own_program),
    "command, cloning": Case(Command, cloning_program),
    "paddlespeech": Case(PaddleSpeechVoice, tiny_paddle),
}


MARKS = {
    "espeak-ng": pytest.mark.program("espeak-ng"),
    "flite": pytest.mark.program("flite"),
    "paddlespeech": pytest.mark.paddle,
}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=MARKS.get(name, ())) for name in VOICES])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A voice, loaded."""
    case, folder = VOICES[request.param], tmp_path_factory.mktemp("voice")
    options = case.options(folder)
    with case.cls(options_of(case.cls, options)) as opened:
        yield Subject(case.cls, options, opened, folder)


@pytest.mark.parametrize("promise", VOICE_PROMISES)
def test_promise(subject: Subject, promise: str) -> None:
    keep(VOICE_PROMISES, promise, subject)


def test_all_of_ours_are_tried() -> None:
    assert set(ours("voice")) == {name.partition(",")[0] for name in VOICES}

"""Our voices keep what every voice promises (`dubline.testing`)."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
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
    """A voice in Piper's format that hums as long as the text is, at any length scale."""
    for needed in ("onnx", "piper"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    from onnx import TensorProto, helper, numpy_helper, save

    def constant(name: str, value: Any) -> Any:
        return numpy_helper.from_array(np.array(value), name)

    nodes = [
        helper.make_node("Cast", ["input_lengths"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "one"], ["length_scale"]),
        helper.make_node("Mul", ["count", "hop"], ["at_pace"]),
        helper.make_node("Mul", ["at_pace", "length_scale"], ["samples"]),
        helper.make_node("Squeeze", ["samples"], ["end"]),
        helper.make_node("Range", ["zero", "end", "step"], ["time"]),
        helper.make_node("Mul", ["time", "turn"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "loud"], ["hum"]),
        helper.make_node("Unsqueeze", ["hum", "axes"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "hum",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, None])],
        [
            constant("one", np.array([1], np.int64)),
            constant("hop", np.float32(500)),
            constant("zero", np.float32(0)),
            constant("step", np.float32(1)),
            constant("turn", np.float32(2 * np.pi * 150 / 16000)),
            constant("loud", np.float32(0.3)),
            constant("axes", np.array([0, 1], np.int64)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    save(model, folder / "hum.onnx")
    letters = "_^$ abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?!'"
    settings = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "language": {"code": "en_US"},
        "phoneme_type": "text",
        "phoneme_id_map": {letter: [number] for number, letter in enumerate(letters)},
        "num_symbols": len(letters),
        "num_speakers": 1,
        "inference": {"length_scale": 1.0, "noise_scale": 0.0, "noise_w": 0.0},
    }
    (folder / "hum.onnx.json").write_text(json.dumps(settings))
    return {"model": str(folder), "language": "en"}


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

"""What every voice must do, whatever is inside. A new one is added to `VOICES`."""

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
from speaking_programs import tone_program

from dubline.backends.choosing import options_of
from dubline.backends.contract import Reference, VoiceInfo
from dubline.backends.voices.command import Command
from dubline.backends.voices.espeak import Espeak
from dubline.backends.voices.flite import Flite
from dubline.backends.voices.paddlespeech import PaddleSpeechVoice
from dubline.backends.voices.piper import Piper
from dubline.errors import BackendFailed, Cancelled, InvalidJob
from dubline.media.sound import SoundWriter
from dubline.voice.fitting import usable
from dubline.weights.files import checksum
from dubline.workers import environments as worker_environments

LINES = (
    "We have to leave this house before the morning.",
    "Who told you that? I never said a word about it!",
)


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


VOICES: dict[str, Case] = {
    "espeak-ng": Case(Espeak, english),
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
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    case = VOICES[request.param]
    options = options_of(case.cls, case.options(tmp_path_factory.mktemp("voice")))
    with case.cls(options) as made:
        cloning = getattr(case.cls, "clones", None)
        if cloning is not None and cloning(options):
            made.reference = reference(tmp_path_factory.mktemp("reference"))
        yield made


def reference(folder: Path) -> Reference:
    """A cut of somebody's voice: two seconds of hum."""
    path = folder / "cut.wav"
    with SoundWriter(path, 16000, 1, 32000) as file:
        file.write(0.1 * np.sin(np.arange(32000) / 20, dtype=np.float32)[None])
    return Reference(path=str(path), text="Reference words.", sha256=checksum(path))


def said(voice: Any, text: str, **how: Any) -> Any:
    wanted = {"speed": 1.0, "pitch": 1.0, "tick": lambda: None, **how}
    if hasattr(voice, "reference"):
        wanted["reference"] = voice.reference
    return usable(voice.speak(text, voice.voices()[0].name, **wanted))


def test_it_lists_voices_that_it_knows(voice: Any) -> None:
    listed = voice.voices()
    assert listed and listed == voice.voices()
    assert len({info.name for info in listed}) == len(listed)
    for info in listed:
        assert isinstance(info, VoiceInfo) and voice.knows(info.name)
        assert info.pitch is None or 60 < info.pitch < 400
        assert info.gender in ("female", "male", "")
    assert not voice.knows("") and not voice.knows("--version")


def test_a_take_is_mono_float32_with_sound_in_it(voice: Any) -> None:
    take = said(voice, LINES[0])
    assert take.sound.dtype == np.float32 and take.sound.shape[0] == 1
    assert 0.5 < take.sound.shape[1] / take.rate < 10
    assert 0.01 < np.abs(take.sound).max() <= 1


def test_longer_texts_take_longer(voice: Any) -> None:
    short, long = said(voice, "Come."), said(voice, " ".join(LINES))
    assert long.sound.shape[1] > 2 * short.sound.shape[1]


def test_its_speed_follows_what_is_asked(voice: Any) -> None:
    assert voice.paces
    natural = said(voice, LINES[1]).sound.shape[1]
    for speed in (0.9, 1.1, 1.2):
        paced = said(voice, LINES[1], speed=speed).sound.shape[1]
        assert natural / paced == pytest.approx(speed, rel=0.06)


def test_the_same_twice_is_the_same(voice: Any) -> None:
    first, again = said(voice, LINES[0], speed=1.1), said(voice, LINES[0], speed=1.1)
    assert np.array_equal(first.sound, again.sound)


@pytest.mark.parametrize(
    "text",
    ["-v en --version", "$(touch owned) `touch owned`; touch owned", "@/etc/passwd", "{wav} {rate} %s"],
)
def test_a_text_is_never_a_command(
    voice: Any, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said(voice, text)
    assert not (tmp_path / "owned").exists()


def test_control_characters_and_long_lines_do_no_harm(voice: Any) -> None:
    said(voice, "One\x00 two\x07 three\u202e four\ud800\n\nfive.")
    said(voice, "And then he went away. " * 12)


def test_an_unknown_voice_fails_and_names_it(voice: Any) -> None:
    if voice.any_voice:
        pytest.skip("it takes any name")
    assert not voice.knows("nobody")
    with pytest.raises(BackendFailed, match="nobody"):
        voice.speak("Hello.", "nobody", speed=1.0, pitch=1.0, tick=lambda: None)


def test_it_can_be_stopped(voice: Any) -> None:
    def stop() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        said(voice, LINES[0], tick=stop)


@pytest.mark.parametrize("name", VOICES)
def test_unknown_options_are_refused(name: str) -> None:
    with pytest.raises(InvalidJob, match="nonsense"):
        options_of(VOICES[name].cls, {"nonsense": 1})

"""Both Whispers with real, tiny models that know two sentences."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_whisper as tiny
from tiny_whisper_folder import tiny_whisper

from dubline.backends.contract import Stretch
from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.backends.recognizers.transformers import Transformers
from dubline.errors import BackendFailed, InvalidJob, WeightsError
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech

TURKISH, ENGLISH = Stretch(start=0, end=4), Stretch(start=5, end=8)
HUSH = Stretch(start=8, end=12)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speech]:
    path = tmp_path_factory.mktemp("speech") / "speech.raw"
    gap = np.zeros(tiny.RATE, np.float32)
    with FloatFile(path, 1) as file:
        file.append(np.concatenate([tiny.voice("tr"), gap, tiny.voice("en", 3), tiny.hush(4)])[None])
    with Speech(path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUBLINE_MODELS", str(tmp_path / "models"))
    constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def faster(**options: Any) -> FasterWhisper:
    given = {"model": str(tiny_whisper() / "ct2"), "precision": "float32", "device": "cpu", "threads": 1}
    return FasterWhisper(FasterWhisper.Options(**given | options))


def transformers(**options: Any) -> Transformers:
    given = {"model": str(tiny_whisper() / "hf"), "device": "cpu", "threads": 1}
    return Transformers(Transformers.Options(**given | options))


def said(recognizer: Any, speech: Speech, *stretches: Stretch) -> list[tuple[str, str]]:
    answers = recognizer.recognize(speech, stretches, lambda done, total: None)
    return [(answer.language, "".join(word.text for word in answer.words)) for answer in answers]


def test_transformers_hears_text_and_language(speech: Speech) -> None:
    with transformers() as recognizer:
        assert said(recognizer, speech, TURKISH, ENGLISH) == [
            ("tr", tiny.TEXTS["tr"]),
            ("en", tiny.TEXTS["en"]),
        ]


def test_transformers_words_keep_their_letters_whole(speech: Speech) -> None:
    """The Turkish letters are two tokens of one byte each, and their times those of one word."""
    with transformers() as recognizer:
        (answer,) = recognizer.recognize(speech, (TURKISH,), lambda done, total: None)
    assert [word.text for word in answer.words] == [" Merhaba", " dünya", " nasılsın"]  # noqa: RUF001
    assert all((word.confidence or 0) > 0.9 for word in answer.words)
    assert answer.no_speech < 0.1 and -0.1 < answer.log_probability <= 0


def test_transformers_passes_on_that_nobody_speaks(speech: Speech) -> None:
    with transformers() as recognizer:
        (answer,) = recognizer.recognize(speech, (HUSH,), lambda done, total: None)
    assert answer.words == () and answer.no_speech > 0.9


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_batch_gives_what_one_by_one_gives(speech: Speech, batch: int) -> None:
    with transformers(batch=batch) as recognizer:
        assert said(recognizer, speech, TURKISH, HUSH, ENGLISH) == [
            ("tr", tiny.TEXTS["tr"]),
            ("tr", ""),
            ("en", tiny.TEXTS["en"]),
        ]


@pytest.mark.parametrize("build", [faster, transformers])
def test_a_language_that_is_named_is_not_detected(speech: Speech, build: Any) -> None:
    with build(language="en") as recognizer:
        ((language, text),) = said(recognizer, speech, TURKISH)
    assert language == "en" and text.startswith(" Hello")


def test_faster_whisper_hears_text_and_language(speech: Speech) -> None:
    with faster() as recognizer:
        (turkish, first), (english, second) = said(recognizer, speech, TURKISH, ENGLISH)
    assert (turkish, english) == ("tr", "en")
    # The attention of so small a model puts last words in no time at all, and faster-whisper leaves them out.
    assert tiny.TEXTS["tr"].startswith(first) and first.startswith(tiny.PAUSE["tr"])
    assert tiny.TEXTS["en"].startswith(second) and second.startswith(tiny.PAUSE["en"])


def test_faster_whisper_takes_a_glossary(speech: Speech) -> None:
    """The tiny model knows no prompts, so what it says then is worth nothing: it must be a prompt, though."""
    with faster(glossary=("Nasreddin", "Hoca")) as recognizer:
        given: list[Any] = []
        model = recognizer._model
        original = model.get_prompt
        model.get_prompt = lambda *args, **named: given.append(named["hotwords"]) or original(*args, **named)
        said(recognizer, speech, Stretch(start=0, end=1))
    assert given[0] == "Nasreddin Hoca"


def test_int8_is_the_default_on_a_processor(speech: Speech) -> None:
    with faster(precision="auto") as recognizer:
        assert "int8" in recognizer.notes[0]
        assert recognizer._model.model.compute_type.startswith("int8")


def test_a_precision_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidJob) as error:
        faster(precision="float3")
    assert "float32" in error.value.hint


def test_out_of_memory_halves_the_batch(speech: Speech) -> None:
    with transformers(batch=3) as recognizer:
        original = recognizer._run
        sizes = []

        def short(sounds: list[Any]) -> Any:
            sizes.append(len(sounds))
            if len(sounds) > 1:
                raise MemoryError("out of memory")
            return original(sounds)

        recognizer._run = short  # type: ignore[method-assign]
        texts = said(recognizer, speech, TURKISH, ENGLISH, HUSH)
        assert [text for _, text in texts] == [tiny.TEXTS["tr"], tiny.TEXTS["en"], ""]
        assert sizes == [3, 1, 1, 1]
        assert "out of memory 1 times" in recognizer.notes[1]


def test_out_of_memory_for_a_single_stretch_is_told(speech: Speech) -> None:
    with transformers() as recognizer:
        recognizer._run = lambda sounds: (_ for _ in ()).throw(MemoryError())  # type: ignore
        with pytest.raises(BackendFailed) as error:
            said(recognizer, speech, TURKISH)
    assert "smaller" in error.value.hint


@pytest.mark.parametrize("build, needed", [(faster, "model.bin"), (transformers, "model.safetensors")])
def test_a_model_that_is_nowhere_is_told_with_the_place_for_it(build: Any, needed: str) -> None:
    with pytest.raises(WeightsError) as error:
        build(model="small")
    assert (
        needed in error.value.hint and str(Path(os.environ["DUBLINE_MODELS"]) / "small") in error.value.hint
    )


@pytest.mark.parametrize("build, kind", [(faster, "ct2"), (transformers, "hf")])
def test_a_name_is_found_in_the_models_folder(speech: Speech, build: Any, kind: str) -> None:
    folder = Path(shutil.copytree(tiny_whisper() / kind, Path(os.environ["DUBLINE_MODELS"]) / "mine"))
    (folder / "README.md").write_text("---\nlanguage: tr\nlicense: apache-2.0\n---\nlicense: none\n", "utf-8")
    with build(model="mine") as recognizer:
        assert recognizer.identities[0].name == "mine"
        assert recognizer.identities[0].licence == "apache-2.0"
        ((language, _),) = said(recognizer, speech, ENGLISH)
    assert language == "en"


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_an_incomplete_folder_is_told_and_nothing_fetched_for_it(tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(tiny_whisper() / "ct2", tmp_path / "broken"))
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=name):
        faster(model=str(folder))


@pytest.mark.parametrize(
    "build, kind, name", [(faster, "ct2", "model.bin"), (transformers, "hf", "model.safetensors")]
)
def test_damaged_weights_are_told(tmp_path: Path, build: Any, kind: str, name: str) -> None:
    folder = Path(shutil.copytree(tiny_whisper() / kind, tmp_path / "broken"))
    (folder / name).write_bytes((folder / name).read_bytes()[:1000])
    with pytest.raises(WeightsError):
        build(model=str(folder))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_whisper() / "hf", tmp_path / "pickled"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsError) as error:
        transformers(model=str(folder))
    assert "safetensors" in error.value.hint

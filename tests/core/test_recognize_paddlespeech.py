"""PaddleSpeech as a recognizer, without Paddle: a worker that answers as its own does (paddle_like.py)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.backends.choosing import options_of
from dubline.backends.contract import Stretch
from dubline.backends.recognizers.paddlespeech import PaddleSpeech, spread
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech
from dubline.workers import environments as worker_environments
from dubline.workers.client import worker_file

FAULTS = Path(__file__).resolve().parents[1] / "faults" / "workers"
START = [sys.executable, "-I", "-X", "utf8"]


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environments, no models, an empty home."""
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setenv("DUBLINE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def paddle_like(workers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that answers as PaddleSpeech's does."""
    start = [*START, worker_file(), str(FAULTS / "paddle_like.py")]
    monkeypatch.setattr(worker_environments, "command", lambda name, parts=(): start)


@pytest.fixture
def speech(tmp_path: Path) -> Iterator[Speech]:
    path = tmp_path / "speech.f32"
    with FloatFile(path, 1) as file:
        file.append(np.random.default_rng(0).normal(0, 0.1, (1, 16000 * 8)).astype(np.float32))
    with Speech(path) as opened:
        yield opened


def whisper_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json", "vocab.json", "merges.txt"):
        (folder / name).write_text("{}")
    return folder


def opened(**options: Any) -> PaddleSpeech:
    return PaddleSpeech(options_of(PaddleSpeech, options))


def test_whisper_segments_become_words(paddle_like: None, speech: Speech, tmp_path: Path) -> None:
    folder = whisper_folder(tmp_path / "models" / "paddlespeech-whisper-base")
    seen: list[float] = []
    with opened(model="whisper-base", language="tr") as recognizer:
        assert recognizer.identities[0].files == ("model.safetensors",)
        assert recognizer.identities[0].origin == folder.as_posix()
        assert any("estimates" in note for note in recognizer.notes)
        stretches = (Stretch(start=1.0, end=4.0), Stretch(start=5.0, end=7.5))
        first, second = recognizer.recognize(speech, stretches, lambda done, total: seen.append(done))
    assert [word.text for word in first.words] == [" Merhaba", " dünya", " sonra"]
    assert [(word.start, word.end) for word in first.words[::2]] == [
        (1.5, pytest.approx(1.5 + 7 / 12)),
        (3.75, 4.0),  # told beyond the end; a segment wholly beyond it is gone
    ]
    assert first.words[0].end == first.words[1].start
    assert [word.confidence for word in first.words] == pytest.approx([np.exp(-0.5)] * 2 + [np.exp(-1.0)])
    assert (first.language, first.no_speech) == ("tr", 0.25)
    assert second.words[0].start == 5.5
    assert set(seen) >= {1.0, 5.0}


def test_a_conformer_tells_no_confidence(paddle_like: None, speech: Speech, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "exp").mkdir(parents=True)
    (folder / "model.yaml").touch()
    (folder / "exp" / "avg_1.pdparams").touch()
    with opened(model="conformer_aishell", folder=str(folder)) as recognizer:
        (heard,) = recognizer.recognize(speech, (Stretch(start=0.0, end=2.0),))
    assert [word.text for word in heard.words] == ["你", "好", " hello"]
    assert {word.confidence for word in heard.words} == {None}
    assert (heard.words[0].start, heard.words[-1].end) == (0.0, 2.0)
    assert heard.language == "zh"


def test_no_environment_names_the_command(workers: None) -> None:
    with pytest.raises(BackendMissing) as missing:
        opened()
    assert "dubline backends install paddlespeech" in missing.value.hint


def test_an_environment_removed_meanwhile(
    workers: None, monkeypatch: pytest.MonkeyPatch, speech: Speech, tmp_path: Path
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    start = [str(python), *START[1:], worker_file(), str(FAULTS / "paddle_like.py")]
    monkeypatch.setattr(worker_environments, "command", lambda name, parts=(): start)
    whisper_folder(tmp_path / "w")
    with opened(folder=str(tmp_path / "w")) as recognizer:
        python.unlink()
        stretches = (Stretch(start=0.0, end=2.0),)
        assert next(recognizer.recognize(speech, stretches)).words, "the one that runs goes on"
        recognizer.__exit__()
        with pytest.raises(BackendMissing) as missing:
            next(recognizer.recognize(speech, stretches))
    assert "dubline backends install paddlespeech" in missing.value.hint


@pytest.mark.parametrize(
    ("files", "options", "named"),
    [
        ((), {}, "paddlespeech-whisper-small/whisper-small-model.pdparams"),
        (("model.safetensors",), {}, "config.json"),
        (("model.safetensors", "config.json"), {}, "vocab.json"),
        (("model.safetensors", "config.json", "vocab.json"), {}, "merges.txt"),
        ((), {"model": "conformer_wenetspeech"}, "paddlespeech-conformer_wenetspeech/model.yaml"),
        (("model.yaml",), {"model": "conformer_wenetspeech"}, "exp/NAME.pdparams"),
        ((), {"checkpoint": "/nowhere/w.pdparams"}, "/nowhere/w.pdparams"),
        (
            ("model.yaml", "a.pdparams"),
            {"model": "conformer_aishell", "punctuation": "/nowhere"},
            "/nowhere/punc_vocab.txt",
        ),
    ],
)
def test_a_missing_file_is_named(
    paddle_like: None, tmp_path: Path, files: tuple[str, ...], options: dict[str, str], named: str
) -> None:
    folder = tmp_path / "models" / f"paddlespeech-{options.get('model', 'whisper-small')}"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).touch()
    with pytest.raises(WeightsError) as missing:
        opened(**options)
    assert named in missing.value.message
    assert missing.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"model": "whisper-gigantic"},
        {"model": "deepspeech2online_aishell"},
        {"model": "conformer_aishell", "language": "tr"},
        {"punctuation": "/nowhere"},
        {"beam": 0},
        {"timeout": 0},
        {"loudness": 3},
    ],
)
def test_impossible_options_are_refused(paddle_like: None, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob) as refused:
        opened(**options)
    assert refused.value.hint


def test_chinese_marks_stay_with_their_letter() -> None:
    assert [word.text for word in spread("你好。 I am", 0.0, 1.0, None)] == ["你", "好。", " I", " am"]


def guards() -> Any:
    path = Path(worker_file()).with_name("paddlespeech_guards.py")
    spec = importlib.util.spec_from_file_location("paddlespeech_guards", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@given(text=st.text(max_size=40))
def test_the_tokenizer_keeps_every_text(text: str) -> None:
    code = guards()
    letters = code.GptTokenizer({}, []).letters
    pieces = [letters[byte] for byte in range(256)]
    merges = [(letters[32], "a"), ("a", "b"), (letters[32] + "a", "b")]
    ids = {piece: n for n, piece in enumerate([*pieces, *(a + b for a, b in merges)])}
    tokenizer = code.GptTokenizer(ids, merges)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|startoftranscript|>", "<|tr|>"]})
    assert tokenizer.decode(tokenizer.encode(text).input_ids) == text
    assert tokenizer.all_special_ids == [259, 260, 261]
    assert tokenizer.encode("<|tr|>").input_ids == [261] and tokenizer.decode(261) == "<|tr|>"
    assert tokenizer.encode(" ab").input_ids == [258], "a pair that comes first in the list is joined first"
    assert tokenizer.decode(tokenizer.encode("ş").input_ids[:1]) == "\ufffd"


@given(
    text=st.text(st.sampled_from("ab ç\n你好カ.,"), max_size=40),
    start=st.floats(0, 1e4),
    length=st.floats(0.01, 30),
)
def test_spread_keeps_text_and_order(text: str, start: float, length: float) -> None:
    words = spread(text, start, start + length, 0.5)
    assert "".join(word.text for word in words) == text.rstrip()
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges)  # type: ignore[type-var]
    if words:
        assert edges[0] == start and edges[-1] == pytest.approx(start + length)

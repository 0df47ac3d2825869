"""PaddleSpeech for real: its own environment, its own code, and models of its own kind, built on the spot.

Needs the environment: `dubline backends install paddlespeech`. With DUBLINE_TEST_INSTALL=1 the tests make it
themselves, in a folder that is thrown away (a download of some hundred megabytes).
"""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from kept_models import kept_by_paddle
from shared_media import Shared

from dubline.backends.choosing import options_of
from dubline.backends.contract import Stretch
from dubline.backends.recognizers.paddlespeech import PaddleSpeech
from dubline.backends.torchaudio_guard import before_transformers
from dubline.errors import InvalidJob, WeightsError
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech
from dubline.workers import environments as worker_environments

pytestmark = pytest.mark.paddle

ROOT = Path(__file__).resolve().parents[2]
SAID = " Merhaba dünya nasılsın"  # noqa: RUF001


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of PaddleSpeech's environment; a home without anything of PaddleSpeech's in it."""
    with pytest.MonkeyPatch.context() as patch:
        if worker_environments.installed("paddlespeech") is None:
            if not os.environ.get("DUBLINE_TEST_INSTALL"):
                pytest.skip("no environment: dubline backends install paddlespeech")
            patch.setenv("DUBLINE_WORKERS", str(tmp_path_factory.mktemp("workers")))
            worker_environments.install("paddlespeech", ("punctuation",))
        else:
            patch.setenv("DUBLINE_WORKERS", str(worker_environments.environments_folder()))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("DUBLINE_MODELS", str(tmp_path_factory.mktemp("models")))
        yield worker_environments.interpreter("paddlespeech")


@pytest.fixture(scope="module")
def sound(shared: Shared) -> np.ndarray:
    """Twelve seconds of a real conversation, 16 kHz."""
    values, rate = soundfile.read(shared("diarization/sample.wav"), dtype="float32", stop=12 * 16000)
    assert rate == 16000
    return values if values.ndim == 1 else values[:, 0]


@pytest.fixture(scope="module")
def speech(sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speech]:
    path = tmp_path_factory.mktemp("speech") / "speech.f32"
    with FloatFile(path, 1) as file:
        file.append(sound[None])
    with Speech(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def models(python: Path, sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conformer and a Whisper, tiny and real."""
    clip = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(clip, sound[: 4 * 16000], 16000)
    return kept_by_paddle("tiny_paddle.py", "paddlespeech_worker.py", str(clip))


def opened(**options: Any) -> PaddleSpeech:
    return PaddleSpeech(options_of(PaddleSpeech, {"threads": 1, "timeout": 120, **options}))


@pytest.fixture(scope="module")
def whisper(models: Path) -> Iterator[PaddleSpeech]:
    with opened(model="whisper-tiny", folder=str(models / "whisper"), language="tr") as recognizer:
        yield recognizer


def test_whisper_hears_turkish(whisper: PaddleSpeech, speech: Speech) -> None:
    stretches = (Stretch(start=0.0, end=2.75), Stretch(start=0.0, end=4.0))
    once = list(whisper.recognize(speech, stretches))
    assert len(once) == 2
    first = once[0]
    # The model was taught to hear these words from 0.5 to 2.5 s, whatever there is.
    assert "".join(word.text for word in first.words).startswith(SAID)
    assert first.words[0].start == 0.5
    assert first.words[2].end == 2.5
    assert first.language == "tr"
    assert first.no_speech is not None and 0 <= first.no_speech < 0.1
    assert all(word.end is not None and word.end <= 2.75 for word in first.words)
    for word in first.words:
        assert word.confidence is not None and 0.8 < word.confidence <= 1
    assert list(whisper.recognize(speech, stretches)) == once
    assert any("estimates" in note for note in whisper.notes)


def test_confidence_is_the_models_own(whisper: PaddleSpeech, speech: Speech) -> None:
    stretch = Stretch(start=0.0, end=4.0)
    (heard,) = whisper.recognize(speech, (stretch,))
    path = whisper._worker.folder / "stretch.wav"
    answer = whisper._worker.call("recognize", {"path": str(path)})
    assert heard.words[0].confidence == math.exp(answer["segments"][0]["avg_logprob"])


def test_nothing_is_sent_or_written_abroad(whisper: PaddleSpeech, speech: Speech) -> None:
    list(whisper.recognize(speech, (Stretch(start=0.0, end=2.0),)))
    assert whisper._worker.call("network") == []
    assert not (Path.home() / ".paddlespeech").exists()


def test_whisper_detects_a_language(models: Path, speech: Speech) -> None:
    with opened(model="whisper-tiny", folder=str(models / "whisper")) as recognizer:
        (heard,) = recognizer.recognize(speech, (Stretch(start=0.0, end=4.0),))
    assert heard.language.isascii() and 2 <= len(heard.language) <= 3


@pytest.mark.parametrize("decoding", ["attention_rescoring", "ctc_greedy_search"])
def test_a_conformer_gives_text_alone(models: Path, speech: Speech, decoding: str) -> None:
    folder = str(models / "conformer")
    with opened(model="conformer_tiny", folder=folder, language="zh", decoding=decoding) as recognizer:
        first, second = recognizer.recognize(
            speech, (Stretch(start=0.0, end=3.0), Stretch(start=3.0, end=4.0))
        )
        assert recognizer._worker.call("network") == []
    assert [word.text for word in first.words] == ["你"]
    assert (first.words[0].start, first.words[0].end) == (0.0, 3.0)
    assert (second.words[0].start, second.words[0].end) == (3.0, 4.0)
    assert first.words[0].confidence is None
    assert first.language == "zh"


def test_chinese_gets_its_marks(models: Path, speech: Speech) -> None:
    if worker_environments.installed("paddlespeech", ("punctuation",)) is None:
        pytest.skip("no PaddleNLP: dubline backends install paddlespeech --with punctuation")
    with opened(
        model="conformer_tiny",
        folder=str(models / "conformer"),
        language="zh",
        punctuation=str(models / "punctuation"),
    ) as recognizer:
        (heard,) = recognizer.recognize(speech, (Stretch(start=0.0, end=3.0),))
        assert recognizer._worker.call("network") == []
    assert [word.text for word in heard.words] == ["你。"]
    assert not (Path.home() / ".paddlenlp").exists()


def test_wrong_files_are_told_not_swallowed(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "conformer", tmp_path / "conformer")
    (tmp_path / "conformer" / "data" / "vocab.txt").unlink()
    with pytest.raises(WeightsError, match=r"data/vocab\.txt \(vocab_filepath\)") as missing:
        opened(model="conformer_tiny", folder=str(tmp_path / "conformer"))
    assert "Put it at" in missing.value.hint
    weights = models / "conformer" / "exp" / "avg_1.pdparams"
    with pytest.raises(WeightsError, match="not a Whisper"):
        opened(model="whisper-tiny", folder=str(models / "whisper"), checkpoint=str(weights))
    with pytest.raises(InvalidJob, match="does not know the language"):
        opened(model="whisper-tiny", folder=str(models / "whisper"), language="xx")


class Program:
    """Unpickled, it makes a file: what a program hidden in weights would do."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_weights_that_hold_a_program_run_nothing(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "conformer", tmp_path / "conformer")
    weights = tmp_path / "conformer" / "exp" / "avg_1.pdparams"
    weights.write_bytes(pickle.dumps({"dims": {}, "weight": Program(tmp_path / "ran")}))
    with pytest.raises(WeightsError, match=r"cannot be read as weights: it asks for (posix|nt)\.mkdir"):
        opened(model="conformer_tiny", folder=str(tmp_path / "conformer"))
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        opened(model="whisper-tiny", folder=str(models / "whisper"), checkpoint=str(weights))
    assert not (tmp_path / "ran").exists()


GUARDS = """
import importlib.util, json, socket, sys
spec = importlib.util.spec_from_file_location("guards", sys.argv[1])
guards = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guards)
guards.before_import(1)
import paddle
real = paddle.nn.functional.log_softmax
guards.after_import()
assert paddle.nn.functional.log_softmax is not real
import numpy as np
values = np.random.default_rng(0).normal(0, 20, (5, 300))
values[:, :7] = -np.inf
true = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
ours = paddle.nn.functional.log_softmax(paddle.to_tensor(values, "float32"), axis=-1, dtype="float32").numpy()
assert np.isneginf(ours[:, :7]).all()
far = float(np.abs(ours - true)[:, 7:].max())
from paddlespeech.cli import utils
utils.StatsWorker(task="asr").start()
utils.StatsWorker(task="asr").run()
utils._note_one_stat("ASRExecutor", {"model": "m", "lang": "zh", "sample_rate": 16000})
before = list(guards.connections)
for reach in (
    lambda: socket.create_connection(("127.0.0.1", 9), 1),
    lambda: socket.socket().connect(("127.0.0.1", 9)),
    lambda: socket.getaddrinfo("localhost", 80),
):
    try:
        reach()
    except PermissionError:
        continue
    raise SystemExit("reached the network")
import paddlespeech.s2t.modules.ctc  # this is what installs packages
from pip import __version__
print(json.dumps({"far": far, "before": before, "after": len(guards.connections)}))
"""


def test_guards_hold(python: Path, tmp_path: Path) -> None:
    guards = ROOT / "core" / "dubline" / "workers" / "paddlespeech_guards.py"
    done = subprocess.run(
        [str(python), "-I", "-X", "utf8", "-c", GUARDS, str(guards)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Paddle's own log goes to the same place, from other threads.
    (line,) = (line for line in done.stdout.splitlines() if line.startswith('{"far"'))
    told = json.loads(line)
    assert told["far"] < 1e-4
    assert told["before"] == [] and told["after"] >= 3
    assert "Collecting paddlespeech_ctcdecoders" not in done.stdout + done.stderr


def test_a_hugging_face_whisper_is_read(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_transformers()
    pytest.importorskip("transformers", reason="builds a Whisper with transformers")
    import tiny_whisper

    # Every Whisper that was ever released has a feed-forward layer of four times its width; Paddle's insists.
    monkeypatch.setitem(tiny_whisper._LAYERS, "ffn_dim", 4 * tiny_whisper.WIDTH)
    folder = tiny_whisper.train(tmp_path / "hf")
    for language in (tiny_whisper.TURKISH, tiny_whisper.ENGLISH):
        with FloatFile(tmp_path / f"{language}.f32", 1) as file:
            file.append(tiny_whisper.voice(language)[None].astype(np.float32))
    with opened(model="whisper-tiny", folder=str(folder)) as recognizer:
        for language in (tiny_whisper.TURKISH, tiny_whisper.ENGLISH):
            with Speech(tmp_path / f"{language}.f32") as speech:
                (heard,) = recognizer.recognize(speech, (Stretch(start=0.0, end=speech.duration),))
            # It was taught byte by byte, and to tell the languages apart by their sound.
            assert heard.language == language
            assert "".join(word.text for word in heard.words).startswith(tiny_whisper.PAUSE[language])
            assert heard.words[0].confidence is not None and heard.words[0].confidence > 0.9

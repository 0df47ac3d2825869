"""PaddleSpeech as a voice, without Paddle: a worker that answers as its own does (paddle_voice_like.py)."""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.backends.choosing import available, options_of
from dubline.backends.voices.paddlespeech import PaddleSpeechVoice, language_of
from dubline.doctor import try_voices
from dubline.errors import BackendFailed, BackendMissing, Cancelled, InvalidJob, WeightsError
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.transcript import Speaker
from dubline.values.translated import TranslatedSegment, Translation
from dubline.voice.speaking import VoiceJob, speak
from dubline.weights.kinds import folder_kind
from dubline.workers import environments as worker_environments
from dubline.workers.client import worker_file

FAULTS = Path(__file__).resolve().parents[1] / "faults" / "workers"
START = [sys.executable, "-I", "-X", "utf8", worker_file(), str(FAULTS / "paddle_voice_like.py")]
PHONES = {"en": ("AA0", "AH1", "B", "sp"), "zh": ("b", "a1", "ang4", "sp"), "mix": ("AA0", "a1", "sp")}


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environments, no models, an empty home."""
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setenv("DUBLINE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def paddle_like(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that answers as PaddleSpeech's voice does."""
    mark = worker_environments.Installed(name="paddlespeech", recipe="0", python="", seconds=0, bytes=0)
    monkeypatch.setattr(worker_environments, "installed", lambda name, parts=(): mark)
    monkeypatch.setattr(worker_environments, "command", lambda name, parts=(), service="": START)


def numbered(names: tuple[str, ...]) -> str:
    return "".join(f"{name} {number}\n" for number, name in enumerate(names))


def voice_folder(
    home: Path, language: str = "en", speakers: tuple[str, ...] = (), vocoder: str = "hifigan"
) -> Path:
    """Files under the names that PaddleSpeech gives them, empty where only the worker reads them."""
    acoustic, maker = home / "fastspeech2", home / vocoder
    acoustic.mkdir(parents=True)
    maker.mkdir()
    for name in ("default.yaml", "snapshot_iter_9.pdz", "snapshot_iter_10.pdz", "speech_stats.npy"):
        (acoustic / name).write_bytes(b"x")
    (acoustic / "phone_id_map.txt").write_text(numbered(PHONES[language]))
    if speakers:
        (acoustic / "speaker_id_map.txt").write_text(numbered(speakers))
    for name in ("default.yaml", "snapshot_iter_20.pdz", "feats_stats.npy"):
        (maker / name).write_bytes(b"x")
    return home


def opened(**options: Any) -> PaddleSpeechVoice:
    return PaddleSpeechVoice(options_of(PaddleSpeechVoice, options))


def said(voice: PaddleSpeechVoice, text: str, **how: Any) -> Any:
    wanted: dict[str, Any] = {"speed": 1.0, "pitch": 1.0, "tick": lambda: None, **how}
    return voice.speak(text, voice.voices()[0].name, **wanted)


# --- which model -------------------------------------------------------------------------------


def test_the_first_model_that_speaks_the_language_is_taken(paddle_like: None, tmp_path: Path) -> None:
    voice_folder(tmp_path / "models" / "a", "zh", ("SSB0005", "SSB0009"))
    voice_folder(tmp_path / "models" / "b", "en")
    voice_folder(tmp_path / "models" / "c", "mix")
    with opened(language="en") as english, opened(language="zh") as chinese, opened() as any_one:
        assert [voice.name for voice in english.voices()] == ["b"]
        assert [voice.name for voice in chinese.voices()] == ["a#SSB0005", "a#SSB0009"]
        assert [voice.language for voice in any_one.voices()] == ["zh", "zh"]
        assert english.knows("b") and not english.knows("a#SSB0005")
        files = english.identities[0].files
        assert "fastspeech2/snapshot_iter_10.pdz" in files and "hifigan/snapshot_iter_20.pdz" in files
        assert "fastspeech2/snapshot_iter_9.pdz" not in files, "of two checkpoints the one trained longer"
        assert english.paces and not english.pitches
        assert any("spelt alike" in note for note in english.notes)
    with opened(language="zh", model="c") as mixed:
        assert mixed.voices()[0].name == "c"


def test_a_models_kind_and_language_are_told_by_its_files(tmp_path: Path) -> None:
    for language, names in PHONES.items():
        home = voice_folder(tmp_path / language, language)
        assert folder_kind(home) == "paddlespeech-voice"
        assert language_of(home / "fastspeech2" / "phone_id_map.txt") == language, names
    (tmp_path / "asr").mkdir()
    (tmp_path / "asr" / "model.pdparams").write_bytes(b"x")
    assert folder_kind(tmp_path / "asr") == "paddlespeech"


@pytest.mark.parametrize(
    "removed",
    [
        "fastspeech2/default.yaml",
        "fastspeech2/phone_id_map.txt",
        "fastspeech2/speech_stats.npy",
        "hifigan/default.yaml",
        "hifigan/feats_stats.npy",
        "hifigan/snapshot_iter_20.pdz",
    ],
)
def test_a_missing_file_is_told_with_the_archives_to_get(
    paddle_like: None, tmp_path: Path, removed: str
) -> None:
    home = voice_folder(tmp_path / "voice")
    (home / removed).unlink()
    with pytest.raises(WeightsError) as missing:
        opened(model=str(home), language="en")
    assert "fastspeech2_nosil_ljspeech" in missing.value.hint and "hifigan_ljspeech" in missing.value.hint


def test_two_vocoders_are_one_too_many_until_one_is_named(paddle_like: None, tmp_path: Path) -> None:
    home = voice_folder(tmp_path / "voice")
    (home / "pwg").mkdir()
    for name in ("default.yaml", "snapshot_iter_20.pdz", "feats_stats.npy"):
        (home / "pwg" / name).write_bytes(b"x")
    with pytest.raises(WeightsError, match="holds hifigan, pwg"):
        opened(model=str(home))
    with opened(model=str(home), vocoder=str(home / "pwg")) as voice:
        assert "pwg/default.yaml" in voice.identities[0].files


@pytest.mark.parametrize(
    "options",
    [
        {"language": "tr"},
        {"threads": -1},
        {"timeout": 0},
        {"loudness": 3},
        {"language": "zh", "model": "one"},
    ],
)
def test_impossible_options_are_refused(paddle_like: None, tmp_path: Path, options: dict[str, Any]) -> None:
    voice_folder(tmp_path / "models" / "one", "en")
    with pytest.raises(InvalidJob) as refused:
        opened(**options)
    assert refused.value.hint


def test_a_damaged_list_of_speakers_is_told(paddle_like: None, tmp_path: Path) -> None:
    home = voice_folder(tmp_path / "voice", speakers=("one",))
    (home / "fastspeech2" / "speaker_id_map.txt").write_text("one two three\n")
    with pytest.raises(WeightsError, match="speaker_id_map"):
        opened(model=str(home))


def test_no_environment_names_the_command(tmp_path: Path) -> None:
    voice_folder(tmp_path / "models" / "one")
    with pytest.raises(BackendMissing) as missing:
        opened(language="en")
    assert missing.value.hint.endswith("dubline backends install paddlespeech --with voices")
    voice, words = available("voice")["paddlespeech"], available("recognizer")["paddlespeech"]
    assert voice.missing == words.missing == ("its own environment",)
    assert voice.remedy in missing.value.hint and words.remedy == "dubline backends install paddlespeech"


def test_doctor_lets_it_say_a_word(paddle_like: None, tmp_path: Path) -> None:
    found = {name: (words, state) for name, words, state in try_voices()}
    assert all(state != "broken" for _, state in found.values()), found
    assert found["paddlespeech"][1] == "not set up" and "Unpack" in found["paddlespeech"][0]
    voice_folder(tmp_path / "models" / "one")
    found = {name: (words, state) for name, words, state in try_voices()}
    assert found["paddlespeech"][0].startswith("works with one")


# --- a worker that dies ------------------------------------------------------------------------


def test_a_worker_that_dies_in_a_line_is_started_once_more(paddle_like: None, tmp_path: Path) -> None:
    with opened(model=str(voice_folder(tmp_path / "voice"))) as voice:
        said(voice, "One.")
        first = voice._worker.pid
        assert said(voice, "This dies-once.").sound.shape == (1, round(16000 * 0.06 * 15))
        assert voice._worker.pid != first


def test_a_line_that_kills_every_worker_fails_alone(paddle_like: None, tmp_path: Path) -> None:
    lines = ("Come with me.", "This dies-always.", "To the river.")
    segments = tuple(
        TranslatedSegment(
            id=n,
            start=2.0 * n,
            end=2.0 * n + 1.0,
            speaker="A",
            text=None,
            source_text="...",
            state="translated",
        ).with_text(text)
        for n, text in enumerate(lines, 1)
    )
    what = Translation(
        source_language="tr",
        target_language="en",
        duration=12.0,
        segments=segments,
        speakers=(Speaker(id="A"),),
    )
    options = {"model": str(voice_folder(tmp_path / "voice"))}
    with Run(tmp_path / "run") as run:
        job = VoiceJob(voice=Choice(backend="paddlespeech", options=options), rate=16000)
        takes = run.step(speak, what, job)
    assert [take.state for take in takes.takes] == ["spoken", "failed", "spoken"]
    assert "died twice" in takes.takes[1].reasons[0]


def test_it_can_be_stopped_in_a_line(paddle_like: None, tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled("stopped")

    with opened(model=str(voice_folder(tmp_path / "voice"))) as voice, pytest.raises(Cancelled):
        said(voice, "One.", tick=stop)


def test_what_the_worker_refuses_fails_the_line(paddle_like: None, tmp_path: Path) -> None:
    with opened(model=str(voice_folder(tmp_path / "voice"))) as voice:
        with pytest.raises(BackendFailed, match="nothing in it"):
            said(voice, "...")
        assert said(voice, "One.").rate == 16000


# --- what runs inside the environment, and needs no Paddle -------------------------------------


def beside(name: str) -> Any:
    path = Path(worker_file()).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Program:
    """What a pickle must not be able to do."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


class Evaluated(Program):
    def __reduce__(self) -> Any:
        return eval, (f"__import__('os').mkdir({str(self.mark)!r})", {"data": 1})


@pytest.mark.parametrize("program", [Program, Evaluated])
@pytest.mark.parametrize("protocol", [2, 4])
def test_weights_that_are_programs_are_refused(tmp_path: Path, program: type[Program], protocol: int) -> None:
    weights = beside("paddlespeech_weights")
    held = {"main_params": {"a": np.zeros(3, np.float32), "b": program(tmp_path / "owned")}}
    path = tmp_path / "model.pdz"
    path.write_bytes(pickle.dumps(held, protocol))
    with pytest.raises(weights.Refused) as refused:
        weights.read(str(path), "main_params")
    assert refused.value.code == "weights" and refused.value.hint
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("nested", [True, False])
def test_weights_are_read_to_the_bit(tmp_path: Path, protocol: int, nested: bool) -> None:
    weights = beside("paddlespeech_weights")
    wanted = {
        "w": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
        "n": np.arange(5, dtype=np.int64),
        "s": np.float32([2.5]),
    }
    # paddle.save writes arrays, or pairs of a name and an array; the rest of a snapshot is no weights.
    inner = OrderedDict(w=("generated_0", wanted["w"]), n=wanted["n"], s=wanted["s"], step=7)
    held = {"main_params": inner, "epoch": 3, "main_optimizer": {"LR": 0.1}} if nested else inner
    path = tmp_path / "model.pdz"
    path.write_bytes(pickle.dumps(held, protocol))
    found = weights.read(str(path), "main_params")
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps([1, 2]), pickle.dumps({"a": 1})[:-2]])
def test_what_is_no_weights_is_refused(tmp_path: Path, data: bytes) -> None:
    weights = beside("paddlespeech_weights")
    path = tmp_path / "model.pdz"
    path.write_bytes(data)
    with pytest.raises(weights.Refused, match=r"model\.pdz"):
        weights.read(str(path), "main_params")


@given(
    durations=st.lists(st.integers(0, 40), min_size=1, max_size=80),
    speed=st.floats(0.8, 1.3),
)
def test_another_speed_is_right_to_a_frame_and_drops_no_phone(durations: list[int], speed: float) -> None:
    lengths = np.array(durations, np.int64)
    paced = beside("paddlespeech_voice_worker").spread(lengths, speed)
    assert ((paced > 0) == (lengths > 0)).all()
    grown = int((np.diff(np.rint(np.cumsum([0, *durations]) / speed)) < 1)[lengths > 0].sum())
    assert abs(paced.sum() - lengths.sum() / speed) <= 0.5 + grown

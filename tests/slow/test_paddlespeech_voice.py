"""PaddleSpeech's voices for real: its own environment and code, weights of its own kind made on the spot.

Needs the environment: `dubline backends install paddlespeech --with voices`. With DUBLINE_TEST_INSTALL=1 the
tests make it themselves, in a folder that is thrown away (a download of some hundred megabytes).
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept_models import kept_by_paddle
from tiny_paddle_voice import HOP, RATE, SENTENCE

from dubline.backends.choosing import options_of
from dubline.backends.voices.paddlespeech import PaddleSpeechVoice
from dubline.errors import BackendFailed, WeightsError
from dubline.workers import environments as worker_environments

pytestmark = pytest.mark.paddle

ROOT = Path(__file__).resolve().parents[2]
CHINESE = "我们得在早上之前离开这个房子。"
MIXED = "我们要去云南 team building, 非常非常 happy."


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three voices; a home without anything of PaddleSpeech's or NLTK's in it."""
    with pytest.MonkeyPatch.context() as patch:
        if worker_environments.installed("paddlespeech", ("voices",)) is None:
            if not os.environ.get("DUBLINE_TEST_INSTALL"):
                pytest.skip("no environment: dubline backends install paddlespeech --with voices")
            patch.setenv("DUBLINE_WORKERS", str(tmp_path_factory.mktemp("workers")))
            worker_environments.install("paddlespeech", ("voices",))
        else:
            patch.setenv("DUBLINE_WORKERS", str(worker_environments.environments_folder()))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("DUBLINE_MODELS", str(tmp_path_factory.mktemp("models")))
        yield kept_by_paddle("tiny_paddle_voice.py", "paddlespeech_voice_worker.py")


def opened(folder: Path, **options: Any) -> PaddleSpeechVoice:
    return PaddleSpeechVoice(
        options_of(PaddleSpeechVoice, {"model": str(folder), "threads": 1, "timeout": 120, **options})
    )


def said(voice: PaddleSpeechVoice, text: str, number: int = 0, **how: Any) -> Any:
    wanted: dict[str, Any] = {"speed": 1.0, "pitch": 1.0, "tick": lambda: None, **how}
    return voice.speak(text, voice.voices()[number].name, **wanted)


@pytest.fixture(scope="module")
def english(models: Path) -> Iterator[PaddleSpeechVoice]:
    with opened(models / "english", language="en") as voice:
        yield voice


def test_it_is_the_models_own_sound_to_the_bit(english: PaddleSpeechVoice, models: Path) -> None:
    wanted = np.load(models / "english" / "reference.npy")
    take = said(english, SENTENCE)
    assert take.rate == RATE and len(wanted) % HOP == 0
    assert np.array_equal(take.sound[0], wanted)
    assert np.abs(wanted).max() > 0.01


def test_another_pace_and_another_pitch_are_the_models_own_too(english: PaddleSpeechVoice) -> None:
    natural = said(english, SENTENCE).sound
    for speed in (0.9, 1.05, 1.2):
        paced = said(english, SENTENCE, speed=speed).sound
        assert paced.shape[1] == pytest.approx(natural.shape[1] / speed, abs=HOP)
    higher = said(english, SENTENCE, pitch=1.2).sound
    assert higher.shape == natural.shape and not np.array_equal(higher, natural)


def test_nothing_is_sent_or_written_abroad(english: PaddleSpeechVoice) -> None:
    said(english, "I read it, 12 times! Dr. Smith's own words: zyxwvuq.")
    assert english._worker.call("network") == []
    # Paddle makes an empty folder for data sets when it is imported.
    assert [path for path in Path.home().rglob("*") if path.is_file()] == []
    assert any("spelt alike" in note for note in english.notes)


def test_letters_that_it_would_leave_out_fail_the_line(english: PaddleSpeechVoice) -> None:
    for text, why in (("Leave 这个 house.", "这个"), ("Это дом.", "Это"), ("...", "nothing in it")):
        with pytest.raises(BackendFailed, match=why):
            said(english, text)
    assert said(english, "Ayşe déjà vu.").sound.shape[1] > RATE / 4


def test_chinese_with_two_speakers_and_a_hifigan(models: Path) -> None:
    with opened(models / "chinese", language="zh") as voice:
        assert [info.name for info in voice.voices()] == ["chinese#SSB0005", "chinese#SSB0009"]
        one, other = (said(voice, CHINESE, number).sound for number in (0, 1))
        assert one.shape[1] > RATE and not np.array_equal(one, other)
        with pytest.raises(BackendFailed, match="no sounds for 'hello'"):
            said(voice, "hello")
        assert voice._worker.call("network") == []


def test_both_languages_in_one_line(models: Path) -> None:
    with opened(models / "mixed", language="zh") as voice:
        whole = said(voice, MIXED).sound.shape[1]
        parts = [
            said(voice, text).sound.shape[1]
            for text in ("我们要去云南", "team building", "非常非常", "happy")
        ]
        assert whole >= 0.8 * sum(parts)
        assert voice._worker.call("network") == []


def test_files_that_do_not_belong_together_are_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="none of hifigan, pwgan, mb_melgan"):
        opened(models / "english", vocoder=_copy(models / "mixed" / "fastspeech2", tmp_path / "wrong"))
    with pytest.raises(WeightsError, match="does not fit the settings"):
        home = tmp_path / "swapped"
        shutil.copytree(models / "english", home)
        shutil.copy(models / "mixed/fastspeech2/snapshot_iter_10.pdz", home / "fastspeech2")
        opened(home)
    with pytest.raises(WeightsError, match=r"fs 16000, the voice for 24000|fs"):
        home = tmp_path / "rate"
        shutil.copytree(models / "english", home)
        config = home / "fastspeech2" / "default.yaml"
        config.write_text(config.read_text().replace(f"fs: {RATE}", "fs: 24000"))
        opened(home)


def test_weights_that_are_a_program_are_refused(models: Path, tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "owned"),)

    home = tmp_path / "voice"
    shutil.copytree(models / "english", home)
    (home / "pwg" / "snapshot_iter_20.pdz").write_bytes(pickle.dumps({"generator_params": {"a": Program()}}))
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        opened(home)
    assert not (tmp_path / "owned").exists()


def _copy(source: Path, target: Path) -> str:
    """A folder's files, but for the list of phones, which would make an acoustic model of it."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("phone_id_map.txt"))
    return str(target)

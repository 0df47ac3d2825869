"""Voices that come out silent of a loud sound are told, and what is listened to then is the sound itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import dubline
from little_backends import LittleStream

from dubline.backends.separators.builtin import Builtin
from dubline.run import read_manifest
from dubline.values.media import Sound
from dubline.values.stems import SeparationQuality, Stem, StemLevels, Stems

SPEECH = all(find_spec(name) for name in ("pocketsphinx", "resemblyzer", "silero_vad"))
MIX = Sound(path="mix.wav", rate=48000, channels=2, frames=48000)


def stems_of(source: float | None, vocals: float | None) -> Stems:
    """Stems with these loudnesses in LUFS."""
    levels = tuple(
        StemLevels(name=name, lufs=lufs, sample_peak_dbfs=-1.0, clipped_samples=0, silent_share=0.0)
        for name, lufs in (("source", source), ("vocals", vocals))
    )
    quality = SeparationQuality(
        levels=levels, residue_dbfs=None, residue_lsb24=0.0, voice_in_background_db=None, lines=0
    )
    stem = Stem(name="vocals", path="vocals.wav", rate=48000, channels=2, frames=48000)
    return Stems(source=MIX, stems=(stem,), quality=quality)


@pytest.mark.parametrize(
    ("source", "vocals", "lost"),
    [
        (-24.0, None, True),
        (-24.0, -55.0, True),
        (-21.7, -41.1, True),
        (-23.6, -25.9, False),  # dialogue under music
        (-24.0, -38.0, False),  # a quiet voice here and there
        (-60.0, None, False),  # nothing to be heard in it
        (None, None, False),
    ],
)
def test_voices_are_lost_where_a_loud_sound_has_silent_ones(
    source: float | None, vocals: float | None, lost: bool
) -> None:
    stems = stems_of(source, vocals)
    assert bool(stems.lost) == lost
    assert stems.voices == (MIX if lost else stems.vocals.sound)


class Deaf(LittleStream):
    """A separator that hears no voice."""

    def push(self, block: np.ndarray) -> np.ndarray:
        return np.zeros_like(super().push(block))


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """4 s in which nobody speaks, and a built-in separator that finds nobody anywhere."""
    monkeypatch.setattr(Builtin, "stream", lambda self, survey, tick, outputs=(): Deaf(survey, tick))
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(3).normal(0, 0.05, (4 * 48000, 2)), 48000, subtype="PCM_24")
    return path


def test_separating_says_that_no_voice_was_found(noise: Path, tmp_path: Path) -> None:
    root = tmp_path / "noise.dubline"
    answer = dubline("separate", noise, "-o", root, "--separator", "builtin", "--threads", "1")
    assert answer.status == 0, answer.err
    assert answer.err.count("the separated voices are silent") == 1, answer.err
    again = dubline("separate", noise, "-o", root, "--threads", "1")
    assert "the separated voices are silent" in again.err, "of stems that are kept, too"
    (record,) = (step for step in read_manifest(root).steps if step.name == "separate")
    assert any("the separated voices are" in note for note in record.notes)


@pytest.mark.skipif(not SPEECH, reason="pocketsphinx or the built-in diarizer's weights are not installed")
def test_nobody_in_a_loud_sound_is_told_and_the_mix_was_listened_to(noise: Path, tmp_path: Path) -> None:
    root = tmp_path / "noise.dubline"
    answer = dubline(
        "localize", noise, "-o", root, "--separator", "builtin", "--recognizer", "pocketsphinx",
        "--from", "en", "--diarizer", "builtin", "--on", "vocals", "--to", "tr", "--translator", "manual",
        "--threads", "1",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    assert "sound: the mix, because the separated voices are silent" in answer.err
    assert "nobody was heard in this sound, and it is loud (-" in answer.err
    assert "no words were found" in answer.out and "nothing is translated into tr" in answer.out
    (listening,) = (step for step in read_manifest(root).steps if step.name == "listen")
    assert "vocals" not in str(listening.inputs[0])
    assert "nobody was heard in this sound" in (root / "report.html").read_text(encoding="utf-8")

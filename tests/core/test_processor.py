"""The sound half of a dub in three calls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.processor import CinematicAudioProcessor


def test_a_film_without_a_dub_comes_back_as_it_was(tmp_path: Path, shared: Shared) -> None:
    film = shared("video/audio_starts_late_750ms.mp4")
    told: list[str] = []
    processor = CinematicAudioProcessor(tmp_path / "film.dubline", tell=told.append, threads=1)
    sound = processor.extract_raw_audio(film)
    stems = processor.separate_vocals(sound, separator="builtin")
    mix = processor.remix_final_audio(stems, bg_volume=1.0, original_volume=1.0, target="off")
    source = soundfile.read(processor.path(sound.path), always_2d=True)[0]
    final = soundfile.read(processor.out / "final.wav", always_2d=True)[0]
    assert np.abs(np.clip(source, -1, 1 - 2.0**-23) - final).max() <= 2.0**-23
    assert mix.frames == sound.frames == len(final)
    assert (processor.out / "final.m4a").is_file() and (processor.out / "M&E.wav").is_file()
    assert told
    assert processor.remix_final_audio(stems, bg_volume=1.0, original_volume=1.0, target="off") == mix


def test_a_level_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    sound = tmp_path / "x.wav"
    soundfile.write(sound, np.zeros(30_000), 48000)
    processor = CinematicAudioProcessor(tmp_path / "x.dubline", threads=1)
    stems = processor.separate_vocals(processor.extract_raw_audio(sound), separator="builtin")
    with pytest.raises(InvalidJob, match="loudnes"):
        processor.remix_final_audio(stems, loudnes="off")

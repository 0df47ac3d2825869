"""The sound half of a dub in three calls, or in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from run_to_dub import sound_of
from shared_media import Shared

from dubline.errors import AudioProcessingError, FFmpegError, InvalidJob, ValidationError
from dubline.processor import CinematicAudioProcessor
from dubline.run import read_manifest


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path, always_2d=True)[0]


def test_three_calls_give_the_files_of_their_names(tmp_path: Path, shared: Shared) -> None:
    film = shared("video/audio_starts_late_750ms.mp4")
    told: list[str] = []
    processor = CinematicAudioProcessor(film, tmp_path / "film.dubline", tell=told.append, threads=1)
    raw = processor.extract_raw_audio()
    assert raw.name == "raw_audio.wav" and processor.original is not None
    info = soundfile.info(raw)
    assert (info.samplerate, info.channels, info.subtype) == (44100, 1, "PCM_16")
    assert info.frames / 44100 == pytest.approx(processor.original.sound.duration, abs=1 / 44100)
    late = samples(raw)[: round(0.7 * 44100)]
    assert not late.any(), "on the clock of the picture"

    vocals, no_vocals = processor.separate_vocals(separator="builtin")
    assert (vocals.name, no_vocals.name) == ("vocals.wav", "no_vocals.wav")
    source = samples(processor.path(processor.original.sound.path))
    assert soundfile.info(vocals).channels == processor.original.sound.channels, "not of the mono by-product"
    np.testing.assert_allclose(samples(vocals) + samples(no_vocals), np.clip(source, -1, 1), atol=2.0**-23)

    final = processor.remix_final_audio(bg_volume=1.0, target="off")
    assert final.name == "final.m4a" and final.is_file()
    assert np.abs(np.clip(source, -1, 1 - 2.0**-23) - samples(final.with_suffix(".wav"))).max() <= 2.0**-23
    assert told
    before = processor.mix
    assert processor.remix_final_audio(bg_volume=1.0, target="off") == final and processor.mix == before


def test_the_volumes_are_those_of_voices_and_background(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "a.wav", 3.0)
    processor = CinematicAudioProcessor(film, threads=1)
    done = processor.process(voice_volume=0.5, bg_volume=0.25, separator="builtin")
    assert processor.out == tmp_path / "a.dubline" and done.vocals is not None and done.no_vocals is not None
    processor.remix_final_audio(0.5, 0.25, target="off")
    wanted = 0.5 * samples(done.vocals) + 0.25 * samples(done.no_vocals)
    np.testing.assert_allclose(samples(done.final.with_suffix(".wav")), wanted, atol=2.0**-22)
    mixes = list((processor.out / "work/steps").glob("remix-*"))
    assert len(mixes) == 1, "a mix that another took the place of is as large as the film's sound"


def test_one_call_does_it_all_and_a_second_one_nothing(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "a.wav", 3.0)
    first = CinematicAudioProcessor(film, tmp_path / "run", threads=1).process(separator="builtin")
    assert all(path is not None and path.is_file() for path in first)
    before = read_manifest(tmp_path / "run").steps
    again = CinematicAudioProcessor(film, tmp_path / "run", threads=1).process()
    assert again == first
    after = read_manifest(tmp_path / "run").steps
    assert {step.key: step.seconds for step in after} == {step.key: step.seconds for step in before}


def test_a_call_does_what_it_needs_before(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "a.wav", 2.0)
    processor = CinematicAudioProcessor(film, threads=1)
    assert processor.remix_final_audio().is_file() and processor.stems is not None


def test_with_a_low_budget_nothing_is_separated(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "a.wav", 2.0)
    done = CinematicAudioProcessor(film, threads=1).process(budget="low")
    assert done.raw_audio.is_file() and done.final.is_file()
    assert done.vocals is None and done.no_vocals is None


def test_errors_are_of_their_kinds(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        CinematicAudioProcessor(tmp_path / "absent.mp4").process()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 500)
    with pytest.raises(FFmpegError) as caught:
        CinematicAudioProcessor(broken).extract_raw_audio()
    assert isinstance(caught.value, AudioProcessingError) and caught.value.hint
    film = sound_of(tmp_path / "a.wav", 2.0)
    processor = CinematicAudioProcessor(film, threads=1)
    processor.separate_vocals(separator="builtin")
    with pytest.raises(InvalidJob, match="loudnes"):
        processor.remix_final_audio(loudnes="off")
    with pytest.raises(InvalidJob, match="voice_volume"):
        processor.remix_final_audio(voice_volume=-1)

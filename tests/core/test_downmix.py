"""One channel of several for the ears: no voice is cancelled, drowned or left out, and what needs nothing is
left to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.media.sound import open_sound
from dubline.media.speech import RATE, prepare_speech
from dubline.signal.downmix import Downmix, phase_turns

Real = NDArray[np.float32]


@pytest.fixture(scope="module")
def voice(shared: Shared) -> Real:
    """16 s of two voices in English and Spanish, at 16 kHz."""
    samples, rate = soundfile.read(shared("cases/av/two_languages.flac"), frames=16 * RATE, dtype="float32")
    assert rate == RATE
    return np.asarray(samples, np.float32)


@pytest.fixture(scope="module")
def music(shared: Shared) -> Real:
    """16 s of music with drums, in stereo, at 16 kHz, as loud as the voice."""
    samples, rate = soundfile.read(shared("scene/music.flac"), start=10 * 48000, frames=16 * 48000)
    music = soxr.resample(samples, rate, RATE).T.astype(np.float32)
    return np.asarray(music * np.float32(0.05 / music.std()), np.float32)


def mixed(channels: Real, surrounds: int = 0, block: int = 65536) -> Real:
    fronts = len(channels) - surrounds
    mean = channels[:fronts].mean(axis=0, dtype=np.float32, keepdims=True)
    rows = np.concatenate([mean, channels])
    pieces = (rows[:, at : at + block] for at in range(0, rows.shape[1], block))
    out = list(Downmix(RATE, fronts, surrounds).blocks(pieces))
    assert all(piece.dtype == np.float32 and piece.shape[0] == 1 for piece in out)
    return np.concatenate(out, axis=1)[0]


def decibels(sound: Real, against: Real) -> float:
    return float(10 * np.log10(np.mean(sound.astype(float) ** 2) / np.mean(against.astype(float) ** 2)))


def late(sound: Real, samples: float) -> Real:
    """A sound that comes some samples later, fractions too."""
    turns = np.exp(-2j * np.pi * np.fft.rfftfreq(len(sound) + 4096) * samples)
    spectrum = np.fft.rfft(sound, len(sound) + 4096)
    return np.fft.irfft(spectrum * turns)[: len(sound)].astype(np.float32)


def speech_to_noise(out: Real, voice: Real, noise: Real) -> float:
    """dB of what of a mix is the one, against what is the other, each by its own direction."""
    basis = np.stack([voice, noise], axis=1).astype(float)
    parts = np.linalg.lstsq(basis, out.astype(float), rcond=None)[0] ** 2 * (basis**2).sum(axis=0)
    return float(10 * np.log10(parts[0] / max(parts[1], 1e-12)))


@settings(max_examples=8, deadline=None)
@given(
    gain=st.sampled_from((0.0, 0.03, 0.2, 0.5, 1.0, 2.0)),
    inverted=st.booleans(),
    milliseconds=st.floats(0, 2),
    swapped=st.booleans(),
)
def test_a_voice_is_as_loud_as_on_the_channel_where_it_is_loudest(
    voice: Real, gain: float, inverted: bool, milliseconds: float, swapped: bool
) -> None:
    other = late(voice, milliseconds * RATE / 1000) * np.float32(-gain if inverted else gain)
    pair = np.stack([other, voice] if swapped else [voice, other])
    out = mixed(pair)
    assert out.shape == voice.shape
    assert abs(decibels(out, max(voice, other, key=lambda x: float(np.square(x).sum())))) < 3.5
    # Band by band: no tooth of a comb is left that would be heard.
    for low in (300, 700, 1200, 2000, 3000):
        assert decibels(band(out, low), band(voice, low) * max(1.0, gain)) > -4


def band(sound: Real, low: float) -> Real:
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum[(hertz < low) | (hertz > 1.5 * low)] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_the_same_in_all_channels_is_the_mean_to_the_last_bit(voice: Real, channels: int) -> None:
    same = np.repeat(voice[None], channels, axis=0)
    assert np.array_equal(mixed(same), same.mean(axis=0, dtype=np.float32))
    quieter = np.stack([voice, voice * np.float32(0.8)])
    assert np.array_equal(mixed(quieter), quieter.mean(axis=0, dtype=np.float32))


def test_a_voice_in_the_middle_of_music_is_left_to_the_last_bit(voice: Real, music: Real) -> None:
    pair = voice + music
    assert np.array_equal(mixed(pair), pair.mean(axis=0))


def test_a_voice_beside_another_channels_music_is_not_diluted(voice: Real, music: Real) -> None:
    """A voice on one channel, as loud as the music on the others."""
    left = np.stack([voice, music[1]])
    plain = speech_to_noise(left.mean(axis=0), voice, music[1])
    assert speech_to_noise(mixed(left), voice, music[1]) > plain + 3
    fronts = np.stack([music[0], music[1], voice])
    mean = fronts.mean(axis=0)
    assert (
        speech_to_noise(mixed(fronts), voice, music.sum(axis=0))
        > speech_to_noise(mean, voice, music.sum(axis=0)) + 4
    )


def test_two_people_hard_left_and_right_are_both_heard(voice: Real) -> None:
    other = np.roll(voice, 7 * RATE)
    pair = np.stack([voice, other])
    out = mixed(pair)
    assert abs(speech_to_noise(out, voice, other)) < 3
    taking_turns = pair.copy()
    taking_turns[0, 8 * RATE :] = 0
    taking_turns[1, : 8 * RATE] = 0
    out = mixed(taking_turns)
    for part, whole in ((slice(0, 7 * RATE), voice), (slice(9 * RATE, None), other)):
        assert abs(decibels(out[part], whole[part])) < 2.5


def test_a_voice_in_a_surround_is_heard_and_music_there_is_not(voice: Real, music: Real) -> None:
    quiet = (0.1 * music[0]).astype(np.float32)
    nothing = np.zeros_like(voice)
    behind = np.stack([nothing, nothing, quiet, voice, nothing])
    assert speech_to_noise(mixed(behind, 2), voice, quiet) > 20
    front = np.stack([quiet, quiet, voice, *(0.5 * music)])
    assert speech_to_noise(mixed(front, 2), voice, music.sum(axis=0)) > 20


def test_a_voice_inverted_under_as_much_noise_is_turned(voice: Real) -> None:
    noise = np.random.default_rng(7).normal(0, voice.std(), (2, len(voice))).astype(np.float32)
    pair = np.stack([voice, -voice]) + noise
    assert decibels(mixed(pair), pair[0]) > -3
    assert np.corrcoef(mixed(pair), voice)[0, 1] > 0.6


@pytest.mark.parametrize("frames", [1, 512, 262144 - 1, 262144 + 1])
def test_lengths_are_exact_and_blocks_do_not_matter(voice: Real, frames: int) -> None:
    sound = np.tile(np.stack([voice, -late(voice, 8)]), 2)[:, :frames]
    whole = mixed(sound)
    assert len(whole) == frames
    assert np.array_equal(whole, mixed(sound, block=max(1, frames // 7 + 13)))


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_any_rate_is_heard(voice: Real, rate: int) -> None:
    """Upside down on one side; above 8 kHz, where nothing is turned, there is none of this voice."""
    sound = soxr.resample(voice[: 5 * RATE], RATE, rate).astype(np.float32)
    rows = np.stack([np.zeros_like(sound), sound, -sound])
    out = np.concatenate(list(Downmix(rate, 2).blocks([rows])), axis=1)[0]
    assert len(out) == len(sound) and abs(decibels(out, sound)) < 1


def test_turns_are_turned_back(voice: Real) -> None:
    frames = np.lib.stride_tricks.sliding_window_view(voice, 1024)[::512] * np.hanning(1024)
    one = np.fft.rfft(frames).astype(np.complex64)
    turns = phase_turns(one, -one, frames=21, bins=9)
    assert np.allclose(np.abs(turns), 1, atol=1e-6)
    sounding = np.abs(one) > 0
    assert np.allclose(turns[sounding], -1, atol=1e-5)
    assert (phase_turns(one, one, frames=21, bins=9) == 1).all()


# --- of files ----------------------------------------------------------------------------------------


def ears(path: Path, folder: Path, layout: str = "") -> tuple[Real, tuple[str, ...]]:
    sound = open_sound(path)
    with prepare_speech(path, sound, folder / "ears.raw") as speech:
        return speech.read(0, speech.frames), speech.notes


@pytest.mark.parametrize("channels", [1, 2])
def test_one_and_twice_the_same_channel_give_the_same_samples(
    voice: Real, tmp_path: Path, channels: int
) -> None:
    """Those of the plain mean, resampled: what ears heard of such files before there was anything to mend."""
    at_48 = soxr.resample(voice, RATE, 48000).astype(np.float32)
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.repeat(at_48[:, None], channels, axis=1), 48000, "FLOAT")
    heard, notes = ears(path, tmp_path)
    expected = soxr.resample(at_48, 48000, RATE, quality="VHQ")[: len(heard)]
    assert np.abs(heard - expected).max() < 1e-6 and not notes


CHANNELS = {"front left": 0, "front right": 1, "centre": 2, "left surround": 4, "right surround": 5}


@pytest.mark.parametrize("name", CHANNELS)
def test_a_voice_in_any_channel_of_a_surround_sound(
    voice: Real, music: Real, tmp_path: Path, name: str
) -> None:
    """Quiet music in all channels; the voice comes out as loud as it is, and well over the music."""
    sound = np.tile(0.03 * music[0], (6, 1)).astype(np.float32)
    sound[CHANNELS[name]] += voice
    path = tmp_path / "surround.wav"
    soundfile.write(path, sound.T, RATE, "FLOAT")
    heard, notes = ears(path, tmp_path)
    assert abs(decibels(heard, voice)) < 3
    assert np.corrcoef(heard, voice)[0, 1] > 0.95
    assert any(name in note for note in notes) == ("surround" in name)


def test_loud_surrounds_that_nobody_listens_to_are_told(voice: Real, tmp_path: Path) -> None:
    noise = np.random.default_rng(5).normal(0, 0.05, len(voice)).astype(np.float32)
    sound = np.zeros((6, len(voice)), np.float32)
    sound[2], sound[4] = voice, noise
    path = tmp_path / "surround.wav"
    soundfile.write(path, sound.T, RATE, "FLOAT")
    _, notes = ears(path, tmp_path)
    (note,) = notes
    assert "left surround (-26 dBFS)" in note and "right surround" not in note


@pytest.mark.parametrize("name", ["left_only", "delay_0.5ms"])
def test_the_cases_that_people_reported(shared: Shared, tmp_path: Path, name: str) -> None:
    path = shared(f"cases/av/{name}.flac")
    heard, _ = ears(path, tmp_path)
    samples, rate = soundfile.read(path, dtype="float32")
    left = soxr.resample(samples[:, 0], rate, RATE)[: len(heard)]
    assert abs(decibels(heard, left)) < 1.5 and np.corrcoef(heard, left)[0, 1] > 0.95

"""Voices far off the middle of the stereo picture: their place is found, the picture is turned and turned
back, and the built-in separator takes them like voices in the middle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.backends.contract import Survey
from dubline.backends.separators import classical, placement, rnnoise
from dubline.backends.separators.builtin_stream import BuiltinStream
from dubline.backends.separators.judged_stream import MiddleStream

RATE = 48000
Sound = NDArray[np.float32]


def spectra(sound: Sound) -> classical.Spectrum:
    return classical.analyse(np.pad(sound, ((0, 0), (classical.LEAD, -sound.shape[1] % classical.HOP))))


def noise(seed: int, frames: int = RATE) -> Sound:
    return np.random.default_rng(seed).standard_normal(frames).astype(np.float32)


PLACES: dict[str, tuple[Callable[[Sound], Sound], int, float]] = {
    "left": (lambda v: np.stack([v, 0 * v]), 0, 0),
    "right": (lambda v: np.stack([0 * v, v]), 0, 90),
    "right channel late": (lambda v: np.stack([v, np.roll(v, 24)]), 24, 45),
    "left channel late": (lambda v: np.stack([np.roll(v, 31), v]), -31, 45),
    "upside down": (lambda v: np.stack([v, -v]), 0, -45),
    "late, softer, upside down": (lambda v: np.stack([v, -0.5 * np.roll(v, 12)]), 12, -26.6),
    "middle": (lambda v: np.stack([v, v]), 0, 45),
    "nowhere": (lambda v: np.stack([v, noise(5)]), 0, 45),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_found_and_turned_into_the_middle(name: str) -> None:
    put, delay, degrees = PLACES[name]
    sound = spectra(put(noise(1)) + 0.1 * np.stack([noise(2), noise(3)]))
    found = placement.place(placement.products(sound))
    assert found[0] == delay and np.degrees(found[1]) == pytest.approx(degrees, abs=1.0)
    if name != "nowhere":
        turned = placement.turned(sound, *found)
        middle, side = (np.abs(turned[0] + way * turned[1]) ** 2 for way in (1, -1))
        assert middle.sum() > 50 * side.sum()


@given(st.integers(-48, 48), st.floats(-90, 90))
@settings(max_examples=25, deadline=None)
def test_what_is_turned_and_turned_back_is_as_it_was(delay: int, degrees: float) -> None:
    sound, angle = spectra(np.stack([noise(1, 9000), noise(2, 9000)])), float(np.radians(degrees))
    turned = placement.turned(sound, delay, angle)
    np.testing.assert_allclose(placement.turned(turned, delay, angle, back=True), sound, atol=2e-3)
    plain, there = classical.covariance(sound), classical.covariance(placement.turned(sound, 0, angle))
    np.testing.assert_allclose(placement.turned_covariance(plain, angle), there, rtol=1e-3, atol=2.0)
    np.testing.assert_allclose(
        placement.turned_covariance(there, angle, back=True), plain, rtol=1e-3, atol=2.0
    )


def through(stream: BuiltinStream, sound: Sound) -> Sound:
    parts = [stream.push(sound[:, at : at + RATE])[0] for at in range(0, sound.shape[1], RATE)]
    return np.concatenate([*parts, stream.flush()[0]], axis=1)


def decibels(sound: Sound) -> float:
    return float(10 * np.log10((sound.astype(np.float64) ** 2).mean() + 1e-20))


@pytest.mark.parametrize("ear", [False, pytest.param(True, marks=pytest.mark.skipif(
    rnnoise.library_path() is None, reason="RNNoise is not installed"))])  # fmt: skip
@pytest.mark.parametrize("place", ["left", "right", "right channel late", "upside down"])
def test_a_voice_lands_in_the_vocals_from_wherever_it_comes(place: str, ear: bool, shared: Shared) -> None:
    dry = sf.read(shared("cases/av/left_only.flac"), dtype="float32")[0][: 6 * RATE, 0]
    sound = PLACES[place][0](np.ascontiguousarray(dry))
    survey = Survey(frames=sound.shape[1], rate=RATE)
    found = through(BuiltinStream(survey, lambda: None, rnnoise=ear), sound)
    assert decibels(found) > decibels(sound) - 3
    for heard, given_ in zip(found, sound, strict=True):  # where there was nothing nothing is put
        assert decibels(heard) < decibels(given_) + 1


@pytest.mark.skipif(rnnoise.library_path() is None, reason="RNNoise is not installed")
def test_two_voices_hard_left_and_right_at_once_are_both_there(shared: Shared) -> None:
    dry = sf.read(shared("cases/av/left_only.flac"), dtype="float32")[0][: 6 * RATE, 0]
    sound = np.stack([dry, np.roll(dry, 3 * RATE)])
    survey = Survey(frames=sound.shape[1], rate=RATE)
    found = through(BuiltinStream(survey, lambda: None, rnnoise=True), sound)
    assert min(decibels(one) - decibels(whole) for one, whole in zip(found, sound, strict=True)) > -10


def test_the_middle_is_as_long_as_the_sound_and_holds_the_voice() -> None:
    voice = np.cumsum(noise(1, 2 * RATE + 777) * 0.01).astype(np.float32)
    voice = np.diff(voice, prepend=voice[:1]) + 0.3 * noise(4, voice.size)
    sound = np.stack([voice, 0 * voice])
    middle = through(MiddleStream(Survey(frames=sound.shape[1], rate=RATE), lambda: None), sound)
    assert middle.shape == (1, sound.shape[1])
    inner = slice(RATE // 2, -RATE // 2)
    assert float(np.corrcoef(middle[0, inner], voice[inner])[0, 1]) > 0.75

"""The limiter: no true peak over its ceiling, nothing else touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from loudness_reading import true_peak

from dubline.signal.true_peak import LOOK_AHEAD, RELEASE, PeakFollower, TruePeakLimiter


def limited(sound: np.ndarray, ceiling: float, block: int, rate: int = 48000) -> np.ndarray:
    limiter = TruePeakLimiter(rate, len(sound), ceiling)
    parts = [limiter.push(sound[:, i : i + block]) for i in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, limiter.flush()], axis=1)


def peak_db(sound: np.ndarray, rate: int = 48000) -> float:
    follower = PeakFollower(rate, len(sound))
    values = np.concatenate([follower.push(sound), follower.flush()])
    assert len(values) == sound.shape[1]
    return float(20 * np.log10(max(values.max(initial=0.0), 1e-9)))


def bursts(seed: int, channels: int, frames: int) -> np.ndarray:
    """Noise whose level jumps, with single loud samples, also at both ends."""
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.choice([0.0, 0.05, 0.4, 2.0], frames // 500 + 1), 500)[:frames]
    sound = rng.normal(size=(channels, frames)) * levels
    for at in rng.integers(0, max(frames, 1), 3) if frames else ():
        sound[rng.integers(channels), at] = rng.choice([-4.0, 4.0])
    sound[:, :1] = sound[:, -1:] = 3.0
    return sound.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    channels=st.integers(1, 3),
    frames=st.integers(0, 6000),
    block=st.integers(1, 3000),
    ceiling=st.sampled_from([-12.0, -2.0, -1.0, 0.0]),
)
def test_no_peak_passes_in_whatever_blocks(
    seed: int, channels: int, frames: int, block: int, ceiling: float
) -> None:
    sound = bursts(seed, channels, frames)
    out = limited(sound, ceiling, block)
    assert out.shape == sound.shape and out.dtype == np.float32
    np.testing.assert_allclose(out, limited(sound, ceiling, 10**6), rtol=1e-4, atol=1e-6)
    # What the moving gain itself adds between samples is all that may be over.
    assert peak_db(out) <= ceiling + 0.02
    assert np.abs(out).max(initial=0.0) <= 10 ** (ceiling / 20) * 1.000001


def test_what_is_under_the_ceiling_is_not_touched() -> None:
    sound = bursts(1, 2, 50000) * np.float32(0.05)
    limiter = TruePeakLimiter(48000, 2, -1.0)
    out = np.concatenate([limiter.push(sound), limiter.flush()], axis=1)
    np.testing.assert_array_equal(out, sound)
    assert (limiter.reduced, limiter.touched) == (0.0, 0)


def test_channels_go_down_together_and_slowly() -> None:
    rng = np.random.default_rng(5)
    sound = (0.1 + 0.1 * rng.random((2, 48000))).astype(np.float32)
    sound[0, 20000] = 2.0
    gain = limited(sound, -1.0, 4000) / sound
    np.testing.assert_allclose(gain[0], gain[1], rtol=1e-5)
    decibels = 20 * np.log10(gain[1].astype(np.float64))
    down = np.flatnonzero(decibels < -0.001)
    assert 20000 - LOOK_AHEAD * 48000 - 20 <= down[0] < 20000 < down[-1]
    steps = np.diff(decibels)
    assert steps.max() <= RELEASE / 48000 * 1.1 + 1e-4
    assert steps.min() >= -0.2  # 7 dB inside 5 ms, without a jump


def test_a_sine_between_the_samples_is_seen() -> None:
    at = np.arange(48000)
    sound = (0.99 * np.sqrt(2) * np.sin(np.pi / 2 * at + np.pi / 4))[None].astype(np.float32)
    assert np.abs(sound).max() < 1.0  # every sample is under full scale
    assert peak_db(sound) > 2.5
    assert peak_db(limited(sound, -1.0, 7777)) <= -0.98


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 48000, 96000])
@pytest.mark.program("ffmpeg")
def test_ffmpeg_reads_no_peak_over_the_ceiling(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "limited.wav"
    sound = limited(bursts(7, 2, 200000), -1.05, 65536, rate)
    assert peak_db(sound, rate) <= -1.03
    soundfile.write(path, sound.T, rate, subtype="FLOAT")
    read = true_peak(path)
    assert read <= -1.0

"""The ambience split: whole, exact, indifferent to blocks, and better than doing nothing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.separation.ambient import AmbientSplit

RATE = 8000  # keeps the tests quick; nothing in the method depends on it

Sound = NDArray[np.float32]


def split(
    sound: Sound, rate: int, window: float = 30.0, blocks: list[int] | None = None
) -> tuple[Sound, Sound]:
    stream = AmbientSplit(rate, sound.shape[0], window)
    parts, at = [], 0
    for size in blocks or []:
        parts.append(stream.push(sound[:, at : at + size]))
        at += size
    parts.append(stream.push(sound[:, at:]))
    parts.append(stream.flush())
    return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts], axis=1)


def noise(seconds: float, channels: int = 2, rate: int = RATE, seed: int = 0) -> Sound:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def bursts(like: Sound, every: float = 4.0, length: float = 0.3, rate: int = RATE) -> Sound:
    """Loud tones that come and go."""
    t = np.arange(like.shape[1]) / rate
    tone = 0.5 * np.sin(2 * np.pi * 700 * t) * ((t % every) < length)
    return np.broadcast_to(tone, like.shape).astype(np.float32)


def si_sdr(estimate: Sound, truth: Sound) -> float:
    e, t = estimate.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


@settings(max_examples=25, deadline=None)
@given(
    frames=st.one_of(st.integers(0, 300), st.integers(301, 5 * RATE)),
    channels=st.integers(1, 8),
    blocks=st.lists(st.integers(0, 9000), max_size=6),
)
def test_any_length_comes_back_whole_and_adds_up(frames: int, channels: int, blocks: list[int]) -> None:
    sound = noise(frames / RATE, channels)
    sfx, ambient = split(sound, RATE, 2.0, blocks)
    assert sfx.shape == ambient.shape == sound.shape
    assert sfx.dtype == ambient.dtype == np.float32
    # One rounding for the difference, one for the sum.
    assert np.all(np.abs(sfx + ambient - sound) <= 2**-23 * (np.abs(sound) + np.abs(sfx)))


@settings(max_examples=15, deadline=None)
@given(blocks=st.lists(st.one_of(st.integers(0, 40), st.integers(41, 60000)), max_size=12))
def test_blocks_do_not_matter(blocks: list[int]) -> None:
    sound = noise(12.3)
    sound += bursts(sound)
    whole, cut = split(sound, RATE, 4.0), split(sound, RATE, 4.0, blocks)
    assert np.array_equal(whole[0], cut[0])
    assert np.array_equal(whole[1], cut[1])


def test_a_steady_sound_is_ambience_and_bursts_over_it_are_effects() -> None:
    air = noise(60)
    hits = bursts(air)
    sfx, ambient = split(air + hits, RATE)
    assert si_sdr(sfx, hits) > si_sdr(air + hits, hits) + 10
    assert si_sdr(ambient, air) > 10

    sfx, ambient = split(air, RATE)
    assert np.mean(sfx**2) < 0.05 * np.mean(air**2)


def test_bursts_over_silence_are_effects_alone() -> None:
    hits = bursts(np.zeros((2, 40 * RATE), np.float32))
    sfx, ambient = split(hits, RATE)
    assert np.abs(ambient).max() < 1e-6
    assert np.abs(sfx - hits).max() < 1e-6


def test_silence_stays_silence() -> None:
    sfx, ambient = split(np.zeros((2, 7 * RATE), np.float32), RATE)
    assert not sfx.any()
    assert not ambient.any()


def test_the_mask_is_common_to_the_channels() -> None:
    sound = noise(10, 1)
    sound += bursts(sound)
    both = np.concatenate((sound, -0.25 * sound))
    sfx, _ = split(both, RATE, 5.0)
    assert np.allclose(sfx[1], -0.25 * sfx[0], atol=1e-6)


def test_floor_is_that_of_the_percentile_over_the_whole_file() -> None:
    """The streamed floor equals one taken with the whole sound at hand, the ends included."""
    sound = noise(25)
    sound += bursts(sound)
    stream = AmbientSplit(RATE, 2, 6.0)
    floors = []
    original = stream._floor_at
    stream._floor_at = lambda group: floors.append((group, original(group))) or floors[-1][1]  # type: ignore[func-returns-value, method-assign]
    for at in range(0, sound.shape[1], 1000):
        stream.push(sound[:, at : at + 1000])
    stream.flush()

    size, hop = stream._size, stream._hop
    frames = -(-(sound.shape[1] + size - hop) // hop)
    padded = np.pad(sound, ((0, 0), (size - hop, size)))
    starts = np.arange(frames) * hop
    stretches = np.stack([padded[:, s : s + size] for s in starts], axis=1) * stream._hann
    power = (np.abs(np.fft.rfft(stretches, axis=2)) ** 2).mean(axis=0)
    cells = np.stack([power[at : at + 8].mean(axis=0) for at in range(0, frames, 8)], axis=1)
    cells = np.pad(cells, ((1, 1), (0, 0)), mode="edge")
    cells = (cells[:-2] + cells[1:-1] + cells[2:]) / 3
    assert [group for group, _ in floors] == list(range(len(floors)))
    assert len(floors) == -(-frames // 64) + 1
    for group, floor in floors:
        around = np.sort(cells[:, max(0, 8 * group - stream._half) : 8 * group + stream._half], axis=1)
        assert np.allclose(floor, around[:, int(0.6 * (around.shape[1] - 1))], rtol=1e-3)


def test_memory_does_not_grow_with_the_sound() -> None:
    def peak(seconds: int) -> int:
        block = noise(1)
        stream = AmbientSplit(RATE, 2, 4.0)
        tracemalloc.start()
        for _ in range(seconds):
            stream.push(block)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(20)  # imports and caches
    assert peak(160) < 1.1 * peak(40)


@pytest.mark.parametrize(
    "settings", [(0, 2, 30.0), (48000, 0, 30.0), (48000, 2, 0.5), (48000, 2, float("nan"))]
)
def test_impossible_settings_are_refused(settings: tuple[int, int, float]) -> None:
    with pytest.raises(InvalidJob) as caught:
        AmbientSplit(*settings)
    assert caught.value.hint


def test_wrong_channels_and_a_push_after_the_end_are_refused() -> None:
    stream = AmbientSplit(RATE, 2)
    with pytest.raises(InvalidJob):
        stream.push(noise(1, 1))
    stream.flush()
    with pytest.raises(InvalidJob):
        stream.push(noise(1))


def test_real_effects_gain_as_much_as_was_measured(shared: Shared) -> None:
    sfx, rate = sf.read(shared("scene/sfx.flac", real=True), dtype="float32", always_2d=True)
    ambient, _ = sf.read(shared("scene/ambient.flac", real=True), dtype="float32", always_2d=True)
    mix = (sfx + ambient).T
    out_sfx, out_ambient = split(mix, rate)
    # 1.4 and -1.4 dB going in; 10.25 and 8.75 measured, and 8.5 and 6.9 are to be matched.
    assert si_sdr(out_sfx, sfx.T) > 9.5
    assert si_sdr(out_ambient, ambient.T) > 8.0

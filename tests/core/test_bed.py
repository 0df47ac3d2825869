"""A bed without a film model, taken apart by estimate: nothing is lost, blocks change nothing; tones, bursts
and what lasts go each to its own stem."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dubline.separation.ambient import GROUP
from dubline.separation.bed import BedSplit

RATE = 48000
Sound = NDArray[np.float32]


def split(sound: Sound, block: int = RATE, rate: int = RATE) -> list[Sound]:
    stream = BedSplit(rate, sound.shape[0])
    parts = [stream.push(sound[:, at : at + block]) for at in range(0, sound.shape[1], block)]
    return [np.concatenate(stem, axis=1) for stem in zip(*parts, stream.flush(), strict=True)]


def stems(seconds: int = 24) -> list[Sound]:
    """Chords of held tones, bursts of noise, and a steady hiss, (1, n) each."""
    rng, time = np.random.default_rng(0), np.arange(seconds * RATE) / RATE
    pitches = (220, 277.2, 329.6, 440, 554.4, 880)
    music = sum(np.sin(2 * np.pi * f * time + i) * ((time // 2 + i) % 3 > 0) for i, f in enumerate(pitches))
    effects = rng.standard_normal(time.size) * np.exp(-(time % 3) / 0.1) * ((time // 3) % 2)
    hiss = rng.standard_normal(time.size)
    return [(0.1 * x)[None].astype(np.float32) for x in (0.3 * music, 2 * effects, 0.05 * hiss)]


def si_sdr(estimate: Sound, truth: Sound) -> float:
    e, t = estimate.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


@pytest.mark.parametrize("frames", [0, 1, 4095, 70_001])
def test_the_stems_are_as_long_as_the_bed_and_add_up_to_it(frames: int) -> None:
    bed = np.random.default_rng(1).standard_normal((2, frames)).astype(np.float32)
    found = split(bed)
    assert len(found) == 3 and all(stem.shape == bed.shape for stem in found)
    np.testing.assert_allclose(np.sum(found, axis=0), bed, atol=1e-5)


def test_blocks_change_nothing() -> None:
    bed = np.concatenate([sum(stems(12)), np.zeros((1, 5000), np.float32)], axis=1)
    for one, other in zip(split(bed, 30_011), split(bed, bed.shape[1]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_silence_stays_silence() -> None:
    assert not any(stem.any() for stem in split(np.zeros((2, 3 * RATE), np.float32)))


def test_sound_that_breaks_off_into_silence_stays_numbers() -> None:
    bed = np.concatenate([*(sum(stems(2)) for _ in range(3)), np.zeros((1, 30 * RATE), np.float32)], axis=1)
    assert all(np.isfinite(stem).all() for stem in split(np.asarray(bed, np.float32)))


def test_tones_bursts_and_what_lasts_go_apart() -> None:
    true = stems()
    bed = np.asarray(sum(true), np.float32)
    gained = [si_sdr(one, own) - si_sdr(bed, own) for one, own in zip(split(bed), true, strict=True)]
    assert sum(gain > 3 for gain in gained) >= 2 and min(gained) > 0, gained


def test_what_is_held_does_not_grow() -> None:
    stream, sizes = BedSplit(8000, 1), []
    rng = np.random.default_rng(0)
    for _ in range(120):
        stream.push(rng.standard_normal((1, 8000)).astype(np.float32))
        sizes.append(stream._sound._store.nbytes + stream._cells._store.nbytes)
    assert max(sizes[60:]) <= 1.1 * max(sizes[:60])


@pytest.mark.parametrize("window", [2.0, 30.0])
@pytest.mark.parametrize("beyond", range(1, 13))
def test_nothing_beyond_the_end_is_heard(beyond: int, window: float, monkeypatch: pytest.MonkeyPatch) -> None:
    split = BedSplit(8000, 1, window)
    tape = type(split._sound)
    grown = tape.append

    def poisoned(self: Any, columns: Any) -> None:
        grown(self, columns)
        self._store[:, self._from + self.end - self._start :] = np.nan

    monkeypatch.setattr(tape, "append", poisoned)
    frames = GROUP + beyond
    sound = np.random.default_rng(1).normal(size=(1, (frames - 3) * split._hop)).astype(np.float32) * 0.1
    pushed, rest = split.push(sound), split.flush()
    for one, more in zip(pushed, rest, strict=True):
        assert np.isfinite(one).all() and np.isfinite(more).all()

"""What every separator must do, whatever is inside. Add yours to `SEPARATORS`.

The models are real ones with random weights, built on the spot: they separate nothing, but every sample
takes the way it takes with released weights.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_mdx
from random_demucs import FILM, htdemucs, save_bag, save_safetensors, save_th

from dubline.backends.choosing import available, find, options_of
from dubline.backends.contract import Survey
from dubline.errors import Cancelled, InvalidJob
from dubline.signal.overlap import Statistics
from dubline.values.media import Line

Make = Callable[[Path], tuple[str, dict[str, Any]]]


def _demucs(path: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    return "demucs", {"model": str(path), "precision": "fp32", "threads": 1, **options}


SEPARATORS: dict[str, Make] = {
    "builtin": lambda folder: ("builtin", {}),
    "builtin without rnnoise": lambda folder: ("builtin", {"rnnoise": "off"}),
    "demucs, one model": lambda folder: _demucs(save_th(htdemucs(seed=1), folder, "aaaaaaaa")),
    "demucs, a bag of two": lambda folder: _demucs(
        save_bag(folder, "pair", [htdemucs(seed=1), htdemucs(seed=2)], weights=[[1, 0, 2, 1], [1, 3, 0, 1]])
    ),
    "demucs, film model": lambda folder: _demucs(save_bag(folder, "film", [htdemucs(FILM, seed=3)])),
    "demucs, safetensors": lambda folder: _demucs(
        save_safetensors(htdemucs(seed=4), folder / "hub.safetensors")
    ),
    "demucs, shifts": lambda folder: _demucs(save_th(htdemucs(seed=1), folder, "bbbbbbbb"), shifts=2),
    "demucs, bf16": lambda folder: _demucs(save_th(htdemucs(seed=1), folder, "cccccccc"), precision="bf16"),
    "demucs at 48 kHz": lambda folder: _demucs(save_th(htdemucs(seed=5, rate=48000), folder, "dddddddd")),
    "uvr": lambda folder: ("uvr", {"model": str(random_mdx.build(folder)), "threads": 1}),
    "uvr, batch and denoise": lambda folder: (
        "uvr",
        {"model": str(random_mdx.build(folder)), "threads": 1, "batch": 3, "denoise": True},
    ),
}


@pytest.fixture(params=SEPARATORS, scope="module")
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A separator, loaded."""
    folder = tmp_path_factory.mktemp("separator")
    name, options = SEPARATORS[request.param](folder)
    cls = find("separator", name)
    with cls(options_of(cls, options)) as separator:
        yield separator
    gc.collect()


def survey_of(sound: np.ndarray, rate: int, **more: Any) -> Survey:
    statistics = Statistics()
    statistics.push(sound)
    return Survey(frames=sound.shape[1], rate=rate, mean=statistics.mean, std=statistics.std, **more)


def sounding(separator: Any, seconds: float, seed: int = 0) -> np.ndarray:
    """Something with a voice-like centre and a wide rest."""
    rng = np.random.default_rng(seed)
    frames = int(separator.rate * seconds)
    time = np.arange(frames) / separator.rate
    voice = 0.2 * np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 1.3 * time) > 0)
    return (voice + rng.normal(size=(2, frames)) * 0.05).astype(np.float32)


def through(separator: Any, sound: np.ndarray, block: int = 1 << 16, **more: Any) -> np.ndarray:
    stream = separator.stream(survey_of(sound, separator.rate, **more), lambda: None)
    parts = [stream.push(sound[:, i : i + block]) for i in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, stream.flush()], axis=-1)


def test_all_declared_separators_are_here() -> None:
    tried = {make(Path("x"))[0] for name, make in SEPARATORS.items() if name.startswith("builtin")}
    assert set(available("separator")) == tried | {"demucs", "uvr"}


def test_says_what_it_is(opened: Any) -> None:
    assert 8000 <= opened.rate <= 192000
    assert len(set(opened.sources)) == len(opened.sources) >= 1
    assert all(isinstance(note, str) and note for note in opened.notes)
    for identity in opened.identities:
        assert identity.name
        assert len(identity.sha256) == len(identity.files) >= 1
        assert all(len(digest) == 64 for digest in identity.sha256)


@pytest.mark.parametrize("frames", [1, 2, 479, 10007, 100003])
def test_returns_as_many_samples_as_it_got(opened: Any, frames: int) -> None:
    sound = sounding(opened, 3.0)[:, :frames]
    result = through(opened, sound, 40001)
    assert result.shape == (len(opened.sources), 2, frames)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


def test_blocks_do_not_matter(opened: Any) -> None:
    sound = sounding(opened, 4.5)
    whole = through(opened, sound, sound.shape[1])
    for block in (997, 65536):
        assert np.abs(through(opened, sound, block) - whole).max() <= 1e-5


def test_is_reproducible(opened: Any) -> None:
    sound = sounding(opened, 2.5)
    np.testing.assert_array_equal(through(opened, sound), through(opened, sound))


def test_silence_stays_silent(opened: Any) -> None:
    silence = np.zeros((2, 50000), np.float32)
    assert np.abs(through(opened, silence)).max() <= 1e-6


def test_offset_does_not_reach_the_voices(opened: Any) -> None:
    """A constant is no voice. (Added back to each stem, as it commonly is, it is there several times.)"""
    sound = sounding(opened, 4.0)
    shifted = sound + np.float32(0.2)
    for row in range(len(opened.sources)):
        change = through(opened, shifted)[row].mean() - through(opened, sound)[row].mean()
        assert abs(change) <= 0.1


@pytest.mark.parametrize("kind", ["full scale square", "one channel silent", "opposite channels"])
def test_extreme_sounds_stay_numbers(opened: Any, kind: str) -> None:
    sound = sounding(opened, 2.0)
    if kind == "full scale square":
        sound = np.where(sound > 0, 1.0, -1.0).astype(np.float32)
    elif kind == "one channel silent":
        sound[1] = 0
    else:
        sound[1] = -sound[0]
    assert np.isfinite(through(opened, sound)).all()


def test_goes_on_from_a_saved_state(opened: Any) -> None:
    """A state survives a file and another stream; what comes out is what would have come out."""
    sound = sounding(opened, 7.0)
    survey = survey_of(sound, opened.rate)
    block = 30011
    blocks = [sound[:, i : i + block] for i in range(0, sound.shape[1], block)]
    first = opened.stream(survey, lambda: None)
    whole = [first.push(b) for b in blocks]
    whole.append(first.flush())
    for cut in (1, len(blocks) // 2, len(blocks)):
        before = opened.stream(survey, lambda: None)
        parts = [before.push(b) for b in blocks[:cut]]
        state = {k: np.array(v) for k, v in before.state().items()}
        assert all(v.dtype != object for v in state.values())
        after = opened.stream(survey, lambda: None)
        after.restore({k: v if v.ndim else v.item() for k, v in state.items()})
        parts += [after.push(b) for b in blocks[cut:]]
        parts.append(after.flush())
        difference = np.concatenate(parts, axis=-1) - np.concatenate(whole, axis=-1)
        assert np.abs(difference).max() <= 1e-5


def test_known_lines_and_doubled_mono_are_understood(opened: Any) -> None:
    sound = sounding(opened, 3.0)
    sound[1] = sound[0]
    lines = (Line(start=0.5, end=1.0), Line(start=1.8, end=2.2))
    result = through(opened, sound, lines=lines, mono=True)
    assert result.shape == (len(opened.sources), *sound.shape)
    assert np.isfinite(result).all()


def test_stops_when_asked(opened: Any) -> None:
    """Every piece of work asks first."""
    sound = sounding(opened, 12.0)
    asked = 0

    def tick() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Cancelled("stopped")

    stream = opened.stream(survey_of(sound, opened.rate), tick)
    with pytest.raises(Cancelled):
        for start in range(0, sound.shape[1], 1 << 16):
            stream.push(sound[:, start : start + (1 << 16)])
        stream.flush()
    assert asked == 2


def test_does_not_change_what_it_is_given(opened: Any) -> None:
    sound = sounding(opened, 2.0)
    before = sound.copy()
    through(opened, sound)
    np.testing.assert_array_equal(sound, before)


def test_refuses_unknown_options() -> None:
    for name in available("separator"):
        cls = find("separator", name)
        with pytest.raises(InvalidJob, match="wibble") as caught:
            options_of(cls, {"wibble": 1})
        assert caught.value.hint

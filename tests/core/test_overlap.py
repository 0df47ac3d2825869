"""The streaming loop against demucs' own `apply_model`, and its properties on simple models."""

from __future__ import annotations

import random
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_demucs import FULL, htdemucs, save_bag

from dubline.backends.contract import Survey
from dubline.backends.separators.demucs import Demucs
from dubline.signal.overlap import OverlapAdd, Statistics, triangle


def noise(frames: int, seed: int = 0) -> np.ndarray:
    """Stereo noise with some offset, which normalisation must take care of."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(2, frames)) * 0.1 + 0.05).astype(np.float32)


def streamed(path: Path, sound: np.ndarray, block: int, **options: Any) -> np.ndarray:
    statistics = Statistics()
    statistics.push(sound)
    survey = Survey(frames=sound.shape[1], rate=44100, mean=statistics.mean, std=statistics.std)
    with Demucs(Demucs.Options(model=str(path), precision="fp32", **options)) as demucs:
        stream = demucs.stream(survey, lambda: None)
        parts = [stream.push(sound[:, i : i + block]) for i in range(0, sound.shape[1], block)]
        return np.concatenate([*parts, stream.flush()], axis=-1)


def applied(path: Path, sound: np.ndarray, monkeypatch: pytest.MonkeyPatch, **options: Any) -> np.ndarray:
    """The whole sound through demucs itself, normalised as its own programs do."""
    import demucs.apply
    from demucs.pretrained import get_model

    seed = options.pop("seed", 0)
    # demucs draws the shifts from the global generator, which its transformer uses as well.
    drawn = random.Random(seed)
    monkeypatch.setattr(demucs.apply, "random", types.SimpleNamespace(randint=drawn.randint))
    mix = torch.from_numpy(sound)
    mean, deviation = mix.mean(0).mean(), mix.mean(0).std() + 1e-8
    options = {"shifts": 0, **options}
    result = demucs.apply.apply_model(
        get_model(path.stem, repo=path.parent), ((mix - mean) / deviation)[None], **options
    )
    return (result[0] * deviation).numpy()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "one": save_bag(folder / "one", "one", [htdemucs(seed=1)]),
        "bag": save_bag(
            folder / "bag",
            "bag",
            [htdemucs(seed=1), htdemucs(seed=2)],
            weights=[[1, 0, 2, 1], [1, 3, 0, 1]],
        ),
    }


# Chunks are 88,200 samples, strides 66,150: shorter than one, exactly one, exact multiples, odd lengths.
@pytest.mark.parametrize("frames", [2, 101, 66150, 88200, 88201, 198450, 264601])
@pytest.mark.parametrize("name", ["one", "bag"])
def test_equals_apply_model(
    models: dict[str, Path], name: str, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = noise(frames)
    expected = applied(models[name], sound, monkeypatch)
    assert np.abs(streamed(models[name], sound, 50001) - expected).max() <= 1e-6


@pytest.mark.parametrize("name", ["one", "bag"])
@pytest.mark.parametrize("shifts", [1, 2])
def test_shifts_equal_apply_model(
    models: dict[str, Path], name: str, shifts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = noise(140001)
    expected = applied(models[name], sound, monkeypatch, shifts=shifts, seed=7)
    assert np.abs(streamed(models[name], sound, 70000, shifts=shifts, seed=7) - expected).max() <= 1e-6


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.5])
def test_overlaps_equal_apply_model(
    models: dict[str, Path], overlap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = noise(150001)
    expected = applied(models["one"], sound, monkeypatch, overlap=overlap)
    assert np.abs(streamed(models["one"], sound, 65536, overlap=overlap) - expected).max() <= 1e-6


def test_older_model_classes_equal_apply_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demucs wants more than the chunk on both sides; HDemucs takes short chunks as they are."""
    from demucs.demucs import Demucs as Waveform
    from demucs.hdemucs import HDemucs

    torch.manual_seed(0)
    sources = ["drums", "bass", "other", "vocals"]
    waveform = Waveform(sources, channels=4, depth=4, lstm_layers=0, dconv_attn=4, segment=1).eval()
    hybrid = HDemucs(sources, channels=4, segment=2).eval()
    for name, model, frames in (("waveform", waveform, 100001), ("hybrid", hybrid, 200001)):
        path = save_bag(tmp_path / name, name, [model])
        sound = noise(frames)
        expected = applied(path, sound, monkeypatch)
        assert np.abs(streamed(path, sound, 30000) - expected).max() <= 1e-6


@pytest.mark.full
def test_full_size_equals_apply_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_bag(tmp_path, "full", [htdemucs(**FULL)], half=True)
    sound = noise(44100 * 9 + 1)
    expected = applied(path, sound, monkeypatch)
    assert np.abs(streamed(path, sound, 65536) - expected).max() <= 1e-6


def test_batches_and_blocks_do_not_matter(models: dict[str, Path]) -> None:
    sound = noise(270001)
    expected = streamed(models["bag"], sound, 270001)
    for block, batch in ((4096, 1), (65536, 3), (270001, 8)):
        assert np.abs(streamed(models["bag"], sound, block, batch=batch) - expected).max() <= 1e-6


def echo(outputs: int) -> Any:
    """A model that returns its input, scaled by 1, 2, ... for its outputs."""
    gains = np.arange(1, outputs + 1, dtype=np.float32)[None, :, None, None]
    return lambda chunks: (chunks[:, None] * gains).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(0, 700),
    blocks=st.lists(st.integers(0, 90), max_size=12),
    segment=st.integers(4, 80),
    overlap=st.floats(0, 0.9),
    batch=st.integers(1, 4),
    lead=st.integers(0, 50),
    extra=st.integers(0, 21),
    keep=st.integers(0, 12),
)
def test_identity_goes_through_unchanged(
    frames: int,
    blocks: list[int],
    segment: int,
    overlap: float,
    batch: int,
    lead: int,
    extra: int,
    keep: int,
) -> None:
    """A model that changes nothing gives the sound back, whatever the framing; also across a checkpoint."""

    def lane() -> OverlapAdd:
        return OverlapAdd(
            echo(2),
            outputs=2,
            segment=segment,
            stride=max(1, int((1 - overlap) * segment)),
            length_for=lambda length: segment + extra,
            batch=lambda: batch,
            lead=lead,
        )

    sound = np.random.default_rng(frames).normal(size=(2, frames)).astype(np.float32)
    stream, at, parts = lane(), 0, []
    for number, count in enumerate([*blocks, frames]):
        block = sound[:, at : at + count]
        at += block.shape[1]
        parts.append(stream.push(block))
        if number == keep:
            state = {k: np.array(v) for k, v in stream.state().items()}
            stream = lane()
            stream.restore(state)
    parts.append(stream.flush())
    result = np.concatenate(parts, axis=-1)
    assert result.shape == (2, 2, frames)
    np.testing.assert_allclose(result[0], sound, atol=1e-5)
    np.testing.assert_allclose(result[1], 2 * sound, atol=1e-5)


def test_memory_is_that_of_two_chunks() -> None:
    lane = OverlapAdd(echo(1), outputs=1, segment=1000, stride=750, length_for=lambda n: 1000)
    sizes = []
    for _ in range(400):
        lane.push(np.ones((2, 777), np.float32))
        sizes.append(sum(np.asarray(v).nbytes for v in lane.state().values()))
    assert max(sizes[200:]) <= max(sizes[:50])


def test_triangle_is_demucs_weight() -> None:
    for length in (1, 2, 7, 8, 88200):
        weight = torch.cat([torch.arange(1, length // 2 + 1), torch.arange(length - length // 2, 0, -1)])
        np.testing.assert_array_equal(triangle(length), (weight / weight.max()).numpy())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.floats(-1, 1), st.floats(0.01, 1))
def test_statistics_do_not_depend_on_blocks(counts: list[int], offset: float, scale: float) -> None:
    rng = np.random.default_rng(sum(counts))
    sound = (rng.normal(size=(2, sum(counts))) * scale + offset).astype(np.float32)
    statistics, at = Statistics(), 0
    for count in counts:
        statistics.push(sound[:, at : at + count])
        at += count
    assert statistics.frames == at
    if at > 1:
        middle = sound.mean(axis=0).astype(np.float64)
        assert statistics.mean == pytest.approx(middle.mean(), abs=1e-7)
        assert statistics.std == pytest.approx(middle.std(ddof=1), rel=1e-6, abs=1e-7)
        assert statistics.peak == np.abs(sound).max()


def test_only_wanted_models_of_a_bag_run(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fine-tuned bag each model is there for one source; the others need not be run for the voices."""
    bag = save_bag(
        models["bag"].parent.parent / "tuned",
        "tuned",
        [htdemucs(seed=s) for s in range(4)],
        weights=np.eye(4).tolist(),
    )
    sound = noise(100000)
    calls: list[int] = []
    with Demucs(Demucs.Options(model=str(bag), precision="fp32", normalise=False)) as demucs:
        for index, model in enumerate(demucs._bag.models):
            model.register_forward_pre_hook(lambda module, given, index=index: calls.append(index))
        mean = float(sound.mean())
        stream = demucs.stream(Survey(frames=100000, rate=44100, mean=mean), lambda: None, (("vocals",),))
        voices = np.concatenate([stream.push(sound), stream.flush()], axis=-1)
    assert set(calls) == {3}
    whole = streamed(bag, sound, 100000, normalise=False)
    np.testing.assert_allclose(voices[0], whole[3], atol=1e-6)

"""The `uvr` separator: equal to the whole-file algorithm, however the sound comes in; clear when it can't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnxruntime", reason="the uvr back end needs onnxruntime")
pytest.importorskip("torch", reason="the tiny test models are exported with torch")
pytest.importorskip("onnx", reason="torch exports through onnx")

import random_mdx
import soundfile
from shared_media import Shared

from dubline.backends import choosing as backends
from dubline.backends.contract import Survey
from dubline.backends.separators.mdxnet import MdxParameters, Spectra, published_parameters, read_parameters
from dubline.backends.separators.uvr import Uvr
from dubline.errors import (
    BackendFailed,
    BackendMissing,
    Cancelled,
    InvalidJob,
    ValidationError,
    WeightsError,
)

STRETCH = random_mdx.TINY["hop"] * (random_mdx.TINY["dim_t"] - 1)  # 1984 samples
LENGTHS = (1, 2, 100, 1727, STRETCH - 256, STRETCH, STRETCH + 1, 5951, 5952, 9999)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    random_mdx.build(folder, "tiny")
    random_mdx.build(folder, "minus", parameters={"stem": "instrumental"})
    random_mdx.build(folder, "same", make="same", parameters=random_mdx.WHOLE_BAND)
    random_mdx.build(folder, "nan", make="nan")
    return folder


@pytest.fixture(scope="module")
def tiny(models: Path) -> Uvr:
    return Uvr(Uvr.Options(model=str(models / "tiny.onnx"), threads=1))


def noise(length: int, seed: int = 1) -> np.ndarray:
    return (0.3 * np.random.default_rng(seed).standard_normal((2, length))).astype(np.float32)


def through(separator: Uvr, sound: np.ndarray, blocks: list[int] | int = 4096) -> np.ndarray:
    stream = separator.stream(Survey(frames=sound.shape[1], rate=44100), lambda: None)
    cuts = np.cumsum(blocks) if isinstance(blocks, list) else np.arange(blocks, sound.shape[1], blocks)
    parts = [stream.push(piece) for piece in np.split(sound, cuts[cuts < sound.shape[1]], axis=1)]
    return np.concatenate([*parts, stream.flush()], axis=2)


def whole_file(path: Path, sound: np.ndarray, overlap: float = 0.25) -> np.ndarray:
    """UVR's algorithm on the whole sound at once, with torch's own transforms: nothing shared with ours."""
    import onnxruntime
    import torch

    told = json.loads(path.with_suffix(".json").read_text())
    n_fft, hop, bins = told["n_fft"], told["hop"], told["dim_f"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    window = torch.hann_window(n_fft, periodic=True)
    stretch, edge = hop * (told["dim_t"] - 1), n_fft // 2
    body = stretch - 2 * edge
    tail = body + edge - sound.shape[1] % body
    padded = np.pad(sound, ((0, 0), (edge, tail)))
    found, weight = np.zeros_like(padded), np.zeros(padded.shape[1], np.float32)
    for start in range(0, padded.shape[1], int((1 - overlap) * stretch)):
        piece = padded[:, start : start + stretch]
        length = piece.shape[1]
        piece = torch.from_numpy(np.pad(piece, ((0, 0), (0, stretch - length))))
        spectrum = torch.stft(piece, n_fft, hop, window=window, center=True, return_complex=True)
        seen = torch.view_as_real(spectrum).permute(0, 3, 1, 2)[:, :, :bins].reshape(1, 4, bins, -1).clone()
        seen[:, :, :3] = 0
        (answer,) = session.run(None, {"input": seen.numpy()})
        parts = torch.from_numpy(answer).reshape(2, 2, bins, -1).permute(0, 2, 3, 1)
        full = torch.zeros((*spectrum.shape, 2))
        full[:, :bins] = parts
        back = torch.istft(
            torch.view_as_complex(full), n_fft, hop, window=window, center=True, length=stretch
        )
        fade = np.hanning(length).astype(np.float32)
        found[:, start : start + length] += back.numpy()[:, :length] * fade
        weight[start : start + length] += fade
    result = (found / np.maximum(weight, 1e-9))[:, edge : edge + sound.shape[1]] * told["compensate"]
    return sound - result if told["stem"] == "instrumental" else result


@pytest.mark.parametrize("model", ["tiny", "minus"])
@pytest.mark.parametrize("overlap", [0.25, 0.6])
def test_stream_equals_whole_file(models: Path, model: str, overlap: float) -> None:
    path = models / f"{model}.onnx"
    separator = Uvr(Uvr.Options(model=str(path), threads=1, overlap=overlap))
    for length in LENGTHS:
        sound = noise(length)
        reference = whole_file(path, sound, overlap)
        assert np.abs(reference).max() > 0.01, "the model must do something, or this proves nothing"
        result = through(separator, sound)
        assert result.shape == (1, 2, length)
        assert result.dtype == np.float32
        assert np.abs(result[0] - reference).max() <= 1e-6, length


def test_real_dialogue_and_music(models: Path, tiny: Uvr, shared: Shared) -> None:
    sound, _ = soundfile.read(shared("scene/mix.flac"), 60_001, 200_000, dtype="float32", always_2d=True)
    sound = np.ascontiguousarray(np.resize(sound.T, (2, len(sound))))
    result = through(tiny, sound, 1000)[0]
    assert np.abs(result - whole_file(models / "tiny.onnx", sound)).max() <= 1e-6


@settings(max_examples=30, deadline=None)
@given(length=st.integers(0, 9000), blocks=st.lists(st.integers(0, 5000), max_size=12))
def test_blocks_do_not_matter(tiny: Uvr, length: int, blocks: list[int]) -> None:
    sound = noise(length)
    assert np.array_equal(through(tiny, sound, blocks), through(tiny, sound, max(1, length)))


@settings(max_examples=15, deadline=None)
@given(length=st.integers(0, 9000), at=st.integers(0, 9000))
def test_restored_stream_goes_on_exactly(tiny: Uvr, length: int, at: int) -> None:
    sound, at = noise(length), min(at, length)
    survey = Survey(frames=length, rate=44100)
    first = tiny.stream(survey, lambda: None)
    head = first.push(sound[:, :at])
    state = first.state()
    first.push(noise(3000, seed=9))  # what the first stream does afterwards must not reach the state
    second = tiny.stream(survey, lambda: None)
    second.restore(state)
    result = np.concatenate([head, second.push(sound[:, at:]), second.flush()], axis=2)
    assert np.array_equal(result, through(tiny, sound, max(1, length)))


def test_state_of_another_model_is_refused(models: Path, tiny: Uvr) -> None:
    other = random_mdx.build(models, "longer", parameters={"dim_t": 64})
    stream = Uvr(Uvr.Options(model=str(other), threads=1)).stream(Survey(frames=9, rate=44100), lambda: None)
    with pytest.raises(InvalidJob, match="other settings"):
        stream.restore(tiny.stream(Survey(frames=9, rate=44100), lambda: None).state())


@pytest.mark.parametrize("batch", [2, 3])
def test_batches_change_nothing_that_can_be_heard(models: Path, tiny: Uvr, batch: int) -> None:
    separator = Uvr(Uvr.Options(model=str(models / "tiny.onnx"), threads=1, batch=batch))
    for length in LENGTHS:
        sound = noise(length)
        result = through(separator, sound, 777)
        assert np.abs(result - through(tiny, sound)).max() <= 1e-6
        assert np.array_equal(result, through(separator, sound, max(1, length)))


def test_fixed_batch(models: Path, tiny: Uvr) -> None:
    path = random_mdx.build(models, "fixed", batch=3)
    with pytest.raises(InvalidJob) as caught:
        Uvr(Uvr.Options(model=str(path), threads=1))
    assert "batch=3" in caught.value.hint
    sound = noise(7000)
    result = through(Uvr(Uvr.Options(model=str(path), threads=1, batch=3)), sound)
    assert np.abs(result - through(tiny, sound)).max() <= 1e-6


def test_model_that_passes_everything_on_returns_the_sound(models: Path) -> None:
    """Between the first three bins and the top, nothing is lost or doubled at a seam."""
    t = np.arange(20_011) / 44100
    tone = np.stack([np.sin(2 * np.pi * 5000 * t), np.sin(2 * np.pi * 9000 * t)]).astype(np.float32)
    result = through(Uvr(Uvr.Options(model=str(models / "same.onnx"), threads=1)), tone)
    inside = slice(300, -300)  # the ends of a cut tone hold low frequencies too
    assert np.abs(result[0][:, inside] - tone[:, inside]).max() < 1e-3


def test_spectrum_there_and_back_loses_three_bins_and_no_more() -> None:
    spectra = Spectra(MdxParameters(**random_mdx.WHOLE_BAND))
    sound = noise(STRETCH)
    once = spectra.backward(spectra.forward(sound))
    there = spectra.forward(sound)
    assert not there[:, :3].any()
    assert np.abs(once - sound).max() > 0
    high = np.tile(np.array([1, -1], np.float32), (2, STRETCH // 2))  # the highest bin
    middle = slice(256, -256)
    assert np.abs(spectra.backward(spectra.forward(high)) - high)[:, middle].max() < 1e-4


def test_digital_silence_stays_silent(tiny: Uvr) -> None:
    assert not through(tiny, np.zeros((2, 5000), np.float32)).any()


def test_denoise_removes_what_the_model_adds_by_itself(models: Path, tiny: Uvr) -> None:
    silence = np.zeros((2, 5000), np.float32)
    silence[:, ::100] = 1e-12  # all but
    cleaned = Uvr(Uvr.Options(model=str(models / "tiny.onnx"), threads=1, denoise=True))
    assert np.abs(through(tiny, silence)).max() > 0
    assert np.abs(through(cleaned, silence)).max() < 1e-7
    assert any("denoise" in note for note in cleaned.notes)


def test_cancel_stops_before_the_next_run(tiny: Uvr) -> None:
    ticks = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            raise Cancelled("stopped")

    stream = tiny.stream(Survey(frames=50_000, rate=44100), tick)
    with pytest.raises(Cancelled):
        stream.push(noise(50_000))
    assert len(ticks) == 3


def test_what_it_tells_about_itself(models: Path, tiny: Uvr) -> None:
    (identity,) = tiny.identities
    assert (tiny.rate, tiny.sources) == (44100, ("vocals",))
    assert identity.files == ("tiny.onnx",)
    assert len(identity.sha256[0]) == 64
    assert any("cpu with 1 thread" in note for note in tiny.notes)
    minus = Uvr(Uvr.Options(model=str(models / "minus.onnx"), threads=1))
    assert minus.sources == ("vocals",)
    assert any("instrumental" in note for note in minus.notes)


def test_declared_as_an_entry_point() -> None:
    assert backends.find("separator", "uvr") is Uvr


def test_numbers_that_are_none(models: Path, tiny: Uvr) -> None:
    with pytest.raises(BackendFailed, match="not numbers"):
        through(Uvr(Uvr.Options(model=str(models / "nan.onnx"), threads=1)), noise(5000))
    broken = noise(5000)
    broken[0, 2500] = np.nan
    with pytest.raises(ValidationError, match="the sound holds"):
        through(tiny, broken)


def test_closed_model_says_so(models: Path) -> None:
    with Uvr(Uvr.Options(model=str(models / "tiny.onnx"), threads=1)) as separator:
        assert through(separator, noise(100)).shape == (1, 2, 100)
    with pytest.raises(BackendFailed, match="closed"):
        through(separator, noise(100))


@pytest.mark.parametrize("make", ["two_inputs", "two_outputs"])
def test_model_of_another_make(tmp_path: Path, make: Any) -> None:
    with pytest.raises(WeightsError, match="not one of each"):
        Uvr(Uvr.Options(model=str(random_mdx.build(tmp_path, make=make))))


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_damaged_model(tmp_path: Path, models: Path, keep: float) -> None:
    whole = (models / "tiny.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    path.with_suffix(".json").write_text(json.dumps(random_mdx.TINY))
    with pytest.raises(WeightsError) as caught:
        Uvr(Uvr.Options(model=str(path)))
    assert "cut.onnx" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dim_f": 64}, "dim_f 64"),
        ({"dim_t": 16}, "dim_t 16"),
        ({"n_fft": 128}, "more than the 65 bins"),
        ({"n_fft": 257}, "odd"),
        ({"n_fft": 4096}, "shorter than n_fft"),
        ({"hop": 200}, "would not overlap"),
    ],
)
def test_parameters_that_do_not_fit(models: Path, change: dict[str, int], said: str) -> None:
    told = {**random_mdx.TINY, **change}
    with pytest.raises(WeightsError, match=said):
        Uvr(Uvr.Options(model=str(models / "tiny.onnx"), parameters=told))


def test_parameters_must_come_from_somewhere(tmp_path: Path) -> None:
    path = random_mdx.build(tmp_path, "bare", sidecar=False)
    with pytest.raises(WeightsError, match="not known") as caught:
        Uvr(Uvr.Options(model=str(path)))
    assert "bare.json" in caught.value.hint
    assert Uvr(Uvr.Options(model=str(path), parameters=random_mdx.TINY)).parameters.n_fft == 256
    with pytest.raises(InvalidJob, match="n_fft"):
        Uvr(Uvr.Options(model=str(path), parameters={**random_mdx.TINY, "n_fft": "many"}))


def test_parameters_as_uvr_writes_them(tmp_path: Path) -> None:
    entry = {
        "compensate": 1.021,
        "mdx_dim_f_set": 3072,
        "mdx_dim_t_set": 8,
        "mdx_n_fft_scale_set": 7680,
        "primary_stem": "Vocals",
    }
    path = tmp_path / "entry.json"
    path.write_text(json.dumps(entry))
    assert read_parameters(path) == MdxParameters(n_fft=7680, dim_f=3072, dim_t=256, compensate=1.021)
    path.write_text(json.dumps({**entry, "primary_stem": "Drums"}))
    with pytest.raises(WeightsError, match=r"entry\.json.*primary_stem"):
        read_parameters(path)
    path.write_text(json.dumps({**random_mdx.TINY, "n_ftt": 1}))
    with pytest.raises(WeightsError, match="n_ftt"):
        read_parameters(path)


def test_published_models_are_known_by_the_end_of_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    from dubline.backends.separators import mdxnet

    tail = bytes(10_000 * 1024 - 1) + b"x"
    md5 = hashlib.md5(tail).hexdigest()
    monkeypatch.setitem(mdxnet._PUBLISHED, (6144, 2048, 256, "instrumental"), f"{'0' * 32} 1.5 {md5} 1.25")
    path = tmp_path / "any name.onnx"
    path.write_bytes(b"front matter" + tail)
    found = published_parameters(path)
    assert found == MdxParameters(n_fft=6144, dim_f=2048, compensate=1.25, stem="instrumental")
    path.write_bytes(b"unknown")
    assert published_parameters(path) is None


def test_published_table_holds_possible_numbers() -> None:
    from dubline.backends.separators import mdxnet

    seen = []
    for (n_fft, dim_f, dim_t, stem), entries in mdxnet._PUBLISHED.items():
        words = entries.split()
        assert len(words) % 2 == 0
        seen += words[::2]
        for level in words[1::2]:
            one = MdxParameters(n_fft=n_fft, dim_f=dim_f, dim_t=dim_t, compensate=float(level), stem=stem)
            assert not one.fault()
            assert 1.0 <= one.compensate <= 1.1
    assert all(len(md5) == 32 and int(md5, 16) for md5 in seen)
    assert len(set(seen)) == len(seen)


def test_named_device_is_never_replaced(models: Path) -> None:
    import onnxruntime

    for device in ("cuda", "coreml"):
        provider = {"cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}[device]
        if provider in onnxruntime.get_available_providers():
            continue
        with pytest.raises(BackendMissing, match=device) as caught:
            Uvr(Uvr.Options(model=str(models / "tiny.onnx"), device=device))
        assert caught.value.hint


@pytest.mark.parametrize(
    "options",
    [{"overlap": 0}, {"overlap": 1}, {"batch": 0}, {"device": "tpu"}, {"modle": "x"}, {"threads": 0}],
)
def test_options_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob):
        backends.options_of(Uvr, options)


def test_missing_model_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBLINE_MODELS", str(tmp_path / "none"))
    with pytest.raises(WeightsError) as caught:
        Uvr(Uvr.Options())
    assert "dubline models fetch UVR-MDX-NET-Voc_FT" in caught.value.hint
    assert "dubline models import" in caught.value.hint

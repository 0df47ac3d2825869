"""Devices, precision and batches: what is chosen, what is said, and what happens when it goes wrong."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from random_demucs import htdemucs, save_th

from dubline.backends import torch_run
from dubline.backends.contract import Survey
from dubline.backends.separators.demucs import Demucs
from dubline.backends.torch_run import ChunkRunner, choose_device
from dubline.errors import BackendFailed, BackendMissing, Cancelled, DemucsError, InvalidJob

CPU = torch.device("cpu")


class Double(torch.nn.Module):
    """Two sources, the input and its double; `spoil` sees what precision it is run in."""

    def __init__(self, spoil: Any = None, room: int = 10**6) -> None:
        super().__init__()
        self.spoil, self.room = spoil, room
        self.sizes: list[int] = []
        self.dtypes: list[torch.dtype | None] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
        self.sizes.append(len(x))
        self.dtypes.append(half)
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        y = torch.stack([x, 2 * x], dim=1)
        return self.spoil(y) if self.spoil and half is not None else y


def runner(model: Any, precision: str = "fp32", batch: int | None = None, **more: Any) -> ChunkRunner:
    mixing = np.eye(2, dtype=np.float32)
    more = {"device": CPU, "tick": lambda: None, **more}
    return ChunkRunner(model, mixing, precision=precision, batch=batch, **more)


def chunks(count: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2, 64)).astype(np.float32)


def expected(given: np.ndarray) -> np.ndarray:
    return np.stack([given, 2 * given], axis=1)


# --- devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cpu:", "xla", "CUDA", "cuda:-1", "meta"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(InvalidJob, match="no device") as caught:
        choose_device(name)
    assert "mps" in caught.value.hint


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendMissing, match="0 CUDA devices") as caught:
        choose_device(name)
    assert "--device cpu" in caught.value.hint


def test_a_named_gpu_beyond_those_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(BackendMissing, match="1 CUDA device, not cuda:1"):
        choose_device("cuda:1")


def test_auto_takes_a_gpu_and_else_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(BackendMissing):
        choose_device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


# --- precision ---------------------------------------------------------------------------------


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_run, "cpu_has_bf16", lambda: True)


def test_auto_stays_exact_without_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_run, "cpu_has_bf16", lambda: False)
    model = Double()
    run = runner(model, "auto")
    run(chunks())
    assert (run.precision, model.dtypes, run.notes()) == ("fp32", [None], [])


def test_auto_takes_half_precision_that_agrees(with_bf16: None) -> None:
    model = Double(spoil=lambda y: y * 1.001)  # 60 dB
    run = runner(model, "auto")
    given = chunks()
    # Whether this very chunk was the one judged must not show, or another run would differ.
    np.testing.assert_array_equal(run(given), run(given))
    assert run.precision == "bf16" and model.dtypes == [None, torch.bfloat16, torch.bfloat16]
    assert "precision bf16" in run.notes()[0] and "60 dB" in run.notes()[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda y: y * 1.05,  # 26 dB
        lambda y: y * float("nan"),
        lambda y: y * float("inf"),
        lambda y: torch.where(y > 0, y * float("inf"), y),
        lambda y: y * 0,
    ],
)
def test_auto_refuses_half_precision_that_does_not_agree(with_bf16: None, spoil: Any) -> None:
    model = Double(spoil=spoil)
    run = runner(model, "auto")
    given = chunks()
    for _ in range(2):
        np.testing.assert_array_equal(run(given), expected(given))
    assert run.precision == "fp32" and model.dtypes == [None, torch.bfloat16, None]
    assert "precision fp32" in run.notes()[0]


def test_half_precision_is_not_judged_by_an_output_of_zeros(with_bf16: None) -> None:
    class Mute(Double):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = super().forward(x)
            return y if torch.is_autocast_enabled("cpu") else y * 0

    run = runner(Mute(), "auto")
    run(chunks())
    assert run.precision == "fp32"


def test_silence_is_no_trial(with_bf16: None) -> None:
    run = runner(Double(spoil=lambda y: y * 1.001), "auto")
    run(np.zeros((1, 2, 64), np.float32))
    assert not run.judged
    run(chunks())
    assert run.judged and run.precision == "bf16"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_named_half_precision_is_taken_and_its_error_told(precision: str) -> None:
    run = runner(Double(spoil=lambda y: y * 1.05), precision)
    run(chunks())
    assert run.precision == precision and "26 dB" in run.notes()[0]


def test_a_real_model_in_half_precision(with_bf16: None) -> None:
    model = htdemucs(seed=1)
    mixing = np.eye(4, dtype=np.float32)
    run = ChunkRunner(model, mixing, device=CPU, precision="bf16", batch=None, tick=lambda: None)
    given = np.random.default_rng(0).normal(size=(1, 2, 88200)).astype(np.float32)
    half = run(given)
    exact = ChunkRunner(model, mixing, device=CPU, precision="fp32", batch=None, tick=lambda: None)(given)
    assert run.snr_db is not None
    power, error = (exact.astype(float) ** 2).sum(), ((half - exact).astype(float) ** 2).sum()
    assert 10 * np.log10(power / error) == pytest.approx(run.snr_db, abs=0.01), (
        "the figure told is the figure"
    )


def test_one_trial_serves_all_streams(tmp_path: Path, with_bf16: None) -> None:
    """And a stream that was spared the trial gives the same samples as one that was not."""
    path = save_th(htdemucs(seed=1), tmp_path, "aaaaaaaa")
    sound = np.random.default_rng(0).normal(size=(2, 200_000)).astype(np.float32)
    with Demucs(Demucs.Options(model=str(path), precision="bf16", threads=1)) as separator:
        results = []
        for _ in range(2):
            stream = separator.stream(Survey(frames=200_000, rate=44100), lambda: None)
            results.append(np.concatenate([stream.push(sound), stream.flush()], axis=-1))
        assert sum("agrees with fp32" in note for note in separator.notes) == 1
    np.testing.assert_array_equal(*results)


def test_overflow_in_half_precision_is_done_again() -> None:
    model = Double()
    run = runner(model, "bf16", batch=2)
    run(chunks(2))
    model.spoil = lambda y: y * float("inf")
    given = chunks(2, seed=1)
    np.testing.assert_array_equal(run(given), expected(given))
    assert run.repeated == 2 and "2 chunks overflowed" in run.notes()[-1]
    assert model.dtypes[-2:] == [torch.bfloat16, None]


def test_not_a_number_in_single_precision_is_an_error() -> None:
    class Broken(Double):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * float("nan")

    for precision in ("fp32", "bf16"):
        with pytest.raises(DemucsError, match="not numbers") as caught:
            runner(Broken(), precision)(chunks())
        assert caught.value.hint


# --- memory ------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_a_batch_is_halved_until_it_fits(room: int, count: int) -> None:
    model = Double(room=room)
    run = runner(model, batch=8)
    given = chunks(count)
    np.testing.assert_array_equal(run(given), expected(given))
    if count > room:
        assert run.halvings > 0 and run.batch() <= room
        assert f"went on with {run.batch()} chunks" in run.notes()[-1]
        again = len(model.sizes)
        run(given[: run.batch()])
        assert model.sizes[again:] == [run.batch()], "the next batch fits at once"
    else:
        assert run.halvings == 0 and not run.notes()


def test_halving_changes_nothing_in_a_whole_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_th(htdemucs(seed=1), tmp_path, "aaaaaaaa")
    sound = np.random.default_rng(0).normal(size=(2, 44100 * 9)).astype(np.float32) * 0.1
    survey = Survey(frames=sound.shape[1], rate=44100, mean=float(sound.mean()), std=float(sound.std()))
    forward = type(htdemucs()).forward
    found = []
    for room in (99, 2):
        sizes: list[int] = []

        def limited(self: Any, x: Any, room: int = room, sizes: list[int] = sizes) -> Any:
            sizes.append(len(x))
            if len(x) > room:
                raise torch.OutOfMemoryError("out of memory")
            return forward(self, x)

        monkeypatch.setattr(type(htdemucs()), "forward", limited)
        with Demucs(Demucs.Options(model=str(path), precision="fp32", threads=1, batch=4)) as separator:
            stream = separator.stream(survey, lambda: None)
            found.append(np.concatenate([stream.push(sound), stream.flush()], axis=-1))
            notes = separator.notes
        assert max(sizes) == 4
    assert any("out of memory" in note for note in notes)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 3 GiB"),
    ],
)
def test_a_single_chunk_without_room(error: Exception) -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        raise error

    with pytest.raises(BackendFailed, match="too little memory") as caught:
        runner(model)(chunks())
    assert caught.value.hint


def test_the_failed_attempt_is_let_go_before_the_next() -> None:
    """While an error is being handled it keeps the frames it came through, and the memory in them."""
    alive: list[weakref.ref[torch.Tensor]] = []

    def model(x: torch.Tensor) -> torch.Tensor:
        assert not any(ref() is not None for ref in alive), "the first attempt still holds its memory"
        activations = torch.zeros(1000)
        alive.append(weakref.ref(activations))
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return torch.stack([x, 2 * x], dim=1)

    given = chunks(2)
    np.testing.assert_array_equal(runner(model, batch=2)(given), expected(given))


def test_other_failures_of_torch_are_told_in_words() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

    with pytest.raises(DemucsError, match="no kernel image") as caught:
        runner(model)(chunks())
    assert "--device cpu" in caught.value.hint and "more" not in caught.value.message


def test_stopping_comes_before_the_work() -> None:
    model = Double()

    def tick() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        runner(model, tick=tick)(chunks())
    assert model.sizes == []


@pytest.mark.parametrize(
    "wrong",
    [{"overlap": 1.0}, {"overlap": 0.99999}, {"overlap": -0.1}, {"overlap": float("nan")}, {"shifts": -1},
     {"batch": 0}, {"threads": 0}, {"precision": "fp8"}, {"device": "gpu"}],
)  # fmt: skip
def test_options_out_of_range(tmp_path: Path, wrong: dict[str, Any]) -> None:
    before = torch.get_num_threads()
    with pytest.raises(InvalidJob) as caught:
        Demucs(Demucs.Options(model=str(save_th(htdemucs(), tmp_path, "aaaaaaaa")), **wrong))
    assert caught.value.hint
    assert torch.get_num_threads() == before

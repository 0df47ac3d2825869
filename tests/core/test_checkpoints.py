"""torch's checkpoints, read without torch: the same numbers, and nothing that is in them is run."""

from __future__ import annotations

import collections
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dubline.errors import WeightsError
from dubline.weights.checkpoints import PYANNOTE, StandIn, open_checkpoint
from dubline.weights.wheels import GE2E, PYANNET, find_file

torch = pytest.importorskip("torch")
FORMS = {"zip": True, "stream": False}


class Bomb:
    """A pickle that would make a folder when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.fixture(params=FORMS)
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    def saved(value: Any) -> Path:
        path = tmp_path / "some.pt"
        torch.save(value, path, _use_new_zipfile_serialization=FORMS[request.param])
        return path

    return saved


def same(found: Any, expected: Any) -> None:
    """Every tensor of a checkpoint, wherever it lies, is that array to the last bit."""
    if isinstance(expected, torch.Tensor):
        assert found.shape == expected.shape and found.dtype == expected.detach().numpy().dtype
        assert np.array_equal(found, expected.detach().numpy())
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        assert found == expected


def test_it_is_what_torch_reads(save: Any) -> None:
    table = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    value = {
        "state": torch.nn.LSTM(5, 7, 2, bidirectional=True).state_dict(),
        "parameter": torch.nn.Parameter(torch.randn(3)),
        "views": [table, table[1:, 2], table.t(), table[:0], torch.tensor(2.5)],
        "numbers": {k: torch.tensor([0, 1, 100]).to(k) for k in (torch.float64, torch.float16, torch.int64)},
        "small": [torch.tensor([0, 1, 1], dtype=k) for k in (torch.int8, torch.uint8, torch.bool)],
        "plain": {"a": [1, 2.5, "x", None, (True, {3})]},
        "size": torch.Size([2, 3]),
    }
    value["numbers"] = {str(k): v for k, v in value["numbers"].items()}  # type: ignore[union-attr]
    same(open_checkpoint(save(value)), value)


@pytest.mark.parametrize("weights", [GE2E, PYANNET], ids=["GE2E", "PyanNet"])
def test_the_released_weights_are_what_torch_reads(weights: Any) -> None:
    file = find_file(weights)
    if file is None:
        pytest.skip(f"the wheel with real weights is not installed: {weights.package}")
    key = {GE2E: "model_state", PYANNET: "state_dict"}[weights]
    allowed: list[Any] = [(type(name, (StandIn,), {}), name) for name in PYANNOTE]
    allowed += [(dict, "__builtin__.dict"), (list, "__builtin__.list"), (int, "__builtin__.long")]
    allowed += [dict, list, int, torch.torch_version.TorchVersion, collections.defaultdict]
    with torch.serialization.safe_globals(allowed):
        expected = torch.load(file, map_location="cpu", weights_only=True)[key]
    assert len(expected) > 10
    same(open_checkpoint(file, PYANNOTE)[key], expected)


def test_what_would_run_something_is_refused(save: Any, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    file = save({"state_dict": {}, "x": Bomb(mark)})
    with pytest.raises(WeightsError, match=r"wants to run (posix|nt)\.mkdir.*refused") as caught:
        open_checkpoint(file)
    assert "from its maker" in str(caught.value.hint)
    assert not mark.exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cposix\nsystem\n(S'true'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n(cbuiltins\ndict\nS'__class__'\ntR.",
        b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.",
        b"ctorch\nload\n.",
        b"cdubline.weights.checkpoints\nStandIn\n.",
    ],
)
def test_no_name_beside_the_known_ones_is_looked_up(tmp_path: Path, code: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "bad.pt", "w") as packed:
        packed.writestr("archive/data.pkl", code)
    with pytest.raises(WeightsError, match=r"bad\.pt wants to run .* refused"):
        open_checkpoint(tmp_path / "bad.pt", PYANNOTE)


def test_a_foreign_class_is_stood_in_for(tmp_path: Path) -> None:
    """Its values are kept; what is named beside it, and not allowed, is refused as ever."""
    code = b"(S'x'\ncomegaconf.base\nMetadata\n(I5\ntR(dS'k'\nI7\nsbd."
    with zipfile.ZipFile(tmp_path / "some.pt", "w") as packed:
        packed.writestr("archive/data.pkl", code)
    found = open_checkpoint(tmp_path / "some.pt", PYANNOTE)["x"]
    assert isinstance(found, StandIn) and type(found).__name__ == "Metadata"
    assert found.values == (5,) and found.state == {"k": 7}
    with pytest.raises(WeightsError, match=r"omegaconf\.base\.Metadata"):
        open_checkpoint(tmp_path / "some.pt")


@pytest.mark.parametrize("keep", [0, 3, 40, 2000, 0.5, 0.99])
def test_a_file_cut_short_is_named(save: Any, keep: float) -> None:
    file = save({"state_dict": {"w": torch.randn(40, 50)}})
    data = file.read_bytes()
    file.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    with pytest.raises(WeightsError, match=r"some\.pt is not a readable checkpoint") as caught:
        open_checkpoint(file)
    assert "Get it again" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", [b"<html>not found</html>", b"version https://git-lfs.github.com", b"PK\3\4"]
)
def test_another_file_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "some.pt").write_bytes(text)
    with pytest.raises(WeightsError, match="not a readable checkpoint"):
        open_checkpoint(tmp_path / "some.pt")
    (tmp_path / "some.pt").write_bytes(pickle.dumps([1]))
    with pytest.raises(WeightsError, match="not a readable checkpoint"):
        open_checkpoint(tmp_path / "some.pt")


def tensor(offset: int, shape: str, strides: str, count: int = 4) -> bytes:
    """A pickle of {"w": tensor}, of a storage that says it holds so many numbers."""
    storage = f"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI{count}\ntQ"
    words = f"(S'w'\nctorch._utils\n_rebuild_tensor_v2\n({storage}I{offset}\n{shape}{strides}I00\nNtRd."
    return words.encode()


@pytest.mark.parametrize(
    "code",
    [
        tensor(1, "(I4\nt", "(I1\nt"),  # beyond the end
        tensor(-1, "(I2\nt", "(I1\nt"),  # before the beginning
        tensor(0, "(I2\nt", "(I-1\nt"),
        tensor(0, "(L1000000000000L\nt", "(I0\nt"),  # a number a million million times
        tensor(0, "(I-2\nt", "(I1\nt"),
        tensor(0, "(I2\nI2\nt", "(I1\nt"),
        tensor(0, "(I4\nt", "(I1\nt", count=5),  # the storage is shorter than it says
        tensor(0, "(I4\nt", "(I1\nt").replace(b"FloatStorage", b"UntypedStorage"),
    ],
)
def test_a_tensor_that_lies_outside_its_numbers_is_refused(tmp_path: Path, code: bytes) -> None:
    def written(pickled: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
        with zipfile.ZipFile(tmp_path / "some.pt", "w", compression) as packed:
            packed.writestr("archive/data.pkl", pickled)
            packed.writestr("archive/data/0", np.arange(4, dtype="<f4").tobytes())
        return tmp_path / "some.pt"

    good = tensor(1, "(I3\nt", "(I1\nt")
    assert list(open_checkpoint(written(good))["w"]) == [1, 2, 3]
    with pytest.raises(WeightsError, match=r"not a readable checkpoint|refused"):
        open_checkpoint(written(code))
    with pytest.raises(WeightsError, match="compressed"):
        open_checkpoint(written(good, zipfile.ZIP_DEFLATED))

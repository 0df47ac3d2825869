"""A model is read before it is taken, and `auto` takes none that cannot be read."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import dubline, shown
from random_demucs import htdemucs, save_bag
from random_mdx import build

from dubline.errors import WeightsError
from dubline.weights.files import installed, models_folder
from dubline.weights.intake_files import import_model
from dubline.weights.structure import check_loads, check_structure

NOISE = np.random.default_rng(0).bytes(5000)
CT2 = b"\x06\0\0\0" + struct.pack("<H", 12) + b"WhisperSpec\0"


def spoilt(name: str, folder: Path) -> Path:
    """What is no model under a model's name, with all that usually lies beside it."""
    folder.mkdir()
    settings = {"alignment_heads": [], "lang_ids": [], "suppress_ids": [], "add_source_eos": False}
    beside: dict[str, bytes] = {}
    if name.startswith("model.bin"):
        beside = {
            "config.json": json.dumps(settings).encode(),
            "tokenizer.json": b"{}",
            "vocabulary.txt": b"a\n",
        }
    if name == "joe.onnx":
        beside = {"joe.onnx.json": b'{"audio": {"sample_rate": 22050}, "phoneme_id_map": {"a": [1]}}'}
    if name == "model.enpt.intgemm.alphas.bin":
        beside = {"vocab.enpt.spm": NOISE}
    if name == "model.safetensors":
        beside = {
            "config.json": b'{"model_type": "whisper"}',
            **{n: b"{}" for n in ("tokenizer.json", "preprocessor_config.json", "generation_config.json")},
        }
    for other, data in beside.items():
        (folder / other).write_bytes(data)
    (folder / name).write_bytes(NOISE)
    return folder if beside else folder / name


@pytest.mark.parametrize(
    "name",
    [
        "voc.onnx",
        "a.th",
        "b.safetensors",
        "model.bin",
        "joe.onnx",
        "model.enpt.intgemm.alphas.bin",
        "model.safetensors",
    ],
)
@pytest.mark.parametrize("how", [lambda data: data, lambda data: b"", lambda data: b"<html>Not found</html>"])
def test_bytes_that_are_no_model_are_refused(
    tmp_path: Path, name: str, how: Callable[[bytes], bytes]
) -> None:
    place = spoilt(name, tmp_path / "en-pt")
    file = place / name if place.is_dir() else place
    file.write_bytes(how(NOISE))
    answer = dubline("models", "import", place)
    assert answer.status == 1
    assert name in answer.err
    assert "Traceback" not in answer.err
    assert not models_folder().exists() or not shown(models_folder())


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("real")
    save_bag(folder / "bag", "house", [htdemucs(seed=1)])
    (checkpoint,) = [f for f in (folder / "bag").iterdir() if f.suffix in (".th", ".safetensors")]
    return {"demucs": checkpoint, "mdx": build(folder, "voc")}


@pytest.mark.parametrize("kind", ["demucs", "mdx"])
@pytest.mark.parametrize("left", [0.999, 0.5, 0.01])
def test_a_model_that_is_cut_off_is_refused(
    tmp_path: Path, kind: str, left: float, real: dict[str, Path]
) -> None:
    check_loads(real[kind])
    data = real[kind].read_bytes()
    cut = tmp_path / f"cut{real[kind].suffix}"
    cut.write_bytes(data[: int(left * len(data))])
    with pytest.raises(WeightsError, match="cut"):
        import_model(cut)


def test_auto_takes_none_that_is_damaged(tmp_path: Path, real: dict[str, Path]) -> None:
    import_model(real["mdx"], name="good")
    bad = models_folder() / "bad"
    bad.mkdir()
    (bad / "bad.onnx").write_bytes(NOISE)
    found = dict((path.name, what) for path, what in installed())
    assert isinstance(found["bad"], WeightsError)
    assert not isinstance(found["good"], WeightsError)
    assert "bad" in dubline("models", "list").err + dubline("models", "list").out


def test_a_pickle_is_walked_and_never_built(tmp_path: Path) -> None:
    import pickle

    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (ran,))

    (tmp_path / "evil.th").write_bytes(pickle.dumps(Evil()))
    check_structure(tmp_path / "evil.th")
    check_loads(tmp_path / "evil.th")
    assert not ran.exists()

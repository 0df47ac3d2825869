"""Loading Demucs weights: every form that exists, and nothing that is in a file is ever run."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from random_demucs import FILM, MUSIC, htdemucs, save_bag, save_safetensors, save_th
from safetensors.torch import save_file

from dubline.backends.separators.demucs_weights import Bag, load_bag
from dubline.errors import WeightsError
from dubline.weights.files import resolve
from dubline.weights.intake_files import import_model

TRACE = "ran.txt"


@pytest.fixture(scope="module")
def model() -> Any:
    return htdemucs(seed=1)


def package(model: Any, **more: Any) -> dict[str, Any]:
    args, kwargs = model._init_args_kwargs
    state = model.state_dict()
    return {
        "klass": type(model), "args": args, "kwargs": kwargs, "state": state, "training_args": {}, **more
    }  # fmt: skip


def save(path: Path, content: Any, **how: Any) -> Path:
    torch.save(content, path, **how)
    return path


def same_weights(bag: Bag, model: Any, tolerance: float = 0.0) -> None:
    assert len(bag.models) == 1 and not bag.models[0].training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(bag.models[0].state_dict()[name], value, rtol=tolerance, atol=tolerance)


def load(path: Path) -> Bag:
    """As a back end does it: found, checked against its sums, loaded."""
    found = resolve(str(path), "demucs")
    found.identity()
    return load_bag(found.files[0])


# --- what must load ----------------------------------------------------------------------------


def test_every_form_gives_the_same_model(model: Any, tmp_path: Path) -> None:
    single = save_th(model, tmp_path / "th", "aaaaaaaa")
    bag = save_bag(tmp_path / "bag", "house", [model])
    hub = save_safetensors(model, tmp_path / "hub" / "house.safetensors")
    hub_bag = tmp_path / "hub_bag" / "hub.yaml"
    save_safetensors(model, hub_bag.with_name("0a0b.safetensors"))
    hub_bag.write_text("models: ['0a0b']\n", encoding="utf-8")
    for path in (single, bag, hub, hub_bag, single.parent, bag.parent, hub.parent, hub_bag.parent):
        found = load(path)
        same_weights(found, model)
        assert (found.sources, found.rate, found.weights) == (MUSIC, 44100, ((1.0,) * 4,))


def test_by_name_in_the_models_folder(model: Any, tmp_path: Path) -> None:
    import_model(save_bag(tmp_path, "house", [model]), name="mine")
    same_weights(load_bag(resolve("mine", "demucs").files[0]), model)


def test_half_precision_state_is_read_as_single(model: Any, tmp_path: Path) -> None:
    found = load(save_th(model, tmp_path, "aaaaaaaa", half=True))
    assert {p.dtype for p in found.models[0].parameters()} == {torch.float32}
    same_weights(found, model, 1e-3)


def test_training_figures_of_released_packages(model: Any, tmp_path: Path) -> None:
    figures = {
        "loss": np.float64(0.5),
        "best": np.float32(0.25),
        "epoch": np.int64(3),
        "ema": np.bool_(True),
        "list": [1, "x", None],
    }
    same_weights(load(save(tmp_path / "a.th", package(model, training_args=figures))), model)


def test_unknown_arguments_of_newer_versions_are_left_out(model: Any, tmp_path: Path) -> None:
    kwargs = {**package(model)["kwargs"], "some_new_setting": 5}
    same_weights(load(save(tmp_path / "a.th", package(model, kwargs=kwargs))), model)


def test_weights_and_segment_of_a_bag(model: Any, tmp_path: Path) -> None:
    path = save_bag(tmp_path, "pair", [model, htdemucs(seed=2)], weights=[[1, 0, 2, 0.5], [0, 1, 1, 1]])
    path.write_text(path.read_text() + "segment: 1.5\n")
    bag = load(path)
    assert bag.weights == ((1.0, 0.0, 2.0, 0.5), (0.0, 1.0, 1.0, 1.0))
    assert [float(m.segment) for m in bag.models] == [1.5, 1.5]
    path.write_text(path.read_text().replace("1.5", "60"))
    assert [float(m.segment) for m in load(path).models] == [2.0, 2.0], "never more than it was trained on"


# --- what must be refused, and never run ---------------------------------------------------------


class Runs:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"echo ran > {TRACE}",)


class Stranger:
    """A class that no model needs; unpickling it would import this module."""

    def __setstate__(self, state: Any) -> None:
        Path(TRACE).write_text("ran")


def refused(path: Path, *words: str) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load(path)
    if path.suffix != ".yaml":  # a YAML's own error says what to mend
        assert caught.value.hint
    for word in words:
        assert word in caught.value.message
    assert "weights_only" not in caught.value.message + caught.value.hint, (
        "nobody is told to load it unsafely"
    )
    return caught.value


@pytest.mark.parametrize("place", ["klass", "args", "kwargs", "state", "training_args"])
@pytest.mark.parametrize(("kind", "name"), [(Runs, "system"), (Stranger, "Stranger")])
def test_foreign_objects_in_a_pickle_are_named_and_not_run(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, kind: Any, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    value = kind()
    vars(value)["x"] = 1  # something for __setstate__
    refused(save(tmp_path / "a.th", package(model, **{place: value})), "refused", name)
    assert not (tmp_path / TRACE).exists()


@pytest.mark.parametrize(
    "how", [{"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}], ids=["newer", "older"]
)
def test_unusual_pickles_are_not_run_either(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(save(tmp_path / "a.th", package(model, training_args=Runs()), **how), "a.th")
    (tmp_path / "b.th").write_bytes(pickle.dumps(Runs()))
    refused(tmp_path / "b.th", "b.th")
    assert not (tmp_path / TRACE).exists()


def test_the_trap_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: unpickled the usual way, these objects do run."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Runs()))
    assert (tmp_path / TRACE).exists()


@pytest.mark.parametrize(
    ("klass", "args"),
    [
        ("os.system", [f"echo ran > {TRACE}"]),
        ("subprocess.Popen", [["touch", TRACE]]),
        ("builtins.eval", [f"open('{TRACE}', 'w')"]),
        ("stranger_module.Model", []),
        ("demucs.htdemucs.HTDemucs.load", []),
        ("torch.nn.Linear", [2, 2]),
    ],
)
def test_safetensors_that_name_a_foreign_class(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, klass: str, args: list[Any]
) -> None:
    (tmp_path / "stranger_module.py").write_text(f"open({TRACE!r}, 'w')\nclass Model: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.safetensors"
    metadata = {"klass": klass, "args": json.dumps(args), "kwargs": "{}"}
    save_file({k: v.clone() for k, v in model.state_dict().items()}, path, metadata=metadata)
    refused(path, "refused", klass)
    assert not (tmp_path / TRACE).exists()
    assert "stranger_module" not in sys.modules


HT = "demucs.htdemucs.HTDemucs"


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"klass": HT, "args": "not json", "kwargs": "{}"},
        {"klass": HT, "args": "5", "kwargs": "{}"},
        {"klass": HT, "args": "[]", "kwargs": "[]"},
        {"klass": HT, "args": '[{"_type": "fraction", "numerator": 1, "denominator": 0}]', "kwargs": "{}"},
        {"klass": HT, "args": '[{"_type": "fraction", "numerator": [], "denominator": 1}]', "kwargs": "{}"},
        {"klass": HT, "args": "[" * 100_000, "kwargs": "{}"},
        {"klass": HT, "args": "[]", "kwargs": "{}", "structure": "{}"},
    ],
)
def test_safetensors_with_damaged_metadata(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "a.safetensors", metadata=metadata)
    refused(tmp_path / "a.safetensors", "a.safetensors")


def test_a_changed_byte_is_found_by_the_sum_in_the_name(model: Any, tmp_path: Path) -> None:
    for path in (save_th(model, tmp_path, "aaaaaaaa"), save_bag(tmp_path / "bag", "house", [model])):
        file = path if path.suffix == ".th" else next(path.parent.glob("*.th"))
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        refused(path, "damaged", "SHA-256", file.name)


@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.999], ids=["empty", "tenth", "half", "nearly"])
def test_files_cut_short(model: Any, tmp_path: Path, suffix: str, keep: float) -> None:
    path = tmp_path / f"cut{suffix}"
    if suffix == ".th":
        save(path, package(model))
    else:
        save_safetensors(model, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    refused(path, path.name)


@pytest.mark.parametrize("name", ["page.th", "page.safetensors", "page.yaml"])
@pytest.mark.parametrize("text", [b"<html>Not Found</html>", b"\xff\xfe\x00binary", b"\n"])
def test_a_web_page_instead_of_a_model(tmp_path: Path, name: str, text: bytes) -> None:
    (tmp_path / name).write_bytes(text)
    refused(tmp_path / name, name)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"state": {"__quantized": True}}, "quantised"),
        ({"state": {}}, "do not fit"),
        ({"state": [1, 2]}, "not a Demucs package"),
        ({"kwargs": [1]}, "not a Demucs package"),
        ({"args": 5}, "do not fit"),
        ({"klass": 5}, "refused"),
        ({"klass": "os.system"}, "os.system"),
        ({"klass": torch.Size}, "refused"),
    ],
)
def test_packages_that_are_none(model: Any, tmp_path: Path, change: dict[str, Any], word: str) -> None:
    refused(save(tmp_path / "a.th", package(model, **change)), word, "a.th")


def test_bare_states_and_other_contents(model: Any, tmp_path: Path) -> None:
    for content in (model.state_dict(), [1, 2], {"klass": type(model)}, torch.zeros(2)):
        refused(save(tmp_path / "a.th", content), "not a Demucs package")


def test_weights_of_another_size(model: Any, tmp_path: Path) -> None:
    other = htdemucs(channels=16).state_dict()
    refused(save(tmp_path / "a.th", package(model, state=other)), "do not fit")


@pytest.mark.parametrize(("name", "value"), [("segment", 0), ("segment", -2), ("samplerate", 0)])
def test_settings_that_would_never_end(model: Any, tmp_path: Path, name: str, value: int) -> None:
    kwargs = {**package(model)["kwargs"], name: value}
    refused(save(tmp_path / "a.th", package(model, kwargs=kwargs)), "Hz")


# --- bags ------------------------------------------------------------------------------------------


def bag_of(folder: Path, text: str) -> Path:
    path = folder / "bag.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_bag_whose_models_do_not_go_together(model: Any, tmp_path: Path) -> None:
    for name, other in (("sources", htdemucs(FILM)), ("rate", htdemucs(rate=48000))):
        refused(save_bag(tmp_path / name, "pair", [model, other]), "do not go together")


@pytest.mark.parametrize(
    "weights", [[[1, 1, 1, 1]], [[1, 1], [1, 1]], [[0] * 4, [0] * 4], [[1, 1, 1, float("nan")]] * 2, "x", [1]]
)
def test_bag_with_impossible_weights(model: Any, tmp_path: Path, weights: Any) -> None:
    path = save_bag(tmp_path, "pair", [model, model])
    path.write_text(path.read_text() + f"weights: {json.dumps(weights).replace('NaN', '.nan')}\n")
    refused(path)


@pytest.mark.parametrize("segment", ["0", "-1", "long"])
def test_bag_with_an_impossible_segment(model: Any, tmp_path: Path, segment: str) -> None:
    path = save_bag(tmp_path, "one", [model])
    path.write_text(path.read_text() + f"segment: {segment}\n")
    refused(path)


@pytest.mark.parametrize("signature", ["absent", "../outside", "/outside", "a/../b", "*", "..", "", "~"])
def test_bag_names_only_what_lies_beside_it(model: Any, tmp_path: Path, signature: str) -> None:
    save(tmp_path / "outside.th", package(model))
    (tmp_path / "inside").mkdir()
    path = bag_of(tmp_path / "inside", f"models: [{json.dumps(signature)}]\n")
    refused(path)
    with pytest.raises(WeightsError):
        load_bag(path)


def test_bag_with_two_files_for_a_signature_takes_none(model: Any, tmp_path: Path) -> None:
    path = save_bag(tmp_path, "house", [model])
    save_safetensors(model, tmp_path / "00000000.safetensors")
    refused(path, "00000000")
    with pytest.raises(WeightsError, match="2 files"):
        load_bag(path)


def test_bag_loads_the_very_file_that_was_hashed(model: Any, tmp_path: Path) -> None:
    path = save_bag(tmp_path, "house", [model])
    save(tmp_path / "00000000-other.th", package(htdemucs(seed=9)))
    same_weights(load(path), model)


@pytest.mark.parametrize(
    "text",
    [
        f'!!python/object/apply:os.system ["echo ran > {TRACE}"]',
        f'models: !!python/object/apply:os.system ["echo ran > {TRACE}"]',
        f'models: ["a"]\nweights: !!python/object/apply:os.system ["echo ran > {TRACE}"]',
        "models: []",
        "models: a",
        "[1, 2]",
        "models: [[a]]",
        "{",
    ],
)
def test_yaml_is_data(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = bag_of(tmp_path, text)
    refused(path)
    with pytest.raises(WeightsError):
        load_bag(path)
    assert not (tmp_path / TRACE).exists()

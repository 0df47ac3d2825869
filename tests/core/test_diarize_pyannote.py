"""The pyannote diarizer: what is refused, what is said, and that the faster way gives the same vectors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from dubline.backends.choosing import options_of
from dubline.backends.diarizers.pyannote import Pyannote
from dubline.backends.diarizers.pyannote_models import (
    build_pipeline,
    import_pyannote,
    load_model,
    read_config,
)
from dubline.errors import BackendMissing, WeightsError
from dubline.weights import hub

torch = pytest.importorskip("torch")
TOKEN = "hf_THISMUSTNEVERBESEEN"


@pytest.fixture(scope="module")
def pyannote() -> None:
    """pyannote.audio, imported; the test is skipped where it is not installed."""
    try:
        import_pyannote()
    except BackendMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def folder(pyannote: None, tmp_path: Path) -> Path:
    """A pipeline's folder with random weights."""
    from random_pyannote import pipeline_folder

    return pipeline_folder(tmp_path / "pipeline")


class Bomb:
    """A pickle that would make a folder when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


# --- files -------------------------------------------------------------------------------------


def test_a_checkpoint_that_would_run_something_is_refused(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    for part in ("segmentation", "embedding"):
        file = folder / part / "pytorch_model.bin"
        good = file.read_bytes()
        content = torch.load(file, weights_only=False)
        torch.save({**content, "callbacks": Bomb(mark)}, file)
        with pytest.raises(WeightsError, match="refused"):
            build_pipeline(folder / "config.yaml")
        file.write_bytes(good)
    assert not mark.exists()


def test_a_checkpoint_that_names_another_class_is_refused(folder: Path) -> None:
    file = folder / "embedding" / "pytorch_model.bin"
    content = torch.load(file, weights_only=False)
    content["pyannote.audio"]["architecture"] = {"module": "antigravity", "class": "fly"}
    torch.save(content, file)
    with pytest.raises(WeightsError, match=r"antigravity\.fly"):
        load_model(file)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pipeline": {"name": "os.system", "params": {}}}, r"os\.system"),
        ({"preprocessors": {"audio": {"name": "subprocess.run"}}}, "preprocessors"),
        ({"pipeline": 3}, "pipeline"),
    ],
)
def test_a_configuration_that_names_other_code_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    good = {"pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": {}}, "params": {}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**good, **change}), encoding="utf-8")
    with pytest.raises(WeightsError, match=said) as caught:
        read_config(tmp_path / "config.yaml")
    assert caught.value.hint


@pytest.mark.parametrize("part", ["segmentation", "embedding", "plda"])
@pytest.mark.parametrize("harm", ["missing", "empty", "pointer", "cut"])
def test_a_half_downloaded_model_says_which_file(folder: Path, part: str, harm: str) -> None:
    file = folder / part / ("plda.npz" if part == "plda" else "pytorch_model.bin")
    if harm == "missing":
        file.unlink()
    else:
        data = {"empty": b"", "pointer": b"version https://git-lfs.github.com/spec/v1\n"}
        file.write_bytes(data.get(harm, file.read_bytes()[:3000]))
        if part == "plda" and harm == "cut":
            file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(WeightsError, match=part) as caught:
        build_pipeline(folder / "config.yaml")
    assert caught.value.hint


def test_a_folder_without_a_configuration_and_no_folder_at_all(pyannote: None, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"config\.yaml"):
        Pyannote(options_of(Pyannote, {"model": str(tmp_path)}))
    with pytest.raises(WeightsError, match="not on this machine") as caught:
        Pyannote(options_of(Pyannote, {"model": str(tmp_path / "not there")}))
    assert caught.value.hint


def test_a_part_outside_the_folder_or_on_the_hub_is_refused(folder: Path) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    for reference, said in (("$model/../../secret", "outside"), ("someone/segmentation", "not in it")):
        config["pipeline"]["params"]["segmentation"] = reference
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        with pytest.raises(WeightsError, match=said):
            build_pipeline(folder / "config.yaml")


# --- the hub -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("GatedRepoError", 403, "accepted its conditions"),
        ("RepositoryNotFoundError", 401, "refused the token"),
        ("RepositoryNotFoundError", 404, "no model"),
        ("HfHubHTTPError", 401, "refused the token"),
        ("HfHubHTTPError", 503, "503"),
        ("RemoteEntryNotFoundError", 404, "no file"),
        ("LocalEntryNotFoundError", None, "cannot be reached"),
        ("ValueError", None, "could not be fetched"),
    ],
)
def test_what_the_hub_answers_is_told_and_the_token_is_not(kind: str, status: int | None, said: str) -> None:
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import errors

    cls: Any = getattr(errors, kind, ValueError)
    answer = cls.__new__(cls)
    Exception.__init__(answer, f"refused for Bearer {TOKEN}")
    answer.response = SimpleNamespace(status_code=status, headers={"x": TOKEN})
    told = hub.failure(answer, "someone/model", TOKEN, "config.yaml")
    assert isinstance(told, WeightsError) and said in told.message + told.hint and told.hint
    assert TOKEN not in repr(told.to_dict())


def test_a_model_that_is_not_here_asks_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def refuse(*args: Any, **named: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.create_connection", refuse)
    for name in ("someone/model", "nowhere"):
        with pytest.raises(WeightsError, match="not on this machine") as caught:
            Pyannote(Pyannote.Options(model=name, device="cpu"))
        assert "dubline models fetch" in caught.value.hint


def test_without_a_network_it_says_so_before_the_client_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    for name in hub.PROXIES:
        monkeypatch.delenv(name, raising=False)

    def fail(*args: Any, **named: Any) -> None:
        raise OSError("no route")

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(WeightsError, match="cannot be reached"):
        hub.require_network("someone/model", "https://huggingface.co")


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HUGGINGFACE_TOKEN", f" {TOKEN}\n")
    assert hub.find_token() == TOKEN
    assert "token" not in Pyannote.Options.__struct_fields__


# --- torchaudio, telemetry ---------------------------------------------------------------------

GUARD = """
import sys
sys.path.insert(0, sys.argv[1])
from dubline.backends.torchaudio_guard import ensure_torchaudio
from dubline.errors import BackendMissing
try:
    print("reason:", ensure_torchaudio())
    import importlib
    module = importlib.import_module("torchaudio")
    print("value:", module.value, module._extension._IS_TORCHAUDIO_EXT_AVAILABLE)
    print("again:", ensure_torchaudio())
except BackendMissing as missing:
    print("missing:", missing, "|", missing.hint)
"""


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ("_IS_TORCHAUDIO_EXT_AVAILABLE = True", ["reason: ", "value: 5 True", "again: "]),
        ("raise OSError('libc10_cuda.so')", ["reason: libc10_cuda.so", "value: 5 False"]),
        (None, ["missing:", "pip install"]),
    ],
)
def test_the_guard_steps_in_only_where_torchaudio_cannot_load(
    tmp_path: Path, extension: str | None, expected: list[str]
) -> None:
    package = tmp_path / "torchaudio"
    package.mkdir()
    if extension is None:
        (package / "__init__.py").write_text("import a_module_that_is_not_there")
    else:
        (package / "__init__.py").write_text("from . import _extension\nvalue = 5\n")
        (package / "_extension.py").write_text(extension)
    done = subprocess.run(
        [sys.executable, "-c", GUARD, str(tmp_path)], capture_output=True, text=True, check=True
    )
    for line in expected:
        assert line in done.stdout


def test_telemetry_is_off(pyannote: None) -> None:
    from pyannote.audio.telemetry.metrics import is_metrics_enabled

    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "0"
    assert not is_metrics_enabled()


# --- the same vectors, sooner ------------------------------------------------------------------


def test_one_pass_for_all_speakers_gives_the_vectors_of_the_stock_method(
    pyannote: None, tmp_path: Path
) -> None:
    from pyannote.core import SlidingWindow, SlidingWindowFeature
    from random_pyannote import pipeline_folder

    from dubline.backends.diarizers.pyannote import share_trunk

    pipeline, _ = build_pipeline(pipeline_folder(tmp_path, "wespeaker") / "config.yaml")
    rng = np.random.default_rng(0)
    active = np.zeros((3, 200, 3), np.float32)
    active[0, 20:150, 0] = active[0, 100:190, 1] = active[1, 5:40, 2] = 1
    active[1, 60:66, 0] = 1  # very short
    windows = SlidingWindowFeature(active, SlidingWindow(start=0, duration=2.0, step=0.5))
    sound = (rng.normal(size=(1, 3 * 16000)) * 0.1).astype(np.float32)
    file = {"waveform": torch.from_numpy(sound), "sample_rate": 16000, "uri": "x"}
    stock = pipeline.get_embeddings(file, windows, exclude_overlap=True)
    assert share_trunk(pipeline)
    calls: list[Any] = []
    fast = pipeline.get_embeddings(
        file, windows, exclude_overlap=True, hook=lambda *a, **k: calls.append(k["completed"])
    )
    assert np.isnan(fast[2]).all(), "a window in which nobody speaks costs nothing"
    spoken = active.any(axis=1)
    assert np.isfinite(stock[spoken]).all()
    assert len(np.unique(stock[spoken].round(4), axis=0)) == spoken.sum(), "all the same: nothing is proved"
    np.testing.assert_allclose(fast[:2], stock[:2], rtol=1e-4, atol=1e-5)
    assert calls == [1, 2, 3]

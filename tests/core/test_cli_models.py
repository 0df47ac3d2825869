"""`dubline models`: what a person reads when listing, bringing in and fetching models."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dubline.cli.models import app
from dubline.errors import WeightsError
from dubline.weights.files import resolve
from dubline.weights.known import KNOWN

pytestmark = pytest.mark.usefixtures("any_bytes")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder that does not exist yet."""
    path = tmp_path / "models"
    monkeypatch.setenv("DUBLINE_MODELS", str(path))
    return path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


def test_empty_list_says_where_and_what_can_be_fetched(folder: Path) -> None:
    result = run("list")
    assert result.exit_code == 0
    assert f"No models in {folder}" in result.output
    for name in KNOWN:
        assert name in result.output


def test_import_tells_checksum_licence_and_place_and_list_shows_it(tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "house.safetensors"
    source.write_bytes(b"tensors")
    digest = hashlib.sha256(b"tensors").hexdigest()
    result = run("import", str(source), "--name", "house-2", "--licence", "House use only")
    assert result.exit_code == 0, result.output
    for said in (digest, "House use only", str(folder / "house-2"), "demucs"):
        assert said in result.output
    listed = run("list").output
    row = next(line for line in listed.splitlines() if line.startswith("house-2"))
    assert digest[:8] in row and "House use only" in row and str(folder / "house-2") in row
    assert resolve("house-2", "demucs").files[0].read_bytes() == b"tensors"


def test_licence_is_asked_after_when_nobody_said(tmp_path: Path) -> None:
    (tmp_path / "m.th").write_bytes(b"x")
    assert "not stated" in run("import", str(tmp_path / "m.th")).output


def test_mdx_model_without_parameters_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    assert "parameters are not known" in run("import", str(tmp_path / "m.onnx")).output
    (tmp_path / "n.onnx").write_bytes(b"x")
    (tmp_path / "n.json").write_text("{}")
    assert "parameters are not known" not in run("import", str(tmp_path / "n.onnx")).output


def test_damaged_entries_do_not_hide_the_others(tmp_path: Path, folder: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
        run("import", str(tmp_path / f"{name}.onnx"))
    (folder / "bad" / "bad.card.json").write_text("{")
    (folder / "loose.onnx").write_bytes(b"by hand")
    result = run("list")
    assert result.exit_code == 0
    assert re.search(r"^good ", result.output, re.MULTILINE)
    assert re.search(r"^loose .*no card", result.output, re.MULTILINE)
    assert re.search(r"^damaged: bad: .*bad\.card\.json", result.output, re.MULTILINE)


def test_models_that_are_there_are_not_offered_again(tmp_path: Path) -> None:
    (tmp_path / "955717e8.safetensors").write_bytes(b"x")
    assert "htdemucs (demucs)" in run("import", str(tmp_path / "955717e8.safetensors")).output
    offered = run("list").output.partition("Can be fetched")[2]
    assert not re.search(r"^htdemucs\b(?!_)", offered, re.MULTILINE)
    assert re.search(r"^htdemucs_ft\b", offered, re.MULTILINE)


@pytest.mark.parametrize("words", [("import", "nowhere.onnx"), ("fetch", "htdemuks")])
def test_errors_carry_a_way_out(words: tuple[str, str]) -> None:
    error = run(*words).exception
    assert isinstance(error, WeightsError)
    assert error.hint


def test_fetch_shows_the_licence_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from dubline.weights import intake_files as intake

    def offline(name: str, report: object) -> None:
        raise WeightsError("no network", hint="by hand")

    monkeypatch.setattr(intake, "fetch", offline)
    result = run("fetch", "htdemucs")
    assert "only for scientific purposes" in result.output
    assert isinstance(result.exception, WeightsError)


@pytest.mark.parametrize("words", [(), ("list",), ("import",), ("fetch",)])
def test_help_teaches(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "model" in result.output


def test_importing_the_command_loads_nothing_heavy() -> None:
    code = (
        "import sys, dubline.cli.models; "
        "print([m for m in ('numpy', 'torch', 'onnxruntime', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

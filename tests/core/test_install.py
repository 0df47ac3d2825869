"""Making the environment by uv or by pip, and what runs beside the tests."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = """\
#!{python}
import json, pathlib, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "venv":
    path = pathlib.Path(sys.argv[-1], "bin/python")
    path.parent.mkdir(parents=True)
    path.touch()
sys.exit({fails!r} in sys.argv)
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "install"))
    return importlib.import_module("environment")


def fake_uv(folder: Path, monkeypatch: pytest.MonkeyPatch, fails: str = "nothing") -> Path:
    """A `uv` in the PATH that writes down what it is asked for, and fails where a word is among it."""
    log, program = folder / "log", folder / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(UV.format(python=sys.executable, log=str(log), fails=fails))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return log


pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs of these tests are scripts")


def test_uv_makes_the_environment_where_it_is_installed(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, venv = fake_uv(tmp_path, monkeypatch), tmp_path / "venv"
    python = environment.make(venv, ("speech", "aaf"), editable=True)
    assert python == venv / "bin/python"
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    pip = ["pip", "install", "--python", str(python)]
    bound = [*pip, "-c", str(ROOT / "install/constraints.txt")]
    assert asked[0] == ["venv", "--seed", "--allow-existing", "--python", sys.executable, str(venv)]
    assert asked[1] == [*bound, "torch"]
    assert asked[2] == [*bound, "-e", f"{ROOT}[speech,aaf]"]
    carried = [*pip, "-q", "--no-deps", "--only-binary=:all:"]
    assert asked[3:] == [[*carried, environment.RNNOISE], [*carried, *environment.VOICES]]
    environment.make(venv, (), editable=False)
    again = [json.loads(line) for line in log.read_text().splitlines()][5:]
    assert again[0] == [*bound, str(ROOT)], "what is there stays, and torch is not asked for"


@pytest.mark.parametrize("fails", ["venv", "torch"])
def test_a_uv_that_fails_is_told_with_the_way_around_it(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    fake_uv(tmp_path, monkeypatch, fails)
    with pytest.raises(SystemExit, match="not on the PATH, venv and pip do this work"):
        environment.make(tmp_path / "venv", ("speech",), editable=True)


def test_without_uv_venv_and_pip_do_it(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command, _ = environment.creation(tmp_path / "venv")
    assert command == [sys.executable, "-m", "venv", str(tmp_path / "venv")]
    python = tmp_path / "venv/bin/python"
    assert environment.installer(python) == [
        str(python), "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"
    ]  # fmt: skip


def test_what_fails_beside_the_tests_says_so_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "install"))
    spec = importlib.util.spec_from_file_location("install_test", ROOT / "install/test.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    good = module.Beside(sys.executable, "-c", "print('fine')", failure="not good")
    bad = module.Beside(sys.executable, "-c", "import sys; sys.exit('no such index')", failure="Look there.")
    for job in (good, bad):
        job.wait()
    capfd.readouterr()
    assert not good.failed() and capfd.readouterr().out == ""
    assert bad.failed()
    told = capfd.readouterr().out
    assert "failed beside the tests" in told and "no such index\n" in told and "Look there." in told
    assert not good.log.exists() and not bad.log.exists()

"""`install/run.py` by real pip and venv on a small project: what it fetches, says, keeps and hands over."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CARRIED = (
    "pyrnnoise==0.4.5", "espeakng-loader==0.2.4", "Resemblyzer==0.1.4", "whisperx==3.8.6",
    "silero-vad==6.2.3",
)  # fmt: skip
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "dubline"
version = "0.1"
dependencies = ["chair"]
[project.optional-dependencies]
{usual}
table = ["table==2"]
[project.scripts]
dubline = "dubline:main"
"""
MODULE = """\
import json, os, sys
def main():
    print(json.dumps([sys.argv[1:], os.environ["DUBLINE_COMMAND"]]))
    sys.exit(7 if "fail" in sys.argv else 0)
"""
BACKEND = """\
import pathlib, tomllib, zipfile
HERE = pathlib.Path(__file__).parent
def metadata():
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    lines = ["Metadata-Version: 2.1", "Name: dubline", "Version: 0.1"]
    lines += [f"Requires-Dist: {name}" for name in project["dependencies"]]
    for extra, names in project["optional-dependencies"].items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {n}; extra == '{extra}'" for n in names)]
    return "\\n".join(lines) + "\\n"
def build_editable(folder, settings=None, made=None):
    name = "dubline-0.1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("dubline.pth", str(HERE / "core"))
        info = "dubline-0.1.dist-info"
        wheel.writestr(f"{info}/METADATA", metadata())
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\ndubline = dubline:main\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
UV = """\
#!{python}
import json, os, subprocess, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if {fails!r} in sys.argv:
    sys.exit("error: no such thing")
if sys.argv[1] == "venv":
    sys.exit(subprocess.call([sys.executable, "-m", "venv", sys.argv[-1]]))
at = sys.argv.index("--python")
sys.exit(subprocess.call([sys.argv[at + 1], "-m", "pip", "install", *sys.argv[at + 2:]]))
"""

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the programs of these tests are scripts"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the small project reads TOML"),
]


class Checkout:
    """A small project in the place of Dubline, with the real `install/` and an index of small wheels."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "Ayşe's Öfen"
        shutil.copytree(ROOT / "install", self.root / "install", ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "core").mkdir()
        (self.root / "core" / "dubline.py").write_text(MODULE)
        (self.root / "backend.py").write_text(BACKEND)
        (self.root / "install" / "constraints.txt").write_text("table==2\n")
        source = self.root / "install" / "environment.py"
        source.write_text(
            source.read_text().replace('BUILD = ("hatchling>=1.26", "editables")', 'BUILD = ("saw",)')
        )
        usual = source.read_text().partition('USUAL = "')[2].partition('"')[0]
        self.require("\n".join(f'"{extra}" = []' for extra in usual.split(",")))
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        for name in ("chair", "saw"):
            self.wheel(name, "1")
        self.wheel("table", "2")
        self.wheel("table", "3")
        for exact in CARRIED:
            name, _, version = exact.partition("==")
            self.wheel(name, version, requires="what-nobody-has")
        self.venv = self.root / ".venv"
        self.log = self.venv / "dubline-set-up.log"
        home = folder / "home"
        self.surroundings = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PYTHONUTF8": "1",
            "HOME": str(home),
        }

    def require(self, usual: str) -> None:
        """Write pyproject.toml."""
        (self.root / "pyproject.toml").write_text(PROJECT.format(usual=usual))

    def wheel(self, name: str, version: str, requires: str = "") -> None:
        """Put a wheel with one module into the index."""
        name = name.replace("-", "_")
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        parts = {
            f"{name.lower()}.py": f"version = {version!r}\n",
            f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        lines = [f"{path},{_digest(text)},{len(text)}" for path, text in parts.items()]
        with zipfile.ZipFile(self.wheels / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            for path, text in parts.items():
                wheel.writestr(path, text)
            wheel.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,"]))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """`install/run.py` with these words."""
        return subprocess.Popen(
            [sys.executable, "install/run.py", *words],
            cwd=self.root,
            env=self.surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """(exit status, output, errors) of `install/run.py` with these words."""
        process = self.start(*words)
        out, errors = process.communicate(timeout=120)
        return process.returncode, out, errors

    def modules(self) -> set[str]:
        """What is installed."""
        return {path.stem for path in self.venv.glob("lib/*/site-packages/*.py")}


def _digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, tuple[int, str, str]]:
    checkout = Checkout(tmp_path_factory.mktemp("install"))
    return checkout, checkout.run("localize", "film ö.mov", "--to", "en")


@pytest.fixture
def checkout(made: tuple[Checkout, tuple[int, str, str]]) -> Checkout:
    return made[0]


def test_the_first_command_sets_up_tells_it_and_is_carried_out(
    made: tuple[Checkout, tuple[int, str, str]],
) -> None:
    checkout, (status, out, errors) = made
    assert (status, errors) == (0, "")
    told, *_, last = out.splitlines()
    assert told == f"Making {checkout.venv}"
    names = ["chair-1", *(exact.replace("-", "_").replace("==", "-") for exact in CARRIED)]
    total = sum((checkout.wheels / f"{name}-py3-none-any.whl").stat().st_size for name in names)
    assert f"To set up: {len(names)} packages, {total / 1e6:.0f} MB\n" in out
    assert json.loads(last) == [["localize", "film ö.mov", "--to", "en"], f"{_python()} install/run.py"]
    assert checkout.modules() >= {"chair", "pyrnnoise", "resemblyzer", "whisperx"}
    assert "table" not in checkout.modules()
    assert not list(checkout.venv.glob("*.part"))


def _python() -> str:
    name = Path(sys.executable).name
    return name if shutil.which(name) == sys.executable else sys.executable


def test_what_is_set_up_is_handed_over_to_at_once(checkout: Checkout) -> None:
    log = checkout.log.read_bytes()
    assert checkout.run("fail", "--venv")[0] == 7, "options after the command are the command's"
    assert json.loads(checkout.run("--help")[1])[0] == ["--help"]
    assert checkout.log.read_bytes() == log
    status, out, _ = checkout.run()
    assert status == 0 and f"\n    {_python()} install/run.py demo\n" in out
    assert checkout.run("--print-python")[1] == f"{checkout.venv}/bin/python\n"


def test_the_front_loads_little(checkout: Checkout) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(checkout.root / "install")!r}); before = set(sys.modules)
import environment; from pathlib import Path
assert environment.ready(Path({str(checkout.venv)!r}), environment.extras_of(environment.USUAL))
heavy = {{"subprocess", "urllib.request", "ssl", "tempfile", "argparse"}}
print(sorted(heavy & set(sys.modules) - before))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_is_completed_when_what_it_depends_on_changes_and_what_was_added_stays(checkout: Checkout) -> None:
    assert checkout.run("--with", "table", "x")[0] == 0
    assert "table" in checkout.modules()
    kept = (checkout.venv / "dubline.json").read_text()
    checkout.run("x")
    assert (checkout.venv / "dubline.json").read_text() == kept
    constraints = checkout.root / "install" / "constraints.txt"
    constraints.write_text("# a remark\ntable==2\n")
    status, out, errors = checkout.run("x")
    assert (status, errors) == (0, "") and "packages" not in out, "nothing was missing"
    assert json.loads((checkout.venv / "dubline.json").read_text())["extras"].count("table") == 1
    assert json.loads((checkout.venv / "dubline.json").read_text())["made_of"] != json.loads(kept)["made_of"]


def test_two_at_once_wait_for_each_other(checkout: Checkout) -> None:
    (checkout.venv / "dubline.json").unlink()
    both = [checkout.start("x") for _ in range(2)]
    assert [json.loads(process.communicate()[0].splitlines()[-1])[0] for process in both] == [["x"], ["x"]]


def test_what_cannot_be_had_is_told_with_the_end_of_the_log_and_the_next_call_goes_on(
    checkout: Checkout,
) -> None:
    project = checkout.root / "pyproject.toml"
    good = project.read_text()
    project.write_text(good.replace('"chair"', '"chair", "what-nobody-has"'))
    status, _, errors = checkout.run("x")
    assert status == 1 and "No matching distribution found for what-nobody-has" in errors
    assert "Give the same command again" in errors and f"The whole log: {checkout.log}" in errors
    assert "Traceback" not in errors
    project.write_text(good)
    assert checkout.run("x")[0] == 0


def test_a_wheel_that_this_system_has_not_is_told_and_the_rest_is_set_up(checkout: Checkout) -> None:
    wheel = checkout.wheels / "pyrnnoise-0.4.5-py3-none-any.whl"
    aside = wheel.rename(wheel.with_suffix(".aside"))
    python = checkout.venv / "bin" / "python"
    subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "pyrnnoise"], check=True)
    (checkout.venv / "dubline.json").unlink()
    status, out, _ = checkout.run("x")
    aside.rename(wheel)
    assert status == 0 and "Not for this system: RNNoise" in out
    assert "pyrnnoise" not in checkout.modules()


def test_stopped_it_leaves_no_record_and_goes_on(checkout: Checkout) -> None:
    (checkout.venv / "dubline.json").unlink()
    checkout.log.write_text("")
    process = checkout.start("x")
    deadline = time.monotonic() + 60
    while "--dry-run" not in checkout.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "Stopped. The same command goes on from here." in errors, (out, errors)
    assert "Traceback" not in errors
    assert not (checkout.venv / "dubline.json").exists()
    assert checkout.run("x")[0] == 0


@pytest.fixture
def uv(checkout: Checkout, tmp_path: Path) -> Iterator[Path]:
    """A `uv` in the PATH that writes down what it is asked for and lets pip do it."""
    log, program = tmp_path / "log", tmp_path / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(UV.format(python=sys.executable, log=str(log), fails="nothing"))
    program.chmod(0o755)
    path = checkout.surroundings["PATH"]
    checkout.surroundings["PATH"] = f"{program.parent}{os.pathsep}{path}"
    yield log
    checkout.surroundings["PATH"] = path


def test_uv_makes_the_environment_and_fetches_where_it_is_installed(
    checkout: Checkout, uv: Path, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    status, out, errors = checkout.run("--venv", str(venv), "x")
    assert (status, errors) == (0, "")
    assert json.loads(out.splitlines()[-1])[1] == f"{_python()} install/run.py --venv {venv}"
    making, *fetching = [json.loads(line) for line in uv.read_text().splitlines()]
    assert making == ["venv", "--seed", "--allow-existing", "--python", sys.executable, str(venv)]
    assert [words[:4] for words in fetching] == [["pip", "install", "--python", str(venv / "bin/python")]]
    assert fetching[0][4:6] == ["--no-deps", "-r"]


def test_a_uv_that_fails_is_told_with_the_way_around_it(checkout: Checkout, uv: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "uv"
    program.write_text(UV.format(python=sys.executable, log=str(uv), fails="venv"))
    status, _, errors = checkout.run("--venv", str(tmp_path / "venv"), "x")
    assert status == 1 and "Where it is not on the PATH, Python's own venv" in errors


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

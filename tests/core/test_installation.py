"""The commands that bring Python packages: each is one that this installation can carry out."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dubline.backends.backend import KINDS
from dubline.backends.choosing import _declared
from dubline.errors import BackendMissing
from dubline.weights import installation, wheels

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = set(metadata.distribution("dubline").metadata.get_all("Provides-Extra") or ())


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    asked = installation.checkout
    asked.cache_clear()
    yield
    asked.cache_clear()


def installed_from(monkeypatch: pytest.MonkeyPatch, told: str | None) -> None:
    """As if `direct_url.json` said this."""
    monkeypatch.setattr(metadata.PathDistribution, "read_text", lambda self, name: told)


def extras_in(command: str) -> set[str]:
    """The extras that a command installs, after looking at each word of it."""
    words = shlex.split(command)
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    targets = [re.fullmatch(r"(.+)\[([\w,-]+)\]", word) for word in words[4:]]
    (target,) = (match for match in targets if match)
    assert (Path(target[1]) / "pyproject.toml").is_file()
    assert Path(words[words.index("-c") + 1]).is_file(), "the releases that are tried"
    return set(target[2].split(","))


def test_every_remedy_of_a_back_end_is_a_command_of_this_environment() -> None:
    seen = set()
    for kind in KINDS:
        for name, (info, cls) in _declared(kind).items():
            if info.package != "dubline" or not getattr(cls, "extra", ""):
                continue
            for command in str(cls.remedy()).partition(" (there is no wheel")[0].split(" && "):
                if "--no-deps" in command:
                    assert shlex.split(command)[:4] == [sys.executable, "-m", "pip", "install"], name
                    continue
                found = extras_in(command)
                assert found <= EXTRAS, f"{name} names an extra that there is not: {found}"
                seen |= found
    assert {"demucs", "faster-whisper", "piper", "pyannote"} <= seen


def test_no_text_names_a_package_that_no_index_has() -> None:
    """`pip install "dubline[x]"` would fetch whatever somebody else has put there under that name."""
    places = [*(ROOT / "core").rglob("*.py"), *(ROOT / "otio_adapters").rglob("*.py")]
    places += [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    for place in places:
        text = place.read_text(encoding="utf-8")
        assert not re.search(r"""pip install ["']?dubline\[""", text), place
    called = {"extra_command": EXTRAS}
    for place in (path for path in places if path.suffix == ".py"):
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
                named = {word.value for word in node.args if isinstance(word, ast.Constant)}
                assert named <= EXTRAS, f"{place}: {named - EXTRAS}"


@pytest.mark.parametrize("editable", [True, False])
def test_an_extra_comes_from_where_dubline_came_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, editable: bool
) -> None:
    folder = tmp_path / "my tools" / "dubline ö"
    (folder / "install").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    info = {"editable": True} if editable else {}
    installed_from(monkeypatch, json.dumps({"url": folder.as_uri(), "dir_info": info}))
    assert ("-e" in installation.extra_words(["piper"])) is editable
    assert installation.extra_words(["piper", "voice", "piper"])[-1] == f"{folder}[piper,voice]"
    assert "-c" not in installation.extra_words(["piper"]), "there are no constraints there"
    (folder / "install" / "constraints.txt").touch()
    assert extras_in(installation.extra_command("piper", "voice")) == {"piper", "voice"}


@pytest.mark.parametrize(
    "told",
    [None, "{", "[]", '{"url": "https://x/dubline.whl", "archive_info": {}}',
     '{"url": "file:///nowhere/dubline", "dir_info": {}}', '{"url": "https://x/dubline", "dir_info": {}}'],
)  # fmt: skip
def test_without_a_checkout_the_packages_are_named(monkeypatch: pytest.MonkeyPatch, told: str | None) -> None:
    needs = installation.requirements("piper")
    with monkeypatch.context() as patch:
        installed_from(patch, told)
        assert installation.checkout() is None
    monkeypatch.setattr(installation, "checkout", lambda: None)
    words = installation.extra_words(["piper"])
    assert words == [sys.executable, "-m", "pip", "install", *needs]
    assert [Requirement(word).name for word in words[4:]] == ["piper-tts"]


def test_what_an_extra_asks_for_and_what_of_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {Requirement(need).name for need in installation.requirements("uvr")} == {"onnxruntime"}
    assert installation.requirements("nosuch") == () == installation.missing_packages(["nosuch"])
    known = metadata.version

    def without(name: str) -> str:
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError
        return "0.1" if name == "torch" else known(name)

    monkeypatch.setattr(metadata, "version", without)
    assert installation.missing_packages(["uvr"]) == ("onnxruntime",)
    assert "torch" in installation.missing_packages(["demucs"]), "another release than is asked for"


def test_without_a_pip_of_its_own_uv_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    monkeypatch.setattr(installation.shutil, "which", lambda name: f"/bin/{name}")
    assert installation.pip_words("x") == ["/bin/uv", "pip", "install", "--python", sys.executable, "x"]
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    assert installation.pip_words("x")[0] == sys.executable


def test_wheels_that_are_opened_only_come_without_what_they_ask_for() -> None:
    words = shlex.split(wheels.remedy(wheels.GE2E, wheels.PYANNET))
    assert words[4:] == ["--no-deps", "Resemblyzer==0.1.4", "whisperx==3.8.6"]
    assert "--no-deps" in wheels.remedy(wheels.SILERO), "it asks for torch"


def test_each_package_is_told_and_a_failure_says_why_and_how(tmp_path: Path) -> None:
    said: list[str] = []
    lines = "Collecting piper-tts>=1.6 (from dubline)\\nnothing\\nCollecting numpy"
    installation.run_pip([sys.executable, "-c", f"print('{lines}')"], said.append)
    assert said == ["package piper-tts", "package numpy"]
    for words, why in (
        (
            [sys.executable, "-c", "print('ERROR: No matching'); print('more'); raise SystemExit(1)"],
            "No matching",
        ),
        ([str(tmp_path / "no pip")], "No such file"),
    ):
        with pytest.raises(BackendMissing, match=why) as caught:
            installation.run_pip(words, said.append)
        assert shlex.split(caught.value.hint.removeprefix("By hand: ")) == words


def test_extras_that_came_later_are_completed_later_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation.sys, "prefix", str(tmp_path))
    installation.keep_extras(["demucs"])
    assert not list(tmp_path.iterdir()), "an environment that install/run.py did not make"
    monkeypatch.syspath_prepend(str(ROOT / "install"))
    environment = importlib.import_module("environment")
    record = tmp_path / environment.RECORD
    record.write_text('{"made_of": "x", "extras": ["starter"]}')
    installation.keep_extras(["demucs", "starter"])
    assert json.loads(record.read_text()) == {"made_of": "x", "extras": ["demucs", "starter"]}
    record.write_text("{")
    installation.keep_extras(["demucs"])
    assert record.read_text() == "{"


def test_what_is_set_up_first_asks_for_no_torch() -> None:
    """Walked through what is installed here: what the extra `starter` needs, what that needs, and so on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = project["optional-dependencies"]
    left = [*map(Requirement, project["dependencies"]), *map(Requirement, own["starter"])]
    met: set[tuple[str, frozenset[str]]] = set()
    while left:
        need = left.pop()
        name = canonicalize_name(need.name)
        if (name, frozenset(need.extras)) in met:
            continue
        met.add((name, frozenset(need.extras)))
        if name == "dubline":
            left += [Requirement(line) for extra in need.extras for line in own[extra]]
            continue
        try:
            asked = metadata.requires(need.name) or ()
        except metadata.PackageNotFoundError:
            continue
        for further in map(Requirement, asked):
            extras = need.extras or {""}
            if not further.marker or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                left.append(further)
    names = {name for name, _ in met}
    assert {"onnxruntime", "faster-whisper", "ctranslate2", "piper-tts", "huggingface-hub"} <= names
    assert not names & {
        "torch",
        "torchaudio",
        "torchvision",
        "tensorflow",
        "opencv-python",
        "sympy",
        "pandas",
    }

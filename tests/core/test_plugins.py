"""A stranger's back end, as docs/back-ends.md shows it, and one more of ours: a class and an entry point."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from our_backends import ours

from dubline.backends.backend import KINDS
from dubline.backends.separators.deepfilternet import DeepFilterNet
from dubline.testing import SEPARATOR_PROMISES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core/dubline"


def python(folder: Path, *words: str) -> str:
    """What a Python says that finds the folder's packages first; it must end well."""
    paths = os.pathsep.join([str(folder), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    places = {name: str(folder / name) for name in ("DUBLINE_MODELS", "DUBLINE_WORKERS", "HF_HUB_CACHE")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, **places, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def declare(folder: Path, project: dict[str, Any]) -> None:
    """Put down what pip would put down for a package."""
    for old in folder.glob("*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    name, version = project["name"], project["version"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{point} = {value}\n" for point, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


# --- the stranger's ------------------------------------------------------------------------------


@pytest.fixture
def page(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """The folder with the modules of the page, installed, and its project table."""
    text = (ROOT / "docs/back-ends.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(python|toml)\n(.*?)^```", text, re.S | re.M)
    (_, module), (_, project), (_, test), (_, singly) = blocks
    assert 40 <= len(module.splitlines()) <= 65, "a whole one stays about fifty lines"
    (tmp_path / "dubline_centre.py").write_text(module, encoding="utf-8")
    (tmp_path / "test_centre.py").write_text(f"{test}\n\n{singly}", encoding="utf-8")
    declared = tomllib.loads(project)["project"]
    declare(tmp_path, declared)
    return tmp_path, declared


CHOICE = """
import json
from dubline.backends.backend import Sought
from dubline.backends.choosing import available, settle

found = settle("separator", options={"lowest": 90})
print(json.dumps({
    "backend": found.choice.backend,
    "options": found.choice.options,
    "identity": found.choice.identity,
    "why": found.reasons[0],
    "music": settle("separator", "auto", Sought(content="music")).choice.backend,
    "package": available("separator")["centre"].package,
}))
"""


def test_the_page_s_own_test_passes(page: tuple[Path, dict[str, Any]]) -> None:
    said = python(page[0], "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_centre.py")
    assert f"\n{1 + len(SEPARATOR_PROMISES)} passed" in said, said


def test_auto_takes_the_stranger_s_by_its_rank(page: tuple[Path, dict[str, Any]]) -> None:
    folder, project = page
    first = json.loads(python(folder, "-c", CHOICE))
    assert first["backend"] == "centre" and first["package"] == "dubline-centre"
    assert first["options"] == {"lowest": 90.0}
    assert "What it costs: whatever else is in the middle" in first["why"]
    assert first["music"] == "builtin", "it is for dialogue only"
    declare(folder, {**project, "version": "0.2"})
    second = json.loads(python(folder, "-c", CHOICE))
    assert "dubline-centre 0.1" in first["identity"] and "dubline-centre 0.2" in second["identity"]
    assert {**first, "identity": ()} == {**second, "identity": ()}


RANKS = {
    "separators, dialogue": ("separator", "dialogue"),
    "separators, music": ("separator", "music"),
    "separators, a film's voices before a film model": ("separator", "cinematic"),
    'separators, the film model (`"film"`)': ("separator", "film"),
    "diarizers": ("diarizer", ""),
    "recognizers": ("recognizer", ""),
    "translators": ("translator", ""),
    "voices": ("voice", ""),
}


@pytest.mark.parametrize("row", RANKS)
def test_the_page_s_ranks_are_those_of_the_classes(row: str) -> None:
    kind, content = RANKS[row]
    text = (ROOT / "docs/back-ends.md").read_text(encoding="utf-8")
    (told,) = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", text, re.M)
    points = [p for p in distribution("dubline").entry_points if p.group == f"dubline.{kind}"]
    ranks = {point.name: point.load().rank(content) for point in points}
    taken = sorted((name for name in ranks if ranks[name] is not None), key=lambda n: -ranks[n])
    assert told == ", ".join(f"{name} {ranks[name]}" for name in taken)


def test_a_stranger_s_that_cannot_be_imported_hides_nobody(page: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = page
    (folder / "dubline_centre.py").write_text("import no_such_library\n")
    said = python(
        folder,
        "-c",
        "from dubline.backends.choosing import available, settle\n"
        "print(available('separator')['centre'].missing, settle('separator').choice.backend)",
    )
    plain = "builtin" if DeepFilterNet.missing() else "deepfilternet"
    assert said == f"('no_such_library',) {plain}\n"


# --- one of our own ------------------------------------------------------------------------------

ECHO = """
from little_backends import LittleRecognizer


class Echo(LittleRecognizer):
    cost = "it knows one word"

    @classmethod
    def rank(cls, content):
        return 85
"""
WITH_ECHO = """
import sys
import dubline.backends.recognizers

dubline.backends.recognizers.__path__.append(sys.path[0] or ".")
"""
KNOWN = """
import json
from dubline.backends.backend import Sought
from dubline.backends.choosing import available, names, settle
from dubline.doctor import try_listeners

chosen = settle("recognizer", "auto", Sought(language="en"))
print(json.dumps({
    "package": available("recognizer")["echo"].package,
    "names": names("recognizer"),
    "auto": [chosen.choice.backend, chosen.choice.options, chosen.reasons[0]],
    "doctor": {name: words for name, words, state in try_listeners("recognizer") if state == "ok"},
}))
"""


@pytest.fixture
def with_echo(tmp_path: Path) -> Path:
    """A folder with one more module of ours, and our metadata with one more line."""
    (tmp_path / "echo.py").write_text(ECHO)
    groups: dict[str, dict[str, str]] = {}
    for point in distribution("dubline").entry_points:
        groups.setdefault(point.group, {})[point.name] = point.value
    groups["dubline.recognizer"]["echo"] = "dubline.backends.recognizers.echo:Echo"
    version = distribution("dubline").version
    declare(tmp_path, {"name": "dubline", "version": version, "entry-points": groups})
    return tmp_path


def test_a_recognizer_of_ours_touches_two_places(with_echo: Path) -> None:
    found = json.loads(python(with_echo, "-c", WITH_ECHO + KNOWN))
    assert found["package"] == "dubline" and "echo" in found["names"]
    backend, options, why = found["auto"]
    assert (backend, options) == ("echo", {"language": "en"}) and "it knows one word" in why
    assert found["doctor"]["echo"].startswith("works")


@pytest.mark.parametrize("words", [["backends"], ["transcribe", "--help"]])
def test_the_command_knows_it_too(with_echo: Path, words: list[str]) -> None:
    run = f"sys.argv = ['dubline', *{words}]\nfrom dubline.cli import main\nmain()\n"
    assert re.search(r"\becho\b", python(with_echo, "-c", WITH_ECHO + run))


# --- no name stands elsewhere --------------------------------------------------------------------

# Words of every day, which mean a back end only where they stand alone.
PLAIN = {"builtin", "command", "llm", "manual", "transformers"}
HOME = {"backends", "weights", "workers"}
MAY = {
    # Where the figures come from that a guess at a line's length is made with.
    "fit/durations.py": {"espeak-ng", "flite"},
    # Known text is put on its sound by PocketSphinx, which has no rival in that.
    "recognition/alignment.py": {"pocketsphinx"},
    "recognition/given_text.py": {"pocketsphinx"},
    # Examples of what a user may type, and the environments that there are recipes for.
    "cli/backends.py": {"paddlespeech"},
    "cli/models.py": {"pyannote"},
    # A pair that is taken together, by its name.
    "cli/setup.py": {"pyannote", "paddlespeech"},
    # A person is called one in a report.
    "exchange/report_words.py": {"manual"},
    # An option for each way to name a program or service of one's own.
    "cli/asking.py": {"command"},
    "cli/options.py": {"command", "deepfilternet"},
    # The name of an error, which hosts know it by.
    "errors.py": {"demucs"},
    "pipeline.py": {"command"},
    "recognition/voice_names.py": {"pyannote"},
    "separation/two_stems.py": {"demucs"},
    "translation/routing.py": {"apertium", "ctranslate2", "transformers"},
    "voice/routing.py": {"espeak-ng", "flite", "piper"},
    # The option that may hold a key.
    "values/voice_keys.py": {"command"},
    # A sound to listen to is called by who makes it.
    "values/wishes.py": {"deepfilternet"},
    "recognition/ears.py": {"deepfilternet"},
}  # fmt: skip


def texts(path: Path) -> Iterator[str]:
    """The texts in a module, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    prose = {id(value) for value in alone if isinstance(value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_no_back_end_is_named_outside_of_its_home() -> None:
    known = {name for kind in KINDS for name in ours(kind)}
    wrong = []
    for path in sorted(CORE.rglob("*.py")):
        place = path.relative_to(CORE).as_posix()
        if place.partition("/")[0] in HOME:
            continue
        for text in texts(path):
            named = {
                name
                for name in known
                if text == name
                or (name not in PLAIN and re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w-])", text))
            }
            wrong += [f"{place}: {name} in {text!r}" for name in named - MAY.get(place, set())]
    assert not wrong

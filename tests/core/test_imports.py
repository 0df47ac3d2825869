"""Who may import whom, and that asking for help loads nothing heavy."""

from __future__ import annotations

import ast
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch", "numpy", "scipy", "av", "soundfile", "onnxruntime", "matplotlib", "opentimelineio", "soxr",
    "demucs",
}  # fmt: skip

# The rooms of the house, from the ground up: a module imports from its own room and from floors below it.
FLOORS = (
    ("", "errors", "threads"),
    ("files", "report", "timebase"),
    ("values",),
    ("weights",),
    ("language", "run", "signal", "workers"),
    ("fit", "media", "subtitles"),
    ("backends", "mix", "programme"),
    ("separation",),
    ("recognition", "voice"),
    ("translation",),
    ("doctor", "exchange", "pipeline", "processor", "testing"),
    ("cli", "serve"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# A back end knows the contract, the values and the tools; not runs, not stages.
FOR_BACKENDS = {
    "errors", "threads", "report", "timebase", "values", "language", "signal", "weights", "workers", "media",
}  # fmt: skip


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "core/dubline").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "core/dubline").with_suffix("").parts)
        yield name.removesuffix("__init__").rstrip("."), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported anywhere in a module, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours() -> list[tuple[str, str]]:
    """(importer, imported) among our modules, both without the leading `dubline.`."""
    known = {name for name, _ in modules()}
    pairs = set()
    for name, tree in modules():
        for target in imported(tree):
            if target.split(".")[0] == "dubline":
                parts = target.split(".")[1:]
                while ".".join(parts) not in known:
                    parts.pop()
                pairs.add((name, ".".join(parts)))
    return sorted(pairs)


def room(name: str) -> str:
    return name.split(".")[0]


def test_every_room_has_its_floor() -> None:
    missing = {room(name) for name, _ in modules()} ^ FLOOR.keys()
    assert not missing, f"give them a floor, or take them from it: {missing}"


def test_arrows_run_down_only() -> None:
    wrong = [
        f"{a} imports {b}" for a, b in ours() if a and room(a) != room(b) and FLOOR[room(a)] <= FLOOR[room(b)]
    ]
    assert not wrong


def test_the_house_is_small_enough_to_find_ones_way() -> None:
    inside = [path for path in (ROOT / "core/dubline").iterdir() if path.name != "__pycache__"]
    assert len(inside) <= 30
    modules = [p for top in ("core", "otio_adapters", "resolve_plugin") for p in (ROOT / top).rglob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert not [f"{path}: {length}" for path, length in lengths.items() if length > 400]
    assert statistics.median(lengths.values()) <= 200


def test_back_ends_know_neither_runs_nor_stages() -> None:
    wrong = [
        f"{a} imports {b}"
        for a, b in ours()
        if room(a) == "backends" and room(b) not in FOR_BACKENDS | {"backends"}
    ]
    assert not wrong


def test_back_ends_are_found_by_name_not_imported() -> None:
    wrong = [
        f"{a} imports {b}"
        for a, b in ours()
        if b.startswith("backends.")
        and b.count(".") > 1
        and room(a) != "backends"
        and (a, b)
        not in {
            # What UVR publishes about its models is asked for when one is brought in.
            ("cli.models", "backends.separators.mdxnet"),
            # Forced alignment has one implementation, and it is pocketsphinx's.
            ("recognition.alignment", "backends.recognizers.pocketsphinx"),
            # So has voice activity: it is Silero's.
            ("recognition.microphones", "backends.diarizers.silero"),
            ("recognition.opening", "backends.diarizers.silero"),
            ("recognition.witness", "backends.diarizers.silero"),
            ("separation.content", "backends.diarizers.silero"),
        }
    ]
    assert not wrong


def test_sound_never_goes_through_torchaudio() -> None:
    folders = ("core", "otio_adapters", "resolve_plugin", "benchmarks", "tests", "install")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 40
    for path in sources:
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            assert name.split(".")[0] not in ("torchaudio", "torchcodec"), path
            assert not (name + ".").startswith("demucs.api."), path


@pytest.mark.parametrize(
    "words",
    [["--help"], ["separate", "--help"], ["models", "--help"], ["setup", "--help"], ["--version"], None],
)
def test_help_is_light(words: list[str] | None) -> None:
    code = "import sys\nimport dubline.cli\n"
    if words is not None:
        code += f"sys.argv = ['dubline', *{words!r}]\ntry: dubline.cli.main()\nexcept SystemExit: pass\n"
    code += f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert words is None or "dubline" in done.stdout.lower()


def test_libraries_report_nothing_home(tmp_path: Path) -> None:
    """onnxruntime keeps a number of the machine and a store of events, unless it is told not to."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    code = (
        "import dubline; from dubline.weights.wheels import SILERO, require_file;"
        "from dubline.backends.onnx_graph import session; session(require_file(SILERO))"
    )
    places = {"HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    left = {k: v for k, v in os.environ.items() if "TELEMETRY" not in k and k != "DO_NOT_TRACK"}
    subprocess.run([sys.executable, "-c", code], env={**left, **places}, check=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

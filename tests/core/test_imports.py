"""Who may import whom, and that asking for help loads nothing heavy."""

from __future__ import annotations

import ast
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

# Arrows run down only: a module imports what stands lower, or what is in its own room. The rooms of the
# design, and where the code has more of them than the design drew, their place between.
LEVELS = {
    **dict.fromkeys(("", "errors", "model", "threads", "placing", "worker", "language", "spoken_numbers"), 0),
    **dict.fromkeys(("report", "timebase", "known_weights", "line_marks", "cast"), 1),
    **dict.fromkeys(("folder_kinds", "glossary", "worker_recipes"), 1),
    "sound": 1,
    **dict.fromkeys(("run", "containers", "weights", "worker_client", "line_checks"), 2),
    **dict.fromkeys(("media", "downloads", "transcript", "subtitles", "worker_environments"), 3),
    "model_folders": 3,
    "hub": 4,
    **dict.fromkeys(("intake", "speech_sound", "speakers", "translated", "line_times", "dubbed"), 4),
    **dict.fromkeys(("folder_intake", "programme_values"), 5),
    "dub_tracks": 6,
    "backends": 5,
    **dict.fromkeys(("extraction", "separation", "diarization", "recognition", "translation", "mix"), 6),
    "voice": 7,  # takes are fitted by the translation's own rules
    **dict.fromkeys(("routing", "speech_routing", "transcription", "programme", "translation_routing"), 7),
    **dict.fromkeys(("translating", "dubbing"), 8),
    "processor": 8,
    **dict.fromkeys(("doctor", "subtitling"), 9),
    # A timeline's sound without rendering, and what goes back onto it.
    **dict.fromkeys(("timeline_media", "resolve_values"), 2),
    "localize_job": 3,
    "timeline_cut": 4,
    "timeline_sound": 5,
    "resolve_sounds": 8,
    "resolve_plan": 9,
    "pipeline": 9,
    **dict.fromkeys(("cli", "serve"), 10),
}
# Arithmetic of the separation stage: numbers in, numbers out, and so free for back ends to use.
NUMERIC = {
    f"separation.{name}"
    for name in (
        "ambient", "channels", "classical", "exact", "overlap", "picture", "plan", "quality", "resample"
    )
}  # fmt: skip
# Besides those, a back end knows the contract, the values and how to read sound; not runs, not stages.
FOR_BACKENDS = {
    "errors", "model", "report", "timebase", "threads", "known_weights", "weights", "sound", "media",
    "speech_sound", "speakers", "transcript", "worker", "worker_client",
    "worker_environments", "backends", "language", "line_checks", "translated", "dubbed",
    "hub", "model_folders", "folder_kinds",
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


def test_every_module_has_its_place() -> None:
    missing = {room(name) for name, _ in modules()} - LEVELS.keys()
    assert not missing, f"give them a level in LEVELS: {missing}"


def test_arrows_run_down_only() -> None:
    wrong = [
        f"{a} imports {b}"
        for a, b in ours()
        if room(a) != room(b)
        and b not in NUMERIC
        and {room(a), room(b)} <= LEVELS.keys()
        and LEVELS[room(a)] <= LEVELS[room(b)]
    ]
    assert not wrong


def test_numeric_parts_know_values_and_errors_only() -> None:
    allowed = NUMERIC | {"errors", "model"}
    assert not [f"{a} imports {b}" for a, b in ours() if a in NUMERIC and b not in allowed]


def test_back_ends_know_neither_runs_nor_stages() -> None:
    wrong = [
        f"{a} imports {b}"
        for a, b in ours()
        if room(a) == "backends" and b not in NUMERIC and room(b) not in FOR_BACKENDS
    ]
    assert not wrong


def test_back_ends_are_found_by_name_not_imported() -> None:
    wrong = [
        f"{a} imports {b}"
        for a, b in ours()
        if b.startswith("backends.")
        and room(a) != "backends"
        and (a, b)
        not in {
            # What UVR publishes about its models is asked for when one is brought in.
            ("cli.models", "backends.mdxnet"),
            # Forced alignment has one implementation, and it is pocketsphinx's.
            ("recognition.alignment", "backends.recognize_pocketsphinx"),
            # So has voice activity: it is Silero's.
            ("recognition.microphones", "backends.silero"),
            ("recognition.microphones", "backends.package_weights"),
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
    "words", [["--help"], ["separate", "--help"], ["models", "--help"], ["--version"], None]
)
def test_help_is_light(words: list[str] | None) -> None:
    code = "import sys\nimport dubline.cli\n"
    if words is not None:
        code += f"sys.argv = ['dubline', *{words!r}]\ntry: dubline.cli.main()\nexcept SystemExit: pass\n"
    code += f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert words is None or "dubline" in done.stdout.lower()

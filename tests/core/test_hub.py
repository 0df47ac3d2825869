"""`dubline models fetch OWNER/NAME` against a server on this machine that speaks the hub's API."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import shown
from hub_server import TOKEN, Hub, revision_of, serving

from dubline.backends.torchaudio_guard import before_transformers
from dubline.weights.folders import folder_card, folders_here

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
SMALL, LARGE, GATED, PICKLED = "house/small", "house/large", "house/gated", "house/pickled"
MANY = 25_000_000  # bytes


def whisper(folder: Path, size: int, licence: str = "mit") -> Path:
    """A folder laid out as Whisper for transformers, with that many bytes of zeros for weights."""
    folder.mkdir()
    head = json.dumps({"zeros": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(size))
    (folder / "config.json").write_text(json.dumps({"model_type": "whisper", "vocab_size": 51865}))
    for name in ("tokenizer.json", "preprocessor_config.json", "generation_config.json"):
        (folder / name).write_text("{}")
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n")
    for name in ("pytorch_model.bin", "flax_model.msgpack", "train.py"):
        (folder / name).write_bytes(b"not wanted")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hub")
    found = {
        SMALL: whisper(folder / "small", 10_000),
        LARGE: whisper(folder / "large", MANY, "cc-by-nc-4.0"),
        GATED: whisper(folder / "gated", 10_000),
        PICKLED: whisper(folder / "pickled", 10_000),
    }
    (found[PICKLED] / "model.safetensors").unlink()
    return found


@pytest.fixture
def hub(models: dict[str, Path]) -> Iterator[Hub]:
    with serving(models) as server:
        server.gated = {GATED}
        yield server


@pytest.fixture
def surroundings(tmp_path: Path, own_models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the command finds: a home of its own, no token, and the folder that this test looks into."""
    for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from dubline.cli import main; main()", "models", *words]


def fetch(address: str, surroundings: dict[str, str], *words: str, **more: str) -> tuple[int, str]:
    """(status, everything said)."""
    done = subprocess.run(
        command("fetch", *words),
        env={**surroundings, "HF_ENDPOINT": address, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout


def test_only_what_is_needed_comes_and_nothing_is_reported_home(
    hub: Hub, models: dict[str, Path], surroundings: dict[str, str], own_models_folder: Path
) -> None:
    status, said = fetch(hub.address, surroundings, SMALL)
    assert status == 0, said
    assert "small (whisper" in said and "mit" in said
    place = own_models_folder / "small"
    wanted = ["README.md", "config.json", "generation_config.json", "model.safetensors"]
    assert shown(place) == sorted([*wanted, "preprocessor_config.json", "small.card.json", "tokenizer.json"])
    card = folder_card(place)
    assert card is not None and card.repository == SMALL and card.licence == "mit"
    assert card.revision == revision_of(models[SMALL])
    assert not any("telemetry" in path for _, path, _ in hub.asked)
    assert not any("Authorization" in headers for _, _, headers in hub.asked)
    count = len(hub.asked)
    assert fetch(hub.address, surroundings, SMALL)[0] == 0
    assert len(hub.asked) == count, "what is there is not asked for again"
    assert folders_here("whisper") == {"small": place}


def test_a_killed_fetch_goes_on_where_it_was(
    hub: Hub, surroundings: dict[str, str], own_models_folder: Path
) -> None:
    hub.hold = {"model.safetensors": 22_000_000}
    process = subprocess.Popen(
        command("fetch", LARGE), env={**surroundings, "HF_ENDPOINT": hub.address}, stdout=subprocess.DEVNULL
    )
    try:
        assert hub.held.wait(100)
        parts = own_models_folder / ".fetch-house--large"
        while sum(f.stat().st_size for f in parts.rglob("*.part")) < 20_000_000:
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        hub.release.set()
    assert not (own_models_folder / "large").exists()
    status, said = fetch(hub.address, surroundings, LARGE)
    assert status == 0, said
    assert "does not allow commercial use" in said
    ranges = [
        headers.get("Range", "") for _, path, headers in hub.asked if path.endswith("model.safetensors")
    ]
    assert any(part.startswith(("bytes=20", "bytes=21")) for part in ranges), ranges
    assert hub.sent["model.safetensors"] < MANY + 6_000_000, "the beginning is not sent again"
    assert list(folders_here("whisper")) == ["large"]
    assert not (own_models_folder / ".fetch-house--large").exists()


def test_a_gated_model_tells_both_steps_and_the_token_is_never_shown(
    hub: Hub, surroundings: dict[str, str], own_models_folder: Path
) -> None:
    status, said = fetch(hub.address, surroundings, GATED)
    assert status == 1 and f"https://huggingface.co/{GATED}" in said and "HF_TOKEN" in said
    wrong = "hf_" + "wrong" * 6
    status, said = fetch(hub.address, surroundings, GATED, HF_TOKEN=wrong)
    assert status == 1 and "refused the token" in said and wrong not in said
    hub.accepted = False
    status, said = fetch(hub.address, surroundings, GATED, HF_TOKEN=TOKEN)
    assert status == 1 and "accepted its conditions" in said and TOKEN not in said
    assert not (own_models_folder / "gated").exists()
    hub.accepted = True
    status, said = fetch(hub.address, surroundings, GATED, "--name", "mine", HF_TOKEN=TOKEN)
    assert status == 0, said
    assert TOKEN not in said
    for path in own_models_folder.parent.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def test_what_is_wrong_is_told_and_leaves_nothing(
    hub: Hub, surroundings: dict[str, str], own_models_folder: Path
) -> None:
    status, said = fetch(hub.address, surroundings, "house/nothing")
    assert status == 1 and "there is no model house/nothing" in said
    status, said = fetch("http://127.0.0.1:9", surroundings, SMALL)
    assert status == 1 and "cannot be reached" in said and "dubline models import" in said
    status, said = fetch(hub.address, surroundings, SMALL, HF_HUB_OFFLINE="1")
    assert status == 1 and "HF_HUB_OFFLINE" in said
    hub.status = 503
    status, said = fetch(hub.address, surroundings, SMALL)
    assert status == 1 and "503" in said
    assert not own_models_folder.exists() or not shown(own_models_folder)


def test_a_recognizer_without_its_model_says_how_to_get_it_and_asks_nobody(
    hub: Hub, surroundings: dict[str, str]
) -> None:
    """The back end by itself, without the route that looks for models first."""
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    code = (
        "from dubline.backends.recognizers.faster_whisper import FasterWhisper as T\n"
        "from dubline.errors import WeightsError\n"
        "try: T(T.Options(model='house/gated', device='cpu'))\n"
        "except WeightsError as e: print(e.message, e.hint)"
    )
    there = {**surroundings, "HF_ENDPOINT": hub.address, "HF_TOKEN": "hf_wrongwrong"}
    said = subprocess.run([sys.executable, "-c", code], env=there, stdout=subprocess.PIPE, text=True).stdout
    assert "not on this machine" in said and "dubline models fetch house/gated" in said
    assert not hub.asked


def test_weights_that_are_no_pickle_of_tensors_are_refused(
    hub: Hub, surroundings: dict[str, str], own_models_folder: Path
) -> None:
    before_transformers()
    pytest.importorskip("transformers", reason="transformers is not installed")
    status, said = fetch(hub.address, surroundings, PICKLED)
    assert status == 1 and "pytorch_model.bin" in said
    assert not (own_models_folder / "pickled").exists()


def test_a_repository_that_moved_on_is_fetched_as_it_is_now(
    hub: Hub, models: dict[str, Path], surroundings: dict[str, str], own_models_folder: Path, tmp_path: Path
) -> None:
    newer = Path(shutil.copytree(models[SMALL], tmp_path / "newer"))
    (newer / "tokenizer.json").rename(newer / "vocab.json")
    hub.cut = {"tokenizer.json": 1}
    assert fetch(hub.address, surroundings, SMALL)[0] == 1
    assert (own_models_folder / ".fetch-house--small" / "model.safetensors").is_file()
    hub.repositories = {SMALL: newer}
    assert fetch(hub.address, surroundings, SMALL)[0] == 0
    assert "vocab.json" in shown(own_models_folder / "small")
    assert "tokenizer.json" not in shown(own_models_folder / "small")

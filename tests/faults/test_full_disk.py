"""A disk that is full half-way: told as that, nothing half-written is seen, and it goes on with more room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import soundfile
from command import Answer, at_call, dubline, results, shown
from full_disk_limits import limit, limit_restored
from random_demucs import htdemucs, save_bag

from dubline.errors import StorageFull
from dubline.media.sound import SoundWriter
from dubline.separation import run_demucs_separation, stage
from dubline.values.stems import STEM_NAMES

pytest.importorskip("resource", reason="limits of this kind are POSIX's")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("made")
    samples = np.random.default_rng(0).normal(size=(44100 * 12, 2)) * 0.1
    soundfile.write(folder / "a.wav", samples, 44100, subtype="PCM_24")
    model = str(save_bag(folder / "model", "house", [htdemucs(seed=1)]))
    return ["separate", str(folder / "a.wav"), "--separator", "demucs", "--model", model,
            "--precision", "fp32", "--threads", "1"]  # fmt: skip


def full(answer: Answer, root: Path) -> None:
    assert (answer.status, answer.out) == (1, ""), answer.err
    assert "dubline: " in answer.err and "Traceback" not in answer.err
    hint = answer.err.splitlines()[-1]
    assert hint.startswith("  ") and ("room" in hint or "space" in hint)
    assert results(root) == []


def finishes(words: list[str], root: Path) -> None:
    answer = dubline(*words, "--out", root)
    assert answer.status == 0, answer.err
    source = soundfile.read(words[1], dtype="int32")[0] >> 8
    total = sum(soundfile.read(root / f"stems/{name}.wav", dtype="int32")[0] >> 8 for name in STEM_NAMES)
    np.testing.assert_array_equal(total, source)
    assert not [p for p in root.rglob("*") if p.name.endswith(".part")]


def test_at_the_first_walk(words: list[str], tmp_path: Path) -> None:
    with limit_restored():
        limit(1 << 20)
        answer = dubline(*words, "--out", tmp_path / "run")
    full(answer, tmp_path / "run")
    finishes(words, tmp_path / "run")


def test_while_the_model_works(words: list[str], tmp_path: Path) -> None:
    with limit_restored(), at_call(5, lambda: limit(1 << 20)):
        answer = dubline(*words, "--out", tmp_path / "run")
    full(answer, tmp_path / "run")
    finishes(words, tmp_path / "run")


@pytest.mark.parametrize("size", [1 << 20, 1 << 10])
def test_while_the_stems_are_written(words: list[str], tmp_path: Path, size: int) -> None:
    write = SoundWriter.write

    def writing(self: SoundWriter, block: Any) -> None:
        limit(size)
        write(self, block)

    with limit_restored(), mock.patch.object(SoundWriter, "write", writing):
        answer = dubline(*words, "--out", tmp_path / "run")
    full(answer, tmp_path / "run")
    with at_call(0) as calls:
        finishes(words, tmp_path / "run")
    assert not calls, "the model's work was kept"


def test_two_stems_in_one_call(words: list[str], tmp_path: Path) -> None:
    options: dict[str, Any] = {"model": words[words.index("--model") + 1], "precision": "fp32", "threads": 1}
    with limit_restored(), at_call(5, lambda: limit(1 << 20)), pytest.raises(StorageFull) as caught:
        run_demucs_separation(words[1], tmp_path / "out", **options)
    assert caught.value.hint
    assert shown(tmp_path / "out") == []
    result = run_demucs_separation(words[1], tmp_path / "out", **options)
    assert result.vocals.exists() and not [p for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


def test_what_a_stopped_run_left_counts_as_room(words: list[str], tmp_path: Path) -> None:
    """A run that stopped on a full disk must not ask again for the room that its own files take."""
    import shutil

    root = tmp_path / "run"
    with limit_restored(), at_call(5, lambda: limit(1 << 20)):
        dubline(*words, "--out", root)
    had = sum(p.stat().st_size for p in root.rglob("*") if p.is_file())
    asked: list[int] = []
    with mock.patch.object(stage, "require_space", lambda place, needed, what: asked.append(needed)):
        dubline(*words, "--out", root)
        dubline(*words, "--out", tmp_path / "new")
    assert had > 1 << 20 and asked[1] - asked[0] == pytest.approx(had, abs=1 << 16)
    shutil.rmtree(root)


def test_a_disk_of_its_own(words: list[str], tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("no tmpfs here")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "dubline-test", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        ballast = place / "ballast"

        def fill() -> None:
            import contextlib

            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1 << 16))

        with at_call(5, fill):
            answer = dubline(*words, "--out", place / "run")
        full(answer, place / "run")
        told = dubline(*words, "--out", place / "run")
        assert told.status == 1 and "GB" in told.err, "and the next time it is seen before the work"
        ballast.unlink()
        finishes(words, place / "run")
    finally:
        subprocess.run(["umount", str(place)], check=True)

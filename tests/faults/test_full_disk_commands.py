"""Every command that writes, on a disk with no room left: one sentence, and nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from command import dubline
from full_disk_limits import limit, limit_restored
from localized_run import SAID, localized_run, put_dub

from dubline.cli.export import target_names


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dubbed run, and files to import."""
    folder = tmp_path_factory.mktemp("made")
    root = localized_run(folder)
    put_dub(root, SAID)
    assert dubline("subtitles", "export", root, "--lang", "en", "--out", folder / "out").status == 0
    (sent,) = (folder / "out").rglob("*.srt")
    text = sent.read_text(encoding="utf-8")
    (folder / "changed.srt").write_text(text.replace("Where", "So where"), encoding="utf-8")
    (folder / "late.srt").write_text(
        "1\n00:00:00,000 --> 00:00:00,100\n" + "word " * 40 + "\n", encoding="utf-8"
    )
    return folder


@pytest.fixture
def disk(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A small disk with all of that on it."""
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("no tmpfs here")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "dubline-test", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        shutil.copytree(made, place / "all", symlinks=True)
        yield place / "all"
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, left: int) -> Path:
    """Leave `left` bytes on the disk."""
    ballast = place / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))
    os.truncate(ballast, ballast.stat().st_size - left)
    return ballast


def whole(folder: Path) -> None:
    """What can be seen can be read."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.name == "ballast" or not path.is_file() or any(part.startswith(".") for part in parts):
            continue
        if path.suffix in (".json", ".otio"):
            json.loads(path.read_bytes())
        if path.suffix == ".wav":
            sound = soundfile.read(path)[0]
            assert len(sound) == soundfile.info(path).frames
        assert path.stat().st_size or path.name in ("log.txt", "transcript.ctm"), path


RUN = "Bölüm 1.dubline"
COMMANDS = [
    *(
        ("export", RUN, "--to", name)
        for name in ("otio", "otioz", "resolve", "fcpx", "kdenlive", "edl", "srt")
    ),
    ("export", RUN, "--to", "aaf", "--remix"),
    ("report", RUN),
    ("speakers", "rename", RUN, "SPEAKER_00", "Somebody else"),
    ("speakers", "merge", RUN, "SPEAKER_00", "SPEAKER_01"),
    ("speakers", RUN),
    ("transcript", "export", RUN, "--out", "out.txt"),
    ("subtitles", "export", RUN, "--lang", "en", "--out", "out2"),
    ("subtitles", "import", RUN, "changed.srt", "--lang", "en"),
    ("subtitles", "check", "late.srt", "--fix", "--rate", "25", "--out", "fixed.srt"),
    ("separate", "Bölüm 1.wav", "--separator", "builtin", "--out", "new"),
    ("dub", RUN, "--voice", "espeak-ng"),
    ("demo", "--out", "demo"),
]


@pytest.mark.parametrize("left", [0, 96 << 10])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:4]))
def test_a_command_on_a_full_disk(
    disk: Path, words: tuple[str, ...], left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(disk)
    monkeypatch.setenv("DUBLINE_MODELS", str(disk / "models"))
    if words[0] == "export":
        with contextlib.suppress(Exception):
            target_names([words[3]])
    ballast = fill(disk, left)
    try:
        answer = dubline(*words)
    finally:
        monkeypatch.chdir("/")
    assert "Traceback" not in answer.err
    if answer.status and words[:2] != ("subtitles", "check"):  # which ends so where something is left to do
        said = answer.err.splitlines()
        assert any("full" in line or "free" in line or "no space" in line.lower() for line in said), (
            answer.err
        )
    whole(disk)
    assert not [p for p in disk.rglob("*") if p.name.endswith(".part") and "steps" not in p.parts]
    ballast.unlink()


@pytest.mark.parametrize("size", [1 << 10, 20 << 10])
@pytest.mark.parametrize(
    "words", [*COMMANDS[:4], ("export", RUN, "--to", "aaf"), ("report", RUN)], ids=lambda w: " ".join(w[:4])
)
def test_a_file_that_may_not_grow(
    made: Path, tmp_path: Path, words: tuple[str, ...], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota says it otherwise than a full disk, and libraries in words of their own."""
    place = tmp_path / "all"
    shutil.copytree(made, place)
    monkeypatch.chdir(place)
    if words[0] == "export":
        with contextlib.suppress(Exception):
            target_names([words[3]])
    with limit_restored():
        limit(size)
        answer = dubline(*words)
    assert "Traceback" not in answer.err
    if answer.status:
        assert answer.err.splitlines()[-1].startswith("  "), answer.err
    whole(place)

"""`install/run.py resolve`: what it puts where, and that nothing stays."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from resolve_simulator.runner import run_menu_script

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "install"))
    return importlib.import_module("resolve")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "Ayşe's disk"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "install" / "run.py"), "resolve", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        check=False,
    )


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


FOLDERS = {
    ("darwin", False): "home/Library/Application Support/Blackmagic Design/DaVinci Resolve/Fusion/Scripts",
    ("darwin", True): "Library/Application Support/Blackmagic Design/DaVinci Resolve/Fusion/Scripts",
    ("win32", False): "home/AppData/Roaming/Blackmagic Design/DaVinci Resolve/Support/Fusion/Scripts",
    ("win32", True): "C/ProgramData/Blackmagic Design/DaVinci Resolve/Fusion/Scripts",
    ("linux", False): "home/.local/share/DaVinciResolve/Fusion/Scripts",
    ("linux", True): "opt/resolve/Fusion/Scripts",
}


@pytest.mark.parametrize(("system", "all_users"), FOLDERS)
def test_it_installs_where_resolve_looks_and_leaves_nothing(
    resolve: ModuleType, root: Path, system: str, all_users: bool
) -> None:
    root.mkdir()
    place = resolve.Place(root, system)
    expected = FOLDERS[system, all_users]
    made = resolve.install(place, Path(sys.executable), all_users=all_users, launcher=True)
    names = [f"{expected}/{page}/{name}" for page in ("Utility", "Edit") for name in resolve.FILES]
    assert {path.relative_to(root).as_posix() for path in made} == {
        *names,
        place.launcher().relative_to(root).as_posix(),
    }
    first = {path: path.read_bytes() for path in made}
    again = resolve.install(place, Path(sys.executable), all_users=all_users, launcher=True)
    assert {path: path.read_bytes() for path in again} == first
    assert len([name for name in files(root) if "Dubline" in name and "." in name]) >= 4
    gone = resolve.uninstall(place, all_users=all_users)
    assert set(gone) == set(made)
    assert [path for path in root.rglob("*") if path.is_file()] == []
    assert not (root / expected).exists()
    assert resolve.uninstall(place, all_users=all_users) == []


def test_scripts_of_others_stay(resolve: ModuleType, root: Path) -> None:
    place = resolve.Place(root, "linux")
    other = place.scripts(False) / "Edit" / "Other.lua"
    other.parent.mkdir(parents=True)
    other.write_text("-- theirs")
    resolve.install(place, Path(sys.executable), all_users=False, launcher=False)
    resolve.uninstall(place, all_users=False)
    assert [path for path in root.rglob("*") if path.is_file()] == [other]


def test_what_is_installed_runs_in_resolve(resolve: ModuleType, root: Path, tmp_path: Path) -> None:
    place = resolve.Place(root, "linux")
    script, *_ = (
        path
        for path in resolve.install(place, Path(sys.executable), all_users=False, launcher=False)
        if path.name == "Dubline.py"
    )
    script.read_bytes().decode("ascii")
    run = run_menu_script(
        script,
        scene={"timelines": [{"name": "Cut"}]},
        user=[("tick", 1), ("close", "DublineWindow")],
        environment={"DUBLINE_STATE": str(tmp_path / "state")},
    ).check()
    assert "timeline Cut\n" in run.texts["where"]


def test_the_command_installs_checks_and_uninstalls(root: Path) -> None:
    engine = ("--venv", sys.prefix)  # where these tests run: nothing is installed for them
    process = command("install", "--root", str(root), *engine)
    assert process.returncode == 0, process.stderr
    assert "Workspace > Scripts > Dubline" in process.stdout
    checked = command("check", "--root", str(root), *engine)
    assert "ok   The engine answers: Dubline" in checked.stdout
    assert checked.stdout.count("ok   The script is in") == 2
    assert checked.returncode == 1, "there is no Resolve in an empty folder"
    assert "NOT  DaVinci Resolve is not at" in checked.stdout
    assert command("uninstall", "--root", str(root)).returncode == 0
    assert [path for path in root.rglob("*") if path.is_file()] == []
    assert "nothing was installed" in command("uninstall", "--root", str(root)).stdout


def test_check_says_what_is_wrong_and_what_to_do(resolve: ModuleType, root: Path) -> None:
    place = resolve.Place(root, "darwin")
    python = Path(sys.executable)
    faults = [text for good, text in resolve.check(place, python) if not good]
    assert any("not installed. Run: python3 install/run.py resolve install" in text for text in faults)
    assert any("PYTHON3HOME" in text for text in faults)
    resolve.install(place, python, all_users=False, launcher=False)
    app = place.resolve() / "Contents"
    app.mkdir(parents=True)
    (app / "Info.plist").write_text(
        '<?xml version="1.0"?><plist version="1.0"><dict><key>CFBundleShortVersionString</key>'
        "<string>20.2.1</string></dict></plist>"
    )
    seen = place.path("/usr/local/bin/python3")
    seen.parent.mkdir(parents=True)
    seen.touch()
    assert all(good for good, _ in resolve.check(place, python))
    assert any("20.2.1" in text for _, text in resolve.check(place, python))
    pointer = place.scripts(False) / "Edit" / "Dubline.json"
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "python": "/gone/python"}))
    assert ["/gone/python" in text for good, text in resolve.check(place, python) if not good] == [True]
    pointer.write_text("{")
    assert ["cannot be read" in text for good, text in resolve.check(place, python) if not good] == [True]


def test_check_says_that_the_engine_does_not_start(resolve: ModuleType, root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named dubline >&2\nexit 1\n")
    broken.chmod(0o755)
    good, sentence = resolve.engine_answers(broken)
    assert not good
    assert "no module named dubline" in sentence
    assert "install/run.py" in sentence


def test_an_engine_that_is_missing_is_installed_first(
    resolve: ModuleType, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Path, tuple[str, ...]]] = []

    def make(folder: Path, extras: tuple[str, ...]) -> Path:
        assert not root.exists(), "nothing is put into Resolve's folders before"
        made.append((folder, extras))
        raise SystemExit("no network")

    monkeypatch.setattr(resolve.environment, "make", make)
    words = ["install", "--root", str(root), "--venv", str(tmp_path / "none"), "--with", "demucs, uvr"]
    with pytest.raises(SystemExit, match="no network"):
        resolve.main(words)
    assert made == [(tmp_path / "none", ("demucs", "uvr"))]
    assert not root.exists()
    assert resolve.has_engine(Path(sys.executable))


def test_uninstalling_forgets_what_the_window_kept(
    resolve: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBLINE_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    for name in ("answers.json", "engine.log", "window.lock"):
        (tmp_path / "state" / name).touch()
    assert len(resolve.forget()) == 3
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "of somebody else").touch()
    assert resolve.forget() == []
    assert (tmp_path / "state" / "of somebody else").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="an administrator may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(resolve: ModuleType, root: Path) -> None:
    root.mkdir()
    root.chmod(0o500)
    with pytest.raises(SystemExit, match="administrator rights"):
        resolve.install(resolve.Place(root, "linux"), Path(sys.executable), all_users=True, launcher=False)


def test_the_entry_on_the_desktop_starts_the_window(resolve: ModuleType, root: Path) -> None:
    odd = Path("/opt/a b/$HOME/100%/ö\"q'`\\")
    place = resolve.Place(root, "darwin")
    shell = resolve.write_launcher(place, odd, Path("/p q/Dubline.json")).read_text(encoding="utf-8")
    words = shlex.split(shell.splitlines()[1])
    assert words == ["exec", str(odd), "-I", "-X", "utf8", "-m", "dubline_resolve.menu", "/p q/Dubline.json"]
    assert os.access(place.launcher(), os.X_OK)
    # The Desktop Entry Specification: a string's escapes first, then those of a quoted word.
    word = resolve.desktop_word(str(odd))
    assert word.startswith('"') and word.endswith('"')
    string = word[1:-1].replace("\\\\", "\\")
    plain, n = "", 0
    while n < len(string):
        n += string[n] == "\\"
        plain += string[n]
        n += 1
    assert plain.replace("%%", "%") == str(odd)


def test_help_teaches() -> None:
    process = command("--help")
    assert process.returncode == 0
    assert all(
        word in process.stdout for word in ("install", "uninstall", "check", "--all-users", "--launcher")
    )

"""The menu script as Resolve runs it: in the Pythons that are here, in every edition, with a real engine."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from resolve_simulator.runner import ScriptRun, run_menu_script

from dubline_resolve.bridge import PROTOCOL, Engine
from dubline_resolve.choices import read_answers
from dubline_resolve.file_desk import FileDesk
from dubline_resolve.single import Door
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_page import PageWindow

PLUGIN = Path(__file__).resolve().parents[2] / "resolve_plugin"
SCRIPT = PLUGIN / "dubline_resolve" / "scripts" / "Dubline.py"
PYTHONS = ("3.6", "3.8", "3.11", "3.13", "3.14")
SCENE = {"timelines": [{"name": "Bölüm 1", "current": True}]}
CLOSE = ("close", "DublineWindow")


def interpreter(version: str) -> str:
    """A Python of a version: under ~/.pyenv, of uv, or on the path."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    places = [
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python"),
        *Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"),
    ]
    path = (
        str(sorted(places)[-1])
        if places
        else shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")
    )
    if path is None:
        pytest.skip(f"there is no Python {version} on this machine")
    return path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script and its pointer in a folder with spaces and other letters."""
    folder = tmp_path / "Fusion Scripts é" / "Utility"
    folder.mkdir(parents=True)
    pointer = {"python": sys.executable, "protocol": PROTOCOL, "package": str(PLUGIN)}
    (folder / "Dubline.json").write_text(json.dumps(pointer), encoding="utf-8")
    shutil.copy(SCRIPT, folder / "Dubline.py")
    return folder / "Dubline.py"


def start(script: Path, profile: str = "studio-21.1", **more: Any) -> ScriptRun:
    state = {"DUBLINE_STATE": str(script.parents[1] / "state"), "DISPLAY": "", "BROWSER": "true"}
    return run_menu_script(script, profile, **{"scene": SCENE, "environment": state, **more})


def engines(script: Path) -> list[int]:
    """The engines that a start of the script left running."""
    state = str(script.parents[1] / "state")
    processes = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "dubline.serve" in each.cmdline() and each.environ().get("DUBLINE_STATE") == state:
                processes.append(each.pid)
    return processes


@pytest.mark.parametrize("version", PYTHONS)
def test_the_window_opens_talks_to_the_engine_and_leaves_nothing(script: Path, version: str) -> None:
    files = sorted(script.parent.rglob("*"))
    run = start(
        script,
        python=interpreter(version),
        user=[("tick", 2), ("click", "start"), ("until", "message", "Text", "empty"), CLOSE],
    ).check()
    assert run.texts["where"].splitlines()[0] == "DaVinci Resolve Studio 21.1.0: Film, timeline Bölüm 1"
    assert run.texts["message"] == "The timeline Bölüm 1 is empty."
    assert run.texts["remedy"]
    assert run.stdout == ""
    assert run.before == run.after, "opening and closing the window changed the project"
    assert engines(script) == []
    assert sorted(script.parent.rglob("*")) == files, "something was left beside the script"


def test_the_real_engine_answers_behind_it(script: Path) -> None:
    """The plan is the engine's: it is the engine that refuses an empty timeline."""
    run = start(
        script,
        user=[
            ("type", "folder", str(script.parent / "no run")),
            ("click", "place"),
            ("until", "start", "Enabled", True, 20000),
            CLOSE,
        ],
    ).check()
    assert "timeline is empty" in run.texts["message"].lower(), run.texts


@pytest.mark.parametrize("profile", ["studio-18.6", "studio-19.1", "studio-21.1", "free-19.0"])
def test_where_resolve_has_windows_it_is_one_of_them(script: Path, profile: str) -> None:
    run = start(script, profile, user=[("tick", 1), CLOSE]).check()
    assert run.texts["where"].startswith("DaVinci Resolve")
    assert not run.modal


BROWSER = """
import http.client, json, sys, urllib.parse
address = urllib.parse.urlsplit(sys.argv[1])
def ask(method, path, body=None, **headers):
    wire = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    wire.request(method, path, body, headers)
    answer = wire.getresponse()
    return answer, answer.read().decode()
cookie = ask("GET", address.path + "?" + address.query)[0].getheader("Set-Cookie").split(";")[0]
view = ask("POST", "/state", "{}", Cookie=cookie, **{"X-Dubline": "1"})[1]
open(sys.argv[2], "w").write(view)
ask("POST", "/state", '{"act": "close"}', Cookie=cookie, **{"X-Dubline": "1"})
"""


@pytest.mark.parametrize("version", ["3.6", "3.13"])
@pytest.mark.parametrize("profile", ["free-19.1", "free-21.0"])
def test_elsewhere_and_without_a_screen_it_is_a_page(
    script: Path, tmp_path: Path, profile: str, version: str
) -> None:
    browser, seen = tmp_path / "browser.py", tmp_path / "seen.json"
    browser.write_text(BROWSER, encoding="utf-8")
    environment = {
        "DUBLINE_STATE": str(script.parents[1] / "state"),
        "DISPLAY": "",
        "BROWSER": f"{sys.executable} -I {browser} %s {seen} &",
    }
    run = start(script, profile, python=interpreter(version), environment=environment).check()
    assert "timeline Bölüm 1" in json.loads(seen.read_text(encoding="utf-8"))["where"]
    assert not run.modal, "an advertisement for Studio was opened"
    assert engines(script) == []


def test_without_a_browser_the_page_is_told_in_the_console(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = WindowModel(FileDesk("python"), Engine("python"), read_answers(""))
    window = PageWindow(model, lambda: False, lambda address: False)
    window.show()
    window.server.server_close()
    assert f"http://127.0.0.1:{window.port}/?word=" in capsys.readouterr().out


def test_free_21_1_does_not_list_the_script(script: Path) -> None:
    assert start(script, "free-21.1").listed is False


def test_a_clip_of_the_media_pool_needs_no_timeline(script: Path, tmp_path: Path) -> None:
    """Until it is placed: none is chosen here, which is what the window says."""
    run = start(script, scene={}, user=[("choose", "what", 3), ("click", "start"), CLOSE]).check()
    assert "no timeline is open" in run.texts["where"]
    assert "media pool" in run.texts["message"]


def test_no_project_or_timeline_is_a_sentence_in_the_window(script: Path) -> None:
    run = start(script, scene={}, user=[("click", "start"), CLOSE]).check()
    assert "timeline" in run.texts["where"]
    assert "timeline" in run.texts["message"]
    assert run.elements["place"]["Enabled"] is False


def test_a_second_window_is_told_that_there_is_one(script: Path) -> None:
    state = script.parents[1] / "state"
    state.mkdir()
    first = Door(str(state))
    first._listener.close()  # it hangs: it holds the lock and does not answer
    run = start(script).check()
    assert "open already" in run.stdout
    first.close()
    start(script, user=[CLOSE]).check()


def test_an_older_engine_is_told_in_the_window(script: Path) -> None:
    old = script.parent / "old engine"
    old.write_text('#!/bin/sh\necho \'{"event":"hello","protocol":0,"version":"0.0.9"}\'\nread line\n')
    old.chmod(0o755)
    pointer = json.loads((script.parent / "Dubline.json").read_text())
    (script.parent / "Dubline.json").write_text(json.dumps({**pointer, "python": str(old)}))
    run = start(script, user=[("until", "message", "Text", "older", 2000), CLOSE]).check()
    assert run.texts["message"] == (
        f"The engine is older than the script in Resolve: it speaks protocol 0, not {PROTOCOL}."
    )
    assert "install" in run.texts["remedy"]


@pytest.mark.parametrize(
    ("pointer", "part"),
    [
        (None, "cannot be used"),
        ("{", "cannot be used"),
        ({"python": "x", "protocol": PROTOCOL, "package": "/nowhere"}, "no dubline_resolve in /nowhere"),
        ({"python": "x", "protocol": 9, "package": str(PLUGIN)}, "protocol 9"),
        ({"protocol": PROTOCOL, "package": str(PLUGIN)}, "cannot be read"),
    ],
)
def test_a_broken_installation_says_how_to_mend_it(script: Path, pointer: Any, part: str) -> None:
    beside = script.parent / "Dubline.json"
    beside.unlink()
    if pointer is not None:
        beside.write_text(pointer if isinstance(pointer, str) else json.dumps(pointer))
    run = start(script).check()
    assert part in run.stdout
    assert "install/run.py resolve install" in run.stdout


def test_the_script_finds_its_pointer_by_what_the_installer_wrote(script: Path, tmp_path: Path) -> None:
    """Where the code does not know its own name, the path that is written into it counts."""
    moved = tmp_path / "elsewhere" / "Dubline.json"
    moved.parent.mkdir()
    (script.parent / "Dubline.json").rename(moved)
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace('POINTER = ""', f"POINTER = {str(moved)!a}"), encoding="utf-8")
    start(script, user=[CLOSE]).check()

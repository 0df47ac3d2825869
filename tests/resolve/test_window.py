"""The windows in Resolve and of our own, and that there is one at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from resolve_simulator import Simulator, build

from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.resolve_desk import ResolveDesk
from dubline_resolve.single import Door, state_folder
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_uimanager import FusionWindow

LONG = 20000  # ticks of 20 ms: as long as the real engine needs on a busy machine


def answers() -> dict[str, Any]:
    return {**DEFAULTS, "stems": list(DEFAULTS["stems"]), "copy": False}


def studio(film: Path, tmp_path: Path, steps: list[tuple[Any, ...]]) -> tuple[Simulator, WindowModel]:
    """A user does steps in the window of a simulated Studio, with the real engine behind it."""
    world = Simulator("studio-20.2")
    build(world, {"timelines": [{"name": "Cut", "clips": [{"path": str(film), "record": 24, "track": 1}]}]})
    model = WindowModel(
        ResolveDesk(world.resolve), Engine(sys.executable, str(tmp_path / "engine.log")), answers()
    )
    world.ui.steps = [*steps, ("close", "DublineWindow")]
    FusionWindow(model, world.fusion, world.bmd, lambda: False).run()
    assert world.ui.failures == []
    world.check()
    return world, model


def test_from_start_to_placed_and_back_in_studio(film: Path, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}
    world_of: list[Simulator] = []

    def look(name: str) -> Any:
        def keep() -> None:
            seen[name] = [
                (track.name, track.enabled, [(item.start, item.end) for item in track.items])
                for track in world_of[0].timeline("Cut").tracks["audio"]
            ]

        return keep

    world = Simulator("studio-20.2")
    world_of.append(world)
    build(world, {"timelines": [{"name": "Cut", "clips": [{"path": str(film), "record": 24, "track": 1}]}]})
    look("before")()
    model = WindowModel(
        ResolveDesk(world.resolve), Engine(sys.executable, str(tmp_path / "engine.log")), answers()
    )
    world.ui.steps = [
        ("type", "folder", str(tmp_path / "E01.dubline")),
        ("type", "targets", ""),
        ("choose", "subtitles", "No subtitles"),
        ("click", "start"),
        ("until", "start", "Enabled", True, LONG),
        ("call", lambda: seen.update(started=model.message)),
        ("click", "place"),
        ("until", "start", "Enabled", True, LONG),
        ("call", lambda: seen.update(placed=model.message)),
        ("call", look("after")),
        ("click", "undo"),
        ("until", "start", "Enabled", True, LONG),
        ("call", look("undone")),
        ("close", "DublineWindow"),
    ]
    window = FusionWindow(model, world.fusion, world.bmd, lambda: False)
    window.run()
    assert world.ui.failures == []
    world.check()
    assert seen["started"].startswith("Ready: 4 stems"), seen
    assert seen["placed"].startswith("Placed and verified"), (seen, model.remedy)
    (original, *stems) = seen["after"]
    assert original[1] is False, "the original is still heard"
    assert stems
    start = world.timeline("Cut").start
    for _, _, items in stems:
        assert items == [(start, start + 72)], stems
    assert seen["undone"] == seen["before"]
    assert model.closed and model.engine.state == "off"


def test_after_a_cancel_start_goes_on(film: Path, tmp_path: Path) -> None:
    _, model = studio(
        film,
        tmp_path,
        [
            ("type", "folder", str(tmp_path / "E01.dubline")),
            ("choose", "subtitles", "No subtitles"),
            ("type", "targets", ""),
            ("click", "start"),
            ("until", "cancel", "Enabled", True),
            ("click", "cancel"),
            ("until", "start", "Enabled", True, LONG),
            ("until", "message", "Text", "Stopped", 1),
            ("click", "start"),
            ("until", "start", "Enabled", True, LONG),
        ],
    )
    assert (model.phase, model.message) == ("done", "Ready: 4 stems.")


def test_a_bad_answer_and_a_missing_timeline_are_sentences_in_the_window(tmp_path: Path) -> None:
    world = Simulator("studio-21.1")
    model = WindowModel(ResolveDesk(world.resolve), Engine(sys.executable), answers())
    world.ui.steps = [("click", "start"), ("tick", 1), ("close", "DublineWindow")]
    window = FusionWindow(model, world.fusion, world.bmd, lambda: False)
    window.run()
    assert world.ui.failures == []
    assert "timeline" in window.items["message"].Text
    assert window.items["remedy"].PlainText
    world.check()


def test_the_window_comes_to_the_front_when_a_second_start_knocks(film: Path, tmp_path: Path) -> None:
    state = str(tmp_path)
    first, second = Door(state), Door(state)
    assert (first.mine, second.mine) == (True, False)
    answered: list[bool] = []
    knocking = threading.Thread(target=lambda: answered.append(second.knock()))
    knocking.start()
    while knocking.is_alive() and not first.knocked():
        knocking.join(0.01)
    knocking.join()
    assert answered == [True]
    assert first.knocked() is False
    first.close()
    third = Door(state)
    assert third.mine, "the lock outlived its window"
    third.close()
    second.close()
    assert not (tmp_path / "window.json").exists()


def test_who_does_not_know_the_word_is_not_let_in(tmp_path: Path) -> None:
    door = Door(str(tmp_path))
    record = json.loads((tmp_path / "window.json").read_text())
    assert (tmp_path / "window.json").stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    stranger = Door(str(tmp_path))
    (tmp_path / "window.json").write_text(json.dumps({**record, "word": "guess"}))
    answered: list[bool] = []
    knocking = threading.Thread(target=lambda: answered.append(stranger.knock()))
    knocking.start()
    knocks = []
    while knocking.is_alive():
        knocks.append(door.knocked())
        knocking.join(0.01)
    assert answered == [False]
    assert not any(knocks)
    door.close()
    stranger.close()


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_state_folder_is_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    folder = Path(state_folder({}, system))
    assert folder.is_dir()
    assert tmp_path in folder.parents


TK = """
import json, sys
sys.argv = []  # as in a menu script
from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.file_desk import FileDesk
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_tk import TkWindow
answers = dict(DEFAULTS, stems=list(DEFAULTS["stems"]))
model = WindowModel(FileDesk("python"), Engine("no such python"), answers)
knocks = []
window = TkWindow(model, lambda: bool(knocks and knocks.pop()))
seen = {}
def use():
    window.root.update()
    entry = [w for w in window.root.winfo_children()[0].winfo_children() if w.winfo_class() == "TEntry"][1]
    entry.delete(0, "end"); entry.insert(0, "de, fr"); entry.event_generate("<FocusOut>")
    window.combos["content"].current(4); window.combos["content"].event_generate("<<ComboboxSelected>>")
    checks = [w for f in window.root.winfo_children()[0].winfo_children()
              for w in f.winfo_children() if w.winfo_class() == "TCheckbutton"]
    checks[0].invoke()
    window.buttons["start"].invoke()
    window.root.update()
    seen["message"] = str(window.texts["message"].cget("text"))
    seen["cancel"] = window.buttons["cancel"].instate(["disabled"])
    seen["answers"] = {key: model.answers[key] for key in ("targets", "content", "stems")}
    knocks.append(True)
    window.root.after(700, lambda: (seen.update(front=not knocks), window._close()))
window.root.after(50, use)
window.run()
seen["closed"] = model.closed
print(json.dumps(seen))
"""


@pytest.mark.program("xvfb-run")
def test_the_window_of_our_own_works(tmp_path: Path) -> None:
    script = tmp_path / "use.py"
    script.write_text(TK, encoding="utf-8")
    process = subprocess.run(
        ["xvfb-run", "-a", sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[-1]) == {
        "message": "No file is chosen.",
        "cancel": True,
        "answers": {"targets": "de, fr", "content": "cinematic", "stems": ["music", "sfx", "ambient"]},
        "front": True,
        "closed": True,
    }

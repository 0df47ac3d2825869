"""Windows, their user, and whole menu scripts in the interpreters that are here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from resolve_simulator import Simulator, build
from resolve_simulator.runner import run_menu_script
from resolve_simulator.window import LoopNeverEnded


def interpreters() -> list[str]:
    """This one, and the oldest and newest others on the path or under ~/.pyenv."""
    by_minor = {}
    for minor in range(6, 16):
        places = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        system = shutil.which(f"python3.{minor}", path="/usr/bin:/usr/local/bin")
        if places or system:
            by_minor[minor] = str(places[-1]) if places else str(system)
    others = [by_minor[minor] for minor in sorted(by_minor)]
    return [sys.executable, *others[:1], *others[-1:]] if others else [sys.executable]


SCRIPT = """
ui = fusion.UIManager
disp = bmd.UIDispatcher(ui)
win = disp.AddWindow({"ID": "Main", "WindowTitle": "Cut"}, [ui.VGroup({"Spacing": 4}, [
    ui.Label({"ID": "State", "Text": "idle", "Weight": 0}),
    ui.ComboBox({"ID": "Language"}),
    ui.LineEdit({"ID": "Name"}),
    ui.HGroup([ui.HGap(0, 1), ui.Button({"ID": "Go", "Text": "Go"})]),
])])
items = win.GetItems()
items["Language"].AddItems(["en", "tr"])
left = [3]

def go(event):
    items["Go"].Enabled = False
    timer.Start()

def tick(event):
    left[0] -= 1
    items["State"].Text = "left: %d" % left[0]
    if left[0] == 0:
        timer.Stop()
        project = resolve.GetProjectManager().GetCurrentProject()
        name = items["Name"].Text + " " + items["Language"].CurrentText
        made = project.GetMediaPool().CreateEmptyTimeline(name)
        made.AddTrack("audio", "5.1")
        items["State"].Text = "done"

def close(event):
    disp.ExitLoop()

win.On.Go.Clicked = go
win.On["Main"].Close = close
timer = ui.Timer({"ID": "Poll", "Interval": 250})
disp.On.Timeout = tick
win.Show()
disp.RunLoop()
win.Hide()
import sys
print(sys.version_info[1])
"""
USER = [
    ("choose", "Language", "tr"),
    ("type", "Name", "Bölüm 1"),
    ("click", "Go"),
    ("until", "State", "Text", "done"),
    ("close", "Main"),
]


@pytest.mark.parametrize("python", interpreters())
def test_a_menu_script_runs_as_a_whole(tmp_path: Path, python: str) -> None:
    script = tmp_path / "Cut.py"
    script.write_text(SCRIPT, encoding="utf-8")
    run = run_menu_script(
        script, "studio-21.1", python=python, scene={"timelines": [{"name": "A"}]}, user=USER
    ).check()
    assert run.texts["State"] == "done"
    assert run.elements["Go"]["Enabled"] is False
    assert [timeline["name"] for timeline in run.before["timelines"]] == ["A"]
    assert [timeline["name"] for timeline in run.after["timelines"]] == ["A", "Bölüm 1 tr"]
    assert [track["sub_type"] for track in run.after["timelines"][1]["tracks"]["audio"]] == ["stereo", "5.1"]
    assert run.calls["Timeline.AddTrack"] == 1
    assert run.order[-1] == "Timeline.AddTrack"


def test_a_crash_of_resolve_ends_the_script(tmp_path: Path) -> None:
    script = tmp_path / "Cut.py"
    script.write_text(SCRIPT, encoding="utf-8")
    run = run_menu_script(script, user=USER, faults={"crash_at": {"Timeline.AddTrack": 1}})
    assert run.failure == "ResolveCrashed: injected crash in Timeline.AddTrack"
    with pytest.raises(AssertionError, match="injected crash"):
        run.check()


def test_the_environment_is_poisoned_for_children(tmp_path: Path) -> None:
    """PYTHONHOME of the host breaks every other Python that a script starts without clearing it."""
    script = tmp_path / "spawn.py"
    script.write_text(
        "import os, subprocess\n"
        f"python = {sys.executable!r}\n"
        "clean = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}\n"
        "print(subprocess.call([python, '-c', ''], stderr=subprocess.DEVNULL) != 0)\n"
        "print(subprocess.call([python, '-c', ''], env=clean) == 0)\n",
        encoding="utf-8",
    )
    assert run_menu_script(script).check().stdout.split() == ["True", "True"]


def desk(children: Any) -> tuple[Simulator, Any, Any]:
    world = Simulator()
    build(world, {"timelines": [{"name": "Cut"}]})
    ui = world.fusion.UIManager
    dispatcher = world.bmd.UIDispatcher(ui)
    window = dispatcher.AddWindow({"ID": "Main"}, [ui.VGroup(children(ui))])
    window.On.Main.Close = lambda event: dispatcher.ExitLoop()
    window.Show()
    return world, dispatcher, window


def test_a_value_set_by_the_script_is_announced_too() -> None:
    world, dispatcher, window = desk(lambda ui: [ui.ComboBox({"ID": "Language"})])
    languages = []
    window.On.Language.CurrentIndexChanged = lambda event: languages.append(
        window.Find("Language").CurrentText
    )
    combo = window.Find("Language")
    combo.AddItems(["en", "tr", "de"])
    combo.CurrentIndex = 1
    world.ui.steps = [("choose", "Language", "de"), ("close", "Main")]
    dispatcher.RunLoop()
    assert languages == ["tr", "de"]
    world.check()


def test_the_user_cannot_click_what_is_disabled_or_missing() -> None:
    for step in (("click", "Go"), ("click", "Stop")):
        world, dispatcher, window = desk(lambda ui: [ui.Button({"ID": "Go", "Enabled": False})])
        window.On.Go.Clicked = lambda event: pytest.fail("a disabled button was clicked")
        world.ui.steps = [step, ("close", "Main")]
        with pytest.raises(LoopNeverEnded, match=step[1]):
            dispatcher.RunLoop()


def test_a_failing_handler_does_not_end_the_loop_but_fails_the_check() -> None:
    world, dispatcher, window = desk(lambda ui: [ui.Button({"ID": "Go"})])
    window.On.Go.Clicked = lambda event: {}["missing"]
    world.ui.steps = [("click", "Go"), ("close", "Main")]
    dispatcher.RunLoop()
    with pytest.raises(AssertionError, match="KeyError"):
        world.check()


def test_a_timer_fires_while_it_runs_and_once_when_it_is_single() -> None:
    world, dispatcher, _ = desk(lambda ui: [])
    ui = world.fusion.UIManager
    timers = []
    dispatcher.On.Timeout = lambda event: timers.append(event["who"])
    often, once, idle = (
        ui.Timer({"ID": name, "Interval": 100, "SingleShot": name == "once"})
        for name in ("often", "once", "idle")
    )
    often.Start()
    once.Start()
    world.ui.steps = [("tick", 2), ("call", often.Stop), ("tick", 2), ("close", "Main")]
    dispatcher.RunLoop()
    assert timers == ["often", "once", "often"]
    assert not idle.IsActive
    world.check()


def test_a_loop_inside_a_loop_and_a_second_window_of_a_name_are_mistakes() -> None:
    world, dispatcher, window = desk(lambda ui: [ui.Button({"ID": "Go"})])
    window.On.Go.Clicked = lambda event: (dispatcher.AddWindow({"ID": "Main"}), dispatcher.RunLoop())
    world.ui.steps = [("click", "Go"), ("call", dispatcher.ExitLoop)]
    dispatcher.RunLoop()
    texts = [text for rule, text in world.violations]
    assert texts == ["a second window called Main", "a RunLoop inside a RunLoop"]


def test_a_file_dialog_answers_what_the_user_picks() -> None:
    world = Simulator()
    world.ui.picks = ["/films/a.srt"]
    assert world.fusion.RequestFile() == "/films/a.srt"
    assert world.fusion.RequestFile() is None  # cancelled

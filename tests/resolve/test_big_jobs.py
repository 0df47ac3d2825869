"""A job too big for the scripting interface, from the window to the real engine, to Resolve and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from localized_run import put_words, timeline
from resolve_simulator import Simulator, build

from dubline.pipeline import localize
from dubline.run import Run
from dubline.values.wishes import LocalizeJob, SeparateWish
from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.placing import BIG
from dubline_resolve.resolve_desk import ResolveDesk
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_uimanager import FusionWindow

LONG = 20000
LINES = BIG + 20


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a whole timeline at 25, each of whose lines has a marker: its translation failed."""
    folder = tmp_path_factory.mktemp("big")
    said = [(n / 25, (n + 1) / 25, f"SPEAKER_{n % 2:02d}", f"Cümle {n}", "") for n in range(LINES)]
    job = LocalizeJob(
        media=timeline(folder, first=0, frames=LINES + 10),
        separate=SeparateWish(separator="builtin"),
        transcribe=None,
    )
    root = folder / "Bölüm 1.dubline"
    with Run(root) as run:
        localize(job, run, threads=1)
        put_words(root, said)
    return root


class Studio:
    """The window over a simulated Studio with the run's timeline open, and the real engine behind it."""

    def __init__(self, root: Path, log: Path) -> None:
        self.world = Simulator("studio-21.0", rate="25")
        clip = str(root.parent / "Bölüm 1.wav")
        build(self.world, {"timelines": [{"name": "Reel 1", "clips": [{"path": clip, "record": 0}]}]})
        answers = {**DEFAULTS, "stems": list(DEFAULTS["stems"]), "copy": False}
        self.model = WindowModel(ResolveDesk(self.world.resolve), Engine(sys.executable, str(log)), answers)
        self.before = self.world.snapshot()

    def use(self, *steps: tuple[Any, ...]) -> None:
        self.world.ui.steps = [*steps, ("close", "DublineWindow")]
        FusionWindow(self.model, self.world.fusion, self.world.bmd, lambda: False).run()
        assert self.world.ui.failures == []
        self.world.check()


def press(button: str) -> tuple[tuple[Any, ...], ...]:
    return (("click", button), ("until", "start", "Enabled", True, LONG))


def test_much_is_imported_updated_and_taken_back(finished: Path, tmp_path: Path) -> None:
    studio = Studio(finished, tmp_path / "engine.log")
    world, model, seen = studio.world, studio.model, {}

    def look(name: str) -> tuple[Any, ...]:
        def keep() -> None:
            seen[name] = {
                "message": model.message,
                "remedy": model.remedy,
                "notes": list(model.notes),
                "folder": model.value("folder"),
                "current": world.project.current.name,
                "names": [one.name for one in world.project.timelines],
            }

        return ("call", keep)

    def scene(name: str) -> tuple[Any, ...]:
        """What is heard and shown on the current timeline."""

        def keep() -> None:
            current = world.project.current
            seen[name] = {
                "sound": {one.name: (one.start, float(one.length)) for one in world.sound(current.name)},
                "subtitles": {one.name: len(one.cues) for one in world.subtitles(current.name)},
                "markers": len(current.markers),
                "original": world.snapshot()["timelines"][0] == studio.before["timelines"][0],
                "appended": world.count("MediaPool.AppendToTimeline"),
                "marker calls": world.count("Timeline.AddMarker"),
            }

        return ("call", keep)

    studio.use(
        ("type", "folder", str(finished)),
        *press("place"),
        look("placed"),
        scene("timeline"),
        *press("place"),
        look("again"),
        *press("undo"),
        look("undone"),
        ("type", "folder", str(finished)),
        ("call", lambda: setattr(world.project, "current", world.timeline("Reel 1 localized"))),
        *press("undo"),
        look("undone again"),
    )
    placed = seen["placed"]
    assert placed["message"].startswith("Imported as a new timeline"), placed
    assert placed["current"] == "Reel 1 localized"
    made = seen["timeline"]
    assert {"vocals", "music", "sfx", "ambient"} & set(made["sound"])
    assert all(start == 0 for start, _ in made["sound"].values()), made
    assert sum(made["subtitles"].values()) >= LINES
    # Resolve takes few of the colours that a timeline file knows: none is lost without a word.
    left_out = LINES - made["markers"]
    assert (f"{left_out} of {LINES} markers did not arrive" in placed["message"]) == (left_out > 0)
    assert (made["marker calls"], made["appended"]) == (0, len(made["subtitles"]))
    assert made["original"], "the timeline that was open was touched"
    assert seen["again"]["current"] == "Reel 1 localized 2", seen["again"]
    assert (seen["undone"]["message"], seen["undone"]["current"]) == (
        "Placement undone.",
        "Reel 1",
    )
    assert seen["undone"]["names"] == ["Reel 1", "Reel 1 localized"]
    assert seen["undone again"]["names"] == ["Reel 1"]
    assert world.snapshot() == studio.before
    assert model.engine.state == "off"


def test_the_window_finds_the_run_of_a_timeline_it_imported(finished: Path, tmp_path: Path) -> None:
    """The folder that is proposed for the new timeline is the run's, so Undo and Place go on with it."""
    studio = Studio(finished, tmp_path / "engine.log")
    folders = []
    studio.use(
        ("type", "folder", str(finished)),
        *press("place"),
        ("type", "folder", ""),
        ("call", lambda: (studio.model._propose(), folders.append(studio.model.value("folder")))),
        *press("undo"),
    )
    assert folders == [str(finished)]
    assert studio.model.message == "Placement undone."
    assert studio.world.snapshot() == studio.before


def test_a_part_of_a_timeline_says_what_to_leave_out(tmp_path: Path) -> None:
    """For a range none can be imported: the engine refuses, the window says what helps, and it does."""
    said = [(n / 25, (n + 1) / 25, "SPEAKER_00", f"Cümle {n}", "") for n in range(LINES)]
    root = tmp_path / "Bölüm 1.dubline"
    job = LocalizeJob(
        media=timeline(tmp_path, first=5, frames=LINES + 10),
        separate=SeparateWish(separator="builtin"),
        transcribe=None,
    )
    with Run(root) as run:
        localize(job, run, threads=1)
        put_words(root, said)
    studio = Studio(root, tmp_path / "engine.log")
    seen: list[Any] = []
    studio.use(
        ("type", "folder", str(root)),
        *press("place"),
        ("call", lambda: seen.append((studio.model.phase, studio.model.remedy, studio.world.snapshot()))),
        ("click", "markers"),
        *press("place"),
    )
    phase, remedy, state = seen[0]
    assert phase == "failed" and "without the takes and the markers" in remedy
    assert state == studio.before
    assert studio.model.message.startswith("Placed and verified"), studio.model.message

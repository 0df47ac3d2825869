"""What can be wrong with a project, an engine or a disk: a sentence in the window, nothing left behind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from plugin_engine import until
from resolve_simulator import Simulator, build

from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.resolve_desk import ResolveDesk
from dubline_resolve.view_model import WindowModel


class Window:
    """The window's model over a simulated Resolve with one clip on one track, and the real engine."""

    def __init__(self, folder: Path, rate: str = "25", start: str = "01:00:00:00") -> None:
        self.folder = folder
        self.clip = str(folder / "Bölüm 1.wav")
        rng = np.random.default_rng(1)
        soundfile.write(self.clip, rng.uniform(-0.2, 0.2, (96000, 2)), 48000, "PCM_24")
        self.world = Simulator("studio-21.0", rate=rate)
        scene = {"name": "Reel 1", "start": start, "clips": [{"path": self.clip, "record": 0}]}
        build(self.world, {"timelines": [scene]})
        self.cut = self.world.timeline("Reel 1")
        self.engine = Engine(sys.executable, str(folder / "engine.log"))
        answers = {**DEFAULTS, "stems": list(DEFAULTS["stems"]), "targets": "", "subtitles": "none"}
        self.model = WindowModel(ResolveDesk(self.world.resolve), self.engine, {**answers, "copy": False})
        self.model.set("folder", str(folder / "Bölüm 1.dubline"))
        self.before = self.world.snapshot()

    def press(self, button: str) -> None:
        self.model.act(button)
        self.wait(lambda: not self.model.running)

    def wait(self, ready: Callable[[], Any]) -> None:
        def look() -> Any:
            self.model.tick()
            return ready()

        until(look)

    def family(self) -> list[psutil.Process]:
        process = psutil.Process(self.engine._process.pid)  # type: ignore[union-attr]
        return [process, *process.children(recursive=True)]


@pytest.fixture
def window(tmp_path: Path) -> Any:
    made = Window(tmp_path)
    yield made
    made.model.close()


def ended(family: list[psutil.Process]) -> bool:
    return all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in family)


def offline(window: Window) -> None:
    Path(window.clip).unlink()


def off(window: Window) -> None:
    window.cut.tracks["audio"][0].enabled = False


def clips_off(window: Window) -> None:
    window.cut.tracks["audio"][0].items[0].enabled = False


def only_titles(window: Window) -> None:
    text = window.folder / "t.srt"
    text.write_text("1\n00:00:01,000 --> 00:00:02,000\nMine.\n", "utf-8")
    window.cut.drop(window.cut.every_item())
    window.cut.AddTrack("subtitle")
    window.world.project.pool.AppendToTimeline(window.world.project.pool.ImportMedia([str(text)]))


def empty(window: Window) -> None:
    window.cut.drop(window.cut.every_item())


def no_timeline(window: Window) -> None:
    window.world.project.current = None


def no_project(window: Window) -> None:
    window.world.manager.current = None


def reversed_marks(window: Window) -> None:
    window.model.set("what", "range")
    window.cut.SetMarkInOut(300, 400)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_project, "No project is open"),
        (no_timeline, "No timeline is open"),
        (empty, "The timeline Reel 1 is empty"),
        (only_titles, "There is no sound on the timeline Reel 1"),
        (off, "There is no sound on the timeline Reel 1"),
        (clips_off, "There is no sound on the timeline Reel 1"),
        (offline, "The clip 'Bölüm 1.wav' at 01:00:00:00 on audio track 1 is offline"),
        (reversed_marks, "There is nothing between the in and out points"),
    ],
)
def test_a_project_that_cannot_be_worked_on(
    window: Window, change: Callable[[Window], None], message: str
) -> None:
    change(window)
    before = window.world.snapshot() if window.world.project else None
    window.press("start")
    assert window.model.phase == "failed"
    assert message in window.model.message, window.model.message
    assert window.model.remedy
    assert window.engine.state == "off", "the engine was asked for nothing"
    assert before is None or window.world.snapshot() == before
    assert not (window.folder / "Bölüm 1.dubline").exists()


def test_a_drop_frame_timeline_with_locked_tracks(tmp_path: Path) -> None:
    """It begins two frames before a minute whose first two labels are dropped."""
    window = Window(tmp_path, "29.97 DF", "00:58:59;28")
    window.cut.tracks["audio"][0].locked = True
    window.before = window.world.snapshot()
    try:
        window.press("start")
        assert window.model.phase == "done", (window.model.message, window.model.remedy)
        window.press("place")
        assert window.model.message.startswith("Placed and verified"), window.model.message
        placed = window.cut.tracks["audio"][1:]
        assert placed and all(track.items[0].start == window.cut.start for track in placed)
        assert not window.cut.tracks["audio"][0].enabled
        window.press("undo")
        assert window.world.snapshot() == window.before
    finally:
        window.model.close()


def test_an_engine_that_is_killed_at_work(window: Window) -> None:
    """Nothing of it stays alive, the window says it, and the next start goes on to a whole run."""
    window.model.act("start")
    window.wait(lambda: window.engine.busy and len(window.family()) > 1)
    family = window.family()
    family[0].kill()
    window.wait(lambda: not window.model.running)
    assert window.model.phase == "failed" and "stopped unexpectedly" in window.model.message
    assert "Press Start again" in window.model.remedy
    until(lambda: ended(family))
    assert window.world.snapshot() == window.before
    window.press("start")
    assert window.model.message == "Ready: 4 stems."
    root = window.folder / "Bölüm 1.dubline"
    left = [path for path in root.rglob("*") if path.name.endswith(".part") or ".part" in path.suffixes]
    assert left == []
    assert {path.name for path in (root / "stems").iterdir()} >= {"vocals.wav", "music.wav"}


@pytest.mark.parametrize("stage", ["the engine starts", "it works", "it plans"])
def test_a_window_that_is_closed_leaves_no_process(window: Window, stage: str) -> None:
    if stage == "it plans":
        window.press("start")
        window.model.act("place")
    else:
        window.model.act("start")
    if stage != "the engine starts":
        window.wait(lambda: window.engine.busy and len(window.family()) > 1)
    family = window.family()
    window.model.close()
    until(lambda: ended(family))
    assert window.world.snapshot() == window.before
    assert window.engine.state == "off"


def test_a_disk_without_room(window: Window) -> None:
    """Files of the engine's can grow no further than a few kilobytes: the stems find no room."""
    resource = pytest.importorskip("resource", reason="this system limits no file's size")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        window.engine.start()  # it keeps the limit that it was born with
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    window.press("start")
    assert window.model.phase == "failed" and window.model.remedy, window.model.message
    assert window.world.snapshot() == window.before
    root = window.folder / "Bölüm 1.dubline"
    assert not (root / "stems").exists() or list((root / "stems").iterdir()) == []
    window.engine.stop()
    window.press("start")
    assert window.model.message == "Ready: 4 stems."


def test_where_no_folder_can_be_made(window: Window) -> None:
    window.model.set("folder", str(Path(window.clip) / "Bölüm 1.dubline"))
    window.press("start")
    assert window.model.phase == "failed" and window.model.remedy
    assert "Traceback" not in window.model.message
    assert window.world.snapshot() == window.before

"""The timeline's mix, rendered: from the window through the render queue and the real engine to the frame."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from resolve_simulator import Simulator, build
from resolve_simulator.listening import hear, write_mix

from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.resolve_desk import PLACES, ResolveDesk
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_uimanager import FusionWindow

LONG = 20000
FIRST, LAST = 30, 89
"""The range's frames, the last one included; the timeline has 120 of them."""


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Simulator, WindowModel]:
    """A timeline at 25 with in and out points, a second track that is off, and a render job of the user's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    rng = np.random.default_rng(5)
    for name in ("Ayşe", "other"):
        soundfile.write(tmp_path / f"{name}.wav", rng.uniform(-0.2, 0.2, (230400, 2)), 48000, "PCM_24")
    world = Simulator("studio-20.2", rate="25")
    clips = [
        {"path": str(tmp_path / "Ayşe.wav"), "record": 0, "track": 1},
        {"path": str(tmp_path / "other.wav"), "record": 0, "track": 2},
    ]
    build(world, {"timelines": [{"name": "Cut", "audio": ["stereo"], "clips": clips}]})
    cut = world.timeline("Cut")
    cut.tracks["audio"][1].enabled = False
    cut.SetMarkInOut(FIRST, LAST)
    world.page = "fairlight"
    world.project.rendering.settings["TargetDir"] = str(tmp_path)
    world.project.rendering.AddRenderJob()
    world.renderer = write_mix
    answers = {**DEFAULTS, "stems": list(DEFAULTS["stems"]), "copy": False}
    engine = Engine(sys.executable, str(tmp_path / "engine.log"))
    return world, WindowModel(ResolveDesk(world.resolve), engine, answers)


def use(world: Simulator, model: WindowModel, *steps: tuple[Any, ...]) -> None:
    world.ui.steps = [
        ("choose", "what", dict(PLACES)["mixdown"]),
        ("type", "targets", ""),
        ("choose", "subtitles", "No subtitles"),
        *steps,
        ("close", "DublineWindow"),
    ]
    FusionWindow(model, world.fusion, world.bmd, lambda: False).run()
    assert world.ui.failures == []
    world.check()


def test_the_mix_is_rendered_separated_and_placed_on_its_frame(
    studio: tuple[Simulator, WindowModel], tmp_path: Path
) -> None:
    world, model = studio
    before = world.snapshot()
    heard = hear(world)
    seen: dict[str, Any] = {}
    use(
        world,
        model,
        ("click", "start"),
        ("until", "start", "Enabled", True, LONG),
        ("call", lambda: seen.update(started=(model.phase, model.message), rendered=world.snapshot())),
        ("click", "place"),
        ("until", "start", "Enabled", True, LONG),
        (
            "call",
            lambda: seen.update(
                placed=(model.phase, model.message),
                sound=world.sound("Cut"),
                heard=hear(world),
                presets=world.count("LoadRenderPreset"),
            ),
        ),
        ("click", "undo"),
        ("until", "start", "Enabled", True, LONG),
    )
    assert seen["started"][0] == "done", seen
    assert seen["rendered"] == before, "the page, the marks, the tracks or the user's job are others now"
    assert world.project.rendering.mode == 1 and seen["presets"] == 1
    (mix,) = (tmp_path / "Dubline" / "mixdowns").iterdir()
    samples, rate = soundfile.read(mix, dtype="float32", always_2d=True)
    per_frame = rate // 25
    assert len(samples) == (LAST + 1 - FIRST) * per_frame
    part = slice(FIRST * per_frame, (LAST + 1) * per_frame)
    # The track that was off is not in it: what was heard is what was rendered.
    assert np.abs(samples.T - heard[:, part]).max() < 1e-6
    assert seen["placed"][1].startswith("Placed and verified"), seen
    assert {float(one.start) for one in seen["sound"]} == {FIRST / 25}
    assert {float(one.length) for one in seen["sound"]} == {(LAST + 1 - FIRST) / 25}
    # The stems together are the mix again, on the very sample, and silent elsewhere.
    stems = seen["heard"][:, part]
    assert np.abs(stems - heard[:, part]).max() < 1e-3
    assert not seen["heard"][:, : FIRST * per_frame].any()
    assert world.snapshot() == before


@pytest.mark.parametrize("way", ["fails", "cancelled", "closed"])
def test_a_render_that_comes_to_nothing_leaves_nothing(
    studio: tuple[Simulator, WindowModel], tmp_path: Path, way: str
) -> None:
    world, model = studio
    before = world.snapshot()
    steps: tuple[tuple[Any, ...], ...] = (("until", "start", "Enabled", True, LONG),)
    if way == "fails":
        world.faults.render_fails = "Nicht genug Speicherplatz"
    else:
        world.faults.render_polls = 10**6
        steps = (("until", "progress", "Text", "Rendering the sound", 500),)
        steps += (("click", "cancel"),) * (way == "cancelled")
    use(world, model, ("click", "start"), *steps)
    assert model.phase == {"fails": "failed", "cancelled": "stopped", "closed": "rendering"}[way]
    assert ("Nicht genug" in model.message) == (way == "fails")
    assert world.snapshot() == before
    assert not world.project.rendering.IsRenderingInProgress()
    assert list((tmp_path / "Dubline" / "mixdowns").iterdir()) == []
    assert model.engine.state == "off"

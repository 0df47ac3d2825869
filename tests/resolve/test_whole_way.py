"""From the window to the dub on the timeline: real speech, the real engine, tiny models."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import soundfile
import tiny_translator
from plugin_engine import until
from resolve_simulator import Simulator, build
from shared_media import Shared
from tiny_whisper_folder import tiny_whisper

from dubline.values.dubbed import read_dub
from dubline.weights.intake_folders import import_folder
from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.resolve_desk import ResolveDesk
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_uimanager import FusionWindow

OPUS = "models--Helsinki-NLP--opus-mt-tc-big-tr-en"
LONG = 20000


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Shared) -> tuple[Simulator, WindowModel]:
    """Studio with a timeline at 24000/1001, on which two readers speak from frame 24 on."""
    if not all(map(find_spec, ("faster_whisper", "resemblyzer", "silero_vad"))):
        pytest.skip("faster-whisper or the built-in diarizer's weights are not here")
    import_folder(tiny_whisper() / "ct2", name="tiny")
    snapshot = tmp_path / "hub" / OPUS / "snapshots" / "1"
    shutil.copytree(tiny_translator.folder(), snapshot)
    (tmp_path / "hub" / OPUS / "refs").mkdir()
    (tmp_path / "hub" / OPUS / "refs" / "main").write_text("1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    samples, rate = soundfile.read(
        shared("scene/dialogue.flac"), start=48000 * 6, stop=48000 * 13, always_2d=True
    )
    soundfile.write(tmp_path / "Konuşma.wav", samples, rate, "PCM_24")
    world = Simulator("studio-20.2", rate="23.976")
    clip = {"path": str(tmp_path / "Konuşma.wav"), "record": 24}
    build(world, {"timelines": [{"name": "Reel 1", "clips": [clip]}]})
    engine = Engine(sys.executable, str(tmp_path / "engine.log"))
    answers = {**DEFAULTS, "stems": list(DEFAULTS["stems"]), "copy": False}
    return world, WindowModel(ResolveDesk(world.resolve), engine, answers)


@pytest.mark.program("espeak-ng")
def test_a_timeline_is_dubbed_and_the_dub_is_on_it(
    window: tuple[Simulator, WindowModel], tmp_path: Path
) -> None:
    world, model = window
    before, seen = world.snapshot(), {}

    def keep() -> None:
        seen["message"], seen["run"] = (model.message, model.remedy), Path(model.value("folder"))

    def look() -> None:
        seen["sound"] = {one.name: one for one in world.sound("Reel 1")}
        seen["subtitles"] = {one.name for one in world.subtitles("Reel 1")}
        seen["placed"] = model.message

    def offered() -> None:
        """The engine starts with the window, and says which voices there are."""
        model.engine.start()
        until(lambda: model.tick() or "espeak-ng" in dict(model.view()["options"]["voice"]))

    press: Any = lambda button: (("click", button), ("until", "start", "Enabled", True, LONG))  # noqa: E731
    world.ui.steps = [
        ("type", "folder", str(tmp_path / "Reel 1.dubline")),
        ("choose", "source", "Turkish"),
        ("type", "targets", "English"),
        ("call", offered),
        ("tick", 1),
        ("choose", "voice", "espeak-ng"),
        *press("start"),
        ("call", keep),
        *press("place"),
        ("call", look),
        *press("undo"),
        ("close", "DublineWindow"),
    ]
    FusionWindow(model, world.fusion, world.bmd, lambda: False).run()
    assert world.ui.failures == []
    world.check()
    run = seen["run"]
    assert (run / "work/dubbed.json").is_file(), seen
    dub = read_dub(run / "work/dubbed.json")
    assert dub.language == "en" and dub.mix is not None, seen
    assert {take.state for take in dub.takes.takes} <= {"spoken", "too_long", "silent"}
    # The dub holds music and effects: it sounds alone, from the frame on at which the timeline begins.
    assert list(seen["sound"]) == ["dub en"], seen
    assert seen["sound"]["dub en"].start == 0
    assert {name.split()[0] for name in seen["subtitles"]} == {"tr", "en"}
    assert world.snapshot() == before
    assert model.engine.state == "off"

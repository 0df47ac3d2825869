"""A plan that the engine made of a real run, on the simulated timeline; and the plug-in on an old Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
from localized_run import SAID, localized_run, put_dub
from resolve_simulator import Simulator, build

import dubline_resolve
from dubline.programme.resolve_plan import make_plan, plan_json
from dubline.values.resolve import ResolveTimeline, Want
from dubline_resolve.cue_reading import read_cues
from dubline_resolve.objects import Session, drive
from dubline_resolve.placing import place
from dubline_resolve.undo import undo


def test_a_plan_of_the_engine(tmp_path: Path) -> None:
    """A real run's range of a timeline at 25, placed, read back, updated and taken away."""
    root = localized_run(tmp_path)
    world = Simulator("studio-20.2", rate="25")
    original = str(tmp_path / "Bölüm 1.wav")
    build(world, {"timelines": [{"name": "Reel 1", "clips": [{"path": original, "record": 0}]}]})
    before = world.snapshot()
    session = Session(world.resolve)
    timeline = msgspec.convert(session.description(), ResolveTimeline)
    plan = plan_json(make_plan(root, timeline, Want()))
    plan = json.loads(json.dumps(plan))
    result = drive(place(session, plan))
    assert [note for note in result["notes"] if "outside of that" not in note] == []
    assert {(one.start, one.length) for one in world.sound("Reel 1")} == {(Fraction(1), Fraction(2))}
    shown = {one.name: one.cues for one in world.subtitles("Reel 1")}
    assert set(shown) == {"tr Ayşe", "tr Tom / Co", "en Ayşe", "en Tom / Co"}
    for subtitle in plan["subtitles"]:
        assert shown[subtitle["name"]] == [(a, b, text) for a, b, text, _ in subtitle["cues"]]
    again = json.loads(json.dumps(plan_json(make_plan(root, timeline, Want()))))
    assert drive(place(Session(world.resolve), again))["kept"] == 6
    texts = {each["language"]: each["cues"] for each in read_cues(Session(world.resolve), str(root))}
    assert set(texts) == {"tr", "en"} and min(cue["start"] for cue in texts["tr"]) >= 1
    assert drive(undo(Session(world.resolve), str(root))) == []
    assert world.snapshot() == before
    world.check()


def test_a_dub_of_the_engines(tmp_path: Path) -> None:
    """The mix heard, stems and takes silent below it; takes to the frame; taken away without a trace."""
    root = localized_run(tmp_path, first=0)
    dub = put_dub(root, SAID)
    world = Simulator("studio-21.0", rate="25")
    original = str(tmp_path / "Bölüm 1.wav")
    build(world, {"timelines": [{"name": "Reel 1", "clips": [{"path": original, "record": 0}]}]})
    before = world.snapshot()
    timeline = msgspec.convert(Session(world.resolve).description(), ResolveTimeline)

    def plan(**want: Any) -> Any:
        return json.loads(json.dumps(plan_json(make_plan(root, timeline, Want(**want)))))

    assert drive(place(Session(world.resolve), plan()))["notes"] is not None
    assert {one.name for one in world.sound("Reel 1")} == {"dub en"}
    assert not any("takes" in track.name for track in world.timeline("Reel 1").tracks["audio"])
    with_takes = plan(takes=True)
    drive(place(Session(world.resolve), with_takes))
    world.check()
    assert world.dropped == []
    lie = {
        track.name: sorted((item.start - timeline.start, item.length) for item in track.items)
        for track in world.timeline("Reel 1").tracks["audio"]
    }
    takes = [sound for sound in with_takes["audio"] if sound["clips"]]
    spoken = [take for take in dub.takes.takes if take.state != "failed"]
    assert sum(len(sound["clips"]) for sound in takes) == len(spoken) > 0
    for sound in takes:
        assert lie[sound["name"]] == [(clip["record"], clip["frames"]) for clip in sound["clips"]]
    # Lines that are spoken no more: their tracks go, and the stems are not touched.
    ids = {t.name: [i.uid for i in t.items] for t in world.timeline("Reel 1").tracks["audio"]}
    put_dub(root, SAID[:1] + tuple((*line[:4], "") for line in SAID[1:]))
    drive(place(Session(world.resolve), plan(takes=True)))
    after = {t.name: [i.uid for i in t.items] for t in world.timeline("Reel 1").tracks["audio"]}
    assert {name for name in ids if after.get(name) == ids[name]} >= {"music", "vocals"}
    assert not any(name.startswith("takes en Tom") for name in after)
    assert drive(undo(Session(world.resolve), str(root))) == []
    assert world.snapshot() == before


def test_only_the_standard_library(tmp_path: Path) -> None:
    """Every module of the plug-in side, on the oldest Python there is here, isolated from all packages."""
    python = next(filter(None, map(oldest, ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11"))))
    folder = Path(dubline_resolve.__file__).parent
    names = [path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "window_tk")]
    code = f"import sys; sys.path.insert(0, {str(folder.parent)!r})\n"
    code += "".join(f"import dubline_resolve.{name}\n" for name in names)
    subprocess.run([python, "-I", "-S", "-c", code], check=True, capture_output=True, timeout=60)


def oldest(version: str) -> str | None:
    """An interpreter of a version that runs, from the path or where pyenv keeps them."""
    paths = [shutil.which(f"python{version}")]
    paths += [str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    for path in filter(None, paths):
        if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    return None

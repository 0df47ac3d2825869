"""Words changed in Resolve reach the translation: placed, edited on the timeline, read, taken back."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from localized_run import localized_run
from resolve_simulator import Simulator, build

from dubline.programme.resolve_plan import make_plan, plan_json
from dubline.serve.requests import HostCue, Subtitles
from dubline.serve.returned import take_back
from dubline.values.resolve import ResolveTimeline, Want
from dubline.values.translated import read_translation
from dubline_resolve.cue_reading import read_cues
from dubline_resolve.objects import Session, drive
from dubline_resolve.placing import place


def test_a_cue_that_was_edited_in_resolve_is_locked_in_the_translation(tmp_path: Path) -> None:
    root = localized_run(tmp_path)
    before = read_translation(root / "translated.json")
    world = Simulator("studio-20.2", rate="25")
    build(
        world,
        {"timelines": [{"name": "Reel 1", "clips": [{"path": str(tmp_path / "Bölüm 1.wav"), "record": 0}]}]},
    )
    session = Session(world.resolve)
    timeline = msgspec.convert(session.description(), ResolveTimeline)
    drive(place(session, json.loads(json.dumps(plan_json(make_plan(root, timeline, Want()))))))
    # The editor types other words into one cue of the English tracks.
    tracks = {track.name: track for track in world.timeline("Reel 1").tracks["subtitle"]}
    item = next(track for name, track in tracks.items() if name.startswith("en ")).items[0]
    was = item.name
    item.name = "Words of the editor."
    (english,) = (e for e in read_cues(Session(world.resolve), str(root)) if e["language"] == "en")
    report = take_back(
        Subtitles(
            id=1,
            folder=str(root),
            language="en",
            cues=tuple(msgspec.convert(cue, HostCue) for cue in english["cues"]),
        )
    )
    after = read_translation(root / "translated.json")
    changed = [s for s in after.segments if s.text != before[s.id].text]
    assert [(s.text, s.locked) for s in changed] == [("Words of the editor.", True)], report
    assert before[changed[0].id].text == was
    assert [(s.id, s.start, s.end, s.speaker) for s in after.segments] == [
        (s.id, s.start, s.end, s.speaker) for s in before.segments
    ]

"""Big jobs by one import: a new timeline with the sounds, and the subtitles laid on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from resolve_scene import STEMS, Film

from dubline_resolve.importing import import_timeline, media_of
from dubline_resolve.objects import Refused, drive
from dubline_resolve.undo import undo


def write_otio(film: Film, plan: dict[str, Any]) -> Path:
    """A plain timeline of the plan's sounds; the plan then names it."""
    rate = float(film.rate)

    def span(start: int, frames: int) -> dict[str, Any]:
        def time(value: int) -> dict[str, Any]:
            return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(value)}

        return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(frames)}

    tracks = [
        {
            "OTIO_SCHEMA": "Track.1",
            "kind": "Audio",
            "name": sound["name"],
            "children": [
                {
                    "OTIO_SCHEMA": "Clip.1",
                    "name": Path(sound["path"]).name,
                    "source_range": span(0, film.frames),
                    "media_reference": {
                        "OTIO_SCHEMA": "ExternalReference.1",
                        "target_url": Path(sound["path"]).as_uri(),
                        "available_range": span(0, film.frames),
                    },
                }
            ],
        }
        for sound in plan["audio"]
    ]
    tree = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": "x",
        "global_start_time": span(film.cut.start, 0)["start_time"],
        "tracks": {"OTIO_SCHEMA": "Stack.1", "children": tracks, "markers": []},
    }
    path = film.run / "resolve" / "big.otio"
    path.write_text(json.dumps(tree), "utf-8")
    plan["otio"] = str(path)
    return path


@pytest.mark.parametrize("switches", [True, False])
@pytest.mark.parametrize("rate", ["24", "23.976"])
def test_import_and_undo(tmp_path: Path, rate: str, switches: bool) -> None:
    film = Film(tmp_path, rate, import_switches=switches)
    before = film.state()
    plan = film.plan()
    write_otio(film, plan)
    done = drive(import_timeline(film.session(), plan))
    film.world.check()
    assert done["timeline"] == "Cut localized" and done["notes"] == [] and done["placed"] == 4
    assert [(one.name, one.start) for one in film.world.sound()] == [(stem, 0) for stem in STEMS]
    shown = {one.name: one.cues for one in film.world.subtitles()}
    assert shown["en Ayşe"] == [(a, b, text) for a, b, text, _ in plan["subtitles"][2]["cues"]]
    assert film.state()["timelines"][0] == before["timelines"][0]
    assert film.state()["bin"] == before["bin"]
    # A taken name is refused without a word: another is chosen.
    film.world.project.current = film.cut
    again = film.plan()
    write_otio(film, again)
    assert drive(import_timeline(film.session(), again))["timeline"] == "Cut localized 2"
    assert drive(undo(film.session(), str(film.run))) == []
    assert [len(track.items) for track in film.world.timeline("Cut localized").tracks["audio"]] == [1] * 5
    film.world.project.current = film.world.timeline("Cut localized")
    assert drive(undo(film.session(), str(film.run))) == []
    film.world.project.current = film.cut
    assert film.state() == before


def test_missing_media_is_named(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    path = write_otio(film, plan)
    assert media_of(str(path)) == [sound["path"] for sound in plan["audio"]]
    tree = path.read_text("utf-8").replace("Episode%20music", "Gone")
    path.write_text(tree, "utf-8")
    before = film.state()
    with pytest.raises(Refused, match=r"Gone\.wav is missing"):
        drive(import_timeline(film.session(), plan))
    path.write_text("{", "utf-8")
    with pytest.raises(Refused, match="cannot be read"):
        drive(import_timeline(film.session(), plan))
    with pytest.raises(Refused, match="no timeline to import"):
        drive(import_timeline(film.session(), dict(plan, otio="")))
    assert film.state() == before


def test_what_resolve_does_not_import_leaves_nothing(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    path = write_otio(film, plan)
    path.write_text(path.read_text("utf-8").replace('"value": 240.0', '"value": 9999.0'), "utf-8")
    before = film.state()
    with pytest.raises(Refused, match="did not import"):
        drive(import_timeline(film.session(), plan))
    assert film.state() == before


def test_cancelled_anywhere(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    write_otio(film, plan)
    before = film.state()
    for stop in range(1, 6):
        steps = import_timeline(film.session(), plan)
        for _ in range(stop):
            next(steps)
        steps.close()
        assert film.state() == before, stop

"""Big jobs by one import: a new timeline with the sounds, and the subtitles laid on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from resolve_scene import STEMS, Film, take_track, write_otio
from resolve_simulator import ResolveCrashed

from dubline_resolve.importing import import_timeline, media_of
from dubline_resolve.objects import Refused, drive
from dubline_resolve.placing import is_big
from dubline_resolve.undo import undo


@pytest.mark.parametrize("switches", [True, False])
@pytest.mark.parametrize("rate", ["24", "23.976"])
def test_import_and_undo(tmp_path: Path, rate: str, switches: bool) -> None:
    film = Film(tmp_path, rate, import_switches=switches)
    before = film.state()
    plan = film.plan()
    write_otio(film, plan)
    result = drive(import_timeline(film.session(), plan))
    film.world.check()
    assert result["timeline"] == "Cut localized" and result["notes"] == [] and result["placed"] == 4
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
    assert film.world.project.current is film.cut  # where one was before
    film.world.project.current = film.world.timeline("Cut localized")
    assert drive(undo(film.session(), str(film.run))) == []
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


def test_takes_and_markers_are_looked_at_too(tmp_path: Path) -> None:
    film = Film(tmp_path, frames=4000)
    plan = film.plan(markers=tuple(range(0, 400, 4)))
    plan["audio"].append(take_track(film, "Ayşe", [(12 * n, 10) for n in range(310)]))
    path = write_otio(film, plan)
    assert is_big(plan)
    before = film.state()
    result = drive(import_timeline(film.session(), plan))
    assert (result["markers"], result["notes"]) == (100, [])
    assert len(film.world.timeline().tracks["audio"][-1].items) == 310
    assert drive(undo(film.session(), str(film.run))) == []
    assert film.state() == before
    # A take that is left out, and a track that lies elsewhere: nothing of the timeline stays.
    whole = path.read_text("utf-8")
    for old, new in (('"value": 2.0', '"value": 3.0'), ("takes en Ay", "takes en Ey")):
        path.write_text(whole.replace(old, new), "utf-8")
        with pytest.raises(Refused, match="lacks the sound takes"):
            drive(import_timeline(film.session(), plan))
        assert film.state() == before
    tree = json.loads(whole)
    tree["tracks"]["markers"] = tree["tracks"]["markers"][:90]
    path.write_text(json.dumps(tree), "utf-8")
    assert drive(import_timeline(film.session(), plan))["notes"] == ["10 of 100 markers did not arrive"]


def test_an_imported_timeline_is_imported_anew_never_placed_on(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    write_otio(film, plan)
    drive(import_timeline(film.session(), plan))
    made = film.state()
    with pytest.raises(Refused, match="was imported by this run"):
        film.place(film.plan())
    assert film.state() == made
    again = film.plan()
    write_otio(film, again)
    assert drive(import_timeline(film.session(), again))["timeline"] == "Cut localized 2"
    assert drive(undo(film.session(), str(film.run))) == []
    assert film.world.project.current is film.cut


def test_a_crash_in_the_middle_is_cleared_away_next_time(tmp_path: Path) -> None:
    film = Film(tmp_path)
    before = film.state()
    plan = film.plan()
    write_otio(film, plan)
    film.world.faults.crash_at = {"MediaPool.AppendToTimeline": 2}
    with pytest.raises(ResolveCrashed):
        drive(import_timeline(film.session(), plan))
    film.world.dead, film.world.faults.crash_at = "", {}
    film.world.project.current = film.cut
    again = film.plan()
    write_otio(film, again)
    assert drive(import_timeline(film.session(), again))["timeline"] == "Cut localized"
    assert drive(undo(film.session(), str(film.run))) == []
    assert film.state() == before
    assert not (film.run / "resolve" / "receipt-unfinished.json").exists()


def test_a_full_disk_is_found_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    write_otio(film, plan)
    before = film.state()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dubline_resolve.receipt.os.fsync", full)
    with pytest.raises(Refused, match="No space left"):
        drive(import_timeline(film.session(), plan))
    assert film.state() == before

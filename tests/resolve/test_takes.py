"""Takes of a dub on the timeline: many clips on a track, to the frame, updated and taken away as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from resolve_scene import Film, calls, take_track

from dubline_resolve.objects import Refused, drive
from dubline_resolve.placing import BIG, is_big, place
from dubline_resolve.reading import read_timeline
from dubline_resolve.undo import undo

SPANS = [(10, 12), (22, 5), (40, 30), (100, 1), (101, 20)]


def with_takes(film: Film, version: str = "", **more: Any) -> dict[str, Any]:
    """Stems, a dub, and the takes of two speakers, the second of whom has one line."""
    plan = film.plan(markers=(), **more)
    plan["audio"] += [take_track(film, "Ayşe", SPANS, version), take_track(film, "Tom", [(75, 20)])]
    return plan


def lie(film: Film, name: str) -> list[tuple[int, int]]:
    """(first frame, frames) of what lies on an audio track."""
    (track,) = (track for track in film.cut.tracks["audio"] if track.name == name)
    return sorted((item.start - film.cut.start, item.length) for item in track.items)


@pytest.mark.parametrize("rate", ["23.976", "25", "29.97 DF", "59.94"])
def test_each_take_lies_on_its_frame(tmp_path: Path, rate: str) -> None:
    film = Film(tmp_path, rate)
    before = film.state()
    result = film.place(with_takes(film))
    film.world.check()
    assert result["notes"] == [] and film.world.dropped == []
    assert lie(film, "takes en Ayşe") == SPANS and lie(film, "takes en Tom") == [(75, 20)]
    tracks = {track.name: track for track in film.cut.tracks["audio"]}
    assert not tracks["takes en Ayşe"].enabled and tracks["dub"].enabled
    assert not tracks["Audio 1"].enabled
    # All sounds of all tracks by one call.
    subtitles = len(film.cut.tracks["subtitle"])
    assert film.world.count("AppendToTimeline") == 1 + subtitles
    assert drive(undo(film.session(), str(film.run))) == []
    assert film.state() == before


def test_one_line_spoken_anew_changes_its_track_alone(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(with_takes(film))
    before = {track.name: [item.uid for item in track.items] for track in film.cut.tracks["audio"]}
    plan = with_takes(film)
    (takes,) = (sound for sound in plan["audio"] if sound["name"] == "takes en Ayşe")
    takes["clips"][2] = take_track(film, "Ayşe", [(1, 1), (1, 1), (40, 28)], " b")["clips"][2]
    result = film.place(plan)
    assert (result["placed"], result["removed"], result["notes"]) == (1, 1, [])
    assert lie(film, "takes en Ayşe") == [span if span != (40, 30) else (40, 28) for span in SPANS]
    after = {track.name: [item.uid for item in track.items] for track in film.cut.tracks["audio"]}
    assert {name for name in before if before[name] != after[name]} == {"takes en Ayşe"}
    # The take that nobody needs has left the pool, those that are still played have not.
    names = [clip["name"] for clip in film.state()["bins"][1]["clips"]]
    assert "en Ayşe 00003.wav" not in names and "en Ayşe 00003 b.wav" in names
    assert "en Ayşe 00001.wav" in names
    assert film.place(plan)["placed"] == 0


def test_a_take_that_finds_no_room_is_not_lost_without_a_word(tmp_path: Path) -> None:
    """Resolve skips what would lie on another clip; nothing stays, and the way round is named."""
    film = Film(tmp_path)
    plan = with_takes(film)
    before = film.state()
    plan["audio"][-2]["clips"][1]["record"] = 21
    with pytest.raises(Refused, match="placed 4 of 5 clips of takes en Ayşe"):
        film.place(plan)
    assert film.state() == before


def test_takes_that_are_lost_or_late(tmp_path: Path) -> None:
    film = Film(tmp_path)
    before = film.state()
    film.world.faults.append_lost_at_save = True
    with pytest.raises(Refused, match="when it saved"):
        film.place(with_takes(film))
    assert film.state() == before
    film.world.faults.append_lost_at_save = False
    film.world.faults.append_returns_none, film.world.faults.visible_after = True, 3
    assert film.place(with_takes(film))["notes"] == []
    assert lie(film, "takes en Ayşe") == SPANS


def test_cancelled_anywhere_nothing_of_them_stays(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = with_takes(film)
    before = film.state()
    stop, ended = 0, False
    while not ended:
        stop += 1
        steps = place(film.session(), plan)
        for _ in range(stop):
            ended = next(steps).text.startswith(("Saving", "Placed"))
        steps.close()
        assert film.state() == before, stop
    assert stop > 10


def test_what_the_user_put_between_them_stays(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(with_takes(film))
    mine = film.world.project.pool.take_in(film.original)
    (index,) = (n for n, track in enumerate(film.cut.tracks["audio"], 1) if track.name == "takes en Ayşe")
    film.world.project.pool.AppendToTimeline(
        [{"mediaPoolItem": mine, "trackIndex": index, "recordFrame": film.cut.start + 1000}]
    )
    notes = drive(undo(film.session(), str(film.run)))
    assert any("takes en Ayşe stays with one item" in note for note in notes)
    assert [len(track.items) for track in film.cut.tracks["audio"][1:]] == [1]


def test_stems_give_way_to_a_dub_that_comes_later(tmp_path: Path) -> None:
    """And come back on when it goes; what the user switched meanwhile stays, unless the plan changes."""
    film = Film(tmp_path)
    stems = ("vocals", "music")
    on = {track.name: track for track in film.cut.tracks["audio"]}

    def place_with(dub: bool) -> dict[str, bool]:
        plan = film.plan(stems=(*stems, "dub") if dub else stems, markers=())
        for sound in plan["audio"]:
            sound["enabled"] = sound["name"] == "dub" or not dub
        assert film.place(plan)["notes"] == []
        on.update({track.name: track for track in film.cut.tracks["audio"]})
        return {track.name: track.enabled for track in film.cut.tracks["audio"][1:]}

    assert place_with(False) == {"vocals": True, "music": True}
    assert place_with(True) == {"vocals": False, "music": False, "dub": True}
    on["music"].enabled = True
    assert place_with(True) == {"vocals": False, "music": True, "dub": True}
    assert place_with(False) == {"vocals": True, "music": True}


def test_takes_alone_do_not_silence_the_original(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan(stems=(), markers=())
    plan["audio"] = [take_track(film, "Tom", [(75, 20)])]
    plan["audio"][0]["enabled"] = True
    film.place(plan)
    assert film.cut.tracks["audio"][0].enabled


def test_takes_are_not_worked_on_again(tmp_path: Path) -> None:
    """A run that is started anew hears the original, not what was placed for it."""
    film = Film(tmp_path)
    plan = with_takes(film)
    plan["audio"][-2]["enabled"] = True
    film.place(plan)
    reading = read_timeline(film.session(), run=str(film.run))
    assert [clip["path"] for clip in reading["media"]["clips"]] == [film.original]


def test_many_takes_are_imported(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan(markers=(), stems=())
    plan["audio"] = [{"path": "", "clips": [{"path": "x", "record": n, "frames": 1} for n in range(BIG - 4)]}]
    assert not is_big(plan)
    plan["audio"][0]["clips"].append({"path": "x", "record": BIG, "frames": 1})
    assert is_big(plan)


def test_a_take_costs_two_reads_and_a_half(tmp_path: Path) -> None:
    film = Film(tmp_path, frames=4000)
    seen = []
    for many in (100, 200):
        plan = film.plan(markers=(), stems=(), languages=(), sound=str(many))
        plan["mute"] = []
        plan["audio"] = [take_track(film, f"S{many}", [(12 * n, 10) for n in range(many)])]
        film.world.calls.clear()
        film.place(plan)
        seen.append(sum(calls(film)))
        drive(undo(film.session(), str(film.run)))
    # Two reads in the pool, its name and id, and half a one on the track.
    assert seen[1] - seen[0] <= 2.5 * 100 + 6

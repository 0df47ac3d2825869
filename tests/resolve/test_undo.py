"""Undo removes what the receipt lists, wherever it has moved to, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from resolve_scene import Film, write_wav

from dubline_resolve.objects import Refused, drive
from dubline_resolve.undo import undo


def take_back(film: Film) -> list[str]:
    notes: list[str] = drive(undo(film.session(), str(film.run)))
    return notes


def test_everything_is_as_before(tmp_path: Path) -> None:
    film = Film(tmp_path, user_subtitles=(True, False))
    before = film.state()
    film.place(film.plan())
    assert film.state() != before
    assert take_back(film) == []
    film.world.check()
    assert film.state() == before
    assert not (film.run / "resolve" / "receipt.json").exists()
    with pytest.raises(Refused, match="nothing of Episode"):
        take_back(film)


def test_after_updates_too(tmp_path: Path) -> None:
    film = Film(tmp_path, user_subtitles=(True,))
    before = film.state()
    film.place(film.plan())
    film.place(film.plan(sound=" b", prefix="New", markers=(50, 90)))
    film.place(film.plan(sound=" c", languages=("en",)))
    assert take_back(film) == []
    assert film.state() == before


def test_tracks_that_moved(tmp_path: Path) -> None:
    """The user put a track below ours and renamed one of ours."""
    film = Film(tmp_path)
    film.place(film.plan())
    film.cut.add_track("audio", "mono", at=1)
    film.cut.add_track("subtitle", at=0)
    film.cut.tracks["audio"][3].name = "M1"
    assert take_back(film) == []
    assert [track.name for track in film.cut.tracks["audio"]] == ["Audio 1", "Audio 7"]
    assert len(film.cut.tracks["subtitle"]) == 1 and film.cut.tracks["audio"][0].enabled


def test_what_the_user_put_on_our_tracks_stays(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    mine = film.world.project.pool.take_in(write_wav(tmp_path / "extra.wav", 48000))
    film.cut.add_track("audio", "stereo")
    film.world.project.pool.AppendToTimeline(
        [{"mediaPoolItem": mine, "trackIndex": 2, "recordFrame": film.cut.start + 500}]
    )
    film.world.page = "color"
    notes = take_back(film)
    assert any("vocals stays with one item" in note for note in notes)
    assert [item.name for track in film.cut.tracks["audio"][1:] for item in track.items] == ["extra.wav"]
    assert film.world.page == "color"
    film.world.check()


def test_a_stem_that_is_used_elsewhere_stays_in_the_pool(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    film.cut.DuplicateTimeline("Version 2")
    film.world.project.current = film.cut
    notes = take_back(film)
    assert any("used elsewhere" in note for note in notes)
    other = film.world.timeline("Version 2")
    assert [len(track.items) for track in other.tracks["audio"]] == [1] * 6
    assert len(film.cut.tracks["audio"]) == 1


def test_locked_tracks_of_ours_go(tmp_path: Path) -> None:
    film = Film(tmp_path)
    before = film.state()
    film.place(film.plan())
    for track in (*film.cut.tracks["audio"][1:], *film.cut.tracks["subtitle"]):
        track.locked = True
    assert take_back(film) == []
    assert film.state() == before


def test_what_the_user_deleted_or_switched_by_hand(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    film.cut.DeleteTrack("audio", 3)
    film.cut.DeleteMarkerAtFrame(50)
    film.cut.tracks["audio"][0].enabled = True
    film.cut.tracks["audio"][0].name = "Dialogue"
    notes = take_back(film)
    assert len(film.cut.tracks["audio"]) == 1 and film.cut.tracks["audio"][0].enabled
    assert [marker["customData"] for marker in film.cut.markers.values()] == ["other:1"]
    assert notes == ["the audio track Audio 1 could not be switched on again: do it by hand"]


def test_resolve_says_no_at_first(tmp_path: Path) -> None:
    film = Film(tmp_path)
    before = film.state()
    film.place(film.plan())
    film.world.faults.delete_flaky = 1
    assert take_back(film) == []
    assert film.state() == before


def test_another_timeline_is_told_where_it_lies(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    film.world.project.new_timeline("Trailer")
    with pytest.raises(Refused, match="It was placed on Cut"):
        take_back(film)
    assert len(film.cut.tracks["audio"]) == 6

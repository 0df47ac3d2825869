"""A plan on the timeline: to the frame, nothing of the user's touched, nothing left of what went wrong."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from resolve_scene import RATES, STEMS, Film, calls, feature, stamp
from resolve_simulator import ResolveCrashed

from dubline_resolve.objects import Refused, Session, drive
from dubline_resolve.placing import is_big, place
from dubline_resolve.undo import undo


@pytest.mark.parametrize("start", ["00:00:00:00", "01:00:00:00", "10:00:00:00"])
@pytest.mark.parametrize("rate", list(RATES))
def test_everything_lies_where_it_belongs(tmp_path: Path, rate: str, start: str) -> None:
    film = Film(tmp_path, rate, start)
    plan = film.plan(cues=20)
    result = film.place(plan)
    film.world.check()
    assert result["placed"] == 9 and result["notes"] == []
    heard = {one.name: one for one in film.world.sound("Cut")}
    assert set(heard) == set(STEMS)  # the original is off
    for one in heard.values():
        assert one.start == 0 and one.source == 0
        assert one.length >= Fraction(film.frames - 1) / film.rate
    shown = {one.name: one for one in film.world.subtitles("Cut")}
    for subtitle in plan["subtitles"]:
        cues = [(a, b, text) for a, b, text, _ in subtitle["cues"]]
        assert shown[subtitle["name"]].cues == cues
    assert film.world.dropped == [] and film.world.unknown == [] and film.world.stale == []


def test_rounding_down_is_within_a_frame(tmp_path: Path) -> None:
    film = Film(tmp_path, "23.976", subtitle_rounding="floor")
    plan = film.plan(cues=20)
    assert film.place(plan)["notes"] == []
    shown = {one.name: one.cues for one in film.world.subtitles("Cut")}
    for subtitle in plan["subtitles"]:
        for (a, b, _, _), (first, end, _) in zip(subtitle["cues"], shown[subtitle["name"]], strict=True):
            assert abs(a - first) <= 1 and abs(b - end) <= 1


@pytest.mark.parametrize(
    "name", ["studio-18.6", "studio-19.1", "studio-20.2", "studio-21.1", "free-19.0", "free-21.0"]
)
def test_every_edition_with_python(tmp_path: Path, name: str) -> None:
    film = Film(tmp_path, name=name)
    before = film.state()
    assert film.place(film.plan())["notes"] == []
    film.world.check()
    assert film.world.unknown == []
    for key in ("page", "current", "bin", "jobs", "settings"):
        assert film.state()[key] == before[key]


def test_what_the_user_had_stays(tmp_path: Path) -> None:
    film = Film(tmp_path, user_subtitles=(True, False))
    film.cut.playhead += 33
    film.cut.SetMarkInOut(3, 50)
    film.world.page = "fairlight"
    before = film.state()["timelines"][0]
    film.place(film.plan())
    after = film.state()["timelines"][0]
    assert film.world.page == "fairlight"
    assert after["playhead"] == before["playhead"] and after["marks"] == before["marks"]
    assert after["tracks"]["subtitle"][:2] == before["tracks"]["subtitle"]
    assert not any(track["enabled"] for track in after["tracks"]["subtitle"][2:])
    assert after["tracks"]["audio"][0]["items"] == before["tracks"]["audio"][0]["items"]
    assert after["tracks"]["audio"][0]["enabled"] is False
    assert after["markers"]["7"] == before["markers"]["7"]
    # Our marker of that frame lies on the next one.
    assert after["markers"]["8"]["customData"] == "dubline:7:x"
    assert after["markers"]["50"]["color"] == "Red"


def test_tracks_are_named_typed_and_coloured(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    tracks = film.cut.tracks["audio"][1:]
    assert [(track.name, track.sub_type) for track in tracks] == [(stem, "stereo") for stem in STEMS]
    assert {item.colour for track in tracks for item in track.items} == {"Teal"}
    assert film.cut.tracks["subtitle"][0].enabled  # one is shown where none was
    assert [track.enabled for track in film.cut.tracks["subtitle"][1:]] == [False] * 3


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    before = film.state()
    film.cut.tracks["audio"][2].items[0].colour = "Pink"  # what the user does to a stem stays
    result = film.place(film.plan())
    after = film.state()
    assert (result["placed"], result["kept"], result["removed"]) == (0, 9, 0)
    after["timelines"][0]["tracks"]["audio"][2]["items"][0]["colour"] = "Teal"
    assert after == before


def test_a_second_time_brings_what_changed(tmp_path: Path) -> None:
    film = Film(tmp_path, user_subtitles=(False,))
    film.place(film.plan())
    plan = film.plan(sound=" b", prefix="New", markers=(50, 90), stems=STEMS[:4])
    result = film.place(plan)
    film.world.check()
    assert result["notes"] == []
    tracks = film.state()["timelines"][0]["tracks"]
    assert [track["name"] for track in tracks["audio"]] == ["Audio 1", *STEMS[:4]]
    assert all(" b.wav" in track["items"][0]["path"] for track in tracks["audio"][1:])
    assert len(tracks["subtitle"]) == 5
    shown = {one.name: one for one in film.world.subtitles("Cut")}
    assert shown["en Ayşe"].cues[0][2] == "New en 0"
    assert shown["tr Ayşe"].enabled  # as the one it replaces
    data = sorted(marker["customData"] for marker in film.cut.markers.values())
    assert data == ["dubline:50:x", "dubline:90:x", "other:1"]
    bins = film.state()["bins"]
    assert len(bins[1]["clips"]) == 8
    # A third time: the receipt was brought up to date.
    assert film.place(film.plan(sound=" b", prefix="New", markers=(50, 90), stems=STEMS[:4]))["kept"] == 8


def test_a_subtitle_edited_by_the_user_is_never_lost(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan(speakers=("Ayşe",), languages=("en",)))
    film.cut.tracks["subtitle"][0].items[1].name = "My own words"
    result = film.place(film.plan(speakers=("Ayşe",), languages=("en",), prefix="New"))
    assert any("stays with one item" in note for note in result["notes"])
    texts = [[text for _, _, text in one.cues] for one in film.world.subtitles("Cut")]
    assert ["My own words"] in texts and [f"New en {n}" for n in range(4)] in texts


def test_edits_that_came_back_to_the_run_stay_in_place(tmp_path: Path) -> None:
    """A cue edited here, taken into the run, then placed again: the very same track, or a clean new one."""
    film = Film(tmp_path)
    film.place(film.plan(speakers=("A",), languages=("en",)))
    item = film.cut.tracks["subtitle"][0].items[1]
    item.name, item.length = "My own words", item.length - 3
    plan = film.plan(speakers=("A",), languages=("en",))
    cues = plan["subtitles"][0]["cues"]
    cues[1][1:3] = [cues[1][1] - 3, "My own words"]
    assert film.place(plan)["kept"] == 6
    assert film.cut.tracks["subtitle"][0].items[1].uid == item.uid
    item.name = "Again"
    changed = film.plan(speakers=("A",), languages=("en",), prefix="Again")
    changed["subtitles"][0]["cues"][1][1:3] = [cues[1][1], "Again"]
    text = Path(changed["subtitles"][0]["srt"])
    blocks = text.read_text("utf-8-sig").split("\n\n")
    head, times, _ = blocks[1].split("\n")
    end = f"{times.split(' --> ')[0]} --> {stamp(cues[1][1], film.rate)}"
    blocks[1] = "\n".join([head, end, "Again"])
    text.write_text("\n\n".join(blocks), "utf-8-sig")
    result = film.place(changed)
    assert result["notes"] == [] and len(film.cut.tracks["subtitle"]) == 1


def test_another_runs_stems_are_not_switched_off(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    film.run = tmp_path / "Reel 2.dubline"
    result = film.place(film.plan(sound=" reel 2"))
    assert len(film.world.sound("Cut")) == 10
    assert "the audio track vocals of another run stays on" in result["notes"]


def test_a_crash_among_the_markers(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.world.faults.crash_at = {"Timeline.AddMarker": 2}
    plan = film.plan()
    with pytest.raises(ResolveCrashed):
        film.place(plan)
    film.world.dead = ""
    film.world.faults.crash_at = {}
    film.place(film.plan())
    data = sorted(marker["customData"] for marker in film.cut.markers.values())
    assert data == ["dubline:50:x", "dubline:7:x", "other:1"]


REFUSALS = {
    "AddTrack": "Timeline.AddTrack",
    "SetTrackName": "Timeline.SetTrackName",
    "ImportMedia": "MediaPool.ImportMedia",
    "AddSubFolder": "MediaPool.AddSubFolder",
    "SetCurrentFolder": "MediaPool.SetCurrentFolder",
}


@pytest.mark.parametrize("title", list(REFUSALS.values()))
def test_a_refusal_leaves_nothing(tmp_path: Path, title: str) -> None:
    film = Film(tmp_path, user_subtitles=(True,))
    plan = film.plan()
    before = film.state()
    film.world.faults.refuse = {title: 2 if "ImportMedia" in title else 1}
    with pytest.raises(Refused) as refusal:
        film.place(plan)
    assert refusal.value.hint
    assert film.state() == before
    assert not (film.run / "resolve" / "receipt.json").exists()
    assert not (film.run / "resolve" / "receipt-unfinished.json").exists()


def test_appended_without_an_answer(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.world.faults.append_returns_none = True
    film.world.faults.visible_after = 3
    assert film.place(film.plan())["notes"] == []
    assert len(film.world.sound("Cut")) == 5


def test_lost_at_the_save(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    before = film.state()
    film.world.faults.append_lost_at_save = True
    with pytest.raises(Refused, match="when it saved"):
        film.place(plan)
    assert film.state() == before


def test_sounds_that_are_not_placed(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    before = film.state()
    film.world.faults.append_refused = 1
    with pytest.raises(Refused, match="did not place the sound vocals"):
        film.place(plan)
    assert film.state() == before


@pytest.mark.parametrize("copy", [False, True])
def test_each_cancelled_step_leaves_nothing(tmp_path: Path, copy: bool) -> None:
    film = Film(tmp_path, user_subtitles=(True,))
    plan = film.plan()
    before = film.state()
    steps = place(film.session(), plan, copy)
    total = sum(1 for _ in steps)
    assert total > 10
    drive(undo(film.session(), str(film.run)))
    if copy:  # a safety copy is the user's from then on
        film.world.project.pool.DeleteTimelines([film.world.project.timelines[1]])
    assert film.state() == before
    for stop in range(1, total - 2):  # the last two: everything is in its place
        steps = place(film.session(), plan, copy)
        for _ in range(stop):
            next(steps)
        steps.close()
        assert film.state() == before, stop


def test_a_crash_is_cleared_away_next_time(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    before = film.state()
    film.world.faults.crash_at = {"MediaPool.AppendToTimeline": 3}
    with pytest.raises(ResolveCrashed):
        film.place(plan)
    assert film.state() != before
    assert (film.run / "resolve" / "receipt-unfinished.json").exists()
    film.world.dead = ""
    film.world.faults.crash_at = {}
    result = film.place(film.plan())
    assert any("broken off" in note for note in result["notes"])
    assert len(film.cut.tracks["audio"]) == 6 and len(film.cut.tracks["subtitle"]) == 4
    assert not (film.run / "resolve" / "receipt-unfinished.json").exists()


def test_another_timeline_is_opened_meanwhile(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    other = film.world.project.new_timeline("Other", switch=False)
    steps = place(film.session(), plan)
    for _ in range(6):
        next(steps)
    film.world.project.current = other
    with pytest.raises(Refused, match="opened meanwhile"):
        for _ in steps:
            pass
    assert len(film.cut.tracks["audio"]) == 1 and other.every_item() == []
    assert not (film.run / "resolve" / "receipt-unfinished.json").exists()


@pytest.mark.parametrize("raises", [False, True])
def test_another_project_is_opened_meanwhile(tmp_path: Path, raises: bool) -> None:
    film = Film(tmp_path)
    film.world.faults.stale_raises = raises
    steps = place(film.session(), film.plan())
    for _ in range(6):
        next(steps)
    film.world.manager.CreateProject("Second")
    with pytest.raises(Refused):
        for _ in steps:
            pass
    # Nothing can be done to a closed project: it is cleared away the next time.
    film.world.manager.LoadProject("Film")
    film.world.project.current = film.cut
    assert any("broken off" in note for note in film.place(film.plan())["notes"])
    assert len(film.cut.tracks["audio"]) == 6


def test_a_safety_copy(tmp_path: Path) -> None:
    film = Film(tmp_path)
    result = film.place(film.plan(), copy=True)
    copies = [timeline for timeline in film.world.project.timelines if timeline is not film.cut]
    assert len(copies) == 1 and "before Dubline" in copies[0].name
    assert len(copies[0].tracks["audio"]) == 1
    assert film.world.project.current is film.cut
    assert "kept as" in result["notes"][0]


def test_bad_plans(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    for change, words in (
        ({"format": "dubline.plan.2"}, "another version"),
        ({"timeline": dict(plan["timeline"], rate="25")}, "25"),
        ({"audio": [dict(plan["audio"][0], path="/missing/vocals.wav")]}, "is missing"),
    ):
        with pytest.raises(Refused, match=words):
            film.place(dict(plan, **change))


def test_no_project_no_timeline_modal(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    before = film.state()
    film.world.modal = True
    with pytest.raises(Refused, match="dialog"):
        film.place(plan)
    film.world.dismiss_modal()
    assert film.state() == before
    film.world.project.current = None
    with pytest.raises(Refused, match="no timeline is open"):
        film.session()
    film.world.manager.current = None
    with pytest.raises(Refused, match="no project is open"):
        film.session()


def test_a_locked_original_is_still_switched_off(tmp_path: Path) -> None:
    film = Film(tmp_path, user_subtitles=(True,))
    film.cut.tracks["audio"][0].locked = film.cut.tracks["subtitle"][0].locked = True
    assert film.place(film.plan())["notes"] == []
    assert [one.name for one in film.world.sound("Cut")] == list(STEMS)
    assert film.cut.tracks["audio"][0].locked and film.cut.tracks["subtitle"][0].locked


@pytest.mark.parametrize("speakers", [1, 4])
def test_calls_for_a_feature_film(tmp_path: Path, speakers: int) -> None:
    """1,511 lines in two languages, five stems: 60 calls and one a cue are not used up, and twice the cues
    take no more than that many again."""
    seen = []
    for times in (1, 2):
        film = Film(tmp_path / str(times), "25", frames=100)
        plan = feature(film, 1511 * times, speakers=speakers)
        film.world.calls.clear()
        assert film.place(plan)["notes"] == []
        cues = sum(len(subtitle["cues"]) for subtitle in plan["subtitles"])
        writes, reads = calls(film)
        assert cues == 3022 * times and writes <= 60
        assert writes + reads < 60 + cues
        assert film.world.count("TimelineItem.GetName") >= cues / 6
        assert not is_big(plan)
        seen.append(writes + reads)
    assert seen[1] - seen[0] <= 3022 / 2 + 6 * 2 * speakers


def test_one_edited_line_of_many_reaches_the_timeline(tmp_path: Path) -> None:
    """Wherever it is on a long track, of which only a sample is read when nothing was changed."""
    film = Film(tmp_path, "25", frames=100)
    plan = feature(film, 90, languages=1, speakers=1)
    film.place(plan)
    for at in range(40, 46):
        plan = feature(film, 90, languages=1, speakers=1)
        (subtitle,) = plan["subtitles"]
        path = Path(subtitle["srt"])
        path.write_text(path.read_text("utf-8-sig").replace(f"Cue en {at}\n", f"New {at}\n"), "utf-8-sig")
        subtitle["cues"][at][2] = f"New {at}"
        assert film.place(plan)["placed"] == 1
        (shown,) = film.world.subtitles("Cut")
        assert shown.cues[at][2] == f"New {at}" and len(shown.cues) == 90
    film.world.calls.clear()
    assert film.place(plan)["kept"] == 6
    assert film.world.count("TimelineItem.GetName") <= 90 / 6 + 2


def test_calls_for_a_few_lines(tmp_path: Path) -> None:
    """Few cues on many tracks: each is read whole, and what there is besides does not grow."""
    film = Film(tmp_path)
    plan = film.plan(markers=())
    film.world.calls.clear()
    film.place(plan)
    cues = sum(len(subtitle["cues"]) for subtitle in plan["subtitles"])
    assert sum(calls(film)) <= 160 + 3 * cues


def test_a_partial_run_says_what_is_silent_now(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    for sound in plan["audio"]:
        sound["record"] = 48
    result = film.place(plan)
    assert any("outside of that" in note for note in result["notes"])
    assert {one.start for one in film.world.sound("Cut")} == {Fraction(2)}


def test_the_session_tells_the_timeline(tmp_path: Path) -> None:
    film = Film(tmp_path, "29.97 DF", "01:00:00:00")
    description: dict[str, Any] = Session(film.world.resolve).description()
    assert description == {"name": "Cut", "rate": "30000/1001", "start": 107892, "drop": True, "frames": 240}

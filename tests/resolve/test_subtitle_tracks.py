"""Native subtitle tracks: the one recipe, verified cue by cue, the way by hand where it fails; cues back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resolve_scene import RATES, Film

from dubline_resolve.cue_reading import read_cues
from dubline_resolve.objects import Refused
from dubline_resolve.proof import WHOLE, plain, questions
from dubline_resolve.subtitle_tracks import BY_HAND


def broken(film: Film, change: Callable[[list[Any]], None], call: int = 1) -> None:
    """Lets the `call`th laying of cues go wrong by `change`, which is given the items that were laid."""
    from resolve_simulator import placing, pool

    original, seen = placing.append_subtitles, []

    def append(timeline: Any, clips: Any) -> Any:
        made = original(timeline, clips)
        seen.append(1)
        if len(seen) == call:
            change(made)
        return made

    pool.append_subtitles = append
    film.undo_break = lambda: setattr(pool, "append_subtitles", original)  # type: ignore[attr-defined]


@pytest.fixture
def film(tmp_path: Path) -> Any:
    made = Film(tmp_path, user_subtitles=(True,))
    made.undo_break = lambda: None  # type: ignore[attr-defined]
    yield made
    made.undo_break()  # type: ignore[attr-defined]


def later(items: list[Any]) -> None:
    items[1].start += 2


def shorter(items: list[Any]) -> None:
    items[-1].length -= 2


def other(items: list[Any]) -> None:
    items[0].name = "?????"


def fewer(items: list[Any]) -> None:
    items[0].timeline.drop([items[0]])


@pytest.mark.parametrize("change", [later, shorter, other, fewer])
def test_any_cue_that_is_wrong_is_found(film: Film, change: Callable[[list[Any]], None]) -> None:
    """The track goes again, the sounds stay, and the user is told what to do by hand."""
    before = film.state()["timelines"][0]["tracks"]["subtitle"]
    broken(film, change, call=2)
    plan = film.plan()
    result = film.place(plan)
    shown = film.state()["timelines"][0]["tracks"]["subtitle"]
    assert shown[:1] == before
    assert [track["name"] for track in shown[1:]] == ["tr Ayşe"]
    assert len(film.world.sound("Cut")) == 5
    assert len(result["notes"]) == 4 and plan["subtitles"][3]["srt"] in result["notes"][3]
    assert "Insert Selected Subtitles to Timeline" in result["notes"][1]
    # The next time the rest is tried again.
    film.undo_break()  # type: ignore[attr-defined]
    again = film.place(film.plan())
    assert again["notes"] == [] and (again["placed"], again["kept"]) == (3, 6)


LONG = 300


def long_track(tmp_path: Path, change: Callable[[list[Any]], None]) -> list[str]:
    """What a placement of LONG cues says when `change` is done to what was laid."""
    film = Film(tmp_path, "25", frames=16 * LONG)  # a rate at which no cue may lie beside its frame
    plan = film.plan(cues=LONG, speakers=("A",), languages=("en",), stems=(), markers=())
    plan["mute"] = []
    broken(film, change)
    try:
        notes: list[str] = film.place(plan)["notes"]
    finally:
        film.undo_break()  # type: ignore[attr-defined]
    assert len(film.cut.tracks["subtitle"]) == (0 if notes else 1)
    return notes


@given(total=st.integers(1, 20000))
def test_what_is_asked_of_a_track(total: int) -> None:
    """Short tracks whole; on long ones half a read a cue, no kind further apart than six, both ends whole."""
    asked = dict(questions(total))
    if total <= WHOLE:
        assert [len(asked[n]) for n in range(total)] == [3] * total
        return
    assert len(asked[0]) == len(asked[total - 1]) == 3
    assert sum(map(len, asked.values())) <= total / 2 + 6
    for kind in ("start", "end", "content"):
        places = [n for n, kinds in asked.items() if kind in kinds]
        assert max(b - a for a, b in pairwise(places)) <= 6


@pytest.mark.parametrize("first", range(60, 66))
def test_four_cues_that_lie_elsewhere_are_found_wherever_they_are(tmp_path: Path, first: int) -> None:
    def moved(items: list[Any]) -> None:
        for item in items[first : first + 4]:
            item.start += 1

    assert "of en A" in long_track(tmp_path, moved)[0]


@pytest.mark.parametrize("first", range(60, 66))
def test_six_wrong_texts_are_found_wherever_they_are(tmp_path: Path, first: int) -> None:
    def renamed(items: list[Any]) -> None:
        for item in items[first : first + 6]:
            item.name = "?????"

    assert "another one" in long_track(tmp_path, renamed)[0]


def test_single_mistakes_are_found_as_often_as_is_told(tmp_path: Path) -> None:
    """Two of six that were moved, one of six whose text is wrong: neither more nor less is promised."""
    seen = {"start": 0, "name": 0}
    for at in range(60, 66):
        for kind in seen:

            def change(items: list[Any], kind: str = kind, at: int = at) -> None:
                setattr(items[at], kind, items[at].start + 1 if kind == "start" else "?????")

            seen[kind] += bool(long_track(tmp_path / f"{kind} {at}", change))
    assert seen == {"start": 2, "name": 1}


@pytest.mark.parametrize("every", [100, 250])
def test_a_drift_is_always_found(tmp_path: Path, every: int) -> None:
    """A frame more with each `every` cues, as by another rate."""

    def drift(items: list[Any]) -> None:
        for number, item in enumerate(items):
            item.start += number // every

    assert long_track(tmp_path, drift)


def test_the_order_in_which_cues_are_listed_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resolve_simulator.timeline import Timeline

    listed = Timeline.GetItemListInTrack
    monkeypatch.setattr(
        Timeline, "GetItemListInTrack", lambda *given: list(reversed(listed(*given) or [])) or None
    )
    assert long_track(tmp_path, lambda items: None) == []


def test_a_beta_that_takes_no_subtitles(tmp_path: Path) -> None:
    film = Film(tmp_path, name="studio-21.0-beta")
    plan = film.plan()
    result = film.place(plan)
    assert film.cut.tracks["subtitle"] == []
    assert (
        BY_HAND.format(name="en Ayşe", bin=plan["bin"], path=plan["subtitles"][2]["srt"]) in result["notes"]
    )
    names = [clip["name"] for clip in film.state()["bins"][1]["clips"]]
    assert sum(name.endswith(".srt") for name in names) == 4  # they are there to be inserted


def test_cues_that_go_astray_are_taken_from_the_users_track(film: Film) -> None:
    """The user switches his track on in the middle; Resolve then lays the cues behind his."""
    before = film.state()["timelines"][0]["tracks"]["subtitle"]

    def meddle() -> None:
        film.cut.tracks["subtitle"][0].enabled = True

    film.world.faults.before = {"MediaPool.AppendToTimeline": meddle}
    result = film.place(film.plan())
    assert film.state()["timelines"][0]["tracks"]["subtitle"] == before
    assert "0 of 4 cues" in result["notes"][0]
    film.world.check()


def test_no_properties_are_asked_of_a_subtitle_file(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    film.place(film.plan(prefix="New"))
    film.world.check()  # GetClipProperty on one is a crash


def test_awkward_texts_survive(tmp_path: Path) -> None:
    film = Film(tmp_path)
    plan = film.plan(speakers=("A",), languages=("en",), cues=3)
    texts = ["<i>Nas\u0131ls\u0131n?</i>\nİyiyim.", "日本語 <3 & 5 > 4", "“ok”"]
    subtitle = plan["subtitles"][0]
    path = Path(subtitle["srt"])
    text = path.read_text("utf-8-sig")
    for n, new in enumerate(texts):
        text = text.replace(f"Cue en {n}", new)
        subtitle["cues"][n][2] = new
    path.write_text(text, "utf-8-sig")
    assert film.place(plan)["notes"] == []
    assert plain("<i>a</i>\u2028b") == plain("a\nb") == "a b"
    assert plain("1 < 2 > 0") == "1 < 2 > 0"


@pytest.mark.parametrize("rate", list(RATES))
def test_cues_come_back_as_they_went(tmp_path: Path, rate: str) -> None:
    film = Film(tmp_path, rate, user_subtitles=(True,))
    plan = film.plan()
    film.place(plan)
    film.cut.tracks["subtitle"][1].items[0].name = "Edited"
    languages = read_cues(film.session(), str(film.run))
    assert [each["language"] for each in languages] == ["en", "tr"]
    expected = sorted(
        (float(a / film.rate), float(b / film.rate), text, subtitle["key"].split(":")[2])
        for subtitle in plan["subtitles"]
        if subtitle["language"] == "en"
        for a, b, text, _ in subtitle["cues"]
    )
    cues = sorted((cue["start"], cue["end"], cue["text"], cue["name"]) for cue in languages[0]["cues"])
    assert cues == expected
    assert any(cue["text"] == "Edited" for cue in languages[1]["cues"])


def test_only_what_the_run_placed_is_read(tmp_path: Path) -> None:
    film = Film(tmp_path, user_subtitles=(True, True))
    with pytest.raises(Refused, match="no subtitle track of this run"):
        read_cues(film.session(), str(film.run))
    film.place(film.plan())
    for track in film.cut.tracks["subtitle"][2:]:
        film.cut.drop(track.items[:])
    with pytest.raises(Refused, match="no subtitles on these"):
        read_cues(film.session(), str(film.run))

"""The timeline as the engine is told it: exact rates, ranges and places in files."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resolve_scene import RATES, Film, write_wav
from resolve_simulator import Simulator, build, profile
from resolve_simulator.rates import Rate

from dubline.timebase import Timecode
from dubline.values.timeline import TimelineMedia
from dubline_resolve import clock
from dubline_resolve.clips import Unreadable
from dubline_resolve.objects import Edition, Refused, Session, find_resolve
from dubline_resolve.reading import read_pool_clip, read_selection, read_timeline

FACTS = {"rate": "24000/1001", "frames": 2400, "channels": 2, "samples": 4804800, "sample_rate": 48000}


class Cut:
    """A timeline at 23.976 with a video of a timecode of its own, used from its hundredth frame."""

    def __init__(self, folder: Path, name: str = "studio-21.0", rate: str = "23.976", **clip: Any) -> None:
        self.path = folder / "A001.mov"
        self.path.write_bytes(b"-")
        start = Fraction(86400 * 1001, 24000)
        media = {str(self.path): dict(FACTS, start=str(start))}
        self.world = Simulator(profile(name), rate=rate, media=media)
        entry = {"path": str(self.path), "record": 10, "start": 100, "end": 150, **clip}
        build(self.world, {"timelines": [{"name": "Cut", "clips": [entry]}]})
        self.timeline = self.world.timeline("Cut")
        self.item = self.timeline.tracks["audio"][0].items[0]
        self.item.media.fps = Rate("23.976")  # its timecode text is at its own rate

    def session(self) -> Session:
        return Session(self.world.resolve)

    def read(self, **options: Any) -> dict[str, Any]:
        timeline: dict[str, Any] = read_timeline(self.session(), **options)
        self.world.check()
        return timeline


def test_a_clip_with_a_timecode_of_its_own(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    media = cut.read()["media"]
    (clip,) = media["clips"]
    assert (clip["record"], clip["frames"]) == (10, 50)
    assert Fraction(clip["source_start"]) == Fraction(100 * 1001, 24000)
    assert Fraction(clip["source_end"]) == Fraction(150 * 1001, 24000)
    assert clip["channels"] == [[0, 0], [0, 1]] and clip["enabled"] and clip["path"] == str(cut.path)
    assert (media["rate"], media["start"], media["frames"]) == ("24000/1001", 86400, 60)
    assert (media["in"], media["out"], media["drop"]) == (0, 60, False)


def test_the_engine_takes_it(tmp_path: Path) -> None:
    media = json.loads(json.dumps(Cut(tmp_path).read()["media"]))
    timeline = msgspec.convert(media, TimelineMedia)
    assert timeline.fps == Fraction(24000, 1001) and timeline.end == 60


@pytest.mark.parametrize("rate", list(RATES))
def test_another_rate_than_the_timelines(tmp_path: Path, rate: str) -> None:
    cut = Cut(tmp_path, rate=rate)
    (clip,) = cut.read()["media"]["clips"]
    assert abs(Fraction(clip["source_start"]) - Fraction(100 * 1001, 24000)) < Fraction(1, 48000)


def test_a_whole_offset_that_hides_a_part(tmp_path: Path) -> None:
    """Where Resolve answers whole frames of the timeline, the file's own timecode tells the rest."""
    cut = Cut(tmp_path, rate="25")
    cut.item._number = lambda value, precise: int(value)
    (clip,) = cut.read()["media"]["clips"]
    assert Fraction(clip["source_start"]) == Fraction(100 * 1001, 24000)


def test_a_wav_with_a_time_reference_between_frames(tmp_path: Path) -> None:
    film = Film(tmp_path)
    item = film.cut.tracks["audio"][0].items[0]
    item.media.facts = item.media.facts._replace(start=Fraction(3600 * 48000 + 777, 48000))
    (clip,) = read_timeline(film.session())["media"]["clips"]
    assert Fraction(clip["source_start"]) == 0


def test_in_and_out_count_both_ends(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    cut.timeline.SetMarkInOut(20, 29)
    media = cut.read()["media"]
    assert (media["in"], media["out"], len(media["clips"])) == (20, 30, 1)
    assert cut.read(ranged=False)["media"]["out"] == 60
    cut.timeline.SetMarkInOut(0, 9)
    with pytest.raises(Refused, match="no sound on this range"):
        cut.read()
    old = Cut(tmp_path, name="studio-19.1")
    assert old.read()["media"]["out"] == old.session().facts["frames"] and old.world.unknown == []


def test_what_is_off_is_not_worked_on(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.cut.add_track("audio", "stereo")
    film.world.project.pool.AppendToTimeline(
        [
            {
                "mediaPoolItem": film.world.project.pool.take_in(film.original),
                "trackIndex": 2,
                "recordFrame": film.cut.start,
            }
        ]
    )
    film.cut.tracks["audio"][0].enabled = False
    timeline = read_timeline(film.session())
    assert [clip["track"] for clip in timeline["media"]["clips"]] == [2]
    assert timeline["notes"] == ["audio track 1 is off and not worked on"]
    film.cut.tracks["audio"][1].items[0].enabled = False
    with pytest.raises(Refused, match="no sound on the timeline Cut"):
        read_timeline(film.session())


def test_what_was_placed_is_not_read_again(tmp_path: Path) -> None:
    film = Film(tmp_path)
    before = read_timeline(film.session())["media"]
    film.place(film.plan())
    timeline = read_timeline(film.session(), run=str(film.run))
    assert timeline["media"] == before
    assert "audio track 2 was placed by Dubline and is not worked on" in timeline["notes"]


def refuse(cut: Cut) -> Refused:
    with pytest.raises(Refused) as refusal:
        cut.read()
    assert refusal.value.hint and "'A001.mov' at 01:00:00:10 on audio track 1" in refusal.value.message
    return refusal.value


def unreadable(cut: Cut, why: str) -> bool:
    """Whether rendering is offered instead."""
    refusal = refuse(cut)
    return isinstance(refusal, Unreadable) and why in refusal.message


def test_speeds_are_refused_by_name(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    start = cut.item.GetSourceStartTime()
    cut.item.GetSourceEndTime = lambda: start + 1.0
    assert unreadable(cut, "does not play at its own speed")
    cut.item.GetSourceEndTime = lambda: start - 2.085  # backwards
    assert unreadable(cut, "does not play at its own speed")


def test_nested_generated_and_offline(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    media = cut.item.media
    cut.item.media = None
    assert unreadable(cut, "has no media file")
    cut.item.media, media.path = media, ""
    assert unreadable(cut, "is a nested timeline")
    media.path = str(tmp_path / "gone.mov")
    refusal = refuse(cut)
    assert not isinstance(refusal, Unreadable) and "gone.mov is missing" in refusal.message
    cut.item.enabled = False
    with pytest.raises(Refused, match="no sound"):
        cut.read()


def test_a_place_that_cannot_be_told(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    cut.item.source_start += 5
    first, last = cut.item.GetSourceStartTime() - 5, cut.item.GetSourceEndTime() - 5
    cut.item.GetSourceStartTime, cut.item.GetSourceEndTime = (lambda: first), (lambda: last)
    assert unreadable(cut, "which part of its file")


@pytest.mark.parametrize(
    ("mapping", "channels"),
    [
        (
            {"embedded_audio_channels": 4, "track_mapping": {"1": {"channel_idx": [3], "mute": False}}},
            [[0, 2]],
        ),
        (
            {
                "embedded_audio_channels": 2,
                "track_mapping": {"1": {"channel_idx": [2, 1]}, "2": {"channel_idx": [1], "mute": True}},
            },
            [[0, 1], [0, 0]],
        ),
        ({}, []),
        (None, []),
    ],
)
def test_channels(tmp_path: Path, mapping: Any, channels: list[list[int]]) -> None:
    cut = Cut(tmp_path)
    cut.item.GetSourceAudioChannelMapping = lambda: "" if mapping is None else json.dumps(mapping)
    assert cut.read()["media"]["clips"][0]["channels"] == channels


def test_linked_sound_is_refused(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    mapping = {"embedded_audio_channels": 2, "track_mapping": {"1": {"channel_idx": [3]}}}
    cut.item.GetSourceAudioChannelMapping = lambda: json.dumps(mapping)
    assert unreadable(cut, "linked from another file")


def test_empty_timelines(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    cut.world.project.new_timeline("Empty")
    with pytest.raises(Refused, match="Empty is empty"):
        cut.read()


def test_chosen_clips(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    with pytest.raises(Refused, match="no clip with sound"):
        read_selection(cut.session())
    cut.timeline.GetSelectedClips = lambda: [cut.timeline.tracks["video"][0].items[0]]
    media = read_selection(cut.session())["media"]
    assert (media["in"], media["out"], len(media["clips"])) == (10, 60, 1)
    old = Cut(tmp_path, name="studio-20.2")
    with pytest.raises(Refused, match=r"20\.2\.2 does not tell"):
        read_selection(old.session())


def test_a_clip_of_the_media_pool(tmp_path: Path) -> None:
    cut = Cut(tmp_path)
    pool = cut.world.project.pool
    with pytest.raises(Refused, match="no clips are chosen"):
        read_pool_clip(cut.session())
    chosen = [cut.item.media]
    pool.GetSelectedClips = lambda: chosen
    assert read_pool_clip(cut.session())["media"] == {"kind": "file", "path": str(cut.path), "track": ""}
    chosen[:] = [cut.timeline.pool_item]
    with pytest.raises(Refused, match="Cut is a timeline"):
        read_pool_clip(cut.session())
    srt = tmp_path / "a.srt"
    srt.write_text("1\n00:00:01,000 --> 00:00:02,000\nA\n", "utf-8")
    chosen[:] = pool.ImportMedia([str(srt)])
    with pytest.raises(Refused, match="subtitle file"):
        read_pool_clip(cut.session())
    cut.world.check()


@given(
    st.sampled_from(list(RATES)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 29),
)
def test_timecode_is_the_engines(text: str, hours: int, minutes: int, seconds: int, frames: int) -> None:
    rate, drop = clock.rate_of(text)
    assert (rate, drop) == (RATES[text], "DF" in text)
    nominal = -(-rate.numerator // rate.denominator)
    frame = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames % nominal
    label = clock.timecode_of(frame, rate, drop)
    if int(label[:2]) < 24:
        assert str(Timecode(frame, rate, drop)) == label
    assert clock.frame_of(label, rate, drop) == frame


@pytest.mark.parametrize("text", ["", "abc", "0", "23.5", "-24", "nan", "1/0"])
def test_rates_that_are_none(text: str) -> None:
    with pytest.raises((ValueError, ZeroDivisionError)):
        clock.rate_of(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [(24.0, 24), ("23.98", Fraction(24000, 1001)), (59.94, Fraction(60000, 1001)), ("100", 100)],
)
def test_rates_as_resolve_spells_them(text: Any, rate: Fraction) -> None:
    assert clock.rate_of(text) == (rate, False)


def test_resolve_is_found(tmp_path: Path) -> None:
    world = Simulator("studio-21.0")
    assert find_resolve({"resolve": world.resolve}) is not None
    assert find_resolve({"bmd": world.bmd}) is not None
    with pytest.raises(Refused, match="cannot be reached"):
        find_resolve({})


@pytest.mark.parametrize(
    ("name", "studio", "windows"),
    [
        ("studio-18.6", True, True),
        ("studio-21.1", True, True),
        ("free-19.0", False, True),
        ("free-21.0", False, False),
    ],
)
def test_editions(name: str, studio: bool, windows: bool) -> None:
    edition = Edition(Simulator(name).resolve)
    assert (edition.studio, edition.windows) == (studio, windows)


def test_a_wav_from_its_middle(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "mix.wav", 480000, 1)
    world = Simulator("studio-21.0", rate="25")
    build(
        world,
        {"timelines": [{"name": "Cut", "clips": [{"path": path, "record": 0, "start": 30, "end": 55}]}]},
    )
    (clip,) = read_timeline(Session(world.resolve))["media"]["clips"]
    assert (clip["source_start"], clip["frames"], clip["channels"]) == ("6/5", 25, [[0, 0]])

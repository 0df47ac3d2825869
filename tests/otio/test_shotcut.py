"""Projects for Shotcut: what MLT makes of them, sample by sample, and what Shotcut looks for in them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path

import melt
import numpy as np
import opentimelineio as otio
import pytest
from melt_cuts import cut_sounds
from shared_media import Shared
from small_programme import LINES, small_programme

from dubline.errors import InvalidJob
from dubline.subtitles.writing import read_subtitles
from otio_dubline.build import build
from otio_dubline.exporters import Exported, export
from otio_dubline.exporters.mlt import COLOURS

needs_melt = pytest.mark.program("melt")
CLOSE = 0.01 * melt.LSB
"""A hundredth of a step of 16 bits: the mix is one of floats."""
RATES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "50", "60000/1001")]


def written(timeline: otio.schema.Timeline, place: Path) -> Exported:
    (done,) = export(timeline, ["shotcut"], place)
    return done


def read(done: Exported) -> ET.Element:
    return ET.parse(done.files[0]).getroot()


def held(element: ET.Element, name: str) -> str | None:
    return next((p.text for p in element.findall("property") if p.get("name") == name), None)


@needs_melt
@pytest.mark.parametrize(
    ("rate", "start", "channels"),
    [
        ("24000/1001", "01:00:00:00", 2),
        ("25", "00:00:00:00", 1),
        ("30000/1001", "00:59:58;00", 6),
        ("50", "01:00:00:00", 2),
    ],
)
def test_what_plays_is_the_mix(tmp_path: Path, rate: str, start: str, channels: int) -> None:
    programme = small_programme(
        tmp_path, rate, start, channels, 3.3, levels={"music": -6.5, "sfx": 3.0, "original": 1.0}
    )
    out = max(channels, 2)
    sound = melt.render(written(build(programme), tmp_path / "exports").files[0], tmp_path / "o.wav", out)
    wanted = melt.expected(programme, out)
    assert sound.shape == wanted.shape
    assert np.abs(sound - wanted).max() < CLOSE


@needs_melt
@pytest.mark.parametrize("fps", RATES, ids=str)
def test_cuts_gaps_and_media_with_a_timecode(tmp_path: Path, fps: Fraction) -> None:
    timeline, wanted = cut_sounds(tmp_path, fps)
    sound = melt.render(written(timeline, tmp_path / "exports").files[0], tmp_path / "o.wav")
    assert sound.shape == wanted.shape
    assert np.abs(sound - wanted).max() < CLOSE


def test_shotcut_knows_its_own(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, channels=6, seconds=3, levels={"sfx": -4.5})
    done = written(build(programme), tmp_path / "exports")
    mlt = read(done)
    tractor = next(t for t in mlt.iter("tractor"))
    assert held(tractor, "shotcut") == "1"
    assert held(tractor, "shotcut:projectAudioChannels") == "6"
    names = {
        playlist.get("id"): (held(playlist, "shotcut:name"), held(playlist, "shotcut:audio"))
        for playlist in mlt.iter("playlist")
    }
    shown = [(*names[t.get("producer")], t.get("hide")) for t in tractor.findall("track")][1:]
    assert shown == [
        ("picture", None, None),
        ("original", "1", "both"),
        ("vocals", "1", "video"),
        ("music", "1", "video"),
        ("sfx", "1", "video"),
        ("ambient", "1", "video"),
    ]
    gains = [held(f, "level") for f in mlt.iter("filter") if held(f, "shotcut:filter") == "audioGain"]
    assert [float(gain or "nan") for gain in gains] == [-4.5]


def test_markers_have_times_texts_and_colours(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, rate="25"))
    mlt = read(written(timeline, tmp_path / "exports"))
    markers = [p for p in mlt.iter("properties") if p.get("name") == "shotcut:markers"]
    found = [
        (held(m, "text"), held(m, "start"), held(m, "end"), held(m, "color"))
        for m in markers[0].findall("properties")
    ]
    assert found[0] == (
        f"low confidence 1: 41% sure: {LINES['tr'][0][0]}", "00:00:00.520", "00:00:01.720", COLOURS["YELLOW"]
    )  # fmt: skip
    assert {colour for *_, colour in found} == {COLOURS[c] for c in ("YELLOW", "RED", "MAGENTA", "CYAN")}


def test_subtitles_lie_beside_it(tmp_path: Path) -> None:
    done = written(build(small_programme(tmp_path)), tmp_path / "exports")
    assert [f.name.rsplit(".", 2)[-2:] for f in done.files[1:]] == [["tr", "srt"], ["en", "srt"]]
    cues = read_subtitles(done.files[2]).cues
    assert cues[0].text == f"Ayşe: {LINES['en'][0][0]}"
    assert [cue.text for cue in cues][1] == f"Tom & <Co>: {LINES['en'][1][0]}"
    assert any("Subtitles" in text for text in done.lost)
    assert any("01:00:00:00" in text for text in done.lost)


@pytest.mark.parametrize(
    "url", ["https://example.org/a.wav", "concat:/a.wav|/b.wav", "", "file:///a%00b.wav"]
)
def test_media_that_are_no_file_are_refused(tmp_path: Path, url: str) -> None:
    timeline, _ = cut_sounds(tmp_path, Fraction(25))
    next(iter(timeline.find_clips())).media_reference.target_url = url
    with pytest.raises(InvalidJob):
        written(timeline, tmp_path / "exports")
    assert not any((tmp_path / "exports").iterdir())


def test_media_that_are_away_are_told(tmp_path: Path) -> None:
    timeline, _ = cut_sounds(tmp_path, Fraction(25))
    next(iter(timeline.find_clips())).media_reference.target_url = "file:///nowhere/%C5%9F%20a.wav"
    done = written(timeline, tmp_path / "exports")
    assert any("/nowhere/ş a.wav" in text for text in done.notes)
    assert "/nowhere/ş a.wav" in {held(p, "resource") for p in read(done).iter("producer")}


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    for value, rate in ((float("nan"), 25.0), (float("inf"), 25.0), (-3.0, 25.0), (1e15, 25.0), (5.0, 0.0)):
        timeline, _ = cut_sounds(tmp_path, Fraction(25))
        clip = next(iter(timeline.find_clips()))
        clip.source_range = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(value, rate)
        )
        with pytest.raises(InvalidJob):
            written(timeline, tmp_path / "exports")


def test_an_empty_timeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="nothing"):
        written(otio.schema.Timeline(name="empty"), tmp_path)


def test_what_cannot_be_carried_is_told_and_keeps_its_place(tmp_path: Path) -> None:
    timeline, _ = cut_sounds(tmp_path, Fraction(25))
    track = timeline.tracks[0]
    length = otio.opentime.TimeRange(duration=otio.opentime.RationalTime(10, 25))
    nested = otio.schema.Stack(name="compound", source_range=length)
    bare = otio.schema.Clip(name="bare", source_range=length)
    off = track[0].clone()
    off.name, off.enabled = "off", False
    slow = track[0].clone()
    slow.name = "slow"
    slow.effects.append(otio.schema.LinearTimeWarp(time_scalar=0.5))
    blurred = track[0].clone()
    blurred.effects.append(otio.schema.Effect(effect_name="Blur"))
    fade = otio.schema.Transition(
        name="fade",
        in_offset=otio.opentime.RationalTime(2, 25),
        out_offset=otio.opentime.RationalTime(2, 25),
    )
    for place, item in enumerate([nested, bare, off, slow, fade, blurred]):
        track.insert(place, item)
    timeline.tracks.append(otio.schema.Track(name="data", kind="Data"))
    done = written(timeline, tmp_path / "exports")
    for told in ("compound", "bare", "off", "slow", "fade", "Blur", "data"):
        assert any(told in text for text in done.lost), told
    playlist = next(p for p in read(done).iter("playlist") if held(p, "shotcut:name") == track.name)
    first = next(child for child in playlist if child.tag != "property")
    assert (first.tag, first.get("length")) == ("blank", str(10 + 10 + 20))


def test_texts_that_xml_cannot_hold(tmp_path: Path) -> None:
    timeline, _ = cut_sounds(tmp_path, Fraction(25))
    timeline.tracks[0].name = 'a\x01b\x0c <&>" ]]> \U0001f600'
    timeline.name = "../..\x02/etc"
    done = written(timeline, tmp_path / "exports")
    assert done.files[0].parent == tmp_path / "exports" / "shotcut"
    assert 'a\ufffdb\ufffd <&>" ]]> \U0001f600' in {
        held(p, "shotcut:name") for p in read(done).iter("playlist")
    }


@pytest.mark.parametrize(
    "name",
    ["multitrack", "nested_example", "new_project_move_cut", "resolve_transitions"],
)
def test_timelines_that_others_made(tmp_path: Path, name: str, shared: Shared) -> None:
    timeline = otio.adapters.read_from_file(str(shared(f"otio/{name}.otio")))
    longest = max(track.duration().to_seconds() for track in timeline.tracks if len(track))
    done = written(timeline, tmp_path)
    assert done.lost or done.notes
    mlt = read(done)
    profile = next(iter(mlt.iter("profile")))
    fps = Fraction(int(profile.get("frame_rate_num", "")), int(profile.get("frame_rate_den", "")))
    tractor = next(iter(mlt.iter("tractor")))
    assert abs((int(tractor.get("out", "")) + 1) / fps - Fraction(longest)) <= 1 / fps

"""Kdenlive itself opens what is written for it, and saves it without loss."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import kdenlive_session
import melt
import numpy as np
import opentimelineio as otio
import pytest
from melt_cuts import cut_sounds
from msgspec.structs import replace
from small_programme import STARTS, small_programme

from dubline.subtitles.writing import read_subtitles
from dubline.values.programme import Programme, SubtitleCue, SubtitleTrack
from otio_dubline.build import build
from otio_dubline.exporters import Exported, export

needs_melt = pytest.mark.program("melt")
needs_kdenlive = pytest.mark.program(*kdenlive_session.PROGRAMS)
CLOSE = 0.01 * melt.LSB


def written(timeline: otio.schema.Timeline, place: Path) -> Exported:
    (done,) = export(timeline, ["kdenlive"], place)
    return done


def held(element: ET.Element, name: str) -> str:
    return next((p.text or "" for p in element.findall("property") if p.get("name") == name), "")


def tracks(mlt: ET.Element) -> Iterator[tuple[str, str, str, float]]:
    """(name, "1" for sound, what is hidden, level in dB) of each, from below."""
    tractors = {t.get("id"): t for t in mlt.iter("tractor")}
    whole = list(tractors.values())[-1]
    for track in whole.findall("track")[1:]:
        one = tractors[track.get("producer")]
        level = next(
            (held(f, "level") for f in one.findall("filter") if held(f, "mlt_service") == "volume"), "0"
        )
        hidden = {half.get("hide", "") for half in one.findall("track")}
        assert len(hidden) == 1
        yield held(one, "kdenlive:track_name"), held(one, "kdenlive:audio_track"), hidden.pop(), float(level)


@needs_kdenlive
@needs_melt
def test_kdenlive_opens_and_saves_it(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "30000/1001", STARTS[2], 1, 6.1, levels={"music": -6.5, "sfx": 3.0})
    done = written(build(programme), tmp_path / "exports")
    before = ET.parse(done.files[0]).getroot()
    kdenlive_session.resaved(done.files[0], tmp_path / "home")
    after = ET.parse(done.files[0]).getroot()
    assert list(tracks(after)) == list(tracks(before))
    assert [name for name, *_ in tracks(after)] == [
        "ambient",
        "sfx",
        "music",
        "vocals",
        "original",
        "picture",
    ]
    for name in ("guides", "guidesCategories"):
        told = [
            json.loads(held(p, f"kdenlive:docproperties.{name}"))
            for root in (before, after)
            for p in root.iter("playlist")
            if p.get("id") == "main_bin"
        ]
        assert told[0] == told[1]
    rate = next(iter(after.iter("profile")))
    assert (rate.get("frame_rate_num"), rate.get("frame_rate_den")) == ("30000", "1001")
    cues = [(cue.text.replace(" \n", "\n"), cue.start_ms) for cue in read_subtitles(done.files[1]).cues]
    kept = read_subtitles(done.files[3]).cues
    assert [text for text, _ in cues] == [cue.text for cue in kept]
    # It takes the nearest frame, and cuts a frame's time down to milliseconds.
    assert all(abs(start - cue.start_ms) <= 1 for (_, start), cue in zip(cues, kept, strict=True))
    sound = melt.render(done.files[0], tmp_path / "o.wav", frames=programme.frames)
    wanted = melt.expected(programme)
    assert sound.shape == wanted.shape
    assert np.abs(sound - wanted).max() < CLOSE


@needs_kdenlive
@needs_melt
def test_kdenlive_keeps_cuts_and_subtitles_at_the_same_time(tmp_path: Path) -> None:
    timeline, wanted = cut_sounds(tmp_path, Fraction(25))
    told = build(overlapping())
    for track in [t for t in told.tracks if t.kind == "Subtitle"]:
        timeline.tracks.append(track.clone())
    done = written(timeline, tmp_path / "exports")
    kdenlive_session.resaved(done.files[0], tmp_path / "home")
    sound = melt.render(done.files[0], tmp_path / "o.wav", frames=131)
    assert sound.shape == wanted.shape
    assert np.abs(sound - wanted).max() < CLOSE
    words = " ".join(cue.text for cue in read_subtitles(done.files[1]).cues)
    assert all(text in words for text in ("Ali: one", "Veli: two", "Ali: three", "Veli: four"))


@needs_kdenlive
@needs_melt
def test_kdenlive_keeps_every_take_on_its_sample(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "25", STARTS[0], 2, 5.0, takes=True, languages=("en",))
    programme = replace(
        programme,
        sounds=tuple(replace(sound, enabled=False) for sound in programme.sounds),
        takes=tuple(replace(track, enabled=True) for track in programme.takes),
    )
    done = written(build(programme), tmp_path / "exports")
    kdenlive_session.resaved(done.files[0], tmp_path / "home")
    after = {name: hidden for name, _, hidden, _ in tracks(ET.parse(done.files[0]).getroot())}
    assert (after["takes en Ayşe"], after["dub"], after["m_and_e"]) == ("video", "both", "both")
    sound = melt.render(done.files[0], tmp_path / "o.wav", frames=programme.frames)
    wanted = melt.expected(programme)
    assert np.abs(wanted).max() > 0.05
    assert np.abs(sound - wanted).max() < CLOSE


def overlapping() -> Programme:
    """Two people who begin at the same time, and who interrupt each other."""

    def person(name: str, *spans: tuple[float, float, str]) -> SubtitleTrack:
        cues = tuple(SubtitleCue(id=n, start=a, end=b, text=t) for n, (a, b, t) in enumerate(spans))
        return SubtitleTrack(name=name, language="en", speaker=name, speaker_name=name, cues=cues)

    first = person("Ali", (0.4, 1.2, "one"), (2.0, 3.2, "three"))
    second = person("Veli", (0.4, 1.6, "two"), (2.4, 2.8, "four"))
    return Programme(name="overlap", rate="25", frames=125, subtitles=(first, second))

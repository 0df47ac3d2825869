"""FCPXML: the structure that Apple's definition asks for, and positions found by its rules, not by ours."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element

import opentimelineio as otio
import pytest
from cut_timeline import MEDIA_START, START, STRANGE, cut_timeline, with_strange_things
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from small_programme import RATES, STARTS, STEMS, small_programme

from dubline.errors import InvalidJob
from dubline.timebase import Timecode, frame_rate, seconds_to_frames
from dubline.values.programme import SubtitleCue, SubtitleTrack
from otio_dubline.build import build
from otio_dubline.exporters import Exported, export
from otio_dubline.exporters.markup import clean
from otio_dubline.reading import media_file

DTD = os.environ.get("DUBLINE_FCPXML_DTD", "")
DROPS = (Fraction(30000, 1001), Fraction(60000, 1001))

# --- the definition, as far as it is used: content in its order, attributes that must and may be there ---

ANCHORED = "(audio |video |clip |title |caption |mc-clip |ref-clip |sync-clip |asset-clip |audition |spine )*"
MARKERS = "(marker |chapter-marker |rating |keyword |analysis-marker )*"
PLACED = {"lane", "offset", "name", "start", "duration", "enabled"}
RULES: dict[str, tuple[str, set[str], set[str]]] = {
    "fcpxml": ("(resources )?(library )?", {"version"}, set()),
    "resources": ("(asset |effect |format |media |locator )*", set(), set()),
    "format": ("", {"id"}, {"name", "frameDuration", "width", "height", "paspH", "paspV"}),
    "asset": (
        "(media-rep )+(metadata )?",
        {"id"},
        {"name", "start", "duration", "hasVideo", "format", "hasAudio", "videoSources", "audioSources"}
        | {"audioChannels", "audioRate"},
    ),
    "media-rep": ("(bookmark )?", {"src"}, {"kind"}),
    "library": ("(event )*", set(), set()),
    "event": ("(project )*", set(), {"name"}),
    "project": ("sequence ", set(), {"name"}),
    "sequence": (
        "(note )?spine (metadata )?",
        {"format"},
        {"duration", "tcStart", "tcFormat", "audioLayout", "audioRate"},
    ),
    "spine": ("(asset-clip |gap )*", set(), {"lane", "offset", "name"}),
    "asset-clip": (
        f"(note )?(conform-rate )?(timeMap )?(adjust-volume )?(adjust-panner )?{ANCHORED}{MARKERS}"
        "(audio-channel-source )*",
        {"ref"},
        PLACED | {"srcEnable", "tcFormat", "audioRole", "videoRole", "format"},
    ),
    "gap": (f"(note )?{ANCHORED}{MARKERS}", {"duration"}, {"name", "offset", "start", "enabled"}),
    "adjust-volume": ("", set(), {"amount"}),
    "audio-channel-source": ("", {"srcCh"}, {"outCh", "role"}),
    "caption": ("(text )*(text-style-def )*(note )?", {"duration"}, PLACED | {"role"}),
    "text": ("(text-style )*", set(), {"placement"}),
    "text-style-def": ("text-style ", {"id"}, {"name"}),
    "text-style": ("", set(), {"ref", "font", "fontSize", "fontFace", "fontColor", "backgroundColor"}),
    "marker": ("", {"start", "value"}, {"duration", "note", "completed"}),
}
VALUES = {
    "enabled": "[01]",
    "completed": "[01]",
    "srcEnable": "all|audio|video",
    "tcFormat": "DF|NDF",
    "audioLayout": "mono|stereo|surround",
    "placement": "left|right|top|bottom",
    "lane": "-?[1-9][0-9]*",
    **dict.fromkeys(("start", "duration", "offset", "tcStart", "frameDuration"), r"\d+(/\d+)?s"),
}


def check(root: Element) -> None:
    """Hold a document against the rules above."""
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    assert set(ids.values()) == {1}
    for element in root.iter():
        content, must, may = RULES[element.tag]
        children = "".join(f"{child.tag} " for child in element)
        assert re.fullmatch(content, children), (element.tag, children)
        assert must <= set(element.attrib) <= must | may, (element.tag, element.attrib)
        for name, value in element.attrib.items():
            if name in VALUES:
                assert re.fullmatch(VALUES[name], value), (element.tag, name, value)
            if name in ("ref", "format"):
                assert value in ids, (element.tag, name, value)
        if element.tag not in ("text", "text-style"):
            assert not (element.text or "").strip()
    rates = {"32k", "44.1k", "48k", "88.2k", "96k", "176.4k", "192k"}
    assert all(sequence.get("audioRate") in rates for sequence in root.iter("sequence"))


def seconds(element: Element, name: str) -> Fraction:
    value = Fraction((element.get(name) or "0s")[:-1])
    assert value.numerator < 2**63 and value.denominator < 2**31  # what the format's numbers hold
    return value


@dataclass
class Found:
    """An item at its place: frames of the timeline, and of its own clock in seconds."""

    element: Element
    at: Fraction
    frames: Fraction
    parent: str

    @property
    def name(self) -> str:
        return self.element.get("name") or self.element.get("value") or ""


def items(root: Element) -> list[Found]:
    """What is on the timeline. An `offset` counts on the clock of what holds it, from its `start`."""
    sequence = next(root.iter("sequence"))
    resources = {element.get("id"): element for element in root.iter() if element.get("id")}
    frame = seconds(resources[sequence.get("format")], "frameDuration")
    begin = seconds(sequence, "tcStart")
    found = []
    for outer in next(root.iter("spine")):
        at = seconds(outer, "offset") - begin
        found.append(Found(outer, at / frame, seconds(outer, "duration") / frame, "spine"))
        for inner in outer:
            if inner.tag in ("asset-clip", "caption", "marker"):
                own = "start" if inner.tag == "marker" else "offset"
                place = at + seconds(inner, own) - seconds(outer, "start")
                held = seconds(inner, "duration") / frame
                found.append(Found(inner, place / frame, held, outer.tag))
    assert all(item.at.denominator == item.frames.denominator == 1 for item in found)  # on whole frames
    return found


def written(timeline: otio.schema.Timeline, folder: Path) -> tuple[Exported, Element]:
    done = export(timeline, ["fcpx"], folder)[0]
    data = done.files[0].read_bytes()
    assert data.splitlines()[1] == b"<!DOCTYPE fcpxml>"
    root = ElementTree.fromstring(data)
    check(root)
    if DTD:
        command = ["xmllint", "--noout", "--nonet", "--dtdvalid", DTD, str(done.files[0])]
        told = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        assert told.returncode == 0, told.stderr
    return done, root


@pytest.mark.program("xmllint")
@pytest.mark.skipif(not DTD, reason="DUBLINE_FCPXML_DTD names no file")
def test_apples_definition_is_used(tmp_path: Path) -> None:
    done, _ = written(build(small_programme(tmp_path, channels=6)), tmp_path / "out")
    wrong = done.files[0].read_text(encoding="utf-8").replace("<spine>", "<marker/><spine>")
    (tmp_path / "wrong.fcpxml").write_text(wrong, encoding="utf-8")
    command = ["xmllint", "--noout", "--nonet", "--dtdvalid", DTD, str(tmp_path / "wrong.fcpxml")]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode != 0


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("rate", RATES)
def test_every_rate_and_start_is_exact(rate: str, start: str, tmp_path: Path) -> None:
    programme = small_programme(tmp_path, rate, start, seconds=1.5)
    _, root = written(build(programme), tmp_path / "out")
    fps = frame_rate(rate)
    clock = Timecode.parse(start if fps in DROPS else start.replace(";", ":"), fps)
    sequence = next(root.iter("sequence"))
    assert seconds(next(root.iter("format")), "frameDuration") == 1 / fps
    assert seconds(sequence, "tcStart") == clock.seconds
    assert sequence.get("tcFormat") == ("DF" if clock.drop else "NDF")
    assert seconds(sequence, "duration") == programme.frames / fps
    asset = next(root.iter("asset"))
    assert seconds(asset, "start") == clock.seconds  # the media's own timecode
    found = items(root)
    for item in found:
        if item.element.tag == "asset-clip":
            assert (item.at, item.frames) == (0, programme.frames)
    cues = [
        (cue.text, seconds_to_frames(cue.start, fps)) for track in programme.subtitles for cue in track.cues
    ]
    captions = [item for item in found if item.element.tag == "caption"]
    texts = ["".join(item.element.find("text").itertext()).strip() for item in captions]  # type: ignore[union-attr]
    assert sorted(zip(texts, (int(item.at) for item in captions), strict=True)) == sorted(cues)
    marks = [(f"{m.kind.replace('_', ' ')} {m.id}", seconds_to_frames(m.start, fps)) for m in programme.marks]
    assert sorted((i.name, int(i.at)) for i in found if i.element.tag == "marker") == sorted(marks)


@pytest.mark.parametrize(("channels", "layout"), [(1, "stereo"), (2, "stereo"), (6, "surround")])
def test_sounds_have_their_channels_roles_and_files(channels: int, layout: str, tmp_path: Path) -> None:
    programme = small_programme(
        tmp_path, channels=channels, seconds=1.0, sounds=("original", *STEMS, "dub"), levels={"music": -6.5}
    )
    done, root = written(build(programme), tmp_path / "out")
    assert next(root.iter("sequence")).get("audioLayout") == layout
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    sounds = [clip for clip in root.iter("asset-clip") if clip.get("lane")]
    assert len(sounds) == len(programme.sounds)
    assert len({clip.get("lane") for clip in sounds}) == len(sounds)
    roles = {}
    for clip, sound in zip(sounds, programme.sounds, strict=True):
        asset = assets[clip.get("ref")]
        rep = asset.find("media-rep")
        assert rep is not None and media_file(rep.get("src") or "") == Path(sound.path)
        assert (asset.get("audioChannels"), asset.get("audioRate")) == (str(channels), "48000")
        assert asset.get("hasVideo") is None
        assert clip.get("srcEnable") == "audio"
        assert (clip.get("enabled") == "0") == (not sound.enabled)
        roles[sound.role] = clip.get("audioRole")
        outputs = clip.find("audio-channel-source")
        if channels == 6:
            assert outputs is not None
            assert outputs.get("outCh") == "L, R, C, LFE, Ls, Rs"
        else:
            assert outputs is None
        volume = clip.find("adjust-volume")
        assert (volume.get("amount") if volume is not None else None) == (
            "-6.5dB" if sound.role == "music" else None
        )
    assert roles == {
        "original": "dialogue.original",
        "vocals": "dialogue.vocals",
        "music": "music.music",
        "sfx": "effects.sfx",
        "ambient": "effects.ambient",
        "dub": "dialogue.dub en",
    }
    picture = next(clip for clip in root.iter("asset-clip") if not clip.get("lane"))
    # The picture's own sound is there as a track: it must not be heard twice.
    assert picture.get("srcEnable") == "video"
    assert not [line for line in done.lost if "level" in line]


def test_captions_by_speaker_and_language(tmp_path: Path) -> None:
    programme = small_programme(tmp_path)
    _, root = written(build(programme), tmp_path / "out")
    captions = list(root.iter("caption"))
    lanes: dict[str, set[str]] = {}
    for caption in captions:
        lanes.setdefault(caption.get("role") or "", set()).add(caption.get("lane") or "")
    assert set(lanes) == {
        f"{speaker}?captionFormat=SRT.{language}"
        for speaker in ("Ayşe", "Tom & <Co>")
        for language in ("tr", "en")
    }
    assert len(set.union(*lanes.values())) == 4
    ends: dict[tuple[str, str], Fraction] = {}
    for item in items(root):
        if item.element.tag == "caption":  # nothing lies over another on its lane
            key = (item.parent, item.element.get("lane") or "")
            assert item.at >= ends.get(key, Fraction(0))
            ends[key] = item.at + item.frames


def test_languages_that_final_cut_calls_otherwise(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=1.0, languages=())
    tracks = [
        SubtitleTrack(
            name=language or "none",
            language=language,
            speaker="",
            speaker_name="",
            cues=(SubtitleCue(id=1, start=0.1, end=0.5, text="…"),),
        )
        for language in ("zh", "zh-Hant", "pt-BR", "")
    ]
    done, root = written(build(replace(programme, subtitles=tuple(tracks))), tmp_path / "out")
    roles = [caption.get("role") for caption in root.iter("caption")]
    assert roles == [
        f"SRT?captionFormat=SRT.{language}" for language in ("cmn-Hans", "cmn-Hant", "pt-BR", "en")
    ]
    assert any("English" in note and "none" in note for note in done.notes)


def test_markers_that_need_work_are_to_do(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=2.0)
    done, root = written(build(programme), tmp_path / "out")
    found = {marker.get("value"): marker for marker in root.iter("marker")}
    assert {name for name, marker in found.items() if marker.get("completed") == "0"} == {
        "too long 3",
        "failed 4",
        "pending 4",
    }
    for mark in programme.marks:
        assert found[f"{mark.kind.replace('_', ' ')} {mark.id}"].get("note") == mark.text
    assert any("length" in line for line in done.lost)
    assert any("colours" in line for line in done.lost)


def test_sound_without_picture_lies_under_a_gap(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "24", "00:00:00:00", seconds=2.0, video=False)
    _, root = written(build(programme), tmp_path / "out")
    spine = next(root.iter("spine"))
    assert [child.tag for child in spine] == ["gap"]
    assert {item.at for item in items(root) if item.element.tag == "asset-clip"} == {0}
    assert next(root.iter("format")).get("name") == "FFVideoFormat1080p24"
    assert len(list(root.iter("caption"))) == 8


def test_cuts_and_gaps_of_another_program(tmp_path: Path) -> None:
    timeline = cut_timeline(tmp_path)
    done, root = written(timeline, tmp_path / "out")
    fps = frame_rate("24000/1001")
    assert seconds(next(root.iter("sequence")), "tcStart") == START / fps
    found = {item.name: item for item in items(root)}
    for clip in timeline.find_clips():  # where OTIO itself says that they lie
        there = clip.transformed_time(clip.trimmed_range().start_time, timeline.tracks)
        item = found[clip.name]
        assert item.at == round(there.value)
        assert item.frames == round(clip.duration().value)
        assert seconds(item.element, "start") * fps == round(clip.trimmed_range().start_time.value)
    assert (found["one"].parent, found["over"].parent) == ("spine", "asset-clip")
    assert (found["m1"].parent, found["in gap"].parent) == ("gap", "gap")
    assert [found[name].element.get("enabled") for name in ("one", "two", "m1", "all")] == [
        None,
        "0",
        None,
        "0",
    ]
    places = {name: int(found[name].at) for name in ("in one", "in gap", "on track", "whole")}
    assert places == {"in one": 20, "in gap": 3, "on track": 120, "whole": 250}
    film = next(asset for asset in root.iter("asset") if asset.get("hasVideo"))
    assert seconds(film, "start") == MEDIA_START / fps
    assert seconds(film, "duration") == 1000 / fps
    # The storyline has no holes, and is as long as the whole.
    ends = Fraction(0)
    for item in items(root):
        if item.parent == "spine":
            assert item.at == ends
            ends = item.at + item.frames
    assert ends == 300
    assert sum("is not there" in line for line in done.notes) == 3


def test_what_cannot_be_carried_is_named(tmp_path: Path) -> None:
    done, root = written(with_strange_things(cut_timeline(tmp_path)), tmp_path / "out")
    for word in STRANGE:
        assert [line for line in done.lost if word in line], word
    late = next(clip for clip in root.iter("asset-clip") if clip.get("name") == "late")
    assert (seconds(late, "start"), seconds(late, "duration")) == (0, 50 / frame_rate("24000/1001"))


@pytest.mark.parametrize("rate", [12.5, 15.0, 48.0, 120.0])
def test_rates_that_final_cut_has_not_are_refused(rate: float, tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="frames a second") as refused:
        written(cut_timeline(tmp_path, rate), tmp_path / "out")
    assert "24000/1001" in refused.value.hint
    assert not (tmp_path / "out" / "fcpx").exists()


@given(
    text=st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=40).filter(
        str.strip
    ),
    speaker=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10),
)
@settings(max_examples=40, deadline=None)
def test_any_caption_text_comes_through(
    text: str, speaker: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    timeline = otio.schema.Timeline("any", global_start_time=otio.opentime.RationalTime(0, 25))
    length = otio.opentime.TimeRange(otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(50, 25))
    track = otio.schema.Track("lines", [otio.schema.Clip(text, source_range=length)], kind="Subtitle")
    track.metadata["dubline"] = {"language": "en", "speaker_name": speaker}
    timeline.tracks.append(track)
    _, root = written(timeline, tmp_path_factory.mktemp("any"))
    assert next(root.iter("text-style")).text == clean(text)
    role = next(root.iter("caption")).get("role") or ""
    name, _, rest = role.partition("?")
    assert rest == "captionFormat=SRT.en"
    assert name and "." not in name


def test_the_same_timeline_gives_the_same_bytes(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1.0))
    first = written(timeline, tmp_path / "out")[0].files[0].read_bytes()
    assert written(timeline, tmp_path / "out")[0].files[0].read_bytes() == first

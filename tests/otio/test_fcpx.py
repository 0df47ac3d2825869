"""FCPXML: the structure that the format asks for (`fcpx_rules`), and positions by its rules, not by ours."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element

import opentimelineio as otio
import pytest
from cut_timeline import MEDIA_START, START, STRANGE, cut_timeline, with_strange_things
from defusedxml import ElementTree
from fcpx_rules import check, seconds
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

DROPS = (Fraction(30000, 1001), Fraction(60000, 1001))


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
    return done, root


def first(root: Element, path: str) -> Element:
    element = root.find(path)
    assert element is not None, path
    return element


def put(path: str, **attributes: str) -> Callable[[Element], None]:
    """A change: these attributes on the first element at a path."""
    return lambda root: first(root, path).attrib.update(attributes)


def without(path: str, *names: str) -> Callable[[Element], None]:
    """A change: an attribute less, or the element itself where none is named."""

    def change(root: Element) -> None:
        element = first(root, path)
        for name in names:
            del element.attrib[name]
        if not names:
            next(parent for parent in root.iter() if element in parent).remove(element)

    return change


def insert(path: str, tag: str, place: int, **attributes: str) -> Callable[[Element], None]:
    """A change: one more element."""
    return lambda root: first(root, path).insert(place, Element(tag, attributes))


def shift(path: str, name: str, by: Fraction) -> Callable[[Element], None]:
    """A change: a time moved by so many seconds."""

    def change(root: Element) -> None:
        element = first(root, path)
        element.set(name, f"{seconds(element, name) + by}s")

    return change


FRAME = Fraction(1001, 24000)
CLIP, SOUND, CAPTION = ".//spine/asset-clip", ".//spine/asset-clip/asset-clip", ".//caption"
BROKEN: dict[str, Callable[[Element], None]] = {
    "another version": put(".", version="1.9"),
    "an unknown element": insert(".//spine", "clip", 0),
    "an unknown attribute": put(CLIP, colour="red"),
    "an attribute is missing": without(".//media-rep", "src"),
    "a marker in the storyline": insert(".//spine", "marker", 0, start="0s", value="x"),
    "a marker before what is connected": insert(CLIP, "marker", 0, start="0s", value="x"),
    "no storyline": without(".//spine"),
    "a resource after the library": insert(".", "resources", 1),
    "a word where none may be": lambda root: setattr(first(root, ".//spine"), "text", "x"),
    "a lane of its own": put(SOUND, lane="0"),
    "no lane": without(SOUND, "lane"),
    "a lane in the storyline": put(CLIP, lane="1"),
    "a decimal time": put(CLIP, duration="1.5s"),
    "a time before 0": put(SOUND, offset="-1/24s"),
    "a number too large for the format": put(".//marker", start=f"1/{2**31}s"),
    "an id twice": put(".//asset", id="r1"),
    "a clip of no asset": put(CLIP, ref="r99"),
    "a clip of a format": put(CLIP, ref="r1"),
    "a project in no format": put(".//sequence", format="r99"),
    "a project in the format of an asset": put(".//sequence", format="r2"),
    "a picture in no format": without(".//asset[@hasVideo]", "format"),
    "the picture of a sound": put(SOUND, srcEnable="video"),
    "a seventh channel": put(".//audio-channel-source", srcCh="1, 2, 3, 4, 5, 7"),
    "five places for six channels": put(".//audio-channel-source", outCh="L, R, C, LFE, Ls"),
    "a caption's style elsewhere": put(f"{CAPTION}/text/text-style", ref="ts2"),
    "a caption without its format": put(CAPTION, role="Tom"),
    "a rate that no project has": put(".//format", frameDuration="1/15s"),
    "drop frames at 23.976": put(".//sequence", tcFormat="DF"),
    "half a frame": shift(SOUND, "offset", FRAME / 2),
    "half a frame of a file": shift(SOUND, "start", FRAME / 2),
    "half a frame longer": shift(CAPTION, "duration", FRAME / 2),
    "a marker between frames": shift(".//marker", "start", FRAME / 2),
    "no length": put(CAPTION, duration="0s"),
    "a hole in the storyline": shift(CLIP, "offset", FRAME),
    "a storyline too short": shift(".//sequence", "duration", FRAME),
    "connected before what holds it": shift(SOUND, "offset", -FRAME),
    "connected after what holds it": shift(SOUND, "offset", 1000 * FRAME),
    "a marker after its clip": shift(".//marker", "start", 1000 * FRAME),
    "before its file": shift(CLIP, "start", -FRAME),
    "longer than its file": shift(SOUND, "duration", FRAME),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Element:
    folder = tmp_path_factory.mktemp("whole")
    programme = small_programme(folder, "24000/1001", "01:00:00:00", channels=6)
    return written(build(programme), folder / "out")[1]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_does_not_pass(name: str, whole: Element) -> None:
    broken = deepcopy(whole)
    BROKEN[name](broken)
    with pytest.raises(AssertionError):
        check(broken)
    check(whole)


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

"""Timelines of other programs: rates, trims, stills, sequences, further media; the same in every target."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from dubline.errors import InvalidJob
from otio_dubline.exporters import Exported, export
from otio_dubline.exporters.lanes import lay_out
from otio_dubline.exporters.sequence import sequence_of
from otio_dubline.reading import placed, rate_of, require_media
from otio_dubline.trims import without_trims

CUTS = ("premiere", "fcpx", "kdenlive", "shotcut", "edl")
"""Targets that need no real media to point to."""


def time(value: float, rate: float = 24) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(value, rate)


def span(start: float, length: float, rate: float = 24) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(time(start, rate), time(length, rate))


def media(place: Path, name: str, length: float = 1440, rate: float = 24, start: float = 0) -> Any:
    (place / name).touch()
    return otio.schema.ExternalReference(
        target_url=(place / name).as_uri(), available_range=span(start, length, rate)
    )


def clip(place: Path, name: str, start: float, length: float, file: str = "m.mov", rate: float = 24) -> Any:
    return otio.schema.Clip(
        name=name, media_reference=media(place, file, 60 * rate, rate), source_range=span(start, length, rate)
    )


def timeline(*tracks: Any, start: float | None = 0, rate: float = 24) -> otio.schema.Timeline:
    made = otio.schema.Timeline(name="x")
    if start is not None:
        made.global_start_time = time(start, rate)
    made.tracks.extend(tracks)
    return made


def track(kind: str, *items: Any, shown: Any = None) -> otio.schema.Track:
    made = otio.schema.Track(name=f"{kind} track", kind=kind, source_range=shown)
    made.extend(items)
    return made


def cuts(made: otio.schema.Timeline) -> list[list[tuple[str, int, int, int]]]:
    """(name, frame on the timeline, first frame of the file, frames) of each track."""
    fps = rate_of(made)
    return [
        [
            (item.name, at, round(item.trimmed_range().start_time.rescaled_to(float(fps)).value), length)
            for at, length, item in placed(track, fps)
            if isinstance(item, otio.schema.Clip)
        ]
        for track in made.tracks
    ]


def written(made: otio.schema.Timeline, target: str, place: Path) -> tuple[Exported, str]:
    (done,) = export(made, [target], place)
    return done, done.files[0].read_text(encoding="utf-8")


def places(text: str, target: str) -> list[tuple[int, int]]:
    """(frame, frames) of each clip on the first track of picture, as the target's file has it."""
    if target == "edl":
        at = [
            [int(part) for part in re.split("[:;]", clock)]
            for line in text.splitlines()
            if line[:3].isdigit() and " V " in line
            for clock in line.split()[-2:]
        ]
        frames = [((h * 60 + m) * 60 + s) * 24 + f for h, m, s, f in at]
        return [(begin, end - begin) for begin, end in zip(frames[::2], frames[1::2], strict=True)]
    root = ET.fromstring(text)
    if target == "premiere":
        found = root.findall(".//video/track/clipitem")
        return [
            (int(c.findtext("start") or 0), int(c.findtext("end") or 0) - int(c.findtext("start") or 0))
            for c in found
        ]
    if target == "fcpx":
        found = root.findall(".//spine/asset-clip")
        return [
            (int(Fraction(c.attrib["offset"][:-1]) * 24), int(Fraction(c.attrib["duration"][:-1]) * 24))
            for c in found
        ]
    for playlist in root.iter("playlist"):
        entries, at = [], 0
        for item in playlist:
            if item.tag == "blank":
                at += int(item.attrib["length"])
            elif item.tag == "entry":
                frames = int(item.attrib["out"]) - int(item.attrib["in"]) + 1
                entries.append((item.attrib["producer"], at, frames))
                at += frames
        if entries and all(name.startswith("clip") for name, _, _ in entries):
            return [(at, frames) for _, at, frames in entries]
    return []


# --- rates ---------------------------------------------------------------------------------------


def test_the_rate_is_the_pictures_whatever_comes_first(tmp_path: Path) -> None:
    gap = otio.schema.Gap(source_range=span(0, 6.4, 1))
    picture = track("Video", gap, clip(tmp_path, "a", 56, 49, rate=25))
    sound = track("Audio", clip(tmp_path, "w", 0, 192960, "s.wav", rate=48000))
    assert rate_of(timeline(picture.deepcopy(), start=None)) == 25
    assert cuts(timeline(picture.deepcopy(), start=None)) == [[("a", 160, 56, 49)]]
    assert rate_of(timeline(sound.deepcopy(), picture.deepcopy(), start=None)) == 25
    assert rate_of(timeline(sound.deepcopy(), picture.deepcopy(), start=0, rate=1)) == 25
    assert rate_of(timeline(sound.deepcopy(), picture.deepcopy(), start=0, rate=48000)) == 25
    assert rate_of(timeline(sound.deepcopy(), picture.deepcopy(), start=0, rate=30)) == 30
    mixed = track("Video", clip(tmp_path, "a", 0, 49, rate=25), clip(tmp_path, "b", 0, 480, "b.mov", rate=24))
    assert rate_of(timeline(mixed, start=None)) == 24
    for target in ("premiere", "kdenlive"):
        _, text = written(
            timeline(sound.deepcopy(), picture.deepcopy(), start=None), target, tmp_path / "out"
        )
        assert "<timebase>25</timebase>" in text or 'frame_rate_num="25"' in text


def test_a_timeline_of_sound_alone_has_25_and_says_so(tmp_path: Path) -> None:
    sound = track("Audio", clip(tmp_path, "w", 0, 96000, "s.wav", rate=48000))
    done, _ = written(timeline(sound, start=None), "edl", tmp_path / "out")
    assert any("frame rate: it is 25" in note for note in done.notes)


# --- trims ---------------------------------------------------------------------------------------


def two(place: Path, shown: Any = None) -> otio.schema.Track:
    return track("Video", clip(place, "a", 0, 48), clip(place, "b", 100, 48), shown=shown)


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        (None, [("a", 0, 0, 48), ("b", 48, 100, 48)]),
        ((24, 48), [("a", 0, 24, 24), ("b", 24, 100, 24)]),
        ((0, 24), [("a", 0, 0, 24)]),
        ((60, 1000), [("b", 0, 112, 36)]),
        ((-24, 48), [("a", 24, 0, 24)]),
        ((-24, 1000), [("a", 24, 0, 48), ("b", 72, 100, 48)]),
        ((48, 48), [("b", 0, 100, 48)]),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_what_a_track_shows(tmp_path: Path, shown: Any, right: Any, whole: bool) -> None:
    window = span(*shown) if shown else None
    made = timeline(two(tmp_path, None if whole else window))
    made.tracks.source_range = window if whole else None
    plain = without_trims(made)
    assert cuts(plain) == [right]
    assert [plain.tracks.source_range, *(t.source_range for t in plain.tracks)] == [None, None]
    for target in CUTS:
        done, text = written(made, target, tmp_path / "out")
        assert places(text, target) == [(at, frames) for _, at, _, frames in right], target
        assert not any("trimmed" in lost for lost in done.lost)


def test_a_trim_within_a_trim_and_its_markers(tmp_path: Path) -> None:
    made = timeline(two(tmp_path, span(12, 80)))
    made.tracks.source_range = span(24, 40)
    for at in (10, 50, 90):
        made.tracks[0].markers.append(otio.schema.Marker(name=str(at), marked_range=span(at, 1)))
    plain = without_trims(made)
    assert cuts(plain) == [[("a", 0, 36, 12), ("b", 12, 100, 28)]]
    marks = [(m.name, m.marked_range.start_time.value) for m in plain.tracks[0].markers]
    assert marks == [("10", -26), ("50", 14), ("90", 54)]
    for target in ("premiere", "kdenlive"):
        done, text = written(made, target, tmp_path / "out")
        assert "50" in text and any(lost.startswith("Markers be") for lost in done.lost)
    assert made.tracks[0].source_range is not None, "the timeline that was given is left alone"


def test_a_cue_is_trimmed_with_its_track(tmp_path: Path) -> None:
    words = otio.schema.Clip(name="Hi.", source_range=span(0, 48))
    made = timeline(track("Subtitle", otio.schema.Gap(source_range=span(0, 24)), words, shown=span(36, 24)))
    _, text = written(made, "srt", tmp_path / "out")
    assert "00:00:00,000 --> 00:00:01,000" in text


@pytest.mark.parametrize("start", [None, 86400])
def test_record_timecodes_of_an_edit_decision_list(tmp_path: Path, start: float | None) -> None:
    gap = otio.schema.Gap(source_range=span(0, 24))
    picture = track(
        "Video", clip(tmp_path, "a", 0, 48), gap, clip(tmp_path, "b", 9, 48), shown=span(-86400, 120)
    )
    sound = track("Audio", clip(tmp_path, "c", 0, 48), shown=span(-86472, 48))
    plain = without_trims(timeline(picture, sound, start=start))
    assert cuts(plain) == [[("a", 0, 0, 48), ("b", 72, 9, 48)], [("c", 72, 0, 48)]]
    assert plain.global_start_time == time(86400)


# --- media ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["still.png", "STILL.JPG", "a b.tiff"])
def test_a_still_lasts_as_long_as_its_clip(tmp_path: Path, name: str) -> None:
    still = otio.schema.Clip(
        name="still", media_reference=media(tmp_path, name, 1), source_range=span(0, 100)
    )
    made = timeline(track("Video", still, clip(tmp_path, "b", 0, 37)))
    for target in CUTS:
        done, text = written(made, target, tmp_path / "out")
        assert places(text, target) == [(0, 100), (100, 37)], target
        assert not any("past its file" in lost for lost in done.lost)


@pytest.mark.parametrize("target", ["premiere", "fcpx", "kdenlive", "shotcut"])
def test_a_clip_past_the_end_of_its_file_is_told(tmp_path: Path, target: str) -> None:
    made = timeline(track("Video", clip(tmp_path, "a", 1400, 60)))
    done, text = written(made, target, tmp_path / "out")
    assert places(text, target) == [(0, 40)]
    assert any("20 frames past its file" in lost for lost in done.lost)


def test_only_the_medium_that_is_shown_must_be_there(tmp_path: Path) -> None:
    several = clip(tmp_path, "a", 0, 48)
    proxy = otio.schema.ExternalReference(target_url="file:///nowhere/proxy.mov")
    several.set_media_references({"high": several.media_reference, "proxy": proxy}, "high")
    made = timeline(track("Video", several))
    require_media(made)
    assert list(made.tracks[0][0].media_references()) == ["high"]
    assert "/nowhere/proxy.mov" in made.metadata["dubline"]["notes"][0]
    several = clip(tmp_path, "a", 0, 48)
    several.set_media_references({"high": several.media_reference, "proxy": proxy.deepcopy()}, "proxy")
    with pytest.raises(InvalidJob, match="nowhere/proxy"):
        require_media(timeline(track("Video", several)))


def test_an_image_sequence_is_called_one(tmp_path: Path) -> None:
    frames = otio.schema.ImageSequenceReference(
        target_url_base="file:///seq/",
        name_prefix="sh.",
        name_suffix=".png",
        start_frame=1001,
        frame_zero_padding=4,
    )
    frames.available_range = span(1001, 48)
    shot = otio.schema.Clip(name="sh", media_reference=frames, source_range=span(1010, 24))
    black = otio.schema.Clip(
        name="k",
        media_reference=otio.schema.GeneratorReference(generator_kind="black"),
        source_range=span(0, 9),
    )
    made = timeline(track("Video", shot, black, clip(tmp_path, "b", 0, 24)))
    for target in (*CUTS, "resolve"):
        (done,) = export(made, [target], tmp_path / "out")
        assert any("image sequence (sh.1001.png" in lost for lost in done.lost), target
        assert any("made by the program itself (black)" in lost for lost in done.lost), target
    _, text = written(made, "otio", tmp_path / "out")
    assert "ImageSequenceReference" in text and "sh." in text


@pytest.mark.parametrize("target", [*CUTS, "otio", "resolve", "srt"])
def test_what_has_no_length_is_refused_with_its_place(tmp_path: Path, target: str) -> None:
    bare = otio.schema.Clip(
        name="c", media_reference=otio.schema.ExternalReference(target_url="file:///s.wav")
    )
    with pytest.raises(InvalidJob, match="clip 'c' on track 'Audio track' has no length"):
        export(timeline(track("Audio", bare)), [target], tmp_path / "out")


def test_both_ways_of_looking_agree(tmp_path: Path) -> None:
    made = without_trims(timeline(two(tmp_path, span(24, 48))))
    lane, strip = lay_out(made).lanes[0], sequence_of(made.deepcopy()).strips[0]
    assert [(p.start, p.first, p.frames) for p in lane.pieces] == [
        (p.at, p.first, p.frames) for p in strip.pieces
    ]


# --- languages -----------------------------------------------------------------------------------


def test_a_subtitle_track_without_a_language_stays_in_every_target(tmp_path: Path) -> None:
    from otio_dubline.exporters import ExportOptions

    def words(text: str, language: str) -> otio.schema.Track:
        made = track("Subtitle", otio.schema.Clip(name=text, source_range=span(0, 24)))
        if language:
            made.metadata["dubline"] = {"language": language}
        return made

    made = timeline(
        track("Video", clip(tmp_path, "a", 0, 48)), words("Hi.", "en"), words("Hola.", "es"), words("?", "")
    )
    for target in ("kdenlive", "shotcut", "aaf", "premiere", "resolve", "srt"):
        if target == "aaf":
            pytest.importorskip("aaf2")
        (done,) = export(made, [target], tmp_path / "out", ExportOptions(languages=("en",)))
        texts = {
            path.read_text(encoding="utf-8-sig").splitlines()[2]
            for path in done.files
            if path.suffix == ".srt"
        }
        assert {"Hi.", "?"} <= texts and "Hola." not in texts, target

"""Timelines that are broken, or made to do harm: refused with a reason, quickly, and nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_programme import small_programme

from dubline.errors import InvalidJob
from otio_dubline import reading
from otio_dubline.build import build
from otio_dubline.exporters import ExportOptions, export
from otio_dubline.reading import media_file, parse_timeline, read_timeline, require_media

TARGETS = ("otio", "otioz", "resolve", "edl", "srt", "vtt")


def time(value: Any, rate: Any) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": rate}


def spanning(start: Any, length: Any, rate: Any = 25.0) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start, rate), "duration": time(length, rate)}


def timeline_with(*children: Any, **more: Any) -> bytes:
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "name": "V", "children": list(children)}
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "", "children": [track]}
    return json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": "x", "tracks": stack, **more}).encode()


def gap(span: Any) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "Gap.1", "name": "", "source_range": span}


def test_a_harmless_one_is_read() -> None:
    timeline = parse_timeline(timeline_with(gap(spanning(0, 10.0))))
    assert timeline.duration().value == 10


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"\x00\xff\xfe", "not JSON"),
        (b"<xml/>", "not JSON"),
        (b"[1, 2]", "no OTIO object, not a timeline"),
        (b'{"OTIO_SCHEMA": 4}', "no OTIO object, not a timeline"),
        (b'{"OTIO_SCHEMA": "Clip.2"}', "holds Clip, not a timeline"),
        (b'{"OTIO_SCHEMA": "Timeline.1", "tracks": 5}', "has a number where Stack belongs, at tracks"),
        (b'{"OTIO_SCHEMA": "Timeline.99", "tracks": null}', "has a Timeline without tracks"),
        (timeline_with(gap(spanning(0, 10.0))).replace(b"10.0", b"NaN"), "a time that is none"),
        (timeline_with(gap(spanning(0, 10.0))).replace(b"10.0", b"Infinity"), "a time that is none"),
        (timeline_with(gap(spanning(0, 10.0))).replace(b"10.0", b"1e999"), "JSON|a time that is none"),
        (timeline_with(gap(spanning(0, 10.0, 0))), "a time that is none: .* at a rate of 0"),
        (timeline_with(gap(spanning(0, 10.0, -24))), "a rate of -24"),
        (timeline_with(gap(spanning(0, "ten"))), "'ten'"),
        (timeline_with(gap(spanning(0, -3.0))), "negative length"),
        (timeline_with({"OTIO_SCHEMA": "DubClip.1", "name": "x"}), "unknown kind, 'DubClip.1'"),
        (timeline_with({"OTIO_SCHEMA": "Marker.2", "name": "x"}), r"has Marker .* at tracks.children\[0\]"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        parse_timeline(data, "edit.otio")
    assert refused.value.message.startswith("edit.otio ") and refused.value.hint


def test_strange_metadata_is_somebody_elses_business() -> None:
    metadata = {"other": {"OTIO_SCHEMA": "Strange.7", "x": [1, {"OTIO_SCHEMA": "Odder.1"}]}, "dubline": "no"}
    timeline = parse_timeline(timeline_with(gap(spanning(0, 10.0)), metadata=metadata))
    assert reading.facts_of(timeline) == {}
    assert reading.rate_of(timeline) == 25


def test_a_million_nested_stacks() -> None:
    opening = b'{"OTIO_SCHEMA": "Stack.1", "name": "", "children": ['
    head, tail = timeline_with().split(b'"children": []')
    deep = head + b'"children": [' + opening * 1_000_000 + b"]}" * 1_000_000 + b"]" + tail
    with pytest.raises(InvalidJob, match="nested too deep"):
        parse_timeline(deep)
    shallow = head + b'"children": [' + opening * 100 + b"]}" * 100 + b"]" + tail
    with pytest.raises(InvalidJob, match="nests more than 64"):
        parse_timeline(shallow)
    with pytest.raises(InvalidJob, match="nested too deep"):
        parse_timeline(b"[" * 10_000_000)


def test_a_file_too_large_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.otio"
    with path.open("wb") as file:
        file.truncate(reading.LARGEST_FILE + 1)
    with pytest.raises(InvalidJob, match="256"):
        read_timeline(path)
    with pytest.raises(InvalidJob, match="is not a file"):
        read_timeline(tmp_path)
    with pytest.raises(InvalidJob, match="cannot be read"):
        read_timeline(tmp_path / "none.otio")


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(InvalidJob):
        parse_timeline(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["OTIO_SCHEMA", "children", "value", "rate", "duration", "name"]), inner
        )
        | st.builds(
            lambda kind, body: {**body, "OTIO_SCHEMA": kind},
            st.sampled_from(
                ["Clip.2", "Gap.1", "Stack.1", "Track.1", "RationalTime.1", "TimeRange.1", "Clip.-1"]
            ),
            st.dictionaries(
                st.sampled_from(["children", "source_range", "name", "metadata", "value"]), inner
            ),
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_structure_is_refused_or_read(inside: Any) -> None:
    try:
        timeline = parse_timeline(timeline_with(inside))
    except InvalidJob:
        return
    assert isinstance(timeline, otio.schema.Timeline)


# --- media ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/a.mov", "not a file of this machine"),
        ("https://example.org/a.mov", "not a file of this machine"),
        ("ftp://x/a.mov", "not a file of this machine"),
        ("data:text/plain,x", "not a file of this machine"),
        ("javascript:alert(1)", "not a file of this machine"),
        ("file://server/share/a.mov", "another machine"),
        ("", "no usable path"),
        ("file:///a%00.mov", "no usable path"),
        ("a\0.mov", "no usable path"),
        ("../../etc/passwd", "out of the timeline's folder"),
        ("media/%2e%2e/%2e%2e/secret", "out of the timeline's folder"),
        ("%2Fetc%2Fpasswd", "out of the timeline's folder"),
    ],
)
def test_media_elsewhere_are_refused(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason):
        media_file(url, tmp_path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a%20b/%C3%B6.mov", "/a b/ö.mov"),
        ("file://localhost/a.mov", "/a.mov"),
        ("/Users/me/50% done.mov", "/Users/me/50% done.mov"),
        ("file:///C:/films/a.mov", "C:/films/a.mov"),
        ("C:\\films\\a.mov", "C:\\films\\a.mov"),
        ("media/a%20b.wav", "HERE/media/a b.wav"),
    ],
)
def test_media_of_this_machine(url: str, path: str) -> None:
    assert str(media_file(url, Path("HERE"))) == path


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_fetches(tmp_path: Path, target: str) -> None:
    timeline = build(small_programme(tmp_path, seconds=1))
    timeline.tracks[0][0].media_reference.target_url = "http://localhost:9/film.mov"
    if target in ("srt", "vtt"):  # subtitles ask for no media
        export(timeline, [target], tmp_path / "out")
        return
    with pytest.raises(InvalidJob, match="not a file of this machine"):
        export(timeline, [target], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_device_is_no_media(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1))
    timeline.tracks[0][0].media_reference.target_url = "file:///dev/zero"
    with pytest.raises(InvalidJob, match="missing: /dev/zero"):
        require_media(timeline)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["../../escaped", "a/b", "", "\n", "x" * 500, "con", ".."])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, target: str, name: str) -> None:
    timeline = build(small_programme(tmp_path / "in", seconds=1))
    timeline.name = name
    for track in timeline.tracks:
        if track.kind == "Subtitle":
            track.metadata["dubline"]["speaker_name"] = name
            track.metadata["dubline"]["language"] = name
    (done,) = export(timeline, [target], tmp_path / "out", ExportOptions())
    inside = (tmp_path / "out" / target).resolve()
    assert all(inside in file.resolve().parents and file.is_file() for file in done.files)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_timeline_without_our_notes(tmp_path: Path, target: str) -> None:
    timeline = build(small_programme(tmp_path, seconds=1))
    for thing in [timeline, *timeline.find_children()]:
        thing.metadata.clear()
    for clip in timeline.find_clips():
        clip.media_reference.metadata.clear()
    for marker in timeline.tracks.markers:
        marker.metadata.clear()
    (done,) = export(timeline, [target], tmp_path / "out")
    assert all(file.is_file() for file in done.files)

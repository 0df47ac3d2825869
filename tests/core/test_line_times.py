"""Line times from files as they come from translators, diarization tools and other programs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.subtitles.line_times import read_lines

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello é\n\n2\n00:01:03,000 --> 00:01:04,000\nthere\n"


def pairs(path: Path) -> list[tuple[float, float]]:
    return [(line.start, line.end) for line in read_lines(path)]


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_srt_in_every_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    path = put(tmp_path, "a.SRT", SRT.replace("\n", ending).encode(encoding))
    assert pairs(path) == [(1.0, 2.5), (63.0, 64.0)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (SRT.replace("00:01:03,000", "00:01:0x,000"), "line 6"),
        (SRT.replace("00:01:03,000", "-00:01:03,000"), "line 6"),
        (SRT.replace("00:01:04,000", "soon"), "line 6"),
        (SRT.replace("00:01:04,000", "00:00:04,000"), "63.000 s to 4.000 s"),
    ],
)
def test_srt_with_a_wrong_time_is_refused_not_passed_over(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(InvalidJob, match=place) as caught:
        read_lines(put(tmp_path, "a.srt", text))
    assert caught.value.hint


def test_real_subtitles(shared: Shared) -> None:
    folder = shared("subtitles", real=True)
    assert pairs(folder / "cdown_ascii.srt") == [(27.0, 30.73), (31.5, 36.57)]
    assert pairs(folder / "cdown_gb2312.srt") == pairs(folder / "cdown_ascii.srt")
    for name in ("webvttpy_invalid_format1.srt", "webvttpy_invalid_format2.srt"):
        with pytest.raises(InvalidJob, match="no line times"):
            read_lines(folder / name)


def test_rttm_of_a_meeting(shared: Shared) -> None:
    path = shared("scene/truth.rttm")
    told = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line]
    found = pairs(path)
    assert 0 < len(found) < len(told), "eight of the sixteen turns overlap"
    assert found[0][0] == min(float(t[3]) for t in told)
    assert found[-1][1] == pytest.approx(max(float(t[3]) + float(t[4]) for t in told))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_rttm_with_an_accent_in_a_name(tmp_path: Path, encoding: str) -> None:
    line = "SPEAKER trñ00 1 0.5 1.25 <NA> <NA> MÉO069 <NA> <NA>\n"
    assert pairs(put(tmp_path, "a.rttm", ("\n" + line).encode(encoding))) == [(0.5, 1.75)]


@pytest.mark.parametrize("start", ["nan", "inf", "-1", "x"])
def test_rttm_with_an_impossible_time(tmp_path: Path, start: str) -> None:
    with pytest.raises(InvalidJob):
        read_lines(put(tmp_path, "a.rttm", f"SPEAKER a 1 {start} 1.0 <NA> <NA> b <NA> <NA>"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "1 2"),
        ("a.json", "{}"),
        ("a.json", "not json"),
        ("a.json", b"\xff\xfe\x00"),
        ("a.json", '{"segments": [{"start": "1", "end": 2}]}'),
        ("a.json", '{"segments": [{"start": 3, "end": 2}]}'),
        ("a.json", '{"segments": []}'),
        ("a.rttm", ""),
        ("a.rttm", "SPEAKER a 1 0.5"),
        ("a.srt", b""),
        ("a.srt", b"\x00\x01\x02\xff"),
    ],
)
def test_useless_files_are_refused_with_a_hint(tmp_path: Path, name: str, content: str | bytes) -> None:
    with pytest.raises(InvalidJob) as caught:
        read_lines(put(tmp_path, name, content))
    assert caught.value.hint and name in caught.value.message


def test_missing_file_and_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.srt").mkdir()
    for name in ("none.srt", "folder.srt"):
        with pytest.raises(InvalidJob, match="cannot be read"):
            read_lines(tmp_path / name)


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 300)).map(lambda t: (t[0] / 8, (t[0] + t[1]) / 8)),
        min_size=1,
        max_size=30,
    )
)
def test_lines_are_merged_without_losing_a_moment(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[tuple[float, float]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "merge.json"
    path.write_text(json.dumps({"segments": [{"start": a, "end": b, "text": "x"} for a, b in given_lines]}))
    found = pairs(path)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found)), "ordered, apart"
    for a, b in given_lines:
        assert any(start <= a and b <= end for start, end in found)
    edges = {t for line in given_lines for t in line}
    assert {t for line in found for t in line} <= edges

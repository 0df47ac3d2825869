"""The targets otio, otioz and the subtitle files: read back by OTIO itself, by pysrt, by plain parsers."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import opentimelineio as otio
import pysrt
import pytest
from shared_media import Shared
from small_programme import LINES, STEMS, small_programme

from dubline.errors import InvalidJob
from dubline.files import file_name, unique
from otio_dubline.build import build
from otio_dubline.exporters import ExportOptions, export
from otio_dubline.reading import read_timeline


def kinds(value: Any) -> set[str]:
    """All schemas in a JSON structure."""
    if isinstance(value, list):
        return {kind for item in value for kind in kinds(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["OTIO_SCHEMA"]} if "OTIO_SCHEMA" in value else set()
    return own | {kind for item in value.values() for kind in kinds(item)}


def test_otio_is_the_timeline(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path))
    (done,) = export(timeline, ["otio"], tmp_path / "out")
    assert done.lost == () and done.files[0].name == "Bölüm 1 & _pilot_.otio"
    again = otio.adapters.read_from_file(str(done.files[0]))
    assert again.is_equivalent_to(timeline)
    assert again.name == "Bölüm 1 & <pilot>"
    for clip in again.find_clips():
        if isinstance(clip.media_reference, otio.schema.ExternalReference):
            assert Path(otio.url_utils.filepath_from_url(clip.media_reference.target_url)).is_file()


def test_an_old_reader_gets_old_schemas(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1))
    (done,) = export(timeline, ["otio"], tmp_path / "out", ExportOptions(schema="0.14.0"))
    found = kinds(json.loads(done.files[0].read_text(encoding="utf-8")))
    assert "Clip.1" in found and "Clip.2" not in found
    again = otio.adapters.read_from_file(str(done.files[0]))
    assert [c.name for c in again.find_clips()] == [c.name for c in timeline.find_clips()]
    with pytest.raises(InvalidJob, match=r"no schema family '0\.1'") as refused:
        export(timeline, ["otio"], tmp_path / "out", ExportOptions(schema="0.1"))
    assert "0.14.0" in refused.value.hint
    assert done.files[0].is_file()


def test_a_bundle_holds_the_media(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=1)
    other = tmp_path / "vocals.wav"  # a second file of that name
    other.write_bytes(b"another sound")
    sounds = (msgspec.structs.replace(programme.sounds[0], path=str(other)), *programme.sounds[1:])
    timeline = build(msgspec.structs.replace(programme, sounds=sounds))
    (done,) = export(timeline, ["otioz"], tmp_path / "out")
    (again,) = export(timeline, ["otioz"], tmp_path / "out")  # over the one before
    assert done.files == again.files
    with zipfile.ZipFile(done.files[0]) as bundle:
        assert bundle.testzip() is None
        names = bundle.namelist()
    assert len([n for n in names if n.startswith("media/")]) == 6
    assert {"media/vocals.wav", "media/vocals (2).wav"} <= set(names)
    (tmp_path / "unpacked").mkdir()
    read = otio.adapters.read_from_file(str(done.files[0]), extract_to_directory=str(tmp_path / "unpacked"))
    for track, sound in zip(read.audio_tracks(), sounds, strict=True):
        inside = tmp_path / "unpacked" / track[0].media_reference.target_url
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (inside, Path(sound.path))]
        assert digests[0] == digests[1]


@pytest.mark.parametrize("target", ["otio", "otioz", "resolve"])
def test_missing_media_are_named_and_nothing_is_replaced(tmp_path: Path, target: str) -> None:
    programme = small_programme(tmp_path, seconds=1)
    (before,) = export(build(programme), [target], tmp_path / "out")
    old = before.files[0].read_bytes()
    Path(programme.sounds[2].path).unlink()
    with pytest.raises(InvalidJob, match=r"missing: .*music\.wav"):
        export(build(programme), [target], tmp_path / "out")
    assert before.files[0].read_bytes() == old
    assert [p.name for p in (tmp_path / "out").iterdir()] == [target]


@pytest.mark.parametrize(
    "sample", ["multitrack", "nested_example", "new_project_move_cut", "resolve_transitions"]
)
def test_other_peoples_timelines_come_back_whole(tmp_path: Path, sample: str, shared: Shared) -> None:
    path = shared(f"otio/{sample}.otio")
    timeline = read_timeline(path)
    before = otio.adapters.read_from_file(str(path))
    again = tmp_path / "again.otio"
    otio.adapters.write_to_file(timeline, str(again))
    assert timeline.is_equivalent_to(before)
    told = json.loads(path.read_text(encoding="utf-8"))
    written = json.loads(again.read_text(encoding="utf-8"))
    assert missing(told, written) == []


def missing(before: Any, after: Any, place: str = "") -> list[str]:
    """Where something of `before` is not in `after`. Versions of schemas may go up, and with a clip's its
    single reference becomes one of several."""
    if isinstance(before, dict):
        if not isinstance(after, dict):
            return [place]
        lost = []
        for key, value in before.items():
            if key == "OTIO_SCHEMA":
                same = value.partition(".")[0] == after.get(key, "").partition(".")[0]
                lost += [] if same or value.startswith("Sequence") else [f"{place}.{key}"]
            elif key == "media_reference" and "media_references" in after:
                lost += missing(value, after["media_references"]["DEFAULT_MEDIA"], f"{place}.{key}")
            elif key not in after:
                lost.append(f"{place}.{key}")
            else:
                lost += missing(value, after[key], f"{place}.{key}")
        return lost
    if isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            return [place]
        pairs = enumerate(zip(before, after, strict=True))
        return [m for n, (a, b) in pairs for m in missing(a, b, f"{place}[{n}]")]
    return [] if before == after or (before is None and after == "") else [place]  # a name that is none


# --- subtitle files ------------------------------------------------------------------------------


def test_srt_for_everybody_and_for_each(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path))
    (done,) = export(timeline, ["srt"], tmp_path / "out")
    names = [path.relative_to(tmp_path / "out/srt").as_posix() for path in done.files]
    assert names == [
        "Bölüm 1 & _pilot_.tr.srt",
        "Bölüm 1 & _pilot_.en.srt",
        "speakers/Bölüm 1 & _pilot_.tr.Ayşe.srt",
        "speakers/Bölüm 1 & _pilot_.tr.Tom & _Co_.srt",
        "speakers/Bölüm 1 & _pilot_.en.Ayşe.srt",
        "speakers/Bölüm 1 & _pilot_.en.Tom & _Co_.srt",
    ]
    cues = pysrt.open(str(done.files[1]), encoding="utf-8")
    assert [(c.start.ordinal, c.end.ordinal) for c in cues] == [
        (500, 1752), (1752, 3100), (4004, 5200), (6101, 6900),
    ]  # fmt: skip
    assert [c.text for c in pysrt.open(str(done.files[4]), encoding="utf-8")] == list(LINES["en"][0])
    assert "6 tracks of picture and sound" in done.lost and "4 markers" in done.lost
    assert "01:00:00:00" in done.notes[0]


@pytest.mark.parametrize("target", ["srt", "vtt", "ass", "ttml", "csv"])
def test_every_kind_holds_every_text(tmp_path: Path, target: str) -> None:
    timeline = build(small_programme(tmp_path, seconds=2))
    options = ExportOptions(languages=("en",))
    (done,) = export(timeline, [target], tmp_path / "out", options)
    assert [path.suffix for path in done.files] == [f".{target}"] * 3
    text = done.files[0].read_text(encoding="utf-8-sig")
    assert "Where have you been?" in text and "All right." in text and "Nerede" not in text.split("\n")[0]


def test_a_moved_subtitle_has_the_time_of_its_frames(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, rate="25"))
    track = timeline.tracks[6]
    gap = track[0]
    gap.source_range = otio.opentime.TimeRange(
        duration=gap.source_range.duration + otio.opentime.RationalTime(25, 25)
    )
    (done,) = export(timeline, ["srt"], tmp_path / "out", ExportOptions(languages=("tr",)))
    cues = pysrt.open(str(done.files[1]), encoding="utf-8")
    assert cues[0].start.ordinal == 1520  # frame 13 was 0.52 s; the transcript said 0.500


def test_languages_are_checked(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1))
    with pytest.raises(InvalidJob, match="no subtitles in de") as refused:
        export(timeline, ["srt"], tmp_path / "out", ExportOptions(languages=("de",)))
    assert refused.value.hint == "This timeline has: en, tr."
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    silent = build(small_programme(tmp_path, seconds=1, languages=()))
    with pytest.raises(InvalidJob, match="no subtitles"):
        export(silent, ["vtt"], tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b\\c:d", "a_b_c_d"), ("..", "timeline"), ("", "timeline"), ("con", "_con"), ("CON.x", "_CON.x"),
        ("Bölüm ", "Bölüm"), ("x" * 200, "x" * 80), ("\0\n", "timeline"), ("../../etc", "_.._etc"),
        ("\ud800a", "a"),
    ],
)  # fmt: skip
def test_names_of_files(text: str, name: str) -> None:
    assert file_name(text) == name


def test_names_are_unique_without_case() -> None:
    taken: set[str] = set()
    assert [unique(name, taken) for name in ("A.wav", "a.wav", "a.wav")] == [
        "A.wav",
        "a (2).wav",
        "a (3).wav",
    ]


def test_the_stems_are_in_the_timeline(tmp_path: Path) -> None:
    (done,) = export(build(small_programme(tmp_path, seconds=1)), ["otio"], tmp_path / "out")
    names = [track.name for track in otio.adapters.read_from_file(str(done.files[0])).audio_tracks()]
    assert names == ["original", *STEMS]

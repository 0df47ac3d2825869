"""The plug-in as OTIO's own tools use it: in processes of their own, through the installed entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import opentimelineio as otio
import pysrt
import pytest
from small_programme import LINES, RATES, STARTS, small_programme

from dubline.values.transcript import Segment, Speaker, Transcript, write_transcript
from dubline.values.translated import TranslatedSegment, Translation, translation_json
from otio_dubline.build import build
from otio_dubline.exporters import export

TOOLS = Path(sys.executable).parent


def tool(
    name: str, *words: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One of OTIO's commands; a traceback of it fails the test unless the test asks for its status."""
    return subprocess.run(
        [str(TOOLS / name), *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **(env or {})},
    )


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A neutral timeline in a file, with its media."""
    folder = tmp_path_factory.mktemp("episode")
    (done,) = export(build(small_programme(folder)), ["otio"], folder / "out")
    return done.files[0]


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A run folder that holds words alone."""
    root = tmp_path / "EPISODE.dubline"
    root.mkdir()
    people = (Speaker(id="SPEAKER_00", name="Ayşe"),)
    segment = Segment(id=1, start=0.5, end=1.0, speaker="SPEAKER_00", text="Gel.")
    write_transcript(
        Transcript(language="tr", duration=2.0, segments=(segment,), speakers=people),
        root / "transcript.json",
    )
    line = TranslatedSegment(
        id=1, start=0.5, end=1.0, speaker="SPEAKER_00", text=None, source_text="Gel.", state="translated"
    ).with_text("Come.")
    translation = Translation(
        source_language="tr", target_language="en", duration=2.0, segments=(line,), speakers=people
    )
    (root / "translated.json").write_bytes(translation_json(translation))
    return root


def test_the_adapters_are_found() -> None:
    found = {a.name: list(a.suffixes) for a in otio.plugins.ActiveManifest().adapters}
    assert found["dubline"] == ["dubline"]
    assert found["dubline_srt"] == ["srt"] and found["dubline_vtt"] == ["vtt"]


@pytest.mark.parametrize("suffix", ["srt", "vtt"])
def test_a_timeline_to_subtitles_and_back(episode: Path, tmp_path: Path, suffix: str) -> None:
    lines = tmp_path / f"lines.{suffix}"
    done = tool("otioconvert", "-i", episode, "-o", lines)
    assert done.returncode == 0, done.stderr
    assert "took the subtitles in 'tr'; for en give" in done.stderr
    done = tool("otioconvert", "-i", episode, "-o", lines, "-A", "language=en")
    assert (done.returncode, done.stderr) == (0, "")
    back = tmp_path / "back.otio"
    done = tool("otioconvert", "-i", lines, "-o", back, "-a", "rate=24000/1001", "-a", "language=en")
    assert (done.returncode, done.stderr) == (0, "")
    timeline = otio.adapters.read_from_file(str(back))
    assert [c.name for c in timeline.find_clips()] == [
        LINES["en"][0][0], LINES["en"][1][0], LINES["en"][0][1], LINES["en"][1][1],
    ]  # fmt: skip
    first = timeline.tracks[0]
    assert first.kind == "Subtitle" and first.metadata["dubline"]["language"] == "en"
    assert first.range_of_child(first.find_clips()[0]).start_time.value == 12


def test_one_track_or_each_speaker(episode: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.srt"
    done = tool("otioconvert", "-i", episode, "-o", lines, "-A", "track=en Ayşe")
    assert (done.returncode, done.stderr) == (0, "")
    assert [c.text for c in pysrt.open(str(lines), encoding="utf-8")] == list(LINES["en"][0])
    lines.unlink()
    done = tool("otioconvert", "-i", episode, "-o", lines, "-A", "language=en", "-A", "speakers=apart")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lines.Ayşe.srt", "lines.Tom & _Co_.srt"]
    done = tool("otioconvert", "-i", episode, "-o", lines, "-A", "track=nobody")
    assert done.returncode != 0 and "no such subtitle track" in done.stderr
    assert not lines.exists()


def test_voices_of_a_vtt_are_speakers(episode: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.vtt"
    tool("otioconvert", "-i", episode, "-o", lines, "-A", "language=en")
    timeline = otio.adapters.read_from_file(str(lines), speakers="apart", rate="25", language="en")
    assert [track.name for track in timeline.tracks] == ["en Ayşe", "en Tom & <Co>"]


def test_a_run_is_a_timeline(words: Path, tmp_path: Path) -> None:
    for source, count in ((words, 2), (words / "transcript.json", 1), (words / "translated.json", 1)):
        reader = ("-I", "dubline") if source.suffix == ".json" else ()
        out = tmp_path / "t.otio"
        done = tool("otioconvert", "-i", source, *reader, "-o", out, "-a", "rate=24")
        assert (done.returncode, done.stderr) == (0, "")
        timeline = otio.adapters.read_from_file(str(out))
        assert timeline.name == "EPISODE"
        assert [track.kind for track in timeline.tracks] == ["Subtitle"] * count
        assert timeline.duration() == otio.opentime.RationalTime(48, 24)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.dubline", None, "no run folder"),
        ("x.dubline", b"{", "not JSON"),
        ("x.dubline", b'{"format": "other"}', "has the format 'other'"),
        ("x.srt", b"\x00\x01\x02", ""),
        ("x.vtt", b"nothing", "not WEBVTT"),
    ],
)
def test_bad_input_has_a_reason(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = tool("otioconvert", "-i", tmp_path / name, "-o", tmp_path / "out.otio")
    assert done.returncode != 0 and reason in done.stderr
    assert not (tmp_path / "out.otio").exists()


def test_a_bad_encoding_is_read_when_named(tmp_path: Path) -> None:
    path = tmp_path / "old.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nGüneş ışığı\n".encode("cp1254"))
    timeline = otio.adapters.read_from_file(str(path), encoding="cp1254")
    assert timeline.find_clips()[0].name == "Güneş ışığı"


def test_strings_too() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"
    timeline = otio.adapters.read_from_string(text, "dubline_srt")
    assert otio.adapters.write_to_string(timeline, "dubline_srt") == text
    assert "WEBVTT" in otio.adapters.write_to_string(timeline, "dubline_vtt")
    empty = otio.schema.Timeline(global_start_time=otio.opentime.RationalTime(0, 25))
    with pytest.raises(otio.exceptions.OTIOError, match="no subtitles"):
        otio.adapters.write_to_string(empty, "dubline_srt")


def test_otiotool_finds_nothing_wrong(tmp_path: Path) -> None:
    """One process for all rates and starts: each is a second of start-up.

    `--verify-media` looks for a file of the reference's name as it stands, which a URL never is: media are
    verified in Resolve's dialect, whose references are bare paths; ranges in both."""
    files: list[str | Path] = []
    for number, (rate, start) in enumerate((r, s) for r in RATES for s in STARTS):
        programme = small_programme(tmp_path / str(number), rate=rate, start=start, seconds=1)
        done = export(build(programme), ["otio", "resolve"], tmp_path / str(number) / "out")
        files += [path for one in done for path in one.files if path.suffix == ".otio"]
    for group in (files[::2], files[1::2]):
        done_all = tool("otiotool", "-i", *group, "--verify-ranges", "--verify-media", "--list-tracks")
        assert (done_all.returncode, done_all.stderr) == (0, "")
        rows = done_all.stdout.splitlines()
        assert sum("TIMELINE:" in row for row in rows) == 24
        assert sum("IN BOUNDS" in row for row in rows) == 24 * 6
        assert not [row for row in rows if "OUT OF BOUNDS" in row]
        if group == files[1::2]:
            assert sum("MEDIA EXISTS" in row for row in rows) == 24 * 6
            assert not [row for row in rows if "NOT FOUND" in row]

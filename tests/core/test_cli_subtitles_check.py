# ruff: noqa: RUF001 - Turkish has a dotless i
"""`dubline subtitles check` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from dubline.cli.subtitles_check import check_subtitles
from dubline.errors import InvalidJob
from dubline.subtitles.writing import read_subtitles
from dubline.values.transcript import Segment, Speaker, Transcript, write_transcript

BAD = (
    "1\n00:00:01,000 --> 00:00:02,000\n"
    "I never told him anything about it, because he would not have listened.\n\n"
    "2\n00:00:02,000 --> 00:00:02,300\nNo.\n"
)
GOOD = "1\n00:00:01,000 --> 00:00:03,000\nFine.\n"


def run(*words: str | Path) -> Result:
    app = typer.Typer()
    app.command("check")(check_subtitles)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_is_right_exits_with_0(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(GOOD, encoding="utf-8")
    found = run(tmp_path / "a.srt", "--rate", "24")
    assert found.exit_code == 0, found.output
    assert "a.srt: 1 cue, netflix-en" in found.output
    assert "0 errors, 0 warnings" in found.output


def test_one_error_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(GOOD.replace("03,000", "01,100").replace("Fine.", "I."), encoding="utf-8")
    assert "\n1 error, " in run(tmp_path / "a.srt", "--rate", "24").output


def test_findings_have_cue_timecode_measure_and_limit(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(BAD, encoding="utf-8")
    found = run(tmp_path / "a.srt", "--rate", "25")
    assert found.exit_code == 1
    rows = {" ".join(line.split()[:6]) for line in found.output.splitlines()}
    assert "1 00:00:01:00 line length 71 42" in rows
    assert "1 00:00:01:00 reading speed 71 20" in rows
    assert "2 00:00:02:00 too short 0.3 0.833" in rows
    without = run(tmp_path / "a.srt")
    assert "no --rate was given" in without.output
    assert "00:00:02,000" in without.output


def test_the_report_as_json(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes((BAD + "\n3\nxx --> yy\nLost\n").encode("utf-8-sig"))
    found = run(tmp_path / "a.srt", "--rate", "23.976", "--json")
    assert found.exit_code == 1
    report = json.loads(found.output)
    assert (report["cues"], report["encoding"], report["rate"]) == (2, "utf-8", "24000/1001")
    assert [(p["line"], p["lost"]) for p in report["problems"]] == [(10, True)]
    assert {f["kind"] for f in report["findings"]} >= {"line_length", "reading_speed", "gap", "too_short"}
    assert all(f["timecode"].count(":") == 3 for f in report["findings"])


def test_fixing_writes_a_file_and_tells_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(BAD, encoding="utf-8")
    out = tmp_path / "b.vtt"
    found = run(tmp_path / "a.srt", "--rate", "24", "--lang", "en", "--fix", "-o", out)
    assert found.exit_code == 1  # its reading speed cannot be set right
    assert "left" in found.output
    assert "reading speed" in found.output
    cues = read_subtitles(out).cues
    assert cues[0].text == "I never told him anything about it,\nbecause he would not have listened."
    assert (cues[1].start_ms, cues[1].end_ms) == (2000, 2833)
    assert (tmp_path / "a.srt").read_text(encoding="utf-8") == BAD


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--fix"], "belong together"),
        (["-o", "b.srt"], "belong together"),
        (["--fix", "-o", "b.srt"], "puts times on frames"),
        (["--fix", "-o", "a.srt", "--rate", "24"], "is the file that was read"),
        (["--fix", "-o", "b.doc", "--rate", "24"], "no subtitle format 'doc'"),
        (["--profile", "bbc"], "no profile 'bbc'"),
        (["--rate", "fast"], "is not a frame rate"),
        (["--encoding", "klingon"], "no encoding 'klingon'"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.srt").write_text(GOOD, encoding="utf-8")
    found = run("a.srt", *words)
    assert isinstance(found.exception, InvalidJob)
    assert why in found.exception.message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.srt"]


def test_a_file_with_a_lost_cue_is_not_fixed(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(GOOD + "\n2\nxx --> yy\nLost\n", encoding="utf-8")
    found = run(tmp_path / "a.srt", "--rate", "24", "--fix", "-o", tmp_path / "b.srt")
    assert isinstance(found.exception, InvalidJob)
    assert "a.srt, line 6" in found.exception.message
    assert not (tmp_path / "b.srt").exists()


def test_a_run_is_checked_in_one_language(tmp_path: Path) -> None:
    root = tmp_path / "E01.dubline"
    root.mkdir()
    segments = (
        Segment(id=1, start=1.0, end=3.0, speaker="SPEAKER_00", text="Gel."),
        Segment(id=2, start=1.2, end=2.0, speaker="SPEAKER_01", text="Hayır, gelmem."),
    )
    speakers = (Speaker(id="SPEAKER_00", name="Ayşe"), Speaker(id="SPEAKER_01"))
    write_transcript(
        Transcript(language="tr", duration=5, segments=segments, speakers=speakers), root / "transcript.json"
    )
    found = run(root)
    assert found.exit_code == 1
    assert "overlap" in found.output
    assert "00:00:01:00" in found.output
    other = run(root, "--lang", "en")
    assert isinstance(other.exception, InvalidJob)
    assert "Choose with --lang: tr" in other.exception.hint

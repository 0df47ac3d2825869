"""Cues that come back by the clock of the timeline, and cues behind the programme's end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from sent_run import make_run, rewrite, with_

from dubline.errors import InvalidJob
from dubline.exchange import import_subtitles, returning
from dubline.exchange.start_times import from_start
from dubline.subtitles.cues import SubtitleText
from dubline.timebase import Timecode
from dubline.values.transcript import read_transcript

HOUR = 3_600_000


def cues(shift: int, *starts: int) -> tuple[SubtitleText, ...]:
    return tuple(
        SubtitleText(index=n, start_ms=shift + at, end_ms=shift + at + 900, text="x")
        for n, at in enumerate(starts, 1)
    )


@pytest.mark.parametrize(
    ("start", "rate", "shift"),
    [
        ("01:00:00:00", "25", HOUR),
        ("10:00:00:00", "25", 10 * HOUR),
        ("00:59:50:00", "24", HOUR - 10_000),
        ("01:00:00:00", "24000/1001", HOUR),
        ("01:00:00:00", "24000/1001", 3_603_600),
        ("01:00:00;00", "30000/1001", HOUR),
    ],
)
def test_the_start_timecode_is_taken_off_and_told(start: str, rate: str, shift: int) -> None:
    code = Timecode.parse(start, Fraction(rate))
    late = cues(shift, 500, 2500, 88_000)
    found, told = from_start(late, (), code, 90_000)
    assert [cue.start_ms for cue in found] == [500, 2500, 88_000]
    assert start in told and "was taken off" in told


def test_other_shifts_and_files_that_count_from_zero_stay() -> None:
    code = Timecode.parse("01:00:00:00", Fraction(25))
    for late in (cues(0, 500, 2500), cues(2 * HOUR, 500, 2500), cues(7000, 500, 2500), ()):
        assert from_start(late, (), code, 90_000) == (tuple(late), "")
    assert from_start(cues(HOUR, 500), (), Timecode(0, Fraction(25)), 90_000)[1] == ""


def write(root: Path, path: Path, shift: int, only: int | None = None) -> None:
    path.write_bytes((root / "subtitles/en.srt").read_bytes())
    rewrite(
        path,
        lambda found: [
            with_(c, start_ms=c.start_ms + shift, end_ms=c.end_ms + shift) if only in (None, n) else c
            for n, c in enumerate(found)
        ],
    )


def test_a_file_by_the_timelines_clock_moves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, path = make_run(tmp_path), tmp_path / "E01.en.srt"
    monkeypatch.setattr(returning, "start_timecode", lambda root: Timecode.parse("01:00:00:00", Fraction(25)))
    before = read_transcript(root / "transcript.json")
    write(root, path, HOUR)
    done = import_subtitles(root, path, take_times=True)
    assert any("01:00:00,000 was taken off" in note for note in done.notes)
    assert not done.comparison.times and read_transcript(root / "transcript.json") == before


@pytest.mark.parametrize(
    ("shift", "only", "said"),
    [
        (HOUR, None, r"6 of 6 moved cues lie after the programme's end, 00:00:22,000"),
        (9_000_000, None, r"6 of 6 moved cues lie after"),
        (20_000, 5, r"cue 6 ends at 00:00:3\d,\d+, after the programme's end, 00:00:22,000"),
    ],
)
def test_cues_after_the_end_are_refused_and_nothing_moves(
    tmp_path: Path, shift: int, only: int | None, said: str
) -> None:
    root, path = make_run(tmp_path), tmp_path / "E01.en.srt"
    before = read_transcript(root / "transcript.json")
    write(root, path, shift, only)
    for dry in (True, False):
        with pytest.raises(InvalidJob, match=said) as caught:
            import_subtitles(root, path, take_times=True, dry_run=dry)
        assert "--take-times" in caught.value.hint
    assert read_transcript(root / "transcript.json") == before
    assert import_subtitles(root, path).files == ()

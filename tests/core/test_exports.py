"""Other programs' files: what is written reads back, and what is wrong is told with its line."""
# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.recognition import read_rttm, segment, to_ctm, to_rttm
from dubline.recognition.exports import parse_rttm
from dubline.values.transcript import HeardWord, Turn, milliseconds

names = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=8).filter(
    lambda n: n != "<NA>" and len(n.split()) == 1
)


@given(
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 10**6), names), min_size=1, max_size=20), names
)
def test_turns_survive_rttm(given_turns: list[tuple[int, int, str]], name: str) -> None:
    turns = [Turn(start=s / 1000, end=(s + n) / 1000, speaker=who) for s, n, who in given_turns]
    read = parse_rttm(to_rttm(turns, name))
    got = sorted((milliseconds(t.start), milliseconds(t.end), t.speaker) for t in read)
    assert got == sorted((s, s + n, who) for s, n, who in given_turns)


@pytest.mark.parametrize("path", ["scene/truth.rttm", "diarization/sample.rttm"])
def test_real_rttm_comes_back_to_the_letter(path: str, shared: Shared) -> None:
    file = shared(path)
    text = file.read_text(encoding="utf-8")
    assert to_rttm(read_rttm(file), text.split()[1]) == text


def test_one_of_several_recordings_is_asked_for_by_name(shared: Shared) -> None:
    file = shared("diarization/debug.train.rttm")
    with pytest.raises(InvalidJob) as caught:
        read_rttm(file)
    assert "trn00" in caught.value.message
    assert any(ord(letter) > 127 for turn in read_rttm(file, "trn00") for letter in turn.speaker)
    with pytest.raises(InvalidJob):
        read_rttm(file, "trn99")


def test_comments_other_lines_and_nine_fields_are_read() -> None:
    text = (
        ";; a comment\n\nSPKR-INFO a 1 <NA> <NA> <NA> unknown MÉO <NA> <NA>\r\n"
        "SPEAKER a 1 2.0 1.5 <NA> <NA> MÉO <NA>\r\nSPEAKER a 1 0 1 <NA> <NA> B <NA> <NA>\n"
    )
    assert parse_rttm(text) == (Turn(start=0, end=1, speaker="B"), Turn(start=2.0, end=3.5, speaker="MÉO"))
    assert parse_rttm("") == ()


@pytest.mark.parametrize(
    "line",
    [
        "SPEAKER a 1 2.0",
        "SPEAKER a 1 x 1.0 <NA> <NA> B <NA> <NA>",
        "SPEAKER a 1 1.0 -1 <NA> <NA> B <NA> <NA>",
        "SPEAKER a 1 nan 1 <NA> <NA> B <NA> <NA>",
        "SPEAKER a 1 1 1 <NA> <NA> <NA> <NA> <NA>",
        "SPEAKER a b 1 1 1 <NA> <NA> two words <NA> <NA>",
        "1\n00:00:01,000 --> 00:00:02,000",
    ],
)
def test_bad_rttm_is_told_with_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "turns.rttm"
    path.write_text(f"SPEAKER a 1 0 1 <NA> <NA> B <NA> <NA>\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidJob, match=r"turns\.rttm, line 2: ") as caught:
        read_rttm(path)
    assert caught.value.hint


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.rttm"
    with pytest.raises(InvalidJob):
        read_rttm(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidJob):
        read_rttm(path)


def test_names_with_spaces_are_one_field_and_impossible_turns_refused() -> None:
    assert to_rttm([Turn(start=1, end=1.0001, speaker="Ayşe Kaya")], "my film") == (
        "SPEAKER my_film 1 1.000 0.001 <NA> <NA> Ayşe_Kaya <NA> <NA>\n"
    )
    with pytest.raises(InvalidJob):
        to_rttm([Turn(start=2, end=1, speaker="A")], "x")


def test_a_transcript_as_rttm_and_ctm() -> None:
    made = segment(
        [
            HeardWord(text=" Işık", start=1.0, end=1.2344, confidence=0.5),
            HeardWord(text=" on beş", start=1.2346, end=2.0),
        ],
        duration=3.0,
    )
    assert to_rttm(made, "f") == "SPEAKER f 1 1.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
    assert to_ctm(made, "f") == "f 1 1.000 0.234 Işık 0.5000\nf 1 1.235 0.765 on_beş\n"

"""Timed text against profiles, and what is set right: nothing lost, what is left is told."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.subtitles.checks import TAGS, check, visible_lines
from dubline.subtitles.cues import SubtitleText, frame_to_ms, ms_to_frame
from dubline.subtitles.fixing import fix
from dubline.subtitles.profiles import PROFILES, Profile, read_profile
from dubline.subtitles.wrapping import rewrapped

NETFLIX = PROFILES["netflix-en"]
FILM = Fraction(24)
RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]
WORDS = st.lists(
    st.sampled_from(
        ["a", "word", "<i>to", "be</i>", "and", "sentence.", "clause,", "-No!", "{\\an8}", "the", "x" * 30]
    ),
    min_size=1,
    max_size=16,
)


def cue(text: str, start: int, end: int, index: int = 1) -> SubtitleText:
    return SubtitleText(index=index, start_ms=start, end_ms=end, text=text)


def frames(text: str, first: int, last: int, rate: Fraction = FILM) -> SubtitleText:
    return cue(text, frame_to_ms(first, rate), frame_to_ms(last, rate))


def kinds(
    *cues: SubtitleText, profile: Profile = NETFLIX, rate: Fraction = FILM
) -> list[tuple[int, str, float]]:
    return [(f.place, f.kind, f.measured) for f in check(cues, profile, rate)]


def test_a_cue_at_its_limits_is_right() -> None:
    text = "a" * 42 + "\n" + "<i>" + "b" * 42 + "</i>"
    assert kinds(frames(text, 0, 101)) == []
    assert kinds(frames("a", 0, 20)) == []
    assert kinds(frames("a", 0, 168)) == []
    assert kinds(frames("a", 0, 24), frames("b", 26, 50)) == []
    assert kinds(frames("a", 0, 24), frames("b", 36, 60)) == []


@pytest.mark.parametrize(
    ("cues", "found"),
    [
        ([frames("", 0, 24)], [(0, "empty", 0)]),
        ([frames("<i> </i>\n\u200b", 0, 24)], [(0, "empty", 0)]),
        ([frames("a\nb\nc", 0, 24)], [(0, "lines", 3)]),
        ([frames("a" * 43, 0, 72)], [(0, "line_length", 43)]),
        ([frames("a" * 21, 0, 24)], [(0, "reading_speed", 21)]),
        ([frames("a", 0, 19)], [(0, "too_short", 0.792)]),
        ([frames("a", 0, 169)], [(0, "too_long", 7.042)]),
        ([frames("a", 0, 24), frames("b", 25, 49)], [(0, "gap", 1)]),
        ([frames("a", 0, 24), frames("b", 24, 48)], [(0, "gap", 0)]),
        ([frames("a", 0, 24), frames("b", 27, 51)], [(0, "chain", 3)]),
        ([frames("a", 0, 24), frames("b", 35, 59)], [(0, "chain", 11)]),
        ([frames("a", 0, 48), frames("b", 24, 72)], [(0, "overlap", 1)]),
        ([frames("c", 96, 120), frames("a", 0, 96)], [(1, "gap", 0)]),
        ([frames("a", 0, 96), frames("b", 24, 48), frames("c", 72, 120)],
         [(0, "overlap", 3), (0, "overlap", 1)]),
        ([cue("a", 20, 1000)], [(0, "off_frame", 20)]),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_found(cues: list[SubtitleText], found: list[tuple[int, str, float]]) -> None:
    assert kinds(*cues) == found


def test_accents_that_stand_on_letters_are_no_characters() -> None:
    assert kinds(frames("e\u0301" * 42, 0, 72)) == []


def test_a_millisecond_off_a_frame_is_another_programs_rounding() -> None:
    rate = Fraction(24000, 1001)
    for first in range(100, 148):
        start, end = frame_to_ms(first, rate), frame_to_ms(first + 30, rate)
        assert kinds(cue("a", start - 1, end - 1), rate=rate) == []
        assert kinds(cue("a", start - 2, end), rate=rate) == [(0, "off_frame", 2)]
    assert [f.severity for f in check([cue("a", 20, 1000)], NETFLIX, FILM)] == ["warning"]


def test_profiles_differ_as_they_should() -> None:
    line = frames("a" * 18, 0, 24)
    assert kinds(line) == []
    assert kinds(line, profile=PROFILES["netflix-tr"]) == [(0, "reading_speed", 18)]
    assert kinds(frames("a" * 14, 0, 24), profile=PROFILES["netflix-tr-children"]) == [
        (0, "reading_speed", 14)
    ]
    assert kinds(frames("a" * 38, 0, 240), profile=PROFILES["ebu"]) == [(0, "line_length", 38)]
    assert kinds(frames("a", 0, 24), frames("b", 25, 49), profile=PROFILES["ebu"]) == []
    assert NETFLIX.gap_frames(Fraction(30000, 1001)) == 15


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "studio.toml"
    path.write_text('based_on = "netflix-tr"\nreading_speed = 15\nline_length = 40\n', encoding="utf-8")
    mine = read_profile(str(path))
    assert (mine.name, mine.reading_speed, mine.line_length, mine.gap) == ("studio", 15, 40, 2)
    for text, why in (
        ("reading_sped = 3", "reading_sped"),
        ("lines = -1", "below 0"),
        ("lines = 'two'", "lines: expected a whole number"),
        ("longest = nan", "no number"),
        ("based_on = 'bbc'", "no profile 'bbc'"),
        ("= 3", "not TOML"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidJob, match=why):
            read_profile(str(path))
    with pytest.raises(InvalidJob, match="no profile 'netflicks'"):
        read_profile("netflicks")
    with pytest.raises(InvalidJob, match="there is no file"):
        read_profile(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("short", "en", "short"),
        ("one\ntwo", "en", "one\ntwo"),
        ("I never told him anything about it, because he would not have listened.", "en",
         "I never told him anything about it,\nbecause he would not have listened."),
        ("We were going to the station and the man in the coat was there.", "en",
         "We were going to the station\nand the man in the coat was there."),
        ("Ona bundan hiç söz etmedim, çünkü zaten beni dinlemezdi ki.", "tr",
         "Ona bundan hiç söz etmedim,\nçünkü zaten beni dinlemezdi ki."),
        ('<font color="#ff0000">A sentence that is red from here</font> and a good deal longer.', "en",
         '<font color="#ff0000">A sentence that is red from here</font>\nand a good deal longer.'),
        ("- Who is that?\n- I do not know.\nNobody I ever saw.", "en",
         "- Who is that?\n- I do not know. Nobody I ever saw."),
        ("x" * 50, "en", "x" * 50),
        ("word " * 30, "en", "word " * 30),
    ],
)  # fmt: skip
def test_lines_are_broken_where_a_clause_ends(text: str, language: str, wanted: str) -> None:
    assert rewrapped(text, line_length=42, lines=2, language=language) == wanted


@given(WORDS.map(" ".join) | TEXTS, st.integers(5, 60), st.integers(1, 4))
@settings(deadline=None, max_examples=300)
def test_wrapping_changes_spaces_only(text: str, length: int, lines: int) -> None:
    found = rewrapped(text, line_length=length, lines=lines, language="en")
    assert "".join(found.split()) == "".join(text.split())
    assert TAGS.findall(found) == TAGS.findall(text)
    if found != text:
        seen = visible_lines(found)
        assert len(seen) <= lines
        assert all(len(line) <= length for line in seen)


CUES = st.lists(
    st.tuples(st.integers(0, 60_000), st.integers(0, 9_000), WORDS.map(" ".join)), max_size=12
).map(lambda found: [cue(text, a, a + b, n) for n, (a, b, text) in enumerate(found, 1)])


@given(CUES, st.sampled_from(RATES), st.sampled_from(list(PROFILES.values())))
@settings(deadline=None, max_examples=300)
def test_fixing_loses_nothing_and_makes_nothing_worse(
    cues: list[SubtitleText], rate: Fraction, profile: Profile
) -> None:
    fixed = fix(cues, profile, rate, language="en")
    assert [c.index for c in fixed.cues] == [c.index for c in cues]
    for was, now in zip(cues, fixed.cues, strict=True):
        assert "".join(now.text.split()) == "".join(was.text.split())
        assert frame_to_ms(ms_to_frame(now.start_ms, rate), rate) == now.start_ms
        assert frame_to_ms(ms_to_frame(now.end_ms, rate), rate) == now.end_ms
        assert abs(now.start_ms - was.start_ms) <= 1000 / rate
        assert now.start_ms <= now.end_ms
    assert list(fixed.remaining) == check(fixed.cues, profile, rate)
    for kind in ("overlap", "line_length", "lines", "off_frame", "empty"):
        assert sum(f.kind == kind for f in fixed.remaining) <= sum(
            f.kind == kind for f in check(cues, profile, rate)
        ), kind
    again = fix(fixed.cues, profile, rate, language="en")
    assert [(c.start_ms, c.text) for c in again.cues] == [(c.start_ms, c.text) for c in fixed.cues]


def test_what_can_be_set_right_is() -> None:
    rate = Fraction(24000, 1001)
    cues = [
        cue("I never told him anything about it, because he would not have listened.", 1003, 4600, 1),
        cue("No.", 4610, 4800, 2),
        cue("Yes, but that was quick.", 6000, 7000, 3),
        cue("Stay.", 7200, 9000, 4),
        cue("x" * 50, 20_000, 30_000, 5),
    ]
    fixed = fix(cues, NETFLIX, rate, language="en")
    first, second, third, fourth, _ = (
        (ms_to_frame(c.start_ms, rate), ms_to_frame(c.end_ms, rate)) for c in fixed.cues
    )
    assert second[0] - first[1] == 2
    assert second[1] - second[0] == 20
    assert fourth[0] - third[1] == 2
    assert fixed.cues[0].text.count("\n") == 1
    assert [(f.index, f.kind) for f in fixed.remaining if f.severity == "error"] == [
        (3, "reading_speed"),
        (5, "line_length"),
        (5, "too_long"),
    ]
    assert fixed.changed["gaps made"] == 1

# ruff: noqa: RUF001 - Turkish has a dotless i
"""WebVTT: cues, comments, styles, settings and voices come back as they were, and losses are told."""

from __future__ import annotations

import io

import pytest
import webvtt
from awkward_texts import TEXTS, TIMES, told
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.subtitles.cues import Block, SubtitleText
from dubline.subtitles.escapes import MARK
from dubline.subtitles.vtt import read_vtt, write_vtt
from dubline.subtitles.writing import read_subtitles

NAMES = st.one_of(st.just(""), st.sampled_from(["Ayşe", "A & B", "<Ses>", "Dr. O'Neil", "声"]))


def cue(text: str, start: int = 1000, end: int = 2000, index: int = 1, **more: str) -> SubtitleText:
    return SubtitleText(index=index, start_ms=start, end_ms=end, text=text, **more)


@given(st.lists(st.tuples(TIMES, TEXTS, NAMES), max_size=5), st.booleans(), st.booleans())
@example([([0, 1], "<3 & <i>söz</i> &lt;", "A & B"), ([0, 1], "\n\nNOTE\n\n-->", "")], False, True)
@settings(deadline=None, max_examples=300)
def test_what_is_written_comes_back(
    given_cues: list[tuple[list[int], str, str]], crlf: bool, labels: bool
) -> None:
    assume(not any("<v " in text for _, text, _ in given_cues))
    cues = tuple(
        cue(text, a, b, n, speaker=who if text else "") for n, ((a, b), text, who) in enumerate(given_cues, 1)
    )
    written = write_vtt(cues, crlf=crlf, labels=labels)
    found = read_vtt(written)
    assert found.cues == cues
    assert [p for p in found.problems if p.reason != "the cue has no text"] == []


@given(st.lists(TEXTS.filter(lambda t: t.strip(" \n\t") != ""), min_size=1, max_size=4))
@settings(deadline=None, max_examples=150)
def test_another_reader_finds_all_cues(texts: list[str]) -> None:
    cues = [cue(text, 1000 * n, 1000 * n + 900, n) for n, text in enumerate(texts, 1)]
    found = webvtt.from_buffer(io.StringIO(write_vtt(cues)), format="vtt")
    assert [c.start for c in found] == [f"00:00:{n:02d}.000" for n in range(1, len(texts) + 1)]


RICH = """\
WEBVTT - Bölüm 1
Kind: captions

NOTE kısa

STYLE
::cue { color: white }

REGION
id:fred
width:40%

giriş
00:01.000 --> 00:02.500 line:0 align:left
<v Ayşe>Gel <i>buraya</i> &amp; otur</v>

NOTE
iki
satır

2
100:00:03.000 --> 100:00:04.000
- <c.loud>Hayır!</c>
- <00:00:03.500>Evet &lt;3

NOTE sonda
"""


def test_everything_in_a_file_is_kept() -> None:
    found = read_vtt(RICH)
    assert found.problems == ()
    assert found.header == "- Bölüm 1\nKind: captions"
    assert found.blocks == (
        Block(kind="NOTE", text="kısa"),
        Block(kind="STYLE", text="::cue { color: white }"),
        Block(kind="REGION", text="id:fred\nwidth:40%"),
        Block(kind="NOTE", text="iki\nsatır", before=1),
        Block(kind="NOTE", text="sonda", before=2),
    )
    first, second = found.cues
    assert first == cue(
        "Gel <i>buraya</i> & otur", 1000, 2500, label="giriş", position="line:0 align:left", speaker="Ayşe"
    )
    assert second == cue("- <c.loud>Hayır!</c>\n- <00:00:03.500>Evet <3", 360_003_000, 360_004_000, 2)
    again = write_vtt(found.cues, header=found.header, blocks=found.blocks)
    back = read_vtt(again)
    assert (back.cues, back.blocks, back.header) == (found.cues, found.blocks, found.header)


FILES = {
    "an empty line inside": (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nBir\n\niki\n\n00:03.000 --> 00:04.000\nÜç",
        ["Bir\n\niki", "Üç"],
        [(6, "an empty line inside the text", False)],
    ),
    "no empty line between": (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nBir\n00:03.000 --> 00:04.000\nÜç",
        ["Bir", "Üç"],
        [(5, "no empty line before the cue", False)],
    ),
    "commas": (
        "WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nBir",
        ["Bir"],
        [(3, "a comma before the thousandths", False)],
    ),
    "backwards": (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nBir\n\n00:05.000 --> 00:04.000\nKayıp",
        ["Bir"],
        [(6, "it ends before it begins: 5.000 s to 4.000 s", True)],
    ),
    "garbled": (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nBir\n\nxx --> 00:04.000\nKayıp",
        ["Bir"],
        [(6, "not the times of a cue", True)],
    ),
    "no text": ("WEBVTT\n\n00:01.000 --> 00:02.000", [""], [(3, "the cue has no text", False)]),
    "text before": (
        "WEBVTT\n\nMerhaba\n\n00:01.000 --> 00:02.000\nBir",
        ["Bir"],
        [(3, "text before the first times", True)],
    ),
    "two voices": (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>Bir</v>\n<v B>İki</v>",
        ["<v A>Bir</v>\n<v B>İki</v>"],
        [],
    ),
    "only a header": ("\ufeffWEBVTT\n", [], []),
}


@pytest.mark.parametrize("name", FILES)
def test_files_as_they_come(name: str) -> None:
    text, texts, problems = FILES[name]
    found = read_vtt(text)
    assert [c.text for c in found.cues] == texts
    assert told(found) == problems
    if problems:
        with pytest.raises(InvalidJob, match=f"e.vtt, line {problems[0][0]}: {problems[0][1]}"):
            read_vtt(text, strict=True, name="e.vtt")


def test_what_is_no_webvtt_is_refused() -> None:
    with pytest.raises(InvalidJob, match="line 1: not WEBVTT but '1'"):
        read_vtt("1\n00:00:01,000 --> 00:00:02,000\nBir\n")
    with pytest.raises(InvalidJob, match="line 3: not the times of a cue"):
        read_vtt("WEBVTT\n\nxx --> yy\nKayıp")


def test_the_kind_is_told_by_the_first_word_not_by_the_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.srt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nBir\n", encoding="utf-8")
    found = read_subtitles(tmp_path / "a.srt")
    assert (found.format, found.cues[0].text) == ("vtt", "Bir")
    (tmp_path / "a.docx").write_text("1\n00:00:01,000 --> 00:00:02,000\nBir\n", encoding="utf-8")
    with pytest.raises(InvalidJob, match=r"a\.docx is not a kind of file"):
        read_subtitles(tmp_path / "a.docx")


def test_a_mark_stands_for_an_empty_line() -> None:
    assert f"Bir\n{MARK}\niki" in write_vtt([cue("Bir\n\niki")])

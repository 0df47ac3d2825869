# ruff: noqa: RUF001 - Turkish has a dotless i, dashes are meant
"""SubRip: every line of times becomes a cue or is told, and what is written comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pysrt
import pysubs2
import pytest
from awkward_texts import TEXTS, TIMES, told
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.escapes import MARK, stuffed, unstuffed
from dubline.subtitles.srt import read_srt, write_srt
from dubline.subtitles.writing import read_subtitles


def cue(text: str, start: int = 1000, end: int = 2000, index: int = 1, **more: str) -> SubtitleText:
    return SubtitleText(index=index, start_ms=start, end_ms=end, text=text, **more)


@given(st.lists(st.tuples(TIMES, TEXTS), max_size=5), st.booleans())
@example([([0, 0], "\n\n7\n\n00:00:01,000 --> 00:00:02,000\n\n")], True)
@example([([0, 0], ""), ([5, 9], "\u200b"), ([5, 9], "\u200b\u200b\n \u200b")], False)
@settings(deadline=None, max_examples=300)
def test_what_is_written_comes_back(given_cues: list[tuple[list[int], str]], crlf: bool) -> None:
    cues = tuple(cue(text, a, b, n) for n, ((a, b), text) in enumerate(given_cues, 1))
    written = write_srt(cues, crlf=crlf)
    found = read_srt(written)
    assert found.cues == cues
    assert [p for p in found.problems if p.reason != "the cue has no text"] == []
    assert write_srt(found.cues, crlf=crlf) == written


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(deadline=None, max_examples=200)
def test_other_readers_find_all_cues_and_words(texts: list[str]) -> None:
    cues = [cue(text, 1000 * n, 1000 * n + 900, n) for n, text in enumerate(texts, 1)]
    written = write_srt(cues)
    by_pysrt = pysrt.from_string(written)
    assert [(i.start.ordinal, i.end.ordinal) for i in by_pysrt] == [(c.start_ms, c.end_ms) for c in cues]
    for item, mine in zip(by_pysrt, cues, strict=True):
        assert "".join(item.text.replace(MARK, "").split()) == "".join(mine.text.replace(MARK, "").split())
    others = pysubs2.SSAFile.from_string(written, format_="srt")
    assert [(e.start, e.end) for e in others.events] == [(c.start_ms, c.end_ms) for c in cues]


LINE = st.text("abc ığş<i>,.!", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.lists(st.tuples(TIMES, st.lists(LINE, min_size=1, max_size=3)), min_size=1, max_size=5))
@settings(deadline=None)
def test_a_file_in_order_is_read_as_pysrt_reads_and_writes_it(
    cues: list[tuple[list[int], list[str]]],
) -> None:
    times = [[pysrt.SubRipTime(milliseconds=ms) for ms in pair] for pair, _ in cues]
    items = [
        pysrt.SubRipItem(n, *times[n - 1], text="\n".join(lines)) for n, (_, lines) in enumerate(cues, 1)
    ]
    found = read_srt("\n".join(str(item) for item in items), strict=True)
    expected = [(item.index, item.start.ordinal, item.end.ordinal, item.text) for item in items]
    assert [(c.index, c.start_ms, c.end_ms, c.text) for c in found.cues] == expected


def test_pysrt_alone_would_lose_cues_and_words() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne \n\ntwo\n\n2\n00:00:03,000 -> 00:00:04,000\nThree\n"
    assert [item.text for item in pysrt.from_string(text)] == ["One"]
    assert [c.text for c in read_srt(text).cues] == ["One \n\ntwo", "Three"]


def test_a_file_that_pysrt_reads_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = write_srt([cue("One"), cue("Two", 3000, 4000, 2)])
    second = pysrt.from_string(text)

    def other(source: str, **more: object) -> pysrt.SubRipFile:
        return second

    monkeypatch.setattr(pysrt, "from_string", other)
    assert len(read_srt(text).cues) == 2
    second[1].text = "Too"
    with pytest.raises(InvalidJob, match="pysrt reads others"):
        read_srt(text)
    second[1].text = "Two"
    second[1].end.milliseconds += 1
    with pytest.raises(InvalidJob, match="pysrt reads others"):
        read_srt(text)
    del second[1]
    with pytest.raises(InvalidJob, match="2 cues were found"):
        read_srt(text)


@given(TEXTS)
@settings(deadline=None)
def test_marks_are_taken_off_exactly(text: str) -> None:
    assert unstuffed(stuffed(text)) == text
    assert unstuffed(stuffed(text, arrows=False), arrows=False) == text
    assert "-->" not in stuffed(text)
    assert not text or all(line.strip() or MARK in line for line in stuffed(text).split("\n"))


@given(st.lists(st.sampled_from(
    ["1", "2", "", "", "word", "00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:02,000", "a --> b",
     "-->", "-00:00:01,000 --> 00:00:02,000", "0:1 -> 0:2", "00:00:05 --> 00:00:06 tail", "x1",
     "9 --> 00:00:01,000"]
), max_size=14))  # fmt: skip
@settings(deadline=None, max_examples=400)
def test_no_line_of_a_broken_file_disappears(lines: list[str]) -> None:
    try:
        found = read_srt("\n".join(lines))
    except InvalidJob as error:
        assert "line " in error.message
        return
    # Every word is in a cue or in a problem, and every arrow is a cue's, a problem's, or in a text.
    kept = sum(c.text.split().count("word") for c in found.cues)
    lost = sum(p.text.split().count("word") for p in found.lost)
    assert kept + lost == lines.count("word")
    arrows = sum("-->" in line or "->" in line for line in lines)
    inside = sum(c.text.count("->") for c in found.cues)
    assert arrows == len(found.cues) + inside + sum(p.text.count("->") for p in found.lost)


@pytest.mark.parametrize(
    ("times", "start", "end", "odd"),
    [
        ("00:00:01,500 --> 00:00:02,000", 1500, 2000, None),
        ("00:00:01.500 --> 00:00:02.000", 1500, 2000, None),
        ("0:0:1,5-->0:0:2", 1500, 2000, "a fraction of 1 digits, no thousandths"),
        ("00:01,500 --> 00:02,000", 1500, 2000, "no hours"),
        ("00:00:01 --> 00:00:02", 1000, 2000, "no thousandths"),
        ("00:00:01,500 -> 00:00:02,000", 1500, 2000, "the arrow is not -->"),
        ("00:00:01,500 → 00:00:02,000", 1500, 2000, "the arrow is not -->"),
        ("00:00:01,500 –> 00:00:02,000", 1500, 2000, "the arrow is not -->"),
        ("00:00:01:500 --> 00:00:02:000", 1500, 2000, "a colon before the thousandths"),
        ("00:00:01,0006 --> 00:00:02,000", 1001, 2000, "a fraction of 4 digits"),
        ("00:90:00,000 --> 00:90:01,000", 5_400_000, 5_401_000, "more than 59 minutes or seconds"),
        ("100:00:00,000 --> 100:00:01,000", 360_000_000, 360_001_000, None),
        ("00:00:01,000 --> 00:00:01,000", 1000, 1000, None),
    ],
)
def test_times_are_read_however_they_are_written(times: str, start: int, end: int, odd: str | None) -> None:
    found = read_srt(f"1\n{times}\nSöz\n")
    assert [(c.start_ms, c.end_ms, c.text) for c in found.cues] == [(start, end, "Söz")]
    assert [p.reason for p in found.problems] == ([odd] if odd else [])
    if odd:
        with pytest.raises(InvalidJob, match=r"SRT, line 2: "):
            read_srt(f"1\n{times}\nSöz\n", strict=True)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ("-00:00:01,000 --> 00:00:02,000", "a time before 0"),
        ("00:00:05,000 --> 00:00:02,000", "it ends before it begins: 5.000 s to 2.000 s"),
        ("00:00:01:12 --> 00:00:02:05", "00:00:01:12 counts frames, not thousandths"),
        ("aa:00:01,000 --> 00:00:02,000", "not the times of a cue"),
        ("00:00:03,000 -->", "not the times of a cue"),
        ("9" * 5000 + ":00:00,000 --> 00:00:02,000", "9" * 40 + " is not a time"),
        ("999999:00:00,000 --> 999999:00:01,000", "the time is later than any programme"),
    ],
)
def test_times_that_cannot_be_are_told_with_their_text(times: str, reason: str) -> None:
    text = (
        f"1\n00:00:00,000 --> 00:00:00,900\nÖnce\n\n2\n{times}\nSöz\n\n3\n0:0:9,000 --> 0:0:10,000\nSonra\n"
    )
    found = read_srt(text)
    assert [c.text for c in found.cues] == ["Önce", "Sonra"]
    assert told(found) == [(6, reason, True)]
    assert found.lost[0].text == f"{times}\nSöz"
    with pytest.raises(InvalidJob, match=r"e\.srt, line 6: "):
        read_srt(text, strict=True, name="e.srt")


FILES = {
    "an empty line inside": (
        "1\n00:00:01,000 --> 00:00:02,000\nBir\n\niki\n\n2\n00:00:03,000 --> 00:00:04,000\nÜç\n",
        ["Bir\n\niki", "Üç"],
        [(4, "an empty line inside the text", False)],
    ),
    "no empty line between": (
        "1\n00:00:01,000 --> 00:00:02,000\nBir\n2\n00:00:03,000 --> 00:00:04,000\nÜç\n",
        ["Bir", "Üç"],
        [(4, "no empty line before the cue", False)],
    ),
    "every line doubled": (
        "1\n\n00:00:01,000 --> 00:00:02,000\n\nBir\n\n2\n\n00:00:03,000 --> 00:00:04,000\n\nÜç\n\n",
        ["Bir", "Üç"],
        [],
    ),
    "converted twice": (
        "1\r\r\n0:0:1,000 --> 0:0:2,000\r\r\nBir\r\r\n\r\r\n2\r\r\n0:0:3,000 --> 0:0:4,000\r\r\nÜç\r\r\n",
        ["Bir", "Üç"],
        [],
    ),
    "old Macintosh": ("1\r00:00:01,000 --> 00:00:02,000\rBir\riki\r", ["Bir\niki"], []),
    "no numbers": (
        "00:00:01,000 --> 00:00:02,000\nBir\n\n00:00:03,000 --> 00:00:04,000\nÜç",
        ["Bir", "Üç"],
        [(1, "the cues have no numbers", False)],
    ),
    "no numbers, and texts that are": (
        "00:00:01,000 --> 00:00:02,000\nThe year was\n\n00:00:02,200 --> 00:00:03,000\n1984\n\n"
        "00:00:03,200 --> 00:00:04,000\nand then\n1985\n",
        ["The year was", "1984", "and then\n1985"],
        [(1, "the cues have no numbers", False)],
    ),
    "no numbers, no empty lines": (
        "00:00:01,000 --> 00:00:02,000\n1984\n00:00:02,200 --> 00:00:03,000\n1990\n"
        "00:00:03,200 --> 00:00:04,000\n7\n\n00:00:05,000 --> 00:00:06,000\n8\n",
        ["1984", "1990", "7", "8"],
        [
            (1, "the cues have no numbers", False),
            (3, "no empty line before the cue", False),
            (5, "no empty line before the cue", False),
        ],
    ),
    "a number after an empty line that is not the next cue's": (
        "1\n00:00:01,000 --> 00:00:02,000\nThe year was\n\n1984\n\n2\n00:00:03,000 --> 00:00:04,000\nx\n",
        ["The year was\n\n1984", "x"],
        [(4, "an empty line inside the text", False)],
    ),
    "marks of direction": (
        "\u200e1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n\n\u200f2\n"
        "\u200f00:00:03,000 --> \u200e00:00:04,500\u200f\n\u202b- \u05db\u05df.\u202c\n\n"
        "\u200b3\u2060\n\u2066\u200b00:00:05,000 --> 00:00:06,000\u2069\nx\u200d\n",
        ["Good evening.", "\u202b- \u05db\u05df.\u202c", "x\u200d"],
        [],
    ),
    "wide digits": (
        "\uff11\n\uff10\uff10\uff1a\uff10\uff10\uff1a\uff10\uff11\uff0c\uff10\uff10\uff10 --> 00:00:02,000\n"
        "\uff11\uff19\n\n\uff12\n00\uff1a00\uff1a03\uff0e000\u3000-->\u300000\uff1a00\uff1a04\uff0e500\n\u597d\n",
        ["\uff11\uff19", "\u597d"],
        [],
    ),
    "spaces inside times": (
        "1\n00 : 00 : 01,000 --> 00 : 00 : 02,000\nBir\n\n"
        "2\n00: 00: 03, 000 --> 00: 00: 04, 000\n\u00dc\u00e7\n",
        ["Bir", "\u00dc\u00e7"],
        [],
    ),
    "nothing": ("\n \n", [], []),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_as_they_come(name: str) -> None:
    text, texts, problems = FILES[name]
    found = read_srt(text)
    assert [c.text for c in found.cues] == texts
    assert told(found) == problems


def test_numbers_positions_and_labels_are_kept() -> None:
    text = (
        "7\n00:00:01,000 --> 00:00:02,000 X1:100 X2:600 Y1:050 Y2:100\nBir\n\n"
        "7\n00:00:01,500 --> 00:00:02,500 line:0 align:left\nİki\n\na3\n00:00:01,000 --> 00:00:02,000\nÜç\n"
    )
    found = read_srt(text)
    assert [(c.index, c.label, c.position) for c in found.cues] == [
        (7, "", "X1:100 X2:600 Y1:050 Y2:100"),
        (7, "", "line:0 align:left"),
        (3, "a3", ""),
    ]
    assert write_srt(found.cues) == text
    assert write_srt(found.cues, renumber=True).startswith("1\n00:00:01,000")


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4)])
def test_no_file_gets_impossible_times(start: int, end: int) -> None:
    with pytest.raises(InvalidJob, match="cue 1 lasts"):
        write_srt([cue("Söz", start, end)])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="there is no file"):
        read_subtitles(tmp_path / "none.srt")


EXPECTED = {
    "cdown_ascii.srt": (3, "utf-8", [], "ascii everywhere"),
    "cdown_gb2312.srt": (3, "gb18030", [], "轻轻一跳就能飞跃高楼"),
    "se_test.srt": (3, "utf-8", [], "Testing SeConv subtitle converter."),
    "se_test.vtt": (3, "utf-8", [], "Testing SeConv subtitle converter."),
    "webvttpy_invalid_format1.srt": "webvttpy_invalid_format1.srt, line 1: text without times",
    "webvttpy_invalid_format2.srt": "webvttpy_invalid_format2.srt, line 1: text without times",
    "webvttpy_invalid_timeframe.srt": (5, "utf-8", [], "Caption text #5"),
    "webvttpy_missing_caption_text.srt": (5, "utf-8", [(6, "the cue has no text", False)], "Caption text #5"),
    "webvttpy_sample.srt": (5, "utf-8", [], "Caption text #5"),
    "webvttpy_sample.vtt": (16, "utf-8", [], "Caption text #16"),
    "webvttpy_styles.vtt": (1, "utf-8", [], "- Hello <b>world</b>."),
}


def test_real_files_import_or_say_why_not(shared: Shared) -> None:
    folder = shared("subtitles")
    assert {path.name for path in folder.iterdir()} == EXPECTED.keys()
    for name, wanted in EXPECTED.items():
        if isinstance(wanted, str):
            with pytest.raises(InvalidJob) as caught:
                read_subtitles(folder / name)
            assert caught.value.message == wanted
            continue
        found = read_subtitles(folder / name)
        assert (len(found.cues), found.encoding, told(found), found.cues[-1].text) == wanted
        assert len(found.cues) == (folder / name).read_bytes().count(b"-->")

# ruff: noqa: RUF001 - Turkish has a dotless i
"""ASS, TTML and CSV as other programs read them, and cues arranged by language and speaker."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from fractions import Fraction

import pysubs2
import pytest
from awkward_texts import TEXTS, TIMES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.subtitles.cues import SubtitleText, frame_to_ms, ms_to_frame
from dubline.subtitles.table import COLUMNS, guarded, unguarded
from dubline.subtitles.writing import FORMATS, bilingual, by_speaker, with_speakers, write_subtitles
from dubline.timebase import Timecode

NTSC = Fraction(24000, 1001)
TT = "{http://www.w3.org/ns/ttml}"


def cue(text: str, start: int = 1000, end: int = 2000, index: int = 1, **more: str) -> SubtitleText:
    return SubtitleText(index=index, start_ms=start, end_ms=end, text=text, **more)


@pytest.mark.parametrize(
    "rate", [NTSC, Fraction(24), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(50)]
)
def test_no_frame_is_lost_in_milliseconds(rate: Fraction) -> None:
    assert all(ms_to_frame(frame_to_ms(frame, rate), rate) == frame for frame in range(172_800))


# pysubs2 reads hours of two digits at most.
@given(st.lists(st.tuples(TIMES.filter(lambda t: t[1] < 359_999_000), TEXTS), max_size=4))
@settings(deadline=None, max_examples=200)
def test_an_ass_script_has_all_cues_in_pysubs2(given_cues: list[tuple[list[int], str]]) -> None:
    cues = [cue(text, a, b, n) for n, ((a, b), text) in enumerate(given_cues, 1)]
    found = pysubs2.SSAFile.from_string(write_subtitles(cues, "ass").decode(), format_="ass")
    assert len(found) == len(cues)
    for event, mine in zip(found, cues, strict=True):
        assert abs(event.start - mine.start_ms) <= 5 >= abs(event.end - mine.end_ms)
        assert event.start % 10 == 0


def test_ass_overrides() -> None:
    text = '{\\an8}<i>Gel</i> <b>bu</b><font color="#ff8001">raya</font>\nC:\\New {x}'
    script = write_subtitles([cue(text, 1004, 3_600_995, speaker="A, B")], "ass").decode()
    assert script.splitlines()[-1] == (
        "Dialogue: 0,0:00:01.00,1:00:01.00,Default,A; B,0,0,0,,"
        "{\\an8}{\\i1}Gel{\\i0} {\\b1}bu{\\b0}{\\c&H0180FF&}raya{\\c}\\NC:\\\u2060New \\{x\\}"
    )


@given(st.lists(st.tuples(TIMES, TEXTS), max_size=4), st.sampled_from([None, NTSC, Fraction(25)]))
@example([([0, 0], "</i><i><b>a</i>b</b>\n\x01<x>&")], None)
@settings(deadline=None, max_examples=200)
def test_ttml_is_xml_with_exact_times(given_cues: list[tuple[list[int], str]], rate: Fraction | None) -> None:
    cues = [cue(text, a, b, n) for n, ((a, b), text) in enumerate(given_cues, 1)]
    root = ET.fromstring(write_subtitles(cues, "ttml", rate=rate))
    lines = root.findall(f".//{TT}p")
    assert len(lines) == len(cues)
    for line, mine in zip(lines, cues, strict=True):
        for name, ms in (("begin", mine.start_ms), ("end", mine.end_ms)):
            time = line.attrib[name]
            if time.endswith("f"):
                assert rate and frame_to_ms(int(time[:-1]), rate) == ms
            else:
                assert Fraction(time[:-1]) * 1000 == ms


def test_ttml_has_rate_speakers_and_spans() -> None:
    cues = [
        cue("<i>Gel</i>\n& <b>otur", frame_to_ms(240, NTSC), 12_345, speaker="Ayşe"),
        cue('{\\an8}<font color="#00ff00">Git</font>', 20_000, 21_000, speaker="Ayşe"),
    ]
    root = ET.fromstring(write_subtitles(cues, "ttml", rate=NTSC, language="tr"))
    assert root.attrib[f"{TT[:-1]}#parameter}}frameRate"] == "24"
    assert root.attrib[f"{TT[:-1]}#parameter}}frameRateMultiplier"] == "1000 1001"
    assert root.attrib["{http://www.w3.org/XML/1998/namespace}lang"] == "tr"
    first, second = root.findall(f".//{TT}p")
    assert (first.attrib["begin"], first.attrib["end"]) == ("240f", "12.345s")
    assert (first.attrib["region"], second.attrib["region"]) == ("bottom", "top")
    assert [s.attrib["style"] for s in first.findall(f"{TT}span")] == ["italic", "bold"]
    assert "".join(first.itertext()) == "Gel& otur"
    agents = root.findall(f".//{TT[:-1]}#metadata}}agent")
    assert [a[0].text for a in agents] == ["Ayşe"]
    key = agents[0].attrib["{http://www.w3.org/XML/1998/namespace}id"]
    assert {p.attrib[f"{TT[:-1]}#metadata}}agent"] for p in (first, second)} == {key}


@given(TEXTS)
def test_no_cell_begins_a_formula(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\n"))


@given(st.lists(st.tuples(TIMES, TEXTS, TEXTS), max_size=4))
@settings(deadline=None)
def test_a_table_keeps_texts_and_times(given_cues: list[tuple[list[int], str, str]]) -> None:
    cues = [cue(t, a, b, n, source_text=s) for n, ((a, b), t, s) in enumerate(given_cues, 1)]
    data = write_subtitles(cues, "csv")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    for row, mine in zip(rows, cues, strict=True):
        assert (unguarded(row["text"]), unguarded(row["source_text"])) == (mine.text, mine.source_text)
        assert (Fraction(row["start_s"]) * 1000, Fraction(row["end_s"]) * 1000) == (
            mine.start_ms,
            mine.end_ms,
        )


def test_a_table_has_the_pictures_timecode() -> None:
    rate = Fraction(30000, 1001)
    start = Timecode.parse("00:59:58;00", rate)
    cues = [cue("-Gel!", frame_to_ms(90, rate), frame_to_ms(1858, rate), speaker="Ayşe", source_text="=1+1")]
    rows = list(csv.reader(io.StringIO(
        write_subtitles(cues, "csv", rate=rate, start=start.frame, drop=True).decode("utf-8-sig")
    )))  # fmt: skip
    assert tuple(rows[0]) == COLUMNS
    assert rows[1] == ["1", "01:00:01;00", "01:00:59;28", "3.003", "61.995", "Ayşe", "'-Gel!", "'=1+1"]
    clock = write_subtitles(cues, "csv").decode("utf-8-sig").splitlines()[1]
    assert clock.startswith("1,00:00:03.003,00:01:01.995,")


def test_two_languages_and_speakers() -> None:
    cues = [
        cue("Gel\nburaya", speaker="Ayşe", source_text="Come  here"),
        cue("Hayır", speaker="Ali"),
        cue("Dur", index=3, speaker="Ayşe", source_text="Stop"),
    ]
    assert [c.text for c in bilingual(cues)] == ["Come here\nGel buraya", "Hayır", "Stop\nDur"]
    assert {name: [c.text for c in mine] for name, mine in by_speaker(cues).items()} == {
        "Ayşe": ["Gel\nburaya", "Dur"],
        "Ali": ["Hayır"],
    }
    assert with_speakers(cues)[0].text == "Ayşe: Gel\nburaya"


def test_tags_that_only_webvtt_has_are_not_shown_elsewhere() -> None:
    cues = [cue("<v Ali><c.loud>Gel</c> <00:00:01.500>buraya</v>")]
    assert write_subtitles(cues, "ass").decode().splitlines()[-1].endswith(",,Gel buraya")
    line = ET.fromstring(write_subtitles(cues, "ttml")).find(f".//{TT}p")
    assert line is not None and "".join(line.itertext()) == "Gel buraya"


def test_formats_have_names() -> None:
    assert all(write_subtitles([cue("Söz")], name) for name in FORMATS)
    with pytest.raises(InvalidJob, match="no subtitle format 'doc'"):
        write_subtitles([], "doc")
    assert b"\r\n" in write_subtitles([cue("Söz")], "srt", crlf=True)

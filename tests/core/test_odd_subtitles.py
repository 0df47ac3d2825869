# ruff: noqa: E501 - files, written on few lines
"""Subtitles as they come from video sites and editors: nothing is lost, nothing is said three times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from sent_run import make_run, rewrite, with_

from dubline.exchange import import_subtitles
from dubline.language.line_checks import problems
from dubline.language.sentences import groups
from dubline.recognition.given_cues import read_text
from dubline.subtitles.cues import SubtitleText, ms_to_frame
from dubline.subtitles.fixing import fix
from dubline.subtitles.profiles import PROFILES
from dubline.subtitles.rolling import folded, plain
from dubline.subtitles.srt import read_srt
from dubline.subtitles.vtt import read_vtt
from dubline.subtitles.writing import write_subtitles
from dubline.translation.way import read_source

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.240 --> 00:00:02.389 align:start position:0%
\x20
welcome<00:00:00.880><c> to</c><00:00:01.120><c> the</c><00:00:01.360><c> show</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
welcome to the show
\x20

00:00:02.399 --> 00:00:04.150 align:start position:0%
welcome to the show
tonight<00:00:02.960><c> we</c><00:00:03.120><c> talk</c>

00:00:04.150 --> 00:00:04.160 align:start position:0%
tonight we talk
\x20
"""


def test_captions_that_roll_are_the_lines_that_were_said(tmp_path: Path) -> None:
    cues = folded(read_vtt(ROLLING).cues)
    said = [(plain(cue).text, cue.start_ms, cue.end_ms) for cue in cues]
    assert said == [("welcome to the show", 240, 2399), ("tonight we talk", 2399, 4160)]
    (tmp_path / "a.vtt").write_text(ROLLING)
    assert [cue.text for cue in read_text(tmp_path / "a.vtt").cues] == [text for text, *_ in said]
    assert [s.text for s in read_source(tmp_path / "a.vtt", "en").segments] == [text for text, *_ in said]


def test_captions_that_roll_in_subrip_too(tmp_path: Path) -> None:
    """As a downloader writes them: without times inside the text."""
    rows = ["a b", "c d", "e f", "c d", "g h"]
    blocks = []
    for n, row in enumerate(rows):
        before = f"{rows[n - 1]}\n" if n else ""
        blocks.append(f"00:00:0{n},000 --> 00:00:0{n},990\n{before}{row}")
        blocks.append(f"00:00:0{n},990 --> 00:00:0{n + 1},000\n{row}")
    text = "\n\n".join(f"{n}\n{block}" for n, block in enumerate(blocks, 1))
    assert [cue.text for cue in folded(read_srt(text).cues)] == rows


def test_people_who_repeat_themselves_are_left_alone() -> None:
    cues = [
        SubtitleText(index=n, start_ms=n * 1000, end_ms=n * 1000 + 1000, text=text)
        for n, text in enumerate(("No.", "No.\nNever.", "Never.", "Well.", "I see.", "Come.", "Now."), 1)
    ]
    assert folded(cues) == tuple(cues)


def test_no_markup_of_webvtt_reaches_subrip() -> None:
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<c.red>A</c> <i>b</i><00:00:01.500> <lang en>c</lang> d &lt;e>\n"
    )
    assert write_subtitles(read_vtt(text).cues, "srt").decode() == (
        "1\n00:00:01,000 --> 00:00:02,000\nA <i>b</i> c d <e>\n"
    )
    rolling = write_subtitles(read_vtt(ROLLING).cues, "srt").decode()
    assert "<c>" not in rolling and "\u200b" not in rolling


def test_cues_that_are_on_the_screen_at_once_are_no_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(
        "WEBVTT\n\n00:00.000 --> 00:20.000 region:fred\n<v Fred>Hi, my name is Fred\n\n"
        "00:02.500 --> 00:22.500\n<v Bill>Hi, I'm Bill\n\n00:05.000 --> 00:25.000\n<v Fred>Would you like coffee?\n"
    )
    assert groups(read_source(path, "en").segments, "en") == ((0,), (1,), (2,))


def test_every_cue_that_came_in_goes_out() -> None:
    from fractions import Fraction

    from dubline.programme.subtitle_tracks import cues_of
    from dubline.values.translated import TranslatedSegment, Translation, counted

    texts = (
        "{\\an8}<i>The house.</i>",
        "\u266a The sun \u266a",
        "- A cat.\n- A cow.",
        "{\\an8}",
        "\u266a",
        "...",
    )
    lines = tuple(
        TranslatedSegment(
            id=n, start=2.0 * n, end=2.0 * n + 1.9, speaker="", source_text=text,
            text=text if any(map(str.isalpha, text[5:])) else None,
            state="translated" if any(map(str.isalpha, text[5:])) else "silent",
        )
        for n, text in enumerate(texts)
    )  # fmt: skip
    translation = Translation(
        source_language="en", target_language="es", duration=20.0, segments=lines, totals=counted(lines)
    )
    assert [cue.text for cue in cues_of(translation, Fraction(25))] == list(texts)


def test_what_reads_the_same_in_both_languages_is_right() -> None:
    for text in (
        "Madrid, 1984", "www.example.org", "https://example.org/a?b=1", "anna@example.org", "example.com", "10:30.",
        "Hotel Central.", "No.", "\u266a", "\u2014 ...", "NASA.", "John Smith", "@anna #film", "Apollo 11", "Route 66.",
    ):  # fmt: skip
        assert not problems(text, text, "en", "es").hard, text
    for text in ("The dog is big.", "come at 9", "Say it to www.example.org"):
        assert problems(text, text, "en", "es").hard, text


@pytest.mark.parametrize("rate", ["24", "25", "24000/1001", "60"])
def test_no_cue_is_set_to_less_than_a_frame(rate: str) -> None:
    given = [(1000, 3000), (3000, 3010), (3010, 5000), (5000, 5000), (5010, 5015), (6000, 6000)]
    cues = [SubtitleText(index=n, start_ms=a, end_ms=b, text="x") for n, (a, b) in enumerate(given, 1)]
    for profile in PROFILES.values():
        for cue in fix(cues, profile, Fraction(rate)).cues:
            assert ms_to_frame(cue.end_ms, Fraction(rate)) > ms_to_frame(cue.start_ms, Fraction(rate)), cue


@pytest.mark.parametrize("fence", ["```srt\n{}```\n", "```\n{}\n```", "{}\n```\n"])
def test_no_fence_reaches_a_text(fence: str) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n2\n00:00:03,000 --> 00:00:04,000\nCome.\n"
    assert [cue.text for cue in read_srt(fence.format(text)).cues] == ["Hello.", "Come."]
    assert not read_srt(fence.format(text)).problems
    assert [
        cue.text for cue in read_vtt(fence.format("WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n")).cues
    ] == ["Hello."]


def test_labels_of_speakers_never_reach_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\n[SPEAKER_01]: Hello.\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\nSPEAKER_00: Come.\n**SPEAKER_01:** Now.\n"
    )
    found = read_text(path).cues
    assert [(cue.speaker, cue.text) for cue in found] == [
        ("SPEAKER_01", "Hello."),
        ("SPEAKER_00", "Come. Now."),
    ]
    assert [s.text for s in read_source(path, "en").segments] == ["Hello.", "Come.\nNow."]
    assert [speaker.name for speaker in read_source(path, "en").speakers] == ["SPEAKER_01", "SPEAKER_00"]


def test_a_label_that_comes_back_is_no_change(tmp_path: Path) -> None:
    root, path = make_run(tmp_path), tmp_path / "E01.en.srt"
    path.write_bytes((root / "subtitles/en.srt").read_bytes() + b"\n```\n")
    rewrite(path, lambda cues: [with_(c, text=f"[SPEAKER_0{n % 2}]: {c.text}") for n, c in enumerate(cues)])
    done = import_subtitles(root, path)
    assert not done.comparison.texts and not done.files

# ruff: noqa: E501 - files, written on few lines
"""The time of a reader of subtitles grows with its file and not faster, whatever the file is made of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from dubline.language.markup import unmark
from dubline.subtitles.rolling import folded
from dubline.subtitles.srt import read_srt
from dubline.subtitles.vtt import read_vtt

HEAD = "1\n00:00:01,000 --> 00:00:02,000\n"
PIECES = {
    "cues": lambda n: f"{n + 1}\n00:{n // 60 % 60:02d}:{n % 60:02d},000 --> 00:{n // 60 % 60:02d}:{n % 60:02d},9\nHi\n\n",
    "loose paragraphs": lambda n: "loose words\n\n",
    "numbers": lambda n: "5\n\n",
    "times alone": lambda n: "00:00:01,000 --> 00:00:02,000\n",
    "arrows": lambda n: "a --> b\n",
    "empty lines": lambda n: "\n",
    "open tags": lambda n: "<i>",
    "braces": lambda n: "{\\",
    "times in a row": lambda n: "1:1:1 ",
    "digits": lambda n: "1",
    "entities": lambda n: "&amp;",
    "marks of direction": lambda n: "\u200f\n",
    "voices": lambda n: "<v A>x\n",
}  # fmt: skip


def steps(read: Callable[[str], object], text: str) -> int:
    """Lines of Python that reading a text goes through: work that no other program on the machine changes."""
    count = 0

    def line(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += 1
        return line

    unmark.cache_clear()  # what another text has left there is no work
    sys.settrace(line)
    try:
        read(text)
    finally:
        sys.settrace(None)
    return count


def read_whole(text: str) -> None:
    for cue in folded((read_vtt if text.startswith("WEBVTT") else read_srt)(text).cues)[:50]:
        unmark(cue.text[:1000])


@pytest.mark.parametrize("head", [HEAD, "WEBVTT\n\n00:01.000 --> 00:02.000\n"], ids=["srt", "vtt"])
@pytest.mark.parametrize("piece", PIECES)
def test_ten_times_the_file_takes_at_most_twelve_times_the_work(head: str, piece: str) -> None:
    make = PIECES[piece]
    small, large = (head + "".join(map(make, range(count))) for count in (300, 3000))
    read_whole(small)  # what is loaded once
    assert steps(read_whole, large) <= 12 * steps(read_whole, small)


def test_many_loose_paragraphs_are_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one, all that is there is copied for each, in few steps of Python."""
    copies: list[str] = []

    def counted(cue: Any, **changes: Any) -> Any:
        copies.append(changes["text"])
        return replace(cue, **changes)

    monkeypatch.setattr("dubline.subtitles.vtt.msgspec.structs.replace", counted)
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n\n" + "loose words\n\n" * 5000
    (cue,) = read_vtt(text).cues
    assert copies == [cue.text] == ["Hi" + "\n\nloose words" * 5000]

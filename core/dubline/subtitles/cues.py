"""A subtitle as a file holds it, what was read besides, and clock times in whole milliseconds."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from dubline.timebase import whole
from dubline.values.base import Value

_RETURNS = re.compile("\r+\n?")
_LABEL = re.compile(r"^[ \t]*[\[(<*]*(SPEAKER_\d{1,4})[\])>*]*[ \t]*[:\uff1a]\**[ \t]*", re.MULTILINE)
LATEST_MS = 359_999_999_999
"""Times later than this (99,999 hours) are taken for a mistake."""

WEBVTT_TAG = r"</?(?:c|v|ruby|rt|lang)(?:[.\s][^<>\n]*)?>|<(?:\d+:)?\d\d:\d\d\.\d{3}>"
"""Tags that other formats do not have: classes, voices, ruby, language, and times inside a text."""

BREAKS = str.maketrans(dict.fromkeys("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", "\n"))
"""For `str.translate`: what many readers take for a line break, as one."""


class SubtitleText(Value, frozen=True):
    """One subtitle. Times are whole milliseconds, 0 <= start_ms <= end_ms.

    `index` is the number in the file, or the cue's place counted from 1 where it has none. `label` is the
    name before the times where that is no number. `text` keeps tags, a speaker before the text and line
    breaks (always "\\n"). `position` is what follows the times ("X1:100 ...", "line:0 align:left").
    `speaker` and `source_text` are filled by formats that know them, and by who writes subtitles.
    """

    index: int
    start_ms: int
    end_ms: int
    text: str
    position: str = ""
    label: str = ""
    speaker: str = ""
    source_text: str = ""


class Problem(Value, frozen=True):
    """Something in a file that was not as it should be: its line (from 1), why, and the text it is about.

    `lost`: the text is in no cue. Otherwise the cue is there, and the reason says what was made of it.
    """

    line: int
    reason: str
    text: str = ""
    lost: bool = False


class Problems(list[Problem]):
    """What is found wrong while a file is read."""

    def tell(self, at: int, reason: str, text: str = "", *, lost: bool = False) -> None:
        """Add one; `at` is its line, from 0."""
        self.append(Problem(line=at + 1, reason=reason, text=text, lost=lost))


class Block(Value, frozen=True):
    """A part of a WebVTT file that is no cue, with its first line; `before` cues come before it."""

    kind: Literal["NOTE", "STYLE", "REGION"]
    text: str
    before: int = 0


class Subtitles(Value, frozen=True):
    """What a file held. `encoding` is the one it was read with; `notes` say how that was found.

    `header` and `blocks` are WebVTT's: the text after the word WEBVTT, and comments, styles, regions.
    """

    cues: tuple[SubtitleText, ...]
    encoding: str = ""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    format: str = "srt"
    header: str = ""
    blocks: tuple[Block, ...] = ()

    @property
    def lost(self) -> tuple[Problem, ...]:
        """The problems that cost text."""
        return tuple(p for p in self.problems if p.lost)


def clock(ms: int, point: str = ",") -> str:
    """3661001 -> "01:01:01,001"; hours go on past 99."""
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def frame_to_ms(frame: int, rate: Fraction) -> int:
    """The first whole millisecond nearest to a frame's beginning; `ms_to_frame` gives the frame back.

    True at any rate below 1000 frames a second: half a millisecond is then less than half a frame.
    """
    return whole(frame * 1000 / rate)


def ms_to_frame(ms: int, rate: Fraction) -> int:
    """The frame whose beginning is nearest to a time."""
    return whole(ms * rate / 1000)


def unified(text: str) -> str:
    """A text with "\\n" for all of a file's line breaks (CRLF, CR, and the CRCRLF of a file converted twice),
    without NUL, which is no text."""
    if "\r" in text:
        text = _RETURNS.sub(lambda m: "\n" if m[0][-1] == "\n" else "\n" * len(m[0]), text)
    return text.replace("\0", "")


def unfenced(text: str) -> str:
    """A text without the fence that chat programs put around a file ("```srt"); its other lines stay where
    they are."""
    if "```" not in text:
        return text
    lines = text.split("\n")
    there = [at for at, line in enumerate(lines) if line.strip()]
    if lines[there[0]].lstrip("\ufeff").startswith("```"):
        lines[there[0]] = ""
    if lines[there[-1]].strip() == "```":
        lines[there[-1]] = ""
    return "\n".join(lines)


def unlabelled(text: str) -> tuple[str, str]:
    """(speaker, text) of a text that came back with our own ids before its rows, "[SPEAKER_01]: Come."; the
    first one's is the speaker, "" where there is none."""
    if "SPEAKER_" not in text:
        return "", text
    first = _LABEL.match(text)
    return (first[1] if first else ""), _LABEL.sub("", text)

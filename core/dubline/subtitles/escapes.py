"""How a text with empty lines and arrows fits into a file in which those end a cue.

An empty line would end the cue, and an arrow begin another. A zero-width space (U+200B), which no player
shows, is put at the end of an empty line and inside an arrow; reading takes it off. A text that has such
marks in such places already gets one more, so that every text comes back as it was. Other programs see an
empty line with an invisible character in it, which is what the format can do at best.

Some readers (pysubs2) take any line with two times on it for the beginning of a cue, arrow or not, so the
times in a text with several of them are marked before their fraction in the same way.

Line breaks besides the line feed (U+2028, U+0085, vertical tab and their like) are breaks to many readers,
so what is empty between two of them counts as an empty line as well.
"""

from __future__ import annotations

import re

MARK = "\u200b"

_BREAK = re.compile("([\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029])")
_ARROW = re.compile(f"--({MARK}*)>")
_MARKED_ARROW = re.compile(f"--{MARK}({MARK}*)>")
_TIME = re.compile(rf"(\d:\d{{1,2}}:\d{{1,2}})({MARK}*)([.,]\d)")


def _is_empty(line: str) -> bool:
    return not line.replace(MARK, "").strip()


def stuffed(text: str, *, arrows: bool = True) -> str:
    """A text that may stand in a cue; "" stays "". `arrows`: whether arrows and times are marked too."""
    if arrows and ">" in text:
        text = _ARROW.sub(rf"--{MARK}\1>", text)
    if arrows and ":" in text:
        times = _TIME.findall(text)
        if len(times) > 1 or any(marks for _, marks, _ in times):
            text = _TIME.sub(rf"\1{MARK}\2\3", text)
    if not text or (_BREAK.search(text) is None and not _is_empty(text)):
        return text
    parts = _BREAK.split(text)
    parts[::2] = [line + MARK if _is_empty(line) else line for line in parts[::2]]
    return "".join(parts)


def unstuffed(text: str, *, arrows: bool = True) -> str:
    """The text that `stuffed` was given."""
    if MARK not in text:
        return text
    parts = _BREAK.split(text)
    parts[::2] = [line[:-1] if line.endswith(MARK) and _is_empty(line) else line for line in parts[::2]]
    text = "".join(parts)
    if not arrows:
        return text
    text = _TIME.sub(lambda m: f"{m[1]}{m[2][1:]}{m[3]}", text)
    return _MARKED_ARROW.sub(r"--\1>", text)

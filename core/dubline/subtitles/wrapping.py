"""Breaking a subtitle into lines: even ones, at the end of a clause, never inside a tag.

No word is changed, added or left out; only spaces become line breaks, and line breaks spaces.
"""

from __future__ import annotations

import re

from dubline.language.script import (
    LEANING_ON_NEXT,
    LEANING_ON_PREVIOUS,
    base_language,
    ends_clause,
    ends_sentence,
    is_conjunction,
    width,
)
from dubline.subtitles.checks import TAGS

_PIECES = re.compile(rf"({TAGS.pattern})")
_DASH = re.compile(r"\s*[-\u2010-\u2015]")
_SENTENCE, _CLAUSE, _BEFORE_CONJUNCTION, _TORN = -6, -4, -3, 8
"""What a break costs, in characters of unevenness: less after a sentence, more inside a phrase."""


def rewrapped(text: str, *, line_length: int, lines: int, language: str = "") -> str:
    """A cue's text in at most `lines` lines of `line_length` characters, or as it was where that cannot be.

    Nothing is done to a text that fits. Lines that begin with a dash are two people's and stay apart: each
    is kept whole, and the text comes back unchanged where one of them is too long.
    """
    rows = [row for row in text.splitlines() if row.strip()]
    if not rows or _fits(rows, line_length, lines):
        return text
    if len(rows) > 1 and sum(bool(_DASH.match(TAGS.sub("", row))) for row in rows) > 1:
        rows = _joined_turns(rows)
        return "\n".join(rows) if _fits(rows, line_length, lines) else text
    words = _words(" ".join(row.strip() for row in rows))
    best = _best(words, line_length, lines, base_language(language))
    return text if best is None else "\n".join(" ".join(row) for row in best)


def _fits(rows: list[str], line_length: int, lines: int) -> bool:
    return (not lines or len(rows) <= lines) and (
        not line_length or all(_seen(row) <= line_length for row in rows)
    )


def _seen(text: str) -> int:
    return width(TAGS.sub("", text).strip())


def _joined_turns(rows: list[str]) -> list[str]:
    """A line without a dash belongs to the one above it."""
    turns: list[str] = []
    for row in rows:
        if turns and not _DASH.match(TAGS.sub("", row)):
            turns[-1] = f"{turns[-1].rstrip()} {row.strip()}"
        else:
            turns.append(row)
    return turns


def _words(text: str) -> list[str]:
    """The text at its spaces, but not at those inside tags."""
    words = [""]
    for number, piece in enumerate(_PIECES.split(text)):
        if number % 2:
            words[-1] += piece
            continue
        first, *rest = re.split(r"[ \t]+", piece)
        words[-1] += first
        words += rest
    return [word for word in words if word]


def _best(words: list[str], line_length: int, lines: int, language: str) -> list[list[str]] | None:
    """The cheapest lines, as few as can be; None where no number up to `lines` holds the words."""
    seen = [_seen(word) for word in words]
    bare = [TAGS.sub("", word) for word in words]
    most = lines or len(words)
    for count in range(1, min(most, len(words)) + 1):
        rows = _cheapest(words, seen, bare, count, line_length or 10**9, language)
        if rows is not None:
            return rows
    return None


def _cheapest(
    words: list[str], seen: list[int], bare: list[str], count: int, line_length: int, language: str
) -> list[list[str]] | None:
    mean = (sum(seen) + len(words) - count) / count
    # cost[k][i]: the least that words 0..i cost in k lines, and where the last of these lines begins.
    before: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for row in range(count):
        after: dict[int, tuple[float, tuple[int, ...]]] = {}
        for begin, (cost, cuts) in before.items():
            wide = -1
            for end in range(begin + 1, len(words) + 1):
                wide += seen[end - 1] + 1
                if wide > line_length:
                    break
                last = row == count - 1
                if last != (end == len(words)):
                    continue
                total = cost + abs(wide - mean) + (0 if last else _price(bare, end, language))
                if end not in after or total < after[end][0]:
                    after[end] = (total, (*cuts, end))
        before = after
    if len(words) not in before:
        return None
    cuts = before[len(words)][1]
    return [words[a:b] for a, b in zip((0, *cuts[:-1]), cuts, strict=True)]


def _price(bare: list[str], at: int, language: str) -> int:
    """What a break before word `at` costs."""
    left, right = bare[at - 1], bare[at]
    if ends_sentence(left, right):
        return _SENTENCE
    if ends_clause(left):
        return _CLAUSE
    if left.casefold() in LEANING_ON_NEXT.get(language, ()):
        return _TORN
    if right.casefold() in LEANING_ON_PREVIOUS.get(language, ()):
        return _TORN
    return _BEFORE_CONJUNCTION if is_conjunction(right, language) else 0

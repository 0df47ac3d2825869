"""Words that a recognizer stretched over a pause or squeezed into a blink, given a length that a mouth has.

Whisper has one time between two words, so of a pause in between one of them takes all: the word before it, or
more often the one behind. A cue then stands seconds before its line is said, or long after. Other words get
no time at all, and a line of one of them is gone before it can be read. How long a word may be is told by its
letters (`words.likely_length`), where it is by a detector of speech. benchmarks/invented.py measures both.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import zip_longest

from msgspec import structs

from dubline.language.script import ends_clause, ends_sentence
from dubline.recognition.words import likely_length
from dubline.values.media import Line
from dubline.values.transcript import HeardWord

STRETCHED = (2.0, 0.4)
"""A word is looked at from so many times the length that its letters ask for, plus so many seconds: drawls
stay, and so do words that are a little long."""
PAUSE = 0.3
"""Seconds of the word that must be without speech."""
SQUEEZED = 1 / 3
"""A word is given more time, where there is some behind it, below this share of what its letters ask for."""
SHORTEST = 0.06
"""Seconds of speech that are a place for a word: less is the end of another."""
ROOM = 0.05
"""Seconds around the speech that the word keeps."""


def as_spoken(words: Sequence[HeardWord], spans: Sequence[Line], duration: float) -> tuple[HeardWord, ...]:
    """The words, in reading order, with stretched ones where `spans` (in order, apart) have speech, and
    squeezed ones longer, up to the next word or to `duration`.

    Of several places a word that ends a sentence or a clause takes the longest, any other one the last: the
    pause stands before it. A stretched word without speech in it stays as it is. No word gets a time outside
    its own but a squeezed one. What was changed is marked `estimated`.
    """
    ends = [span.end for span in spans]
    moved: list[HeardWord] = []
    for word, after in zip_longest(words, words[1:]):
        length = likely_length(word.text) / 1000
        if _lasts(word) > STRETCHED[0] * length + STRETCHED[1]:
            closes = ends_sentence(word.text, after.text if after else "") or ends_clause(word.text)
            word = _with_times(word, *_spoken_part(word, spans, ends, closes))
        moved.append(word)
    for index, (word, after) in enumerate(zip_longest(moved, moved[1:])):
        length = likely_length(word.text) / 1000
        if _lasts(word) < SQUEEZED * length:
            start, end = word.start or 0.0, word.end or 0.0
            limit = duration if after is None or after.start is None else after.start
            moved[index] = _with_times(word, start, max(end, min(start + length, limit)))
    return tuple(moved)


def _lasts(word: HeardWord) -> float:
    """Seconds; of a word without both times, or with them the wrong way round, not a number."""
    known = word.start is not None and word.end is not None and word.end >= word.start
    return (word.end or 0.0) - (word.start or 0.0) if known else math.nan


def _with_times(word: HeardWord, start: float, end: float) -> HeardWord:
    if (start, end) == (word.start, word.end):
        return word
    return structs.replace(word, start=start, end=end, estimated=True)


def _spoken_part(
    word: HeardWord, spans: Sequence[Line], ends: Sequence[float], closes: bool
) -> tuple[float, float]:
    """Where in its time a stretched word is said."""
    start, end = word.start or 0.0, word.end or 0.0
    parts: list[tuple[float, float]] = []
    for span in spans[bisect_left(ends, start) :]:
        if span.start >= end:
            break
        first, last = max(span.start, start), min(span.end, end)
        if last - first >= SHORTEST:
            parts.append((first, last))
    if not parts or end - start - sum(last - first for first, last in parts) < PAUSE:
        return start, end
    first, last = max(parts, key=lambda part: part[1] - part[0]) if closes else parts[-1]
    first, last = max(start, first - ROOM), min(end, last + ROOM)
    length = likely_length(word.text) / 1000
    if last - first < SQUEEZED * length:  # its own time has room for it
        last = min(end, first + length)
        first = max(start, last - length)
    return first, last

"""Where one speaker's words are cut.

    words     ->  stretches   between pauses and languages, and wherever somebody else comes in between
    stretch   ->  pieces      the cheapest way to cut it
    pieces    ->  pieces      too short ones joined to a neighbour

A cut is made at every sentence end. Where a piece would be longer than allowed, cuts are added, and what
they cost (`_CUT`) says where: after punctuation, else at the longest pause, else before a conjunction, else
so that the parts are even. A stretch is decided as a whole (dynamic programming), so an early cut never
spoils a later one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from dubline.errors import InvalidJob
from dubline.language.script import (
    apart,
    carry_spaces,
    ends_clause,
    ends_sentence,
    is_conjunction,
    joined,
    separator,
    width,
)
from dubline.recognition.words import TimedWord, likely_length
from dubline.values.base import Value
from dubline.values.transcript import milliseconds

MOST_WORDS = 200
"""No segment has more words; it keeps the work in proportion to the words. 12 s of speech have about 60."""

FASTEST = 2.5
"""Nobody speaks so many times as fast as `likely_length`, which is 40 letters a second."""
TOO_FAST = "nobody speaks so fast, so its times or its words are wrong"

# What a cut costs. A whole class lies between neighbours, more than evenness (`_EVEN` a piece) can weigh up.
_CUT = {"sentence": 0, "clause": 200, "pause": 400, "conjunction": 600, "middle": 800, "inside a word": 3000}
_PAUSE_COUNTS = 100  # milliseconds from which a pause is one
_PAUSE_GAIN = 100  # cheaper by this for a pause as long as the rule's, in all classes
_EVEN = 40  # for a full piece; in proportion to the square of its fill
_SENTENCE_CROSSED = 150
_TOO_SHORT = 10_000


class SegmentRules(Value, frozen=True):
    """How words are cut. Seconds and characters.

    `pause` always cuts; `shortest` and `longest` bound a segment; a segment that is too short joins one of
    the same speaker up to `merge_gap` away; `tolerance` is how far outside a turn a word may lie. With
    `lines` above 0 a segment fits into that many subtitle lines of `line_length` characters.
    """

    pause: float = 0.6
    shortest: float = 0.3
    longest: float = 12.0
    merge_gap: float = 1.0
    tolerance: float = 0.5
    lines: int = 0
    line_length: int = 42

    def __post_init__(self) -> None:
        times = (self.pause, self.shortest, self.longest, self.merge_gap, self.tolerance)
        if (
            not all(0 <= t < math.inf for t in times)
            or not self.shortest < self.longest
            or self.pause < 0.001
        ):
            raise InvalidJob(
                "segments cannot be cut by these times",
                hint="All are 0 s or more, the pause above 0, and `shortest` below `longest`.",
            )
        if self.lines < 0 or self.line_length < 1:
            raise InvalidJob(
                f"subtitles of {self.lines} lines of {self.line_length} characters",
                hint="Give 2 lines of 42 characters, or 0 lines for no limit.",
            )


@dataclass(slots=True)
class Piece:
    """Words that become one segment. Times in milliseconds, `speaker` as the diarizer names it, `more` as a
    `Segment` has it."""

    speaker: str
    words: list[TimedWord]
    text: str = ""
    flags: list[str] = field(default_factory=list)
    more: Any = UNSET

    @property
    def language(self) -> str:
        return self.words[0].language

    @property
    def start(self) -> int:
        return self.words[0].start

    @property
    def end(self) -> int:
        return self.words[-1].end


class Cutter:
    """Cuts the words of all `voices` (speaker -> words in order) by one set of rules.

    `steps` counts the choices that were weighed; it grows in proportion to the words.
    """

    def __init__(
        self,
        voices: dict[str, list[TimedWord]],
        turns: list[tuple[int, int, str]],
        rules: SegmentRules,
        language: str,
    ) -> None:
        self._voices = voices
        self._rules = rules
        self._language = language
        self._carried = carry_spaces([w.text for words in voices.values() for w in words])
        self._pause = milliseconds(rules.pause)
        self._longest = milliseconds(rules.longest)
        self._shortest = milliseconds(rules.shortest)
        spoken = [(w.start, w.end, speaker) for speaker, words in voices.items() for w in words]
        self._spoken = sorted({*spoken, *turns})
        self.steps = 0

    def pieces(self, speaker: str) -> list[Piece]:
        """The speaker's words as pieces, in order."""
        words = self._voices[speaker]
        cut: list[list[TimedWord]] = []
        first = 0
        for index in range(1, len(words) + 1):
            if index == len(words) or self._interrupted(words[index - 1], words[index], speaker):
                cut += self._cut(words[first:index])
                first = index
        return [self._finished(speaker, part) for part in self._joined(cut, speaker)]

    def _interrupted(self, before: TimedWord, after: TimedWord, speaker: str) -> bool:
        return (
            after.start - before.end >= self._pause
            or before.language != after.language
            or self._between(before.end, after.start, speaker)
        )

    def _between(self, start: int, end: int, speaker: str) -> bool:
        """Whether somebody else says a word, or has a turn, inside a pause."""
        if start >= end:
            return False
        at = bisect_left(self._spoken, (start, 0, ""))
        while at < len(self._spoken) and self._spoken[at][0] < end:
            self.steps += 1
            if self._spoken[at][1] <= end and self._spoken[at][2] != speaker:
                return True
            at += 1
        return False

    # --- one stretch -----------------------------------------------------------------------------

    def _cut(self, words: list[TimedWord]) -> list[list[TimedWord]]:
        """The cheapest pieces of a stretch."""
        count = len(words)
        cuts = [0] + [self._cut_cost(words[i - 1], words[i]) for i in range(1, count)]
        sentences = [0]  # sentence ends before each word
        for index in range(1, count):
            sentences.append(sentences[-1] + (_CUT["sentence"] == cuts[index]))
        widths = [width(word.text.strip()) for word in words]
        gaps = [0] + [self._gap(words[i - 1], words[i]) for i in range(1, count)]
        best = [0.0] + [math.inf] * count
        since = [0] * (count + 1)
        lines, line_length, longest = self._rules.lines, self._rules.line_length, self._longest
        for end in range(1, count + 1):
            last = words[end - 1].end
            rows, row, wide = 1, widths[end - 1], widths[end - 1] > line_length
            lowest, origin = math.inf, 0
            for start in range(end - 1, max(-1, end - 1 - MOST_WORDS), -1):
                length = last - words[start].start
                if start < end - 1:
                    if length > longest:
                        break
                    if lines:
                        row += gaps[start + 1] + widths[start]
                        if row > line_length:  # filled from the last line up
                            rows, row = rows + 1, widths[start]
                        if wide or rows > lines or row > line_length:
                            break
                self.steps += 1
                fill = length / longest
                if lines:
                    fill = max(fill, ((rows - 1) * line_length + row) / (lines * line_length))
                crossed = sentences[end - 1] - sentences[start]
                cost = best[start] + cuts[start] + crossed * _SENTENCE_CROSSED + _EVEN * min(fill, 1.0) ** 2
                if length < self._shortest:
                    cost += _TOO_SHORT
                if cost < lowest:
                    lowest, origin = cost, start
            best[end], since[end] = lowest, origin
        pieces = []
        end = count
        while end:
            pieces.append(words[since[end] : end])
            end = since[end]
        return pieces[::-1]

    def _allowed(self, length: int, rows: int, widest: int) -> bool:
        rules = self._rules
        return length <= self._longest and (
            not rules.lines or (rows <= rules.lines and widest <= rules.line_length)
        )

    def _cut_cost(self, before: TimedWord, after: TimedWord) -> float:
        pause = max(0, after.start - before.end)
        gain = _PAUSE_GAIN * min(pause / self._pause, 1.0)
        if not apart(before.text, after.text, self._carried):
            return _CUT["inside a word"] - gain
        if ends_sentence(before.text, after.text):
            return _CUT["sentence"]
        if ends_clause(before.text):
            return _CUT["clause"] - gain
        if pause >= _PAUSE_COUNTS:
            return _CUT["pause"] - gain
        if is_conjunction(after.text, after.language or self._language):
            return _CUT["conjunction"] - gain
        return _CUT["middle"] - gain

    def _gap(self, before: TimedWord, after: TimedWord) -> int:
        """Characters between two words on one line."""
        if not self._carried:
            return len(separator(before.text, after.text, carried=False))
        a, b = before.text, after.text
        return len(a) - len(a.rstrip()) + len(b) - len(b.lstrip())

    # --- after the stretches ---------------------------------------------------------------------

    def _joined(self, parts: list[list[TimedWord]], speaker: str) -> list[list[TimedWord]]:
        """Too short parts joined to the nearer neighbour, over a pause of at most `merge_gap`."""
        pieces: list[list[TimedWord]] = []
        for index, part in enumerate(parts):
            if self._length(part) < self._shortest:
                after = parts[index + 1] if index + 1 < len(parts) else None
                behind = self._distance(pieces[-1], part, speaker) if pieces else math.inf
                ahead = self._distance(part, after, speaker) if after else math.inf
                if behind <= ahead and behind < math.inf:
                    pieces[-1] = [*pieces[-1], *part]
                    continue
                if after and ahead < math.inf:
                    parts[index + 1] = [*part, *after]
                    continue
            pieces.append(part)
        return pieces

    @staticmethod
    def _length(words: list[TimedWord]) -> int:
        return words[-1].end - words[0].start

    def _distance(self, a: list[TimedWord], b: list[TimedWord], speaker: str) -> float:
        """The pause between two parts in milliseconds; infinite where they may not be one."""
        both = [*a, *b]
        pause = b[0].start - a[-1].end
        if (
            pause > milliseconds(self._rules.merge_gap)
            or a[-1].language != b[0].language
            or self._between(a[-1].end, b[0].start, speaker)
            or len(both) > MOST_WORDS
            or not self._allowed(self._length(both), *self._rows(both))
        ):
            return math.inf
        return pause

    def _rows(self, words: list[TimedWord]) -> tuple[int, int]:
        """Lines that the words need, filled from the last one up, and the width of the widest word."""
        if not self._rules.lines:
            return 1, 0
        widths = [width(word.text.strip()) for word in words]
        rows, row = 1, widths[-1]
        for index in range(len(words) - 2, -1, -1):
            more = self._gap(words[index], words[index + 1]) + widths[index]
            if row + more <= self._rules.line_length:
                row += more
            else:
                rows, row = rows + 1, widths[index]
        return rows, max(widths)

    def _finished(self, speaker: str, words: list[TimedWord]) -> Piece:
        piece = Piece(speaker, words, joined([w.text for w in words], self._carried))
        length = piece.end - piece.start
        if length < self._shortest:
            piece.flags.append("short")
        if length > self._longest:
            piece.flags.append("long")
        if not self._allowed(0, *self._rows(words)):
            piece.flags.append("long_text")
        if length * FASTEST < sum(likely_length(word.text) for word in words):
            words[0].doubt = words[0].doubt or TOO_FAST
        return piece

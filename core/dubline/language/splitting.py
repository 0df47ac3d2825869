# ruff: noqa: RUF001 - the marks of many scripts look like each other
"""A translated text back into as many parts as it came from, by time and by where its language may break."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

from dubline.language.script import (
    CLAUSE_ENDS,
    CLOSING,
    FULL_STOPS,
    LEANING_ON_NEXT,
    LEANING_ON_PREVIOUS,
    OPENING,
    OTHER_ENDS,
    base_language,
    ends_clause,
    ends_sentence,
    is_conjunction,
    separator,
)

SPACED_SENTENCES = frozenset({"th", "lo", "km", "my"})
"""Languages with no space between words, but between sentences and phrases."""
_QUOTES = {"“": "”", "«": "»", "„": "“”", "「": "」", "『": "』", "(": ")", "[": "]", "（": "）", '"': '"'}

# What a break is worth, in squared natural logarithms of (share of the text / share of the time): at 0.25 a
# part may be 1.65 times too long for its slot before another break is taken. Chosen by reading splits.
_SENTENCE_WORTH = 0.5
_CLAUSE_WORTH = 0.3
_CONJUNCTION_WORTH = 0.12
_MATCHED = 1.5
"""The source has a mark at this very break, so the translation's mark is most likely the same one."""
_QUOTE_COST = 1.0
_INSIDE_COST = 0.3
_REACH = 64
"""Breaks that are tried around each slot's share of the text, so that long texts take no longer."""

_NOT_FIRST = frozenset(
    "、。，．！？：；）」』】》〉〕］｝ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々…‥・%％ๆฯะาำๅ"
)
_NOT_LAST = frozenset("（「『【《〈〔［｛เแโใไ$¥￥")


def split_back(
    text: str,
    slots: Sequence[float],
    language: str,
    length: Callable[[str], float],
    *,
    sources: Sequence[str] = (),
) -> tuple[str, ...] | None:
    """A text in as many parts as there are slots, in order, no word lost; None where it has too few breaks.

    `slots` are lengths in any unit, such as seconds; each part's share of the text comes near its slot's
    share of the time, and breaks lie where sentences and clauses end or a conjunction begins one.
    `sources`, one a slot, are the texts that the slots had: a mark at the end of one makes a mark here the
    likelier break. There is never a break after an article, a preposition and the like (for languages with a
    table), inside a number or a name with a title, or inside a quotation that is less than half of the text.
    `length` tells how long a word takes, in any unit, at least 0. A script without spaces breaks between
    characters, but not before closing marks, small kana and signs that hang on a letter.
    """
    text = " ".join(text.split())
    if not slots:
        return None if text else ()
    if not text:
        return None
    if len(slots) == 1:
        return (text,)
    pieces = breakable(text)
    words = [word for word, _ in pieces]
    costs = _break_costs(pieces, language)
    allowed = [index for index in range(1, len(words)) if costs[index] is not None]
    if len(allowed) < len(slots) - 1:
        return None
    places = _best_breaks([max(0.0, length(word)) for word in words], allowed, costs, slots, sources)
    parts = [pieces[a:b] for a, b in pairwise([0, *places, len(words)])]
    return tuple(
        "".join((" " if spaced and number else "") + word for number, (word, spaced) in enumerate(part))
        for part in parts
    )


def breakable(text: str) -> list[tuple[str, bool]]:
    """The pieces between which a text may be broken, each with whether a space stands before it."""
    pieces: list[tuple[str, bool]] = []
    for word in text.split():
        begin = 0
        for index in range(1, len(word)):
            if _parts_here(word[index - 1], word[index]):
                pieces.append((word[begin:index], begin == 0))
                begin = index
        pieces.append((word[begin:], begin == 0))
    return pieces


def _parts_here(before: str, after: str) -> bool:
    if between(before, after) or after in _NOT_FIRST or before in _NOT_LAST:
        return False  # a space would have to stand here
    wide = unicodedata.category(before)[0], unicodedata.category(after)[0]
    return wide[1] not in "MP" and not (before.isascii() or after.isascii()) and wide[0] in "LMPN"


def _break_costs(pieces: Sequence[tuple[str, bool]], language: str) -> list[float | None]:
    """What it costs to break before each word, less than 0 where it is good; None where it is forbidden."""
    words = [word for word, _ in pieces]
    base = base_language(language)
    leaning, clinging = LEANING_ON_NEXT.get(base, frozenset()), LEANING_ON_PREVIOUS.get(base, frozenset())
    costs: list[float | None] = [None]
    for (before, _), (after, spaced) in pairwise(pieces):
        head = before.lstrip(OPENING).casefold().replace("’", "'")
        tail = after.rstrip(CLOSING + CLAUSE_ENDS + FULL_STOPS + OTHER_ENDS).casefold()
        cost: float | None = 0.0
        if (
            not head  # a dash or a quotation mark by itself opens what follows
            or head in leaning
            or tail in clinging
            or (not tail and after not in OPENING)
            or (before[-1].isdigit() and after[0].isdigit())
            or (before.rstrip(CLOSING).endswith(".") and not ends_clause(before))
        ):
            cost = None
        elif ends_sentence(before, after):
            cost = -_SENTENCE_WORTH
        elif ends_clause(before):
            cost = -_CLAUSE_WORTH
        elif is_conjunction(after, language):
            cost = -_CONJUNCTION_WORTH
        elif base in SPACED_SENTENCES:
            # Their words end where only a dictionary knows, but a space ends a phrase.
            cost = -_CLAUSE_WORTH if spaced else _INSIDE_COST
        costs.append(cost)
    # Braces hold a placeholder; it stays whole whatever is in it.
    depth = 0
    for index, word in enumerate(words[:-1]):
        depth = max(0, depth + word.count("{") - word.count("}"))
        if depth:
            costs[index + 1] = None
    for first, last in quotations(words):
        short = 2 * (last - first + 1) < len(words)
        for index in range(first + 1, last + 1):
            cost = costs[index]
            costs[index] = None if short or cost is None else cost + _QUOTE_COST
    return costs


def _best_breaks(
    lengths: Sequence[float],
    allowed: Sequence[int],
    costs: Sequence[float | None],
    slots: Sequence[float],
    sources: Sequence[str],
) -> list[int]:
    """The words before which to break: the cheapest way, found from the first break to the last."""
    before = [0.0, *accumulate(lengths)]
    if before[-1] <= 0:
        before = [float(index) for index in range(len(lengths) + 1)]
    shares = [count / before[-1] for count in before]
    times = [max(slot, 0.0) for slot in slots]
    if not 0 < sum(times) < math.inf:
        times = [1.0] * len(slots)
    times = [max(time / sum(times), 1e-6) for time in times]

    def misfit(first: int, last: int, slot: int) -> float:
        return math.log(max(shares[last] - shares[first], 1e-3) / max(times[slot], 1e-3)) ** 2

    places = [shares[index] for index in allowed]
    reach = _REACH + len(slots)
    # Cheapest way to each break: {word: (cost, way)}. Windows are long enough for one break each.
    ways: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for slot, due in enumerate(accumulate(times[:-1])):
        middle = bisect_left(places, due)
        low = max(0, min(middle - reach // 2, len(allowed) - reach))
        reached: dict[int, tuple[float, tuple[int, ...]]] = {}
        marked = (
            slot < len(sources) and bool(sources[slot].strip()) and ends_clause(sources[slot].split()[-1])
        )
        for index in allowed[low : low + reach]:
            cost = costs[index] or 0.0
            if marked and cost <= -_CLAUSE_WORTH:
                cost *= _MATCHED
            options = [
                (spent + misfit(start, index, slot) + cost, way)
                for start, (spent, way) in ways.items()
                if start < index
            ]
            if options:
                spent, way = min(options)
                reached[index] = (spent, (*way, index))
        ways = reached
    last = len(lengths)
    return list(min((spent + misfit(way[-1], last, len(slots) - 1), way) for spent, way in ways.values())[1])


# --- texts side by side ---


def between(before: str, after: str) -> str:
    """What stands between two texts: the letters decide, not the quotation marks, which scripts share."""
    return separator(before.rstrip(CLOSING) or before, after.lstrip(OPENING) or after, False)


def quotations(words: Sequence[str]) -> list[tuple[int, int]]:
    """(first, last) indices of the words of every quotation or bracket; one never closed is none."""
    spans = []
    begun: tuple[int, str] | None = None
    for index, word in enumerate(words):
        for letter in word:
            if begun is not None and letter in begun[1]:
                spans.append((begun[0], index))
                begun = None
            elif begun is None and letter in _QUOTES:
                begun = (index, _QUOTES[letter])
    return spans

"""What letters tell about a voice that syllables do not: "strengths" is one, and longer than "a".

A spelling is read by rules that differ from language to language, and by voices that differ too. So nothing
is known beforehand: each letter, and each pair of neighbours with the word's edges, may take a little more or
less than the ordinary, and some hundred takes of a voice tell how much. A ridge regression (Hoerl and Kennard
1970) of the relative error that the plain model leaves, so that what was seen seldom counts little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dubline.fit.syllables import read_aloud, words_of

MOST = 600
"""Letters and pairs of which a voice keeps a figure, the most frequent ones."""
_TWICE = 2  # takes in which one has to stand
_SPREAD = 0.17  # of what a letter takes on average: how much one may differ from it
_NOISE = 0.05  # relative error of a take that letters do not explain
_LIMIT = 0.5  # of the plain model's length: what they may change of it at most

_Array = NDArray[np.float64]


@lru_cache(maxsize=8192)
def letter_pairs(text: str, language: str) -> tuple[tuple[str, int], ...]:
    """The letters and pairs of a text as it is read, and how often each stands; "_" is a word's edge."""
    counts: Counter[str] = Counter()
    for word in words_of(read_aloud(text, language)):
        spelt = f"_{word.casefold()}_"
        counts.update(spelt[1:-1])
        counts.update(spelt[place : place + 2] for place in range(len(spelt) - 1))
    return tuple(sorted(counts.items()))


def more_seconds(text: str, language: str, figures: dict[str, float], plain: float) -> float:
    """What a text takes besides the `plain` seconds; at most a half of them, in either direction."""
    more = sum(figures.get(pair, 0.0) * count for pair, count in letter_pairs(text, language))
    return min(max(more, -_LIMIT * plain), _LIMIT * plain)


class LetterCounts(NamedTuple):
    """How often letters and pairs stand in texts: the pairs, and (texts, pairs) their counts."""

    pairs: tuple[str, ...]
    counts: _Array


def letter_counts(texts: Sequence[str], language: str) -> LetterCounts:
    """The letters and pairs of texts, one row a text."""
    rows = [letter_pairs(text, language) for text in texts]
    places: dict[str, int] = {}
    for row in rows:
        for pair, _ in row:
            places.setdefault(pair, len(places))
    counts = np.zeros((len(rows), len(places)))
    for number, row in enumerate(rows):
        for pair, count in row:
            counts[number, places[pair]] = count
    return LetterCounts(tuple(places), counts)


def learnt(spelt: LetterCounts, plain: _Array, real: _Array, letter: float) -> dict[str, float]:
    """Letter or pair -> seconds more than `plain` has for it, from takes of these lengths (seconds each).

    `letter`: the seconds that a letter takes on average. Errors over a half count as a half.
    """
    seen = (spelt.counts > 0).sum(axis=0)
    often = np.argsort(-seen, kind="stable")
    known = often[seen[often] >= _TWICE][:MOST]
    if not len(known):
        return {}
    base = np.maximum(plain, 1e-3)
    rows = spelt.counts[:, known] / base[:, None]
    left = np.clip((real - base) / base, -_LIMIT, _LIMIT)
    spread = max(_SPREAD * letter, 1e-4)
    square = rows.T @ rows / _NOISE**2 + np.eye(len(known)) / spread**2
    values = np.linalg.solve(square, rows.T @ left / _NOISE**2)
    return {spelt.pairs[place]: round(float(value), 5) for place, value in zip(known, values, strict=True)}

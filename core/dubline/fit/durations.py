# ruff: noqa: RUF001 - marks of many scripts look like each other
"""How long a text takes to be spoken, before anybody has spoken it.

    default_model("en").seconds("Wait! Who's there?")     seconds, in a voice of ordinary pace
    calibrated(model, takes)                              the same for one voice, from what it has spoken
    pace(segments, model)                                 how much slower than that each actor speaks

seconds = syllable * syllables + character * letters + clause * pauses at commas
          + sentence * pauses between sentences + constant

The constant is what makes a short line come out right: a voice needs time to begin and to end, and drama is
full of lines of one word. Silence before and after the voice is not counted, since a segment's slot holds
none.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from dubline.fit.letter_pairs import LetterCounts, learnt, letter_counts, more_seconds
from dubline.fit.syllables import read_aloud, syllables, words_of
from dubline.language.script import UNSPACED_LANGUAGES, base_language, ends_clause, ends_sentence
from dubline.values.base import Value
from dubline.values.transcript import Segment

QUICK, SLOW = 0.7, 1.4
"""Bounds of a speaker's pace factor; what lies outside is wrong times rather than a way to speak."""
_SHRINK = 4.0  # lines: as many of one's own weigh as much as the assumption of an ordinary pace
_LUCK = 0.06
_NOISE = 0.08  # relative error that is normal for one line (see `default_model`)
_SPELLING = 40  # takes from which letters are asked too
_WORTH = 0.95  # of the error without them: what they have to bring it down to
_UNKNOWN, _BELIEVED = 0.12, 8.0  # the error that is assumed before there are takes, and how many it counts as
_CHANCE = 0.5  # relative error of a line: what is over it is an accident, and counts as this
_EDGES = 0.2, 5.0  # of the prior's: the least and the most that a coefficient can become
_SHORTEST = 0.25  # seconds; a shorter line is not more doubtful than that
_DASHES = frozenset("-–—")
_INNER_DASH = re.compile(r"(?<=\w)(?:—|–|\.\.\.|…)(?=\w)")
_UNSPACED_CLAUSE = re.compile(r"[、，,；;：:—–]+(?=[^\W_])")
_UNSPACED_SENTENCE = re.compile(r"[。．.！!？?…]+[」』”’)）]*(?=[^\W_])")


class DurationModel(Value, frozen=True):
    """How fast a language, or one voice in it, is spoken; seconds each.

    `syllable` and `character` (letters) share the length of the words between them; `clause` is a pause at a
    comma inside the text, `sentence` one between two sentences, `constant` what every line takes besides.
    `basis` says in words where the numbers come from.

    Of a voice that has spoken there is more: `letters`, what its spelling adds (see `letter_pairs`), `takes`,
    the number of texts that it was learnt from, and `error`, the relative error (one standard deviation) of a
    line of one second that was not among them; 0 where nothing was measured. `spoken`: what the voice really
    took for a text, which no estimate betters.
    """

    language: str
    syllable: float
    character: float
    clause: float
    sentence: float
    constant: float
    basis: str = ""
    letters: dict[str, float] = {}
    takes: int = 0
    error: float = 0.0
    spoken: dict[str, float] = {}

    def seconds(self, text: str) -> float:
        """How long a plain text takes, 0 where there is nothing to say (no letter and no digit)."""
        if text in self.spoken:
            return self.spoken[text]
        count = features(text, self.language)
        if not count[1]:
            return 0.0
        plain = max(0.0, sum(a * b for a, b in zip(self.coefficients, count, strict=True)))
        return plain + more_seconds(text, self.language, self.letters, plain) if self.letters else plain

    def doubt(self, seconds: float) -> float:
        """The relative error to be expected of a line that is estimated as so long: one standard deviation of
        the logarithm, 0 where it is not known.

        The errors of syllables add up like independent ones, so that twice the length is wrong by a factor
        of 1.4 and not of 2: with espeak-ng and flite that holds from half a second to three.
        """
        return self.error / math.sqrt(max(seconds, _SHORTEST))

    def scaled(self, factor: float) -> DurationModel:
        """The same, for a voice that takes `factor` times as long for everything."""
        return structs.replace(
            self,
            **_named([value * factor for value in self.coefficients]),
            letters={pair: round(value * factor, 5) for pair, value in self.letters.items()},
            spoken={},
        )

    @property
    def coefficients(self) -> tuple[float, float, float, float, float]:
        """In the order of `features`."""
        return self.syllable, self.character, self.clause, self.sentence, self.constant


def _named(coefficients: Iterable[float]) -> dict[str, Any]:
    """Coefficients, in the order of `features`, by the names of `DurationModel`'s fields."""
    names = ("syllable", "character", "clause", "sentence", "constant")
    return {name: round(float(value), 6) for name, value in zip(names, coefficients, strict=True)}


@lru_cache(maxsize=8192)
def features(text: str, language: str) -> tuple[int, int, int, int, int]:
    """Syllables, letters, pauses at clauses, pauses between sentences, and 1, of a text as it is read."""
    spoken = read_aloud(text, language)
    letters = sum(c.isalpha() for c in spoken)
    count = sum(syllables(word, language) for word in words_of(spoken))
    clauses = sentences = 0
    if base_language(language) in UNSPACED_LANGUAGES:
        clauses = len(_UNSPACED_CLAUSE.findall(spoken))
        sentences = len(_UNSPACED_SENTENCE.findall(spoken))
    else:
        words = spoken.split()
        for word, following in pairwise(words):
            if word[-1].isalnum():
                continue
            if word in _DASHES:
                clauses += 1
            elif ends_sentence(word, following):
                sentences += 1
            elif ends_clause(word):
                clauses += 1
        clauses += len(_INNER_DASH.findall(spoken))
    return count, letters, clauses, sentences, 1


# --- what is known beforehand ------------------------------------------------------------------

_MEASURED = "fitted to espeak-ng 1.51 at its ordinary speed"
_TABLE = {
    # language: syllable, character, clause, sentence, constant
    "en": (0.0829, 0.0287, 0.350, 0.513, 0.174),
    "tr": (0.0491, 0.0517, 0.212, 0.388, 0.102),
    "de": (0.0410, 0.0421, 0.239, 0.483, 0.142),
    "nl": (0.0610, 0.0398, 0.314, 0.555, 0.127),
    "es": (0.0552, 0.0355, 0.287, 0.403, 0.086),
    "fr": (0.0405, 0.0322, 0.323, 0.491, 0.084),
    "it": (0.0687, 0.0299, 0.281, 0.352, 0.113),
    "pt": (0.0571, 0.0413, 0.193, 0.386, 0.078),
    "pl": (0.0469, 0.0540, 0.276, 0.340, 0.000),
    "ru": (0.0308, 0.0441, 0.291, 0.375, 0.073),
    "el": (0.0581, 0.0378, 0.197, 0.288, 0.038),
    "ar": (0.0407, 0.0790, 0.229, 0.631, 0.087),
    "hi": (0.0548, 0.0911, 0.191, 0.401, 0.068),
    "ja": (0.0630, 0.0557, 0.199, 0.417, 0.068),
    "ko": (0.0833, 0.0833, 0.261, 0.587, 0.117),
    "zh": (0.1930, 0.0000, 0.270, 0.430, 0.100),
}
_OWN_BASIS = {
    "en": "fitted to flite 2.2 (slt) and espeak-ng 1.51 at their ordinary speeds",
    "zh": "estimated: 5.18 syllables a second (Pellegrino, Coupé and Marsico 2011), pauses as elsewhere",
}
_PAUSES = (0.27, 0.43, 0.10)
"""Clause, sentence, constant: the means of the table."""
# Seconds a letter in a script, the words' part of the table divided by the letters in them; the last four are
# estimates after their neighbours.
_BY_SCRIPT = {
    "Latin": 0.0605,
    "Cyrillic": 0.0577,
    "Greek": 0.0634,
    "Arabic": 0.1037,
    "Devanagari": 0.136,
    "Hangul": 0.167,
    "Hebrew": 0.1037,
    "Indic": 0.136,
    "Thai": 0.085,
    "Han": 0.193,
}
_SCRIPTS = {
    **dict.fromkeys(("uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg", "tt"), "Cyrillic"),
    **dict.fromkeys(("fa", "ur", "ps", "ckb", "sd", "ug"), "Arabic"),
    **dict.fromkeys(("mr", "ne", "sa"), "Devanagari"),
    **dict.fromkeys(("he", "yi"), "Hebrew"),
    **dict.fromkeys(("bn", "gu", "pa", "ta", "te", "kn", "ml", "or", "si", "as"), "Indic"),
    **dict.fromkeys(("th", "lo", "km", "my"), "Thai"),
    "yue": "Han",
}


def default_model(language: str) -> DurationModel:
    """The model of a language's ordinary pace, before any voice is known. `basis` says how it was found.

    Arabic, Chinese, Dutch, English, French, German, Greek, Hindi, Italian, Japanese, Korean, Polish,
    Portuguese, Russian, Spanish and Turkish have their own numbers. They were fitted to synthetic voices by
    `benchmarks/durations.py --table`, English to two of them, all in all 20 to 90 lines of drama each; only
    Chinese is an estimate from the literature. People speak differently from machines, and by a good deal
    from each other: `pace` and `calibrated` correct that. Every other language counts letters, as long as
    they are in its script on average (Latin where the script is not known).
    """
    base = base_language(language)
    if base in _TABLE:
        coefficients = _TABLE[base]
        basis = _OWN_BASIS.get(base, _MEASURED)
    else:
        script = _SCRIPTS.get(base, "Latin")
        coefficients = (0.0, _BY_SCRIPT[script], *_PAUSES)
        basis = f"letters of the {script} script, on average; {base or 'this language'} was not measured"
    return DurationModel(language=base, basis=basis, **_named(coefficients))


# --- voices and speakers -----------------------------------------------------------------------


_Array = NDArray[np.float64]


def calibrated(model: DurationModel, takes: Sequence[tuple[str, float]]) -> DurationModel:
    """The model of one voice, from texts that it has spoken and how long it took (seconds, without silence).

    Least squares of the relative error, held near the prior `model` as if each coefficient were known to a
    half of its size and each take to 8 %; residuals are weighted after Huber (1964), so that a wrong take
    pulls little. Of the prior, the prior made uniformly faster or slower, and the full fit, the one with the
    least error on takes left out is returned: fewer than three takes, or takes that teach nothing, change
    nothing. From 40 takes on letters are asked too, where that makes takes left out clearly better. Takes
    without text or without a length are passed over, of a text that was spoken several times the median
    counts. No coefficient becomes less than a fifth or more than five times the prior's, and so neither does
    the plain part of any line; that of an ordinary one stays within 2.5 times.
    """
    spoken: dict[str, list[float]] = defaultdict(list)
    for text, spent in takes:
        if 0 < spent < math.inf and features(text, model.language)[1]:
            spoken[text].append(spent)
    if len(spoken) < 3:
        return model
    texts = list(spoken)
    x = np.array([features(text, model.language) for text in texts], np.float64)  # (takes, 5)
    y = np.array([statistics.median(spoken[text]) for text in texts], np.float64)  # (takes,)
    prior = np.array(model.coefficients)
    ways = (_same, _scaled, _fitted)
    folds = min(len(y), 10)
    part = np.arange(len(y)) % folds
    guesses = np.zeros((len(ways), len(y)))
    for fold in range(folds):
        train, left = part != fold, part == fold
        for number, way in enumerate(ways):
            guesses[number, left] = np.maximum(x[left] @ way(prior, x[train], y[train]), 1e-3)
    # One wrong take, left out or not, must not decide: its error counts as that of a bad line at most.
    scores = _mean_error(guesses, y)
    # Few takes are right by luck: what they teach has to show, the more clearly the fewer they are.
    scores += _LUCK / math.sqrt(len(y)) * np.array([0.0, 1.0, 1.0])
    best = min(range(len(ways)), key=lambda number: (round(float(scores[number]), 3), number))
    if best == 0 and len(y) < _SPELLING:
        return model
    plain = ways[best](prior, x, y)
    guessed = guesses[best]
    letters: dict[str, float] = {}
    if len(y) >= _SPELLING:
        spelling = letter_counts(texts, model.language)
        spelt = np.zeros(len(y))
        for fold in range(folds):
            train, left = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
            figures = _spelling(spelling, x, y, ways[best](prior, x[train], y[train]), train)
            for n in left:
                spelt[n] = guessed[n] + more_seconds(texts[n], model.language, figures, float(guessed[n]))
        if _mean_error(spelt, y) < _WORTH * _mean_error(guessed, y):
            letters = _spelling(spelling, x, y, plain, np.arange(len(y)))
            guessed = spelt
    return DurationModel(
        language=model.language,
        **_named(plain),
        basis=f"calibrated with {len(y)} takes",
        letters=letters,
        takes=len(y),
        error=_error(guessed, y),
    )


def _spelling(
    spelling: LetterCounts, x: _Array, y: _Array, plain: _Array, those: NDArray[np.intp]
) -> dict[str, float]:
    """What letters tell about some of the takes, besides the coefficients `plain`."""
    words = x[those, :2] @ plain[:2]
    letter = float(words.sum() / max(x[those, 1].sum(), 1.0))
    some = LetterCounts(spelling.pairs, spelling.counts[those])
    return learnt(some, x[those] @ plain, y[those], letter)


def _mean_error(guessed: _Array, real: _Array) -> Any:
    """The mean size of the relative error, over the last axis."""
    return np.minimum(np.abs(np.log(guessed / real)), 4 * _NOISE).mean(axis=-1)


def _error(guessed: _Array, real: _Array) -> float:
    """`DurationModel.error`: of few takes it is half a guess."""
    off = np.minimum(np.abs(np.log(guessed / real)), _CHANCE)
    of_one_second = float((off**2 * np.maximum(guessed, _SHORTEST)).sum())
    return round(math.sqrt((of_one_second + _BELIEVED * _UNKNOWN**2) / (len(real) + _BELIEVED)), 4)


def _same(prior: _Array, x: _Array, y: _Array) -> _Array:
    return prior


def _scaled(prior: _Array, x: _Array, y: _Array) -> _Array:
    """The prior, uniformly faster or slower by the median of the ratios, a little drawn to 1."""
    ratio = float(np.median(np.log(y / np.maximum(x @ prior, 1e-3))))
    return prior * math.exp(float(np.clip(ratio * len(y) / (len(y) + 0.5), -math.log(2.5), math.log(2.5))))


def _fitted(prior: _Array, x: _Array, y: _Array) -> _Array:
    base = _scaled(prior, x, y)
    spread = 0.5 * base + 0.005
    low, high = (prior * edge for edge in _EDGES)
    a, target = x / y[:, None], np.ones(len(y))
    weights = np.ones(len(y))
    free = np.ones(len(base), bool)
    result = base.copy()
    for _ in range(12):
        rows = a[:, free] * weights[:, None]
        left = rows.T @ a[:, free] / _NOISE**2 + np.diag(1 / spread[free] ** 2)
        rest = target - a[:, ~free] @ result[~free]
        right = rows.T @ rest / _NOISE**2 + base[free] / spread[free] ** 2
        result[free] = np.linalg.solve(left, right)
        outside = (result < low) | (result > high)
        if outside.any():
            free &= ~outside
            result = np.clip(result, low, high)
            continue
        off = np.abs(target - a @ result)
        scale = max(_NOISE / 2, 1.4826 * float(np.median(off)))
        weights = np.minimum(1.0, 1.345 * scale / np.maximum(off, 1e-9))
    total = float(np.median(x @ result / np.maximum(x @ prior, 1e-3)))
    bounded: _Array = np.clip(result * (min(max(total, 0.4), 2.5) / total), low, high)
    return bounded


def pace(segments: Iterable[Segment], model: DurationModel) -> dict[str, float]:
    """Speaker -> how much longer than ordinary he takes: 1.2 speaks slowly, 0.8 fast; between 0.7 and 1.4.

    The median of real / predicted length over the speaker's segments, in the language that they are spoken
    in (`model` is that language's). With few lines it is drawn to 1: four lines count half. Lines of a single
    syllable, and lines without text or length, tell nothing.
    """
    ratios: dict[str, list[float]] = defaultdict(list)
    for segment in segments:
        spent = segment.end - segment.start
        if spent <= 0 or features(segment.text, model.language)[0] < 2:
            ratios[segment.speaker] += []
            continue
        ratios[segment.speaker].append(math.log(spent / max(model.seconds(segment.text), 0.05)))
    paces = {}
    for speaker, logs in ratios.items():
        middle = statistics.median(logs) * len(logs) / (len(logs) + _SHRINK) if logs else 0.0
        paces[speaker] = round(min(max(math.exp(middle), QUICK), SLOW), 4)
    return paces

"""Text that is already there, put on the sound: subtitles or a script, aligned to what a recognizer heard.

    aligned = align(read_cues(path), words)                  # words from a recognizer
    aligned = tuple(snap(cue, speech) for cue in aligned)

The text stays the author's to the letter; only times come from the recognizer. Texts are compared without
case, accents and punctuation, by least edit distance (Wagner and Fischer 1974, in linear space after
Hirschberg 1975).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import UNSET, UnsetType, structs
from numpy.typing import NDArray

from dubline.errors import InvalidJob
from dubline.media.speech import Speech
from dubline.recognition.given_cues import Cue
from dubline.recognition.sound_edges import REACH, sound_edge
from dubline.recognition.stretches import quiet_place
from dubline.recognition.words import likely_length, shared_out
from dubline.report import Report, silent
from dubline.values.base import Value
from dubline.values.transcript import HeardWord

STEM = 4
"""Words that begin with the same letters, this many, are taken for forms of one word."""
LIKE, UNLIKE = 0.4, 1.5
"""What it costs to take a word for another form of it, and for another word; to leave one out costs 1."""
CELLS = 1 << 22
"""Largest table that is kept whole, in cells of a byte."""
ROOM = 0.5
"""Seconds on each side of a cue in which its text is looked for."""
BORDER = 0.05
"""Seconds. Text that is aligned this near to the border of what was looked at has run against it."""


class AlignedCue(Value, frozen=True):
    """A cue with its words on the sound. `matched` is the share of its words that were heard, 0..1: with a
    low one the times are the cue's own, or guesses between its neighbours."""

    start: float
    end: float
    text: str
    words: tuple[HeardWord, ...]
    matched: float
    speaker: str = ""
    more: dict[str, Any] | UnsetType = UNSET


def placed_cue(
    cue: Cue, start: float, end: float, words: tuple[HeardWord, ...], *, matched: float = 1.0
) -> AlignedCue:
    """A cue in its place."""
    return AlignedCue(
        start=start,
        end=end,
        text=cue.text,
        words=words,
        matched=matched,
        speaker=cue.speaker,
        more=cue.more,
    )


def normal_tokens(text: str) -> list[str]:
    """The words of a text as they are compared: no case, no accents, no punctuation. Turkish dotless i
    counts as i. In scripts without spaces each letter is a word."""
    plain = "".join(
        "i" if c == "\u0131" else c
        for c in unicodedata.normalize("NFKD", text).casefold()
        if not unicodedata.combining(c) and c not in "'\u2019\u02bc"
    )
    tokens, word = [], ""
    for c in plain + " ":
        wide = "\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u9fff"
        if c.isalnum() and not wide:
            word += c
            continue
        if word:
            tokens.append(word)
            word = ""
        if wide:
            tokens.append(c)
    return tokens


def align(cues: Sequence[Cue], words: Sequence[HeardWord]) -> tuple[AlignedCue, ...]:
    """Cues in their order, with times from the recognised words, which are in the order they were heard.

    A cue of which less than a third was heard keeps its own times where it has some.

    Raises:
        InvalidJob: nothing fits: no word of the text was heard, and the cues have no times.
    """
    written: list[tuple[str, int, int]] = []  # (token, cue, word in the cue)
    texts = [cue.text.split() for cue in cues]
    for number, parts in enumerate(texts):
        for place, part in enumerate(parts):
            written += [(token, number, place) for token in normal_tokens(part)]
    heard = [(token, word) for word in words if word.start is not None for token in normal_tokens(word.text)]
    pairs = match([w[0] for w in written], [h[0] for h in heard])
    if cues and not pairs and any(cue.start is None for cue in cues):
        raise InvalidJob(
            "none of the text was heard in the sound",
            hint="Check that text and sound belong together and are in one language.",
        )
    spans: list[list[HeardWord | None]] = [[None] * len(parts) for parts in texts]
    tokens = [[0, 0] for _ in cues]  # heard, all
    for _, number, _ in written:
        tokens[number][1] += 1
    for i, j in pairs:
        _, number, place = written[i]
        tokens[number][0] += 1
        word, before = heard[j][1], spans[number][place]
        start = word.start if before is None else before.start
        spans[number][place] = HeardWord(
            text=texts[number][place], start=start, end=word.end, confidence=word.confidence
        )
    shares = [hit / total if total else 0.0 for hit, total in tokens]
    edges = _cue_edges(cues, spans, shares)
    aligned = []
    for number, cue in enumerate(cues):
        start, end = edges[number]
        kept = spans[number] if shares[number] >= 1 / 3 else [None] * len(texts[number])
        aligned.append(
            placed_cue(cue, start, end, _fill(texts[number], kept, start, end), matched=shares[number])
        )
    return tuple(aligned)


def _cue_edges(
    cues: Sequence[Cue], spans: list[list[HeardWord | None]], shares: list[float]
) -> list[tuple[float, float]]:
    """Start and end of every cue: from its words, else its own, else between its neighbours."""
    known: list[tuple[float, float] | None] = []
    for cue, words, share in zip(cues, spans, shares, strict=True):
        hits = [(i, w) for i, w in enumerate(words) if w is not None]
        if hits and share >= 1 / 3:
            (first, one), (last, other) = hits[0], hits[-1]
            texts = cue.text.split()
            lead = sum(likely_length(t) for t in texts[:first]) / 1000
            tail = sum(likely_length(t) for t in texts[last + 1 :]) / 1000
            start, end = one.start or 0.0, other.end if other.end is not None else other.start or 0.0
            known.append((max(0.0, start - lead), max(end, start) + tail))
        elif cue.start is not None and cue.end is not None:
            known.append((cue.start, cue.end))
        else:
            known.append(None)
    for index, span in enumerate(known):
        if span is not None:
            continue
        last = index
        while last < len(known) and known[last] is None:
            last += 1
        lengths = [max(likely_length(cues[i].text), 1) / 1000 for i in range(index, last)]
        before = known[index - 1]
        low = before[1] if index and before else 0.0
        after = known[last] if last < len(known) else None
        high = max(low, after[0]) if after else low + sum(lengths)
        known[index:last] = shared_out(low, high, lengths)
    return [span for span in known if span is not None]


def _fill(
    texts: Sequence[str], heard: Sequence[HeardWord | None], start: float, end: float
) -> tuple[HeardWord, ...]:
    """All words of a cue: those not heard share the time between those that were, marked as estimated."""
    filled: list[HeardWord] = []
    index = 0
    while index < len(texts):
        word = heard[index]
        if word is not None:
            filled.append(word)
            index += 1
            continue
        last = index
        while last < len(texts) and heard[last] is None:
            last += 1
        after = heard[last] if last < len(texts) else None
        low = max(start, filled[-1].end or start) if filled else start
        high = max(low, after.start if after is not None and after.start is not None else end)
        lengths = [likely_length(text) for text in texts[index:last]]
        for text, (begin, stop) in zip(texts[index:last], shared_out(low, high, lengths), strict=True):
            filled.append(HeardWord(text=text, start=begin, end=stop, estimated=True))
        index = last
    return tuple(filled)


# --- least edit distance -----------------------------------------------------------------------


def match(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (i, j) of words that are the same or forms of one, in order, on a cheapest way from a to b.

    Time grows with len(a) * len(b), memory with their sum.
    """
    numbers = {word: n for n, word in enumerate(dict.fromkeys([*a, *b]))}
    stems = {stem: n for n, stem in enumerate(dict.fromkeys(w[:STEM] for w in numbers))}

    def encoded(words: Sequence[str]) -> NDArray[np.int64]:
        rows = [(numbers[w], stems[w[:STEM]] if len(w) >= STEM else -1 - numbers[w]) for w in words]
        return np.array(rows, np.int64).reshape(-1, 2)

    return _match(encoded(a), encoded(b), 0, 0)


def _costs(word: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    cost: NDArray[np.float64] = np.where(b[:, 1] == word[1], LIKE, UNLIKE)
    cost[b[:, 0] == word[0]] = 0.0
    return cost


def _rows(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """The last row of the table of distances."""
    steps = np.arange(len(b) + 1, dtype=np.float64)
    row: NDArray[np.float64] = steps.copy()
    for word in a:
        new = row + 1
        np.minimum(new[1:], row[:-1] + _costs(word, b), out=new[1:])
        row = np.minimum.accumulate(new - steps) + steps
    return row


def _match(a: NDArray[np.int64], b: NDArray[np.int64], i: int, j: int) -> list[tuple[int, int]]:
    if not len(a) or not len(b):
        return []
    if len(a) * len(b) > CELLS and len(a) > 1:
        half = len(a) // 2
        cost = _rows(a[:half], b) + _rows(a[half:][::-1], b[::-1])[::-1]
        cut = int(cost.argmin())
        return _match(a[:half], b[:cut], i, j) + _match(a[half:], b[cut:], i + half, j + cut)
    steps = np.arange(len(b) + 1, dtype=np.float64)
    row = steps.copy()
    moves = np.zeros((len(a), len(b) + 1), np.int8)  # 1 from above, 2 from the left, 3 unlike, 4 a pair
    for n, word in enumerate(a):
        new, substitution = row + 1, _costs(word, b)
        move = moves[n]
        move[:] = 1
        diagonal = row[:-1] + substitution
        better = diagonal <= new[1:]
        new[1:][better] = diagonal[better]
        move[1:][better] = np.where(substitution[better] < UNLIKE, 4, 3)
        row = np.minimum.accumulate(new - steps) + steps
        move[row < new - 1e-9] = 2
    pairs = []
    n, m = len(a), len(b)
    while n and m:
        move = int(moves[n - 1, m])
        if move == 4:
            pairs.append((i + n - 1, j + m - 1))
        n, m = n - (move != 2), m - (move != 1)
    return pairs[::-1]


# --- edges of the sound --------------------------------------------------------------------------


def snap(cue: AlignedCue, speech: Speech, *, reach: float = REACH) -> AlignedCue:
    """The cue with its start and end moved to where the sound begins and ends, at most `reach` seconds.

    An edge stays where it is when no pause is near it: somebody else speaks there, or the speech goes on.
    """
    start = sound_edge(speech, cue.start, reach=reach, rising=True)
    end = sound_edge(speech, cue.end, reach=reach, rising=False)
    if not start < end:
        return cue
    words = list(cue.words)
    if words and (words[0].end is None or start < words[0].end):
        words[0] = structs.replace(words[0], start=start)
    if words and (words[-1].start is None or words[-1].start < end):
        words[-1] = structs.replace(words[-1], end=end)
    return structs.replace(cue, start=start, end=end, words=tuple(words))


# --- known text on the sound ---------------------------------------------------------------------


def align_spoken(
    cues: Sequence[Cue], speech: Speech, *, report: Report = silent
) -> tuple[AlignedCue | None, ...]:
    """English cues that have times, each put on its own sound by forced alignment with PocketSphinx.

    Looked at is the cue's time with half a second on each side, but nothing of its neighbours' inner time.
    None stands for a cue whose text does not fit its sound. `report` counts seconds of the sound.

    Raises:
        InvalidJob: a cue has no times, or lasts longer than 60 s.
    """
    from dubline.backends.recognizers.pocketsphinx import alignment_decoder

    for cue in cues:
        if cue.start is None or cue.end is None or not 0 < cue.end - cue.start <= 60:
            raise InvalidJob(
                f"the cue {cue.text[:40]!r} has no times to look at",
                hint="Give cues with times, at most 60 s each, or use `align` with recognised words.",
            )
    times = [(cue.start or 0.0, cue.end or 0.0) for cue in cues]
    inner = [(before[1], after[0]) for before, after in pairwise(times)]
    decoder = alignment_decoder()
    aligned: list[AlignedCue | None] = []
    for number, (cue, (start, end)) in enumerate(zip(cues, times, strict=True)):
        report(min(start, speech.duration), speech.duration)
        low = max(0.0, start - ROOM, min(inner[number - 1][0], start) if number else 0.0)
        after = max(inner[number][1], end) if number < len(inner) else math.inf
        high = min(speech.duration, end + ROOM, after)
        parts = [part for part in cue.text.split() if normal_tokens(part)]
        spans = _spoken_spans(parts, speech, low, high, decoder)
        if spans is None:
            aligned.append(None)
            continue
        words = tuple(HeardWord(text=p, start=a, end=b) for p, (a, b) in zip(parts, spans, strict=True))
        aligned.append(placed_cue(cue, spans[0][0], spans[-1][1], words))
    return tuple(aligned)


def _spoken_spans(
    words: Sequence[str], speech: Speech, low: float, high: float, decoder: Any
) -> tuple[tuple[float, float], ...] | None:
    """`align_words` between two times, in seconds of the sound.

    A word at the very border has most likely swallowed what somebody else says there: then the border
    moves to the longest pause inside that word, and all is aligned anew.
    """
    from dubline.backends.recognizers.pocketsphinx import align_words

    best = None
    for _ in range(3):
        first = round(low * speech.rate)
        spans = align_words(speech.read(first, round(high * speech.rate)), words, decoder=decoder)
        if spans is None:
            return best
        offset = first / speech.rate
        best = tuple((offset + start, offset + end) for start, end in spans)
        tight = low, high
        if best[0][0] - low < BORDER and best[0][1] - low > 2 * BORDER:
            low = quiet_place(speech, low, best[0][1])
        if high - best[-1][1] < BORDER and high - best[-1][0] > 2 * BORDER:
            high = quiet_place(speech, best[-1][0], high)
        if (low, high) == tight or high - low < 0.1:
            return best
    return best

"""Words get sound times and a speaker.

Inside this package times are whole milliseconds. Nothing here changes a word's text.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from dubline.errors import InvalidJob
from dubline.language.script import continues, ends_sentence
from dubline.timebase import merged
from dubline.values.transcript import UNKNOWN, DroppedSegment, HeardWord, Turn, milliseconds

PER_LETTER = 60
"""Milliseconds that a letter is given where a word has no times: about 16 letters a second."""
PER_DIGIT = 250
"""Milliseconds for a digit: it is spoken as a whole word."""
PER_WIDE_LETTER = 180
"""Milliseconds for a letter of a script whose letters are syllables."""
BEYOND = 1000
"""Words up to this far outside the programme are brought inside it; farther ones are dropped."""
STEP_BACK = 1000
"""One speaker's words may step back in time by this much and keep the order in which they were read."""
DRAWN_OUT = (2000, 250, 8000)
"""A word lasts at most this plus this per letter, and never longer than the last: recognizers stretch the
word before a silence over it. Whisper too finds words over 2 s odd (`word_anomaly_score`, transcribe.py)."""
COVERED = 0.8
"""A word with this share inside a turn is surely inside it."""
BREATHLESS, NEAR_BORDER = 200, 500
"""A word inside a turn may still belong to the sentence next door if the pause to it is this short and the
border of the turn this near: what diarizers misplace."""


@dataclass(slots=True, eq=False)
class TimedWord:
    """A word on its way to a segment. `share` is how much of it lies in turns of its speaker, 0..1, and
    `turn` the one of them that it shares most with. `language`: "" is the programme's."""

    text: str
    start: int
    end: int
    confidence: float | None
    speaker: str | None
    estimated: bool = False
    share: float = 1.0
    turn: tuple[int, int] | None = None
    language: str = ""
    doubt: str = ""


# --- times -------------------------------------------------------------------------------------


def likely_length(text: str) -> int:
    """How long a text takes to say, in milliseconds; a rule of thumb for words without times."""
    total = 0
    for letter in text:
        if letter.isdigit():
            total += PER_DIGIT
        elif letter.isalpha():
            total += (
                PER_WIDE_LETTER
                if "\u3040" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3"
                else PER_LETTER
            )
    return min(max(total, PER_LETTER), DRAWN_OUT[2])


def shared_out(low: float, high: float, lengths: Sequence[float]) -> list[tuple[float, float]]:
    """The time from `low` to `high` as spans that follow each other, in proportion to these lengths."""
    whole = sum(lengths)
    borders = [low + (high - low) * x / whole for x in accumulate(lengths, initial=0)]
    return list(pairwise(borders))


def spread(texts: Sequence[str], start: float, end: float) -> tuple[HeardWord, ...]:
    """Words for a text of which only the whole's times are known, each as long as its letters ask for.

    `start` and `end` are seconds. The words are marked `estimated`.

    Raises:
        InvalidJob: the end is not after the start.
    """
    if not -math.inf < start < end < math.inf:
        raise InvalidJob(f"a passage from {start} s to {end} s", hint="Its end must lie after its start.")
    spans = shared_out(start, end, [likely_length(text) for text in texts]) if texts else []
    return tuple(
        HeardWord(text=text, start=first, end=last, estimated=True)
        for text, (first, last) in zip(texts, spans, strict=True)
    )


def timed_words(words: Iterable[HeardWord], duration: int) -> tuple[list[TimedWord], list[DroppedSegment]]:
    """Words with both times, inside 0..`duration` ms, none reversed; and those that cannot be placed.

    Reversed times are swapped, missing ones (None, NaN, infinite) filled in between the neighbours, times
    a little outside the programme brought inside, drawn out words shortened. What was changed is marked
    `estimated`. Words of no length stay so until `in_order`.
    """
    placed: list[tuple[HeardWord, int | None, int | None, bool]] = []
    dropped = []
    for word in words:
        start, end = _known(word.start), _known(word.end)
        if not word.text.strip():
            dropped.append(_left_out("empty", word, "the word has no text"))
            continue
        if max(start or 0, end or 0) > duration + BEYOND or min(start or 0, end or 0) < -BEYOND:
            detail = f"it lies outside the programme's {duration / 1000:.3f} s"
            dropped.append(_left_out("outside_programme", word, detail))
            continue
        changed = word.estimated or start is None or end is None
        if start is not None and end is not None and end < start:
            start, end, changed = end, start, True
        inside = [None if t is None else min(max(t, 0), duration) for t in (start, end)]
        placed.append((word, inside[0], inside[1], changed or inside != [start, end]))
    streams: dict[Any, list[int]] = defaultdict(list)
    for index, (word, *_) in enumerate(placed):
        streams[word.speaker, word.language].append(index)
    times: list[tuple[int, int]] = [(0, 0)] * len(placed)
    for indices in streams.values():
        spans = _filled([placed[i] for i in indices], duration)
        for index, span in zip(indices, spans, strict=True):
            times[index] = span
    timed = []
    for (word, _, _, changed), (start, end) in zip(placed, times, strict=True):
        least, letter, most = DRAWN_OUT
        longest = min(least + letter * len(word.text.strip()), most)
        timed.append(
            TimedWord(
                text=word.text,
                start=start,
                end=min(end, start + longest),
                confidence=_confidence(word.confidence),
                speaker=word.speaker,
                estimated=changed or end - start > longest,
                language=word.language or "",
                doubt=word.doubt,
            )
        )
    return timed, dropped


def _known(seconds: float | None) -> int | None:
    return None if seconds is None or not math.isfinite(seconds) else milliseconds(seconds)


def _confidence(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else min(max(value, 0.0), 1.0)


def _left_out(reason: str, word: HeardWord, detail: str) -> DroppedSegment:
    finite = [t if t is not None and math.isfinite(t) else None for t in (word.start, word.end)]
    return DroppedSegment(
        reason=reason, text=word.text, start=finite[0], end=finite[1], detail=detail, words=(word,)
    )


def _filled(
    words: list[tuple[HeardWord, int | None, int | None, bool]], duration: int
) -> list[tuple[int, int]]:
    """Both times of every word of one stream. Words with one time get the other from their likely length,
    words with none share the gap between their neighbours; of a gap much longer than they need, they take
    the first part."""
    following: list[int | None] = [None] * (len(words) + 1)  # the next known start (or end) from here on
    for index in range(len(words) - 1, -1, -1):
        _, start, end, _ = words[index]
        known = start if start is not None else end
        following[index] = known if known is not None else following[index + 1]
    spans: list[tuple[int, int]] = []
    index, before = 0, None
    while index < len(words):
        word, start, end, _ = words[index]
        length = likely_length(word.text)
        if start is not None or end is not None:
            if start is None and end is not None:
                lowest = before if before is not None and before <= end else 0
                start = max(end - length, lowest)
            if start is not None and end is None:
                after = following[index + 1]
                highest = after if after is not None and after >= start else duration
                end = min(start + length, highest)
            assert start is not None and end is not None
            spans.append((start, end))
            before = end
            index += 1
            continue
        last = index
        while last < len(words) and words[last][1] is None and words[last][2] is None:
            last += 1
        lengths = [likely_length(words[i][0].text) for i in range(index, last)]
        needed, after = sum(lengths), following[last]
        if before is not None:
            low = before
            high = max(low, after) if after is not None else duration
            high = high if high - low <= 2 * needed else low + needed
        else:
            high = after if after is not None else min(duration, needed)
            low = max(0, high - needed)
        at = 0
        for one in lengths:
            spans.append((low + (high - low) * at // needed, low + (high - low) * (at + one) // needed))
            at += one
        index, before = last, high
    return spans


def in_order(words: list[TimedWord], duration: int) -> tuple[list[TimedWord], list[TimedWord]]:
    """One speaker's words with 0 <= start < end <= next start <= `duration`, and those without room.

    They keep the order in which they came, unless it steps back by more than `STEP_BACK`: then they are put
    in order of time. A word is cut where the next begins; one without length is given its likely length as
    far as there is room.
    """
    if any(b.start < a.start - STEP_BACK for a, b in pairwise(words)):
        words = sorted(words, key=lambda w: (w.start, w.end))
    words, without = words[:duration], words[duration:]
    starts: list[int] = []
    for word in words:
        starts.append(max(word.start, starts[-1] + 1) if starts else word.start)
    # What was pushed past the end goes back as far as it must; a millisecond is the least a word can have.
    starts = [min(start, duration - len(starts) + index) for index, start in enumerate(starts)]
    for word, start, limit in zip(words, starts, [*starts, duration][1:], strict=True):
        end = word.end if word.end > start else start + likely_length(word.text)
        end = min(end, limit)
        word.estimated |= (word.start, word.end) != (start, end)
        word.start, word.end = start, end
    return words, without


# --- speakers ----------------------------------------------------------------------------------


def turns_in_order(turns: Iterable[Turn]) -> list[tuple[int, int, str]]:
    """Turns in milliseconds by start, those of one speaker merged where they touch, empty ones left out.

    Raises:
        InvalidJob: a turn ends before it begins, has no number for a time, or no speaker.
    """
    spoken: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for turn in turns:
        if not -math.inf < turn.start <= turn.end < math.inf or not turn.speaker:
            raise InvalidJob(
                f"a turn of {turn.speaker!r} from {turn.start} s to {turn.end} s",
                hint="A turn needs a speaker, and ends after it begins. Fix the diarization.",
            )
        spoken[turn.speaker].append((milliseconds(turn.start), milliseconds(turn.end)))
    return sorted(
        (start, end, speaker)
        for speaker, spans in spoken.items()
        for start, end in merged(span for span in spans if span[0] < span[1])
    )


def assign(words: list[TimedWord], turns: list[tuple[int, int, str]], tolerance: int) -> None:
    """Give each word without a speaker one, from `turns_in_order`.

    The turn that a word overlaps most has it. Where several cover it, people talk at once, and it goes to
    the voice that it follows most closely. Outside all turns the nearest within `tolerance` ms has it, else
    nobody (`UNKNOWN`). Last, a stray word at a border joins the sentence that it belongs to.
    """
    timeline = sorted(words, key=lambda w: (w.start, w.end))
    active: list[tuple[int, int, str]] = []
    coming = 0
    left: tuple[int, str] | None = None  # the latest end among turns that lie behind, and whose it is
    heard: dict[str, int] = {}  # per speaker the end of the last word
    for word in timeline:
        stop = max(word.end, word.start + 1)
        while coming < len(turns) and turns[coming][0] < stop:
            active.append(turns[coming])
            coming += 1
        for turn in active:
            if turn[1] <= word.start and (left is None or turn[1] > left[0]):
                left = (turn[1], turn[2])
        active = [turn for turn in active if turn[1] > word.start]
        if word.speaker is None:
            _assign_one(
                word, stop, active, turns[coming] if coming < len(turns) else None, left, heard, tolerance
            )
        assert word.speaker is not None
        heard[word.speaker] = max(heard.get(word.speaker, 0), word.end)
    _gather_strays(timeline, tolerance)


def _assign_one(
    word: TimedWord,
    stop: int,
    active: list[tuple[int, int, str]],
    coming: tuple[int, int, str] | None,
    left: tuple[int, str] | None,
    heard: dict[str, int],
    tolerance: int,
) -> None:
    cover: dict[str, int] = defaultdict(int)
    best: dict[str, tuple[int, int, int]] = {}
    for start, end, speaker in active:
        shared = min(stop, end) - max(word.start, start)
        if shared > 0:
            cover[speaker] += shared
            best[speaker] = max(best.get(speaker, (0, 0, 0)), (shared, start, end))
    if cover:
        enough = min(max(cover.values()), COVERED * (stop - word.start))
        rivals = [speaker for speaker, shared in cover.items() if shared >= enough]

        def away(speaker: str) -> tuple[int, int, str]:
            since = max(heard.get(speaker, best[speaker][1]), best[speaker][1])
            return abs(word.start - since), -best[speaker][1], speaker

        word.speaker = min(rivals, key=away)
        word.share = cover[word.speaker] / (stop - word.start)
        word.turn = best[word.speaker][1:]
        return
    near: list[tuple[int, int, str]] = []
    if left is not None:
        near.append((word.start - left[0], 0, left[1]))
    near += [(start - stop, 1, speaker) for start, _, speaker in [*active, *([coming] if coming else [])]]
    distance, _, speaker = min(near, default=(tolerance + 1, 0, UNKNOWN))
    word.speaker = speaker if distance <= tolerance else UNKNOWN
    word.share = 0.0


def _gather_strays(words: list[TimedWord], tolerance: int) -> None:
    """Single words cut off from their sentence by a border that lies a little wrong go back to it.

    A word moves only to the one before or after it, and only if it continues that sentence, leaves no other
    behind, and its own turn does not clearly claim it: see `COVERED`, `BREATHLESS` and `NEAR_BORDER`.
    """
    first = [word.speaker for word in words]
    for index, word in enumerate(words):
        if word.turn is None and word.share == 1.0:
            continue  # the recognizer knows who said it
        before = words[index - 1] if index else None
        after = words[index + 1] if index + 1 < len(words) else None
        ends_here = after is None or ends_sentence(word.text, after.text)
        begins_here = before is None or ends_sentence(before.text, word.text)
        if before is not None and first[index - 1] not in (first[index], UNKNOWN) and not begins_here:
            alone = ends_here or (after is not None and first[index + 1] == first[index - 1])
            edge = word.end - word.turn[0] if word.turn else 0
            marked = ends_sentence(word.text, after.text if after else "")
            if alone and _joins(before, word, word, edge, marked, tolerance):
                word.speaker = first[index - 1]
                continue
        if after is not None and first[index + 1] not in (first[index], UNKNOWN) and not ends_here:
            alone = begins_here or (before is not None and first[index - 1] == first[index + 1])
            edge = word.turn[1] - word.start if word.turn else 0
            marked = before is not None and begins_here
            if alone and _joins(word, after, word, edge, marked, tolerance):
                word.speaker = first[index + 1]


def _joins(a: TimedWord, b: TimedWord, stray: TimedWord, edge: int, marked: bool, tolerance: int) -> bool:
    """Whether `b` goes on with the sentence of `a`, of which one is the stray; `edge` is how far its other
    side lies from the border of its turn, `told` that a mark ends (or begins) a sentence with it."""
    pause = max(0, b.start - a.end)
    if stray.share < COVERED:
        return pause <= tolerance
    return marked and continues(b.text) and pause <= BREATHLESS and edge <= NEAR_BORDER

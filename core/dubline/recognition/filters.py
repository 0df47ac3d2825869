# ruff: noqa: RUF001 - Turkish has a dotless i
"""What a recognizer made up: text for music, silence and noise.

Recognizers of the Whisper family write credits and farewells over silence, repeat a line for minutes, or
cram sentences into a blink. Each rule here needs evidence, each dropped word keeps its reason, and one law
stands above the rules: **a confident word inside speech is never dropped**, whatever it says.

Sources: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 4.5,
and `whisper/transcribe.py` for the compression ratio (2.4), the mean log probability (-1.0) and the
probability of no speech (0.6). The other figures are ours: they are options, and cautious ones.
"""

from __future__ import annotations

import math
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from dubline.errors import InvalidJob
from dubline.language.script import base_language, carry_spaces, ends_sentence, joined
from dubline.recognition.intervals import Intervals
from dubline.values.base import Value
from dubline.values.media import Line
from dubline.values.transcript import DroppedSegment, HeardWord

LONGEST_LOOP = 16
"""Loops of up to this many words are looked for."""

CREDITS = {
    "tr": (
        "altyazı m k",
        "çeviri ve altyazı m k",
        "altyazı ve çeviri m k",
        "bu dizinin betimlemesi trt tarafından sesli betimleme derneğine yaptırılmıştır",
        "bu dizinin betimlemesi trt tarafından sesli betimleme derneği'ne yaptırılmıştır",
    ),
    "en": (
        "subtitles by the amara org community",
        "subtitles by the amara community",
        "transcription by castingwords",
        "transcribed by https otter ai",
    ),
}
"""Credits of subtitle files, which nobody says in a film. Reported as Whisper's text for silence, the first
for Turkish in openai/whisper 2412."""

FAREWELLS = {
    "tr": (
        "izlediğiniz için teşekkürler",
        "izlediğiniz için teşekkür ederim",
        "izlediğiniz için teşekkür ederiz",
        "abone olmayı unutmayın",
        "kanalıma abone olmayı unutmayın",
        "beğenmeyi ve abone olmayı unutmayın",
        "bir sonraki videoda görüşmek üzere",
        "hoşça kalın",
    ),
    "en": (
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "thank you very much for watching",
        "please subscribe to my channel",
        "please subscribe",
        "like and subscribe",
        "don't forget to subscribe",
        "don't forget to like and subscribe",
        "see you in the next video",
        "i'll see you in the next video",
        "thank you",
        "bye",
        "bye bye",
        "you",
    ),
}
"""What a film may well say: dropped only where there is no speech, or little trust in it. Reported as well,
"Abone olmayı unutmayın" for one in Vexa-ai/vexa 619, "Thank you for watching" in woheller69/whisperIME 57."""


class FilterRules(Value, frozen=True):
    """When words are dropped. A word is confident from `confident` up, and inside speech where the voice
    detector hears speech in at least `inside` of it.

    `silent_share` of speech or less is silence, farther than `margin` seconds from any; there a word is
    kept only if it is `certain`. `repeats` are the copies of a loop that are believed, for loops of one
    word, of two, and of more. `fastest` is in words a second, over `fast_words` words in a row.
    """

    confident: float = 0.6
    certain: float = 0.9
    inside: float = 0.5
    silent_share: float = 0.1
    margin: float = 0.5
    no_speech: float = 0.6
    log_probability: float = -1.0
    compression: float = 2.4
    repeats: tuple[int, int, int] = (8, 5, 3)
    fastest: float = 12.0
    fast_words: int = 6

    def __post_init__(self) -> None:
        shares = (self.confident, self.certain, self.inside, self.silent_share, self.no_speech)
        if not all(0 <= share <= 1 for share in shares) or not self.inside > 0:
            raise InvalidJob("a share or probability is not between 0 and 1", hint="Fix the filter's rules.")
        if min(self.repeats) < 1 or self.fast_words < 2 or not self.fastest > 0 or not self.margin >= 0:
            raise InvalidJob(
                "the filter counts less than one",
                hint="Repeats from 1, words in a row from 2, a speed above 0.",
            )


class Passage(Value, frozen=True):
    """What a recognizer decoded at once (a Whisper segment), in reading order.

    `start` and `end` in seconds stand in for words without times. `no_speech` is the probability that nobody
    speaks, `log_probability` the mean over the passage's tokens; None where the recognizer tells neither.
    `language` is what was heard in it.
    """

    words: tuple[HeardWord, ...]
    start: float | None = None
    end: float | None = None
    no_speech: float | None = None
    log_probability: float | None = None
    language: str = ""


class Filtered(Value, frozen=True):
    """Words to go on with, in reading order, and what was left out. Together they are all words given."""

    kept: tuple[HeardWord, ...]
    dropped: tuple[DroppedSegment, ...] = ()


@dataclass(slots=True, eq=False)
class _Heard:
    """A word under judgement. `share` of it is speech (None: not known), `away` seconds from any."""

    word: HeardWord
    passage: int
    token: str
    start: float | None
    end: float | None
    share: float | None
    away: float
    safe: bool
    reason: str = ""
    detail: str = ""

    def drop(self, reason: str, detail: str) -> None:
        if not self.safe and not self.reason:
            self.reason, self.detail = reason, detail


def compression_ratio(text: str) -> float:
    """Length of a text's UTF-8 over its length when zlib has packed it; high for repetitions.

    As Whisper measures it; above 2.4 it takes a decoding for failed. 0 for an empty text.
    """
    data = text.encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data))


def plain(text: str) -> str:
    """A text for comparing: no case, no marks, and the dotted and dotless i are one letter."""
    folded = unicodedata.normalize(
        "NFKC", text.replace("I", "i").replace("İ", "i").replace("ı", "i")
    ).casefold()
    letters = (c for c in folded.replace("\u2019", "'") if not unicodedata.combining(c))
    spaced = "".join(c if c.isalnum() or c == "'" else " " for c in letters)
    return " ".join(spaced.split())


def filter_passages(
    passages: Sequence[Passage],
    speech: Iterable[Line] | None = None,
    *,
    language: str = "",
    rules: FilterRules | None = None,
) -> Filtered:
    """Take out what was made up.

    `speech` is what a voice detector heard, None without one; then silence cannot be judged, no word counts
    as inside speech, and a passage's own figures and its text decide. `language` chooses the table of known
    phrases (`CREDITS`, `FAREWELLS`); without one all are used.

    Raises:
        InvalidJob: a time of `speech` ends before it begins.
    """
    rules = rules or FilterRules()
    spoken = None if speech is None else Intervals((line.start, line.end) for line in speech)
    heard: list[_Heard] = []
    parts: list[list[_Heard]] = []
    for number, passage in enumerate(passages):
        part = [_judged(word, number, passage, spoken, rules) for word in passage.words]
        heard += part
        parts.append(part)
    for passage, part in zip(passages, parts, strict=True):
        if part:
            _no_speech(part, passage, rules)
            _boilerplate(part, passage, language, rules)
            _silence(part, rules)
            _too_fast(part, rules)
    loops = _loops([h.token for h in heard], rules)
    for first, last, size in loops:
        detail = f"{size} word{'s' if size > 1 else ''} repeated {(last - first) // size} times"
        for one in heard[first + size : last]:
            one.drop("repetition", detail)
    for part in parts:
        if part:
            _packed(part, rules)
    return Filtered(kept=tuple(h.word for h in heard if not h.reason), dropped=tuple(_gathered(heard)))


def _judged(
    word: HeardWord, number: int, passage: Passage, spoken: Intervals | None, rules: FilterRules
) -> _Heard:
    start, end = _finite(word.start), _finite(word.end)
    if start is None or end is None:
        known = [t for t in (start, end) if t is not None]
        start, end = (known[0], known[0]) if known else (_finite(passage.start), _finite(passage.end))
    if start is not None and end is not None and end < start:
        start, end = end, start
    share, away = None, 0.0
    if spoken is not None and start is not None and end is not None:
        share, away = spoken.share(start, end), spoken.distance(start, end)
    sure = word.confidence is not None and word.confidence >= rules.confident
    return _Heard(
        word=word,
        passage=number,
        token=plain(word.text),
        start=start,
        end=end,
        share=share,
        away=away,
        safe=sure and share is not None and share >= rules.inside,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _trusted(one: _Heard, least: float) -> bool:
    return one.word.confidence is not None and one.word.confidence >= least


# --- the rules -----------------------------------------------------------------------------------


def _no_speech(part: list[_Heard], passage: Passage, rules: FilterRules) -> None:
    """Whisper's own: probably no speech, and the words are a poor guess."""
    if passage.no_speech is None or not passage.no_speech > rules.no_speech:
        return
    likely = passage.log_probability
    if likely is None:
        known = [h.word.confidence for h in part if h.word.confidence is not None]
        likely = math.fsum(math.log(max(c, 1e-9)) for c in known) / len(known) if known else None
    if likely is not None and likely < rules.log_probability:
        for one in part:
            one.drop(
                "no_speech",
                f"no speech with probability {passage.no_speech:.2f}, mean log probability {likely:.2f}",
            )


def _silence(part: list[_Heard], rules: FilterRules) -> None:
    for one in part:
        quiet = one.share is not None and one.share <= rules.silent_share and one.away > rules.margin
        if quiet and not _trusted(one, rules.certain):
            one.drop("silence", f"no speech within {rules.margin:g} s")


def _boilerplate(part: list[_Heard], passage: Passage, language: str, rules: FilterRules) -> None:
    """Known phrases that fill a sentence of their own."""
    sentences, first = [part], 0
    for index, one in enumerate(part[:-1]):
        if ends_sentence(one.word.text, part[index + 1].word.text):
            sentences.append(part[first : index + 1])
            first = index + 1
    if first:
        sentences.append(part[first:])
    for sentence in sentences:
        kind = _known_phrase(" ".join(h.token for h in sentence if h.token), language)
        if kind and (kind == "credit" or not _spoken(sentence, passage, rules)):
            for one in sentence:
                one.drop("boilerplate", f"a known {kind}")


def _spoken(span: list[_Heard], passage: Passage, rules: FilterRules) -> bool:
    """Whether a phrase that people do say was said: there is speech under it or beside it, or, where that is
    not known, the recognizer is sure of it and not of silence."""
    shares = [h.share for h in span if h.share is not None]
    if shares:
        return (
            math.fsum(shares) / len(shares) > rules.silent_share or min(h.away for h in span) <= rules.margin
        )
    doubted = passage.no_speech is not None and passage.no_speech > rules.no_speech
    return not doubted and not any(
        h.word.confidence is not None and h.word.confidence < rules.confident for h in span
    )


def _known_phrase(text: str, language: str) -> str:
    base = base_language(language)
    for kind, table in (("credit", _CREDITS), ("farewell", _FAREWELLS)):
        for name, phrases in table.items():
            if base in ("", name) and text in phrases:
                return kind
    return ""


_CREDITS = {name: frozenset(map(plain, phrases)) for name, phrases in CREDITS.items()}
_FAREWELLS = {name: frozenset(map(plain, phrases)) for name, phrases in FAREWELLS.items()}


def _too_fast(part: list[_Heard], rules: FilterRules) -> None:
    """More words than a mouth can say. Sure words are kept: there the times are wrong, not the text."""
    count = rules.fast_words
    for first in range(len(part) - count + 1):
        run = part[first : first + count]
        start, end = run[0].start, run[-1].end
        if start is None or end is None or any(h.word.start is None or h.word.end is None for h in run):
            continue
        if count > rules.fastest * max(end - start, 0.0):
            for one in run:
                if not _trusted(one, rules.confident):
                    one.drop("too_fast", f"{count} words in {max(end - start, 0.0):.2f} s")


def _packed(part: list[_Heard], rules: FilterRules) -> None:
    """Whisper's own, for what loops of whole words do not show (a syllable held for a minute)."""
    left = [h for h in part if not h.reason]
    texts = [h.word.text for h in left]
    ratio = compression_ratio(joined(texts, carry_spaces(texts)))
    if ratio > rules.compression:
        for one in left:
            if not _trusted(one, rules.confident):
                one.drop("repetition", f"compression ratio {ratio:.1f}, above {rules.compression:g}")


def _loops(tokens: list[str], rules: FilterRules) -> list[tuple[int, int, int]]:
    """Where `size` words are said over and over: (first, last + 1, size), shortest loops first."""
    loops = []
    for size in range(1, LONGEST_LOOP + 1):
        believed = rules.repeats[min(size, 3) - 1]
        run = 0  # words in a row that equal the one a loop's length before
        for index in range(size, len(tokens) + 1):
            if index < len(tokens) and tokens[index] and tokens[index] == tokens[index - size]:
                run += 1
                continue
            if run // size + 1 > believed:
                loops.append((index - run - size, index, size))
            run = 0
    return loops


def _gathered(heard: list[_Heard]) -> Iterable[DroppedSegment]:
    """Dropped words that stand together for the same reason, as one."""
    for (_, reason, detail), run in groupby(heard, key=lambda h: (h.passage, h.reason, h.detail)):
        if reason:
            words = list(run)
            texts = [h.word.text for h in words]
            yield DroppedSegment(
                reason=reason,
                text=joined(texts, carry_spaces(texts)),
                start=min((h.start for h in words if h.start is not None), default=None),
                end=max((h.end for h in words if h.end is not None), default=None),
                detail=detail,
                words=tuple(h.word for h in words),
            )

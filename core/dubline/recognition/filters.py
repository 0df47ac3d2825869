"""What a recognizer made up: text for music, silence and noise.

Recognizers of the Whisper family write credits and farewells over silence, repeat a line for minutes, or
cram sentences into a blink. Each rule here needs evidence, and each dropped word keeps its reason. What is
believed, and against what:

* A sure word where a diarizer hears somebody beats the recognizer's own doubts and the known phrases, if a
  second ear (`Witness`) hears speech there too. Where there is no second ear, the diarizer is believed.
* A loop, a text that packs too well and a speed of no mouth beat how sure the words are: in a loop Whisper
  is surer with every copy. What else such a passage holds stays only where the second ear hears it well.
* A line that the second ear does not hear goes, unless all around it is heard and sure.

What stays though something speaks against it carries a doubt in words (`HeardWord.doubt`).

Sources: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 4.5,
and `whisper/transcribe.py` for the compression ratio (2.4), the mean log probability (-1.0) and the
probability of no speech (0.6). The other figures are ours, chosen on half of benchmarks/invented.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from msgspec import structs

from dubline.language.script import carry_spaces, ends_sentence, joined
from dubline.recognition.filter_rules import FilterRules
from dubline.recognition.intervals import Intervals
from dubline.recognition.known_phrases import is_description, known_phrase, plain
from dubline.recognition.passages import Filtered, Passage, Witness
from dubline.recognition.repetition import compression_ratio, loops
from dubline.recognition.words import likely_length
from dubline.values.media import Line
from dubline.values.transcript import DroppedSegment, HeardWord

REACH = 0.25
"""Seconds around a line in which the second ear may hear it: recognizers place words a little wrong."""
BREAK = 0.6
"""Seconds without a word that end a line, as they end a segment."""

UNHEARD = "the second detector hears no speech here"
BESIDE = "words beside this line were left out as made up"
LOOPED = "it was repeated over and over; only the first copies stayed"
SILENT = "the recognizer itself takes this for silence"


@dataclass(slots=True, eq=False)
class _Heard:
    """A word under judgement. `share` of it is speech (None: not known), `away` seconds from any; `safe`: the
    recognizer's doubts and known phrases do not touch it."""

    word: HeardWord
    passage: int
    token: str
    start: float | None
    end: float | None
    share: float | None
    away: float
    safe: bool = False
    reason: str = ""
    detail: str = ""
    doubt: str = ""

    def drop(self, reason: str, detail: str, *, surely: bool = False) -> None:
        if (surely or not self.safe) and not self.reason:
            self.reason, self.detail = reason, detail

    @property
    def judged(self) -> HeardWord:
        return structs.replace(self.word, doubt=self.doubt) if self.doubt else self.word


@dataclass(slots=True, eq=False)
class _Line:
    """Words of one sentence in one breath. `heard` is how much of the time that its text takes to say the
    second ear hears speech in, None without such an ear."""

    words: list[_Heard]
    heard: float | None = None

    def at_least(self, share: float) -> bool:
        """Whether so much of it is heard; without a second ear nothing is."""
        return self.heard is not None and self.heard >= share


def filter_passages(
    passages: Sequence[Passage],
    speech: Iterable[Line] | None = None,
    *,
    witness: Witness | None = None,
    language: str = "",
    rules: FilterRules | None = None,
) -> Filtered:
    """Take out what was made up.

    `speech` is where a diarizer hears somebody, None without one; then no word counts as inside speech, and a
    passage's own figures and its text decide. `witness` is the second ear. `language` chooses the table of
    known phrases (`known_phrases`); without one all are used.

    Raises:
        InvalidJob: a time of `speech` or of `witness` ends before it begins.
    """
    rules = rules or FilterRules()
    spoken = None if speech is None else Intervals((line.start, line.end) for line in speech)
    spans = witness.spans if witness is not None else None
    ear = None if spans is None else Intervals((line.start, line.end) for line in spans)
    heard: list[_Heard] = []
    parts: list[list[_Line]] = []
    for number, passage in enumerate(passages):
        words = [_judged(word, number, passage, spoken) for word in passage.words]
        heard += words
        parts.append([_Line(line, _ratio(line, ear)) for line in _lines(words)])
    for passage, part in zip(passages, parts, strict=True):
        for line in part:
            for one in line.words:
                one.safe = (
                    _sure(one, rules.confident)
                    and one.share is not None
                    and one.share >= rules.inside
                    and (line.heard is None or line.at_least(rules.heard))
                )
        _descriptions(part)
        _no_speech(part, passage, rules)
        _boilerplate(part, passage, language, rules)
        if ear is None:
            _silence(part, rules)
        else:
            _unheard(part, passage, rules)
        _too_fast(part, rules)
    _loops(heard, {id(one): line for part in parts for line in part for one in line.words}, rules)
    for part in parts:
        _packed(part, rules)
        _rest(part, rules)
        _beside(part)
    return Filtered(kept=tuple(h.judged for h in heard if not h.reason), dropped=tuple(_gathered(heard)))


def _judged(word: HeardWord, number: int, passage: Passage, spoken: Intervals | None) -> _Heard:
    start, end = _finite(word.start), _finite(word.end)
    if start is None or end is None:
        known = [t for t in (start, end) if t is not None]
        start, end = (known[0], known[0]) if known else (_finite(passage.start), _finite(passage.end))
    if start is not None and end is not None and end < start:
        start, end = end, start
    share, away = None, 0.0
    if spoken is not None and start is not None and end is not None:
        share, away = spoken.share(start, end), spoken.distance(start, end)
    return _Heard(word, number, plain(word.text), start, end, share, away)


def _lines(words: list[_Heard]) -> list[list[_Heard]]:
    """Words cut where a sentence ends and where they pause."""
    lines: list[list[_Heard]] = []
    for index, one in enumerate(words):
        before = words[index - 1] if index else None
        if (
            before is None
            or ends_sentence(before.word.text, one.word.text)
            or (one.start is not None and before.end is not None and one.start - before.end >= BREAK)
        ):
            lines.append([])
        lines[-1].append(one)
    return lines


def _ratio(line: list[_Heard], ear: Intervals | None) -> float | None:
    """How long the second ear hears speech around a line, against how long its text takes to say."""
    start = min((h.start for h in line if h.start is not None), default=None)
    end = max((h.end for h in line if h.end is not None), default=None)
    if ear is None or start is None or end is None:
        return None
    first, last = start - REACH, end + REACH
    needed = sum(likely_length(h.word.text) for h in line) / 1000
    return ear.share(first, last) * (last - first) / needed


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _sure(one: _Heard, least: float) -> bool:
    return one.word.confidence is not None and one.word.confidence >= least


def _text(words: Sequence[_Heard]) -> str:
    texts = [h.word.text for h in words]
    return joined(texts, carry_spaces(texts))


# --- the rules -----------------------------------------------------------------------------------


def _descriptions(part: list[_Line]) -> None:
    """What no person says: a mark without a word, and what is written about a sound."""
    for line in part:
        for one in line.words:
            if not any(h.token for h in line.words):
                one.drop("empty", "there is no word in it", surely=True)
            elif is_description(_text(line.words)):
                one.drop("description", "it says what sounds, not what is said", surely=True)


def _doubted(passage: Passage, rules: FilterRules) -> bool:
    """Whether the recognizer itself thinks that probably nobody speaks."""
    return passage.no_speech is not None and passage.no_speech > rules.no_speech


def _no_speech(part: list[_Line], passage: Passage, rules: FilterRules) -> None:
    """Whisper's own: probably no speech, and the words are a poor guess."""
    if not _doubted(passage, rules):
        return
    words = [one for line in part for one in line.words]
    likely = passage.log_probability
    if likely is None:
        known = [h.word.confidence for h in words if h.word.confidence is not None]
        likely = math.fsum(math.log(max(c, 1e-9)) for c in known) / len(known) if known else None
    for one in words:
        one.doubt = SILENT
        if likely is not None and likely < rules.log_probability:
            one.drop(
                "no_speech",
                f"no speech with probability {passage.no_speech:.2f}, mean log probability {likely:.2f}",
            )


def _silence(part: list[_Line], rules: FilterRules) -> None:
    """Far from all that the diarizer hears, where there is no second ear."""
    for one in (one for line in part for one in line.words):
        quiet = one.share is not None and one.share <= rules.silent_share and one.away > rules.margin
        if quiet and not _sure(one, rules.certain):
            one.drop("silence", f"no speech within {rules.margin:g} s")


def _unheard(part: list[_Line], passage: Passage, rules: FilterRules) -> None:
    """Lines that the second ear does not hear, which misses some as well. In doubt stay what is sure between
    lines that it hears, such as a soft word, and a line of some length where the recognizer is sure of speech
    and words, such as one that lies deep under music. What the second ear hears alone needs a recognizer that
    is sure: strings can sound of speech for a second."""
    words = sum(len(line.words) for line in part)
    around = sum(len(line.words) for line in part if line.at_least(rules.heard)) >= 0.5 * words
    speech = (
        passage.no_speech is not None
        and passage.no_speech <= rules.speech
        and (passage.log_probability is None or passage.log_probability >= rules.likely)
    )
    for line in part:
        doubted = _doubted(passage, rules) or 0 < _mean(line) <= rules.guess
        if line.heard is None:
            continue
        if line.at_least(rules.well if doubted else rules.heard):
            alone = all(one.share == 0.0 and one.away > rules.margin for one in line.words)
            if alone and not (speech if passage.no_speech is not None else _mean(line) >= rules.confident):
                for one in line.words:
                    one.drop("silence", "one detector alone hears speech here", surely=True)
            continue
        sure = all(_sure(one, rules.confident) for one in line.words)
        long = len(line.words) >= rules.fast_words and _mean(line) >= rules.confident
        for one in line.words:
            if (around and sure and not _doubted(passage, rules)) or (speech and long):
                one.doubt = UNHEARD
            else:
                one.drop("silence", "the second detector hears no speech here", surely=True)


def _mean(line: _Line) -> float:
    """Mean confidence of its words, 0 where the recognizer tells none."""
    known = [one.word.confidence or 0.0 for one in line.words]
    return math.fsum(known) / len(known)


def _boilerplate(part: list[_Line], passage: Passage, language: str, rules: FilterRules) -> None:
    """Known phrases that fill a line of their own."""
    for line in part:
        kind = known_phrase(" ".join(h.token for h in line.words if h.token), language)
        if kind and (kind == "credit" or not _spoken(line, passage, rules)):
            for one in line.words:
                one.drop("boilerplate", f"a known {kind}")


def _spoken(line: _Line, passage: Passage, rules: FilterRules) -> bool:
    """Whether a phrase that people do say was said: there is speech under it or beside it, or, where that is
    not known, the recognizer is sure of it and not of silence."""
    if line.heard is not None:
        return line.at_least(rules.heard)
    shares = [h.share for h in line.words if h.share is not None]
    if shares:
        mean, away = math.fsum(shares) / len(shares), min(h.away for h in line.words)
        return mean > rules.silent_share or away <= rules.margin
    return not _doubted(passage, rules) and not any(
        h.word.confidence is not None and h.word.confidence < rules.confident for h in line.words
    )


def _too_fast(part: list[_Line], rules: FilterRules) -> None:
    """More words than a mouth can say. Where the second ear hears as much speech as the passage's text takes,
    the times are wrong and not the text."""
    if _well(part, rules):
        return
    words, count = [one for line in part for one in line.words], rules.fast_words
    for first in range(len(words) - count + 1):
        run = words[first : first + count]
        start, end = run[0].start, run[-1].end
        if start is None or end is None or any(h.word.start is None or h.word.end is None for h in run):
            continue
        if count > rules.fastest * max(end - start, 0.0):
            for one in run:
                one.drop("too_fast", f"{count} words in {max(end - start, 0.0):.2f} s", surely=True)


def _well(part: list[_Line], rules: FilterRules) -> bool:
    """Whether the second ear hears well what a passage says as a whole."""
    return bool(part) and all(line.at_least(rules.well) for line in part)


def _packed(part: list[_Line], rules: FilterRules) -> None:
    """Whisper's own, for what loops of whole words do not show (a syllable held for a minute)."""
    left = [h for line in part for h in line.words if not h.reason]
    ratio = compression_ratio(_text(left))
    if ratio > rules.compression:
        for one in left:
            one.drop("repetition", f"compression ratio {ratio:.1f}, above {rules.compression:g}", surely=True)


def _rest(part: list[_Line], rules: FilterRules) -> None:
    """What is left of a passage of which much was a loop or too fast: the decoding failed as a whole."""
    words = [one for line in part for one in line.words]
    failed = sum(one.reason in ("repetition", "too_fast") for one in words)
    if not failed or failed < rules.much * len(words):
        return
    for line in part:
        if not (line.at_least(rules.well) and any(_sure(one, rules.confident) for one in line.words)):
            for one in line.words:
                one.drop("repetition", f"{failed} of {len(words)} words beside it were made up", surely=True)


def _loops(heard: list[_Heard], lines: dict[int, _Line], rules: FilterRules) -> None:
    """Where words are said over and over. All copies but the first go; where the second ear hears all of them
    well, as many stay as are believed."""
    for first, last, size in loops([h.token for h in heard], rules.repeats):
        loop = heard[first:last]
        heard_well = all(lines[id(one)].at_least(rules.well) for one in loop)
        stay = size * (rules.repeats[min(size, 3) - 1] if heard_well else 1)
        detail = f"{size} word{'s' if size > 1 else ''} repeated {len(loop) // size} times"
        for one in loop[:stay]:
            one.doubt = LOOPED
        for one in loop[stay:]:
            one.drop("repetition", detail, surely=True)


def _beside(part: list[_Line]) -> None:
    """A doubt about lines next to what was made up."""
    bad = {
        number
        for number, line in enumerate(part)
        if any(one.reason in ("repetition", "too_fast") for one in line.words)
    }
    for number, line in enumerate(part):
        if bad & {number - 1, number, number + 1}:
            for one in line.words:
                one.doubt = one.doubt or BESIDE


def _gathered(heard: list[_Heard]) -> Iterable[DroppedSegment]:
    """Dropped words that stand together for the same reason, as one."""
    for (_, reason, detail), run in groupby(heard, key=lambda h: (h.passage, h.reason, h.detail)):
        if reason:
            words = list(run)
            yield DroppedSegment(
                reason=reason,
                text=_text(words),
                start=min((h.start for h in words if h.start is not None), default=None),
                end=max((h.end for h in words if h.end is not None), default=None),
                detail=detail,
                words=tuple(h.word for h in words),
            )

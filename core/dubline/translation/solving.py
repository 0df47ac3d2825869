"""From phrases to a text for every segment: ask, check, choose, split; ask again where it does not work
out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from dubline.fit.durations import default_model
from dubline.fit.isochrony import FitRules, Place, choose, is_loud, misfits
from dubline.fit.speech_time import SpeechTime
from dubline.language.line_checks import Problem, problems
from dubline.language.line_marks import same_force, with_force
from dubline.language.markup import with_placeholders
from dubline.language.sentences import rejoin
from dubline.language.splitting import split_back
from dubline.translation.asking import Asking, combined, distinct
from dubline.translation.phrases import Phrase, Wanted, source_lines
from dubline.values.base import Value
from dubline.values.glossary import Term
from dubline.values.transcript import Segment
from dubline.values.translated import Answer, Candidate, SourceLine, Tone, TranslatedSegment

ROUNDS = 3
"""Ask for everything; then for what failed, did not fit or could not be split; then for the parts that
failed."""
MOST = 16
"""Candidates of a phrase that are looked at."""


class Outcome(Value, frozen=True):
    """What became of a segment: a plain text, or the reasons why there is none; nothing where nobody
    asked."""

    text: str | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    picked: int | None = None
    sentence: int | None = None


@dataclass(kw_only=True)
class Solver:
    """The settings of one translation; `solve` does it."""

    asking: Asking
    segments: Sequence[Segment]
    source: str
    target: str
    time: SpeechTime
    tones: Mapping[int, Tone]
    rooms: Sequence[float]
    rules: FitRules
    glossary: Sequence[Term]
    speakers: Mapping[str, str]
    in_context: bool
    varies: bool

    def __post_init__(self) -> None:
        self._seconds = default_model(self.target).seconds
        self._terms = [(term.source, term.target) for term in self.glossary if term.target]
        self._candidates: dict[tuple[int, ...], tuple[Candidate, ...]] = {}
        self._why: dict[tuple[int, ...], tuple[str, ...]] = {}
        self._judged: dict[tuple[int, ...], int] = {}
        self._outcomes: dict[int, Outcome] = {}

    def solve(self, phrases: Sequence[Phrase], kept: Mapping[int, str]) -> dict[int, Outcome]:
        """Index of a segment -> what became of it. `kept`: texts that stay; nobody asks for a phrase of which
        all parts have one, but a translator that looks at the context sees them."""
        outcomes = self._outcomes = {}
        todo: list[Phrase] = []
        given: dict[str, Answer] = {}
        context: list[SourceLine] = []
        for phrase in phrases:
            if not phrase.speakable:
                outcomes.update(self._copied(phrase))
            elif all(part in kept for part in phrase.parts):
                line, text = self._lines(phrase)[0], rejoin([kept[x] for x in phrase.parts], self.target)
                given[line.key] = Answer(candidates=(Candidate(text=text),))
                context += [line] if self.in_context else []
            else:
                todo.append(phrase)
        for number in range(ROUNDS):
            asked = [line for phrase in todo for line in self._lines(phrase)]
            order = {s.id: n for n, s in enumerate(self.segments)}
            self.asking.ask(sorted([*asked, *context], key=lambda line: order[line.ids[0]]), given)
            todo, changed = self._reviewed(todo, last=number == ROUNDS - 1)
            if not changed:
                break
        picked = choose([self._place(phrase) for phrase in todo], self._seconds, self.rules)
        for phrase, choice in zip(todo, picked, strict=True):
            outcomes.update(self._outcomes_of(phrase, choice))
        return outcomes

    # --- asking ----------------------------------------------------------------------------------

    def _lines(self, phrase: Phrase, wishes: Sequence[Wanted] = ()) -> tuple[SourceLine, ...]:
        first = self.segments[phrase.parts[0]]
        tone = self.tones.get(first.id)
        return source_lines(
            phrase,
            self.segments,
            self.time.model(phrase.speaker),
            in_context=self.in_context,
            speaker=self.speakers.get(phrase.speaker, phrase.speaker),
            tone=tone,
            slower=self.time.slower(phrase.speaker, tone),
            wishes=wishes or phrase.wishes,
        )

    def _reviewed(self, todo: list[Phrase], *, last: bool) -> tuple[list[Phrase], bool]:
        """The phrases as they are to be asked for next, and whether anything is new among them."""
        for phrase in todo:
            self._judge(phrase)
        if last:
            return todo, False
        changed = False
        reviewed: list[Phrase] = []
        for phrase in todo:
            if self._candidates[phrase.parts]:
                reviewed.append(phrase)
            elif len(phrase.parts) > 1:
                reviewed += [single for single in phrase.singly(self.source) if single.speakable]
                outcomes = (self._copied(x) for x in phrase.singly(self.source) if not x.speakable)
                self._outcomes.update(pair for outcome in outcomes for pair in outcome.items())
                changed = True
            else:
                changed = self._want(phrase, "shorter") or changed
                reviewed.append(phrase)
        whole = [phrase for phrase in reviewed if self._candidates.get(phrase.parts)]
        places = [self._place(phrase) for phrase in whole]
        chosen = choose(places, self._seconds, self.rules)
        for index, what in misfits(places, chosen, self._seconds, self.rules).items():
            changed = self._want(whole[index], what) or changed
        return reviewed, changed

    def _want(self, phrase: Phrase, what: Literal["shorter", "longer"]) -> bool:
        if not self.varies or what in phrase.wishes:
            return False
        phrase.wishes.append(what)
        return True

    def _judge(self, phrase: Phrase) -> None:
        """Find the phrase's usable candidates, or the reasons why there is none."""
        each = len(phrase.wishes)
        if self._judged.get(phrase.parts) == each:
            return
        self._judged[phrase.parts] = each
        lines = self._lines(phrase)
        parts, failures = [], []
        for at in range(0, len(lines), each):
            answers = [self.asking.answer(line) for line in lines[at : at + each]]
            parts.append(distinct(*(answer.candidates for answer in answers)))
            failures += [answer.failure for answer in answers[:1] if not answer.candidates and answer.failure]
        whole = combined(parts, lambda texts: rejoin(texts, self.target), most=MOST)
        usable: list[Candidate] = []
        why: list[str] = []
        for candidate in whole:
            text = with_placeholders(phrase.text, candidate.text)
            text = with_force(phrase.text, text, self.target)
            hard = [p for p in self._problems(phrase.text, text) if p.hard]
            if hard:
                why += [f"{p.code}: {p.detail}" if p.detail else p.code for p in hard]
            elif len(phrase.parts) > 1 and self._split(phrase, text) is None:
                why.append("too few words for its segments")
            else:
                usable.append(candidate if text == candidate.text else structs.replace(candidate, text=text))
        self._candidates[phrase.parts] = distinct(usable)
        reasons = tuple(dict.fromkeys([*failures, *why]))
        self._why[phrase.parts] = reasons or ("the translator gave no answer",)

    def _problems(self, source: str, text: str) -> Sequence[Problem]:
        return problems(
            source, text, source_language=self.source, target_language=self.target, glossary=self._terms
        )

    # --- choosing --------------------------------------------------------------------------------

    def _place(self, phrase: Phrase) -> Place:
        first, last = self.segments[phrase.parts[0]], self.segments[phrase.parts[-1]]
        tone = self.tones.get(first.id)
        return Place(
            source=phrase.text,
            speaker=phrase.speaker,
            candidates=self._candidates[phrase.parts],
            slot=max(0.0, last.end - first.start),
            room=self.rooms[phrase.parts[-1]],
            pace=self.time.slower(phrase.speaker, tone),
            model=self.time.voice(phrase.speaker),
            loud=is_loud(tone),
        )

    def _split(self, phrase: Phrase, text: str) -> tuple[str, ...] | None:
        if len(phrase.parts) == 1:
            return (text,)
        slots = [max(self.segments[p].end - self.segments[p].start, 0.001) for p in phrase.parts]
        return split_back(
            text, slots, self.target, self.time.model(phrase.speaker).seconds, sources=phrase.texts
        )

    def _outcomes_of(self, phrase: Phrase, choice: int | None) -> dict[int, Outcome]:
        sentence = self.segments[phrase.parts[0]].id
        if choice is None:
            reasons = self._why[phrase.parts]
            return {part: Outcome(reasons=reasons, sentence=sentence) for part in phrase.parts}
        candidates = self._candidates[phrase.parts]
        text = candidates[choice].text
        soft = [p for p in self._problems(phrase.text, text) if not p.hard]
        warnings = [f"{p.code}: {p.detail}" if p.detail else p.code for p in soft]
        if same_force(phrase.text, text):
            warnings.append("force: the marks at the end are others than the source's")
        split = self._split(phrase, text) or ()
        return {
            part: Outcome(
                text=piece,
                sentence=sentence,
                warnings=tuple(warnings) if n == 0 else (),
                candidates=candidates if n == 0 else (),
                picked=choice if n == 0 else None,
            )
            for n, (part, piece) in enumerate(zip(phrase.parts, split, strict=True))
        }

    def _copied(self, phrase: Phrase) -> dict[int, Outcome]:
        return {
            part: Outcome(
                text=text,
                candidates=(Candidate(text=text, origin="copied"),),
                picked=0,
                sentence=self.segments[part].id,
            )
            for part, text in zip(phrase.parts, phrase.texts, strict=True)
            if text
        }


def glossary_hits(
    lines: Sequence[TranslatedSegment], glossary: Sequence[Term], source: str, target: str
) -> tuple[int, int]:
    """How often a term that has a translation stands in the source, and how often its translation is
    there."""
    terms_met = terms_kept = 0
    terms = [term for term in glossary if term.target]
    for line in lines:
        if line.text is None:
            continue
        for term in terms:
            if term.source.casefold() in line.source_text.casefold():
                terms_met += 1
                terms_kept += term.target.casefold() in line.text.casefold()
    return terms_met, terms_kept

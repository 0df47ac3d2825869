"""Lines go to the translator, answers come back, and none is asked for twice."""

from __future__ import annotations

import heapq
import itertools
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from dubline.report import Report
from dubline.translation.memory import Memory
from dubline.values.translated import Answer, Candidate, SourceLine


class Asking:
    """A translator with what it has answered so far, in this run or an earlier one."""

    def __init__(
        self,
        translator: Any,
        memory: Memory,
        report: Report,
        *,
        in_context: bool = False,
        anew: Collection[int] = (),
    ) -> None:
        """`anew`: segments whose lines are asked for once more, whatever was answered before."""
        self._translator = translator
        self._anew = frozenset(anew)
        self._answered: set[str] = set()
        self._in_context = in_context
        self._memory = memory
        self._report = report
        self._failures: dict[str, str] = {}
        self.asked = 0

    def ask(self, lines: Iterable[SourceLine], given: Mapping[str, Answer] | None = None) -> None:
        """Have an answer for each of these lines; a line that is asked twice is answered once.

        `given`: answers that stand already and are not to be remembered, for the context.

        Raises:
            DublineError: what concerns all lines (no server, no memory); `Cancelled`. What was answered until
                then is kept.
        """
        unique = list({line.key: line for line in lines}.values())
        remembered = self._memory.known
        if self._anew:
            old = {x.key for x in unique if self._anew & {*x.ids} and x.key not in self._answered}
            remembered = {key: answer for key, answer in remembered.items() if key not in old}
        known: Mapping[str, Answer] = ChainMap(dict(given or {}), remembered)
        if all(line.key in known or line.key in self._failures for line in unique):
            return
        # Asked again, a model draws the same lots; a server may answer better the next time.
        final = set() if self._in_context else {line.key for line in unique if line.wanted}
        for batch in self._translator.translate(unique, known, self._report):
            self.asked += len(batch)
            self._answered |= batch.keys()
            self._memory.add(batch, final)
            for key, answer in batch.items():
                if not answer.candidates:
                    self._failures[key] = answer.failure or "the translator gave no answer"

    def answer(self, line: SourceLine) -> Answer:
        """What is known about a line."""
        known = self._memory.known.get(line.key)
        if known is not None:
            return known
        return Answer(failure=self._failures.get(line.key, "the translator gave no answer"))


def combined(
    parts: Sequence[Sequence[Candidate]], join: Callable[[Sequence[str]], str], *, most: int = 8
) -> tuple[Candidate, ...]:
    """Candidates of a text from those of its sentences: the `most` best by total score, best first.

    A total is the mean of the parts' scores, weighted by their length in characters; where a part has no
    score, the order in which the parts' candidates stand decides.
    """
    if len(parts) == 1:
        return tuple(parts[0])
    if not parts or not all(parts):
        return ()
    scored = all(c.score is not None for part in parts for c in part)

    def loss(picked: tuple[int, ...]) -> float:
        if not scored:
            return float(sum(picked))
        chosen = [part[i] for part, i in zip(parts, picked, strict=True)]
        weight = sum(len(c.text) or 1 for c in chosen)
        return -sum((c.score or 0.0) * (len(c.text) or 1) for c in chosen) / weight

    first = (0,) * len(parts)
    heap, seen = [(loss(first), first)], {first}
    totals: list[Candidate] = []
    while heap and len(totals) < most:
        worth, picked = heapq.heappop(heap)
        chosen = [part[i] for part, i in zip(parts, picked, strict=True)]
        totals.append(
            Candidate(
                text=join([c.text for c in chosen]),
                score=round(-worth, 6) if scored else None,
                origin=_origin(chosen),
            )
        )
        for place in range(len(parts)):
            after = (*picked[:place], picked[place] + 1, *picked[place + 1 :])
            if after[place] < len(parts[place]) and after not in seen:
                seen.add(after)
                heapq.heappush(heap, (loss(after), after))
    return distinct(totals)


def _origin(chosen: Sequence[Candidate]) -> str:
    """What is special about one of the parts is special about the whole."""
    origins = list(dict.fromkeys(c.origin for c in chosen))
    return next((o for o in origins if o != "beam"), origins[0])


def distinct(*groups: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates in their order, each text once."""
    by_text: dict[str, Candidate] = {}
    for candidate in itertools.chain(*groups):
        by_text.setdefault(candidate.text, candidate)
    return tuple(by_text.values())

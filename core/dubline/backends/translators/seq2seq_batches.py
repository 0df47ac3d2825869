"""The work that learned translators share: long lines cut, like lines put together, answers made of what
the model found.

Lines are sorted by their length in tokens, and only such of nearly the same length go together: a batch
takes as long as its longest line. Which lines go together depends on the lines alone, never on what is
already known, so that a run that goes on makes the batches, and so the answers, of one that was not stopped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Protocol

from dubline.errors import BackendFailed, first_line
from dubline.language.script import (
    UNSPACED_LANGUAGES,
    apart,
    base_language,
    ends_clause,
    ends_sentence,
    width,
)
from dubline.report import Report
from dubline.values.translated import Answer, Candidate, SourceLine

MOST_ROWS = 128
"""Lines in a batch, however short: what a model keeps of each step grows with the rows and its vocabulary."""
JOINERS = "\u200d\ufe0e\ufe0f"


class Found(NamedTuple):
    """A translation as the model gave it. `score`: mean log probability of its `tokens` tokens. `whole`: it
    came to its end by itself."""

    text: str
    score: float
    tokens: int
    whole: bool


class Work(NamedTuple):
    """A text to translate, in parts where it is too long; `glue[i]` stands before part i + 1 again."""

    text: str
    wanted: Literal["", "shorter", "longer"]
    keys: tuple[str, ...]
    parts: tuple[str, ...]
    glue: tuple[str, ...]
    longest: int  # tokens of its longest part


class Searching(Protocol):
    """A model, asked for several texts at once. It gives a list for each, best first."""

    def best(self, texts: Sequence[str]) -> list[list[Found]]:
        """What its beam search finds."""

    def varied(self, texts: Sequence[str], wanted: str) -> list[list[Found]]:
        """Further ones, other in length than the best."""


# --- cutting -----------------------------------------------------------------------------------


def cut(text: str, fits: Callable[[str], bool]) -> list[str]:
    """A text in parts that fit: its sentences; those that do not fit cut in two where a clause ends, else
    between words, else between letters, as near to the middle as can be. Joined, the parts are the text but
    for space between them."""
    if fits(text) or len(text) < 2:
        return [text]
    ends, clauses, words = [], [], []
    tokens = text.split(" ")
    at = 0
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        at += len(token) + 1
        if at > len(text):
            break
        words.append(at)
        if ends_sentence(token, following):
            ends.append(at)
        elif ends_clause(token):
            clauses.append(at)
    # Scripts without spaces: a mark is all there is to go by.
    for index in range(1, len(text)):
        before, after = text[index - 1], text[index]
        if " " not in (before, after) and apart(before, after, True):
            words.append(index)
            if ends_sentence(before, "") and not ends_sentence(after, ""):
                ends.append(index)
            elif ends_clause(before) and not ends_clause(after):
                clauses.append(index)
    if ends:
        borders = [0, *sorted(set(ends)), len(text)]
        pieces = [text[a:b].strip() for a, b in pairwise(borders)]
        return [part for piece in pieces if piece for part in cut(piece, fits)]
    letters = [
        i
        for i in range(1, len(text))
        if not (unicodedata.combining(text[i]) or {*text[i - 1 : i + 1]} & {*JOINERS})
    ]
    for places in (clauses, words, letters or range(1, len(text))):
        inner = [place for place in places if 0 < place < len(text)]
        if inner:
            middle = min(inner, key=lambda place: abs(2 * place - len(text)))
            halves = (text[:middle].strip(), text[middle:].strip())
            return [part for half in halves if half for part in cut(half, fits)]
    return [text]


def glue(text: str, parts: Sequence[str], target: str) -> tuple[str, ...]:
    """What stands before each part but the first in the translation."""
    if base_language(target) in UNSPACED_LANGUAGES:
        return ("",) * (len(parts) - 1)
    between, at = [], len(parts[0])
    for before, part in pairwise(parts):
        start = text.index(part, at)
        spaced = start > at or apart(before[-1], part[0], True)
        between.append(" " if spaced else "")
        at = start + len(part)
    return tuple(between)


# --- planning ----------------------------------------------------------------------------------


def planned(
    lines: Sequence[SourceLine], count: Callable[[str], int], limit: int, budget: int, target: str
) -> list[tuple[Work, ...]]:
    """The batches for all lines that have a text, longest first.

    `count` tells a text's tokens; a part has at most `limit`; a batch at most `budget` in all its parts,
    filled up to the longest, unless it is a single line.
    """
    keys: dict[tuple[str, Literal["", "shorter", "longer"]], list[str]] = {}
    for line in lines:
        text = " ".join(line.text.split())
        if text:
            keys.setdefault((text, line.wanted), []).append(line.key)
    works = []
    for (text, wanted), its in keys.items():
        parts = tuple(cut(text, lambda part: count(part) <= limit))
        longest = max(map(count, parts))
        works.append(Work(text, wanted, tuple(its), parts, glue(text, parts, target), longest))
    works.sort(key=lambda work: (work.wanted, -work.longest, work.text))
    batches: list[list[Work]] = []
    rows = 0
    for work in works:
        first = batches[-1][0] if batches else None
        if (
            first is None
            or work.wanted != first.wanted
            or rows + len(work.parts) > min(MOST_ROWS, budget // first.longest)
            or first.longest - work.longest > max(1, first.longest // 8)
        ):
            batches.append([])
            rows = 0
        batches[-1].append(work)
        rows += len(work.parts)
    return [tuple(batch) for batch in batches]


# --- working -----------------------------------------------------------------------------------


class BatchWork:
    """Runs a model over batches; halves what is asked at once when memory runs out.

    `out_of_memory` tells whether an error says that; `make_room` is called after one.
    """

    def __init__(
        self,
        model: Searching,
        *,
        candidates: int,
        budget: int,
        out_of_memory: Callable[[BaseException], bool],
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._model = model
        self._candidates = candidates
        self._budget = budget
        self._out_of_memory = out_of_memory
        self._make_room = make_room
        self._rows = MOST_ROWS
        self.halvings = 0
        self.cut = 0

    def notes(self) -> list[str]:
        """What happened, in words."""
        said = []
        if self.cut:
            said.append(f"{self.cut} lines were too long for the model: translated in parts")
        if self.halvings:
            said.append(f"out of memory {self.halvings} times: went on with {self._rows} lines at once")
        return said

    def translate(
        self,
        lines: Sequence[SourceLine],
        known: Mapping[str, Answer],
        report: Report,
        plan: Sequence[tuple[Work, ...]],
    ) -> Iterator[dict[str, Answer]]:
        """The answers of a plan's batches, as `Translator.translate` promises."""
        keys = {line.key for line in lines}
        done = sum(key in known for key in keys)
        without = keys - {key for batch in plan for work in batch for key in work.keys} - known.keys()
        if without:
            done += len(without)
            yield {key: Answer(failure="the line has no text") for key in sorted(without)}
        for batch in plan:
            open_keys = {key for work in batch for key in work.keys if key not in known}
            if not open_keys:
                continue
            report(done, len(keys))
            self.cut += sum(len(work.parts) > 1 for work in batch)
            answers = self._answers(batch)
            done += len(open_keys)
            yield {
                key: answer
                for work, answer in zip(batch, answers, strict=True)
                for key in work.keys
                if key in open_keys
            }
        report(len(keys), len(keys))

    def _answers(self, batch: tuple[Work, ...]) -> list[Answer]:
        wanted = batch[0].wanted
        parts = [part for work in batch for part in work.parts]
        at_once = max(1, self._budget // batch[0].longest)
        best = self._search(self._model.best, parts, at_once)
        # Each asks for several at once.
        varied = (
            self._search(lambda texts: self._model.varied(texts, wanted), parts, max(1, at_once // 2))
            if wanted
            else [[] for _ in parts]
        )
        answers, at = [], 0
        for work in batch:
            upto = at + len(work.parts)
            first = joined(best[at:upto], work.glue)
            if wanted:
                answers.append(self._other(first, joined(varied[at:upto], work.glue), wanted))
            else:
                answers.append(self._answer(first, "beam"))
            at = upto
        return answers

    def _answer(self, found: Sequence[Found], origin: str) -> Answer:
        texts: dict[str, Candidate] = {}
        for item in found:
            if item.whole and item.text:
                candidate = Candidate(text=item.text, score=round(item.score, 4), origin=origin)
                texts.setdefault(item.text, candidate)
        if texts:
            return Answer(candidates=tuple(texts.values())[: self._candidates])
        if any(item.text for item in found):
            return Answer(failure="the model came to no end: what it gave would be cut off")
        return Answer(failure="the model gave no text")

    def _other(self, best: list[Found], varied: list[Found], wanted: str) -> Answer:
        """The ones that are shorter, or longer, in characters than the best of the beam."""
        usable = [item for item in best if item.whole and item.text]
        if not usable:
            return self._answer(best, "beam")
        measure = width(usable[0].text)
        pool = sorted((*usable, *varied), key=lambda item: (-round(item.score, 4), item.text))
        fitting = [
            i for i in pool if (width(i.text) < measure if wanted == "shorter" else width(i.text) > measure)
        ]
        answer = self._answer(fitting, wanted)
        return answer if answer.candidates else Answer(failure=f"the model gave no {wanted} translation")

    def _search(
        self, ask: Callable[[Sequence[str]], list[list[Found]]], texts: Sequence[str], at_once: int
    ) -> list[list[Found]]:
        results: list[list[Found]] = []
        while len(results) < len(texts):
            some = texts[len(results) : len(results) + min(at_once, self._rows)]
            failed: Any = None
            try:
                results += ask(some)
            except (RuntimeError, MemoryError) as error:
                failed = self._told(error, some)
            # Outside of the `except`: until it is left, the error keeps the memory that must become free.
            if failed:
                self._make_room()
                self.halvings += 1
                self._rows = max(1, len(some) // 2)
        return results

    def _told(self, error: BaseException, some: Sequence[str]) -> bool:
        """True if less at once may help; raises what has to be told otherwise."""
        if not self._out_of_memory(error):
            raise BackendFailed(
                f"the translation model failed: {first_line(error)}",
                hint="Try precision fp32 or device cpu, or another model.",
            ) from error
        if len(some) == 1:
            raise BackendFailed(
                "there is too little memory to translate a single line",
                hint="Close other programs, use fewer beams or a smaller model, or device cpu. The same "
                "command then goes on.",
            ) from error
        return True


def joined(parts: Sequence[list[Found]], glue: Sequence[str]) -> list[Found]:
    """The translations of a line's parts -> those of the line: the best of each together, then the second.

    The score of several is that of all their tokens.
    """
    if len(parts) == 1:
        return parts[0]
    made = []
    usable = [[item for item in part if item.whole and item.text] or part for part in parts]
    if not all(usable):
        return []
    for rank in range(max(map(len, usable))):
        chosen = [part[min(rank, len(part) - 1)] for part in usable]
        text = chosen[0].text + "".join(g + item.text for g, item in zip(glue, chosen[1:], strict=True))
        tokens = sum(item.tokens for item in chosen)
        score = sum(item.score * item.tokens for item in chosen) / max(1, tokens)
        whole = all(item.whole and item.text for item in chosen)
        made.append(Found(text, score, tokens, whole))
    return made

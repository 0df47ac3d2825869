"""A language model as translator, on whatever server the user names.

Ten lines a request, after the lines before them as they were translated. Each answer is checked; only the
lines whose answer does not pass are asked for again, in halves, then alone. A line that never passes is
answered with the reason: never with its source text, never with nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import msgspec

from dubline.backends.backend import Backend
from dubline.backends.contract import Tick
from dubline.backends.translators.llm_prompts import (
    VARIANTS,
    read_reply,
    reply_schema,
    spoken_name,
    system_prompt,
    user_prompt,
)
from dubline.backends.translators.llm_server import KEYS, Server, Unanswered
from dubline.errors import BackendFailed, InvalidJob
from dubline.language.line_checks import problems
from dubline.report import Report
from dubline.values.base import ModelIdentity
from dubline.values.translated import Answer, Candidate, SourceLine

ALONE = 2  # requests for a line by itself before it counts as failed
DEAF = 6  # requests in a row without an answer after which the server counts as gone


class LanguageModel(Backend):
    """`llm`: any server that speaks OpenAI's chat completions. There is no address that it takes by itself.

    A key is read from the environment variable DUBLINE_LLM_KEY, else OPENAI_API_KEY, and kept nowhere.

    Raises:
        InvalidJob: the address, the model or a language is missing, or an option is out of range.
    """

    requires: ClassVar[tuple[str, ...]] = ("openai",)
    extra: ClassVar[str] = "llm"
    whole_sentences: ClassVar[bool] = False
    in_context: ClassVar[bool] = True
    varies: ClassVar[bool] = True
    by_hand: ClassVar[bool] = False
    any_language: ClassVar[bool] = True
    precedence: ClassVar[int | None] = None  # it sends the lines to a server

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`server`: its address, such as http://localhost:11434/v1. `model`: its name on that server.
        `source`, `target`: codes such as "tr", "en", "pt-BR".

        `candidates`: 1 to 3 variants of a line (normal; and shorter; and longer). `glossary`: pairs source
        term, target term. `synopsis`: what the film is about. `cast`: speaker -> who that is, the gender, how
        they speak. `history`: how many translated lines before a batch it is told, 0 to 100. `batch`: lines
        in a request, 1 to 50. `timeout`: seconds for one request, 0.1 to 3600. `temperature`: 0 to 2.
        `seed`: for servers that know it; None: none.
        """

        server: str = ""
        model: str = ""
        source: str = ""
        target: str = ""
        candidates: int = 3
        glossary: tuple[tuple[str, str], ...] = ()
        synopsis: str = ""
        cast: dict[str, str] = {}
        history: int = 12
        batch: int = 10
        timeout: float = 120.0
        temperature: float = 0.2
        seed: int | None = 0

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """Nothing here: the server computes, and the options name it."""
        return ()

    @classmethod
    def trial_options(cls) -> None:
        """Nobody but the user knows a server."""

    def __init__(self, options: Options) -> None:
        _check(options)
        self.options = options
        self._server = Server(
            options.server,
            options.model,
            timeout=options.timeout,
            temperature=options.temperature,
            seed=options.seed,
        )
        self._system = system_prompt(
            options.source,
            options.target,
            candidates=options.candidates,
            synopsis=options.synopsis,
            cast=options.cast,
            glossary=options.glossary,
        )
        self._unanswered = 0
        self.identities = (ModelIdentity(name=options.model, origin=self._server.address),)
        self.notes: tuple[str, ...] = tuple(_told(self._server))

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        """Answers by key, a batch at a time. `report` counts lines, also while the server works.

        Raises:
            BackendFailed: the server cannot be reached, has no such model, wants another key, or has stopped
                answering.
            Cancelled: the report asked to stop; at most half a second after it could.
        """
        size, total = self.options.batch, len(lines)
        chosen = {key: answer.candidates[0].text for key, answer in known.items() if answer.candidates}
        for start in range(0, total, size):
            batch = range(start, min(start + size, total))
            wanted = [i for i in batch if lines[i].key not in known]
            done = float(start + len(batch) - len(wanted))

            def tick(done: float = done) -> None:
                report(done, total)

            tick()
            if not wanted:
                continue
            round_ = _Batch(self, lines, chosen, tick)
            for i in wanted:
                if not lines[i].text.strip():
                    round_.answers[lines[i].key] = Answer(failure="it is empty")
            if full := [i for i in wanted if lines[i].text.strip()]:
                round_.ask(full)
            for i in wanted:
                answer = round_.answers[lines[i].key]
                if answer.candidates:
                    chosen[lines[i].key] = answer.candidates[0].text
            yield {lines[i].key: round_.answers[lines[i].key] for i in wanted}
        report(total, total)

    def request(
        self,
        numbered: Sequence[tuple[int, SourceLine]],
        history: Sequence[tuple[SourceLine, str]],
        problems: Mapping[int, str],
        turn: int,
        tick: Tick,
    ) -> tuple[dict[int, tuple[Candidate, ...]], str]:
        """One request: (what was answered by id, why nothing was).

        Raises:
            BackendFailed: as `translate`.
        """
        options, ids = self.options, [number for number, _ in numbered]
        user = user_prompt(numbered, history, glossary=options.glossary, problems=problems)
        schema = reply_schema(ids, options.candidates)
        try:
            reply = self._server.ask(self._system, user, schema, tick, turn=turn)
        except Unanswered as error:
            self._unanswered += 1
            if self._unanswered >= DEAF:
                raise BackendFailed(
                    f"the server at {self._server.address} gave no answer {DEAF} times in a row: {error}",
                    hint="See what it says itself; a smaller batch, another model, a longer timeout may do. "
                    "The same command goes on where it stopped.",
                ) from None
            return {}, str(error)
        self._unanswered = 0
        found = read_reply(reply, ids)
        return found, "" if found else f"the model gave no translation but {_excerpt(reply)}"

    def judged(
        self, line: SourceLine, candidates: tuple[Candidate, ...]
    ) -> tuple[tuple[Candidate, ...], str]:
        """The candidates of a line that pass, and what is wrong with the first that does not."""
        passed, wrong = [], ""
        for candidate in candidates:
            found = problems(line.text, candidate.text, self.options.source, self.options.target)
            if found.hard:
                wrong = wrong or "; ".join(found.hard)
            else:
                origin = line.wanted or candidate.origin
                passed.append(msgspec.structs.replace(candidate, origin=origin))
        return tuple(passed[: self.options.candidates]), wrong

    def __exit__(self, *exc: object) -> None:
        self._server.close()


class _Batch:
    """One batch on its way: `answers` by key grow until each line has one."""

    def __init__(
        self, model: LanguageModel, lines: Sequence[SourceLine], chosen: Mapping[str, str], tick: Tick
    ) -> None:
        self._model = model
        self._lines = lines
        self._chosen = dict(chosen)
        self._tick = tick
        self._problems: dict[int, str] = {}
        self.answers: dict[str, Answer] = {}

    def ask(self, wanted: list[int], alone: int = 0, turn: int = 0) -> None:
        """Have these lines answered: all at once, what fails in halves, what fails alone once more."""
        numbered = [(i + 1, self._lines[i]) for i in wanted]
        found, why = self._model.request(numbered, self._history(wanted[0]), self._problems, turn, self._tick)
        left = []
        for i in wanted:
            line = self._lines[i]
            passed, wrong = self._model.judged(line, found.get(i + 1, ()))
            if passed:
                self.answers[line.key] = Answer(candidates=passed)
                self._chosen[line.key] = passed[0].text
            else:
                left.append(i)
                self._problems[i + 1] = wrong or why or "it was left out"
        if len(wanted) == 1:
            if left and alone + 1 < ALONE:
                self.ask(wanted, alone + 1, turn + 1)
            elif left:
                line = self._lines[wanted[0]]
                self.answers[line.key] = Answer(failure=self._problems[wanted[0] + 1])
        elif len(left) == 1:
            self.ask(left, 0, turn + 1)
        elif left:
            half = (len(left) + 1) // 2
            self.ask(left[:half], 0, turn + 1)
            self.ask(left[half:], 0, turn + 1)

    def _history(self, first: int) -> list[tuple[SourceLine, str]]:
        """The last lines before this one that have a translation, in order."""
        found: list[tuple[SourceLine, str]] = []
        for i in range(first - 1, -1, -1):
            if len(found) == self._model.options.history:
                break
            text = self._chosen.get(self._lines[i].key)
            if text is not None:
                found.append((self._lines[i], text))
        return found[::-1]


def _check(options: LanguageModel.Options) -> None:
    if not options.model.strip():
        raise InvalidJob(
            "the translator 'llm' needs the name of a model",
            hint="Say which with the option model, as the server calls it (`ollama list` shows Ollama's).",
        )
    for name in ("source", "target"):
        if not getattr(options, name).strip():
            raise InvalidJob(f"the {name} language is missing", hint='Give its code, such as "tr" or "en".')
    if spoken_name(options.source) == spoken_name(options.target):
        raise InvalidJob(
            f"source and target are both {spoken_name(options.target)}", hint="Choose another target."
        )
    ranges = (
        ("candidates", 1, len(VARIANTS)),
        ("history", 0, 100),
        ("batch", 1, 50),
        ("timeout", 0.1, 3600),
        ("temperature", 0, 2),
    )
    for name, least, most in ranges:
        value = getattr(options, name)
        if not least <= value <= most:
            raise InvalidJob(
                f"{name} is {value}, not between {least} and {most}", hint=f"Choose {name} within that."
            )


def _told(server: Server) -> Iterator[str]:
    """What the user should know about where the lines go."""
    if server.local:
        yield f"the lines go to the model on this machine, at {server.address}"
    else:
        safety = "" if server.encrypted else ", unencrypted"
        yield f"the film's lines leave this machine: they are sent to {server.host}{safety}"
    if server.key_from:
        yield f"the key is the one in the environment variable {server.key_from}"
    elif not server.local:
        yield f"no key is sent: neither {KEYS[0]} nor {KEYS[1]} is set"
    yield "a language model may answer otherwise the next time; the answers of this run are kept"


def _excerpt(reply: str) -> str:
    told = " ".join(reply.split())
    return f"{told[:80]!r}" if told else "an empty reply"

"""What every translator must do, whatever is inside. A new one is added to `TRANSLATORS`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import pytest
import tiny_translator as tiny
from misbehaving_server import MODEL, MisbehavingServer

from dubline.backends.choosing import options_of
from dubline.backends.translators.apertium import Apertium
from dubline.backends.translators.ctranslate2 import CTranslate2Translator
from dubline.backends.translators.llm import LanguageModel
from dubline.backends.translators.manual import Manual
from dubline.backends.translators.transformers import TransformersTranslator
from dubline.errors import Cancelled, InvalidJob
from dubline.language.script import width
from dubline.values.translated import Answer, SourceLine


class Case(NamedTuple):
    """A translator, the options to make it with (in a `with`, so that a server can be run beside it), and
    sentences in its source language: at least 12, all different, that it translates without failing.
    `languages`: it refuses a language that it does not know."""

    cls: Any
    options: Callable[[], AbstractContextManager[dict[str, Any]]]
    texts: Callable[[], list[str]]
    languages: bool = True


@contextmanager
def tiny_model(**more: Any) -> Iterator[dict[str, Any]]:
    options = {"source": "tr", "target": "en", "model": str(tiny.folder()), "device": "cpu", "threads": 1}
    yield {**options, "budget": 48, **more}


def turkish() -> list[str]:
    return [pair[0] for pair in tiny.held_out()[:24]]


@contextmanager
def by_a_server() -> Iterator[dict[str, Any]]:
    with MisbehavingServer() as server:
        yield {"server": server.address, "model": MODEL, "source": "tr", "target": "en", "batch": 5}


@contextmanager
def spanish() -> Iterator[dict[str, Any]]:
    yield {"source": "en", "target": "es"}


def numbered() -> list[str]:
    return [f"Ben {number} numarada bekledim." for number in range(1, 15)]


def english() -> list[str]:
    return [f"The old house has {number} windows and a {thing}." for number, thing in enumerate(THINGS, 2)]


THINGS = ("river", "door", "table", "chair", "bed", "book", "ship", "horse", "dog", "cat", "tree", "street")

TRANSLATORS: dict[str, Case] = {
    "transformers": Case(TransformersTranslator, lambda: tiny_model(precision="fp32"), turkish),
    "ctranslate2": Case(CTranslate2Translator, tiny_model, turkish),
    "llm": Case(LanguageModel, by_a_server, numbered, languages=False),
    "apertium": Case(Apertium, spanish, english),
    "manual": Case(Manual, lambda: nullcontext({"source": "tr", "target": "en"}), turkish, languages=False),
}

STRANGE = {
    "empty": "",
    "space": " \u00a0 ",
    "letter": "a",
    "numbers": "12 34, 5.6",
    "emoji": "😀 Ben geliyorum 👩‍👩‍👧.",
    "scripts": "Ben 中文 geliyorum, привет مرحبا?!",
    "tokens": "</s> <s> <unk> >>deu<< __en__ eng_Latn",
    "unbroken": "x" * 700,
    "many lines": "Ben\ngeliyorum.\n\nSen\tgidiyorsun.",
}
"""Texts by key that no translator may stumble over; what comes out is another matter."""


def silent(done: float, total: float) -> None:
    pass


PROGRAM = {"apertium": pytest.mark.program("apertium-eng-spa")}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=PROGRAM.get(name, ())) for name in TRANSLATORS]
)
def case(request: pytest.FixtureRequest) -> Case:
    found = TRANSLATORS[request.param]
    missing = [name for name in found.cls.requires if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    return found


@pytest.fixture(scope="module")
def options(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch, case.options() as given:
        patch.setenv("DUBLINE_MODELS", str(tmp_path_factory.mktemp("user") / "models"))
        yield given


@pytest.fixture(scope="module")
def translator(
    case: Case, options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        # Set anew: what the options were made with is undone when a test has set it for itself.
        patch.setenv("DUBLINE_MODELS", str(tmp_path_factory.mktemp("user") / "models"))
        opened = case.cls(options_of(case.cls, options))
    with opened:
        yield opened


def sentences(case: Case, wanted: str = "") -> list[SourceLine]:
    return [
        SourceLine(key=f"k{number}", text=text, ids=(number,), seconds=2.0, wanted=wanted)  # type: ignore[arg-type]
        for number, text in enumerate(case.texts())
    ]


def answers(
    translator: Any,
    lines: list[SourceLine],
    known: Mapping[str, Answer] | None = None,
    report: Callable[[float, float], None] = silent,
) -> dict[str, Answer]:
    """All answers; fails if a line is answered twice."""
    found: dict[str, Answer] = {}
    for batch in translator.translate(lines, known or {}, report):
        assert not batch.keys() & found.keys()
        found.update(batch)
    return found


def same(one: Answer, other: Answer) -> bool:
    """Equal, but for the last digits of the scores."""
    if one.failure != other.failure or len(one.candidates) != len(other.candidates):
        return False
    return all(
        a.text == b.text and a.origin == b.origin and a.score == pytest.approx(b.score, abs=2e-3)
        for a, b in zip(one.candidates, other.candidates, strict=True)
    )


def test_it_says_what_it_is(case: Case, translator: Any) -> None:
    cls = case.cls
    flags = (cls.whole_sentences, cls.in_context, cls.varies, cls.by_hand)
    assert all(isinstance(flag, bool) for flag in flags)
    assert {"source", "target", "candidates"} <= set(cls.Options.__struct_fields__)
    assert all(isinstance(note, str) and note for note in translator.notes)
    for identity in translator.identities:
        assert len(identity.files) == len(identity.sha256)
        assert all(len(digest) == 64 for digest in identity.sha256)


def test_every_line_is_answered_once(case: Case, translator: Any) -> None:
    lines = sentences(case)
    found = answers(translator, lines)
    assert found.keys() == {line.key for line in lines}
    for answer in found.values():
        assert bool(answer.candidates) + bool(answer.failure) == (0 if case.cls.by_hand else 1)
        texts = [candidate.text for candidate in answer.candidates]
        assert len(set(texts)) == len(texts)
        assert all(text and text == text.strip() for text in texts)
        scores = [c.score for c in answer.candidates if c.score is not None]
        assert scores == sorted(scores, reverse=True)
    if not case.cls.by_hand:
        assert all(answer.candidates for answer in found.values())


def test_no_more_candidates_than_asked_for(case: Case, options: dict[str, Any], translator: Any) -> None:
    if case.cls.by_hand:
        pytest.skip("a person gives one")
    with case.cls(options_of(case.cls, {**options, "candidates": 2})) as two:
        found = answers(two, sentences(case)[:6])
    assert all(1 <= len(answer.candidates) <= 2 for answer in found.values())


def test_nothing_and_a_single_line(case: Case, translator: Any) -> None:
    assert answers(translator, []) == {}
    (line, *_) = sentences(case)
    assert answers(translator, [line]).keys() == {line.key}


def test_a_line_is_answered_alike_alone_and_in_any_order(case: Case, translator: Any) -> None:
    if case.cls.in_context:
        pytest.skip("the lines before it matter to this one")
    lines = sentences(case)
    found = answers(translator, lines)
    assert all(same(found[key], answer) for key, answer in answers(translator, lines[::-1]).items())
    assert same(answers(translator, [lines[5]])["k5"], found["k5"])


def test_like_lines_have_like_answers(case: Case, translator: Any) -> None:
    if case.cls.in_context:
        pytest.skip("the lines before it matter to this one")
    first, second, *_ = sentences(case)
    again = SourceLine(key="again", text=first.text)
    found = answers(translator, [first, second, again])
    assert found.keys() == {"k0", "k1", "again"} and found["again"] == found["k0"]


def test_known_lines_are_passed_over(case: Case, translator: Any) -> None:
    lines = sentences(case)
    known = {line.key: Answer(failure="known") for line in lines[::2]}
    assert answers(translator, lines, known).keys() == {line.key for line in lines} - known.keys()
    everything = {line.key: Answer(failure="known") for line in lines}
    assert answers(translator, lines, everything) == {}


def test_stopped_and_gone_on_gives_the_same(case: Case, translator: Any) -> None:
    lines = sentences(case)
    whole = [dict(batch) for batch in translator.translate(lines, {}, silent)]
    for after in range(len(whole)):
        known: dict[str, Answer] = {}
        for number, batch in enumerate(translator.translate(lines, {}, silent)):
            if number == after:
                break
            known.update(batch)
        rest = answers(translator, lines, known)
        together = {**known, **rest}
        assert together == {key: answer for batch in whole for key, answer in batch.items()}
        if after == 3:
            break


def test_it_counts_lines_and_can_be_stopped_between_batches(case: Case, translator: Any) -> None:
    lines = sentences(case)
    ticks: list[float] = []

    def report(done: float, total: float) -> None:
        assert total == len(lines)
        ticks.append(done)

    answers(translator, lines, {"k0": Answer(failure="known")}, report)
    assert ticks == sorted(ticks) and ticks[0] >= 0 and ticks[-1] == len(lines)

    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        answers(translator, lines, {}, stop)


def test_strange_lines_are_answered_too(case: Case, translator: Any) -> None:
    long = " ".join(case.texts())
    long = (long + " ") * (5000 // len(long) + 1)
    lines = [SourceLine(key=key, text=text) for key, text in {**STRANGE, "long": long}.items()]
    found = answers(translator, lines)
    assert found.keys() == {*STRANGE, "long"}
    if case.cls.by_hand:
        return
    assert not found["empty"].candidates and not found["space"].candidates
    assert all(bool(answer.candidates) != bool(answer.failure) for answer in found.values())


def test_shorter_and_longer_are_what_they_say(case: Case, translator: Any) -> None:
    if not case.cls.varies:
        pytest.skip("it gives none")
    best = answers(translator, sentences(case))
    for wanted in ("shorter", "longer"):
        found = answers(translator, sentences(case, wanted))
        assert found.keys() == best.keys()
        given = [(key, c) for key, answer in found.items() for c in answer.candidates]
        assert given, f"no line has a {wanted} translation"
        for key, candidate in given:
            first = width(best[key].candidates[0].text)
            assert width(candidate.text) < first if wanted == "shorter" else width(candidate.text) > first
        assert answers(translator, sentences(case, wanted)) == found


def test_an_unknown_language_is_refused_by_name(case: Case, options: dict[str, Any]) -> None:
    if not case.languages:
        pytest.skip("it takes any language")
    for side in ("source", "target"):
        with pytest.raises(InvalidJob, match="xx") as told:
            case.cls(options_of(case.cls, {**options, side: "xx"}))
        assert told.value.hint


def test_an_unknown_option_is_refused(case: Case, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob, match="beans"):
        options_of(case.cls, {**options, "beans": 4})

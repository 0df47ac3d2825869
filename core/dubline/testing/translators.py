"""What every translator promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dubline.backends.choosing import options_of
from dubline.errors import Cancelled
from dubline.language.script import width
from dubline.report import Report, silent
from dubline.testing.promises import GENERAL, Promises, Subject, cancellation, check, hold, refusal
from dubline.values.translated import Answer, SourceLine

THINGS = ("river", "door", "table", "chair", "bed", "book", "ship", "horse", "dog", "cat", "tree", "street")
SENTENCES = tuple(f"The old house has {n} windows and a {thing}." for n, thing in enumerate(THINGS, 2))
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
LONG = 5000  # characters of one line that it has to bear


def check_translator(
    cls: Any, *, options: Mapping[str, Any] | None = None, sentences: Sequence[str] = SENTENCES
) -> None:
    """Try every promise of a translator that is loaded with these options, `source` and `target` among them.

    `sentences`: at least twelve, all different, in the source language, that it translates without failing.

    Raises:
        AssertionError: one is broken.
    """
    check(TRANSLATOR_PROMISES, cls, options, tuple(sentences))


def _lines(subject: Subject, wanted: Any = "") -> list[SourceLine]:
    return [
        SourceLine(key=f"k{number}", text=text, ids=(number,), seconds=2.0, wanted=wanted)
        for number, text in enumerate(subject.sample or SENTENCES)
    ]


def _answers(
    translator: Any,
    lines: Sequence[SourceLine],
    known: Mapping[str, Answer] | None = None,
    report: Report = silent,
) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for batch in translator.translate(lines, known or {}, report):
        hold(not batch.keys() & found.keys(), f"{sorted(batch.keys() & found.keys())} are answered twice")
        found.update(batch)
    wanted = {line.key for line in lines} - (known or {}).keys()
    lost, more = sorted(wanted - found.keys()), sorted(found.keys() - wanted)
    hold(not lost, f"{lost} have no answer")
    hold(not more, f"{more} are answered, and nobody asked")
    return found


def _same(one: Answer, other: Answer) -> bool:
    """Equal, but for the last digits of the scores."""
    if one.failure != other.failure or len(one.candidates) != len(other.candidates):
        return False
    return all(
        a.text == b.text
        and a.origin == b.origin
        and (a.score is None) == (b.score is None)
        and abs((a.score or 0) - (b.score or 0)) <= 2e-3
        for a, b in zip(one.candidates, other.candidates, strict=True)
    )


def _tells(subject: Subject) -> None:
    cls = subject.cls
    flags = (cls.whole_sentences, cls.in_context, cls.varies, cls.by_hand)
    hold(all(isinstance(flag, bool) for flag in flags), f"its flags are {flags}")
    lacks = {"source", "target", "candidates"} - set(cls.Options.__struct_fields__)
    hold(not lacks, f"it knows no option {', '.join(sorted(lacks))}")


def _once(subject: Subject) -> None:
    for key, answer in _answers(subject.opened, _lines(subject)).items():
        given = bool(answer.candidates) + bool(answer.failure)
        if subject.cls.by_hand:
            hold(given == 0, f"{key} is answered, although a person will")
            continue
        hold(given == 1, f"{key} has either translations and a failure, or neither")
        hold(not answer.failure, f"{key} fails: {answer.failure}")
        texts = [candidate.text for candidate in answer.candidates]
        hold(len(set(texts)) == len(texts), f"{key} has the same translation twice: {texts}")
        hold(all(text and text == text.strip() for text in texts), f"{key}: spaces around {texts}")
        scores = [c.score for c in answer.candidates if c.score is not None]
        hold(scores == sorted(scores, reverse=True), f"{key}: the best does not come first: {scores}")


def _few(subject: Subject) -> None:
    if subject.cls.by_hand:
        return  # a person gives one
    with subject.cls(options_of(subject.cls, {**subject.options, "candidates": 2})) as two:
        found = _answers(two, _lines(subject)[:6])
    most = max(len(answer.candidates) for answer in found.values())
    hold(most <= 2, f"asked for 2 it gives {most}")


def _little(subject: Subject) -> None:
    _answers(subject.opened, [])
    _answers(subject.opened, _lines(subject)[:1])


def _order(subject: Subject) -> None:
    if subject.cls.in_context:
        return  # the lines before it matter to a line
    lines = _lines(subject)
    found = _answers(subject.opened, lines)
    for key, answer in _answers(subject.opened, lines[::-1]).items():
        hold(_same(found[key], answer), f"{key} has another answer when the lines come backwards")
    hold(_same(_answers(subject.opened, [lines[5]])["k5"], found["k5"]), "k5 has another answer alone")


def _like(subject: Subject) -> None:
    if subject.cls.in_context:
        return
    first, second, *_ = _lines(subject)
    found = _answers(subject.opened, [first, second, SourceLine(key="again", text=first.text)])
    hold(found["again"] == found["k0"], "the same text has two answers")


def _known(subject: Subject) -> None:
    lines = _lines(subject)
    for some in (lines[::2], lines):
        _answers(subject.opened, lines, {line.key: Answer(failure="known") for line in some})


def _resumed(subject: Subject) -> None:
    lines = _lines(subject)
    batches = [dict(batch) for batch in subject.opened.translate(lines, {}, silent)]
    whole = {key: answer for batch in batches for key, answer in batch.items()}
    for after in range(min(4, len(batches))):
        known: dict[str, Answer] = {}
        for number, batch in enumerate(subject.opened.translate(lines, {}, silent)):
            if number == after:
                break
            known.update(batch)
        together = {**known, **_answers(subject.opened, lines, known)}
        hold(together == whole, f"stopped after {after} batches and gone on, answers are others")


def _progress(subject: Subject) -> None:
    lines = _lines(subject)
    counts: list[tuple[float, float]] = []
    known = {"k0": Answer(failure="known")}
    _answers(subject.opened, lines, known, lambda done, total: counts.append((done, total)))
    hold(all(total == len(lines) for _, total in counts), f"the total is not {len(lines)}: {counts}")
    grows = counts == sorted(counts) and counts[0][0] >= 0 and counts[-1][0] == len(lines)
    hold(grows, f"it does not grow to {len(lines)}: {counts}")


def _stop(subject: Subject) -> None:
    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with cancellation():
        _answers(subject.opened, _lines(subject), {}, stop)


def _strange(subject: Subject) -> None:
    long = " ".join(line.text for line in _lines(subject)) + " "
    texts = {**STRANGE, "long": long * (LONG // len(long) + 1)}
    found = _answers(subject.opened, [SourceLine(key=key, text=text) for key, text in texts.items()])
    if subject.cls.by_hand:
        return
    for key, answer in found.items():
        hold(
            bool(answer.candidates) != bool(answer.failure),
            f"the text {key!r} is neither translated nor failed",
        )
    for key in ("empty", "space"):
        hold(not found[key].candidates, f"of nothing ({key}) comes {found[key].candidates}")


def _variants(subject: Subject) -> None:
    if not subject.cls.varies:
        return
    best = _answers(subject.opened, _lines(subject))
    for wanted in ("shorter", "longer"):
        found = _answers(subject.opened, _lines(subject, wanted))
        given = [(key, c) for key, answer in found.items() for c in answer.candidates]
        hold(bool(given), f"no line has a {wanted} translation")
        for key, candidate in given:
            change = width(candidate.text) - width(best[key].candidates[0].text)
            right = change < 0 if wanted == "shorter" else change > 0
            hold(right, f"{key} asked for {wanted}: {candidate.text!r}")
        again = _answers(subject.opened, _lines(subject, wanted))
        hold(again == found, f"{wanted} ones are others the second time")


def _languages(subject: Subject) -> None:
    if subject.cls.by_hand or getattr(subject.cls, "any_language", False):
        return
    for side in ("source", "target"):
        with refusal(f"the {side} language 'xx'", word="xx"):
            subject.cls(options_of(subject.cls, {**subject.options, side: "xx"}))


TRANSLATOR_PROMISES: Promises = {
    **GENERAL,
    "it tells what it can": _tells,
    "every line is answered once": _once,
    "there are no more candidates than asked for": _few,
    "nothing and a single line do no harm": _little,
    "a line is answered alike alone and in any order": _order,
    "like lines have like answers": _like,
    "known lines are passed over": _known,
    "stopped and gone on gives the same": _resumed,
    "progress grows to the end": _progress,
    "it stops when it is told to": _stop,
    "strange lines are answered too": _strange,
    "shorter and longer are what they say": _variants,
    "an unknown language is refused with advice": _languages,
}

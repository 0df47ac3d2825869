"""Who translates what a film says in other languages than its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from dubline.backends.choosing import Settled
from dubline.backends.lacks import by_a_person
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.language.script import base_language
from dubline.report import quantity
from dubline.values.base import Choice
from dubline.values.languages import language_name
from dubline.values.transcript import Transcript
from dubline.values.translated import Translation
from dubline.values.wishes import TranslateWish

Settle = Callable[[TranslateWish, str, str, str], Settled]


class Others(NamedTuple):
    """`choices`: language -> its translator; one that has none is left to a person. `reasons`, in words."""

    choices: dict[str, Choice]
    reasons: tuple[str, ...]


def is_in(language: str, target: str) -> bool:
    """Whether what is said in a language needs no translation into another."""
    return base_language(language) == base_language(target)


def other_sources(
    wish: TranslateWish,
    transcript: Transcript,
    source: str,
    target: str,
    before: Translation | None,
    settle: Settle,
) -> Others:
    """A translator for each language beside `source` that lines are in: the one that was named; where none
    was, the one that translated them `before`, else the best that is here. A model that was named may be for
    one pair of languages, so another of the same back end will do."""
    counts = Counter(s.language for s in transcript.segments if s.language and s.language != source)
    choices: dict[str, Choice] = {}
    reasons = []
    for language, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))):
        language = str(language)
        lines, name = quantity(count, "line"), language_name(language)
        if is_in(language, target):
            reasons.append(f"{lines} in {name} already: taken as spoken")
            continue
        lacks: WeightsError | BackendMissing | InvalidJob | None = None
        for asked in _ways(wish, language, before):
            try:
                settled = settle(asked, language, target, "as asked")
            except (BackendMissing, InvalidJob, WeightsError) as error:
                lacks = lacks or error
                continue
            choices[language] = settled.choice
            model = settled.choice.options.get("model")
            who = settled.choice.backend + (f" with {model}" if model else "")
            reasons.append(f"{lines} in {name}: translated by {who}")
            break
        else:
            assert lacks is not None
            missing = by_a_person(language, [target]) if _open(wish) else f"{lacks.message}. {lacks.hint}"
            reasons.append(f"{lines} in {name}: left to a person. {missing}")
    return Others(choices, tuple(reasons))


def _open(wish: TranslateWish) -> bool:
    """Whether nobody has named a translator."""
    return wish.open or bool(wish.found_for)


def _ways(wish: TranslateWish, language: str, before: Translation | None) -> tuple[TranslateWish, ...]:
    """What to ask for, the first that can be had counts."""
    anybody = replace(wish, translator=None, translator_model=None, found_for=None)
    if not _open(wish):
        return wish, replace(wish, translator_model=None)
    known = (before.translators or {}).get(language) if before is not None else None
    if known is None:
        return (anybody,)
    same = replace(wish, translator=known.choice.backend, translator_model=known.choice.options.get("model"))
    return same, anybody

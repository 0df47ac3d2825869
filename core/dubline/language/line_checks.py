# ruff: noqa: RUF001 - the marks of many scripts look like each other
"""What is wrong with a translated line.

    problems("Saat 9'da gel.", "Come at 9.", source_language="tr", target_language="en")
A hard problem forbids a text: it is no translation, or a viewer would be told something false. A soft one is
worth a look. Whatever real translations do is no problem; where a language has no table (number words,
scripts) a check says less, never more.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from dubline.language.line_marks import PLACEHOLDERS, TAGS
from dubline.language.numbers import LANGUAGES, figures, is_clock, spoken
from dubline.language.script import INTERJECTIONS, KNOWN_SCRIPTS, SCRIPTS, base_language
from dubline.values.base import Value

_UNKNOWN = re.compile(
    r"<unk>|\[UNK\]|⁇|\ufffd|__[a-z]{2,3}(?:_[A-Za-z]+)?__|>>[a-z]{2,3}(?:_[A-Za-z]+)?<<|\b[a-z]{3}_[A-Z][a-z]{3}\b"
    r"|</?s>|<pad>|<\|[^|<>]*\|>|\[/?INST\]|▁|@@(?= |$)",
)
_TALK_OF_TRANSLATION = re.compile(r"transl|çevir|tercüm|übersetz|tradu|vertal|перев|翻|通訳|번역|ترجم", re.I)
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|okay|absolutely|great)\b[^.!?:]{0,12}[,.!:]\s*)?"
    r"(?:here(?:'s| is| are)\s+(?:the|your|a|my)\s+(?:\w+\s+){0,3}translat"
    r"|(?:the|my|your)?\s*(?:\w+\s+)?translat(?:ion|ed (?:text|line|sentence))\b[^.!?]{0,40}(?::|\bis\b)"
    r"|i(?:'ll| will| can)\s+translate|let me translate|i (?:cannot|can't|can not) translate)"
    r"|(?:as an?|i(?:'m| am) (?:just )?an?) (?:ai|artificial intelligence|language)"
    r" (?:language )?(?:model|assistant)"
    r"|(?:elbette,? )?işte\s+\w*\s*çevir|çeviri(?:si)?\s*:|(?:la )?(?:traducción|traduction|traduzione)\s*:",
    re.I,
)
_LABEL = re.compile(
    r"(?:english|turkish|spanish|german|french|italian|türkçe|ingilizce|output|answer|result)\s*:", re.I
)
_NOTE = re.compile(
    r"[(\[](?:translator'?s? note|note|n\.?b\.?|tn|t/n|lit\.|literal(?:ly)?|alternative(?:ly)?|or:)\b"
    r"[^)\]]*[)\]]"
    r"|\n\s*(?:note|explanation|alternative)s?\b[^\n]{0,20}:",
    re.I,
)
_QUOTE_PAIRS = ('""', "“”", "«»", "„“", "„”", "「」", "『』", "‘’", "''", "``")
_ADDRESS = re.compile(
    r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|info|tv|[a-z]{2})\b(?:/\S*)?|#\w+|@\w+"
)
"""Places on the net, which read the same in every language."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Problem(Value, frozen=True):
    """What is wrong: `code` for programs, `detail` in words. A `hard` problem forbids the text.

    Codes: empty, source_copy, numbers, placeholders, tags, repetition, chatter, wrong_script, too_long_text,
    too_short, glossary, unknown_token, control.
    """

    code: str
    hard: bool
    detail: str


class Problems(tuple[Problem, ...]):
    """Problems in the order of the checks; empty where nothing is wrong."""

    __slots__ = ()

    @property
    def hard(self) -> tuple[str, ...]:
        """What forbids the text, in words."""
        return tuple(p.detail for p in self if p.hard)

    @property
    def soft(self) -> tuple[str, ...]:
        """What is worth a look, in words."""
        return tuple(p.detail for p in self if not p.hard)


def problems(
    source: str,
    translation: str,
    source_language: str,
    target_language: str,
    glossary: Sequence[tuple[str, str]] = (),
) -> Problems:
    """What is wrong with a translation. Languages are codes such as "tr" or "pt-BR"; "" is an unknown one.

    `glossary` has pairs (term of the source, term of the target). Nothing is wrong with an empty translation
    of an empty source.
    """
    if not translation.strip():
        missing = (Problem(code="empty", hard=True, detail="the translation is empty"),)
        return Problems(missing if source.strip() else ())
    faults: list[Problem] = []
    languages = base_language(source_language), base_language(target_language)
    plain = PLACEHOLDERS.sub(" ", TAGS.sub("", source)), PLACEHOLDERS.sub(" ", TAGS.sub("", translation))
    if any(map(str.isalnum, plain[0])) and not any(map(str.isalnum, plain[1])):
        faults.append(Problem(code="empty", hard=True, detail="the translation holds no word"))
    for code, check in (
        ("unknown_token", _unknown_token(source, translation)),
        ("control", _control(source, translation)),
        ("chatter", _chatter(source, translation)),
        ("source_copy", _source_copy(*plain, *languages)),
        ("wrong_script", _wrong_script(*plain, languages[1])),
        ("placeholders", _changed(PLACEHOLDERS, source, translation)),
        ("tags", _changed(TAGS, source, translation)),
        ("numbers", _numbers(*plain, *languages)),
        ("repetition", _repetition(*plain)),
        ("too_long_text", _too_long(*plain)),
        ("too_short", _too_short(*plain)),
        ("glossary", _glossary(*plain, glossary)),
    ):
        faults.extend(Problem(code=code, hard=hard, detail=detail) for hard, detail in check)
    return Problems(faults)


Findings = Iterator[tuple[bool, str]]  # (hard, detail)


def _unknown_token(source: str, translation: str) -> Findings:
    tokens = {token for token in _UNKNOWN.findall(translation) if token not in source}
    if tokens:
        yield True, f"it holds tokens of the model: {' '.join(sorted(tokens))}"


def _control(source: str, translation: str) -> Findings:
    codes = {
        c for c in translation if unicodedata.category(c) in ("Cc", "Co", "Cs") and c not in "\n\t" + source
    }
    if codes:
        yield True, "it holds control characters: " + " ".join(f"U+{ord(c):04X}" for c in sorted(codes))


def _chatter(source: str, translation: str) -> Findings:
    text = translation.strip()
    about = _TALK_OF_TRANSLATION.search(source) is not None
    if "```" in text and "```" not in source:
        yield True, "it holds a code fence"
    elif re.search(r"</?think(?:ing)?>", text):
        yield True, "it holds a model's thoughts"
    elif (
        (_PREAMBLE.match(text) and not (about and (":" in source or ":" not in text)))
        or (_LABEL.match(text) and not re.match(r"\s*\w+\s*:", source))
        or (_NOTE.search(text) and not re.search(r"[(\[]", source))
    ):
        yield True, "it talks about the translation"
    elif re.fullmatch(r'[{\[]\s*"[^"]*"\s*[:,\]].*', text, re.S) and source.strip()[:1] not in ("{", "["):
        yield True, "it is data, not a text"
    elif "\n" in text and "\n" not in source.strip():
        yield re.search(r"\n\s*\n", text) is not None, "it has more lines than the source"
    marks = set("".join(_QUOTE_PAIRS)) - set("'’‘")
    for pair in _QUOTE_PAIRS:
        opening, closing = pair[0], pair[1]
        inner = text[1:-1]
        if (
            len(text) > 2
            and text[0] == opening
            and text[-1] == closing
            and opening not in inner
            and closing not in inner
            and not marks & set(source)
            and source.strip()[0] not in "'‘"
        ):
            yield True, "it stands in quotation marks, the source does not"
            break


# --- the same words ----------------------------------------------------------------------------


def _folded(text: str) -> list[str]:
    """The words in lower case, all letters i alike: Turkish has two of them, and upper case tells them
    apart only in Turkish."""
    text = unicodedata.normalize("NFC", text.replace("İ", "i")).casefold().replace("ı", "i")
    return _WORD.findall(text.replace("’", "'"))


def _source_copy(source: str, translation: str, source_language: str, target_language: str) -> Findings:
    words = _folded(source)
    if source_language == target_language or words != _folded(translation):
        return
    written = _WORD.findall(source)
    wide = sum(len(word) for word in words if _extent(word) > len(word))
    if (len(words) < 2 and wide < 7) or all(w in INTERJECTIONS or w.isdigit() for w in words):
        return
    written = [w for w in _WORD.findall(_ADDRESS.sub(" ", source)) if not w[0].isdigit()]
    cased = [w for w in written if w[0].isupper() or w[0].islower()]
    if not written:
        return  # addresses and numbers
    if not source.isupper() and len(cased) == len(written) and all(w[0].isupper() for w in cased):
        return  # names
    yield not source.isupper(), "it is the source itself"


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """LATIN, CYRILLIC, CJK ... or "" for what belongs to no script that is known."""
    name = unicodedata.name(letter, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    first = name.split(" ")[0].split("-")[0]
    return first if first in KNOWN_SCRIPTS else ""


def _wrong_script(source: str, translation: str, language: str) -> Findings:
    scripts = SCRIPTS.get(language)
    if scripts is None:
        return
    own, strange, kept = 0, Counter[str](), 0
    known = set(_WORD.findall(source))
    for word in _WORD.findall(translation):
        for foreign, run in groupby(word, lambda c: bool(_script(c)) and _script(c) not in scripts):
            part = "".join(run)
            if not foreign:
                own += sum(bool(_script(c)) for c in part)
            elif part in known or (part.isascii() and part.isupper() and len(part) <= 5):
                kept += len(part)  # a name, or an abbreviation such as FBI
            else:
                strange.update(map(_script, part))
    letters = own + kept + strange.total()
    names = ", ".join(script.title() for script in sorted(strange))
    if strange.total() >= 2 and strange.total() > 0.3 * letters:
        yield True, f"it is written in another script than its language: {names}"
    elif any(script != "LATIN" for script in strange):
        yield False, f"some of it is in another script: {names}"
    elif kept >= 4 and not own:
        yield False, "it is the source's writing, not the target's"


def _changed(pattern: re.Pattern[str], source: str, translation: str) -> Findings:
    before, after = Counter(pattern.findall(source)), Counter(pattern.findall(translation))
    if before != after:
        lost, added = list((before - after).elements()), list((after - before).elements())
        changes = [f"lost {' '.join(lost)}"] if lost else []
        yield True, "; ".join([*changes, *([f"added {' '.join(added)}"] if added else [])])


def _numbers(source: str, translation: str, source_language: str, target_language: str) -> Findings:
    before, after = figures(source), figures(translation)
    if "".join(re.findall(r"\d", source)) == "".join(re.findall(r"\d", translation)):
        return  # grouped in another way, such as a telephone number
    added = list(after)
    lost = []
    for written, ways in before:
        same = next((number for number in added if number[1] & ways), None)
        if same is None:
            lost.append((written, ways))
        else:
            added.remove(same)
    said = spoken(translation, target_language)
    lost = [(written, ways) for written, ways in lost if not ways & said]
    heard = spoken(source, source_language)
    added = [(written, ways) for written, ways in added if not ways & heard]
    if not lost and not added:
        return
    detail = "; ".join(
        f"{what} the number {' '.join(written for written, _ in numbers)}"
        for what, numbers in (("lost", lost), ("added", added))
        if numbers
    )
    # Times are told in many ways, a one is an article, and a language without a table may spell out what is
    # short to say. What is only added may stand for a word, as 911 does for the police.
    sure = [
        written
        for written, ways in lost
        if not (is_clock(written) or ways & {"1", "05"})
        and (target_language in LANGUAGES or added or (len(written) > 2 and not written.endswith("00")))
    ]
    invented = bool(added) and not any(map(str.isalpha, source))
    yield bool(sure) or invented, detail


# --- length and loops --------------------------------------------------------------------------


def _extent(text: str) -> float:
    """Characters, an ideograph or a syllable of Hangul for three: they hold as much as a short word."""
    return sum(3.0 if _script(c) in ("CJK", "HANGUL", "HIRAGANA", "KATAKANA") else 1.0 for c in text)


def _runs(items: Sequence[str], longest: int) -> dict[int, int]:
    """Length of a pattern -> how often one of that length stands in a row at most, itself included."""
    most = {}
    for size in range(1, min(longest, len(items) // 2) + 1):
        same = best = 0
        for index in range(len(items) - size):
            same = same + 1 if items[index] == items[index + size] else 0
            best = max(best, same)
        if best >= size:
            most[size] = best // size + 1
    return most


def _repetition(source: str, translation: str) -> Findings:
    words, letters = _folded(translation), [c for c in translation.casefold() if c.isalpha() or c in "!?♪"]
    own = max(_runs(_folded(source), 12).values(), default=1)
    own_letters = max(
        _runs([c for c in source.casefold() if c.isalpha() or c in "!?♪"], 8).values(), default=1
    )
    # Three in a row is how people talk; a long phrase three times is a loop.
    if words and all(word in INTERJECTIONS for word in words) and len(words) <= 12:
        return  # laughter
    for size, times in _runs(words, 12).items():
        if times >= (4 if size < 5 else 3) and times > 1.5 * max(own, own_letters if own_letters > 3 else 1):
            yield True, f"it says {size} word{'s' * (size > 1)} {times} times in a row"
            return
    wide = any(_script(c) in ("CJK", "HIRAGANA", "KATAKANA", "THAI") for c in letters)
    for size, times in _runs(letters, 8).items():
        if times >= (10 if size == 1 else 4 if wide and size > 2 else 6) and times > 4 * own_letters:
            if size > 1 and times <= 1.5 * own:
                continue  # a word that the source repeats
            yield True, f"it repeats {size} letter{'s' * (size > 1)} {times} times in a row"
            return


def _too_long(source: str, translation: str) -> Findings:
    if _extent(translation) > 4 * max(20.0, _extent(source)):
        yield True, "it is more than four times as long as the source"


def _too_short(source: str, translation: str) -> Findings:
    if _extent(source) > 60 and _extent(translation) < 0.15 * _extent(source):
        yield False, "it is so short that a sentence may be missing"


def _glossary(source: str, translation: str, glossary: Sequence[tuple[str, str]]) -> Findings:
    for term, target in glossary:
        if term.strip() and target.strip() and holds(source, term) and not holds(translation, target):
            yield False, f"the glossary's {target!r} for {term!r} is missing"


def holds(text: str, term: str) -> bool:
    """Whether a term stands in a text, in any case and with any ending; short ones with none but after an
    apostrophe."""
    words, name = " ".join(_folded(text)), " ".join(_folded(term))
    if not name or _extent(name) > len(name):
        return bool(name) and name.replace(" ", "") in words.replace(" ", "")
    end = r"(?![^\W_])" if len(name) <= 3 else ""
    return re.search(rf"(?<![^\W_]){re.escape(name)}{end}", words) is not None

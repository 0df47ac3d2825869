# ruff: noqa: RUF001 - Turkish has a dotless i
"""Which numbers a text holds, in digits or (English, Turkish) in words: to compare two languages.

Everything is generous: a number counts as kept if any way to read the one is a way to read the other, since
languages write 2.30, 2:30 and "half past two" for the same time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from fractions import Fraction

_FIGURES = re.compile(r"\d+(?:[.,:'’\u00a0\u202f]\d+|[ ]\d{3}(?!\d))*")
_CLOCK = re.compile(r"(\d{1,2})[.:,](\d\d)")
_DECIMAL = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")
_WORD = re.compile(r"[^\W\d_]+")

_MARKS = re.compile(r"[.,;:!?…]")


def _table(text: str) -> dict[str, int]:
    return {word: int(value) for word, _, value in (item.partition("=") for item in text.split())}


_VALUES = {
    "en": _table(
        """zero=0 oh=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11
        twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19
        twenty=20 thirty=30 forty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 hundred=100
        thousand=1000 million=1000000 billion=1000000000 first=1 once=1 second=2 twice=2 third=3 fifth=5
        eighth=8 ninth=9 twelfth=12 dozen=12 quarter=15 half=30 noon=12 midnight=12
        both=2 couple=2 pair=2 double=2 single=1 triple=3"""
    ),
    "tr": _table(
        """sıfır=0 bir=1 iki=2 üç=3 dört=4 dörd=4 beş=5 altı=6 yedi=7 sekiz=8 dokuz=9 on=10 yirmi=20
        otuz=30 kırk=40 elli=50 altmış=60 yetmiş=70 seksen=80 doksan=90 yüz=100 bin=1000 milyon=1000000
        milyar=1000000000 ilk=1 düzine=12 yarım=30 buçuk=30 çeyrek=15 öğle=12
        çift=2 ikiz=2 tek=1"""
    ),
}
LANGUAGES = frozenset(_VALUES)
"""Languages whose number words are known."""

# Turkish sets its endings on the word ("ikide", "üçüncü"), English a few ("thirties", "fourth"). Cut off as
# many letters as that takes; what is read too often makes a check milder, never wrong.
_LONGEST_ENDING = {"en": 3, "tr": 6}


def figures(text: str) -> list[tuple[str, frozenset[str]]]:
    """Numbers in digits of any script: each as written, with all ways to read it (strings of digits)."""
    numbers = []
    for match in _FIGURES.finditer(text):
        written = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in match[0])
        digits = re.sub(r"\D", "", written)
        ways = {digits, digits.lstrip("0") or "0"}
        decimal = re.fullmatch(r"(.+)[.,](\d\d?)", written)
        if decimal:
            ways.add(re.sub(r"\D", "", decimal[1] + decimal[2].rstrip("0")) or "0")
        clock = _CLOCK.fullmatch(written)
        if clock and int(clock[1]) < 25 and int(clock[2]) < 60:
            minutes = clock[2] if clock[2] != "00" else ""
            for hour in (int(clock[1]), int(clock[1]) % 12 or 12):
                ways |= {f"{hour}{minutes}", f"{hour}{clock[2]}"}
            if not minutes and int(clock[1]) > 12:
                ways.add(str(int(clock[1]) - 12))
        after = _WORD.match(text, match.end() + (text[match.end() : match.end() + 1] in (" ", "-", "\u00a0")))
        for values in _VALUES.values():
            scale = values.get(after[0].casefold(), 0) if after else 0
            if scale >= 100 and _DECIMAL.fullmatch(written):
                ways.add(str(round(Fraction(written.replace(",", ".")) * scale)))
        numbers.append((match[0], frozenset(ways)))
    return numbers


def is_clock(written: str) -> bool:
    """Whether a number may be a time of day, which can be told in many ways."""
    clock = _CLOCK.fullmatch(written)
    return clock is not None and int(clock[1]) < 25 and int(clock[2]) < 60


def _value(word: str, language: str) -> int | None:
    word = word.replace("İ", "i").casefold() if language == "tr" else word.casefold()
    values = _VALUES[language]
    for cut in range(_LONGEST_ENDING[language] + 1):
        stem = word[: len(word) - cut]
        if len(stem) < 2:
            break
        if stem in values:
            return values[stem]
        if language == "en" and cut and stem + "y" in values:  # "twentieth", "thirties"
            return values[stem + "y"]
    return None


def _runs(text: str, language: str) -> Iterator[list[int]]:
    """The values of number words that follow each other without a mark between."""
    for clause in _MARKS.split(text):
        run: list[int] = []
        for word in _WORD.findall(clause):
            value = _value(word, language)
            if value is not None:
                run.append(value)
            elif run and word.casefold() not in {"and", "o", "a"}:
                yield run
                run = []
        if run:
            yield run


def _added(values: Sequence[int]) -> int:
    """[2, 1000, 3] -> 2003."""
    whole = part = 0
    for value in values:
        if value >= 1000:
            whole, part = whole + max(part, 1) * value, 0
        elif value == 100:
            part = max(part, 1) * 100
        else:
            part += value
    return whole + part


def _pairs(values: Sequence[int]) -> list[int]:
    """[19, 80, 4] -> [19, 84]: tens take up the one that follows."""
    out: list[int] = []
    for value in values:
        if out and 10 <= out[-1] < 100 and out[-1] % 10 == 0 and 0 < value < 10:  # ten too: Turkish "on iki"
            out[-1] += value
        else:
            out.append(value)
    return out


def spoken(text: str, language: str) -> frozenset[str]:
    """All numbers that may be read from a text's words, as digits; none for a language without a table."""
    if language not in _VALUES:
        return frozenset()
    numbers: set[str] = set()
    for run in _runs(text, language):
        pairs = _pairs(run)
        numbers.update(map(str, (*run, *pairs, _added(run))))
        for first in range(len(run)):
            for last in range(first + 2, min(len(run), first + 8) + 1):
                numbers.add(str(_added(run[first:last])))
        numbers.add("".join(map(str, run)))
        for first in range(len(pairs)):
            for last in range(first + 2, min(len(pairs), first + 4) + 1):
                numbers.add("".join(map(str, pairs[first:last])))
    return frozenset(numbers)

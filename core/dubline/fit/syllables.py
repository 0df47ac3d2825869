# ruff: noqa: RUF001 - letters of many scripts look like each other
"""How many syllables a word has, and how a number is read aloud.

Turkish is exact: a syllable for each vowel letter. So are alphabets whose vowels are letters of their own
(Cyrillic), Korean blocks and kana. English is a rule of thumb with a short list of exceptions; how often it
is right against a speech synthesiser is measured by `benchmarks/durations.py`. Other Latin languages and
Greek count groups of vowels. Arabic and Hebrew leave short vowels unwritten, so there it is an estimate.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from dubline.language.script import base_language

_TURKISH = frozenset("aeıioöuüâîû")
_CYRILLIC = frozenset("аеёиоуыэюяіїєўѣ")
_SMALL_KANA = frozenset("ゃゅょァィゥェォャュョヮぁぃぅぇぉゎ")

# Vowels that stand apart although they are neighbours: in these languages two strong vowels never share a
# syllable, and an accent on i or u parts it from the next.
_STRONG = {
    "es": "aeoáéóíú",
    "it": "aeoàèéòóìíùú",
    "pt": "aeoáéóíúâêôàãõ",
    "ro": "aeoăâî",
}
_SILENT_U = re.compile(r"(?<=[qg])u(?=[eéií])")
_GROUP = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿāēīōūăąęěůűőıαεηιουωάέήίόύώϊϋΐΰ]+")
_FRENCH_MUTE = re.compile(r"(?<=[^aeiouyéèêàâîïôûù])(?:e|es|ent)$")

_ENGLISH_MUTE = re.compile(
    r"(?:(?<=[^laeiouy])es?|(?<=[aeiou]l)es?|(?<=[^aeiouytdl])ed|(?<=[aeioul]l)ed|(?<=[aeou]y)ed)$"
)
_ENGLISH_SIBILANT = re.compile(r"(?:[sxz]|ch|sh|[cg])es$")
_ENGLISH_APART = re.compile(
    r"i(?:a(?!ge|l$)|al$|o(?!us$|n$|ns$)|um|ety)|[^gqts]ua|eo(?!u)(?=[^p]|$)|crea(?=t[eio])|rea(?=ct)|(?<=[^aeiou])ier|(?<=[aeiouy])ing|uou|sm$"
)
_ENGLISH_TOGETHER = re.compile(r"(?:[ct]ia[ln]?|[cgst]io)")
_ENGLISH_MEDIAL = re.compile(
    r"(?<=[aeiouy][^aeiouy])e(?=(?:ly|ful|less|ment|ness|where|thing|times?|body|one)s?$)"
)
_ENGLISH = {
    "every": 2, "everything": 3, "everyone": 3, "everybody": 4, "family": 3, "business": 2, "evening": 2,
    "being": 2, "something": 2, "sometimes": 2, "someone": 2, "somebody": 3, "nothing": 2, "people": 2,
    "hour": 1, "hours": 1, "our": 1, "fire": 1, "idea": 3, "real": 1, "really": 2, "create": 2,
    "quiet": 2, "science": 2, "lion": 2, "poem": 2, "doing": 2, "going": 2, "seeing": 2, "theatre": 3,
    "whose": 1, "were": 1, "there": 1, "where": 1, "maybe": 2, "wednesday": 2, "chocolate": 2,
    "beautiful": 3, "different": 2, "several": 2, "camera": 2, "cannot": 2, "ocean": 2, "safety": 2,
    "couldn't": 2, "wouldn't": 2, "shouldn't": 2, "didn't": 2, "doesn't": 2, "hadn't": 2, "hasn't": 2,
    "haven't": 2, "isn't": 2, "wasn't": 2, "mustn't": 2, "needn't": 2, "hmm": 1, "mr": 2, "mrs": 2,
    "aren't": 1, "weren't": 1, "they're": 1, "they'll": 1,
    "quietly": 3, "ok": 2, "poet": 2, "cruel": 2, "area": 3, "diary": 3, "theory": 3, "violence": 3,
    "liar": 2, "immediately": 5, "obviously": 4, "marriage": 2, "carefully": 3, "anyone": 3, "appreciate": 4,
}  # fmt: skip

_READ = {
    "en": {"dr": "doctor", "mr": "mister", "mrs": "missis", "st": "saint", "prof": "professor",
           "capt": "captain", "sgt": "sergeant", "lt": "lieutenant", "gen": "general", "col": "colonel",
           "jr": "junior", "sr": "senior", "vs": "versus", "etc": "et cetera", "&": "and", "%": "percent",
           "$": "dollars", "€": "euros", "£": "pounds", "@": "at", "+": "plus"},
    "tr": {"dr": "doktor", "av": "avukat", "prof": "profesör", "doç": "doçent", "sn": "sayın",
           "bkz": "bakınız", "vb": "ve benzeri", "vs": "vesaire", "tl": "türk lirası", "%": "yüzde",
           "$": "dolar", "€": "avro", "&": "ve", "+": "artı"},
}  # fmt: skip
"""Language -> what is written -> what is read: only what dialogue really holds."""

_UNITS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen",
    "tr": "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
}
_TENS = {
    "en": "- - twenty thirty forty fifty sixty seventy eighty ninety",
    "tr": "- on yirmi otuz kırk elli altmış yetmiş seksen doksan",
}
_HUNDRED = {"en": "hundred", "tr": "yüz"}
_SCALES = {
    "en": ("", "thousand", "million", "billion", "trillion"),
    "tr": ("", "bin", "milyon", "milyar", "trilyon"),
}
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SYMBOL = re.compile(r"[%&$€£@+]")
_INITIALS = re.compile(
    r"(?<!\w)(?:FBI|CIA|USA|DNA|UK|EU|ID|IQ|AI|ATM|SUV)(?!\w)|(?:[^\W\d_]\.){2,}[^\W\d_]?\.?|(?<!\w)[B-DF-HJ-NP-TV-XZÇĞŞ]{2,5}(?!\w)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


# --- what is read ------------------------------------------------------------------------------


def cardinal(number: int, language: str) -> str:
    """A whole number from 0 in words: English and Turkish; "" for other languages and from 10^15."""
    base = base_language(language)
    if base not in _UNITS or not 0 <= number < 10**15:
        return ""
    units, tens = _UNITS[base].split(), _TENS[base].split()
    hundred, scales = _HUNDRED[base], _SCALES[base]
    if number == 0:
        return units[0]
    turkish = base == "tr"
    words: list[str] = []
    for power in range(4, -1, -1):
        part = number // 1000**power % 1000
        if not part:
            continue
        if not (turkish and power == 1 and part == 1):  # "bin", never "bir bin"
            if part >= 100:
                # "yüz", never "bir yüz"
                words += [hundred] if turkish and part < 200 else [units[part // 100], hundred]
            rest = part % 100
            if rest >= len(units):
                words.append(tens[rest // 10])
                rest %= 10
            if rest:
                words.append(units[rest])
        if scales[power]:
            words.append(scales[power])
    return " ".join(words)


def _read_number(match: re.Match[str], language: str) -> str:
    """A number in words; in a language without names of numbers, two "la" for each."""
    text = match[0]
    parts = re.split("[.,:]", text)
    if len(parts) > 1 and ":" not in text and all(len(part) == 3 for part in parts[1:]):
        parts = ["".join(parts)]  # 1,500 and 1.500 are both thousands in dialogue
    words: list[str] = []
    for part in parts:
        if (
            base_language(language) == "en"
            and len(part) == 4
            and 1100 <= int(part) < 2000
            and int(part) % 100
        ):
            words += [cardinal(int(part[:2]), language), cardinal(int(part[2:]), language)]  # a year
            continue
        # A digit and the name of its place: two and a half syllables, as in English and Turkish.
        named = cardinal(int(part), language) if len(part) <= 15 else ""
        digits = sum(digit != "0" for digit in part)
        words.append(named or " ".join(["lala"] * max(1, round(1.25 * digits))))
    if len(parts) > 1 and ":" not in text:
        words.insert(1, "point")
    return f" {' '.join(words)} "


@lru_cache(maxsize=16384)
def read_aloud(text: str, language: str) -> str:
    """A text as it is spoken: numbers, titles and signs in words, initials as letters with a hyphen.

    English and Turkish have names of numbers and a table of abbreviations; in other languages a number
    becomes as many syllables as it has there on average. What needs no reading stands as it was.
    """
    if text.isalpha():
        return text
    base = base_language(language)
    table = _READ.get(base, {})
    if any(letter.isdigit() for letter in text):
        text = _NUMBER.sub(lambda match: _read_number(match, base), text)
    text = _SYMBOL.sub(lambda match: f" {table.get(match[0], 'lala')} ", text)
    text = re.sub(r"(?<!\w)([^\W\d_]{2,4})\.(?=\s+\S)", lambda m: table.get(m[1].casefold(), m[0]), text)
    return text


def words_of(text: str) -> list[str]:
    """The words of a text, initials as one item each ("U.S.A.", "FBI")."""
    return _WORD.findall(_INITIALS.sub(lambda m: " " + "".join(f"{c} " for c in m[0] if c.isalpha()), text))


# --- syllables ---------------------------------------------------------------------------------


@lru_cache(maxsize=16384)
def syllables(word: str, language: str) -> int:
    """How many syllables a word has, at least 1 if it holds a letter; 0 if it holds none.

    In scripts without spaces `word` may be a whole phrase. Digits are not read: see `read_aloud`.
    """
    letters = "".join(c for c in word if c.isalpha() or unicodedata.combining(c))
    if not letters:
        return 0
    base = base_language(language)
    first = next((c for c in letters if c.isalpha()), letters[0])
    name = unicodedata.name(first, "")
    if name.startswith(("LATIN", "FULLWIDTH LATIN", "GREEK")):
        lower = unicodedata.normalize("NFC", letters.lower())
        if len(letters) == 1 and base == "en":
            return 3 if lower == "w" else 1
        return max(1, _latin(lower, word.lower(), base))
    if name.startswith("CYRILLIC"):
        return max(1, sum(c in _CYRILLIC for c in letters.lower()))
    return max(1, _other(letters, name))


def _latin(word: str, written: str, base: str) -> int:
    if base in ("tr", "az"):
        return sum(c in _TURKISH or c == "ə" for c in word)
    if base == "en":
        return _english(word, written)
    if base in _STRONG:
        strong = _STRONG[base]
        count = 0
        for group in _GROUP.findall(_SILENT_U.sub("", word)):
            count += max(1, sum(c in strong for c in group))
        if base == "pt":  # ão, õe and ãe are one sound
            count -= len(re.findall("ão|õe|ãe", word))
        return count
    if base == "fr":
        word = _FRENCH_MUTE.sub("", _SILENT_U.sub("", word)) or word
    return len(_GROUP.findall(word))


def _english(word: str, written: str) -> int:
    bare = written.strip("'’\".,!?…").replace("’", "'")
    if bare in _ENGLISH or word in _ENGLISH:
        return _ENGLISH.get(bare) or _ENGLISH[word]
    if bare.endswith("n't") and len(bare) > 5:
        return _english(bare[:-3], bare[:-3]) + (bare[-4] in "ds")
    if "'" in bare:
        stem = bare.split("'")[0]
        if bare.endswith("'s") and not re.search(r"(?:[sxz]|ch|sh|ge|ce|se)$", stem):
            return _english(stem, stem)
    stem = word
    if not _ENGLISH_SIBILANT.search(word):
        stem = _ENGLISH_MUTE.sub("", word)
    stem = _ENGLISH_MEDIAL.sub("", stem)
    if not re.search("[aeiouy]", stem):  # "the", "she": the only vowel is not mute
        stem = word
    count = len(re.findall("[aeiouy]+", stem))
    count += len(_ENGLISH_APART.findall(_ENGLISH_TOGETHER.sub("x", stem)))
    return max(1, count)


def _other(letters: str, name: str) -> int:
    if name.startswith("HANGUL"):
        return sum(c.isalpha() for c in unicodedata.normalize("NFC", letters))
    if name.startswith(("ARABIC", "HEBREW")):
        # Short vowels are not written: a little over half a syllable a letter.
        return round(0.6 * sum(c.isalpha() for c in letters))
    if name.startswith(("DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "TAMIL", "TELUGU", "KANNADA")):
        return _abugida(letters, name.startswith(("DEVANAGARI", "GUJARATI", "GURMUKHI", "BENGALI")))
    if name.startswith(("THAI", "LAO", "KHMER", "MYANMAR")):
        return round(0.45 * sum(c.isalpha() for c in letters))
    count = 0.0
    japanese = any(unicodedata.name(c, "").startswith(("HIRAGANA", "KATAKANA")) for c in letters)
    for c in letters:
        kind = unicodedata.name(c, "")
        if kind.startswith(("HIRAGANA", "KATAKANA")):
            count += c not in _SMALL_KANA
        elif kind.startswith("CJK"):
            count += 1.9 if japanese else 1.0  # in Japanese an ideograph is read with about two kana
        else:
            count += 0.5
    return round(count)


def _abugida(letters: str, drops_last: bool) -> int:
    """Each consonant brings a vowel unless a virama takes it; many languages drop the last one of a word."""
    count = sum(unicodedata.category(c) == "Lo" for c in letters)
    count -= sum("VIRAMA" in unicodedata.name(c, "") for c in letters)
    if drops_last and count > 1 and unicodedata.category(letters[-1]) == "Lo":
        count -= 1
    return count

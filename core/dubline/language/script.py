# ruff: noqa: RUF001 - the marks of many scripts look like each other
"""What letters and marks tell about a text: where sentences and clauses end, and how words are joined.

Turkish and English have a table of conjunctions and abbreviations; everything else rests on Unicode alone,
so any language works. No letter's case is ever changed, which spares the dotted and dotless i.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

FULL_STOPS = ".…。．｡։۔।॥።᙮"
"""End a sentence, unless what follows goes on in lower case or they belong to an abbreviation."""
OTHER_ENDS = "!?！？؟⁇⁈‽¡¿\u037e"
"""End a sentence unless what follows goes on in lower case."""
CLAUSE_ENDS = ",;:،؛、，；：—–"
CLOSING = "\"'”’»›)]}」』）】》〉*♪"
OPENING = "\"'“‘«‹([{「『（【《〈*♪-–—¿¡"

_ABBREVIATED = """
    mr mrs ms dr prof st jr sr capt col gen lt sgt rev hon mt
    av sn bkz örn doç yrd alb
"""
ABBREVIATIONS = frozenset(_ABBREVIATED.split())
"""English, then Turkish, without their full stop: what a name follows."""

_ENGLISH = """
    and but or so because that which who when where while if although though since until unless than as
    before after nor yet
"""
_TURKISH = """
    ve veya ya ama fakat ancak lakin çünkü ki eğer oysa yoksa hem ne yani madem halbuki üstelik sonra önce
    diye
"""
CONJUNCTIONS = {"en": frozenset(_ENGLISH.split()), "tr": frozenset(_TURKISH.split())}
"""Words that a line may well begin with. "ki" and "diye" close more than they open, but a break there still
beats one inside a phrase."""

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x9FFF),  # CJK radicals, marks, kana, ideographs
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),  # full-width forms
    (0x20000, 0x3FFFF),
)
UNSPACED_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my"})


def base_language(language: str) -> str:
    """ "tr-TR" -> "tr"."""
    return language.replace("_", "-").split("-")[0].lower()


def _unspaced(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _UNSPACED)


# --- joining -----------------------------------------------------------------------------------


def carry_spaces(texts: Sequence[str]) -> bool:
    """Whether the recognizer's words bring their own spaces (Whisper's do: " Hello", ",")."""
    return any(text[:1].isspace() or text[-1:].isspace() for text in texts)


def separator(before: str, after: str, carried: bool) -> str:
    """What stands between two words: nothing where they carry their spaces or their script has none."""
    if carried or not before or not after or (_unspaced(before[-1]) and _unspaced(after[0])):
        return ""
    return " "


def joined(texts: Sequence[str], carried: bool) -> str:
    """The words as one text, each as it was recognised; only the space around the whole is taken off."""
    parts: list[str] = []
    for index, text in enumerate(texts):
        if index:
            parts.append(separator(texts[index - 1], text, carried))
        parts.append(text)
    return "".join(parts).strip()


def apart(before: str, after: str, carried: bool) -> bool:
    """Whether a text may be broken between two words: there is a space, or a script that needs none."""
    if not carried or before[-1:].isspace() or after[:1].isspace():
        return True
    return _unspaced(before[-1]) or _unspaced(after[0])


def width(text: str) -> int:
    """Characters that a reader counts: accents that stand on a letter are not counted."""
    return sum(1 for letter in text if not unicodedata.combining(letter))


# --- sentences ---------------------------------------------------------------------------------


def continues(text: str) -> bool:
    """Whether a word begins in lower case, so that it hardly begins a sentence."""
    letters = text.strip().lstrip(OPENING)
    return bool(letters) and letters[0].islower()


def _bare(text: str) -> str:
    return text.strip().rstrip(CLOSING)


def ends_sentence(text: str, following: str) -> bool:
    """Whether a sentence ends with a word, given the word after it ("" where there is none).

    The full stop of "Dr.", "M." and "3." ends one only where nothing follows: a name goes on too often.
    """
    bare = _bare(text)
    if not bare or bare[-1] not in FULL_STOPS + OTHER_ENDS or continues(following):
        return False
    return not (following.strip() and _abbreviated(bare))


def ends_clause(text: str) -> bool:
    """Whether a word ends a clause: a comma, a colon, a dash, or a full stop in mid-sentence."""
    bare = _bare(text)
    return bool(bare) and bare[-1] in CLAUSE_ENDS + FULL_STOPS + OTHER_ENDS and not _abbreviated(bare)


def _abbreviated(bare: str) -> bool:
    """Whether the full stop at the end is the word's own: a title, initials, an ordinal up to 99."""
    stem = bare[:-1].lstrip(OPENING)
    if bare[-1] != "." or not stem or stem[-1] == ".":
        return False
    initials = stem.isupper() and all(len(part) == 1 for part in stem.split("."))
    return initials or stem.casefold() in ABBREVIATIONS or (stem.isdigit() and len(stem) <= 2)


def is_conjunction(text: str, language: str) -> bool:
    """Whether a word is a conjunction of that language; False for languages without a table."""
    word = text.strip().strip(OPENING + CLOSING + CLAUSE_ENDS)
    return word.casefold() in CONJUNCTIONS.get(base_language(language), frozenset())


# --- tables of the target's side ------------------------------------------------------------------

_LEANING = {
    "en": """
        a an the my your his her its our their this these those every some any no not very so too as more most
        i you he she we they it who which that what
        i'm i'll i'd i've you're you'll you've he's he'll she's she'll we're we'll we've they're they'll it's
        to of in on at by for from with into about after before under over between without than
        and but or because when if while although until since nor
        am is are was were be been do does did don't doesn't didn't can can't could will won't would
        shall should must has have had
        mr mrs ms dr
    """,
    "tr": "bir bu şu her en daha çok hiç pek bazı birkaç ve veya ya ama fakat çünkü eğer ne nasıl",
    "de": """
        der die das den dem des ein eine einen einem einer eines mein meine meinen dein deine sein seine ihr
        ihre unser unsere kein keine keinen ich du er wir und oder aber weil dass wenn in im an am auf aus
        bei mit nach von vom zu zum zur für über unter vor durch ohne gegen
    """,
    "fr": """
        le la les un une des du de au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce
        cet cette ces je tu il elle on nous vous ils elles ne se me te et ou mais que qui si à dans en par
        pour sur sous avec sans chez
    """,
    "es": """
        el la los las un una unos unas mi mis tu tus su sus nuestro nuestra este esta ese esa yo no se me te
        le lo les nos y e o u pero que si a al de del en con por para sin sobre desde hasta
    """,
    "it": """
        il lo la i gli le un uno una mio mia tuo tua suo sua di del della dei a al alla da dal in nel nella
        con su per tra fra e o ma che non si mi ti ci vi
    """,
    "pt": """
        o a os as um uma meu minha teu tua seu sua de do da dos das em no na nos nas por pelo pela para com
        sem e ou mas que não se me te
    """,
}
LEANING_ON_NEXT = {language: frozenset(words.split()) for language, words in _LEANING.items()}
"""Words that no line should end with, though no mark forbids it: articles, prepositions, pronouns before a
verb, conjunctions."""
_CLINGING = {
    "tr": """
        mi mı mu mü misin mısın musun müsün misiniz mısınız musunuz müsünüz miyim mıyım muyum müyüm miyiz
        mıyız muyuz müyüz miydi mıydı muydu müydü da de ile için gibi kadar bile ki ise değil
    """
}
LEANING_ON_PREVIOUS = {language: frozenset(words.split()) for language, words in _CLINGING.items()}
"""Words that no line should begin with: Turkish question particles and postpositions."""

NUMBERED = frozenset({"no", "nr", "nº", "vol", "p", "pp", "art", "fig", "ch", "sec", "abs", "bd"})
"""Abbreviations whose full stop is their own when a number follows."""

_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
_SCRIPTS = {
    "LATIN": """
        en tr de fr es it pt nl sv da no nb nn is fi et lv lt pl cs sk sl hr bs hu ro sq ca gl eu ga cy mt az
        uz tk vi id ms tl sw so ha yo ig zu xh af eo la ku lb
    """,
    "CYRILLIC": "ru uk be bg mk kk ky tg mn tt ba",
    "ARABIC": "ar fa ur ps sd ug ckb",
    "DEVANAGARI": "hi mr ne sa",
    "GREEK": "el",
    "HEBREW": "he iw yi",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "BENGALI": "bn as",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "ORIYA": "or",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "THAI": "th",
    "LAO": "lo",
    "MYANMAR": "my",
    "KHMER": "km",
    "TIBETAN": "bo",
    "ETHIOPIC": "am ti",
}
SCRIPTS: dict[str, frozenset[str]] = {
    **{code: frozenset({script}) for script, codes in _SCRIPTS.items() for code in codes.split()},
    "sr": frozenset({"CYRILLIC", "LATIN"}),
    "zh": frozenset({"CJK", "BOPOMOFO"}),
    "yue": frozenset({"CJK", "BOPOMOFO"}),
    "ja": _JAPANESE,
    "ko": frozenset({"HANGUL", "CJK"}),
}
"""The scripts that a language is written in, by the first word of its letters' Unicode names. A language that
is not listed may use any."""
KNOWN_SCRIPTS: frozenset[str] = frozenset().union(*SCRIPTS.values())

_INTERJECTIONS = """
    ah aah aha oh ooh oho eh uh um er hm hmm mm mhm uhuh huh ha hah haha hahaha he hehe hi hihi ho hoho
    ai aw ow ouch oops wow whoa hey yo yeah ok okay okey bye bravo alo allo hello hallo la na
    shh sh psst pst tsk tss ugh phew boo bah brr grr argh aargh hurra hurrah ciao adieu amen
"""
INTERJECTIONS = frozenset(_INTERJECTIONS.split())
"""What sounds the same in many languages."""

# ruff: noqa: RUF001 - the marks of many scripts look like each other
"""The marks in a line: tags, placeholders, and how loud its punctuation is.

force("GEL BURAYA!"), same_force("Ne?!", "What?!"), with_force("Gel!", "Come.", "en")
"""

from __future__ import annotations

import re

from dubline.language.script import base_language
from dubline.values.base import Value

TAGS = re.compile(r"</?[A-Za-z][^<>\n]*>|<(?:\d+:)?\d\d:\d\d[.,]\d{3}>|\{\\[^{}\n]*\}")
"""Tags of SubRip, WebVTT and ASS: <i>, <font color="red">, <c.loud>, <v Name>, <00:01.000>, {\\an8}."""
PLACEHOLDERS = re.compile(
    r"\{\{[^{}\n]+\}\}|[$%#]?\{(?!\\)[^{}\n]+\}"
    # A Turkish percentage ("%50 daha") is none, so neither a width nor a space is taken for one.
    r"|(?<![\w%])%(?:\([A-Za-z_]\w*\)|\d+\$)?(?:0\d+|\.\d+)?[sdifuxX@](?!\w)"
)
"""{name}, {{name}}, ${name}, %s, %(name)d, %1$s, %.2f, %02d."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CLOSERS = "\"'”’»›)]}」』）】》♪♫ \u00a0\u202f"
_FINAL = re.compile(r"(?:[.!?！？؟。．｡।…]|;(?=$)|\u037e|\u203d|⁉|⁈)+$")
_PLAIN = {
    "！": "!",
    "？": "?",
    "؟": "?",
    "。": ".",
    "．": ".",
    "｡": ".",
    "…": "...",
    "\u037e": "?",
    "‽": "?!",
} | {
    "⁉": "!?",
    "⁈": "?!",
}
_WIDE = {"zh", "yue", "ja"}
_ARABIC = {"ar", "fa", "ur", "ps", "sd", "ug", "ckb"}


class Force(Value, frozen=True):
    """How loud a line's punctuation is, in any script.

    `exclamations`, `questions` and `ellipses` are counts; `ending` is "", "!", "?", "?!" or "...";
    `capitals` counts the words of two letters and more that are all in upper case, out of `words`.
    """

    exclamations: int = 0
    questions: int = 0
    ellipses: int = 0
    ending: str = ""
    capitals: int = 0
    words: int = 0


def _plain_marks(text: str) -> str:
    """The marks of all scripts as ASCII; a semicolon in a Greek text is a question mark."""
    for mark, plain in _PLAIN.items():
        text = text.replace(mark, plain)
    greek = any("\u0370" <= c <= "\u03ff" or "\u1f00" <= c <= "\u1fff" for c in text)
    return text.replace(";", "?") if greek else text


def force(text: str) -> Force:
    """The force of a line's punctuation; tags are passed over."""
    text = _plain_marks(TAGS.sub("", text))
    final = _FINAL.search(text.rstrip(_CLOSERS))
    marks = set(final[0]) if final else set()
    ending = "".join(mark for mark in "?!" if mark in marks)
    words = [word for word in _WORD.findall(text) if any(c.isupper() or c.islower() for c in word)]
    return Force(
        exclamations=text.count("!"),
        questions=text.count("?"),
        ellipses=len(re.findall(r"\.{2,}", text)),
        ending=ending or ("..." if final and ".." in final[0] else ""),
        capitals=sum(len(word) > 1 and word.isupper() for word in words),
        words=len(words),
    )


def same_force(source: str, translation: str) -> int:
    """How many of the five differ (0..5): the three counts, the ending, and whether no word, some or all are
    in capitals. Scripts without capitals keep them always."""
    a, b = force(source), force(translation)
    loud = [0 if not f.capitals else 2 if 2 * f.capitals > f.words else 1 for f in (a, b)]
    return (
        (a.exclamations != b.exclamations)
        + (a.questions != b.questions)
        + (a.ellipses != b.ellipses)
        + (a.ending != b.ending)
        + (bool(a.words and b.words) and loud[0] != loud[1])
    )


def with_force(source: str, translation: str, target_language: str = "") -> str:
    """The translation with its source's final mark, where it lost it: "Gel!" and "Come." give "Come!".

    Only a full stop or nothing is replaced, and half a "?!" is made whole; a text that ends with any other
    mark stays as it is. Marks are the target's own: ¡! and ¿? in Spanish, a Greek semicolon, wide marks
    in Chinese and Japanese, ؟ in Arabic script, a space before them in French.
    """
    ending, has = force(source).ending, force(translation).ending
    body = translation.rstrip(_CLOSERS)
    halved = ending == "?!" and has in ("!", "?")
    if not body or not ending or (has and not halved) or body[-1] in ",;:、，；：—–-":
        return translation
    closers, language = translation[len(body) :], base_language(target_language)
    if not any(map(str.isalnum, body)) or body.endswith(">"):
        return translation
    final = _FINAL.search(body)
    stem = (body[: final.start()] if final else body).rstrip(" \u00a0\u202f")
    last = re.split(r"[.!?…]\s+", stem)[-1]
    if (
        re.fullmatch(r"\W*(?:[^\W\d_]\.)*[^\W\d_]", last.split(" ")[-1] if last else "")
        and "." in body[-4:-1]
    ):
        stem = body  # the full stop of "p.m." is its own
    marks = ending
    if language in _WIDE:
        marks = marks.translate({ord("!"): "！", ord("?"): "？"}).replace("...", "……")
    elif language in _ARABIC:
        marks = marks.replace("?", "؟")
    elif language == "el":
        marks = marks.replace("?", ";")
    elif language == "fr" and ending != "...":
        marks = "\u00a0" + marks
    elif language == "es" and ending != "...":
        opening = "".join(
            {"?": "¿", "!": "¡"}[m] for m in reversed(ending) if {"?": "¿", "!": "¡"}[m] not in last
        )
        lead = re.match(r"[\s\"'“«(\[♪–—-]*", last)
        place = len(stem) - len(last) + (lead.end() if lead else 0)
        stem = stem[:place] + opening + stem[place:]
    return stem + marks + closers

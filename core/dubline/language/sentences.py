# ruff: noqa: RUF001 - the marks of many scripts look like each other
"""Segments to sentences, and a translated sentence back to its segments.

A recognizer cuts where the speaker breathes, which in Turkish and German is often before the verb. So what
one speaker says in one go is joined (`groups`, `join`), translated as one text, and given back to the same
segments (`split_back`) by the time that each has. Models that translate one sentence at a time are given
`sentences`, and `rejoin` puts their answers together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dubline.language.script import (
    CLOSING,
    FULL_STOPS,
    NUMBERED,
    OPENING,
    OTHER_ENDS,
    base_language,
    ends_sentence,
)
from dubline.language.splitting import SPACED_SENTENCES, between, quotations
from dubline.values.transcript import UNKNOWN, Segment, milliseconds

_SAME_BREATH = 250
"""Milliseconds by which two parts of a sentence may overlap: edges that were rounded, or heard twice."""
_ELLIPSIS = re.compile(r"(?:\.{2,}|…+)$")
_DASH = re.compile(r"(?:[-‐–—―]+)$")
_STARTING = re.compile(r"^(?:\.{2,}|…+|[-‐–—―]+)\s*")
_BRACKETED = re.compile(r"[\[(（【][^\])）】]*[\])）】]")
_WIDE_END = re.compile(rf"[。．｡！？]+[…{re.escape(CLOSING)}]*")


# --- groups --------------------------------------------------------------------------------------


def groups(
    segments: Sequence[Segment], language: str, *, gap: float = 0.6, most: int = 4
) -> tuple[tuple[int, ...], ...]:
    """Indices of the segments that are said in one go, ordered by the first; every index exactly once.

    `segments` are in the transcript's order. A segment joins the same speaker's last one when at most `gap`
    seconds lie between, no final mark ends that one, and the group has fewer than `most`. Somebody else who
    starts in the silence between breaks it: that was an answer. Somebody else who starts while the first
    still speaks does not: people say "mm" into each other's sentences. Segments without a speaker, without
    text, or with a sound in brackets alone stay by themselves, and so does a line that begins with a dialogue
    dash. An ellipsis ends a sentence unless the next text begins with one, or in lower case.
    """
    all_groups: list[list[int]] = []
    latest: dict[str, list[int]] = {}
    for index, segment in enumerate(segments):
        text = segment.text.strip()
        group = latest.get(segment.speaker) if text else None
        if (
            group is not None
            and len(group) < most
            and _goes_on(segments[group[-1]].text, text)
            and _in_one_go(segments, group[-1], index, gap)
        ):
            group.append(index)
            continue
        alone = [index]
        all_groups.append(alone)
        if text and segment.speaker != UNKNOWN:
            latest[segment.speaker] = alone
    return tuple(tuple(group) for group in all_groups)


def _goes_on(before: str, after: str) -> bool:
    """Whether a text can be the rest of another, by its marks."""
    before = before.strip()
    if _BRACKETED.fullmatch(before) or _BRACKETED.fullmatch(after):
        return False
    bare = before.rstrip(CLOSING + " ")
    if not bare:
        return False
    begins = _STARTING.match(after)
    if _ELLIPSIS.search(bare):
        return _lower(after) or (begins is not None and begins[0][0] in ".…")
    if begins is not None and begins[0][0] not in ".…":
        return _DASH.search(bare) is not None
    if bare[-1] not in FULL_STOPS + OTHER_ENDS:
        return True
    # The full stop may be a title's own: "Dr." and "Yılmaz". What follows in lower case proves nothing here,
    # since some recognizers write everything so.
    return bare[-1] == "." and not ends_sentence(bare.split()[-1], "X")


def _in_one_go(segments: Sequence[Segment], first: int, second: int, gap: float) -> bool:
    end, start = segments[first].end, segments[second].start
    if not -_SAME_BREATH <= milliseconds(start) - milliseconds(end) <= milliseconds(gap):
        return (
            False  # nobody begins to go on before he has ended: two cues on the screen at once are two texts
        )
    return not any(
        end <= other.start < start and other.text.strip() and other.speaker != segments[first].speaker
        for other in segments[first + 1 : second]
    )


def _lower(text: str) -> bool:
    letters = text.strip().lstrip(OPENING + ".…")
    return bool(letters) and letters[0].islower()


def join(texts: Sequence[str]) -> str:
    """Texts as one, with a space where the script has them. Empty ones are passed over.

    Ellipses or dashes that stand both at the end of one and at the beginning of the next only say that the
    sentence goes on: they are left out.
    """
    whole = ""
    for text in (" ".join(text.split()) for text in texts):
        if whole and text:
            begins = _STARTING.match(text)
            ends = _ELLIPSIS.search(whole) or _DASH.search(whole)
            if begins and ends and (begins[0][0] in ".…") == (ends[0][0] in ".…"):
                kept, rest = whole[: ends.start()].rstrip(), text[begins.end() :]
                if kept and rest:
                    whole, text = kept, rest
            whole += between(whole, text)
        whole += text
    return whole


# --- sentences -----------------------------------------------------------------------------------


def sentences(text: str, language: str) -> tuple[str, ...]:
    """The sentences of a text, in order; joined, they are the text up to white space. () where it is empty.

    A quotation that is part of a sentence is never cut; one that stands by itself is cut like any text. Full
    stops of abbreviations, initials and ordinals end nothing, nor does any mark before a lower-case letter.
    """
    words = _pieces(text)
    embedded = _embedded(words)
    # What stands after the last word closes it: a note, a quotation mark by itself.
    last = max((n for n, (word, _) in enumerate(words) if any(map(str.isalnum, word))), default=len(words))
    parts: list[list[str]] = []
    fresh = True
    for index, (word, spaced) in enumerate(words):
        if fresh:
            parts.append([])
        elif spaced:
            parts[-1].append(" ")
        parts[-1].append(word)
        following = words[index + 1][0] if index + 1 < len(words) else ""
        fresh = index < last and index not in embedded and _ends(word, following)
    return tuple("".join(part) for part in parts)


def rejoin(parts: Sequence[str], language: str) -> str:
    """Sentences as one text; empty ones are passed over.

    Chinese and Japanese put nothing between sentences; Thai, Lao, Khmer and Burmese do, though they put
    nothing between words.
    """
    spaced = base_language(language) in SPACED_SENTENCES
    whole = ""
    for part in (part.strip() for part in parts):
        if part:
            whole += (" " if whole and spaced else between(whole, part)) + part
    return whole


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Words, cut after wide full stops too, each with whether a space stands before it."""
    pieces = []
    for word in text.split():
        begin = 0
        for end in _WIDE_END.finditer(word):
            if end.end() < len(word):
                pieces.append((word[begin : end.end()], begin == 0))
                begin = end.end()
        pieces.append((word[begin:], begin == 0))
    return pieces


def _ends(word: str, following: str) -> bool:
    if not ends_sentence(word, following) or (following and _lower(following)):
        return False
    stem = word.strip(OPENING + CLOSING).rstrip(".").casefold()
    if following and word.rstrip(CLOSING).endswith("."):
        if stem in NUMBERED and following[0].isdigit():
            return False
        letters = stem.split(".")
        if len(letters) > 1 and all(len(letter) == 1 for letter in letters) and letters[-1] != "m":
            return False  # "e.g.", "z.B."; "a.m." and "p.m." may well end a sentence
    return True


def _embedded(words: Sequence[tuple[str, bool]]) -> set[int]:
    """Indices of words after which a quotation is still open that is part of a larger sentence."""
    inside: set[int] = set()
    for first, last in quotations([word for word, _ in words]):
        opening = words[first][0]
        began = first == 0 or ends_sentence(words[first - 1][0], "X")
        following = words[last + 1][0] if last + 1 < len(words) else ""
        closed = _ends(words[last][0], following)
        if not (began and closed and opening[0] in OPENING + "„（"):
            inside.update(range(first, last))
    return inside

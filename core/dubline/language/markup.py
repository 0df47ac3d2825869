# ruff: noqa: RUF001 - dashes and music marks
"""Formatting off before translation, and back on after it.

    line = unmark("<i>Nereye\\ngidiyorsun?</i>")
    line.plain                        "Nereye gidiyorsun?"
    line.mark("Where are you going?") "<i>Where are\\nyou going?</i>"

Tags (SubRip, WebVTT, ASS), music marks, line breaks and dialogue dashes come off; sounds in brackets are left
to the translator. **Placeholders stay as they are**: `{name}` and `%s` are never replaced by a token, since
every token that was thought of is itself at risk (digits are inflected or dropped, made-up names are spelt in
the target's way, private characters become unknown tokens), and which of them a model spares differs from
model to model. So the translator sees the placeholder, `with_placeholders` mends what can only be a changed
spelling of it, and `line_checks` forbids a text that lost one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from dubline.language.line_marks import PLACEHOLDERS, TAGS
from dubline.language.script import CLAUSE_ENDS, FULL_STOPS, OTHER_ENDS, width
from dubline.language.sentences import sentences
from dubline.language.splitting import breakable, split_back
from dubline.values.translated import TranslatedSegment

_BREAK = r"\r\n|\r|\n|\\N|<br\s*/?>"
_MUSIC = "[♩♪♫♬]+"
_TOKEN = re.compile(rf"(?P<break>{_BREAK})|(?P<tag>{TAGS.pattern})|(?P<music>{_MUSIC})", re.I)
_CLOSING_TAG = re.compile(r"</|\{\\(?:[bius]0|r)")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.I)
_DASH = re.compile(r"[-‐–—―]\s?(?=\S)")
_INNER_DASH = re.compile(rf"(?:^|(?<=\s)){_DASH.pattern}")
_HEAD_DASH = re.compile(r"[-‐–—―]\s?$")
_SENTENCE_BEFORE = re.compile(r"(?:^|[.!?…。！？؟♪\"”»)\]]\s+)$")
_AFTER_WORDS = CLAUSE_ENDS + FULL_STOPS + OTHER_ENDS + '"”’»)]'


@dataclass(frozen=True)
class _Mark:
    """A tag or a music mark. `place`: characters of the plain line before it."""

    text: str
    kind: str  # "open", "close", "music"
    place: int = 0


@dataclass(frozen=True)
class _Line:
    """A line of the source: marks before its words, its words, marks among and after them, the break."""

    plain: str
    lead: tuple[_Mark, ...] = ()
    inner: tuple[_Mark, ...] = ()
    trail: tuple[_Mark, ...] = ()
    after: str = ""

    @property
    def dash(self) -> str:
        match = _DASH.match(self.plain)
        return match[0] if match else ""


@dataclass(frozen=True)
class Unmarked:
    """A text without its formatting.

    `plain` is one line: tags off, entities decoded, placeholders kept. Where several speakers share the text
    each keeps his dash there; a single speaker's dash comes off. The other fields are for `mark` alone.
    """

    plain: str
    head: str
    tail: str
    lines: tuple[_Line, ...]
    encoded: bool

    def mark(self, translation: str, language: str = "") -> str:
        """The formatting put on a translation: the same tags, as often and in the same order.

        Tags that the translation brings itself are taken off. What stood around the whole stands around the
        whole; the rest goes to its relative place, between words. Line breaks balance the lines; where there
        are fewer words than lines there are no breaks. Each speaker's dash begins a line. `language` is the
        translation's, which decides where it may break.
        """
        text = _stripped(translation)
        if _HEAD_DASH.search(self.head):
            text = _DASH.sub("", text, count=1) if _DASH.match(text) else text
        parts = _broken(self.lines, text, language)
        if parts is None:
            parts, lines = [text], [_as_one(self.lines)]
        else:
            lines = list(self.lines)
        body = "".join(
            _side(line.lead, before=True)
            + _placed(line, self._written(part))
            + _side(line.trail, before=False)
            + line.after
            for line, part in zip(lines, parts, strict=True)
        )
        return self.head + body + self.tail

    def _written(self, text: str) -> str:
        return html.escape(text, quote=False) if self.encoded else text


@lru_cache(maxsize=1 << 14)
def unmark(text: str) -> Unmarked:
    """Take the formatting off a text.

    Any text will do. White space becomes single spaces; a text without formatting is otherwise as it was.
    """
    text = text.replace("\\h", " ")
    encoded = _ENTITY.search(text) is not None
    rows: list[tuple[str, list[_Mark], str]] = []  # letters, marks among them, break after them
    letters, marks, position = "", list[_Mark](), 0
    for token in _TOKEN.finditer(text):
        letters += _decoded(text[position : token.start()])
        position = token.end()
        if token["break"]:
            rows.append((letters, marks, token[0]))
            letters, marks = "", []
        else:
            kind = "music" if token["music"] else "close" if _CLOSING_TAG.match(token[0]) else "open"
            marks.append(_Mark(token[0], kind, len(letters)))
    rows.append((letters + _decoded(text[position:]), marks, ""))
    return _assembled(rows, encoded)


def _decoded(text: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def _assembled(rows: Sequence[tuple[str, list[_Mark], str]], encoded: bool) -> Unmarked:
    """Rows to lines with words; what stands before the first word is the head, after the last the tail."""
    head = tail = ""
    lines: list[_Line] = []
    waiting: list[_Mark] = []  # marks of rows without words
    for letters, marks, after in rows:
        if not letters.strip():
            if lines:
                tail += _side(marks, before=False) + after
                waiting += marks
                lines[-1] = replace(lines[-1], after=lines[-1].after + after)
            else:
                head += _side(marks, before=True) + after
            continue
        start, stop = len(letters) - len(letters.lstrip()), len(letters.rstrip())
        lead = [mark for mark in marks if mark.place <= start]
        trail = tuple(mark for mark in marks if mark.place >= stop)
        inner = tuple(
            replace(mark, place=len(" ".join((letters[: mark.place] + "x").split())) - 1)
            for mark in marks
            if start < mark.place < stop
        )
        if not lines:
            head += _side(lead, before=True)
            lead = []
        line = _Line(" ".join(letters.split()), (*waiting, *lead), inner, trail, after)
        lines.append(line)
        waiting, tail = [], _side(trail, before=False) + after
    if not lines:
        return Unmarked("", head, "", (_Line(""),), encoded)
    lines[-1] = replace(lines[-1], trail=(), after="")
    whole = " ".join(line.plain for line in lines)
    dash = lines[0].dash
    if dash and len(_INNER_DASH.findall(whole)) == 1:
        head += dash
        cut = [replace(mark, place=max(0, mark.place - len(dash))) for mark in lines[0].inner]
        lines[0] = replace(lines[0], plain=lines[0].plain[len(dash) :], inner=tuple(cut))
        whole = whole[len(dash) :]
    return Unmarked(whole, head, tail, tuple(lines), encoded)


def _side(marks: Sequence[_Mark], *, before: bool) -> str:
    """Marks at the beginning or the end of a line; a note stands apart from the words."""
    return "".join(
        mark.text if mark.kind != "music" else f"{mark.text} " if before else f" {mark.text}"
        for mark in marks
    )


def _as_one(lines: Sequence[_Line]) -> _Line:
    """All lines as one, without breaks; the marks at the breaks are marks inside it."""
    plain, inner = "", list[_Mark]()
    for line in lines:
        begin = len(plain) + bool(plain)
        inner += [replace(mark, place=begin) for mark in line.lead]
        inner += [replace(mark, place=begin + mark.place) for mark in line.inner]
        plain += " " * bool(plain) + line.plain
        inner += [replace(mark, place=len(plain)) for mark in line.trail]
    return _Line(plain, inner=tuple(inner))


def _stripped(translation: str) -> str:
    """The translation's words alone: no tags, notes or breaks, nor halves that could become one."""
    before = ""
    while before != translation:
        before = translation
        translation = _TOKEN.sub(lambda token: "" if token["tag"] else " ", translation)
    return " ".join(translation.replace("{\\", "{").split())


# --- lines ---------------------------------------------------------------------------------------


def _broken(lines: Sequence[_Line], text: str, language: str) -> list[str] | None:
    """The translation in as many lines as the source; None where it has too few words."""
    if len(lines) == 1:
        return [text]
    edges = [0, *(n for n, line in enumerate(lines) if n and line.dash), len(lines)]
    turns = [lines[a:b] for a, b in pairwise(edges)]
    said = _turns(turns, text, language) if len(turns) > 1 else [text]
    if said is None:
        return None
    broken: list[str] = []
    for turn, words in zip(turns, said, strict=True):
        parts = _balanced(words, len(turn), language)
        if parts is None:
            return None
        broken += parts
    return broken


def _balanced(text: str, count: int, language: str) -> list[str] | None:
    """A text in lines about equally wide; where nothing says where to break, anywhere between words."""
    for asked in (language, ""):
        parts = split_back(text, [1.0] * count, asked, _wide)
        if parts is not None:
            return list(parts)
    words = text.split()
    if len(words) < count:
        return None
    cuts = [round(len(words) * n / count) for n in range(count + 1)]
    return [" ".join(words[a:b]) for a, b in pairwise(cuts)]


def _wide(word: str) -> float:
    return width(word) + 1.0


def _turns(turns: Sequence[Sequence[_Line]], text: str, language: str) -> list[str] | None:
    """What each speaker says: by the translation's own dashes, else by sentences, as in the source."""
    dashes = [turn[0].dash for turn in turns]
    starts = [match.start() for match in _INNER_DASH.finditer(text)]
    count = sum(map(bool, dashes))
    if len(starts) > count:
        starts = [start for start in starts if _SENTENCE_BEFORE.search(text[:start])]
    if len(starts) == count and bool(dashes[0]) == (starts[0] == 0):
        edges = sorted({0, *starts, len(text)})
        return [text[a:b].strip() for a, b in pairwise(edges)]
    plain = _DASH.sub("", text, count=1) if _DASH.match(text) else text
    lengths = [sum(_wide(line.plain) for line in turn) for turn in turns]
    parts: Sequence[str] | None = sentences(plain, language)
    if parts and len(parts) > len(turns):
        # Whole sentences stay whole: each is one word to the split.
        glued = split_back(" ".join(part.replace(" ", "\x00") for part in parts), lengths, "", _wide)
        parts = [part.replace("\x00", " ") for part in glued] if glued else None
    elif not parts or len(parts) < len(turns):
        parts = split_back(plain, lengths, language, _wide)
    return [dash + part for dash, part in zip(dashes, parts, strict=True)] if parts else None


# --- places --------------------------------------------------------------------------------------


def _placed(line: _Line, text: str) -> str:
    """A line's inner marks put into its translation, in order, each at the word's edge that is nearest to its
    relative place. A mark that finds no word left stands at the end."""
    starts, ends = _edges(text)
    result, low, opened = "", 0, -1
    for mark in line.inner:
        due = len(text) * mark.place / max(1, len(line.plain))
        if mark.kind == "close":
            places = [place for place in ends if place >= low and place > opened]
            if line.plain[: mark.place][-1:] in tuple(_AFTER_WORDS):  # a mark inside the tag stays inside
                places = [p for p in places if text[p : p + 1] not in tuple(_AFTER_WORDS)] or places
        else:
            places = [place for place in starts if place >= low]
        place = min(places, key=lambda place: abs(place - due)) if places else len(text)
        note = f"{mark.text} " if place < len(text) else f" {mark.text}"
        result += text[low:place] + (note if mark.kind == "music" else mark.text)
        low = place
        if mark.kind == "open":
            opened = place
    return result + text[low:]


def _edges(text: str) -> tuple[list[int], list[int]]:
    """Where words start and where they end; never inside a placeholder."""
    starts, ends, position = [], [], 0
    for word, _ in breakable(text):
        position = text.index(word, position)
        starts.append(position)
        bare = word.rstrip(_AFTER_WORDS)
        if bare and bare != word:
            ends.append(position + len(bare))
        position += len(word)
        ends.append(position)
    held = [match.span() for match in PLACEHOLDERS.finditer(text)]

    def free(place: int) -> bool:
        return not any(first < place < last for first, last in held)

    return list(filter(free, starts)), list(filter(free, ends))


# --- placeholders --------------------------------------------------------------------------------


def with_placeholders(source: str, translation: str) -> str:
    """The translation with its source's placeholders where it only spells them otherwise.

    "{ Name }" and "{name }" become "{name}" again; so does "{isim}" when the source has one placeholder that
    is missing and the translation one that is new. Anything else stays as it is, for the check to find.
    """
    marks = PLACEHOLDERS.findall(source)
    missing = [mark for mark in marks if mark not in translation]
    for new in [mark for mark in PLACEHOLDERS.findall(translation) if mark not in marks]:
        same = [mark for mark in missing if _bare(mark) == _bare(new)]
        if same:
            translation = translation.replace(new, same[0], 1)
            missing.remove(same[0])
    new_ones = [mark for mark in PLACEHOLDERS.findall(translation) if mark not in marks]
    if len(missing) == len(new_ones) == 1 and missing[0][0] == new_ones[0][0]:
        return translation.replace(new_ones[0], missing[0])
    return translation


def _bare(placeholder: str) -> str:
    return re.sub(r"\s", "", placeholder).casefold()


def spoken_text(segment: TranslatedSegment) -> str:
    """What a voice says of a segment: its translation without markup; "" where it has none."""
    return unmark(segment.text).plain if segment.state == "translated" and segment.text else ""

"""Lines that are spoken, as subtitles: wrapped, divided where one is too long, and timed for reading.

    cues = spotted(lines, profile_of("en"), Fraction(25), language="en")

Spotting is what subtitlers call the timing of cues. No word is changed or left out. What a profile asks and
the words do not allow (much text in little time, people who speak at once) is left for `checks` to tell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import NamedTuple

from msgspec import structs

from dubline.language.script import width
from dubline.language.splitting import between, split_back
from dubline.subtitles.checks import TAGS, visible_lines
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.fixing import fix
from dubline.subtitles.profiles import Profile
from dubline.subtitles.wrapping import rewrapped

MOST_PARTS = 40
"""Cues that one line is divided into at most."""
_HELD = "\ue000"  # stands for a space inside a tag while a text is divided
_OVERRIDES = re.compile(r"(?:\{\\[^{}\n]*\})+")
_REPLY = re.compile(r"^\s*[-\u2010-\u2015]\s*\w", re.MULTILINE)
_STYLE = re.compile(r"<(/?)([A-Za-z]+)[^<>\n]*>")


class Spoken(NamedTuple):
    """A line and its time in milliseconds. `beats`: start and end of each word, where they are known and as
    many as the text has words. `above`: the text in another language that is to stand in the row above.
    `label`: who speaks, to be read before the first words."""

    id: int
    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""
    beats: tuple[tuple[int, int], ...] = ()
    above: str = ""
    label: str = ""

    @property
    def texts(self) -> tuple[str, str]:
        """The text and the one above it, with the label where it is read first."""
        if not self.label:
            return self.text, self.above
        if self.above.strip():
            return self.text, f"{self.label}: {self.above}"
        return f"{self.label}: {self.text}", ""


class Spotted(NamedTuple):
    """A cue and the ids of the lines that it shows."""

    cue: SubtitleText
    ids: tuple[int, ...]


def spotted(
    lines: Sequence[Spoken],
    profile: Profile,
    rate: Fraction,
    *,
    language: str = "",
    until: int | None = None,
) -> tuple[Spotted, ...]:
    """Lines -> cues in order of time.

    Most lines have a cue of their own. One that is too long has several; one that is too short or too fast to
    be read is joined to the same speaker's next or last words, where both are one cue then. Lines without
    text have none. A text keeps its own line breaks where it fits with them. All times lie on frames of
    `rate`; `until` is the programme's length in milliseconds.
    """
    spoken = sorted((line for line in lines if line.text.strip()), key=lambda n: (n.start_ms, n.end_ms, n.id))
    cues: list[SubtitleText] = []
    ids: list[tuple[int, ...]] = []
    for line, shown in _joined(spoken, profile, rate, language):
        texts = _parts(line, profile, language)
        for text, (start, end) in zip(texts, _times(line, [_bare(text) for text in texts]), strict=True):
            cues.append(SubtitleText(index=len(cues) + 1, start_ms=start, end_ms=end, text=text))
            ids.append(shown)
    # The rows are as they should be: what `fix` does here are the times.
    timing = structs.replace(profile, line_length=0, lines=0)
    made = fix(cues, timing, rate, language=language, spotting=True, until=until).cues
    return tuple(Spotted(cue, shown) for cue, shown in zip(made, ids, strict=True))


def _joined(
    spoken: Sequence[Spoken], profile: Profile, rate: Fraction, language: str
) -> list[tuple[Spoken, tuple[int, ...]]]:
    """The lines with those joined that are better read together, and the ids of each."""
    made: list[tuple[Spoken, tuple[int, ...]]] = []
    gap = math.ceil(profile.gap * 1000 / rate)
    for at, line in enumerate(spoken):
        before = made[-1][0] if made else None
        following = spoken[at + 1].start_ms - gap if at + 1 < len(spoken) else None
        if (
            before is not None
            and before.speaker == line.speaker
            and not _apart(before.text)
            and not _apart(line.text)
            and 0 <= line.start_ms - before.end_ms <= profile.chain * 1000
            and (_wanting(before, line.start_ms - gap, profile) > 0 or _wanting(line, following, profile) > 0)
        ):
            both = _both(before, line)
            apart = _wanting(before, line.start_ms - gap, profile) + _wanting(line, following, profile)
            rows = 1 if both.above.strip() else profile.lines
            texts = [text for text in both.texts if text.strip()]
            if (
                _wanting(both, following, profile) < apart
                and (not profile.longest or both.end_ms - both.start_ms <= profile.longest * 1000)
                and all(_fits(_rows(text, rows, profile, language), rows, profile) for text in texts)
            ):
                made[-1] = (both, (*made[-1][1], line.id))
                continue
        made.append((line, (line.id,)))
    return made


def _apart(text: str) -> bool:
    """Whether a text is a cue by itself: it has no words, is sung, or two people answer each other in it."""
    bare = _bare(text)
    return (
        not any(map(str.isalnum, bare)) or "\u266a" in bare or "\u266b" in bare or bool(_REPLY.search(text))
    )


def _both(one: Spoken, other: Spoken) -> Spoken:
    """Two lines as one. Line breaks go: the rows are made anew."""
    texts, above = (
        [" ".join(text.split()) for text in texts]
        for texts in ((one.text, other.text), (one.above, other.above))
    )
    known = all(len(line.beats) == len(line.text.split()) for line in (one, other))
    return one._replace(
        end_ms=max(one.end_ms, other.end_ms),
        text=between(*texts).join(texts),
        beats=(*one.beats, *other.beats) if known else (),
        above=between(*above).join(above) if all(above) else "".join(above),
    )


def _wanting(line: Spoken, room: int | None, profile: Profile) -> float:
    """Milliseconds that a line lacks for its words to be read, where it must be over by `room`."""
    least = profile.shortest * 1000
    end = max(line.end_ms + profile.extension * 1000, line.start_ms + least)
    needed = width(_bare(line.text)) * 1000 / profile.reading_speed if profile.reading_speed else 0
    return max(needed, least) - (min(end, room) if room is not None else end) + line.start_ms


def _parts(line: Spoken, profile: Profile, language: str) -> list[str]:
    """The texts of a line's cues: as few as fit the rows and the longest time."""
    text, above = line.texts
    rows = 1 if above.strip() else profile.lines
    seconds = (line.end_ms - line.start_ms) / 1000
    least = math.ceil(seconds / profile.longest) if profile.longest else 1
    # A few words that are dragged out are no two subtitles.
    least = max(1, min(least, len(line.text.split()) // 2))
    both = [each for each in (above, text) if each.strip()]
    best: list[str] | None = None
    for count in range(least, MOST_PARTS + 1):
        divided = [_divided(each, count, language) for each in both]
        if any(parts is None for parts in divided):
            break
        wrapped = [[_rows(part, rows, profile, language) for part in parts or ()] for parts in divided]
        best = ["\n".join(texts) for texts in zip(*wrapped, strict=True)]
        if all(_fits(part, rows, profile) for parts in wrapped for part in parts):
            return best
    return best or ["\n".join(_rows(each, rows, profile, language) for each in both)]


def _divided(text: str, count: int, language: str) -> list[str] | None:
    """A text in so many parts of about the same width, tags closed and opened again; None where it has too
    few places to break."""
    if count == 1:
        return [text]
    held = TAGS.sub(lambda tag: tag[0].replace(" ", _HELD), text)
    parts = split_back(held, [1.0] * count, language, lambda word: float(_seen(word)))
    if parts is None:
        return None
    overrides = match[0] if (match := _OVERRIDES.match(text)) else ""
    told: list[str] = []
    opened: list[tuple[str, str]] = []
    for number, part in enumerate(parts):
        part = part.replace(_HELD, " ")
        before = "".join(tag for _, tag in opened)
        for tag in _STYLE.finditer(part):
            if not tag[1]:
                opened.append((tag[2], tag[0]))
            elif opened and opened[-1][0] == tag[2]:
                opened.pop()
        after = "".join(f"</{name}>" for name, _ in reversed(opened))
        told.append((overrides if number else "") + before + part + after)
    return told


def _rows(text: str, rows: int, profile: Profile, language: str) -> str:
    """A text in as few rows as hold it; scripts without spaces are broken between characters."""
    if rows == 1:
        return " ".join(text.split())
    wrapped = rewrapped(text, line_length=profile.line_length, lines=rows, language=language)
    if _fits(wrapped, rows, profile) or TAGS.search(text):
        return wrapped
    for count in range(2, rows + 1):
        parts = split_back(text, [1.0] * count, language, lambda word: float(width(word)))
        if parts is not None and _fits("\n".join(parts), rows, profile):
            return "\n".join(parts)
    return wrapped


def _fits(text: str, rows: int, profile: Profile) -> bool:
    shown = visible_lines(text)
    return (not rows or len(shown) <= rows) and (
        not profile.line_length or all(width(row) <= profile.line_length for row in shown)
    )


def _bare(text: str) -> str:
    return " ".join(visible_lines(text))


def _seen(text: str) -> int:
    return width(TAGS.sub("", text))


def _times(line: Spoken, parts: Sequence[str]) -> list[tuple[int, int]]:
    """When each part of a line is said: by its words, else by its share of the letters."""
    if len(parts) == 1:
        return [(line.start_ms, line.end_ms)]
    words = [len(part.split()) for part in parts]
    words[0] -= len(line.label.split())
    if not line.above.strip() and sum(words) == len(line.beats):
        ends = list(accumulate(words))
        return [
            (line.beats[end - count][0], line.beats[end - 1][1])
            for count, end in zip(words, ends, strict=True)
        ]
    shares = list(accumulate(max(width(part), 1) for part in parts))
    length = line.end_ms - line.start_ms
    edges = [line.start_ms + length * share // shares[-1] for share in (0, *shares)]
    return list(pairwise(edges))

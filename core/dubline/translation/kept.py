"""Which lines of an earlier translation stay as they are: what a person wrote, and what was not asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.values.base import Value
from dubline.values.transcript import Segment, Transcript
from dubline.values.translated import TranslatedSegment, Translation

SOURCE_CHANGED = "the source text was changed after this translation was written"
NEAR = 0.5
"""Share of letters that two source texts must have in common for a person's line to belong to both: one that
was corrected a little, or cut in two, has more of them, and one of another film seldom has as many."""


def sentence_mates(numbers: Collection[int], before: Translation) -> frozenset[int]:
    """These segments, and those that share a sentence with one of them."""
    sentences = {s.sentence for s in before.segments if s.id in numbers and s.sentence is not None}
    return frozenset(numbers) | {s.id for s in before.segments if s.sentence in sentences}


class Kept(Value, frozen=True):
    """`lines` stay, under the ids of the new transcript. `redone` are the segments that are done again by
    themselves. `lost` are lines that a person wrote and that have no segment with their words any more."""

    lines: tuple[TranslatedSegment, ...] = ()
    redone: frozenset[int] = frozenset()
    lost: tuple[TranslatedSegment, ...] = ()


def kept_lines(
    before: Translation | None,
    transcript: Transcript,
    *,
    only: Sequence[int] = (),
    retry_failed: bool = False,
    apart: Collection[int] = (),
) -> Kept:
    """The lines of `before` that the next translation takes over.

    Kept are lines that a person wrote (they come back locked, with a warning where the source has changed
    since), those that were done again `apart`, and with `only` or `retry_failed` all others whose source is
    the same, but not those named. A named line that a person wrote stays too. A sentence is redone whole.
    A person's line stays only where the source says nearly the same (`NEAR`). Where a transcript was cut
    anew, it goes to such a segment with which it shares at least half of their time together.

    Raises:
        InvalidJob: `only` or `retry_failed` without an earlier translation, or `only` names no segment.
    """
    if before is None:
        if only or retry_failed:
            raise InvalidJob(
                "there is no translation yet of which some lines could be done again",
                hint="Translate once without --only and --retry-failed.",
            )
        return Kept()
    now = {segment.id: segment for segment in transcript.segments}
    unknown = [number for number in only if number not in now]
    if unknown:
        raise InvalidJob(
            f"there is no segment {unknown[0]}",
            hint=f"The transcript's go from {min(now, default=0)} to {max(now, default=0)}.",
        )
    some = bool(only) or retry_failed
    failed = [s.id for s in before.segments if retry_failed and s.state == "failed"]
    redone = sentence_mates([*only, *failed], before)
    lines: dict[int, TranslatedSegment] = {}
    homeless: list[TranslatedSegment] = []
    for line in before.segments:
        segment = now.get(line.id)
        here = segment is not None and _shared(line, segment) > 0
        if line.edited:
            if segment is not None and (here or line.source_text == segment.text) and _near(line, segment):
                lines[line.id] = _locked(line, segment)
            else:
                homeless.append(line)
        elif segment is None or line.id in redone or _said(line) != (segment.text, segment.language):
            continue
        elif some or (line.id in apart and line.state == "translated"):
            lines[line.id] = line
    lost = []
    for line in homeless:
        free = (s for s in transcript.segments if s.id not in lines and s.end > line.start)
        there = (s for s in free if s.start < line.end and _near(line, s))
        near = max(there, key=lambda s: _shared(line, s), default=None)
        if near is None or _shared(line, near) < 0.5 * (
            max(line.end, near.end) - min(line.start, near.start)
        ):
            lost.append(line)
        else:
            lines[near.id] = _locked(line, near)
    stay = tuple(lines[s.id] for s in transcript.segments if s.id in lines)
    return Kept(lines=stay, redone=redone, lost=tuple(lost))


def _said(line: TranslatedSegment) -> tuple[str, object]:
    return line.source_text, line.source_language


def _locked(line: TranslatedSegment, segment: Segment) -> TranslatedSegment:
    warnings = tuple(w for w in line.warnings if w != SOURCE_CHANGED)
    if line.source_text != segment.text:
        warnings += (SOURCE_CHANGED,)
    return structs.replace(line, id=segment.id, locked=True, warnings=warnings)


def _near(line: TranslatedSegment, segment: Segment) -> bool:
    """Whether both have nearly the same source text, case and punctuation aside; the start of long ones is
    enough."""
    one, other = (
        " ".join(re.findall(r"\w+", text.casefold()))[:200] for text in (line.source_text, segment.text)
    )
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= NEAR


def _shared(line: TranslatedSegment, segment: Segment) -> float:
    """Seconds that both have in common; below 0 the distance between them."""
    return min(line.end, segment.end) - max(line.start, segment.start)

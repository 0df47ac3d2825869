"""Cues that come back by the clock of the timeline: its start timecode is taken off, and told.

Editing programs write a film that begins at 01:00:00:00 with its cues from an hour on; a run counts from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import median_low

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.subtitles.cues import SubtitleText, clock
from dubline.subtitles.matching import TOLERANCE_MS
from dubline.subtitles.sent import SentCue
from dubline.timebase import Timecode, nominal, whole

_NEAR_MS = 1_000
"""Milliseconds by which the whole file may lie elsewhere besides; cues that were moved are told as such."""


def from_start(
    cues: Sequence[SubtitleText], sent: Sequence[SentCue], start: Timecode, last: int
) -> tuple[tuple[SubtitleText, ...], str]:
    """(the cues counted from the programme's first frame, a sentence where something was taken off).

    `sent` is what was written, `last` the programme's length in milliseconds. The start counts as shifted
    where the cues lie by that much after those sent, or after the end and without it inside. At 23.976 a
    program's clock may be its labels or the time that has passed: both are known.
    """
    for shift in dict.fromkeys((_label_ms(start), whole(start.frame * 1000 / start.rate))):
        if shift and _is_late(cues, sent, shift, last):
            moved = tuple(
                structs.replace(c, start_ms=max(c.start_ms - shift, 0), end_ms=max(c.end_ms - shift, 0))
                for c in cues
            )
            return moved, f"its times count from the timeline's start, {start}: {clock(shift)} was taken off"
    return tuple(cues), ""


def _label_ms(start: Timecode) -> int:
    """What the label reads as a clock: 01:00:00:00 is an hour at any rate."""
    hours, minutes, seconds, frames = (int(part) for part in str(start).replace(";", ":").split(":"))
    seconds += 3600 * hours + 60 * minutes
    return seconds * 1000 + whole(Fraction(frames * 1000, nominal(start.rate)))


def _is_late(cues: Sequence[SubtitleText], sent: Sequence[SentCue], shift: int, last: int) -> bool:
    were = {cue.number: cue.start_ms for cue in sent}
    late = [cue.start_ms - were[cue.index] for cue in cues if cue.index in were]
    if 2 * len(late) > len(cues):
        return abs(median_low(late) - shift) <= _NEAR_MS
    first, end = min((c.start_ms for c in cues), default=0), max((c.end_ms for c in cues), default=0)
    return first >= shift - _NEAR_MS and last < end <= shift + last + _NEAR_MS


def check_inside(times: Mapping[int, tuple[int, int]], cues: Sequence[SubtitleText], last: int) -> None:
    """Refuse to move lines to where the programme is over; milliseconds.

    Raises:
        InvalidJob: a cue ends after it, or most of them do.
    """
    late = sorted(end for _, end in times.values() if end > last + TOLERANCE_MS)
    if not late:
        return
    if 2 * len(late) > len(times) and len(times) > 1:
        first = min(cue.start_ms for cue in cues)
        raise InvalidJob(
            f"{len(late)} of {len(times)} moved cues lie after the programme's end, {clock(last)}",
            hint=f"The file begins at {clock(first)}: shift its times so that the film begins at 0, or leave "
            "out --take-times.",
        )
    cue = next(cue for cue in cues if cue.end_ms > last + TOLERANCE_MS)
    raise InvalidJob(
        f"cue {cue.index} ends at {clock(cue.end_ms)}, after the programme's end, {clock(last)}",
        hint="Move it inside the programme, or leave out --take-times.",
    )

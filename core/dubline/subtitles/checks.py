"""Timed text against a profile: too fast, too long, too close, and on which cue, when and by how much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from dubline.language.script import width
from dubline.subtitles.cues import SubtitleText, clock, frame_to_ms, ms_to_frame
from dubline.subtitles.profiles import Profile
from dubline.values.base import Value

Kind = Literal[
    "empty",
    "lines",
    "line_length",
    "reading_speed",
    "too_short",
    "too_long",
    "overlap",
    "gap",
    "chain",
    "off_frame",
]
WARNINGS: frozenset[Kind] = frozenset(("chain", "off_frame"))
"""Kinds that break no rule: a gap that is better closed, a time between two frames."""

TAGS = re.compile(r"</?[A-Za-z][^<>\n]*>|<(?:\d+:)?\d\d:\d\d[.,]\d{3}>|\{\\[^{}\n]*\}")
"""Tags of SubRip, WebVTT and ASS."""
_INVISIBLE = str.maketrans("", "", "\u200b\u200e\u200f\u2060\ufeff")


class Finding(Value, frozen=True):
    """What is wrong with a cue: `measured` against `limit`, in `unit`. `place` counts cues from 0.

    `index` and `start_ms` are the cue's. `severity` is "error", or "warning" for what breaks no rule.
    """

    place: int
    index: int
    start_ms: int
    kind: Kind
    measured: float
    limit: float
    unit: str
    severity: Literal["error", "warning"] = "error"
    text: str = ""

    def __str__(self) -> str:
        return (
            f"{self.index:>5}  {clock(self.start_ms)}  {self.kind.replace('_', ' '):<13} "
            f"{_number(self.measured)} {self.unit} (limit {_number(self.limit)})"
        )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def visible_lines(text: str) -> list[str]:
    """A cue's lines as a viewer sees them: without tags and marks that take no room."""
    return [line.strip() for line in TAGS.sub("", text).translate(_INVISIBLE).splitlines() if line.strip()]


def check(
    cues: Sequence[SubtitleText], profile: Profile, rate: Fraction, *, on_frames: bool = True
) -> list[Finding]:
    """What breaks the profile, in the cues' order. Gaps and overlaps are looked for in order of time.

    `rate` is the picture's frames a second, for gaps; `on_frames` tells whether times must lie on frames:
    within a millisecond, since some programs round down.
    """
    findings: list[Finding] = []
    for place, cue in enumerate(cues):
        findings += _of_cue(place, cue, profile)
        if on_frames:
            findings += _off_frame(place, cue, rate)
    order = sorted(range(len(cues)), key=lambda i: (cues[i].start_ms, cues[i].end_ms, i))
    latest = order[0] if order else 0
    for place, following in pairwise(order):
        if cues[place].end_ms > cues[latest].end_ms:
            latest = place
        findings += _between(latest, cues[latest], cues[following], profile, rate)
    return sorted(findings, key=lambda f: f.place)


def _of_cue(place: int, cue: SubtitleText, profile: Profile) -> Iterator[Finding]:
    lines = visible_lines(cue.text)
    ms = cue.end_ms - cue.start_ms
    if not lines:
        yield _finding(place, cue, "empty", 0, 1, "characters")
    if profile.lines and len(lines) > profile.lines:
        yield _finding(place, cue, "lines", len(lines), profile.lines, "lines")
    widths = [width(line) for line in lines]
    if profile.line_length and max(widths, default=0) > profile.line_length:
        yield _finding(place, cue, "line_length", max(widths), profile.line_length, "characters")
    if profile.reading_speed and sum(widths) * 1000 > profile.reading_speed * ms:
        speed = sum(widths) * 1000 / max(ms, 1)
        yield _finding(place, cue, "reading_speed", speed, profile.reading_speed, "characters a second")
    # Half a millisecond is the file's own rounding.
    if profile.shortest and ms + 0.5 < profile.shortest * 1000:
        yield _finding(place, cue, "too_short", ms / 1000, profile.shortest, "s")
    if profile.longest and ms - 0.5 > profile.longest * 1000:
        yield _finding(place, cue, "too_long", ms / 1000, profile.longest, "s")


def _off_frame(place: int, cue: SubtitleText, rate: Fraction) -> Iterator[Finding]:
    off = max(abs(ms - frame_to_ms(ms_to_frame(ms, rate), rate)) for ms in (cue.start_ms, cue.end_ms))
    if off > 1:
        yield _finding(place, cue, "off_frame", off, 1, "ms")


def _between(
    place: int, cue: SubtitleText, following: SubtitleText, profile: Profile, rate: Fraction
) -> Iterator[Finding]:
    free = following.start_ms - cue.end_ms
    frames = ms_to_frame(following.start_ms, rate) - ms_to_frame(cue.end_ms, rate)
    if free < 0:
        yield _finding(place, cue, "overlap", -free / 1000, 0, "s")
    elif frames < profile.gap:
        yield _finding(place, cue, "gap", frames, profile.gap, "frames")
    elif profile.gap < frames < profile.gap_frames(rate):
        yield _finding(place, cue, "chain", frames, profile.gap, "frames")


def _finding(place: int, cue: SubtitleText, kind: Kind, measured: float, limit: float, unit: str) -> Finding:
    return Finding(
        place=place,
        index=cue.index,
        start_ms=cue.start_ms,
        kind=kind,
        measured=round(measured, 3),
        limit=round(limit, 3),
        unit=unit,
        severity="warning" if kind in WARNINGS else "error",
        text=" / ".join(visible_lines(cue.text)),
    )

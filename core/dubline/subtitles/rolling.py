"""Captions that roll, as video sites make them, folded to the lines that were said.

Such a file shows two rows: the one before and the one that is being said, word by word; between them stand
cues of ten milliseconds without anything new. Each line is in it three times. As text, for a translator or a
reader of SubRip, it is there once, from when it is said until the next one begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import structs

from dubline.subtitles.cues import WEBVTT_TAG, SubtitleText

_WEBVTT = re.compile(WEBVTT_TAG, re.IGNORECASE)
_NEAR_MS = 100
"""Milliseconds between two cues of which the second shows a row of the first still."""


def plain(cue: SubtitleText) -> SubtitleText:
    """A cue without the tags that only WebVTT has: classes, voices, times inside its text."""
    return structs.replace(cue, text=_WEBVTT.sub("", cue.text)) if "<" in cue.text else cue


def folded(cues: Sequence[SubtitleText]) -> tuple[SubtitleText, ...]:
    """The cues, or where they roll the lines that were said, in the order of the file, numbered from 1.

    They roll where more than half of them begin with a row that the cue just before ended with, and some
    show nothing else. People repeat themselves, but not so.
    """
    rows = [_rows(cue) for cue in cues]
    shared = [0] * len(cues)
    for at in range(1, len(cues)):
        if abs(cues[at].start_ms - cues[at - 1].end_ms) <= _NEAR_MS:
            shared[at] = _shared(rows[at - 1], rows[at])
    again = sum(count > 0 for count in shared)
    held = sum(0 < count == len(mine) for count, mine in zip(shared, rows, strict=True))
    if len(cues) < 3 or 2 * again < len(cues) or not held:
        return tuple(cues)
    said: list[SubtitleText] = []
    for cue, mine, count in zip(cues, rows, shared, strict=True):
        new = mine[count:]
        if new:
            said.append(structs.replace(cue, index=len(said) + 1, text="\n".join(new), position="", label=""))
        elif mine and said:
            said[-1] = structs.replace(said[-1], end_ms=max(said[-1].end_ms, cue.end_ms))
    return tuple(said)


def _rows(cue: SubtitleText) -> list[str]:
    """The rows of a cue as they are read."""
    return [row for row in (" ".join(row.split()) for row in plain(cue).text.split("\n")) if row]


def _shared(before: Sequence[str], now: Sequence[str]) -> int:
    """How many rows at the end of one cue stand at the beginning of the next."""
    return next(
        (count for count in range(min(len(before), len(now)), 0, -1) if before[-count:] == now[:count]), 0
    )

"""Cues as a table: CSV for translators and for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from fractions import Fraction

from dubline.subtitles.cues import SubtitleText, clock, ms_to_frame, unified
from dubline.subtitles.srt import check_times
from dubline.timebase import Timecode

COLUMNS = ("id", "start_tc", "end_tc", "start_s", "end_s", "speaker", "text", "source_text")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")


def guarded(cell: str) -> str:
    """A text that a spreadsheet takes for text: what could begin a formula gets an apostrophe before it.

    "=", "+", "-", "@", a tab or a line break begin one in Excel and LibreOffice, and so do their wide
    forms; a text that begins with an apostrophe gets one too, so that `unguarded` is exact. A dash before
    a line of dialogue is the common case.
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """The text that `guarded` was given; a text that somebody typed without an apostrophe is left alone."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def write_csv(
    cues: Iterable[SubtitleText], *, rate: Fraction | None = None, start: int = 0, drop: bool = False
) -> str:
    """Cues -> CSV (RFC 4180: commas, CRLF), the columns of `COLUMNS`; encode it as "utf-8-sig" for Excel.

    Timecodes are at `rate`, from the frame number `start` on (`drop`: drop frame); without a rate they are
    clock times. Seconds are exact, from the programme's first frame.

    Raises:
        InvalidJob: a cue begins before 0 or ends before it begins, or no drop frame at that rate.
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for cue in cues:
        check_times(cue)
        codes = []
        for ms in (cue.start_ms, cue.end_ms):
            if rate is None:
                codes.append(clock(ms, "."))
            else:
                codes.append(str(Timecode(start + ms_to_frame(ms, rate), rate, drop)))
        seconds = [f"{ms // 1000}.{ms % 1000:03d}" for ms in (cue.start_ms, cue.end_ms)]
        texts = [guarded(unified(text)) for text in (cue.speaker, cue.text, cue.source_text)]
        rows.writerow([cue.index, *codes, *seconds, *texts])
    return out.getvalue()

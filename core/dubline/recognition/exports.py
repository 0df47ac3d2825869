"""Transcripts and turns as other programs read them: RTTM and CTM; and RTTM back into turns.

All times are whole milliseconds, rounded once. RTTM is described in NIST's "2009 (RT-09) Rich Transcription
Meeting Recognition Evaluation Plan", appendix A; CTM in the manual of NIST's sclite. Texts end every line
with one line feed; write them as UTF-8.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.files import bytes_of, decoded
from dubline.subtitles.line_times import rttm_rows
from dubline.values.transcript import Transcript, Turn, milliseconds


def _field(text: str, instead: str) -> str:
    """A name as one field: space becomes an underscore."""
    return "_".join(text.split()) or instead


def _seconds(thousandths: int) -> str:
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


# --- RTTM and CTM --------------------------------------------------------------------------------


def to_rttm(turns: Transcript | Iterable[Turn], name: str) -> str:
    """Turns, or a transcript's segments, as SPEAKER lines in order of start.

    `name` is the recording's. Space in names becomes an underscore. Segments without a speaker are
    "unknown". What is shorter than half a millisecond is written as one.

    Raises:
        InvalidJob: a turn begins before 0, ends before it begins, or has no number for a time.
    """
    if isinstance(turns, Transcript):
        turns = [Turn(start=s.start, end=s.end, speaker=s.speaker) for s in turns.segments]
    lines = []
    for turn in turns:
        if not 0 <= turn.start <= turn.end < math.inf:
            raise InvalidJob(
                f"a turn of {turn.speaker!r} from {turn.start} s to {turn.end} s",
                hint="A turn begins at 0 s or later and ends after it begins.",
            )
        start = milliseconds(turn.start)
        length = max(milliseconds(turn.end) - start, 1)
        lines.append((start, length, _field(turn.speaker, "unknown")))
    recording = _field(name, "recording")
    return "".join(
        f"SPEAKER {recording} 1 {_seconds(start)} {_seconds(length)} <NA> <NA> {speaker} <NA> <NA>\n"
        for start, length, speaker in sorted(lines)
    )


def to_ctm(transcript: Transcript, name: str) -> str:
    """Words as CTM lines `file channel start duration word confidence`, in order of start.

    A word without a known confidence has no last field, which sclite allows. Space inside a word becomes an
    underscore.
    """
    recording = _field(name, "recording")
    words = sorted(
        ((milliseconds(w.start), milliseconds(w.end), w) for s in transcript.segments for w in s.words),
        key=lambda item: item[:2],
    )
    lines = []
    for start, end, word in words:
        sure = "" if word.confidence is None else f" {word.confidence:.4f}"
        lines.append(
            f"{recording} 1 {_seconds(start)} {_seconds(end - start)} {_field(word.text, '@')}{sure}\n"
        )
    return "".join(lines)


def read_rttm(path: Path, name: str | None = None) -> tuple[Turn, ...]:
    """The turns in an RTTM file; `name` chooses the recording where it holds several.

    Raises:
        InvalidJob: see `parse_rttm`; or the file cannot be read.
    """
    return parse_rttm(decoded(bytes_of(path), path.name), name, where=path.name)


def parse_rttm(text: str, name: str | None = None, *, where: str = "RTTM") -> tuple[Turn, ...]:
    """RTTM text -> turns in order of start. Comments (;;) and other kinds of NIST's lines are passed over.

    Raises:
        InvalidJob: a line that is no RTTM, with its number; several recordings and no `name`; no line for
            that `name`.
    """
    turns: dict[str, list[Turn]] = {}
    for recording, start, end, speaker in rttm_rows(text, where):
        turns.setdefault(recording, []).append(Turn(start=start, end=end, speaker=speaker))
    if name is None and len(turns) > 1:
        raise InvalidJob(
            f"{where} is about {len(turns)} recordings: {', '.join(sorted(turns)[:8])}",
            hint="Name one of them.",
        )
    if name is not None and name not in turns and turns:
        raise InvalidJob(
            f"{where} has no line for {name!r}", hint=f"It is about {', '.join(sorted(turns)[:8])}."
        )
    own = [turn for key, mine in turns.items() if name in (None, key) for turn in mine]
    return tuple(sorted(own, key=lambda t: (t.start, t.end, t.speaker)))

"""When somebody speaks: line times from what an editor has at hand.

Read are SRT, RTTM (what diarization tools write), and transcripts as JSON (`transcript_files`).
"""

from __future__ import annotations

import math
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.subtitles.transcript_files import read_given
from dubline.values.media import Line

RTTM_TYPES = frozenset(
    ("NOSCORE", "NO_RT_METADATA", "SEGMENT", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "IP")
) | frozenset(("SU", "CB", "A/P", "SPEAKER", "SPKR-INFO"))
"""Every kind of line that RTTM has."""


def read_lines(path: Path) -> tuple[Line, ...]:
    """The line times in a file, ordered, with overlapping lines merged.

    Raises:
        InvalidJob: the file cannot be read, is of no known kind, or holds a line that ends before it begins.
    """
    readers = {".srt": _srt, ".rttm": _rttm, ".json": _json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidJob(
            f"line times in {path.name} cannot be read", hint="Give an .srt, an .rttm or a transcript .json."
        )
    try:
        lines = reader(path)
    except OSError as error:
        raise InvalidJob(f"{path} cannot be read: {error}", hint="Check the path.") from None
    if not lines:
        raise InvalidJob(f"there are no line times in {path.name}", hint="Check that it is the right file.")
    for line in lines:
        if not 0 <= line.start <= line.end < float("inf"):
            raise InvalidJob(
                f"{path.name} has a line from {line.start:.3f} s to {line.end:.3f} s",
                hint="Fix its times; a line begins at 0 s or later and ends after it begins.",
            )
    merged: list[Line] = []
    for line in sorted(lines, key=lambda x: (x.start, x.end)):
        if merged and line.start <= merged[-1].end:
            merged[-1] = Line(start=merged[-1].start, end=max(merged[-1].end, line.end))
        else:
            merged.append(line)
    return tuple(merged)


def _srt(path: Path) -> list[Line]:
    from dubline.subtitles.srt import read_srt

    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # times are ASCII; the words are not looked at
    if "->" not in text and "\u2192" not in text:
        return []
    subtitles = read_srt(text, name=path.name)
    for problem in subtitles.lost:
        if problem.reason != "text without times":  # a title at the head of the file costs no time
            raise InvalidJob(
                f"{path.name}, line {problem.line}: {problem.reason}: {problem.text.strip()[:60]}",
                hint="Times look like this: 00:01:02,345 --> 00:01:04,000",
            )
    return [Line(start=cue.start_ms / 1000, end=cue.end_ms / 1000) for cue in subtitles.cues]


def _rttm(path: Path) -> list[Line]:
    text = path.read_bytes().decode("utf-8-sig", errors="replace")  # names are not looked at
    return [Line(start=start, end=end) for _, start, end, _ in rttm_rows(text, path.name)]


def rttm_rows(text: str, where: str = "RTTM") -> list[tuple[str, float, float, str]]:
    """RTTM text -> (recording, start, end, speaker) of each SPEAKER line, as they come.

    Comments (;;) and other kinds of NIST's lines are passed over. Described in NIST's "2009 (RT-09) Rich
    Transcription Meeting Recognition Evaluation Plan", appendix A.

    Raises:
        InvalidJob: a line that is no RTTM, with its number.
    """
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0] not in RTTM_TYPES:
            raise _bad_line(where, number, f"{fields[0]!r} is not a kind of RTTM line")
        if fields[0] != "SPEAKER":
            continue
        if len(fields) not in (9, 10):  # the older form has no last field
            raise _bad_line(where, number, f"it has {len(fields)} fields")
        start, length = (
            _number(fields[i], where, number, what) for i, what in ((3, "start"), (4, "duration"))
        )
        if fields[7] == "<NA>":
            raise _bad_line(where, number, "the speaker's name is missing")
        rows.append((fields[1], start, start + length, fields[7]))
    return rows


def _number(text: str, where: str, line: int, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise _bad_line(where, line, f"the {what} {text!r} is not a time in seconds")
    return value


def _bad_line(where: str, line: int, why: str) -> InvalidJob:
    return InvalidJob(
        f"{where}, line {line}: {why}",
        hint="A line has ten fields: SPEAKER file channel start duration <NA> <NA> name <NA> <NA>.",
    )


def _json(path: Path) -> list[Line]:
    passages = read_given(path, texts=False).passages
    return [Line(start=p.start, end=p.end) for p in passages if p.start is not None and p.end is not None]

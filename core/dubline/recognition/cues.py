"""Subtitles and scripts as text with times: read from SRT, WebVTT, a transcript's JSON, or plain text."""

from __future__ import annotations

import html
import re
from pathlib import Path

import msgspec

from dubline.errors import InvalidJob
from dubline.model import Value

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
TAGS = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")


class Cue(Value, frozen=True):
    """A line of text. `start` and `end` are seconds, None where the source has none."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str = ""


class _Segment(msgspec.Struct):
    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = ""


class _Segments(msgspec.Struct):
    segments: list[_Segment]


def read_cues(path: Path, *, encoding: str = "") -> tuple[Cue, ...]:
    """The cues of a file, in its order; cues without text are left out.

    `.srt` and `.vtt` are subtitles, `.json` a transcript, `.txt` a script with a cue on every line. Text is
    UTF-8 or UTF-16 with its mark, unless `encoding` says otherwise. Formatting marks are taken off.

    Raises:
        InvalidJob: the file cannot be read or is of no known kind, the encoding is another, a time is not
            one, or there is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidJob(f"{path} cannot be read: {error}", hint="Check the path.") from None
    kind = path.suffix.lower()
    if kind == ".json":
        cues = _json(data, path.name)
    elif kind in (".srt", ".vtt"):
        cues = _timed(_text(data, path.name, encoding), path.name)
    elif kind == ".txt":
        cues = [Cue(text=line.strip()) for line in _text(data, path.name, encoding).splitlines()]
    else:
        raise InvalidJob(
            f"{path.name} is of no kind that text can be read from", hint="Give an .srt, .vtt, .json or .txt."
        )
    found = tuple(cue for cue in cues if cue.text.strip())
    if not found:
        raise InvalidJob(f"there is no text in {path.name}", hint="Check that it is the right file.")
    return found


def _text(data: bytes, name: str, encoding: str) -> str:
    if not encoding:
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise InvalidJob(
            f"{name} is not written in {encoding}",
            hint="Say which encoding it has, such as cp1254 (Turkish) or gb18030, or save it as UTF-8.",
        ) from None


def _timed(text: str, name: str) -> list[Cue]:
    """SRT and WebVTT alike: a line of times, then text up to an empty line."""
    cues: list[Cue] = []
    lines = [*text.splitlines(), ""]
    at = 0
    while at < len(lines):
        if "-->" not in lines[at]:
            at += 1
            continue
        times = TIMES.match(lines[at])
        start, end = (_seconds(times.groups()[i : i + 4]) for i in (0, 4)) if times else (0.0, -1.0)
        if end < start:
            raise InvalidJob(
                f"{name}, line {at + 1}: not the times of a cue: {lines[at].strip()[:60]}",
                hint="They look like this: 00:01:02,345 --> 00:01:04,000",
            )
        body = []
        at += 1
        while lines[at].strip() and "-->" not in lines[at]:
            body.append(lines[at].strip())
            at += 1
        raw = " ".join(body)
        voice = re.match(r"<v(?:\.[^\s>]*)?\s+([^>]+)>", raw)
        plain = " ".join(html.unescape(TAGS.sub("", raw)).split())
        cues.append(Cue(text=plain, start=start, end=end, speaker=voice[1].strip() if voice else ""))
    return cues


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def _json(data: bytes, name: str) -> list[Cue]:
    try:
        segments = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Segments).segments
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJob(
            f"{name}: {error}", hint="It needs `segments`, each with `text` and, if known, `start` and `end`."
        ) from None
    for segment in segments:
        if segment.start is not None and segment.end is not None and not 0 <= segment.start <= segment.end:
            raise InvalidJob(
                f"{name} has a segment from {segment.start} s to {segment.end} s", hint="Correct its times."
            )
    return [Cue(text=s.text, start=s.start, end=s.end, speaker=s.speaker or "") for s in segments]

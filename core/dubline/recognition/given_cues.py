"""Subtitles and scripts as text with times: read from SRT, WebVTT, a transcript's JSON, or plain text."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType, structs

from dubline.errors import InvalidJob
from dubline.files import bytes_of
from dubline.report import quantity
from dubline.subtitles.cues import SubtitleText, unlabelled
from dubline.subtitles.decoding import decode
from dubline.subtitles.rolling import folded
from dubline.subtitles.srt import read_srt
from dubline.subtitles.transcript_files import parse_given
from dubline.subtitles.vtt import is_vtt, read_vtt
from dubline.values.base import Value
from dubline.values.json_files import raw_json

VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
TAGS = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")


DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015"
REPLY = re.compile(rf"(?:^|(?<=[.!?\u2026\"\u201d\u00bb])\s)[{DASHES}]\s*\w")
"""A dash that begins a line, or that follows the end of a sentence: in subtitles, somebody else answers."""


class Cue(Value, frozen=True):
    """A line of text. `start` and `end` are seconds, None where the source has none.

    `speaker` is who says it, where the source tells; `voices` how many people its dashes or voice marks show.
    `confidence`, 0..1, where the source has it, and `more`, fields of the user's own.
    """

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str = ""
    voices: int = 1
    confidence: float | UnsetType = UNSET
    more: dict[str, Any] | UnsetType = UNSET


class ReadText(NamedTuple):
    """A file's cues, its language where it names one, sentences for the user, fields of the user's own."""

    cues: tuple[Cue, ...]
    language: str = ""
    notes: tuple[str, ...] = ()
    more: Mapping[str, Any] = {}


def read_cues(path: Path, *, encoding: str = "") -> tuple[Cue, ...]:
    """The cues of a file; see `read_text`."""
    return read_text(path, encoding=encoding).cues


def read_text(path: Path, *, encoding: str = "") -> ReadText:
    """The cues of a file, in its order; cues without text are left out.

    `.srt` and `.vtt` are subtitles, `.json` a transcript, another program's too, `.txt` a script with a cue
    on every line. Text is UTF-8 or UTF-16 with its mark, unless `encoding` says otherwise. Formatting marks
    are taken off, and the lines of a cue become one.

    Raises:
        InvalidJob: the file cannot be read or is of no known kind, the encoding is another, a time is not
            one, or there is no text.
    """
    data = bytes_of(path)
    kind = path.suffix.lower()
    read = ReadText(())
    if kind == ".json":
        read = _json(data, path.name)
        cues = list(read.cues)
    elif kind in (".srt", ".vtt"):
        cues = _timed(_text(data, path.name, encoding), path.name)
    elif kind == ".txt":
        lines = [line.strip() for line in _text(data, path.name, encoding).splitlines()]
        cues = [Cue(text=line, voices=_voices([line])) for line in lines]
    else:
        raise InvalidJob(
            f"{path.name} is not a kind of file that text can be read from",
            hint="Give an .srt, .vtt, .json or .txt.",
        )
    cues_with_text = tuple(cue for cue in cues if cue.text.strip())
    if not cues_with_text:
        raise InvalidJob(f"there is no text in {path.name}", hint="Check that it is the right file.")
    return read._replace(cues=cues_with_text)


def embedded_text(film: Path, choice: str) -> ReadText:
    """The cues of a subtitle stream inside a film (see `choose_stream`), in the language that the film tells.

    Raises:
        InvalidJob: there is no such stream, it holds pictures, or no text.
        ValidationError, FFmpegError: the film cannot be read.
    """
    from dubline.media.embedded_text import choose_stream, read_stream

    stream = choose_stream(film, choice)
    texts = [
        SubtitleText(index=number, start_ms=start, end_ms=end, text=text)
        for number, (start, end, text) in enumerate(read_stream(film, stream), 1)
    ]
    cues = tuple(cue for cue in _spoken(texts) if cue.text.strip())
    if not cues:
        raise InvalidJob(f"there is no text in the subtitles {stream} of {film.name}", hint="Choose others.")
    notes = (f"text: {quantity(len(cues), 'subtitle')} inside {film.name}, {stream}",)
    return ReadText(cues, language=stream.code, notes=notes)


def shifted(cues: tuple[Cue, ...], seconds: float) -> tuple[Cue, ...]:
    """Cues with their times moved; those without times stay as they are.

    Raises:
        InvalidJob: `seconds` is no number.
    """
    if not math.isfinite(seconds):
        raise InvalidJob(f"times shifted by {seconds} s", hint="Give a number of seconds.")
    return tuple(
        structs.replace(
            cue,
            start=None if cue.start is None else cue.start + seconds,
            end=None if cue.end is None else cue.end + seconds,
        )
        for cue in cues
    )


def _text(data: bytes, name: str, encoding: str) -> str:
    """The text, whose encoding is not guessed: it is kept to the letter."""
    return decode(data, encoding=encoding or "UTF-8", where=name, option="--text-encoding").text


def _timed(text: str, name: str) -> list[Cue]:
    """SRT, or WebVTT where the text begins with that word. Nothing that has times may be lost."""
    webvtt = is_vtt(text)
    if not webvtt and "->" not in text and "\u2192" not in text:
        return []
    subtitles = read_vtt(text, name=name) if webvtt else read_srt(text, name=name)
    for problem in subtitles.lost:
        if not problem.reason.startswith("text "):  # what stands before the first times is no cue
            raise InvalidJob(
                f"{name}, line {problem.line}: {problem.reason}: {problem.text.strip()[:60]}",
                hint="Times look like this: 00:01:02,345 --> 00:01:04,000",
            )
    return _spoken(folded(subtitles.cues), webvtt=webvtt)


def _spoken(texts: Iterable[SubtitleText], *, webvtt: bool = False) -> list[Cue]:
    """Subtitles as what is said: without tags, a cue's rows as one."""
    cues: list[Cue] = []
    for cue in texts:
        named = [cue.speaker] if cue.speaker else []
        named += [html.unescape(name).strip() for name in VOICE.findall(cue.text)]
        label, text = unlabelled(cue.text)
        named += [label] if label else []
        bare = [TAGS.sub("", row) for row in text.splitlines()]
        rows = [" ".join((row if webvtt else html.unescape(row)).split()) for row in bare]
        cues.append(
            Cue(
                text=" ".join(row for row in rows if row),
                start=cue.start_ms / 1000,
                end=cue.end_ms / 1000,
                speaker=named[0] if named else "",
                voices=max(len(set(named)), _voices(rows)),
            )
        )
    return cues


def _voices(rows: list[str]) -> int:
    """How many people the dashes of a cue's lines show."""
    return max(1, sum(len(REPLY.findall(row)) for row in rows))


def _json(data: bytes, name: str) -> ReadText:
    given = parse_given(raw_json(data, name), name)
    return ReadText(
        tuple(
            Cue(
                text=said.text,
                start=said.start,
                end=said.end,
                speaker=given.names.get(said.speaker) or said.speaker,
                voices=_voices(said.text.splitlines()),
                confidence=UNSET if said.confidence is None else said.confidence,
                more=said.more or UNSET,
            )
            for said in given.passages
        ),
        given.language,
        given.notes,
        given.more,
    )

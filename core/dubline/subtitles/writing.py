"""Files of subtitles by the end of their name, and cues arranged for a reader: two languages, one speaker."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.files import bytes_of
from dubline.subtitles.ass import write_ass
from dubline.subtitles.cues import Subtitles, SubtitleText
from dubline.subtitles.decoding import decode
from dubline.subtitles.rolling import plain
from dubline.subtitles.srt import read_srt, write_srt
from dubline.subtitles.table import write_csv
from dubline.subtitles.ttml import write_ttml
from dubline.subtitles.vtt import is_vtt, read_vtt, write_vtt

Format = Literal["srt", "vtt", "ass", "ttml", "csv"]
FORMATS: tuple[Format, ...] = ("srt", "vtt", "ass", "ttml", "csv")


def read_subtitles(
    path: Path, *, encoding: str = "", language: str = "", strict: bool = False, option: str = ""
) -> Subtitles:
    """The subtitles in a file: WebVTT if it begins with WEBVTT, else SubRip, whatever its name ends in.
    `option`: as for `decode`.

    Raises:
        InvalidJob: see `read_srt` and `read_vtt`; or it has neither.
    """
    data = bytes_of(path)
    file = decode(data, encoding=encoding, language=language, where=path.name, option=option)
    text, webvtt = file.text.removeprefix("\ufeff"), is_vtt(file.text)
    if path.suffix.lower() not in (".srt", ".vtt", ".txt", "") and not webvtt:
        raise InvalidJob(
            f"{path.name} is not a kind of file that subtitles are read from", hint="Give an .srt or a .vtt."
        )
    reader = read_vtt if webvtt or path.suffix.lower() == ".vtt" else read_srt
    subtitles = reader(text, strict=strict, name=path.name)
    return structs.replace(subtitles, encoding=file.encoding, notes=(file.note,) if file.note else ())


def write_subtitles(
    cues: Sequence[SubtitleText],
    format: str,
    *,
    rate: Fraction | None = None,
    start: int = 0,
    drop: bool = False,
    language: str = "",
    crlf: bool = False,
) -> bytes:
    """Cues as a file's bytes: UTF-8, with a mark for the CSV, which Excel needs.

    `rate` is for TTML and CSV, `start` and `drop` for the CSV's timecodes, `language` for TTML, `crlf` for
    SubRip and WebVTT.

    Raises:
        InvalidJob: no such format; a cue begins before 0 or ends before it begins.
    """
    if format == "srt":
        return write_srt(map(plain, cues), crlf=crlf).encode()
    if format == "vtt":
        return write_vtt(cues, crlf=crlf).encode()
    if format == "ass":
        return write_ass(cues).encode()
    if format == "ttml":
        return write_ttml(cues, rate=rate, language=language).encode()
    if format == "csv":
        return write_csv(cues, rate=rate, start=start, drop=drop).encode("utf-8-sig")
    raise InvalidJob(f"there is no subtitle format {format!r}", hint=f"There are {', '.join(FORMATS)}.")


def bilingual(cues: Sequence[SubtitleText]) -> tuple[SubtitleText, ...]:
    """Cues with the source's text above their own, each on one line; a cue without source text stays."""
    return tuple(
        structs.replace(cue, text=f"{_one_line(cue.source_text)}\n{_one_line(cue.text)}")
        if cue.source_text.strip()
        else cue
        for cue in cues
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def with_speakers(cues: Sequence[SubtitleText]) -> tuple[SubtitleText, ...]:
    """Cues with the speaker before the text ("Ayşe: Gel."), for formats that have no place for it."""
    return tuple(
        structs.replace(cue, text=f"{_one_line(cue.speaker)}: {cue.text}") if cue.speaker.strip() else cue
        for cue in cues
    )


def by_speaker(cues: Sequence[SubtitleText]) -> dict[str, tuple[SubtitleText, ...]]:
    """Speaker -> that speaker's cues, by first appearance; "" holds the cues of nobody known."""
    names = dict.fromkeys(cue.speaker for cue in cues)
    return {name: tuple(cue for cue in cues if cue.speaker == name) for name in names}

"""Subtitles inside a film, as text on the clock of its picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dubline.errors import InvalidJob
from dubline.media.containers import clock_zero, open_container
from dubline.timebase import whole
from dubline.values.languages import language_code


class TextStream(NamedTuple):
    """A subtitle stream of a film. `number` counts them from 0; `picture`: it holds pictures of text."""

    number: int
    language: str
    title: str
    codec: str
    picture: bool

    @property
    def code(self) -> str:
        """The language as the product writes it ("en"); "" where the film tells none that is known."""
        return _code(self.language)

    def __str__(self) -> str:
        kind = f"{self.codec}, pictures" if self.picture else self.codec
        return " ".join(filter(None, (f"{self.number}:", self.language, self.title, f"({kind})")))


class TimedText(NamedTuple):
    """A text and when it is shown, in milliseconds after the first picture; rows end with a line feed."""

    start_ms: int
    end_ms: int
    text: str


def text_streams(film: Path) -> tuple[TextStream, ...]:
    """The subtitle streams of a film, in its order.

    Raises:
        ValidationError, FFmpegError: it cannot be opened as media.
    """
    found = []
    with open_container(film) as container:
        for number, stream in enumerate(container.streams.subtitles):
            context = stream.codec_context
            language = stream.language if stream.language not in (None, "und") else ""
            found.append(
                TextStream(
                    number=number,
                    language=language or "",
                    title=stream.metadata.get("title", ""),
                    codec=context.name if context else "unknown",
                    picture=context is None or not context.codec.text_sub,
                )
            )
    return tuple(found)


def choose_stream(film: Path, choice: str) -> TextStream:
    """A film's subtitle stream by number (from 0), by language or title, or its only one where nothing is
    chosen.

    Raises:
        InvalidJob: there is none, or no such one, or several are meant; or it holds pictures. The hint lists
            those there are.
        ValidationError, FFmpegError: the film cannot be opened.
    """
    streams = text_streams(film)
    if not streams:
        raise InvalidJob(
            f"{film.name} has no subtitles in it",
            hint="Give the text as a file: --text lines.srt. What is burnt into the picture cannot be read.",
        )
    if choice.isdecimal():
        meant = [stream for stream in streams if stream.number == int(choice)]
    else:
        word, code = choice.strip().casefold(), _code(choice)
        meant = [
            s
            for s in streams
            if not word or word in (s.language.casefold(), s.title.casefold()) or (code and code == s.code)
        ]
    if len(meant) > 1:  # pictures are not meant where there is text
        meant = [stream for stream in meant if not stream.picture] or meant
    hint = f"It has {'; '.join(map(str, streams))}. Name one by its number or language: --text embedded:0"
    if len(meant) != 1:
        what = f"{len(meant)} subtitle streams" if meant else "no subtitle stream"
        raise InvalidJob(f"{film.name} has {what}{f' {choice!r}' if choice else ''}", hint=hint)
    if meant[0].picture:
        raise InvalidJob(
            f"the subtitles {meant[0]} of {film.name} are pictures of text, which are not read",
            hint="Let a subtitle program recognise the letters, and give what it writes: --text lines.srt.",
        )
    return meant[0]


def read_stream(film: Path, stream: TextStream) -> tuple[TimedText, ...]:
    """All texts of a stream that holds text.

    Raises:
        ValidationError, FFmpegError: the film cannot be opened or read.
    """
    found = []
    with open_container(film) as container:
        chosen, zero = container.streams.subtitles[stream.number], clock_zero(container)
        for packet in container.demux(chosen):
            base = packet.time_base
            if packet.pts is None or not packet.size or base is None:
                continue
            start = max(packet.pts * base - zero, 0)
            end = start + (packet.duration or 0) * base
            rows = [
                getattr(each, "dialogue", b"").decode("utf-8", "replace") for each in packet.decode() if each
            ]
            text = "\n".join(row for row in rows if row.strip())
            if text and end > 0:
                found.append(TimedText(whole(start * 1000), whole(end * 1000), text))
    return tuple(found)


def _code(language: str) -> str:
    try:
        return language_code(language) if language else ""
    except InvalidJob:
        return ""

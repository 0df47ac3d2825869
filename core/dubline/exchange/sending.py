"""Subtitles out: files for editors and translators, and the records by which they are known again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dubline.errors import InvalidJob
from dubline.exchange.texts import read_texts
from dubline.files import file_name, full_disk_is_told, typed, where_one_may_write, write_whole
from dubline.programme.publications import noted
from dubline.programme.reading import programme_rate, read_programme
from dubline.programme.subtitle_files import publish_subtitles, sent_cues
from dubline.programme.subtitle_tracks import cues_of
from dubline.report import quantity
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.roundtrip import LineNow
from dubline.subtitles.sent import SUFFIX, Sent, keep_sent, write_sent
from dubline.subtitles.writing import FORMATS, write_subtitles
from dubline.values.layout import Layout
from dubline.values.programme import SubtitleCue
from dubline.values.transcript import milliseconds


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to export; see `dubline subtitles export --help`. `language` "": the first translation's, or
    without one the film's own."""

    language: str = ""
    format: str = "srt"
    per_speaker: bool = False
    bilingual: bool = False
    names: bool = False
    place: Path | None = None


def export_subtitles(
    root: Path, request: Wanted, *, tell: Callable[[str], None] = lambda text: None
) -> tuple[Path, ...]:
    """Write a run's subtitles in one language, for each speaker apart if wanted; returns the files.

    Beside each SRT and WebVTT goes a record by which it is known again (FILE.ids.json), and the run keeps
    one too. Lines without text are left out, and `tell` gets how many.

    Raises:
        InvalidJob: no such run, language or format; two languages of the film's own text; nothing to write.
    """
    if request.format not in FORMATS:
        raise InvalidJob(
            f"there is no subtitle format {request.format!r}", hint=f"There are {', '.join(FORMATS)}."
        )
    texts = read_texts(root)
    with where_one_may_write():
        publish_subtitles(root)  # a text may have been changed by hand
    language = request.language or next(iter(texts.translations), texts.transcript.language)
    source = language == texts.transcript.language
    if source and request.bilingual:
        raise InvalidJob(
            f"{language or 'this'} is the film's own language", hint="Name a translation's with --lang."
        )
    lines = {line.id: line for line in texts.lines(language)}
    # In the picture stands a name or nothing, never a number.
    labels = {who: " ".join(name.split()) for who, name in texts.names.items()} if request.names else {}
    cues = cues_of(texts.text(language), programme_rate(root), bilingual=request.bilingual, labels=labels)
    if not cues:
        waiting_lines = Layout(root).subtitles / f"{language}.to-translate.srt"
        raise InvalidJob(
            f"there is no line of text in {language!r} yet",
            hint=f"The lines to translate are in {waiting_lines}. Then: "
            f"dubline subtitles import {typed(root)} FILE"
            if not source and waiting_lines.is_file()
            else "It holds no words.",
        )
    left = sum(1 for line in lines.values() if line.source_text.strip() and not line.text.strip())
    if left:
        # Of lines that have no words, such as a note sign, there is nothing to translate.
        here = Layout(root)
        waiting = sum(s.state in ("pending", "failed") for s in texts.translations[language][1].segments)
        some = "them" if waiting == left else f"{waiting} of them"
        where = f"; {here.named(here.subtitles)}/{language}.to-translate.srt has {some}" if waiting else ""
        tell(f"left out without a translation: {quantity(left, 'line')}{where}")
    base = ".".join(filter(None, (root.absolute().name.removesuffix(".dubline"), language)))
    base += ".bilingual" if request.bilingual else ""
    groups: dict[str, list[SubtitleCue]] = {}
    for cue in cues:
        line = lines[cue.id]
        who = f".{file_name(line.name or line.speaker, 'unknown')}" if request.per_speaker else ""
        groups.setdefault(base + who, []).append(cue)
    place = request.place or Layout(root).exports / "subtitles"
    clock = _clock_of(root)
    written: list[Path] = []
    with full_disk_is_told(place):
        place.mkdir(parents=True, exist_ok=True)
        for name, group in groups.items():
            shown, sent = _shown(group, lines, language, source, request)
            path = place / f"{name}.{request.format}"
            write_whole(path, write_subtitles(shown, request.format, language=language, **clock))
            written.append(path)
            if request.format in ("srt", "vtt"):
                write_sent(sent, path.with_name(path.name + SUFFIX))
                with where_one_may_write():
                    keep_sent(sent, root)
    if request.place is None:
        records = (path.with_name(path.name + SUFFIX) for path in written)
        noted(root, f"subtitles export RUN --lang {language}", (*written, *records))
    return tuple(written)


def _shown(
    cues: Sequence[SubtitleCue], lines: dict[int, LineNow], language: str, source: bool, request: Wanted
) -> tuple[tuple[SubtitleText, ...], Sent]:
    shown = tuple(
        SubtitleText(
            index=number,
            start_ms=milliseconds(cue.start),
            end_ms=milliseconds(cue.end),
            text=cue.text,
            speaker=lines[cue.id].name or cue.speaker,
            source_text="" if source else cue.source_text,
        )
        for number, cue in enumerate(cues, 1)
    )
    sent = Sent(
        language=language,
        source=source,
        names=request.names,
        bilingual=request.bilingual,
        cues=sent_cues(shown, cues),
    )
    return shown, sent


def _clock_of(root: Path) -> dict[str, Any]:
    """The picture's rate and timecode, for formats that count frames; none where nothing tells."""
    try:
        programme = read_programme(root)
    except InvalidJob:
        return {}
    if programme.picture is None:
        return {}
    return {"rate": programme.fps, "start": programme.start, "drop": programme.drop}

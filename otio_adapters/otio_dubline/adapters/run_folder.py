"""OTIO adapter `dubline`: a run folder, a transcript or a translation, read as a timeline."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import bytes_of
from dubline.programme.reading import programme_of_text, read_programme
from dubline.values.json_files import raw_json
from dubline.values.transcript import FORMAT as TRANSCRIPT
from dubline.values.transcript import parse_transcript
from dubline.values.translated import FORMAT as TRANSLATION
from dubline.values.translated import parse_translation
from otio_dubline.build import build
from otio_dubline.otio_errors import otio_errors


def read_from_file(filepath: str, rate: object = "") -> otio.schema.Timeline:
    """The timeline of a run folder, or of a file `transcript.json` or `translated.json` alone.

    A file inside a run folder stands for itself: its timeline has subtitles, no media. `rate` is that of a
    timeline without picture.

    Raises:
        OTIOError: with what is wrong and what to do about it; OTIO's own tools show it.
    """
    path, fps = Path(filepath), str(rate)  # otioconvert makes a number of rate=25
    with otio_errors():
        return _of_file(path, fps) if path.is_file() else build(read_programme(path, rate=fps))


def _of_file(path: Path, rate: str) -> otio.schema.Timeline:
    data = bytes_of(path)
    content = raw_json(data, path.name, hint="Give the file as Dubline wrote it.")
    kind = content.get("format") if isinstance(content, dict) else None
    name = path.parent.name.removesuffix(".dubline") if path.parent.suffix == ".dubline" else path.stem
    if kind == TRANSLATION:
        return build(programme_of_text(name, None, (parse_translation(data, path.name),), rate=rate))
    if kind in (TRANSCRIPT, None):
        return build(programme_of_text(name, parse_transcript(data, path.name), (), rate=rate))
    raise InvalidJob(
        f"{path.name} has the format {kind!r}", hint="Give a run folder, transcript.json or translated.json."
    )

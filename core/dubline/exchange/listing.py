"""A run's lines for programs of the user's own: a list with one object, its segments who, when and what.

    [
     {"num_speakers": 2, "total_duration": 3420.48, "language": "tr",
      "segments": [
       {"speaker": "SPEAKER_01", "start": 130.9, "end": 132.32, "text": "...", "confidence": 1.0},

`subtitles.transcript_files` reads it back as the same segments.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import UNSET

from dubline.errors import InvalidJob
from dubline.files import full_disk_is_told, write_whole
from dubline.programme.publications import noted
from dubline.values.layout import Layout
from dubline.values.transcript import (
    DOUBTFUL,
    Segment,
    Transcript,
    read_transcript,
    speakers_told,
    transcript_json,
)
from dubline.values.translated import TranslatedSegment, Translation, read_translation, translation_json

FORMS = ("list", "ours")


def export_transcript(
    root: Path, form: str = "list", *, language: str = "", names: bool = False, out: Path | None = None
) -> Path:
    """Write a run's transcript, or its translation into a language, as one file; returns it.

    `form`: "list" (see above) or "ours", the run's own file. `names`: speakers by the names that people gave
    them, instead of SPEAKER_00. `out`: the file to write, exports/transcript/NAME.LANGUAGE.json of the run
    where it is not named. Lines without text are in it with an empty one.

    Raises:
        InvalidJob: no such form, no transcript in the folder, none in that language; a damaged file.
    """
    if form not in FORMS:
        raise InvalidJob(f"there is no form {form!r}", hint=f"Use {' or '.join(FORMS)}.")
    said = _said(root, language)
    spoken = said.language if isinstance(said, Transcript) else said.target_language
    if form == "list":
        data = listed(said, names=names).encode()
    elif isinstance(said, Transcript):
        data = transcript_json(said)
    else:
        data = translation_json(said)
    name = ".".join(filter(None, (root.absolute().name.removesuffix(".dubline"), spoken, "json")))
    path = out or Layout(root).exports / "transcript" / name
    with full_disk_is_told(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    if out is None:
        noted(root, f"transcript export RUN --lang {spoken}", [path])
    return path


def listed(said: Transcript | Translation, *, names: bool = False) -> str:
    """A transcript or a translation as a list with one object, a segment on each line.

    Fields of the user's own stand where their file had them.
    """
    called = {s.id: s.name for s in said.speakers if s.name} if names else {}
    whole = {
        "num_speakers": speakers_told(said.speakers, said.more),
        "total_duration": said.duration,
        "language": said.language if isinstance(said, Transcript) else said.target_language,
        **({} if said.more is UNSET else said.more),
    }
    segments = (_told(segment, called) for segment in said.segments)
    head = _json(whole)[:-1]  # without its brace
    return f'[\n {head},\n  "segments": [\n' + ",\n".join(f"   {_json(s)}" for s in segments) + "]}\n]\n"


def _told(segment: Segment | TranslatedSegment, called: dict[str, str]) -> dict[str, Any]:
    return {
        "speaker": called.get(segment.speaker, segment.speaker),
        "start": segment.start,
        "end": segment.end,
        "text": segment.text or "",
        "confidence": None if segment.confidence is UNSET else segment.confidence,
        **({} if segment.more is UNSET else segment.more),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _said(root: Path, language: str) -> Transcript | Translation:
    """What is said in a language, in the film's own where none is named."""
    heard = Layout(root).transcript
    transcript = read_transcript(heard) if heard.is_file() else None
    translations = [read_translation(path) for path in Layout(root).translations()]
    if transcript is not None and language in ("", transcript.language):
        return transcript
    if transcript is None and translations and language in ("", translations[0].source_language):
        return _source(translations[0])
    for translation in translations:
        if translation.target_language == language:
            return translation
    there = _languages(transcript, translations)
    if not there:
        raise InvalidJob(
            f"there is no transcript in {root}",
            hint="Give a run folder (EPISODE.dubline) in which `dubline transcribe` or `translate` has been.",
        )
    raise InvalidJob(f"this run has no text in {language!r}", hint=f"It has {', '.join(there)}.")


def _languages(transcript: Transcript | None, translations: Sequence[Translation]) -> list[str]:
    own = [transcript.language] if transcript is not None else [t.source_language for t in translations[:1]]
    return list(dict.fromkeys([*filter(None, own), *(t.target_language for t in translations)]))


def _source(translation: Translation) -> Transcript:
    """What was translated, where it came from a file by itself and the run has no transcript."""
    return Transcript(
        language=translation.source_language,
        duration=translation.duration,
        segments=tuple(
            Segment(
                id=line.id,
                start=line.start,
                end=line.end,
                speaker=line.speaker,
                text=line.source_text,
                confidence=None if line.confidence is UNSET else line.confidence,
                language=line.source_language,
                flags=(DOUBTFUL,) if line.doubt else (),
                doubt=line.doubt,
                more=line.more,
            )
            for line in translation.segments
        ),
        speakers=translation.speakers,
        more=translation.more,
    )

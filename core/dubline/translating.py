"""A run's text into another language: reading what is there, translating, and writing the files.

The command, `serve` and `localize` all come through `translate_run`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from dubline.errors import InvalidJob
from dubline.glossary import read_glossary
from dubline.model import Sound, Stems
from dubline.programme import result_of
from dubline.recognition.cues import Cue, read_cues
from dubline.run import Run, full_disk_is_told, write_whole
from dubline.transcript import Segment, Speaker, Transcript, read_transcript
from dubline.translated import Tone, Translation, read_translation, translation_json
from dubline.translation.kept import ids_of, kept_lines
from dubline.translation.stage import Person, TranslationJob, check_languages, translate
from dubline.translation.tone import Tones, tones
from dubline.translation_routing import route_translation, weights_of

SYNOPSIS_LIMIT = 20_000
"""Characters of a synopsis; more would fill a model's context."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for; see `dubline translate --help`."""

    target: str
    source: str = ""
    translator: str = "auto"
    model: str = ""
    options: dict[str, Any] = {}
    glossary: Path | None = None
    synopsis: Path | None = None
    cast: Path | None = None
    only: str = ""
    retry_failed: bool = False
    again: bool = True
    rate: str = ""


def translate_run(
    run: Run,
    text: Path,
    wishes: Wishes,
    *,
    hints: dict[str, Any] | None = None,
    tell: Callable[[str], None] = lambda words: None,
) -> tuple[Translation, tuple[Path, ...]]:
    """Translate a text and write the result into the run folder; returns it and the files written.

    Raises:
        InvalidJob: the text, the languages or a list of segments are not as they should be.
        BackendMissing, WeightsError, BackendFailed: the translator cannot be used.
        Cancelled, StorageFull.
    """
    transcript = read_source(text, wishes.source)
    source = wishes.source or transcript.language
    check_languages(source, wishes.target)
    place = place_of(run.root, wishes.target)
    before = read_translation(place) if place.exists() else None
    kept = kept_lines(
        before,
        transcript,
        only=ids_of(wishes.only) if wishes.only else (),
        retry_failed=wishes.retry_failed,
    )
    if kept.lost:
        aside = place.with_name(f"{place.stem}.before.json")
        with full_disk_is_told(run.root):
            write_whole(aside, place.read_bytes())
        tell(
            f"{len(kept.lost)} lines that a person wrote have no segment any more; "
            f"the file as it was is {aside}"
        )
    decided = route_translation(
        source=source,
        target=wishes.target,
        translator=wishes.translator,
        model=wishes.model,
        options=_known_options(wishes),
    )
    job = TranslationJob(
        translator=decided.translator,
        target=wishes.target,
        source=source,
        glossary=read_glossary(wishes.glossary) if wishes.glossary else (),
        synopsis=_synopsis(wishes.synopsis) if wishes.synopsis else "",
        cast=_cast(wishes.cast) if wishes.cast else {},
        rate=wishes.rate,
        kept=kept.lines,
        models=weights_of(decided),
        again=wishes.again,
    )
    spoken = _with_edits(_tones(run, transcript, tell), before)
    translation = run.step(
        translate, transcript, spoken, job, hints={**(hints or {}), "reasons": decided.reasons}
    )
    return translation, publish_translation(translation, run.root)


def read_source(text: Path, language: str = "") -> Transcript:
    """The transcript of a run folder or a file; subtitles become one, a segment for each cue.

    Raises:
        InvalidJob: no such file, or it is damaged.
    """
    path = text / "transcript.json" if text.is_dir() else text
    if not path.exists():
        raise InvalidJob(
            f"there is no {path}",
            hint="Run `dubline transcribe` first, or give a transcript, an .srt or a .vtt.",
        )
    if path.suffix.lower() == ".json":
        return read_transcript(path)
    if path.suffix.lower() not in (".srt", ".vtt"):
        raise InvalidJob(
            f"{path.name} is of no kind that can be translated",
            hint="Give a transcript .json, an .srt or a .vtt.",
        )
    return _of_cues(read_cues(path), path.name, language)


def _of_cues(cues: tuple[Cue, ...], name: str, language: str) -> Transcript:
    speakers: dict[str, str] = {}
    segments = []
    ordered = sorted(cues, key=lambda cue: (cue.start or 0.0, cue.end or 0.0))
    for number, cue in enumerate(ordered, 1):
        speaker = speakers.setdefault(cue.speaker, f"SPEAKER_{len(speakers):02d}") if cue.speaker else ""
        segments.append(
            Segment(id=number, start=cue.start or 0.0, end=cue.end or 0.0, speaker=speaker, text=cue.text)
        )
    if not segments:
        raise InvalidJob(f"there is no text in {name}", hint="Check that it is the right file.")
    return Transcript(
        language=language,
        duration=max(segment.end for segment in segments),
        segments=tuple(segments),
        speakers=tuple(Speaker(id=ident, name=who, label=ident) for who, ident in speakers.items()),
    )


def place_of(root: Path, target: str) -> Path:
    """Where a run keeps its translation into a language: translated.json for its first language,
    translated.LANGUAGE.json for others."""
    first = root / "translated.json"
    if first.exists():
        try:
            if read_translation(first).target_language != target:
                return root / f"translated.{target}.json"
        except InvalidJob:
            # A damaged file must be looked at, not written over.
            raise
    return first


def publish_translation(translation: Translation, root: Path) -> tuple[Path, ...]:
    """Write the translation into the run folder; where lines are left to a person, also the subtitles to
    translate. The files, the translation first."""
    place = place_of(root, translation.target_language)
    with full_disk_is_told(root):
        write_whole(place, translation_json(translation))
    return (place,)


def _known_options(wishes: Wishes) -> dict[str, Any]:
    """The wishes that the named translator knows; for auto, what its candidates all know."""
    from dubline.backends import find

    if wishes.translator == "auto":
        if "server" in wishes.options:
            raise InvalidJob(
                "a server was named, but no translator that asks one", hint="Add --translator llm."
            )
        return dict(wishes.options)
    fields = find("translator", wishes.translator).Options.__struct_fields__
    if "server" in wishes.options and "server" not in fields:
        raise InvalidJob(
            f"the translator {wishes.translator} asks no server",
            hint="Leave --server out, or use --translator llm.",
        )
    return {name: value for name, value in wishes.options.items() if name in fields}


def _tones(run: Run, transcript: Transcript, tell: Callable[[str], None]) -> Tones:
    """The tone of each segment from the run's vocals; without separated voices, or Parselmouth, none."""
    import importlib.util

    stems: Stems | None = result_of(run.manifest(), run.root, "separate", Stems)
    if stems is None:
        return Tones(tones={})
    if importlib.util.find_spec("parselmouth") is None:
        tell('no tone of voice is measured: it needs Parselmouth, pip install "dubline[speech]"')
        return Tones(tones={})
    vocals = stems.vocals
    sound = Sound(
        path=vocals.path,
        rate=vocals.rate,
        channels=vocals.channels,
        frames=vocals.frames,
        layout=vocals.layout,
    )
    measured: Tones = run.step(tones, sound, transcript)
    return measured


def _with_edits(measured: Tones, before: Translation | None) -> Tones:
    """Tags that a person wrote into the earlier translation stand above what was measured."""
    edited: dict[int, Tone] = {}
    for line in before.segments if before else ():
        was = measured.tones.get(line.id)
        if line.tone is not None and (line.tone.edited or (was is not None and was.tag != line.tone.tag)):
            edited[line.id] = msgspec.structs.replace(line.tone, edited=True)
    return msgspec.structs.replace(measured, tones={**measured.tones, **edited})


def _synopsis(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidJob(f"{path} cannot be read: {error}", hint="Give a text file in UTF-8.") from None
    if len(text) > SYNOPSIS_LIMIT:
        raise InvalidJob(
            f"{path} has {len(text)} characters", hint=f"Keep the synopsis under {SYNOPSIS_LIMIT}."
        )
    return text


def _cast(path: Path) -> dict[str, Person]:
    """Gender and register by the person's name, and by the speaker's id where the file says it."""
    from dubline.cast import read_cast

    people: dict[str, Person] = {}
    for name, member in read_cast(path).items():
        if member.gender or member.register:
            person = Person(gender=member.gender, register=member.register)
            people[name] = person
            if member.speaker:
                people[member.speaker] = person
    return people

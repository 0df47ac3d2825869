"""A run's text into another language: reading what is there, translating, and writing the files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from dubline.backends.backend import Sought
from dubline.backends.choosing import Settled, find, settle
from dubline.backends.lacks import translator_ways
from dubline.errors import InvalidJob, WeightsError
from dubline.files import bytes_of, decoded, full_disk_is_told, write_if_new, write_whole
from dubline.programme.coherence import into_itself
from dubline.programme.publications import noted
from dubline.programme.reading import read_translations
from dubline.programme.subtitle_files import publish_subtitles
from dubline.report import quantity
from dubline.run import Run, standing
from dubline.subtitles.cues import unlabelled
from dubline.subtitles.rolling import folded
from dubline.subtitles.transcript_files import as_transcript, read_given
from dubline.subtitles.transcript_forms import DUBLINE
from dubline.subtitles.writing import read_subtitles
from dubline.translation.kept import kept_lines
from dubline.translation.sources import other_sources
from dubline.translation.stage import Person, TranslationJob, check_languages, translate
from dubline.translation.tone import Tones, tones
from dubline.values.cast import read_cast
from dubline.values.glossary import Term, read_glossary
from dubline.values.layout import Layout
from dubline.values.segment_ids import ids_of
from dubline.values.stems import Stems
from dubline.values.transcript import Segment, Speaker, Transcript, read_transcript
from dubline.values.translated import (
    Tone,
    Translation,
    place_of,
    read_translation,
    translation_json,
)
from dubline.values.wishes import TranslateWish, file_of
from dubline.voice.calibration import Known, fitted_by, known_durations, spoken_texts
from dubline.voice.pacing import VoicePace, hear_pace, pace_job
from dubline.weights.installation import extra_command

SYNOPSIS_LIMIT = 20_000
"""Characters of a synopsis; more would fill a model's context."""


def settle_translation(wish: TranslateWish, source: str, target: str, why: str = "as asked") -> Settled:
    """Decide who translates; nothing is loaded. `why`: see `settle`.

    Raises:
        InvalidJob: a language, translator or option that there is not.
        BackendMissing, WeightsError: one that was named cannot be used, or none can.
    """
    check_languages(source, target)
    backend = wish.translator or "auto"
    sought = Sought(model=wish.translator_model or "", language=source, target=target)
    try:
        settled = settle("translator", backend, sought, options=wish.translator_options, why=why)
    except WeightsError as error:
        if wish.open:
            error.hint = translator_ways(source, target)
        raise
    fields = find("translator", settled.choice.backend).Options.__struct_fields__
    if wish.candidates is None or "candidates" not in fields:
        return settled
    options = {**settled.choice.options, "candidates": wish.candidates}
    return settled._replace(choice=replace(settled.choice, options=options))


def check_files(wish: TranslateWish) -> None:
    """Read the files that a wish names, so that what is wrong with them is known before other work begins.

    Raises:
        InvalidJob: one is missing or wrong.
    """
    _terms(wish)
    _synopsis(file_of(wish, "synopsis"))
    _cast(file_of(wish, "cast"))


def target_languages(root: Path, wish: TranslateWish) -> tuple[str, ...]:
    """The languages to translate into: those that are asked for, else those that the run is in already.

    Raises:
        InvalidJob: there is neither.
    """
    languages = wish.to or tuple(t.target_language for t in read_translations(root))
    if not languages:
        raise InvalidJob("no language to translate into is named", hint="Name it: --to en.")
    return tuple(dict.fromkeys(languages))


def translate_run(
    run: Run,
    text: Path,
    target: str,
    wish: TranslateWish,
    *,
    hints: dict[str, Any] | None = None,
    tell: Callable[[str], None] = lambda words: None,
    why: str = "",
    stand_in: bool = False,
) -> tuple[Translation, tuple[Path, ...]]:
    """Translate a text and write the result into the run folder; returns it and the files written.

    What the wish leaves out stays as it was for this language. `why`: how its translator came to be taken,
    where nobody asked for it. `stand_in`: it is taken until another can be had, so the run does not keep it.

    Raises:
        InvalidJob: the text, the languages or a list of segments are not as they should be.
        BackendMissing, WeightsError, BackendFailed: the translator cannot be used.
        Cancelled, StorageFull.
    """
    known_wish = run.wish(f"translate.{target}", TranslateWish)
    why, wish = why or wish.origin("translator"), wish.over(known_wish)
    transcript = read_source(text, wish.source or "", tell)
    source = wish.source or transcript.language
    wish, anew = wish.for_source(source)
    place = place_of(run.root, target)
    before = read_translation(place) if place.exists() else None
    try:
        check_languages(source, target)
    except InvalidJob as error:
        if before is not None:  # from when the film was taken for another language
            error.hint = f"{into_itself(run.root, target)}."
        raise
    only = ids_of(wish.only) if wish.only else ()
    kept = kept_lines(
        before,
        transcript,
        only=only,
        retry_failed=bool(wish.retry_failed),
        apart=wish.apart or (),
    )
    settled = settle_translation(wish, source, target, why)
    reasons = (*settled.reasons, anew) if anew else settled.reasons
    if locked := [str(line.id) for line in kept.lines if line.locked and line.id in only]:
        tell(
            f"kept as a person wrote it: {', '.join(locked)}. To have a line translated again, empty its "
            f"text in {place.name}"
        )
    if kept.lost:
        aside = run.layout.aside(f"{place.stem}.before.json")
        with full_disk_is_told(run.root):
            write_whole(aside, place.read_bytes())
        tell(
            f"{quantity(len(kept.lost), 'line')} that a person wrote "
            f"{'has no segment with its' if len(kept.lost) == 1 else 'have no segment with their'} words any "
            f"more; the file as it was is {aside}"
        )
    others = other_sources(wish, transcript, source, target, before, settle_translation)
    for reason in others.reasons:
        tell(reason)
    reasons = (*reasons, *others.reasons)
    job = TranslationJob(
        translator=settled.choice,
        target=target,
        source=source,
        others=others.choices or UNSET,
        glossary=_terms(wish),
        synopsis=_synopsis(file_of(wish, "synopsis")),
        cast=_cast(file_of(wish, "cast")),
        rate=wish.rate or "",
        # How they fit is measured anew; that a dub has measured it must not outdate the translation.
        kept=tuple(replace(line, fit=None, confidence=UNSET, doubt=UNSET, more=UNSET) for line in kept.lines),
        again=wish.again is not False,
    )
    spoken = _with_edits(_tones(run, transcript, tell), before)
    hints = {**(hints or {}), "reasons": reasons, "anew": kept.redone if only else ()}
    known = known_durations(run.root, target)
    if wish.voice:
        translation = _by_voice(run, transcript, spoken, job, wish, hints)
    else:
        if wish.voice_pace is None and known.speakers:
            tell("a dub has measured its voices: --voice-pace chooses lines by how long they really take")
        if wish.voice_pace:
            job = replace(job, durations=known.speakers)
            hints["reasons"] = (*reasons, *known.notes)
        translation = run.step(translate, transcript, spoken, job, hints=hints, unfinished=_unfinished(wish))
    if known.speakers or not wish.voice:
        # However the lines were chosen, what the dub has measured is true of them.
        translation = fitted_by(translation, known, frame_rate=wish.rate or "")
    translation = _as_heard(translation, transcript)
    files = publish_translation(translation, run.root)
    model = settled.choice.options.get("model")
    # Of those that were done by themselves, only the ones that stayed are so still.
    stayed = {line.id for line in kept.lines} & {*(wish.apart or ())}
    apart = tuple(sorted(stayed | kept.redone)) or None
    if wish.some and known_wish is not None:  # who redoes some lines is not who translates the run
        wish = replace(known_wish, apart=apart)
    else:
        translator = None if stand_in else settled.choice.backend
        found_for = source if wish.open else wish.found_for
        wish = replace(wish, translator=translator, translator_model=model, apart=apart, found_for=found_for)
    run.keep_wish(f"translate.{target}", wish.kept())
    return translation, files


def _as_heard(translation: Translation, transcript: Transcript) -> Translation:
    """With what the transcript says of each segment and the translation does not depend on."""
    heard = {segment.id: segment for segment in transcript.segments}
    return replace(
        translation,
        segments=tuple(
            replace(line, confidence=said.confidence, doubt=said.doubted or UNSET, more=said.more)
            for line in translation.segments
            for said in (heard[line.id],)
        ),
        more=transcript.more,
    )


def _unfinished(wish: TranslateWish) -> Callable[[Translation], str]:
    """Why a translation of before is no finished one."""

    def why(translation: Translation) -> str:
        if wish.only:
            return "the lines named are asked for once more"
        failed = translation.totals.failed
        return f"{quantity(failed, 'line')} had failed" if failed else ""

    return why


def _by_voice(
    run: Run,
    transcript: Transcript,
    spoken: Tones,
    job: TranslationJob,
    wish: TranslateWish,
    hints: dict[str, Any],
) -> Translation:
    """A translation whose lines are chosen by how long a voice takes for them, and say so.

    The draft's answers are kept, so that the translator is asked for what does not fit only.
    """
    voice = pace_job(wish.voice or "", job.target, wish.voice_options or {})
    draft: Translation = run.step(
        translate, transcript, spoken, replace(job, again=False), hints=hints, unfinished=_unfinished(wish)
    )
    texts = spoken_texts(draft)
    if not texts:
        return draft
    heard: VoicePace = run.step(hear_pace, texts, voice)
    model = heard.model()
    # What was asked for once more is known now.
    hints = {**hints, "reasons": (*hints["reasons"], model.basis), "anew": ()}
    job = replace(job, durations={"": model})
    chosen: Translation = run.step(
        translate, transcript, spoken, job, hints=hints, unfinished=_unfinished(wish)
    )
    if set(spoken_texts(chosen)) <= heard.lengths.keys():
        return chosen
    # What the draft did not have is estimated by the others; now it is spoken too.
    last: VoicePace = run.step(hear_pace, spoken_texts(chosen), voice)
    whole = replace(model, spoken={**model.spoken, **last.lengths})
    return fitted_by(chosen, Known(speakers={"": whole}), frame_rate=job.rate)


def read_source(
    text: Path, language: str = "", tell: Callable[[str], None] = lambda words: None
) -> Transcript:
    """The transcript of a run folder or a file, of another program's too (`subtitles.transcript_files`);
    subtitles become one, a segment for each cue.

    Raises:
        InvalidJob: no such file, or it is damaged.
    """
    path = Layout(text).transcript if text.is_dir() else text
    if not path.exists():
        raise InvalidJob(
            f"there is no {path}",
            hint="Run `dubline transcribe` first, or give a transcript, an .srt or a .vtt.",
        )
    if path == text / "transcript.json":
        return read_transcript(path)
    if path.suffix.lower() == ".json":
        given = read_given(path)
        if given.form is DUBLINE:
            return read_transcript(path)
        transcript, notes = as_transcript(given)
        for note in notes:
            tell(note)
        return transcript
    if path.suffix.lower() not in (".srt", ".vtt"):
        raise InvalidJob(
            f"{path.name} is not a kind of file that can be translated",
            hint="Give a transcript .json, an .srt or a .vtt.",
        )
    return _of_subtitles(path, language, tell)


def _of_subtitles(path: Path, language: str, tell: Callable[[str], None]) -> Transcript:
    """A segment for each cue that has text, with its markup; what the file lost is told."""
    read = read_subtitles(path, language=language)
    for note in (*read.notes, *(f"{path.name}, line {p.line}: {p.reason}" for p in read.problems)):
        tell(note)
    said = folded(read.cues)
    if len(said) < len(read.cues):
        tell(f"{path.name}: its captions roll: {len(read.cues)} cues are {quantity(len(said), 'line')}")
    labels = [unlabelled(cue.text) for cue in said]
    said = tuple(
        replace(cue, text=text, speaker=cue.speaker or who)
        for cue, (who, text) in zip(said, labels, strict=True)
    )
    cues = sorted((c for c in said if c.text.strip()), key=lambda cue: (cue.start_ms, cue.end_ms))
    if not cues:
        raise InvalidJob(f"there is no text in {path.name}", hint="Check that it is the right file.")
    speakers: dict[str, str] = {}
    for cue in cues:
        if cue.speaker:
            speakers.setdefault(cue.speaker, f"SPEAKER_{len(speakers):02d}")
    return Transcript(
        language=language,
        duration=max(cue.end_ms for cue in cues) / 1000,
        segments=tuple(
            Segment(
                id=number,
                start=cue.start_ms / 1000,
                end=cue.end_ms / 1000,
                speaker=speakers.get(cue.speaker, ""),
                text=cue.text,
            )
            for number, cue in enumerate(cues, 1)
        ),
        speakers=tuple(Speaker(id=ident, name=who, label=ident) for who, ident in speakers.items()),
    )


def publish_translation(translation: Translation, root: Path) -> tuple[Path, ...]:
    """Write the translation into the run folder, and its subtitles; where lines are left to a person, also
    those lines as subtitles in the source language. The files, the translation first."""
    target = translation.target_language
    place = place_of(root, target)
    with full_disk_is_told(root):
        write_if_new(place, translation_json(translation))
    noted(root, f"translate RUN --to {target}", [place])
    own = (f"{target}.srt", f"{target}.to-translate.srt")
    return (place, *(path for path in publish_subtitles(root) if path.name in own))


def _tones(run: Run, transcript: Transcript, tell: Callable[[str], None]) -> Tones:
    """The tone of each segment from the run's vocals; without separated voices, or Parselmouth, none."""
    stems = standing(run.root, "stems", Stems)
    if stems is None:
        return Tones(tones={})
    if importlib.util.find_spec("parselmouth") is None:
        tell(f"no tone of voice is measured: it needs Parselmouth, {extra_command('speech')}")
        return Tones(tones={})
    measured: Tones = run.step(tones, stems.vocals.sound, transcript)
    return measured


def _with_edits(measured: Tones, before: Translation | None) -> Tones:
    """Tags that a person wrote into the earlier translation stand above what was measured."""
    edited: dict[int, Tone] = {}
    for line in before.segments if before else ():
        was = measured.tones.get(line.id)
        if line.tone is not None and (line.tone.edited or (was is not None and was.tag != line.tone.tag)):
            edited[line.id] = replace(line.tone, edited=True)
    return replace(measured, tones={**measured.tones, **edited})


def _terms(wish: TranslateWish) -> tuple[Term, ...]:
    path = file_of(wish, "glossary")
    return read_glossary(path) if path is not None else ()


def _synopsis(path: Path | None) -> str:
    if path is None:
        return ""
    text = decoded(bytes_of(path), path.name).strip()
    if len(text) > SYNOPSIS_LIMIT:
        raise InvalidJob(
            f"{path} has {len(text)} characters", hint=f"Keep the synopsis under {SYNOPSIS_LIMIT}."
        )
    return text


def _cast(path: Path | None) -> dict[str, Person]:
    """Gender and register by the person's name, and by the speaker's id where the file says it."""
    people: dict[str, Person] = {}
    for name, member in read_cast(path).items() if path is not None else ():
        if member.gender or member.register:
            person = Person(gender=member.gender, register=member.register)
            people[name] = person
            if member.speaker:
                people[member.speaker] = person
    return people

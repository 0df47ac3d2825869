"""`dubline localize`: stems, transcript, translations and dubs of a film in one go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubline.cli.asking import Asked, takes
from dubline.cli.film import Place, best_first, place_of
from dubline.cli.options import argument, option
from dubline.cli.report import tell_doubtful, tell_report
from dubline.cli.screen import result
from dubline.errors import InvalidJob
from dubline.files import typed
from dubline.report import quantity
from dubline.values.layout import Layout

if TYPE_CHECKING:
    from dubline.pipeline import Decided, Localized
    from dubline.values.wishes import LocalizeJob

# Of what is done in one go no lines are done again; the dub's voice speaks for the translation too; and the
# recognizer that is taken may know no glossary.
NOT_HERE = (
    "only",
    "retry_failed",
    "takes_only",
    "translate.source",
    "translate.voice",
    "translate.voice_options",
    "transcribe.glossary",
)
RARE = ("bg_volume", "duck", "loudness", "rights")


@takes("separate", "transcribe", "translate", "dub", without=NOT_HERE, rare=RARE)
def localize(
    asked: Asked,
    media: Annotated[
        Path | None,
        argument("A video, a sound file, or the run folder of one. It is only read. A job may name it."),
    ] = None,
    stems: Annotated[
        bool | None,
        option(
            "Separate vocals, music, sfx and ambient. Default: yes, unless the job says no.",
            "--stems/--no-stems",
            panel="What",
        ),
    ] = None,
    transcript: Annotated[
        bool | None,
        option(
            "Find out who says what. A translation always needs it. Default: yes, unless the job says no.",
            "--transcript/--no-transcript",
            panel="What",
        ),
    ] = None,
    export: Annotated[
        list[str] | None,
        option(
            "Write the timeline for these editing programs too, as `dubline export --to` does.", panel="What"
        ),
    ] = None,
) -> None:
    """Do everything: separate, find out who says what, translate, and dub where a dub is asked for.

    The same as `dubline separate`, `transcribe`, `translate` and `dub` one after the other, with their
    results in one run folder. What can be refused is refused before the work begins. Stopped, it goes on
    where it was; with another setting, only what depends on it is done again. Without --to nothing is
    translated; any option of the dub, such as --voice auto, asks for one, and of a film with a picture the
    film is written too, unless you say --no-mux. With --job, all of it may stand in a file.

        dubline localize EPISODE.mov --from tr --to en

        dubline localize EPISODE.mov --from tr --to en --voice auto --export resolve,srt

        dubline localize --job job.toml
    """
    from dubline.cli.export import target_names, write_targets
    from dubline.cli.progress import stoppable, working
    from dubline.cli.setup import decide_or_set_up
    from dubline.pipeline import localize as localizing
    from dubline.values.wishes import LocalizeJob

    if media is not None:
        place = place_of(media, asked)
    elif asked.media is not None:
        place = Place.of_job(asked)
    else:
        raise InvalidJob("no film was named", hint="Name it, or a job that does: --job job.toml.")
    if place.media is None:
        raise InvalidJob(
            "this run was made from a timeline, so `localize` cannot go on with it",
            hint="Use `dubline transcribe`, `translate` and `dub` instead.",
        )
    for left_out, stage, word in (
        (stems is False, "separate", "stems"),
        (transcript is False, "transcribe", "transcript"),
    ):
        if left_out and stage in asked.said:
            raise InvalidJob(
                f"options of the {word} together with --no-{word}", hint="Leave one of the two out."
            )
    job = LocalizeJob(
        media=place.media,
        separate=asked.separate if _asked_for("separate", stems, asked) else None,
        transcribe=asked.transcribe if _asked_for("transcribe", transcript, asked) else None,
        translate=asked.translate if asked.translate.to else None,
        dub=asked.dub if "dub" in asked.stages else None,
        device=asked.device,
    )
    targets = target_names(export) if export else ()
    decided = _with_film(decide_or_set_up(job, place.root), place.root)
    if transcript is False and asked.translate.to:
        raise InvalidJob(
            "--to together with --no-transcript",
            hint="A translation needs the words: leave one of the two out.",
        )
    with working(place.root, decided.reasons, steps=_steps(job, decided)) as (run, bar):
        bar.say(*_left(job, place.root))
        localized = localizing(job, run, decided=decided, threads=asked.threads, tell=bar.say)
    _tell(localized, place.root, job.languages)
    unwritten = False
    if targets:
        from otio_dubline.exporters import ExportOptions

        with stoppable("The dub is whole; `dubline export` writes the timelines."):
            try:
                write_targets(place.root, targets, Layout(place.root).exports, ExportOptions())
            except typer.Exit:  # some of them; they were told, and the report is still to come
                unwritten = True
    tell_report(place.root)
    if decided.left and localized.translations:
        result(f"\n{decided.left}")
    failed = unwritten or any(translation.totals.failed for translation in localized.translations)
    if failed or any(take.unheard for dub in localized.dubs for take in dub.takes.takes):
        raise typer.Exit(1)


def _with_film(decided: Decided, root: Path) -> Decided:
    """What was decided, with a film asked for where there is a picture and nobody ever said yes or no."""
    from msgspec.structs import replace

    from dubline.mix.film import copy_is_too_large
    from dubline.voice.preparing import dub_before

    job = decided.job
    before = [dub_before(root, language)[1] for language in job.languages]
    said = [dub.settings.mux for dub in before if dub is not None and dub.settings.mux is not None]
    if job.dub is None or job.dub.mux is not None or said or not decided.has_picture:
        return decided
    media = decided.seen.what[0] if isinstance(decided.seen.what, tuple) else None
    if media is not None and (why := copy_is_too_large(media)):
        return decided._replace(reasons=(*decided.reasons, why))
    return decided._replace(job=replace(job, dub=replace(job.dub, mux=True)))


def _left(job: LocalizeJob, root: Path) -> tuple[str, ...]:
    """A sentence on translations that the run has, where none is asked for."""
    from dubline.programme.reading import read_translations

    there = [] if job.languages else [t.target_language for t in read_translations(root)]
    if not there:
        return ()
    return (f"not translated or dubbed anew: {', '.join(there)}. Name --to and --voice to go on with that",)


def _steps(job: LocalizeJob, decided: Decided) -> tuple[str, ...]:
    """The stages that take their time, in their order."""
    separates = decided.separating is not None and decided.separating.job is not None
    steps = ["separate"] if separates else []
    heard = decided.transcribing.steps if decided.transcribing is not None else ()
    steps += [step for step in heard if step != "separate"]
    steps += ["translate"] * len(job.languages)
    if job.dub is not None:
        steps += ["speak", "remix"] * len(job.languages)
    elif separates and decided.transcribing is not None:
        steps += ["remix"]
    return tuple(steps)


def _asked_for(stage: str, said: bool | None, asked: Asked) -> bool:
    return said if said is not None else stage not in asked.off


def _tell(localized: Localized, root: Path, languages: Sequence[str]) -> None:
    from dubline.cli.dub import tell_dub
    from dubline.cli.transcribe import heard

    for stem in localized.stems.stems if localized.stems else ():
        result(f"{stem.name:<8} {stem.label}", indent=9)
    if localized.transcript is not None:
        result(heard(localized.transcript))
        if languages and not localized.transcript.segments:
            result(f"so nothing is translated into {', '.join(languages)}, and nothing dubbed")
        tell_doubtful([segment.id for segment in localized.transcript.segments if segment.doubted])
    for translation in localized.translations:
        totals = translation.totals
        counts = (
            (totals.failed, "failed"),
            (totals.pending, "left to a person"),
            (totals.too_long, "too long for their time"),
        )
        said = [f"{quantity(totals.translated, 'line')} translated"]
        said += [f"{number} {what}" for number, what in counts if number]
        result(f"{translation.target_language:<8} {', '.join(said)}", indent=9)
        if totals.failed:
            again = f"dubline translate {typed(root)} --to {translation.target_language} --retry-failed"
            result(f"         try them again: {again}")
    if any(file.name == "final.m4a" for file in localized.files) and not localized.dubs:
        what = "voices over its background" if localized.stems is not None else "sound"
        result(f"final.m4a: the film's own {what}, until there is a dub")
    for dub in localized.dubs:
        result(f"\ndub in {dub.language}:")
        tell_dub(dub, root)
    result(f"\nin {root}, the best first:")
    for path in best_first([*localized.files, *_files(localized, root)]):
        if Layout(root).work in path.parents:
            continue
        result(f"  {path.relative_to(root)}{'/' if path.is_dir() else ''}")


def _files(localized: Localized, root: Path) -> list[Path]:
    """What stems and transcript left in the run folder."""
    from dubline.programme.subtitle_files import SOURCE

    here = Layout(root)
    stems = [here.stems] if localized.stems is not None else []
    words = [here.transcript, here.subtitles / f"{SOURCE}.srt"] if localized.transcript is not None else []
    return [*stems, *(path for path in words if path.is_file())]

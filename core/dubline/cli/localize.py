"""`dubline localize`: stems, transcript, translations and dubs of a film in one go."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dubline.cli.command import command, option, without
from dubline.cli.options import DUB, MACHINE, SEPARATE, TRANSCRIBE, TRANSLATE, Media, Out, Track

if TYPE_CHECKING:
    from dubline.pipeline import Localized
    from dubline.values.wishes import DubWish, SeparateWish, TranscribeWish, TranslateWish

# What concerns single lines belongs to the single commands; the film's language is told once.
_TRANSCRIBE = without(TRANSCRIBE, "language", "glossary")
_TRANSLATE = without(TRANSLATE, "only", "retry_failed", "voice", "voice_option")
_DUB = without(DUB, "to", "only", "retry_failed", "takes_only", "ambient")


@command(SEPARATE, _TRANSCRIBE, _TRANSLATE, _DUB, MACHINE)
def localize(
    media: Media,
    out: Out = None,
    track: Track = None,
    stems: option(  # type: ignore[valid-type]
        bool | None,
        "Separate vocals, music, sfx and ambient. Without, speech is recognised in the mix, which is faster "
        "and costs words and speakers. Default: yes.",
    ) = None,
    transcript: option(  # type: ignore[valid-type]
        bool | None, "Find out who says what. A translation always needs it. Default: yes."
    ) = None,
    *,
    separate: "SeparateWish",
    transcribe: "TranscribeWish",
    translate: "TranslateWish",
    dub: "DubWish",
    machine: dict[str, Any],
) -> None:
    """Do everything: separate, find out who says what, translate, and dub where a voice is named.

    The same as `dubline separate`, `transcribe`, `translate` and `dub` one after the other, with their
    results in one run folder. What can be refused is refused before the work begins. Stopped, it goes on
    where it was; with another setting, only what depends on it is done again. What you leave out stays as it
    was for this run, else it is auto.

        dubline localize EPISODE.mov --from tr --to en

        dubline localize EPISODE.mov --from tr --to en --to de --glossary terms.csv --cast cast.toml

        dubline localize EPISODE.mov --from tr --to en --voice auto

        dubline localize EPISODE.mov --job job.toml
    """
    from msgspec.structs import replace

    from dubline.cli.progress import working_in
    from dubline.media.original import media_and_run
    from dubline.pipeline import decide
    from dubline.pipeline import localize as localizing
    from dubline.values.wishes import LocalizeJob

    source, root = media_and_run(media, out, track)
    if translate.source is not None:
        transcribe = replace(transcribe, language=translate.source)
    job = LocalizeJob(
        media=source,
        separate=separate if stems is not False else None,
        transcribe=transcribe if transcript is not False else None,
        translate=translate if translate.to else None,
        dub=dub if dub.voice else None,
        device=machine["device"] or "auto",
    )
    decided = decide(job, root)
    with working_in(root, decided.reasons) as (run, working):
        localized = localizing(job, run, decided=decided, threads=machine["threads"], tell=working.bar.say)
    _tell(localized, root)
    failed = any(translation.totals.failed for translation in localized.translations)
    if failed or any(take.state == "failed" for made in localized.dubs for take in made.takes.takes):
        raise typer.Exit(1)


def _tell(localized: "Localized", root: Path) -> None:
    from dubline.cli.dub import tell_dub

    for stem in localized.stems.stems if localized.stems else ():
        typer.echo(f"{stem.name:<8} {stem.label}")
    if localized.transcript is not None:
        segments, speakers = localized.transcript.segments, localized.transcript.speakers
        typer.echo(f"{len(segments)} segments, {len(speakers)} speakers")
    for translation in localized.translations:
        totals = translation.totals
        typer.echo(
            f"{translation.target_language:<8} {totals.translated} lines translated, {totals.failed} failed, "
            f"{totals.pending} left to a person, {totals.too_long} too long for their time"
        )
        if totals.failed:
            typer.echo(
                f"         try them again: dubline translate {root} --to {translation.target_language} "
                "--retry-failed"
            )
    for dub in localized.dubs:
        typer.echo(f"\ndub in {dub.language}:")
        tell_dub(dub, root)
    typer.echo(f"\n{root}")

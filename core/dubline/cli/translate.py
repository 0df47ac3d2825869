"""`dubline translate`: a transcript in another language, in the time the actors had."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dubline.cli.command import command, option, without
from dubline.cli.options import MACHINE, TRANSLATE

if TYPE_CHECKING:
    from dubline.values.translated import Translation
    from dubline.values.wishes import TranslateWish


@command(TRANSLATE, without(MACHINE, "batch"), main="translate")
def translate(
    text: Annotated[
        Path,
        typer.Argument(
            help="A run folder (EPISODE.dubline), a transcript.json, an .srt or a .vtt. It is only read.",
            show_default=False,
        ),
    ],
    out: option(Path | None, "Write the translation here too.", "--out", "-o") = None,  # type: ignore[valid-type]
    *,
    translate: "TranslateWish",
    machine: dict[str, Any],
) -> None:
    """Translate a transcript so that each line can be spoken in its time.

    As many lines come out as go in, with the same numbers, speakers and times. What you change in
    translated.json is never overwritten; docs/translation.md explains the file. What you leave out stays as
    it was for this run and language, else it is auto.

        dubline translate EPISODE.dubline --to en

        dubline translate lines.srt --from tr --to en --translator llm --server http://localhost:11434/v1
        --model qwen3:14b --glossary terms.csv

        dubline translate EPISODE.dubline --to en --voice espeak-ng

        dubline translate EPISODE.dubline --to en --only 17,23-40 --translator llm --server ...
    """
    from dubline.cli.progress import working_in
    from dubline.errors import InvalidJob
    from dubline.files import write_whole
    from dubline.translation.way import translate_run
    from dubline.values.translated import translation_json

    if not translate.to:
        raise InvalidJob("no language to translate into is named", hint="Name it with --to, such as --to en.")
    if out is not None and len(translate.to) > 1:
        raise InvalidJob(
            "--out is one file, and there are several languages", hint="Leave out one of the two."
        )
    root, failed = run_folder(text), 0
    with working_in(root) as (run, working):
        for target in dict.fromkeys(translate.to):
            translation, files = translate_run(
                run, text, target, translate, hints=machine, tell=working.bar.say
            )
            if out is not None:
                write_whole(out, translation_json(translation))
                files = (out, *files)
            working.bar.clear()
            _summary(translation)
            for path in files:
                typer.echo(f"{path}")
            failed += translation.totals.failed
    if failed:
        raise typer.Exit(1)


def run_folder(text: Path) -> Path:
    """The run that a text belongs to: the folder itself or the one it lies in, else a new one beside it.

    Raises:
        InvalidJob: there is no such file.
    """
    from dubline.errors import InvalidJob

    if not text.exists():
        raise InvalidJob(
            f"there is no {text}", hint="Give a run folder, a transcript.json, an .srt or a .vtt."
        )
    if text.is_dir():
        return text
    folder = text.absolute().parent
    if (folder / "run.json").exists():
        return folder
    return folder / f"{text.stem}.dubline"


def _summary(translation: "Translation") -> None:
    totals = translation.totals
    typer.echo(
        f"{totals.segments} segments: {totals.translated} translated, {totals.failed} failed, "
        f"{totals.pending} left to a person, {totals.silent} without words, {totals.locked} locked"
    )
    if totals.fitting is not None:
        typer.echo(
            f"fit: {totals.fitting:.1%} ({totals.fits} in their slot, {totals.borrowed} with borrowed "
            f"silence, {totals.short} short, {totals.too_long} too long"
            + (f", {totals.unsure} too near to call" if totals.unsure else "")
            + ")"
            + (f"; {totals.measured} lines measured" if totals.measured else "")
        )
    if totals.glossary[0]:
        typer.echo(f"glossary: {totals.glossary[1]} of {totals.glossary[0]} terms kept")
    for line in translation.segments:
        if line.state == "failed":
            typer.echo(f"  {line.id}: {'; '.join(line.reasons)}")

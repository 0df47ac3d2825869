"""`dubline translate`: a transcript in another language, in the time the actors had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dubline.values.translated import Translation


def translate(
    text: Annotated[
        Path,
        typer.Argument(
            help="A run folder (EPISODE.dubline), a transcript.json, an .srt or a .vtt. It is only read.",
            show_default=False,
        ),
    ],
    target: Annotated[str, typer.Option("--to", help="The language to translate into: en, tr, pt-BR ...")],
    source: Annotated[
        str,
        typer.Option(
            "--from", help="The language of the film. Default: the transcript's.", show_default=False
        ),
    ] = "",
    translator: Annotated[
        str,
        typer.Option(
            help="auto (ctranslate2 or transformers), llm (a server that you name), apertium, or manual "
            "(writes an SRT for a person)."
        ),
    ] = "auto",
    model: Annotated[
        str, typer.Option(help="The translator's model, by name or folder.", show_default=False)
    ] = "",
    server: Annotated[
        str,
        typer.Option(
            help="For llm: where it listens, such as http://localhost:11434/v1.", show_default=False
        ),
    ] = "",
    glossary: Annotated[
        Path | None, typer.Option(help="Terms to keep to: CSV or TSV with source, target, note.")
    ] = None,
    synopsis: Annotated[
        Path | None, typer.Option(help="A text file that tells what happens, for llm.")
    ] = None,
    cast: Annotated[
        Path | None, typer.Option(help="A cast.toml with gender and register of the people, for llm.")
    ] = None,
    only: Annotated[
        str, typer.Option(help="Only these segments again: 17,23-40. All others stay.", show_default=False)
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Only failed lines again.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the translation here too.", show_default=False),
    ] = None,
    candidates: Annotated[
        int, typer.Option(help="How many translations of a line to choose from.", min=1)
    ] = 4,
    again: Annotated[
        bool, typer.Option(help="Ask a second time for lines that do not fit their time.")
    ] = True,
    rate: Annotated[
        str, typer.Option(help="Frames a second, for the gap before the next cue: 23.976, 25 ...")
    ] = "",
    voice: Annotated[
        str,
        typer.Option(
            help="BACKEND or BACKEND:VOICE that will speak the lines, such as espeak-ng. It speaks each "
            "once beforehand, and they are chosen by how long that really takes.",
            show_default=False,
        ),
    ] = "",
    voice_pace: Annotated[
        bool,
        typer.Option(help="Where the run has a dub already, choose lines by the pace of its voices."),
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(help="CPU threads. Default: physical cores less one.", min=1)
    ] = None,
) -> None:
    """Translate a transcript so that each line can be spoken in its time.

    As many lines come out as go in, with the same numbers, speakers and times. What you change in
    translated.json is never overwritten; docs/translation.md explains the file.

        dubline translate EPISODE.dubline --to en

        dubline translate lines.srt --from tr --to en --translator llm --server http://localhost:11434/v1
        --model qwen3:14b --glossary terms.csv

        dubline translate EPISODE.dubline --to en --voice espeak-ng

        dubline translate EPISODE.dubline --to en --only 17,23-40 --translator llm --server ...
    """
    from dubline.cli.progress import watched
    from dubline.cli.separate import said_kept
    from dubline.run import Run
    from dubline.translation.way import Wishes, translate_run

    options: dict[str, Any] = {"candidates": candidates, "server": server or None}
    wishes = Wishes(
        target=target,
        source=source,
        translator=translator,
        model=model,
        options={k: v for k, v in options.items() if v is not None},
        glossary=glossary,
        synopsis=synopsis,
        cast=cast,
        only=only,
        retry_failed=retry_failed,
        again=again,
        rate=rate,
        voice=voice,
        voice_pace=voice_pace,
    )
    root = run_folder(text)
    with (
        watched() as (progress, bar),
        Run(root, report=progress.stage, tell=bar.say, said=lambda r: said_kept(r, bar)) as run,
    ):
        translation, written = translate_run(
            run, text, wishes, hints={"device": device, "threads": threads}, tell=bar.say
        )
        if out is not None:
            from dubline.files import write_whole
            from dubline.values.translated import translation_json

            write_whole(out, translation_json(translation))
            written = (out, *written)
    _summary(translation)
    for path in written:
        typer.echo(f"{path}")
    if translation.totals.failed:
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


def _summary(translation: Translation) -> None:
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

"""`dubline transcript`: a run's lines for programs of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubline.cli.film import RunFolder
from dubline.cli.help import App
from dubline.cli.options import languages, option

app = App(
    help="A run's lines, for scripts of your own.\n\n"
    "    dubline transcript export EPISODE.dubline --as list\n\n"
    "What it writes, `dubline translate` and `transcribe --text` read again.",
)


@app.callback()
def _group() -> None: ...


@app.command("export")
def export(
    run: RunFolder,
    form: Annotated[
        str,
        option(
            "list: a list with one object, of num_speakers, total_duration, language and segments. ours: as "
            "docs/transcript.md has it.",
            "--as",
            show_default=True,
        ),
    ] = "list",
    lang: Annotated[str, languages("Which language: the film's own, or a translation's.")] = "",
    names: Annotated[bool, option("Speakers by name instead of SPEAKER_00.", "--names")] = False,
    out: Annotated[
        Path | None, option("The file. Default: RUN/exports/transcript/NAME.LANG.json.", "--out", "-o")
    ] = None,
) -> None:
    """Write a run's transcript, or a translation of it, as JSON: who says what, from when to when."""
    from dubline.exchange.listing import export_transcript

    typer.echo(str(export_transcript(run, form, language=lang, names=names, out=out)))

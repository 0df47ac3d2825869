"""`dubline subtitles`: out to the people who edit them, back in, and checked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from dubline.cli.film import RunFolder
from dubline.cli.help import App
from dubline.cli.options import argument, languages, option
from dubline.cli.report import bring_up_to_date
from dubline.cli.subtitles_check import check_subtitles

app = App(
    help="Subtitles out to people who edit them, back in, and checked.\n\n"
    "    dubline subtitles export EPISODE.dubline --lang en -o for-ayse\n\n"
    "    dubline subtitles import EPISODE.dubline for-ayse/EPISODE.en.srt --dry-run\n\n"
    "Any editor will do. It may renumber, reorder, merge and split cues, and save in another encoding.",
)
app.command("check")(check_subtitles)


@app.command("export")
def export(
    run: RunFolder,
    lang: Annotated[
        str, languages("Which language: en, tr. Default: the first translation, else the film's own.")
    ] = "",
    per_speaker: Annotated[bool, option("A file for each speaker.", "--per-speaker")] = False,
    bilingual: Annotated[
        bool, option("The film's own words in the line above the translation.", "--bilingual")
    ] = False,
    speaker_labels: Annotated[
        bool,
        option(
            'Who has a name gets it before the text: "Ayşe: ...". Also --names.',
            "--speaker-labels",
            "--names",
        ),
    ] = False,
    format: Annotated[str, option("srt, vtt, ass, ttml or csv.", show_default=True)] = "srt",
    out: Annotated[
        Path | None, option("The folder to write to. Default: RUN/exports/subtitles.", "--out", "-o")
    ] = None,
) -> None:
    """Write a run's subtitles for an editor or a translator.

    Beside an .srt or .vtt lies FILE.ids.json, by which `import` knows each cue again; the run keeps a copy of
    it, so only the subtitles need to be passed on. The other formats go out only.
    """
    from dubline.exchange import Wanted, export_subtitles

    wanted = Wanted(
        language=lang,
        format=format,
        per_speaker=per_speaker,
        bilingual=bilingual,
        names=speaker_labels,
        place=out,
    )
    for path in export_subtitles(run, wanted, tell=lambda text: typer.echo(f"note: {text}", err=True)):
        typer.echo(str(path))


@app.command("import")
def import_(
    run: RunFolder,
    edited: Annotated[Path, argument("The edited .srt or .vtt.")],
    lang: Annotated[str, languages("The file's language, if it has lost its record.")] = "",
    encoding: Annotated[str, option("The file's encoding, if it is not found: cp1254, gb18030.")] = "",
    take_times: Annotated[
        bool, option("Move the run's lines to where cues were moved.", "--take-times")
    ] = False,
    remove: Annotated[bool, option("Take the text off lines whose cue is gone.", "--remove")] = False,
    dry_run: Annotated[bool, option("Show what would change; write nothing.", "--dry-run")] = False,
) -> None:
    """Take over what a person changed in subtitles.

    Every change is listed with the cue's number and the line's, and its times. A line that was edited or
    filled in is locked: no run changes it again. In the film's own language, the transcript is corrected.

    Times: up to 50 ms are an editor's rounding and are ignored. A cue that was moved is listed; the run's
    lines stay where they are, because the voices are there, unless you say --take-times. It moves the
    transcript's line, with its words spread over the new time, and every translation's.

    A cue that is gone is listed and its line left alone, unless you say --remove. A new cue where nobody
    speaks is listed and not taken over. The files as they were are kept as translated.before.json and
    transcript.before.json.
    """
    from dubline.exchange import import_subtitles
    from dubline.report import quantity

    done = import_subtitles(
        run, edited, language=lang, encoding=encoding, take_times=take_times, remove=remove, dry_run=dry_run
    )
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
    found = done.comparison
    kinds = Counter(change.kind for change in found.changes)
    for change in found.changes:
        typer.echo(str(change))
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "no change"
    typer.echo(
        f"{quantity(done.cues, 'cue')} in {done.language or 'und'}: {found.unchanged} as they were, {told}"
    )
    if found.times and not take_times:
        typer.echo("moved cues: the lines stay where they are; --take-times moves them")
    if found.removed and not remove:
        typer.echo("removed cues: their lines keep their text; --remove takes it off")
    if dry_run:
        typer.echo("nothing was written")
    else:
        bring_up_to_date(run)
    for path in done.files:
        typer.echo(str(path))

"""`dubline speakers`: the voices of a run, and their names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="See and name the voices that a run found.")

RunFolder = Annotated[Path, typer.Argument(help="A run folder: EPISODE.dubline.", show_default=False)]


@app.command("list")
def list_speakers(run: RunFolder) -> None:
    """Who speaks, and for how long."""
    from dubline.transcript import read_transcript

    transcript = read_transcript(run / "transcript.json")
    for speaker in transcript.speakers:
        count = sum(1 for segment in transcript.segments if segment.speaker == speaker.id)
        typer.echo(f"{speaker.id}  {speaker.name or '-':<16} {speaker.seconds:7.1f} s in {count} segments")
    if not transcript.speakers:
        typer.echo("nobody speaks")


@app.command("rename")
def rename(
    run: RunFolder,
    speaker: Annotated[str, typer.Argument(help="SPEAKER_00, or the name it has.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The person's or the part's name.", show_default=False)],
) -> None:
    """Give a voice a name. It stays when the film is transcribed again.

    Example: dubline speakers rename EPISODE.dubline SPEAKER_00 Ayşe
    """
    from dubline.recognition.publish import rename_speaker

    rename_speaker(run, speaker, name)
    typer.echo(f"{speaker} is {name.strip()}")

"""The `dubline` command. Heavy libraries load inside the commands that need them."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from dubline import __version__
from dubline.cli import (
    backends,
    dub,
    export,
    localize,
    models,
    separate,
    speakers,
    subtitles,
    transcribe,
    transcript,
    translate,
)
from dubline.errors import DublineError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Stems, transcript, translation and dub of a film, on the editor's own timeline.\n\n"
    "Nothing leaves this machine. Results go to a run folder beside the media (EPISODE.dubline); "
    "a command that was stopped goes on when it is given again.",
)
app.add_typer(models.app, name="models")
app.add_typer(backends.app, name="backends")
app.add_typer(speakers.app, name="speakers")
app.add_typer(subtitles.app, name="subtitles")
app.add_typer(transcript.app, name="transcript")
app.command("localize")(localize.localize)
app.command("separate")(separate.separate)
app.command("transcribe")(transcribe.transcribe)
app.command("translate")(translate.translate)
app.command("dub")(dub.dub)
app.command("export")(export.export)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dubline {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None: ...


@app.command("doctor")
def doctor() -> None:
    """Try each separator, diarizer and recognizer on two seconds of sound, let each voice say a word.

    One that is not set up (not installed, or without a model here) says how to get it. Only a broken one
    makes the command fail.
    """
    from dubline.doctor import try_all

    broken, last = False, ""
    for kind, name, words, state in try_all():
        if kind != last:
            typer.echo(f"{kind}s")
            last = kind
        typer.echo(f"  {state:<10} {name:<14} {words}")
        broken |= state == "broken"
    if broken:
        raise typer.Exit(1)


def main() -> None:
    """The entry point: runs a command and turns errors into a message, a hint and an exit status."""
    # Nothing of the user's may leave the machine by a library's back door.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        app()
    except DublineError as error:
        print(f"dubline: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        print(f"dubline: {error}", file=sys.stderr)
        print("  Check that the disk is there and that you may read and write on it.", file=sys.stderr)
        raise SystemExit(1) from None

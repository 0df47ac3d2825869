"""The `dubline` command. Heavy libraries load inside the commands that need them."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from dubline import __version__
from dubline.cli import (
    backends,
    demo,
    dub,
    export,
    localize,
    models,
    report,
    runs,
    separate,
    setup,
    speakers,
    subtitles,
    transcribe,
    transcript,
    translate,
)
from dubline.cli.help import App
from dubline.errors import DublineError
from dubline.files import may_only_be_read
from dubline.report import quantity

app = App(
    help="Stems, transcript, translation and dub of a film, on the editor's own timeline.\n\n"
    "Nothing leaves this machine. Results go to a run folder beside the media (EPISODE.dubline); "
    "a command that was stopped goes on when it is given again.",
)
JOB, LOOK, OTHERS, SET_UP = "The job", "Look at a run", "Timelines and subtitles", "Set-up"

app.command("localize", rich_help_panel=JOB)(localize.localize)
app.command("separate", rich_help_panel=JOB)(separate.separate)
app.command("transcribe", rich_help_panel=JOB)(transcribe.transcribe)
app.command("translate", rich_help_panel=JOB)(translate.translate)
app.command("dub", rich_help_panel=JOB)(dub.dub)
app.command("demo", rich_help_panel=JOB)(demo.demo)
app.command("report", rich_help_panel=LOOK)(report.report)
app.add_typer(speakers.app, name="speakers", rich_help_panel=LOOK)
app.add_typer(transcript.app, name="transcript", rich_help_panel=LOOK)
app.add_typer(runs.app, name="runs", rich_help_panel=LOOK)
app.command("export", rich_help_panel=OTHERS)(export.export)
app.add_typer(subtitles.app, name="subtitles", rich_help_panel=OTHERS)
app.command("setup", rich_help_panel=SET_UP)(setup.setup)
app.add_typer(models.app, name="models", rich_help_panel=SET_UP)
app.add_typer(backends.app, name="backends", rich_help_panel=SET_UP)


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


@app.command("doctor", rich_help_panel=SET_UP)
def doctor() -> None:
    """Try everything that is here: two seconds of sound, a greeting to translate, a word to say.

    What is not set up (not installed, or without a model here) says how to get it. Only what is broken makes
    the command fail, with exit status 1.
    """
    from dubline.cli.screen import no_output, quiet, result
    from dubline.doctor import try_all

    broken, last = 0, ""
    with quiet() as screen, no_output(screen):
        for kind, name, words, state in try_all():
            with screen.results():
                if kind != last:
                    result(f"{kind}s")
                result(f"  {state:<10} {name:<14} {words}", indent=26)
            last = kind
            broken += state == "broken"
    if broken:
        result(f"\n{quantity(broken, 'back end')} broken: what is said there is what to mend")
        raise typer.Exit(1)


def main() -> None:
    """The entry point: runs a command and turns errors into a message, a hint and an exit status."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:  # else `nohup` keeps it away
        with suppress(ValueError):  # not in the main thread
            signal.signal(hangup, signal.default_int_handler)
    try:
        app(prog_name="dubline")
    except DublineError as error:
        from dubline.cli.screen import for_stream

        print(for_stream(f"dubline: {error.message}", sys.stderr, 2), file=sys.stderr)
        if error.hint:
            print(for_stream(f"  {error.hint}", sys.stderr), file=sys.stderr)
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        from dubline.files import is_full

        hint = (
            "Make room on that disk"
            if is_full(error)
            else "Check that the disk is there and that you may read and write on it"
        )
        told = f"dubline: {error}", f"  {hint}."
        if may_only_be_read(error) and error.filename:
            told = (
                f"dubline: {Path(str(error.filename)).parent} may only be read",
                "  Name another folder with --out, or copy the run to where you may write.",
            )
        print("\n".join(told), file=sys.stderr)
        raise SystemExit(1) from None

"""`dubline backends`: what is installed, and the environments of those that need one of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from dubline.cli.help import App
from dubline.cli.options import argument, option
from dubline.cli.progress import stoppable

app = App(
    invoke_without_command=True,
    no_args_is_help=False,
    help="List the back ends: installed, missing, and how to get the missing ones.\n\n"
    "Some libraries cannot share an environment with the others; `install` makes one for them.",
)

Name = Annotated[str, argument("Which one: paddlespeech.")]


@app.callback()
def list_unless_told(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_backends()


@app.command("list")
def list_backends() -> None:
    """Show what is installed and what it costs, what is missing and how to get it."""
    from dubline.backends.backend import KINDS
    from dubline.backends.choosing import available, find

    for kind in KINDS:
        typer.echo(f"{kind}s")
        for info in available(kind).values():
            state = "installed" if info.installed else f"missing {', '.join(info.missing)}"
            remark = find(kind, info.name).cost if info.installed else info.remedy
            typer.echo(f"  {info.name:<14} {state:<28} {remark}".rstrip())


@app.command("install")
def install_command(
    name: Name,
    parts: Annotated[
        list[str] | None,
        option("A further part, for paddlespeech: voices, punctuation (Chinese). May be repeated.", "--with"),
    ] = None,
) -> None:
    """Make the environment of a back end that cannot share ours.

    Needs a network and some GB of disk. One that broke off goes on where it stopped; one that is whole is
    left as it is. It goes to your data folder, or to $DUBLINE_WORKERS.

    Example: dubline backends install paddlespeech --with voices
    """
    from dubline.workers.environments import RECIPES, environments_folder, install, installed

    known = RECIPES.get(name)
    if known is not None and installed(name, parts or ()) is None:
        typer.echo(f"{known.note}: up to {known.room / 1e9:.1f} GB in {environments_folder() / name}")
    count = "0"

    def report(done: float, total: float) -> None:
        nonlocal count
        count = f"{done:.0f} of {total:.0f}"

    def say(line: str) -> None:
        # Lines as they come say more than a bar: a few large downloads are most of the time.
        typer.echo(f"{count:>8}  {line}", err=True)

    with stoppable("The same command goes on where it stopped."):
        mark = install(name, parts or (), say=say, report=report)
    size, seconds = f"{mark.bytes / 1e9:.2f} GB", f"{mark.seconds:.0f} s"
    typer.echo(f"{mark.name} is installed: {size}, Python {mark.python}, made in {seconds}")


@app.command("uninstall")
def uninstall_command(name: Name) -> None:
    """Remove the environment of a back end. Models stay where they are.

    Example: dubline backends uninstall paddlespeech
    """
    from dubline.workers.environments import uninstall

    typer.echo(f"{name} is removed" if uninstall(name) else f"{name} was not installed")

"""`dubline demo`: the whole job on a clip that comes along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubline.cli.options import option
from dubline.cli.screen import result

CLIP = Path(__file__).with_name("clips") / "letter.mp4"
"""Half a minute, English; made by benchmarks/demo_clip.py. Beside it lies what is said in it."""
SOURCE, TARGET = "en", "pt"
NEXT = "\nThat was the whole job. For a film of yours: dubline localize FILM --from pt --to en --voice auto"


def demo(
    out: Annotated[
        Path, option("Where to put the clip and what is made of it.", "-o", "--out", show_default=True)
    ] = Path("dubline-demo"),
) -> None:
    """Show the whole job on a clip of half a minute: three people, rain, music, and a letter.

    Fetches the small models that it needs, if they are not here yet. Then it does what `dubline localize`
    does with a film: takes the sound apart, finds out who says what, translates it from English to
    Portuguese, dubs it, and writes all that an editor opens.

        dubline demo

        dubline demo -o ~/Desktop/dubline-demo
    """
    from dubline.backends.needs import Wanted, look_at_machine, plan_for
    from dubline.cli import app
    from dubline.cli.setup import carry_out, show
    from dubline.files import full_disk_is_told, write_whole

    clip = out.absolute() / CLIP.name
    with full_disk_is_told(clip.parent):
        clip.parent.mkdir(parents=True, exist_ok=True)
        if not clip.is_file() or clip.read_bytes() != CLIP.read_bytes():
            write_whole(clip, CLIP.read_bytes())
    machine = look_at_machine()
    plan = plan_for(Wanted(SOURCE, (TARGET,), "draft"), machine)
    if plan.missing:
        show(plan, machine)
        result()
        if not carry_out(plan, machine):
            raise typer.Exit(1)
    words = ["localize", str(clip), "--from", SOURCE, "--to", TARGET, "--voice", "auto"]
    if status := app(words, prog_name="dubline", standalone_mode=False):
        raise typer.Exit(status)
    result(NEXT)

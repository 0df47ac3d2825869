"""`dubline separate`: four stems of a film or a sound file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dubline.cli.command import command
from dubline.cli.options import MACHINE, SEPARATE, Media, Out, Track

if TYPE_CHECKING:
    from dubline.values.stems import Stems
    from dubline.values.wishes import SeparateWish


@command(SEPARATE, MACHINE, main="separate")
def separate(
    media: Media,
    out: Out = None,
    track: Track = None,
    *,
    separate: "SeparateWish",
    machine: dict[str, Any],
) -> None:
    """Take a film's sound apart into vocals, music, sfx and ambient.

    The stems have the source's sample rate, channels and length to the sample, and sum to it.
    They lie in EPISODE.dubline/stems/, with a picture (stems.png) and a report of levels and null test.
    What you leave out stays as it was for this run, else it is auto.

        dubline separate EPISODE.mov

        dubline separate EPISODE.mov --content cinematic --film-model cdx23

        dubline separate mix.wav --separator builtin --lines lines.srt
    """
    from dubline.cli.progress import working_in
    from dubline.media.original import look_at, media_and_run, original_of
    from dubline.run import read_wish
    from dubline.separation.way import separate_run, settle_separation
    from dubline.values.wishes import SeparateWish

    source, root = media_and_run(media, out, track)
    separating = settle_separation(separate, read_wish(root, "separate", SeparateWish))
    seen = look_at(source, root)
    with working_in(root, separating.reasons) as (run, _):
        stems = separate_run(run, original_of(run, seen).sound, separating, hints=machine)
    tell_stems(stems, root)


def tell_stems(stems: "Stems", root: Path) -> None:
    """The stems and what was measured on them."""
    from dubline.separation.quality import table

    for stem in stems.stems:
        typer.echo(f"{stem.name:<8} {stem.label}")
    typer.echo()
    if stems.quality is not None:
        for line in table(stems.quality):
            typer.echo(line)
    typer.echo(f"\n{root / 'stems'}")

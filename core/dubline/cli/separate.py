"""`dubline separate`: four stems of a film or a sound file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dubline.cli.asking import Asked, takes
from dubline.cli.film import Film, place_of
from dubline.cli.options import option
from dubline.cli.screen import result
from dubline.values.layout import Layout

if TYPE_CHECKING:
    from dubline.values.stems import Stems


@takes("separate", model="separator_model")
def separate(
    media: Film,
    asked: Asked,
    batch: Annotated[
        int | None,
        option(
            "Chunks at once. Default: by the GPU's free memory.",
            panel="How",
            common=False,
            min=1,
        ),
    ] = None,
) -> None:
    """Take a film's sound apart into vocals, music, sfx and ambient.

    The stems have the source's sample rate, channels and length to the sample, and sum to it.
    They lie in EPISODE.dubline/stems/, with a picture (work/stems.png) and a report of levels and null test.

        dubline separate EPISODE.mov

        dubline separate EPISODE.mov --content cinematic --film-model cdx23

        dubline separate mix.wav --separator builtin --lines lines.srt
    """
    from dubline.cli.progress import working
    from dubline.media.original import original_of
    from dubline.separation.way import separate_run, settle_run

    place = place_of(media, asked)
    seen = place.look()
    separating = settle_run(place.root, asked.separate, seen.seconds)
    with working(place.root, separating.reasons, steps=("separate",)) as (run, bar):
        sound = original_of(run, seen).sound
        stems = separate_run(run, sound, separating, hints={**asked.hints, "batch": batch}, tell=bar.say)
    _tell(stems, place.root)


def _tell(stems: Stems, root: Path) -> None:
    from dubline.separation.quality import table

    if not stems.separated:
        result(f"nothing was separated; the sound for other programs: {Layout(root).raw_audio}")
        return
    for stem in stems.stems:
        result(f"{stem.name:<8} {stem.label}", indent=9)
    result()
    if stems.quality is not None:
        for line in table(stems.quality):
            result(line)
    result(f"\n{Layout(root).stems}")

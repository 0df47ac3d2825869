"""Who fills which stem: the order of models for a kind of content, and what becomes of their sources.

* One model with voices among its sources: those are the vocals; whatever it was not asked for is one bed.
* A film model (music, effects, speech) fills vocals, music and sfx itself.
* The film chain: the dialogue model first, on the sound; then the film model on what is left, for music
  and effects. What speech the film model still finds there goes to the vocals. Run the other way, or the
  film model alone, leaves dialogue in the music.

One stem always takes what nobody claimed, so nothing is lost and the stems sum to the sound.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from dubline.errors import InvalidJob
from dubline.values.base import Choice, Value
from dubline.values.media import Line
from dubline.values.stems import STEM_OF_SOURCE, StemName, film_model


class SeparationJob(Value, frozen=True):
    """What a separation is asked for; everything in it changes the result.

    `separator` hears the sound; `film`, if given, hears what the separator left. `background`: "residual"
    makes the bed by subtraction, which nulls; "sum" keeps the model's own other sources as the music and
    puts what is left over into sfx; with a film model it makes no difference. `split`: a bed made by
    subtraction is taken apart by estimate where no film model does it. `depth`: "24", "float", or "auto" (24
    bit unless the source goes over full scale).
    """

    separator: Choice
    film: Choice | None = None
    background: Literal["residual", "sum"] = "residual"
    ambient: bool = True
    split: bool = False
    depth: Literal["auto", "24", "float"] = "auto"
    lines: tuple[Line, ...] | None = None


SPLIT: dict[str, str] = {
    "music": "estimated: what sounds in tones, apart from the voices",
    "sfx": "estimated: what is neither voices, music nor ambience",
    "ambient": "estimated: what goes on unchanged for 30 s, apart from the voices",
}
"""What the stems hold where the bed was taken apart without a model."""


class Share(msgspec.Struct, frozen=True):
    """Part of a plan: the sum of these sources goes to this stem."""

    stem: StemName
    sources: tuple[str, ...]


Shares = tuple[Share, ...]


class Labels(msgspec.Struct, frozen=True):
    """Which stem takes the rest, and what the stems hold, in words. `empty` stems stay silent; `split`: the
    rest is a bed that is taken apart into music, sfx and ambient."""

    rest: StemName
    text: dict[str, str]
    empty: tuple[StemName, ...]
    split: bool = False


def filling(sources: tuple[str, ...], *, background: str) -> Shares:
    """What the model that hears the sound fills.

    Raises:
        InvalidJob: the model returns no voices.
    """
    voices = tuple(s for s in sources if STEM_OF_SOURCE.get(s) == "vocals")
    if not voices:
        raise InvalidJob(
            f"the model returns {', '.join(sources)}, and no voices",
            hint="Choose a model with a source named vocals or speech.",
        )
    others = tuple(s for s in sources if s not in voices)
    if film_model(sources):
        return _film_shares(sources)
    bed = (Share("music", others),) if background == "sum" and others else ()
    return (Share("vocals", voices), *bed)


def film_filling(sources: tuple[str, ...]) -> Shares:
    """What the film model fills, which hears what the dialogue model left.

    Raises:
        InvalidJob: the model does not tell music from effects.
    """
    if not film_model(sources):
        raise InvalidJob(
            f"the film model returns {', '.join(sources)}",
            hint="A film model returns music, sfx and speech: CDX23's checkpoints, for one.",
        )
    return _film_shares(sources)


def _film_shares(sources: tuple[str, ...]) -> Shares:
    # Effects are not asked for: they are what is left, which loses nothing.
    return tuple(
        Share(stem, own)
        for stem in ("vocals", "music")
        if (own := tuple(s for s in sources if STEM_OF_SOURCE.get(s) == stem))
    )


def labels(sources: tuple[str, ...], film_sources: tuple[str, ...] | None, job: SeparationJob) -> Labels:
    """Who takes the rest, and what stands on the stems."""
    others = " + ".join(s for s in sources if STEM_OF_SOURCE.get(s) != "vocals")
    ambient = "empty: ambience is only estimated from an effects stem, and there is none"
    rest: StemName = "sfx"
    empty: tuple[StemName, ...] = ("ambient",)
    if film_sources is not None or film_model(sources):
        music, sfx = "music, by the film model", "effects, and whatever no model claimed"
        ambient = "empty: not asked for"
        if job.ambient:
            ambient, empty = "estimated: what stays the same for 30 s in the effects", ()
    elif job.background == "sum" and others:
        music, sfx = f"the model's {others}", "what the model gave to no source"
    elif job.split:
        return Labels("music", {"vocals": "voices", **SPLIT}, (), split=True)
    else:
        music = f"bed: {others or 'music, effects and ambience together'} (source minus voices)"
        sfx = "empty: this model knows no effects; they are in the music"
        rest, empty = "music", ("sfx", "ambient")
    return Labels(rest, {"vocals": "voices", "music": music, "sfx": sfx, "ambient": ambient}, empty)

"""The files that a timeline's clips stand for, and what their metadata tell of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from otio_dubline.reading import facts_of, media_file


@dataclass(frozen=True)
class File:
    """A media file. `channels` and `sample_rate` of its sound, 0 where nobody knows; `frames`, the length at
    the timeline's rate, 0 where unknown."""

    path: str
    frames: int = 0
    channels: int = 0
    sample_rate: int = 0
    width: int = 0
    height: int = 0
    pixel_aspect: Fraction = Fraction(1)


def number(value: Any, otherwise: float = 0.0) -> float:
    """A finite number from metadata, else `otherwise`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return float(value)
    return otherwise


def pixel_aspect(facts: dict[str, Any]) -> Fraction:
    """A picture's pixel aspect from metadata, 1 where they tell none that can be."""
    try:
        aspect = Fraction(str(facts.get("pixel_aspect", "1")))
    except (ValueError, ZeroDivisionError):
        return Fraction(1)
    return aspect if aspect > 0 else Fraction(1)


def file_of(media: otio.schema.ExternalReference, frames: int, note: Callable[[str], None]) -> File:
    """A reference's file, `frames` long; `note` is told when it is not where it should be.

    Raises:
        InvalidJob: as `media_file`.
    """
    path = str(media_file(media.target_url, Path()))
    facts = facts_of(media)
    if not Path(path).is_absolute() and not re.match(r"[A-Za-z]:[\\/]", path):
        note(f"{path} is a relative path: put the file beside the project, or relink it there.")
    elif not Path(path).exists():
        note(f"{path} is not there: relink it after opening the project.")
    file = File(
        path=path,
        frames=frames,
        channels=int(number(facts.get("channels"))),
        sample_rate=int(number(facts.get("sample_rate"))),
        width=int(number(facts.get("width"))),
        height=int(number(facts.get("height"))),
        pixel_aspect=pixel_aspect(facts),
    )
    head = None if file.channels else sound_head(path)
    return file if head is None else replace(file, channels=head.channels, sample_rate=head.samplerate)


def sound_head(path: str | Path) -> Any:
    """What a sound file's head tells, as soundfile has it; None of a video, or where nothing lies."""
    import soundfile

    try:
        return soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, TypeError):
        return None

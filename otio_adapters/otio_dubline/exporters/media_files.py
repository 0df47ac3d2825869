"""The files that a timeline's clips stand for, and what their metadata tell of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import opentimelineio as otio

from dubline.errors import InvalidJob
from otio_dubline.reading import facts_of

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


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


def local_path(url: str) -> str:
    """A `file:` URL or a plain path -> a path.

    Raises:
        InvalidJob: another kind of URL, or none.
    """
    match = _SCHEME.match(url)
    if match is None or len(match[1]) == 1:  # a drive letter
        path = url
    elif match[1].lower() == "file":
        parts = urlsplit(url)
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost"):
            path = f"//{parts.netloc}{path}"
        if re.match(r"/[A-Za-z]:/", path):
            path = path[1:]
    else:
        raise InvalidJob(
            f"the media {url!r} are not a file on this computer", hint="Copy them here and link them anew."
        )
    if not path or "\0" in path:
        raise InvalidJob(
            f"the timeline names a media file {url!r}, which is no path",
            hint="Link its media anew in the program that made it.",
        )
    return path


def media_file(media: otio.schema.ExternalReference, frames: int, note: Callable[[str], None]) -> File:
    """A reference's file, `frames` long; `note` is told when it is not where it should be.

    Raises:
        InvalidJob: as `local_path`.
    """
    path = local_path(media.target_url)
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
    return file if file.channels else _measured(file)


def _measured(file: File) -> File:
    """With the channels that a sound file's head tells, where soundfile can read it."""
    import soundfile

    try:
        head = soundfile.info(file.path)
    except (soundfile.SoundFileError, OSError, TypeError):  # a video, or not there
        return file
    return replace(file, channels=head.channels, sample_rate=head.samplerate)

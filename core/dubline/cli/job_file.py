"""`--job job.toml`: what is asked of the stages, as a file.

    media = "EPISODE.mov"

    [separate]
    content = "cinematic"

    [translate]
    to = ["en"]
    glossary = "terms.csv"

Tables are the wishes of `dubline.values.wishes` by their fields; `separate = false` leaves a stage out. Paths
count from the file's folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import asdict, replace

from dubline.errors import InvalidJob
from dubline.files import bytes_of, decoded
from dubline.values.base import Value, complaint
from dubline.values.timeline import FileMedia
from dubline.values.wishes import DubWish, SeparateWish, TranscribeWish, TranslateWish, Wish, is_embedded

STAGES: dict[str, type[Wish]] = {
    "separate": SeparateWish,
    "transcribe": TranscribeWish,
    "translate": TranslateWish,
    "dub": DubWish,
}
W = TypeVar("W", bound=Wish)


class _File(Value, frozen=True):
    media: str | FileMedia | None = None
    separate: SeparateWish | bool | None = None
    transcribe: TranscribeWish | bool | None = None
    translate: TranslateWish | bool | None = None
    dub: DubWish | bool | None = None
    device: str = "auto"


class JobFile(NamedTuple):
    """What a job file says; `off`: stages that it leaves out."""

    wishes: dict[str, Wish] = {}
    off: frozenset[str] = frozenset()
    media: FileMedia | None = None
    device: str = "auto"


def read_job(path: Path) -> JobFile:
    """Read a job file.

    Raises:
        InvalidJob: it cannot be read, or says something that no stage knows; with the file and the key.
    """
    try:
        job = msgspec.toml.decode(decoded(bytes_of(path), path.name), type=_File)
    except (msgspec.DecodeError, RecursionError) as error:
        wrong = complaint(error) if isinstance(error, msgspec.ValidationError) else str(error)
        raise InvalidJob(f"{path}: {wrong}", hint="docs/job.md shows one, with all its keys.") from None
    folder = path.absolute().parent
    wishes: dict[str, Wish] = {}
    for stage, kind in STAGES.items():
        wish = getattr(job, stage)
        if wish:
            given = asdict(wish) if isinstance(wish, Wish) else {}
            wishes[stage] = kind(**placed(kind, given, folder))
    media = FileMedia(path=job.media) if isinstance(job.media, str) else job.media
    return JobFile(
        wishes,
        frozenset(stage for stage in STAGES if getattr(job, stage) is False),
        replace(media, path=(folder / media.path).as_posix()) if media is not None else None,
        job.device,
    )


def placed(kind: type[Wish], given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The fields of a wish with its files by their whole paths, since a run keeps them for other days.

    A model is a file where it is written as a path and lies there; else it is a name.
    """
    whole = dict(given)
    for name, value in given.items():
        path = folder / value if isinstance(value, str) and value else None
        if path is None:
            continue
        model = name.endswith("_model") and (os.sep in value or "/" in value) and path.exists()
        if (name in kind.PATHS and not is_embedded(value)) or model:
            whole[name] = path.as_posix()
    return whole


def above(wish: W, under: Wish | None) -> W:
    """A wish, with what it leaves out as another says."""
    if under is None or not isinstance(under, type(wish)):
        return wish
    once = {name: getattr(under, name) for name in wish.ONCE if getattr(wish, name) is None}
    return replace(replace(wish, forget=False).over(under), forget=wish.forget or under.forget, **once)

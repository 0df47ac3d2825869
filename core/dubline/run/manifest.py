"""`run.json`: what a run was asked and what happened, and what is read from there.

It says itself whether it is whole. Where it is not, its copy tells, and the steps tell what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from dubline import __version__
from dubline.errors import InvalidJob
from dubline.files import typed
from dubline.run.folders import RECORD, Damaged, StepFolder, StepRecord, damage, read_folder
from dubline.values.base import Value
from dubline.values.dubbed import read_dub
from dubline.values.layout import Layout
from dubline.values.sealed import copy_of, read_sealed

T = TypeVar("T")

FORMAT = "dubline.run.1"
_STEP = re.compile(r"steps/[\w-]{1,100}")  # where a step's folder can lie


class FilmPlace(Value, frozen=True):
    """Where the run's film lies: `path` as `Layout.told` keeps it. `was`: the places by which results name
    it. `content`: what `media.film_place.content_of` made of it."""

    path: str
    was: tuple[str, ...] = ()
    content: str = ""

    def at(self, root: Path) -> Path:
        """The place, for a run in `root`."""
        return Layout(root).found(self.path)


class Published(Value, frozen=True):
    """What a file that a person opens is a link to, or a copy of: a step's file; "" where there is to be none
    any more. `mark` is that file's size and time, `before` those of what was in its place."""

    source: str
    mark: str = ""
    before: str = ""


class Manifest(Value, frozen=True):
    """`run.json`.

    `stands`: what the run has, by its name ("stems", ...), and the step's folder that it comes from: this is
    what is published, shown, mixed and exported. `wishes`: what a person asked of each stage. `published`:
    by the path from the run folder.
    """

    format: str = FORMAT
    dubline: str = __version__
    steps: tuple[StepRecord, ...] = ()
    stands: dict[str, str] = {}
    wishes: dict[str, Any] = {}
    film: FilmPlace | None = None
    published: dict[str, Published] = {}


def read_manifest(root: Path) -> Manifest:
    """`run.json` of a run folder; an empty one where there is no run. One that is damaged or gone is put
    together from its copy and the steps' own records."""
    path = Layout(root).manifest
    try:
        status = path.stat()
        return _read(path, status.st_ino, status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors, and so are UTF-8's
        return _rebuilt(root)


@lru_cache(maxsize=8)
def _read(path: Path, *state: int) -> Manifest:
    return read_sealed(path, Manifest)


def is_damaged(root: Path) -> bool:
    """Whether `run.json` cannot be read, though there is a run."""
    path = Layout(root).manifest
    try:
        read_sealed(path, Manifest)
    except FileNotFoundError:
        return copy_of(path).exists() or any(Layout(root).steps.glob(f"*/{RECORD}"))
    except (OSError, ValueError):
        return True
    return False


def _rebuilt(root: Path) -> Manifest:
    known = Manifest()
    with suppress(OSError, ValueError):
        known = read_sealed(copy_of(Layout(root).manifest), Manifest)
    records = {(record.name, record.key) for record in known.steps}
    folders = [(folder, told) for folder, told in _folders(root) if _id(told) not in records]
    last = dict(known.stands)
    for folder, told in sorted(folders, key=lambda each: max(each[1].stood.values(), default=0)):
        for name in told.stood:
            last[name] = f"steps/{folder.name}"
    return structs.replace(known, steps=(*known.steps, *(told.record for _, told in folders)), stands=last)


def _id(told: StepFolder) -> tuple[str, str]:
    return told.record.name, told.record.key


def _folders(root: Path) -> Iterator[tuple[Path, StepFolder]]:
    """The steps that tell of themselves, in order of time."""
    found = []
    for place in Layout(root).steps.glob(f"[!.]*/{RECORD}"):
        with suppress(OSError, ValueError):
            told = read_folder(place.parent)
            if told is not None:
                found.append((told.at, place.parent, told))
    yield from ((folder, told) for _, folder, told in sorted(found, key=lambda each: each[:2]))


def placed(root: Path, path: str) -> Path:
    """Where a path from a value lies: in the run, at its film's present place, or where it says."""
    film = read_manifest(root).film if Path(path).is_absolute() else None
    return film.at(root) if film is not None and path in film.was else Layout(root).file(path)


def standing(root: Path, name: str, kind: type[T]) -> T | None:
    """What a run has under a name: the result of the step that was last done, or kept, for it.

    Raises:
        Damaged: it is not as it was written.
    """
    folder = read_manifest(root).stands.get(name)
    if folder is None or not _STEP.fullmatch(folder):  # in a run.json that somebody damaged
        return None
    place = Layout(root).file(folder)
    try:
        result = msgspec.json.decode((place / "result.json").read_bytes(), type=kind)
    except (OSError, ValueError, RecursionError):  # cleared away, or written by another version
        result = None
    if place.exists() and (wrong := damage(place)):
        known = _given(root, folder, kind) if {*wrong} <= {"result.json", RECORD} else None
        if known is None:
            raise damaged(root, folder, wrong)
        return known
    return result


def _given(root: Path, folder: str, kind: type[T]) -> T | None:
    """The result of a step that only keeps what it was given."""
    for record in read_manifest(root).steps:
        if folder == f"steps/{record.name}-{record.key}":
            for given in record.inputs if isinstance(record.inputs, list) else ():
                with suppress(ValueError):
                    return msgspec.convert(given, kind)
    return None


_REMEDIES = {
    "separate": ("separate", "extract", "timeline", "original", "content", "raw_audio", "no_vocals"),
    "dub": ("remix", "speak", "mux", "references", "pitch", "rights"),
    "translate": ("translate", "tone", "pace"),
}


def remedy(root: Path, folder: str) -> str:
    """The command that makes a step's folder again."""
    name = folder.rpartition("/")[2].rpartition("-")[0]
    command = next((command for command, names in _REMEDIES.items() if name in names), "transcribe")
    words = f"dubline {command} {typed(root)}"
    if command == "dub":
        for place in Layout(root).dubs():
            with suppress(InvalidJob):
                dub = read_dub(place)
                if folder in msgspec.json.encode(dub).decode():
                    return f"{words} --to {dub.language}"
    return words


def check(root: Path, *paths: str) -> None:
    """Refuse files of the run, as results name them, that are not as they were written.

    Raises:
        Damaged: one is not.
    """
    for folder in dict.fromkeys(path.rpartition("/")[0] for path in paths if path.startswith("steps/")):
        folder = "/".join(folder.split("/")[:2])
        if wrong := damage(Layout(root).file(folder)):
            raise damaged(root, folder, wrong)


def damaged(root: Path, folder: str, files: tuple[str, ...]) -> Damaged:
    """The error that says what is damaged, and what to do."""
    named = ", ".join(Layout(root).named(Layout(root).file(f"{folder}/{name}")) for name in files[:3])
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return Damaged(
        f"{root.name} is damaged: {named}{more} {'is' if len(files) == 1 else 'are'} not as Dubline wrote "
        f"{'it' if len(files) == 1 else 'them'}",
        hint=f"`{remedy(root, folder)}` makes {'it' if len(files) == 1 else 'them'} again.",
    )


def read_wish(root: Path, stage: str, kind: type[T]) -> T | None:
    """What was asked of a stage of a run, None where nothing was or it was another version's."""
    wish = read_manifest(root).wishes.get(stage)
    if isinstance(wish, dict):
        paths = {name: told for name in getattr(kind, "PATHS", ()) if (told := wish.get(name))}
        here = Layout(root)
        found = {k: here.found(told).as_posix() for k, told in paths.items() if told.startswith("../")}
        wish = {**wish, **found}
    try:
        return msgspec.convert(wish, kind) if wish is not None else None
    except msgspec.ValidationError:
        return None

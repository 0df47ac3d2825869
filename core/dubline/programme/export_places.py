"""Where a run and its film lay when each target was exported: what programs open names files by their paths.

exports/.places.json holds, for each target, those two places and what was asked for, so that an export of a
run that has been moved since is known, and made anew as it was.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from dubline.files import write_whole
from dubline.media.film_place import file_of, original_in
from dubline.values.base import Value
from dubline.values.json_files import kept_json
from dubline.values.layout import Layout


class ExportPlace(Value, frozen=True):
    """An export: the folder of the run and the film as they lay, absolute ("": no film), and the options."""

    run: str
    film: str = ""
    schema: str = ""
    embed: bool = True
    languages: tuple[str, ...] = ()
    takes: bool = True
    remix: bool = False
    rate: str = ""


class _Kept(Value, frozen=True):
    targets: dict[str, ExportPlace] = {}


def place_now(root: Path) -> ExportPlace:
    """Where a run and its film lie now."""
    film = file_of(original_in(root))
    return ExportPlace(run=root.absolute().as_posix(), film="" if film is None else film.path)


def keep_export(root: Path, target: str, place: ExportPlace) -> None:
    """Keep what was written for a target."""
    kept = _kept(root) | {target: place}
    write_whole(_file(root), msgspec.json.format(msgspec.json.encode(_Kept(targets=kept))) + b"\n")


def moved_exports(root: Path) -> dict[str, ExportPlace]:
    """The exports that are there and were written when the run or its film lay elsewhere, by target."""
    now = place_now(root)
    return {
        target: place
        for target, place in _kept(root).items()
        if (place.run, place.film) != (now.run, now.film) and (Layout(root).exports / target).is_dir()
    }


def _kept(root: Path) -> dict[str, ExportPlace]:
    kept = kept_json(_file(root), _Kept) if _file(root).is_file() else None
    return {} if kept is None else kept.targets


def _file(root: Path) -> Path:
    return Layout(root).exports / ".places.json"

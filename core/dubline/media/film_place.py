"""Where a run's film lies now: a project is moved, copied, or its film gets another name.

A file is known by its content, of which as much is read as a person would wait for. What has another size is
another film. Times of files do not count by themselves: copying changes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from dubline.media.probing import MIB, fingerprint
from dubline.run import FilmPlace, Run, read_manifest, standing
from dubline.values.layout import Layout
from dubline.values.media import Media, Original, Sound

ORIGINAL = "original"
"""What a run calls the original that it stands on."""
PARTS = 256
"""MiB that are read of a film, spread evenly over it; a smaller one is read whole."""

F = TypeVar("F", Media, Sound)


def content_of(path: Path) -> str:
    """Hex digits for the content of a file: its BLAKE2b, of `PARTS` spread MiB where it is larger than that.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    return _content(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _content(path: Path, size: int, time: int) -> str:
    digest, last = hashlib.blake2b(digest_size=16), max(0, size - MIB)
    with path.open("rb") as file:
        for part in range(PARTS):
            at = part * MIB if size <= PARTS * MIB else last * part // (PARTS - 1)
            file.seek(at)
            digest.update(file.read(MIB))
    return digest.hexdigest()


def is_same(path: Path, mark: str, content: str = "", *, elsewhere: bool = True) -> bool:
    """Whether a file is the one that had this `fingerprint` and this content ("": not known).

    Without the content its ends decide, and in its old place (not `elsewhere`) its time too: there it was
    rather changed than copied.
    """
    try:
        size, time, ends = fingerprint(path).split("-")
        before = mark.split("-")
        if [size, ends] != [before[0], before[-1]]:
            return False
        return time == before[1] or (content_of(path) == content if content else elsewhere)
    except (OSError, ValueError, IndexError):
        return False


def original_in(root: Path) -> Original | None:
    """The original that a run stands on, its film where it lies now, as far as it is found: where it was seen
    last, else where it was, else beside the run, by its name or by another."""
    original = standing(root, ORIGINAL, Original)
    file = file_of(original)
    if original is None or file is None:
        return original
    return _at(original, _place_now(root, file))


def file_of(original: Original | None) -> Media | Sound | None:
    """The user's own file that an original came from; None where it was built from a timeline."""
    if original is None or original.media is not None:
        return original.media if original is not None else None
    return original.sound if original.sound.fingerprint else None


def _at(original: Original, path: Path) -> Original:
    if original.media is not None:
        return structs.replace(original, media=structs.replace(original.media, path=path.as_posix()))
    return structs.replace(original, sound=structs.replace(original.sound, path=path.as_posix()))


def _place_now(root: Path, file: Media | Sound) -> Path:
    known, recorded = read_manifest(root).film, Path(file.path)
    places = [known.at(root)] if known is not None else []
    for place in (*places, recorded):
        if place.is_file():
            return place
    content = known.content if known is not None else ""
    told = file.fingerprint.partition("-")[0]
    size = int(told) if told.isdecimal() else -1
    for path in _beside(root, (places or [recorded])[0].name, size):
        if is_same(path, file.fingerprint, content):
            return path
    return (places or [recorded])[0]


def _beside(root: Path, name: str, size: int) -> Iterator[Path]:
    """The files beside a run that are as large as its film, that of its name first."""
    try:
        found = sorted(root.absolute().parent.iterdir(), key=lambda path: (path.name != name, path.name))
        yield from (path for path in found if path.is_file() and path.stat().st_size == size)
    except OSError:
        return


def changed_file(root: Path) -> Path | None:
    """The file that lies where a run's film was and is another one now; None where all is well, or it is not
    there at all."""
    file, known = file_of(original_in(root)), read_manifest(root).film
    if file is None or not Path(file.path).is_file():
        return None
    recorded = file_of(standing(root, ORIGINAL, Original))
    moved = recorded is None or recorded.path != file.path
    same = is_same(Path(file.path), file.fingerprint, known.content if known else "", elsewhere=moved)
    return None if same else Path(file.path)


def is_replaced(root: Path, now: Media | Sound) -> bool:
    """Whether a file, as `known_as` tells it, lies where the run's film lay, and is another one."""
    before = file_of(original_in(root))
    here = before is not None and Path(before.path).absolute() == Path(now.path).absolute()
    return here and before is not None and before.fingerprint != now.fingerprint


def known_as(root: Path, seen: F) -> F:
    """What was seen of a file, as the run knows it where it is its film: with the fingerprint that its steps
    depend on, so that a copy with another time is no other film."""
    before, known = file_of(standing(root, ORIGINAL, Original)), read_manifest(root).film
    if before is None or before.fingerprint == seen.fingerprint or type(before) is not type(seen):
        return seen
    content = known.content if known is not None else ""
    if not is_same(Path(seen.path), before.fingerprint, content, elsewhere=before.path != seen.path):
        return seen
    return structs.replace(seen, fingerprint=before.fingerprint)


def keep_place(run: Run, file: Media | Sound) -> None:
    """Keep where the run's film lies, from the run folder on where it lies in the folder that holds it."""
    before, path = run.manifest().film, Path(file.path).absolute()
    recorded = file_of(standing(run.root, ORIGINAL, Original))
    was = {path.as_posix(), *([recorded.path] if recorded is not None else [])}
    same = before is not None and recorded is not None and recorded.fingerprint == file.fingerprint
    was |= set(before.was) if before is not None and same else set()
    told = Layout(run.root).told(path)
    known = before.content if before is not None and same and before.path == told else ""
    place = FilmPlace(path=told, was=tuple(sorted(was)), content=known or content_of(path))
    if place != before:
        run.keep_film(place)

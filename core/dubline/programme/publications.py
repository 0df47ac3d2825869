"""Files that are made of a run as it stands (timeline, subtitles, report), and made again once it stands
otherwise, or once somebody has changed or removed one of them.

    place, = published(root, "timeline", lambda: [write(root)])
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from dubline import __version__
from dubline.files import full_disk_is_told, where_one_may_write, write_whole
from dubline.media.film_place import original_in
from dubline.run import FileMark, mark_of, read_manifest
from dubline.values.base import Value, canonical_json
from dubline.values.layout import Layout
from dubline.values.sealed import read_sealed, sealed


class Publication(Value, frozen=True):
    """How a run stood when files were made of it ("": that does not matter), and what they were then: path ->
    size, time and digest."""

    of: str
    files: dict[str, FileMark]


def published(
    root: Path, name: str, write: Callable[[], Iterable[Path]], *, reads: Iterable[Path] = (), tells: Any = ()
) -> tuple[Path, ...]:
    """The files that `write` makes of a run and returns; it is called only where they are not those of the
    run as it stands. `reads` and `tells`: files and facts that it is made of besides those of all.

    Raises:
        StorageFull, and what `write` raises.
    """
    here, of = Layout(root), _state(root, reads, tells)
    before = read_publications(root)
    mine = before.get(name)
    if mine is not None and mine.of == of and all(_is_as(here.root / p, m) for p, m in mine.files.items()):
        return tuple(here.root / path for path in mine.files)
    files = tuple(write())
    noted(root, name, files, of=of)
    return files


def noted(root: Path, name: str, files: Iterable[Path], *, of: str = "") -> None:
    """Keep what files are that were written now, so that `dubline runs verify` knows them again. `name`: the
    words behind `dubline` that write them, with RUN for the run folder.

    Raises:
        StorageFull.
    """
    here, before = Layout(root), read_publications(root)
    known = before[name].files if name in before else {}
    marks = {}
    for path in files:
        if path.is_file():
            told = here.named(path)
            marks[told] = known[told] if told in known and _is_as(path, known[told]) else mark_of(path)
    made = Publication(of=of, files=marks)
    if before.get(name) != made:
        with full_disk_is_told(root), where_one_may_write():
            here.work.mkdir(exist_ok=True)
            write_whole(here.publications, sealed({**before, name: made}))


def _is_as(path: Path, mark: FileMark) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (mark.size, mark.time)


def _state(root: Path, reads: Iterable[Path], tells: Any) -> str:
    """Hex digits for all that a publication is made of: texts by what they say, sounds and pictures by size
    and time, what the run stands on, and where the film and the run lie."""
    here = Layout(root)
    facts = [__version__, root.absolute().as_posix(), read_manifest(root).stands, original_in(root), tells]
    digest = hashlib.blake2b(canonical_json(facts), digest_size=16)
    for path in (*_read(here), *reads):
        digest.update(f"\n{here.named(path)} {_stamp(path, texts=True)}".encode())
    return digest.hexdigest()


def _read(here: Layout) -> Iterator[Path]:
    ours = (here.timeline.name, here.report.name)
    yield from (p for p in _inside(here.root) if p.is_file() and p.name not in ours and p.name[0] != ".")
    yield from _inside(here.stems)
    yield from _inside(here.samples)
    yield from _inside(here.exports)
    yield from (*here.dubs(), here.speaker_log, here.picture)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _stamp(path: Path, *, texts: bool = False) -> str:
    """What a file is now: its size and time, or with `texts` the content of JSON; "" where there is none."""
    try:
        if path.is_dir():
            return "folder"
        if texts and path.suffix == ".json":
            return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def read_publications(root: Path) -> dict[str, Publication]:
    """What was written, by name; nothing where that is not known."""
    try:
        return read_sealed(Layout(root).publications, dict[str, Publication])
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        return {}

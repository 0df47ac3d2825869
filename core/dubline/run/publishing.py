"""The files that a person opens: links to the steps' files, said in `run.json` before they are made.

A command that is killed in between leaves some of them as they were; the next one completes them. What a
person has put in a published file's place is theirs, and is kept aside before another takes the place.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dubline.files import link, remove
from dubline.run.folders import digest_of, read_folder
from dubline.run.manifest import Published, read_manifest
from dubline.values.layout import Layout

if TYPE_CHECKING:
    from dubline.run.steps import Run

COARSE = 2_000_000_000
"""Nanoseconds by which the time of a copy may differ: some file systems count in two seconds."""


def stamp(path: Path) -> str:
    """Size and time of a file; "" where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def alike(one: str, other: str) -> bool:
    """Whether two stamps may be of the same file and its copy."""
    if not one or not other:
        return one == other
    (size, time), (size2, time2) = one.split("-"), other.split("-")
    return size == size2 and abs(int(time) - int(time2)) <= COARSE


def is_link(path: Path, source: Path) -> bool:
    """Whether a file is the other one, or its copy."""
    try:
        return path.samefile(source) or alike(stamp(path), stamp(source))
    except OSError:
        return False


def publish(run: Run, files: Iterable[tuple[str, Path]]) -> tuple[Path, ...]:
    """See `Run.publish_all`."""
    here, known = run.layout, run.manifest().published
    pairs = [(source, target) for source, target in files]
    told = dict(known)
    for source, target in pairs:
        mark, before = stamp(here.file(source)), stamp(target)
        was = known.get(here.named(target))
        if was is not None and before and not is_link(target, here.file(source)):
            _keep_aside(run, target, was)
            before = stamp(target)
        if was is None or (was.source, was.mark) != (source, mark) or not is_link(target, here.file(source)):
            told[here.named(target)] = Published(source=source, mark=mark, before=before)
    if told != known:
        run.keep_published(told)
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _is_same(target, here.file(source)):
            link(here.file(source), target)
    return tuple(target for _, target in pairs)


def _is_same(path: Path, source: Path) -> bool:
    try:
        return path.samefile(source)
    except OSError:
        return False


def _keep_aside(run: Run, target: Path, was: Published) -> None:
    """Put away what a person has put in a published file's place."""
    now = stamp(target)
    if any(alike(now, mark) for mark in (was.mark, was.before) if mark) or _is_copy(run, target, was):
        return
    number, aside = 2, run.layout.aside(f"{target.stem}.edited{target.suffix}")
    while aside.exists():
        aside = run.layout.aside(f"{target.stem}.edited.{number}{target.suffix}")
        number += 1
    target.replace(aside)
    told = run.layout.named
    run.tell(
        f"{told(target)} was changed since it was made: what lay there is kept as {told(aside)}, to be "
        "deleted if nobody wants it"
    )


def _is_copy(run: Run, target: Path, was: Published) -> bool:
    """Whether a file is what was published there, whatever its time says: the run has been copied."""
    step, _, name = was.source.removeprefix("steps/").partition("/")
    with suppress(OSError, ValueError):
        known = read_folder(run.layout.steps / step) if name else None
        mark = known.files.get(name) if known else None
        return mark is not None and target.stat().st_size == mark.size and digest_of(target) == mark.digest
    return False


def unpublish(run: Run, targets: Iterable[Path]) -> None:
    """See `Run.unpublish`."""
    here, known = run.layout, run.manifest().published
    gone = [target for target in targets if target.exists() or here.named(target) in known]
    told = dict(known)
    for target in gone:
        if known.get(here.named(target), Published(source="")).source or target.exists():
            told[here.named(target)] = Published(source="", before=stamp(target))
    if told != known:
        run.keep_published(told)
    for target in gone:
        remove(target)


def complete(run: Run) -> None:
    """Make the published files what `run.json` says, where a command was stopped before it had done so."""
    here = run.layout
    for name, told in run.manifest().published.items():
        target = here.root / name
        now = stamp(target)
        if not told.source:
            if now and now == told.before:
                remove(target)
            continue
        source = here.file(told.source)
        stopped = now == told.before if now else True
        if stopped and not alike(now, told.mark) and alike(stamp(source), told.mark):
            target.parent.mkdir(parents=True, exist_ok=True)
            link(source, target)


def shown(root: Path, target: Path, source: str) -> Path:
    """The published file, where it is the step's or a person's in its place; else the step's own."""
    here = Layout(root)
    told = read_manifest(root).published.get(here.named(target))
    file, now = here.file(source), stamp(target)
    if not now or (told is not None and told.source != source):
        return file
    if told is not None and now == told.before and not alike(now, told.mark):
        return file  # whoever was to replace it was stopped
    return target

"""What a step's folder says of itself: what was asked, and what each file in it was when it was whole.

    steps/separate-1a2b3c4d5e/step.json     the step's record, and size, time and digest of each file

Size and time are looked at on every use; the content is read where they differ, and by `dubline runs verify`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.files import lock_up, write_whole
from dubline.values.base import Value
from dubline.values.sealed import read_sealed, sealed

RECORD = "step.json"
BLOCK = 1 << 20

Tick = Callable[[int], None]
"""Gets the bytes that were read since the last call."""


class StepRecord(Value, frozen=True):
    """What `run.json` keeps about a step. `state` is done, kept, cancelled or failed. `warnings`: those of
    the notes that a person must know; they are told whenever the step's result is used."""

    name: str
    key: str
    state: str
    seconds: float = 0.0
    inputs: Any = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: dict[str, Any] = {}
    error: dict[str, str] = {}


class FileMark(Value, frozen=True, array_like=True):
    """A file as it was written: bytes, modification time in nanoseconds (0: to be read again), BLAKE2b."""

    size: int
    time: int
    digest: str


class StepFolder(Value, frozen=True):
    """`step.json`. `at`: when it was done; `stood`: what the run had of it, and since when (nanoseconds since
    1970)."""

    record: StepRecord
    files: dict[str, FileMark]
    at: int = 0
    stood: dict[str, int] = {}


class Damaged(InvalidJob):
    """Something that a run made is not as it was written."""

    code = "damaged"


def digest_of(path: Path, tick: Tick = lambda size: None) -> str:
    """Hex digits for the content of a file: its BLAKE2b, 16 bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest()


def mark_of(path: Path, tick: Tick = lambda size: None) -> FileMark:
    """A file as it is now."""
    status = path.stat()
    return FileMark(size=status.st_size, time=status.st_mtime_ns, digest=digest_of(path, tick))


def seal(folder: Path, record: StepRecord, stands: str = "") -> None:
    """Write down what a folder holds, and take the right to write to its files away.

    Raises:
        OSError: a file cannot be read, or the record not be written.
    """
    now = time.time_ns()
    files = {}
    for path in _files(folder):
        lock_up(path)
        files[path.relative_to(folder).as_posix()] = mark_of(path)
    told = StepFolder(record=record, files=files, at=now, stood={stands: now} if stands else {})
    write_whole(folder / RECORD, sealed(told))


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)


def read_folder(folder: Path) -> StepFolder | None:
    """What a folder says of itself; None where an older version made it.

    Raises:
        OSError, ValueError: it cannot be read, or is damaged.
    """
    try:
        return read_sealed(folder / RECORD, StepFolder)
    except FileNotFoundError:
        return None


def stood(folder: Path, stands: str) -> None:
    """Write down that the run has this step's result under a name from now on."""
    with suppress(OSError, ValueError):
        known = read_folder(folder)
        if known is not None:
            told = structs.replace(known, stood={**known.stood, stands: time.time_ns()})
            write_whole(folder / RECORD, sealed(told))


def damage(folder: Path) -> tuple[str, ...]:
    """The files of a step that are not as they were written. What has another time is read, and its time
    taken over where it is the same."""
    try:
        known = read_folder(folder)
    except (OSError, ValueError):
        return (RECORD,)
    if known is None:
        return ()
    wrong, changed = [], {}
    for name, mark in known.files.items():
        path = folder / name
        try:
            status = path.stat()
            if status.st_size == mark.size and status.st_mtime_ns == mark.time:
                continue
            if status.st_size == mark.size and digest_of(path) == mark.digest:
                changed[name] = structs.replace(mark, time=status.st_mtime_ns)
                continue
        except OSError:
            pass
        wrong.append(name)
    if changed and not wrong:
        _keep(folder, structs.replace(known, files={**known.files, **changed}))
    return tuple(wrong)


def verified(folder: Path, tick: Tick = lambda size: None) -> tuple[str, ...]:
    """The files of a step that are not as they were written, by their content. The next use of the step finds
    them too."""
    try:
        known = read_folder(folder)
    except (OSError, ValueError):
        return (RECORD,)
    if known is None:
        return ()
    now: dict[str, FileMark] = {}
    wrong = []
    for name, mark in known.files.items():
        path = folder / name
        try:
            found = mark_of(path, tick)
        except OSError:
            found = FileMark(size=0, time=0, digest="")
        right = (found.size, found.digest) == (mark.size, mark.digest)
        now[name] = found if right else structs.replace(mark, time=0)
        wrong += [] if right else [name]
    if now != known.files:
        _keep(folder, structs.replace(known, files=now))
    return tuple(wrong)


def _keep(folder: Path, told: StepFolder) -> None:
    with suppress(OSError):  # a run that may only be read
        write_whole(folder / RECORD, sealed(told))

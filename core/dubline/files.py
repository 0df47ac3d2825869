"""Files that are there whole or not at all, their names, and what stands in the way said as such."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from dubline.errors import DublineError, InvalidJob, StorageFull

FULL_DISK = {"ENOSPC", "EDQUOT", "EFBIG"}
PART = ".part"
"""What the name of a file ends with that is still being written."""
PROBE = 1 << 17  # bytes: what is written to see whether a disk takes any
LONGEST_NAME = 80
"""Characters. Systems stop at 255 bytes, and a name gets a language and a suffix behind it."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}


def bytes_of(path: Path) -> bytes:
    """The bytes of a file that somebody named.

    Raises:
        InvalidJob: it is not there, or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidJob(f"there is no file {path}", hint="Check the path and the spelling.") from None
    except OSError as error:
        raise InvalidJob(
            f"{path} cannot be read: {error.strerror or error}", hint="Check the path."
        ) from None


def decoded(data: bytes, where: str) -> str:
    """Bytes that have to be UTF-8, with or without a mark before it, as text.

    Raises:
        InvalidJob: they are not; with the line.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidJob(
            f"{where} is not UTF-8 (line {line})", hint="Open it in a text editor and save it as UTF-8."
        ) from None


def typed(path: Path | str) -> str:
    """A path as a person types it behind a command."""
    text = str(path)
    if os.name == "nt":
        return f'"{text}"' if " " in text else text
    return shlex.quote(text)


def check_place(path: Path) -> None:
    """Refuse a file's place before the work for it begins.

    Raises:
        InvalidJob: it is a folder, or lies in none.
    """
    if path.is_dir():
        raise InvalidJob(f"{path} is a folder", hint="Name a file in it.")
    if not path.absolute().parent.is_dir():
        raise InvalidJob(
            f"there is no folder {path.parent}", hint="Make it, or choose another one with --out."
        )


def aside_of(path: Path) -> Path:
    """Where a file is written before it takes its name: `.NAME.PROCESS.part` beside its place."""
    return path.with_name(f".{path.name}.{os.getpid()}{PART}")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    _write(path, data, sync=True)


def replace_bytes(path: Path, data: bytes) -> None:
    """Write a file that something else can tell again: whole, but not surely after a power cut."""
    _write(path, data, sync=False)


def _write(path: Path, data: bytes, *, sync: bool) -> None:
    aside = aside_of(path)
    try:
        with aside.open("wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        rename(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def rename(aside: Path, path: Path) -> None:
    """Give a file that is whole its name; what had it before is gone."""
    try:
        aside.replace(path)
    except PermissionError:
        if os.name != "nt" or not path.exists():
            raise
        path.chmod(0o644)  # Windows replaces no file that is read-only
        aside.replace(path)


def may_only_be_read(error: OSError) -> bool:
    """Whether an error says that a disk or a folder may not be written to."""
    return error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def where_one_may_write() -> Iterator[None]:
    """What is only brought up to date stays as it is where nothing may be written."""
    try:
        yield
    except OSError as error:
        if not may_only_be_read(error):
            raise


def link(source: Path, target: Path) -> None:
    """Put a file in another place too: a hard link, or a copy with its times where the disk has none. What
    was there is replaced when that is whole.

    Raises:
        OSError: it cannot be read or written.
    """
    aside = aside_of(target)
    aside.unlink(missing_ok=True)
    try:
        try:
            os.link(source, aside)
        except OSError:
            shutil.copyfile(source, aside)
            status = source.stat()
            with suppress(OSError):
                os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
        rename(aside, target)
    finally:
        # Left by a full disk, and where both were the same file already: renaming does nothing then.
        aside.unlink(missing_ok=True)


def lock_up(file: Path) -> None:
    """Take the right to write to a file away, so that no program saves into it in its place."""
    with suppress(OSError):
        file.chmod(file.stat().st_mode & ~0o222)


def remove(file: Path) -> None:
    """Delete a file, if it is there, also one that may not be written to."""
    try:
        file.unlink(missing_ok=True)
    except PermissionError:
        if os.name != "nt":
            raise
        file.chmod(0o644)
        file.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it, as far as that can be done."""

    def again(function: Callable[[str], object], path: str, _: object) -> None:
        with suppress(OSError):  # Windows deletes no file that is read-only
            Path(path).chmod(0o700)
            function(path)

    if folder.exists():
        shutil.rmtree(folder, onerror=again)


def clear_parts(folder: Path, *, nameless: bool = False) -> None:
    """Delete what processes that are no more had begun to write into a folder; with `nameless` also what
    tells of no process."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            if not (entry.name.startswith(".") and entry.name.endswith(PART)):
                continue
            process = entry.name.removesuffix(PART).rpartition(".")[2]
            if _lives(int(process)) if process.isdecimal() else not nameless:
                continue
            if entry.is_dir(follow_symlinks=False):
                remove_tree(Path(entry.path))
            else:
                with suppress(OSError):  # Windows: somebody writes it
                    remove(Path(entry.path))


def _lives(process: int) -> bool:
    """Whether a process is there."""
    import psutil

    return bool(psutil.pid_exists(process))


def write_if_new(path: Path, data: bytes) -> None:
    """Write a file whole, unless it says the same already."""
    if not path.is_file() or path.read_bytes() != data:
        write_whole(path, data)


@contextmanager
def full_disk_is_told(folder: Path) -> Iterator[None]:
    """Turn the system's way of saying "disk full" into ours; so too what a library says in words of its own
    while the disk of `folder` takes nothing more."""
    try:
        yield
    except DublineError:
        raise
    except Exception as error:
        if not (is_full(error) if isinstance(error, OSError) and error.errno else _takes_nothing(folder)):
            raise
        raise StorageFull(
            f"the disk that holds {folder} is full",
            hint="Make room, or choose another place with --out. The same command then goes on.",
        ) from error


def is_full(error: OSError) -> bool:
    """Whether the system refuses to write more."""
    return error.errno in {getattr(errno, code) for code in FULL_DISK if hasattr(errno, code)}


def _takes_nothing(folder: Path) -> bool:
    """Whether the disk of a folder has no room for another block."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        with TemporaryFile(dir=folder, buffering=0) as file:
            return file.write(bytes(PROBE)) < PROBE
    except OSError as error:
        return is_full(error)


def file_name(text: str, instead: str = "timeline") -> str:
    """A text that people wrote as a file name that every system takes; letters of any script stay.

    `instead` is used where nothing is left.
    """
    # A lone surrogate, or half of a character, is no text that a file system of another machine would take.
    clean = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8"))
    clean = _FORBIDDEN.sub("_", clean)[:LONGEST_NAME].strip(" .")
    if clean.partition(".")[0].lower() in _DEVICES:
        clean = f"_{clean}"
    return (clean.strip("_ .") and clean) or instead


def unique(name: str, taken: set[str]) -> str:
    """The name, or with a number before its suffix where it is taken; case does not count. Takes it."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if dot and stem else (name, "")
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{stem} ({number}){suffix}"
    taken.add(candidate.lower())
    return candidate


def remove_bare(folder: Path, *inside: str) -> None:
    """Remove a folder in which there is nothing but these files and empty folders; else leave it as it is."""
    with suppress(OSError):
        if {path.relative_to(folder).as_posix() for path in folder.rglob("*")} <= {*inside}:
            for path in (folder / name for name in inside):
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            folder.rmdir()

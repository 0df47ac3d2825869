"""Files that are there whole or not at all, and what stands in the way said as such."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dubline.errors import InvalidJob, StorageFull

FULL_DISK = {"ENOSPC", "EDQUOT", "EFBIG"}


def bytes_of(path: Path) -> bytes:
    """The bytes of a file that somebody named.

    Raises:
        InvalidJob: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidJob(f"{path} cannot be read: {error}", hint="Check the path.") from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


@contextmanager
def full_disk_is_told(folder: Path) -> Iterator[None]:
    """Turn the system's way of saying "disk full" into ours."""
    import errno

    codes = {getattr(errno, code) for code in FULL_DISK if hasattr(errno, code)}
    try:
        yield
    except StorageFull:
        raise
    except OSError as error:
        if error.errno not in codes:
            raise
        raise StorageFull(
            f"the disk that holds {folder} is full",
            hint="Make room, or choose another place with --out. The same command then goes on.",
        ) from error

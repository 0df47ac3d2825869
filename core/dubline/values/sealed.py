"""JSON of ours that says whether it is still as it was written: its last field is a digest of all before it.

A file without one is of an older version, or a person has taken it away to write something else into the
file; it is taken as it is.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dubline.files import replace_bytes, write_whole
from dubline.values.base import to_json
from dubline.values.layout import COPIES

T = TypeVar("T")

_END = re.compile(rb',\n  "digest": "([0-9a-f]{32})"\n}\n\Z')


def sealed(value: Any) -> bytes:
    """A value (an object with at least one field) as indented JSON with its digest."""
    body = to_json(value).rstrip().removesuffix(b"}").rstrip()
    return body + b',\n  "digest": "%b"\n}\n' % _digest(body)


def unsealed(data: bytes) -> bytes:
    """The JSON that was sealed.

    Raises:
        ValueError: it is not what was written.
    """
    end = _END.search(data)
    if end is None:  # not in our hand: whoever wrote it anew answers for it
        raw = _decoded(data, object)
        if not isinstance(raw, dict) or not re.fullmatch("[0-9a-f]{32}", str(raw.pop("digest", "0" * 32))):
            raise ValueError("its content is not what was written")
        return msgspec.json.encode(raw)
    body = data[: end.start()]
    if _digest(body) != end[1]:
        raise ValueError("its content is not what was written")
    return body + b"\n}\n"


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()


def read_sealed(path: Path, kind: type[T]) -> T:
    """The value in a sealed file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or holds something else (msgspec's errors are ValueErrors).
    """
    return _decoded(unsealed(path.read_bytes()), kind)


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("it is nested too deep to be read") from None


def copy_of(path: Path) -> Path:
    """Where the second copy of a file lies."""
    return path.parent / COPIES / path.name


def write_twice(path: Path, data: bytes) -> None:
    """Write a file whole, then its copy, each only where it says something else."""
    for place in (path, copy_of(path)):
        try:
            if place.read_bytes() == data:
                continue
        except OSError:
            pass
        if place is path:
            write_whole(path, data)
        else:
            place.parent.mkdir(exist_ok=True)
            replace_bytes(place, data)


def read_twice(path: Path, kind: type[T]) -> T:
    """The value in a sealed file; where that is damaged or gone, in its copy.

    Raises:
        OSError, ValueError: as `read_sealed`, and the copy is of no use either.
    """
    try:
        return read_sealed(path, kind)
    except (OSError, ValueError):
        try:
            return read_sealed(copy_of(path), kind)
        except (OSError, ValueError):
            pass
        raise

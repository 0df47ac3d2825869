"""JSON of ours that says whether it is still as it was written: its last field is a digest of all before it.

A file without one is of an older version, or a person has taken it away to write something else into the
file; it is taken as it is.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dubline.errors import InvalidJob
from dubline.files import bytes_of, rename, replace_bytes, write_whole
from dubline.values.base import to_json
from dubline.values.json_files import parse_json, raw_json
from dubline.values.layout import COPIES

T = TypeVar("T")

_LIKE_AN_END = re.compile(rb',\n  "(?!digest")[^"\n]{6}": "[0-9a-f]{32}"\n}\s*\Z')
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
        if _LIKE_AN_END.search(data):
            raise ValueError("its content is not what was written")
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


def told_sealed(path: Path, kind: type[T], *, hint: str, format: str = "", twice: bool = False) -> T:
    """The value in a sealed file, for whoever tells a person what is wrong with it; `hint`, `format`: see
    `json_files.parse_json`, `twice`: see `told_bytes`.

    Raises:
        InvalidJob: it is not there, cannot be read, or is damaged; with the place.
    """
    with suppress(OSError, ValueError):
        written = path.read_bytes()
        if _END.search(written):  # as we wrote it: nothing is to be looked for in it
            value = _decoded(unsealed(written), kind)
            if getattr(value, "format", format) == format:
                return value
    data = told_bytes(path, hint=hint, twice=twice)
    return parse_json(data, kind, path.name, hint=hint, format=format)


def told_bytes(path: Path, *, hint: str, twice: bool = False) -> bytes:
    """The JSON in a sealed file; `twice`: where that is damaged, what its copy holds.

    Raises:
        InvalidJob: it is not there, cannot be read, or is damaged; with the place.
    """
    if twice and not is_whole(path):
        with suppress(OSError, ValueError):
            return unsealed(copy_of(path).read_bytes())
    data = bytes_of(path)
    raw = raw_json(data, path.name, hint=hint)  # which knows the line
    if not isinstance(raw, dict) or "digest" not in raw:
        return data
    try:
        return unsealed(data)
    except ValueError as error:
        raise InvalidJob(f"{path.name}: {error}", hint=hint) from None


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


def put_back(path: Path) -> Path | None:
    """Put the copy of a file that is damaged in its place; where that one is kept then. None where nothing is
    to be done, or there is no copy."""
    if is_whole(path):
        return None
    try:
        data = copy_of(path).read_bytes()
        unsealed(data)
    except (OSError, ValueError):
        return None
    aside = path.with_name(f"damaged.{path.name}")
    rename(path, aside)
    write_whole(path, data)
    return aside


def is_whole(path: Path) -> bool:
    """Whether a file is JSON, and as it was written where it says so."""
    try:
        _decoded(unsealed(path.read_bytes()), object)
    except (OSError, ValueError):
        return False
    return True


def sealed_line(value: Any) -> bytes:
    """A value (an object with at least one field) as a line of JSON with its digest."""
    body = msgspec.json.encode(value).removesuffix(b"}")
    return body + b',"digest":"%b"}\n' % _digest(body)


def line_value(line: bytes, kind: type[T]) -> T | None:
    """The value in a line that was sealed, None where it is damaged."""
    try:
        return _decoded(unsealed_line(line), kind)
    except ValueError:
        return None


def unsealed_line(line: bytes) -> bytes:
    """The JSON of a line that was sealed; one without a digest is of an older version.

    Raises:
        ValueError: it is not what was written.
    """
    body, mark, digest = line.rstrip().rpartition(b',"digest":"')
    if not mark:
        return line
    if digest != _digest(body) + b'"}':
        raise ValueError("its content is not what was written")
    return body + b"}"

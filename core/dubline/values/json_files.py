"""JSON from files, read in one place: the value that is in it, or one error that names the file and the line.

    parse_json(data, Sent, "a.ids.json", hint=...)      a file of ours: strict
    kept_json(path, Known)                              what can be made again: None where it is damaged
    raw_json(data, "talk.json")                         other programs' files, as plain values

No file may do more than be refused. Python's own reader and msgspec's each let something through or break:
a key that stands twice loses what stood first, a half of a character breaks whoever writes it, a list in a
list in a list ends in a RecursionError, a whole number of thousands of digits in a ValueError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dubline.errors import InvalidJob
from dubline.files import decoded
from dubline.values.base import complaint

T = TypeVar("T")

DEEPEST = 64
"""Lists and objects within each other. Ours have nine; what a user's own fields hold is never as deep."""
LONGEST_NUMBER = 300
"""Digits. Python refuses to read whole numbers of more than 4,300, and no float has as many."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]|[^\s\[\]{},:"]+', re.DOTALL)
_COLON = re.compile(r"\s*:")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
# One that does not end goes to the end of the text, so that there is only one way to match and no trying.
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DEPTH = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_MAYBE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")
_WHOLE = "Take the file as it was written, or fix the place named."


def raw_json(data: bytes, where: str, *, hint: str = _WHOLE) -> Any:
    """JSON, with or without a mark before it -> lists, dictionaries and plain values.

    Python's programs write NaN and Infinity, which are no JSON; they come as floats, and who reads the field
    says where.

    Raises:
        InvalidJob: it is not JSON, with line and column, or not UTF-8; a key stands twice in an object, a
            text holds half of a character, or it is nested deeper than `DEEPEST`.
    """
    text = decoded(data, where)
    _check(text, data, where, hint)
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return json.loads(text)  # what `_check` has read, so it can be


def parse_json(data: bytes, kind: type[T], where: str, *, hint: str, format: str = "") -> T:
    """The value that a file of ours holds; `format` is what its field of that name must say.

    Raises:
        InvalidJob: as `raw_json`; also a number that is none, another format, an unknown or missing field, a
            wrong type. The message has the place, `hint` what to do.
    """
    try:
        value = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=kind)
    except (ValueError, RecursionError):
        return _from_raw(raw_json(data, where, hint=hint), data, kind, where, format, hint)
    _check(decoded(data, where), data, where, hint)
    if format and getattr(value, "format", format) != format:
        raise _other_format(where, value.format, format, hint)  # type: ignore[attr-defined]
    return value


def kept_json(path: Path, kind: type[T]) -> T | None:
    """The value in a file that can be made again; None where there is none, or a damaged one."""
    try:
        return line_json(path.read_bytes(), kind)
    except (OSError, ValueError):  # a path that comes from a damaged file can have a NUL in it
        return None


def line_json(data: bytes, kind: type[T]) -> T | None:
    """The value in a piece of JSON that can be made again, such as a line of a file that grows; else None."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError):
        return None


def _from_raw(raw: Any, data: bytes, kind: type[T], where: str, format: str, hint: str) -> T:
    said = raw.get("format", format) if isinstance(raw, dict) else format
    if format and said != format:
        raise _other_format(where, said, format, hint)
    try:
        value = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise InvalidJob(f"{where}: {complaint(error, raw)}", hint=hint) from None
    text = decoded(data, where)
    if fault := _fault(text, where, hint, numbers=True):
        raise fault
    return value


def _other_format(where: str, said: object, format: str, hint: str) -> InvalidJob:
    return InvalidJob(
        f"{where}: the format is {str(said)[:80]!r}, not {format!r}",
        hint=f"It was written by another version. {hint}",
    )


# --- what is wrong with a text -----------------------------------------------------------------


class _Wrong(Exception):
    """Something that JSON's grammar allows and we do not; `_wrong` finds what and where."""


def _pairs(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len(dict(pairs)) != len(pairs):
        raise _Wrong


def _number(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise _Wrong


def _check(text: str, data: bytes, where: str, hint: str) -> None:
    """Read a text through, keeping nothing of it: memory does not grow with what is in it.

    Raises:
        InvalidJob: see `raw_json`.
    """
    brackets = _STRING.sub(b"", data).translate(None, _NO_BRACKETS)
    try:
        if max(accumulate(map(_DEPTH.__getitem__, brackets)), default=0) > DEEPEST:
            raise _Wrong
        json.loads(text, object_pairs_hook=_pairs, parse_int=_number, parse_float=_number)
        if _MAYBE_HALF.search(text) and (fault := _fault(text, where, hint)):
            raise fault
    except json.JSONDecodeError as error:
        why = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidJob(f"{where} is not JSON: {why}", hint=hint) from None
    except (_Wrong, RecursionError):
        raise _fault(text, where, hint) or InvalidJob(f"{where} is not JSON", hint=hint) from None


def _fault(text: str, where: str, hint: str, *, numbers: bool = False) -> InvalidJob | None:
    for at, why in _wrong(text, numbers=numbers):
        line = text.count("\n", 0, at) + 1
        return InvalidJob(f"{where}, line {line}: {why}", hint=hint)
    return None


def _wrong(text: str, *, numbers: bool = False) -> Iterator[tuple[int, str]]:
    """(offset, what is wrong) of each thing that the grammar allows and we do not; `numbers`: also NaN,
    Infinity and numbers as large."""
    keys: list[set[str] | None] = []
    for token in _TOKEN.finditer(text):
        said, at = token[0], token.start()
        if said in "{[":
            keys.append(set() if said == "{" else None)
            if len(keys) > DEEPEST:
                yield at, f"more than {DEEPEST} lists and objects within each other"
        elif said in "}]":
            del keys[-1:]
        elif said.startswith('"'):
            with suppress(ValueError):
                said = json.loads(said)
            if _HALF.search(said):
                yield at, f"{said[:40]!a} holds half of a character"
            seen = keys[-1] if keys else None
            if seen is not None and _COLON.match(text, token.end()):
                if said in seen:
                    yield at, f"{said[:40]!r} stands twice"
                seen.add(said)
        elif len(said) > LONGEST_NUMBER:
            yield at, f"{said[:20]}... is no number that can be"
        elif numbers and (said.lstrip("-") in ("NaN", "Infinity") or _infinite(said)):
            yield at, f"{said} is not a number"


def _infinite(said: str) -> bool:
    try:
        return abs(float(said)) == float("inf")
    except ValueError:  # true, false, null
        return False

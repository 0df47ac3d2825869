"""What all values share: frozen, strict, and readable as JSON.

Times are seconds (float), lengths of sound are samples per channel (int), rates are hertz, frame
rates are fractions written as "24000/1001". Paths are text with forward slashes: absolute for the
user's media, relative to the run folder for everything a run made.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, TypeVar

import msgspec

from dubline.errors import InvalidJob

T = TypeVar("T")

_PATH = re.compile(r"\$(?:\.(\w+))?(?:\[(\d+|\.\.\.)\])?(.*)")


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all values: immutable, keyword-only, unknown fields refused when decoded."""


class ModelIdentity(Value, frozen=True):
    """Which weights a back end used. `sha256` is of the file's bytes, one per file."""

    name: str
    files: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()
    licence: str = ""
    origin: str = ""


class Choice(Value, frozen=True):
    """A back end and its options. `identity`: what its results depend on besides them, as it was when it was
    chosen: versions of libraries, SHA-256 of weights."""

    backend: str
    options: dict[str, Any] = {}
    identity: tuple[str, ...] = ()


def to_json(value: Any) -> bytes:
    """Value -> indented JSON (UTF-8)."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def canonical_json(value: Any) -> bytes:
    """Value -> JSON with sorted keys and no spaces: the same value always gives the same bytes."""
    return msgspec.json.encode(msgspec.to_builtins(value, order="sorted", str_keys=True), order="sorted")


def key_of(*parts: Any, digits: int = 20) -> str:
    """Hex digits that name something by what it depends on: values or plain data."""
    return hashlib.sha256(canonical_json(parts)).hexdigest()[:digits]


def raw_json(data: bytes, where: str) -> Any:
    """JSON, with or without a mark before it -> lists, dictionaries and plain values.

    Raises:
        InvalidJob: it is not JSON.
    """
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJob(
            f"{where} is not JSON: {error}",
            hint="Take the file as Dubline wrote it, or correct the place named.",
        ) from None


def from_raw(raw: Any, where: str, kind: type[T], format: str, *, remedy: str, docs: str) -> T:
    """What `raw_json` gave of a file of such a format -> the value in it.

    Raises:
        InvalidJob: it is of another format, or a field is not as it should be; segment and field are named.
    """
    if isinstance(raw, dict) and raw.get("format", format) != format:
        raise InvalidJob(
            f"{where}: the format is {raw['format']!r}, not {format!r}",
            hint=f"It was written by another version; {remedy}.",
        )
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        hint = f"{docs} lists the fields; correct this one."
        raise InvalidJob(f"{where}: {_placed(raw, str(error))}", hint=hint) from None


def _placed(raw: Any, message: str) -> str:
    """msgspec's "... - at `$.segments[3].words[0].start`" in words that name segment and field."""
    what, _, path = message.partition(" - at `")
    match = _PATH.fullmatch(path.rstrip("`"))
    if not path or match is None or match[1] is None:
        return what
    place = match[1]
    if match[2] is not None:
        place = f"{match[1].removesuffix('s')} number {match[2]}"
        if match[2].isdigit():
            place = f"{match[1].removesuffix('s')} number {int(match[2]) + 1}"
            item = raw[match[1]][int(match[2])]
            if isinstance(item, dict) and "id" in item:
                place += f" (id {item['id']})"
    field = match[3].lstrip(".")
    return f"{place}{', field ' + field if field else ''}: {what}"

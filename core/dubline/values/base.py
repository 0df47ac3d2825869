"""What all values share: frozen, strict, and readable as JSON.

Times are seconds (float), lengths of sound are samples per channel (int), rates are hertz, frame
rates are fractions written as "24000/1001". Paths are text with forward slashes: absolute for the
user's media, relative to the run folder for everything a run made.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec


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


_WORDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "array": "a list", "object": "a table", "null": "nothing",
}  # fmt: skip


def complaint(error: msgspec.ValidationError, raw: Any = None) -> str:
    """What is wrong with plain values, and where, as a user would say it.

    msgspec says "Expected `float`, got `str` - at `$.segments[3].start`". With `raw`, the values, an item of
    a list is also named by its id.
    """
    what, _, path = str(error).partition(" - at `$")
    what += f". {hint}" if (hint := getattr(error.__cause__, "hint", "")) else ""
    for pattern, words in (
        (r"Object contains unknown field `(.*)`", "there is no {!r}"),
        (r"Object missing required field `(.*)`", "{!r} is missing"),
        (r"Invalid enum value '(.*)'", "there is no {!r}"),
    ):
        if told := re.fullmatch(pattern, what, re.S):
            what = words.format(told[1])
    what = re.sub(
        r"`([a-z| ]+)`",
        lambda told: " or ".join(_WORDS.get(t, t) for t in told[1].removesuffix(" | null").split(" | ")),
        what,
    )
    what, place = what[:1].lower() + what[1:], path.removesuffix("`").removeprefix(".")
    if item := re.fullmatch(r"(\w+?)s?\[(\d+)\](.*)", place):
        number = int(item[2])
        place = f"{item[1]} number {number + 1}"
        listed = raw.get(item[1] + "s") if isinstance(raw, dict) else None
        if isinstance(listed, list) and isinstance(listed[number], dict) and "id" in listed[number]:
            place += f" (id {listed[number]['id']})"
        place += f", field {item[3].lstrip('.')}" if item[3] else ""
    return f"{place}: {what}" if place else what

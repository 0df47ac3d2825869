"""What all values share: frozen, strict, and readable as JSON.

Times are seconds (float), lengths of sound are samples per channel (int), rates are hertz, frame
rates are fractions written as "24000/1001". Paths are text with forward slashes: absolute for the
user's media, relative to the run folder for everything a run made.
"""

from __future__ import annotations

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

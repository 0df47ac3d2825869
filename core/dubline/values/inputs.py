"""What a step is given, as its key and the manifest know it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from dubline.values.base import canonical_json

LONGEST_INPUT = 16384
"""Bytes of JSON from which the manifest keeps an input's hash instead of the input."""


def step_key(name: str, version: int, inputs: tuple[Any, ...]) -> str:
    """Ten hex digits for a step's work: name, version and inputs. Media count by content, not by place."""
    told = [_told_for_key(value) for value in inputs]
    text = canonical_json([name, version, told])
    return hashlib.sha256(text).hexdigest()[:10]


def _told_for_key(value: Any) -> Any:
    told = msgspec.to_builtins(value, str_keys=True)
    # A film's text names no media, and to look through all of it takes longer than the rest of the key.
    return _placeless(told) if b'"fingerprint"' in msgspec.json.encode(told) else told


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        known = {k: _placeless(v) for k, v in value.items()}
        if known.get("fingerprint"):
            known.pop("path", None)
        return known
    if isinstance(value, list | tuple):
        return [_placeless(item) for item in value]
    return value


def told(value: Any) -> Any:
    """An input as the manifest keeps it: a long one by its hash, or every run.json would hold the film's text
    several times over."""
    data = canonical_json(value)
    if len(data) <= LONGEST_INPUT:
        return msgspec.to_builtins(value)
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def changed_identities(before: Any, now: Any) -> tuple[str, ...]:
    """Sentences on what has changed in the back ends among a step's inputs since it was done before with the
    same settings: a library's version, or the weights under the same name. `before` is None where it was not.
    """
    old = dict(_identities(before)) if before is not None else {}
    reasons = []
    for (backend, options), identity in _identities(now):
        was = old.get((backend, options), identity)
        gone, new = ([p for p in one if p not in other] for one, other in ((was, identity), (identity, was)))
        if gone or new:
            reasons.append(f"{backend} had {_listed(gone)}, and has {_listed(new)} now")
    return tuple(reasons)


def _identities(value: Any) -> Iterator[tuple[tuple[str, bytes], list[str]]]:
    """(back end, its options) and identity of every choice among a step's inputs."""
    if isinstance(value, dict):
        if isinstance(value.get("backend"), str) and "identity" in value:
            yield (value["backend"], canonical_json(value.get("options", {}))), list(value["identity"])
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _identities(item)


def _listed(parts: list[str]) -> str:
    return ", ".join(part[:40] for part in parts) or "nothing of the kind"

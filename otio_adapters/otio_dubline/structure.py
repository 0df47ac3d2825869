"""The JSON of a timeline, held against what each kind of object may hold, before OpenTimelineIO sees it.

    cleaned, notes = checked(raw, "edit.otio")

The library trusts the types of the fields that make up a timeline: `null` where a stack belongs ends the
process. So every field of every kind it knows is checked here, in metadata too, where it builds the same
objects; what is wrong is told with its place, "tracks.children[0].source_range". Metadata may hold anything
else. What the library would refuse there, and nobody edits by, is dropped, and a note tells it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob

HINT = "Export it again from the program that wrote it, as OTIO without extensions."
DEEPEST = 64
"""Stacks and tracks inside each other. Editing programs nest a handful."""
DEEPEST_JSON = 300
"""Objects and lists inside each other."""
MOST_OBJECTS = 20_000_000
"""Values in a file, those that are referred to counted at each place."""
LARGEST = 1e15
"""Units of a time's rate. A century has 1.5e14 samples at 48 kHz; above 2**53 a double counts no units."""
LONGEST = 10 * 366 * 86400
"""Seconds: nothing on a timeline lasts, or begins later than, ten years."""

COMPOSITIONS = frozenset(("Stack", "Track", "Sequence", "Composition"))
_ITEMS = COMPOSITIONS | {"Clip", "Gap", "Filler", "Item", "Composable", "Transition"}
_EFFECTS = frozenset(("Effect", "TimeEffect", "LinearTimeWarp", "FreezeFrame"))
_MEDIA = frozenset(
    (
        "MediaReference",
        "ExternalReference",
        "MissingReference",
        "GeneratorReference",
        "ImageSequenceReference",
    )
)
_SCHEMA = re.compile(r"([A-Za-z_]\w*)\.([0-9]{1,9})")

Check = str | frozenset[str] | tuple[str, frozenset[str]]
"""What a field holds: "text", "number", "count", "flag", "object"; an object of one of some kinds; or a list
or dictionary ("list" or "map") of such objects. "!" at the end: null is nothing of the kind."""

_SPAN, _TIME, _BOX, _POINT = (frozenset((k,)) for k in ("TimeRange", "RationalTime", "Box2d", "V2d"))
_METADATA: dict[str, Check] = {"name": "text", "metadata": "object"}
_ITEM: dict[str, Check] = {
    **_METADATA,
    "source_range": _SPAN,
    "effects": ("list", _EFFECTS),
    "markers": ("list", frozenset(("Marker",))),
    "enabled": "flag!",
    "color": "any",
}
_REFERENCE: dict[str, Check] = {**_METADATA, "available_range": _SPAN, "available_image_bounds": _BOX}
_HOLDER: dict[str, Check] = {**_ITEM, "children": ("list", _ITEMS)}
FIELDS: dict[str, dict[str, Check]] = {
    "SerializableObject": {},
    "SerializableObjectWithMetadata": _METADATA,
    "Timeline": {**_METADATA, "tracks": frozenset(("Stack",)), "global_start_time": _TIME},
    "Composable": _METADATA,
    "Item": _ITEM,
    "Composition": _HOLDER,
    "Stack": _HOLDER,
    "Track": {**_HOLDER, "kind": "text!"},
    "Sequence": {**_HOLDER, "kind": "text!"},
    "Gap": _ITEM,
    "Filler": _ITEM,
    "Clip": {
        **_ITEM,
        "media_reference": _MEDIA,
        "media_references": ("map", _MEDIA),
        "active_media_reference_key": "text!",
    },
    "Transition": {**_METADATA, "in_offset": _TIME, "out_offset": _TIME, "transition_type": "text"},
    "Marker": {**_METADATA, "marked_range": _SPAN, "range": _SPAN, "color": "text", "comment": "text"},
    "Effect": {**_METADATA, "effect_name": "text", "enabled": "flag!"},
    "TimeEffect": {**_METADATA, "effect_name": "text", "enabled": "flag!"},
    "LinearTimeWarp": {**_METADATA, "effect_name": "text", "time_scalar": "number!", "enabled": "flag!"},
    "FreezeFrame": {**_METADATA, "effect_name": "text", "time_scalar": "number!", "enabled": "flag!"},
    "MediaReference": _REFERENCE,
    "ExternalReference": {**_REFERENCE, "target_url": "text"},
    "MissingReference": _REFERENCE,
    "GeneratorReference": {**_REFERENCE, "generator_kind": "text", "parameters": "object"},
    "ImageSequenceReference": {
        **_REFERENCE,
        "target_url_base": "text",
        "name_prefix": "text",
        "name_suffix": "text",
        "start_frame": "count!",
        "frame_step": "count!",
        "rate": "number!",
        "frame_zero_padding": "count!",
        "missing_frame_policy": "text!",
    },
    "RationalTime": {"value": "number!", "rate": "number!"},
    "TimeRange": {"start_time": _TIME, "duration": _TIME},
    "TimeTransform": {"offset": _TIME, "rate": "number!", "scale": "number!"},
    "V2d": {"x": "number!", "y": "number!"},
    "Box2d": {"min": _POINT, "max": _POINT},
    "Color": {"r": "number!", "g": "number!", "b": "number!", "a": "number!", "name": "text"},
    "SerializableCollection": {**_METADATA, "children": "any"},
}
_NEEDED = {
    "RationalTime": ("value", "rate"),
    "TimeRange": ("start_time", "duration"),
    "TimeTransform": ("offset", "rate", "scale"),
    "V2d": ("x", "y"),
    "Box2d": ("min", "max"),
    "Color": ("r", "g", "b", "a"),
    "Timeline": ("tracks",),
    "Transition": ("in_offset", "out_offset"),
}
"""What must be there, and not null."""
_EMPTY = {"children": list, "effects": list, "markers": list, "metadata": dict, "parameters": dict}
"""Fields that hold nothing where they are null, which the library does not take."""
_KINDS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "count": lambda value: type(value) is int and abs(value) < 2**31,
    "flag": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}
_WORDS = {"text": "a text", "number": "a number", "count": "a whole number", "flag": "true or false"}


def checked(raw: Any, where: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What was read from JSON -> the same, safe for the library and without references; and notes.

    Raises:
        InvalidJob: it is no timeline; a field holds what it cannot; nested too deep; a time that is none; an
            object that holds itself.
    """
    kind = kind_of(raw)
    if kind != "Timeline":
        raise InvalidJob(f"{where} holds {kind or 'no OTIO object'}, not a timeline", hint=HINT)
    looking = _Looking(where)
    made = looking.at(raw, "", 0, 0, free=False)
    assert isinstance(made, dict)
    return made, tuple(looking.notes)


def kind_of(value: Any) -> str:
    """ "Clip" of {"OTIO_SCHEMA": "Clip.2"}; "" where there is none."""
    schema = value.get("OTIO_SCHEMA") if isinstance(value, dict) else None
    return schema.partition(".")[0] if isinstance(schema, str) else ""


class _Looking:
    """One walk through a file, in its order."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.notes: dict[str, None] = {}
        self.known: dict[str, tuple[Any, int]] = {}
        self.open: set[str] = set()
        self.count = 0
        self.newest: dict[str, int] = dict(otio.core.type_version_map())

    def refuse(self, place: str, what: str) -> InvalidJob:
        at = f", at {place}" if place else ""
        return InvalidJob(f"{self.where} {what}{at}", hint=HINT)

    def at(self, value: Any, place: str, depth: int, nested: int, *, free: bool) -> Any:
        """A value, cleaned. `free`: it lies in metadata."""
        self.count += 1
        if self.count > MOST_OBJECTS:
            raise self.refuse("", "holds more than can be looked through")
        if depth > DEEPEST_JSON:
            raise self.refuse(place[:80], "is nested too deep to be a timeline")
        if isinstance(value, list):
            return [self.at(v, f"{place}[{n}]", depth + 1, nested, free=free) for n, v in enumerate(value)]
        if isinstance(value, dict):
            return self._object(value, place, depth, nested, free=free)
        if type(value) is int and not -(2**63) <= value < 2**63:
            return self._large(value, place, free=free)
        return value

    def _large(self, value: int, place: str, *, free: bool) -> float | None:
        """A number that does not fit into 64 bits, as a float; None where it does not fit into that."""
        try:
            return float(value)
        except OverflowError:
            if not free:
                raise self.refuse(place, "has a number of too many digits") from None
            self.notes[f"A number of {value.bit_length() * 0.30103:.0f} digits was left out, at {place}."] = (
                None
            )
            return None

    def _object(self, value: dict[str, Any], place: str, depth: int, nested: int, *, free: bool) -> Any:
        value = dict(value)
        schema = value.get("OTIO_SCHEMA")
        name = value.pop("OTIO_REF_ID", None)
        if schema is None and "OTIO_SCHEMA" not in value:
            return self._fields(value, place, depth, nested, free=free)
        match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
        if match is None:
            if not free:
                raise self.refuse(place, f"holds an object of unknown kind, {schema!r}")
            del value["OTIO_SCHEMA"]
            self.notes[f"What stands in metadata at {place} is of no kind that can be: {schema!r}."] = None
            return self._fields(value, place, depth, nested, free=free)
        kind, version = match[1], int(match[2])
        if kind == "SerializableObjectRef":
            return self._referred(value, place)
        if kind not in FIELDS and not free:
            raise self.refuse(place, f"holds an object of unknown kind, {schema!r}")
        nested += kind in COMPOSITIONS
        if nested > DEEPEST:
            raise self.refuse(place[:80], f"nests more than {DEEPEST} stacks and tracks")
        newest = self.newest.get(kind)
        if newest is not None and version > newest:
            value["OTIO_SCHEMA"] = f"{kind}.{newest}"
            self.notes[
                f"{kind}.{version} is newer than what is known here and was read as {kind}.{newest}."
            ] = None
        elif kind in FIELDS and not version:
            raise self.refuse(place, f"holds an object of unknown kind, {schema!r}")
        if name is not None and not isinstance(name, str):
            raise self.refuse(place, "gives an object a name that is no text")
        if name is not None and (name in self.open or name in self.known):
            raise self.refuse(place, f"has two objects of the name {name!r}")
        before = self.count
        if name is not None:
            self.open.add(name)
        made = self._fields(value, place, depth, nested, free=free or kind not in FIELDS)
        if kind in FIELDS:
            self._check(kind, made, place, free=free)
        if name is not None:
            self.open.discard(name)
            self.known[name] = (made, self.count - before)
        return made

    def _fields(self, value: dict[str, Any], place: str, depth: int, nested: int, *, free: bool) -> Any:
        inside = f"{place}." if place else ""
        made = {}
        for key, item in value.items():
            if "\0" in key:  # where the library would end the name, and not find it again
                self.notes[f"What stands under a name with a NUL in it was left out, at {place}."] = None
                continue
            loose = free or key in ("metadata", "parameters")
            made[key] = self.at(item, f"{inside}{key}"[-200:], depth + 1, nested, free=loose)
        return made

    def _referred(self, value: dict[str, Any], place: str) -> Any:
        """What a reference stands for: an object that came before it and is complete."""
        name = value.get("id")
        if isinstance(name, str) and name in self.open:
            raise self.refuse(place, "holds an object that lies inside itself")
        if not isinstance(name, str) or name not in self.known:
            raise self.refuse(place, f"refers to {name!r}, which does not come before it")
        made, size = self.known[name]
        self.count += size
        if self.count > MOST_OBJECTS:
            raise self.refuse("", "holds more than can be looked through")
        return made

    def _check(self, kind: str, value: dict[str, Any], place: str, *, free: bool) -> None:
        fields = FIELDS[kind]
        for key in _NEEDED.get(kind, ()):
            if value.get(key) is None:
                raise (
                    self._no_time(value, place)
                    if kind == "RationalTime"
                    else self.refuse(place, f"has a {kind} without {key}")
                )
        for key in list(value):
            check = fields.get(key)
            inside = f"{place}.{key}" if place else key
            if check is None:
                continue
            if value[key] is None:
                if key in _EMPTY:
                    value[key] = _EMPTY[key]()
                elif isinstance(check, str) and check.endswith("!"):
                    del value[key]  # the library's own default
                continue
            self._check_field(check, value[key], inside)
        if kind == "RationalTime":
            self._check_time(value, place)
        elif kind == "TimeRange" and value["duration"]["value"] < 0:
            raise self.refuse(place, "holds a range of negative length")
        elif kind == "Clip":
            self._check_clip(value, place, free=free)
        elif kind == "ImageSequenceReference" and not 0 <= value.get("frame_zero_padding", 0) <= 64:
            raise self.refuse(place, "holds an image sequence whose numbers have too many digits")

    def _check_field(self, check: Check, value: Any, place: str) -> None:
        if isinstance(check, str):
            name = check.removesuffix("!")
            if not _KINDS[name](value):
                raise self.refuse(place, f"has {_short(value)} where {_WORDS.get(name, 'an object')} belongs")
            if name == "number" and not math.isfinite(value):
                raise self.refuse(place, f"has {value} where a number belongs")
            return
        if isinstance(check, frozenset):
            self._check_kind(check, value, place)
            return
        form, kinds = check
        if not isinstance(value, list if form == "list" else dict):
            raise self.refuse(place, "has something else where a list belongs")
        items = enumerate(value) if isinstance(value, list) else value.items()
        for key, item in items:
            self._check_kind(kinds, item, f"{place}[{key!r}]")

    def _check_kind(self, kinds: frozenset[str], value: Any, place: str) -> None:
        kind = kind_of(value)
        if kind not in kinds:
            wanted = next(iter(kinds)) if len(kinds) == 1 else f"one of {', '.join(sorted(kinds))}"
            raise self.refuse(place, f"has {kind or _named(value)} where {wanted} belongs")

    def _no_time(self, value: dict[str, Any], place: str) -> InvalidJob:
        told = f"{_short(value.get('value'))} at a rate of {_short(value.get('rate'))}"
        return self.refuse(place, f"holds a time that is none: {told}")

    def _check_time(self, value: dict[str, Any], place: str) -> None:
        count, rate = value["value"], value["rate"]
        if not (0 < rate <= LARGEST and abs(count) <= LARGEST and abs(count) <= LONGEST * max(rate, 1e-6)):
            raise self._no_time(value, place)

    def _check_clip(self, value: dict[str, Any], place: str, *, free: bool) -> None:
        references = value.get("media_references")
        if references is None:
            value.pop("media_references", None)
            references = {"DEFAULT_MEDIA": value.get("media_reference")}
        active = value.get("active_media_reference_key", "DEFAULT_MEDIA")
        if references and active not in references:
            raise self.refuse(place, f"has a clip that shows {active!r}, which it does not have")
        if "" in references:
            raise self.refuse(place, "has a clip with a medium without a name")
        media = references.get(active) or {}
        if not free and value.get("source_range") is None and media.get("available_range") is None:
            raise self.refuse(place, "has a clip without a length: neither it nor its media have a range")


def _named(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "nothing"
    names = {list: "a list", dict: "an object of no kind", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python prints
        return "a number of very many digits"
    return text if len(text) <= 40 else f"{text[:37]}..."

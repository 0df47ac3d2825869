"""How a back end is found by its name."""

from __future__ import annotations

from typing import Any

import msgspec

from dubline.errors import BackendMissing, InvalidJob

KINDS = ("separator", "diarizer", "recognizer", "translator", "voice")


class BackendInfo(msgspec.Struct, frozen=True):
    """A back end as `dubline backends` lists it."""

    kind: str
    name: str
    target: str
    distribution: str
    missing: tuple[str, ...]
    remedy: str

    @property
    def installed(self) -> bool:
        return not self.missing


def available(kind: str) -> dict[str, BackendInfo]:
    """All declared back ends of a kind, without importing any of their libraries."""
    import importlib.util
    from importlib.metadata import entry_points

    found: dict[str, BackendInfo] = {}
    for point in sorted(entry_points(group=f"dubline.{kind}"), key=lambda p: p.name):
        cls: Any = None
        try:
            cls = point.load()
        except Exception as error:  # a stranger's back end may break in any way; the others still work
            name = error.name if isinstance(error, ImportError) else None
            missing: tuple[str, ...] = (name or f"{point.value} ({type(error).__name__}: {error})",)
            extra = ""
        else:
            missing = tuple(m for m in cls.requires if importlib.util.find_spec(m) is None)
            extra = cls.extra
        remedy = ""
        if missing:
            # Some need more than an extra can say; they tell it themselves.
            remedy = getattr(cls, "remedy", "") if cls else ""
            remedy = remedy or (f'pip install "dubline[{extra}]"' if extra else "")
        origin = point.dist.name if point.dist else ""
        found[point.name] = BackendInfo(kind, point.name, point.value, origin, missing, remedy)
    return found


def find(kind: str, name: str) -> Any:
    """The class of a named back end.

    Raises:
        InvalidJob: no back end of that name is declared.
        BackendMissing: it is declared, but a library it needs is not installed.
    """
    from importlib.metadata import entry_points

    known = available(kind)
    if name not in known:
        raise InvalidJob(
            f"there is no {kind} named {name!r}",
            hint=f"Known: {', '.join(known) or 'none'}. `dubline backends` lists them.",
        )
    info = known[name]
    if info.missing:
        raise BackendMissing(
            f"the {kind} {name!r} needs {', '.join(info.missing)}, which is not installed",
            hint=f"Install it with: {info.remedy}" if info.remedy else "",
        )
    (point,) = entry_points(group=f"dubline.{kind}", name=name)
    return point.load()


def options_of(cls: Any, options: dict[str, Any]) -> Any:
    """A back end's `Options` from plain values.

    Raises:
        InvalidJob: an option is unknown or has the wrong type.
    """
    try:
        return msgspec.convert(options, cls.Options, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(cls.Options.__struct_fields__)
        raise InvalidJob(f"{cls.__name__.lower()}: {error}", hint=f"Its options: {known}.") from None

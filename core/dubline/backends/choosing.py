"""Which back end does the work: the one that is named, or the best that can do it here.

    chosen = settle("recognizer", "auto", Sought(language="tr"))
    chosen.choice      its name, its options, and the identity that steps depend on
    chosen.reasons     why, in words

`auto` takes the first by `rank` that is installed and has what it needs on this machine; ours and a
stranger's compete alike. One that was named is never replaced. Nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import msgspec.inspect

from dubline.backends.backend import Sought, entry_points, name_of, versions
from dubline.errors import BackendMissing, DublineError, InvalidJob, WeightsError
from dubline.values.base import Choice, complaint
from dubline.values.languages import language_name

COSTS = ". What it costs: "
BETTER = ". For a better one: "
OURS = "dubline"
"""The distribution that brings our own back ends."""


class BackendInfo(msgspec.Struct, frozen=True):
    """A back end as `dubline backends` lists it. `package` is the distribution that brings it, `cost` what
    its class says."""

    kind: str
    name: str
    package: str
    missing: tuple[str, ...]
    remedy: str
    cost: str = ""

    @property
    def installed(self) -> bool:
        """Whether nothing it needs is missing."""
        return not self.missing


class Settled(NamedTuple):
    """A decision. `place` is where its model is, None where it needs none or nobody knows."""

    choice: Choice
    reasons: tuple[str, ...]
    place: Path | None = None


def names(kind: str) -> tuple[str, ...]:
    """Names of the declared back ends of a kind, without importing anything of theirs: for help texts."""
    return tuple(point.name for point in entry_points(kind))


def available(kind: str) -> dict[str, BackendInfo]:
    """All declared back ends of a kind by name, without importing any of their libraries."""
    return {name: info for name, (info, _) in _declared(kind).items()}


def find(kind: str, name: str) -> Any:
    """The class of a named back end.

    Raises:
        InvalidJob: no back end of that name is declared.
        BackendMissing: it is declared, but something it needs is not installed.
    """
    known = _declared(kind)
    if name not in known:
        raise InvalidJob(
            f"there is no {kind} named {name!r}",
            hint=f"Known: {', '.join(known) or 'none'}. `dubline backends` lists them.",
        )
    info, cls = known[name]
    if info.missing or cls is None:
        raise BackendMissing(
            f"the {kind} {name!r} needs {', '.join(info.missing)}, which is not installed",
            hint=f"Install it with: {info.remedy}" if info.remedy else "",
        )
    return cls


def options_of(cls: Any, options: Mapping[str, Any]) -> Any:
    """A back end's `Options` from plain values.

    Raises:
        InvalidJob: an option is unknown or has the wrong type.
    """
    try:
        return msgspec.convert(dict(options), cls.Options, strict=False)
    except msgspec.ValidationError as error:
        name, fields = name_of(cls), _shown_options(cls)
        unknown = sorted(set(options) - set(fields))
        message = f"{name} has no option {unknown[0]!r}" if unknown else f"{name}: {complaint(error)}"
        raise InvalidJob(message, hint=f"Its options: {', '.join(fields.values()) or 'none'}.") from None


def _shown_options(cls: Any) -> dict[str, str]:
    """A back end's options as they are told, with the words that one takes: "rnnoise (auto, off, on)"."""
    info: Any = msgspec.inspect.type_info(cls.Options)
    shown = {}
    for field in info.fields:
        words = getattr(field.type, "values", ())
        shown[field.name] = f"{field.name} ({', '.join(map(str, words))})" if words else field.name
    return shown


def check_device(name: str) -> None:
    """Refuse what is no name of a device; whether it is here, a back end finds out.

    Raises:
        InvalidJob: it is none.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps|coreml", name):
        raise InvalidJob(f"there is no device {name!r}", hint="Use auto, cpu, cuda, cuda:1 or mps.")


@contextmanager
def opened(
    kind: str,
    choice: Choice,
    hints: Mapping[str, Any] | None = None,
    tell: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> Iterator[Any]:
    """A chosen back end with its weights in memory.

    `hints` are settings that change no result; it gets those that it has options for. `tell` is given the
    weights' checksums, and their licence where it is new to the user; `warn` that a device was named for one
    that has no choice of it.

    Raises:
        InvalidJob: an option or the device is wrong; the message names the back end.
        BackendMissing, WeightsError: it cannot be used.
    """
    from dubline.weights.files import licence_notice

    cls = find(kind, choice.backend)
    known = cls.Options.__struct_fields__
    device = str((hints or {}).get("device") or "auto")
    if "device" not in known and device not in ("auto", "cpu"):
        check_device(device)
        if warn is not None:
            warn(f"{choice.backend} works on the processor: --device {device} changes nothing for it")
    also = {name: value for name, value in (hints or {}).items() if name in known and value is not None}
    try:
        unloaded = cls(options_of(cls, {**choice.options, **also}))
    except InvalidJob as error:
        if error.message.startswith(choice.backend):
            raise
        raise InvalidJob(f"{choice.backend}: {error.message}", hint=error.hint) from None
    with unloaded as backend:
        if tell is not None:
            for identity in backend.identities:
                if identity.sha256:
                    sums = zip(identity.files, identity.sha256, strict=True)
                    listed = ", ".join(f"{file} {digest[:16]}" for file, digest in sums)
                    tell(f"weights of {identity.name}, SHA-256: {listed}")
                if notice := licence_notice(identity):
                    tell(notice)
        yield backend


def settle(
    kind: str,
    backend: str = "auto",
    sought: Sought | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    why: str = "as asked",
) -> Settled:
    """Choose a back end, its model and its options; no weights are loaded. `why`: how a name came here.

    A model may be named in `options` too. They get `model` where the back end has models, and `language`, or
    `source` and `target`, where it has those options and they are known. The reasons tell of damaged models
    that were passed over.

    Raises:
        InvalidJob: an unknown back end or option, one that takes no model or does not know the language.
        BackendMissing: a named back end is not installed.
        WeightsError: the model is not here, or no back end can do it; the hint says how to get one.
    """
    try:
        return _settle(kind, backend, sought or Sought(), dict(options or {}), why)
    except (BackendMissing, WeightsError) as error:
        error.kind = kind
        raise


def _settle(kind: str, backend: str, sought: Sought, given: dict[str, Any], why: str) -> Settled:
    asked = sought.model or str(given.pop("model", ""))
    sought = msgspec.structs.replace(sought, model="" if asked == "auto" else asked)
    if backend != "auto":
        cls = find(kind, backend)
        model, place = _model(kind, backend, cls, sought)
        reason = f"{kind}: {_with(backend, model)}, {why}{_cost(cls, sought, place)}"
        choice = _choice(kind, backend, cls, sought, model, given)
        return Settled(choice, (reason, *_damaged(cls, sought)), place)
    passed: list[str] = []
    refused: list[InvalidJob] = []
    remedies: list[str] = []
    damaged: list[str] = []
    for name, info, cls in (ranked := _ranked(kind, sought.content)):
        if (refusal := _refusal(cls, sought)) is not None:
            refused.append(refusal)
            passed.append(refusal.message)
            continue
        if info.missing or cls is None:
            passed.append(f"{name} is not installed")
            remedies.append(f"`{info.remedy}`" if info.remedy else "")
            continue
        damaged.extend(_damaged(cls, sought))
        try:
            model, place = _model(kind, name, cls, sought)
        except DublineError as error:
            passed.append(error.message if name in error.message else f"{name}: {error.message}")
            remedies.append("" if isinstance(error, InvalidJob) else error.hint)
            continue
        except Exception as error:  # a stranger's may break in any way; the others still work
            passed.append(f"{name}: {type(error).__name__}: {error}")
            continue
        why = f"{kind}: {_with(name, model)}" + (f", since {'; '.join(passed)}" if passed else "")
        better = next(filter(None, remedies), "") if passed and not sought.model else ""
        why += _cost(cls, sought, place) + (f"{BETTER}{better}" if better else "")
        return Settled(_choice(kind, name, cls, sought, model, given), (why, *damaged), place)
    passed.extend(damaged)
    if refused and len(refused) == len(ranked):
        raise InvalidJob("; ".join(dict.fromkeys(passed)), hint=refused[0].hint)
    what = f"the model {sought.model!r}" if sought.model else f"a {kind}{_for(sought)}"
    raise WeightsError(
        f"{what} cannot be had: {'; '.join(passed) or 'none is declared'}",
        hint=" Or: ".join(dict.fromkeys(filter(None, remedies)))
        or "`dubline backends` and `dubline models list` tell more.",
    )


def in_brief(reason: str) -> tuple[str, str]:
    """Who does it, and a reason of `settle` (without its kind) in brief: the long one tells of each that was
    passed over, and how to get a better one."""
    head, _, cost = reason.partition(BETTER)[0].partition(COSTS)
    who, _, why = head.partition(", ")
    if why.startswith("since "):
        why = "since no other is set up here" if who == "manual" else "the best that is set up here"
    return who, (f"{who}, {why}" if why else who) + (f": {cost}" if cost else "")


def _refusal(cls: Any, sought: Sought) -> InvalidJob | None:
    """Why a back end can do nothing of what is sought, with any model and once it is installed."""
    try:
        if cls is not None:
            cls.check(sought)
    except InvalidJob as error:
        return error
    except Exception:  # what it lacks, and a stranger's faults, are told below
        return None
    return None


def _choice(kind: str, name: str, cls: Any, sought: Sought, model: str, given: dict[str, Any]) -> Choice:
    fields = cls.Options.__struct_fields__
    if model and "model" in fields:
        given["model"] = model
    known = {"language": sought.language, "source": sought.language, "target": sought.target}
    for field, code in known.items():
        if code and field in fields:
            given.setdefault(field, code)
    identity = tuple(cls.identity(options_of(cls, given)))
    package = available(kind)[name].package
    if package and package != OURS:  # a stranger's: the package that brings it computes too
        identity = tuple(dict.fromkeys((*versions(package), *identity)))
    return Choice(backend=name, options=given, identity=identity)


def _model(kind: str, name: str, cls: Any, sought: Sought) -> tuple[str, Path | None]:
    """(model, where it is) of a back end that can do it at all; "" and None where it needs none."""
    takes = "model" in cls.Options.__struct_fields__
    if sought.model and not takes:
        raise InvalidJob(f"the {kind} {name} takes no model", hint="Leave out the model.")
    cls.check(sought)
    here = cls.weights_here(sought)
    if here is None:
        return sought.model, None
    if not here:
        what = f"has no model {sought.model!r}" if sought.model else f"has no model{_for(sought)}"
        raise WeightsError(
            f"{name} {what} on this machine",
            hint=cls.how_to_get(sought) or "`dubline models import PATH` brings one in.",
        )
    model, place = next(iter(here.items()))
    return (sought.model or model) if takes else "", place


def _ranked(kind: str, content: str) -> list[tuple[str, BackendInfo, Any]]:
    """The declared back ends that `auto` may take, the best first."""
    known = _declared(kind)
    ranks = {name: 0 if cls is None else cls.rank(content) for name, (_, cls) in known.items()}
    return [
        (name, *known[name])
        for name in sorted(known, key=lambda name: (-(ranks[name] or 0), name))
        if ranks[name] is not None
    ]


def _declared(kind: str) -> dict[str, tuple[BackendInfo, Any]]:
    """Every entry point of a kind and its class; None for one that cannot be imported."""
    declared: dict[str, tuple[BackendInfo, Any]] = {}
    for point in entry_points(kind):
        package = point.dist.name if point.dist else ""
        try:
            cls: Any = point.load()
            missing, remedy = tuple(cls.missing()), str(cls.remedy())
        except Exception as error:  # a stranger's back end may break in any way; the others still work
            name = error.name if isinstance(error, ImportError) else None
            cls, remedy = None, ""
            missing = (name or f"{point.value} ({type(error).__name__}: {error})",)
        declared[point.name] = (
            BackendInfo(
                kind, point.name, package, missing, remedy if missing else "", getattr(cls, "cost", "")
            ),
            cls,
        )
    return declared


def _damaged(cls: Any, sought: Sought) -> tuple[str, ...]:
    """Remarks on models that cannot be taken; where one is named, its own error tells."""
    return () if sought.model else tuple(f"passed over: {what}" for what in cls.damaged())


def _with(backend: str, model: str) -> str:
    return f"{backend} with {model}" if model else backend


def _cost(cls: Any, sought: Sought, place: Path | None) -> str:
    cost = cls.costs(sought, place)
    return f"{COSTS}{cost}" if cost else ""


def _for(sought: Sought) -> str:
    if sought.target:
        source = language_name(sought.language) if sought.language else "any language"
        return f" from {source} to {language_name(sought.target)}"
    if sought.content == "film":
        return " that splits music from effects"
    return f" for {language_name(sought.language)}" if sought.language else ""

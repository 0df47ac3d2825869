"""How a command gets its options, and the wishes that they make.

    @command(SEPARATE, MACHINE, main="separate")
    def separate(media: Media, *, separate: "SeparateWish", machine: dict[str, Any]) -> None: ...

gives `separate` the options of both groups, and calls it with the wish that they make. `--job job.toml` fills
the same fields; options stand above it.
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from dubline.errors import InvalidJob

Fields = dict[str, Any]


def option(kind: Any, help: str, *flags: str, **more: Any) -> Any:
    """An option that may be left out. Without `flags` it is called after its parameter."""
    return Annotated[kind, typer.Option(*flags, help=help, show_default=False, **more)]


def settings(kind: str) -> Any:
    """Settings of a back end by name."""
    text = f"A setting of the {kind}, NAME=VALUE; may be repeated."
    return option(list[str] | None, text, f"--{kind}-option")


FORGET = option(
    bool,
    "Begin anew: what you leave out gets its default again, instead of what this run was asked before.",
    "--forget",
)
JOB = option(Path | None, "A job.toml with any of these settings; options stand above it.")


class Group(NamedTuple):
    """Options that fill one wish. `gather` makes fields of the wish of what was given."""

    stage: str
    options: Fields
    gather: Callable[[Fields], Fields] = lambda given: given
    model: str = ""
    """The option that --model means in the stage's own command."""

    def only(self, *names: str) -> Group:
        """The group with some of its options alone."""
        return self._replace(options={name: self.options[name] for name in names})


def without(group: Group, *names: str) -> Group:
    """A group that lacks some options."""
    return group._replace(options={n: o for n, o in group.options.items() if n not in names})


def command(*groups: Group, main: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of these groups, and call it with a wish for each, under the stage's name;
    `machine` is a plain dict. `main`: the stage whose model is also called --model.

    A name that stands in several groups is one option, whose value goes to each of them.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function).parameters
        given_by_us = {group.stage for group in groups}
        parameters = {name: p for name, p in own.items() if name not in given_by_us}
        for group in groups:
            for name, kind in group.options.items():
                if group.stage == main and name == group.model:
                    kind = _also(kind, "--model")
                parameters.setdefault(name, _parameter(name, kind))
        parameters |= {"forget": _parameter("forget", FORGET), "job": _parameter("job", JOB)}

        @functools.wraps(function)
        def called(**given: Any) -> None:
            job = _read_job(given.pop("job"))
            forget = given.pop("forget") or None
            wishes: Fields = {}
            for group in groups:
                fields = {name: given.get(name) for name in group.options}
                if group.stage == "machine":
                    wishes["machine"] = fields
                    continue
                wishes[group.stage] = _wish(group, fields, job, forget)
            names = {name for group in groups for name in group.options}
            function(**{n: v for n, v in given.items() if n not in names or n in own}, **wishes)

        called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            sorted(
                (p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters.values()),
                key=lambda p: p.default is not inspect.Parameter.empty,
            )
        )
        called.__annotations__ = {name: p.annotation for name, p in parameters.items()}
        return called

    return decorate


def _wish(group: Group, fields: Fields, job: Fields, forget: bool | None) -> Any:
    from dubline.values import wishes

    kinds: dict[str, type[wishes.Wish]] = {
        "separate": wishes.SeparateWish,
        "transcribe": wishes.TranscribeWish,
        "translate": wishes.TranslateWish,
        "dub": wishes.DubWish,
    }
    kind = kinds[group.stage]
    fields = {name: _plain(value) for name, value in group.gather(fields).items() if value is not None}
    table = dict(job.get(group.stage) or {})
    for name in kind.PATHS:
        if table.get(name):
            table[name] = str(job["folder"] / str(table[name]))
    merged = {name: _merged(table.get(name), value) for name, value in fields.items()}
    if forget:
        merged["forget"] = True
    return wishes.wish_from(kind, {**table, **merged})


def _merged(before: Any, now: Any) -> Any:
    return {**before, **now} if isinstance(before, dict) and isinstance(now, dict) else now


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _read_job(path: Path | None) -> Fields:
    """The tables of a job file, and the folder that its paths count from.

    Raises:
        InvalidJob: it cannot be read, or has a table that there is not.
    """
    if path is None:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found]
    known = ("media", "separate", "transcribe", "translate", "dub", "device")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InvalidJob(f"{path} cannot be read: {error}", hint="Give a job file in TOML.") from None
    unknown = [name for name in tables if name not in known]
    if unknown:
        raise InvalidJob(f"{path} has {unknown[0]!r}, which no job has", hint=f"Use {', '.join(known)}.")
    return {**tables, "folder": path.absolute().parent}


def _parameter(name: str, kind: Any) -> inspect.Parameter:
    default = False if kind is FORGET else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _also(kind: Any, flag: str) -> Any:
    """The same option under one more name."""
    told = copy.copy(kind.__metadata__[0])
    told.param_decls = (*told.param_decls, flag)
    return Annotated[kind.__origin__, told]


def named_settings(words: list[str] | None) -> Fields:
    """NAME=VALUE, ... -> the settings; a value that is JSON's list or object is read as such.

    Raises:
        InvalidJob: a word is no NAME=VALUE.
    """
    named: Fields = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise InvalidJob(f"{word!r} is no setting", hint="Give it as NAME=VALUE.")
        try:
            named[name.strip()] = json.loads(value) if value[:1] in ("[", "{") else value
        except ValueError:
            named[name.strip()] = value
    return named


def with_settings(given: Fields, kind: str, more: Mapping[str, Any] | None = None) -> Fields:
    """The options that are settings of a back end, as the field that holds them."""
    named = named_settings(given.pop(f"{kind}_option", None))
    named = {**{n: v for n, v in (more or {}).items() if v is not None}, **named}
    return {**given, f"{kind}_options": named or None}

"""`--help` on one screen: the common options, in panels; `--help-all` shows every one, whole.

An option's panel is where `option` or `Option` puts it; one that is not common is a hidden one to Typer.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from dubline.files import typed

Function = TypeVar("Function", bound=Callable[..., Any])
ALL = "--help-all"
WIDEST = 100
"""Columns that a page takes at most."""
KINDS = {kind: "NUMBER" for kind in ("INTEGER", "INT", "RANGE", "FLOAT")} | {"LIST": "TEXT", "STR": "TEXT"}
"""Types of values as Typer calls them, and as the pages do."""
NAMES = 32
"""Columns for the names of options; of longer ones the text begins on the line below."""

UsageError: Any = typer.BadParameter.__mro__[1]
"""What a command raises that was typed wrong; Typer gives it no name of its own."""
EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)")
"""Click's sentence on words that a command has no place for."""
NUMBERS = (
    (r"Input should be a valid integer.*", "give a whole number, such as 2"),
    (r"Input should be a valid number.*", "give a number, such as 0.5"),
    (r"Input should be greater than or equal to (\S+)", r"give \1 or more"),
    (r"Input should be less than or equal to (\S+)", r"give \1 or less"),
)
"""Typer's sentences on numbers, and what is said instead."""

PANELS = (
    "The job",
    "Look at a run",
    "Timelines and subtitles",
    "Set-up",
    "Commands",
    "What",
    "Who does it",
    "Stems",
    "Transcript",
    "Translation",
    "Dub",
    "Mix",
    "Where",
    "How",
    "Options",
)
"""The panels of commands, and those of options, in the order in which they stand."""


class App(typer.Typer):
    """A Typer whose commands explain themselves so."""

    def __init__(self, **more: Any) -> None:
        ours = {
            "cls": Group,
            "no_args_is_help": True,
            "add_completion": False,
            "rich_markup_mode": None,
            "pretty_exceptions_enable": False,
            "context_settings": {"max_content_width": WIDEST},
        }
        super().__init__(**{**ours, **more})

    def command(self, name: str | None = None, **more: Any) -> Callable[[Function], Function]:
        """As Typer's."""
        return super().command(name, cls=Command, **more)


class Command(TyperCommand):
    """A command with a short page of help and a whole one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Before anything that is required may be missed."""
        if ALL in (args[: args.index("--")] if "--" in args else args):
            width = ctx.make_formatter().width
            typer.echo("\n".join(_page(self, ctx, width, whole=True)))
            raise typer.Exit()
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            self._explain(error)
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page that `--help` shows."""
        formatter.write("\n".join(_page(self, ctx, formatter.width, whole=False)))

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The line above what was typed wrong."""
        formatter.write("\n".join(_usage(self, ctx, formatter.width)) + "\n")

    def _explain(self, error: Any) -> None:
        """Say what was typed wrong by the names that the pages have, with an example."""
        param = getattr(error, "param", None)
        if param is not None and param.param_type_name == "argument":
            error.param_hint = param.name.upper()
        example = next((f"For example: {one}" for one in _examples(self.help or "")), "")
        if extra := EXTRA.fullmatch(error.message):
            told = f"There is no place for {extra[1]!r} here. A name with spaces stands in quotes."
            error.message = f"{told}\n{example}".rstrip()
        elif not error.message:  # an argument is missing
            error.message = example
        for pattern, told in NUMBERS:
            error.message = re.sub(pattern, told, error.message)


class Group(TyperGroup):
    """A group of commands; they too stand in panels."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`--help-all` before a command: every command's whole page. A command may follow its run:
        `speakers RUN rename` is `speakers rename RUN`."""
        if args[:1] == [ALL]:
            formatter = ctx.make_formatter()
            self.format_help(ctx, formatter)
            pages = [formatter.getvalue(), *_pages(self, ctx, formatter.width)]
            typer.echo("\n\n".join(page.strip("\n") for page in pages))
            raise typer.Exit()
        first, *rest = args or [""]
        if rest and rest[0] in self.commands and first not in self.commands and not first.startswith("-"):
            args = [rest[0], first, *rest[1:]]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Typer's; of a run or a film in the place of a command it is told what can be done with it."""
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            if Path(args[0]).exists():
                names = [name for name in self.list_commands(ctx) if _takes_a_run(self.commands[name])]
                ways = [f"{ctx.command_path} {name} {typed(args[0])}" for name in names]
                error.message = "\n  ".join(["Say what to do with it:", *ways])
            raise

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The line above what was typed wrong."""
        formatter.write("\n".join(_usage(self, ctx, formatter.width)) + "\n")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page that `--help` shows."""
        width = formatter.width
        lines = [*_usage(self, ctx, width), *_text(self.help or "", width)]
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if not command.hidden:
                text = next(_paragraphs(command.help or ""), "")
                panels.setdefault(command.rich_help_panel or "Commands", []).append((name, text))
        column = max((len(name) for rows in panels.values() for name, _ in rows), default=0) + 4
        for panel in _in_order(panels):
            lines += ["", f"{panel}:", *_rows(panels[panel], width, column)]
        options = [(_names(param, ctx), param.help or "") for param in _options(self, ctx)]
        lines += ["", "Options:", *_rows(options, width, column)] if options else []
        lines += ["", f"Every option of every command: {ctx.command_path} {ALL}"]
        formatter.write("\n".join(lines))


def _takes_a_run(command: Any) -> bool:
    """Whether a command, or one of a group, works on a film or its run."""
    if isinstance(command, Group):
        return any(map(_takes_a_run, command.commands.values()))
    arguments = {param.name for param in command.params if param.param_type_name == "argument"}
    return bool(arguments & {"run", "runs", "media", "folder", "text", "source"})


def _pages(group: Any, ctx: Any, width: int) -> Iterator[str]:
    """The whole page of each command in a group, and of those in groups in it."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        with command.make_context(name, [], parent=ctx, resilient_parsing=True) as inner:
            if isinstance(command, Group):
                yield from _pages(command, inner, width)
            elif not command.hidden:
                yield "\n".join(_page(command, inner, width, whole=True))


def _page(command: Any, ctx: Any, width: int, *, whole: bool) -> Iterator[str]:
    yield from _usage(command, ctx, width)
    more = [param for param in _options(command, ctx) if param.hidden]
    yield from _text(command.help or "", width, brief=bool(more) and not whole)
    arguments = [param for param in command.get_params(ctx) if param.param_type_name == "argument"]
    column = NAMES
    if arguments:
        rows = [(param.name.upper(), param.help or "") for param in arguments]
        yield ""
        yield from _rows(rows, width, column)
    panels: dict[str, list[tuple[str, str]]] = {}
    for param in _options(command, ctx):
        if whole or not param.hidden:
            text = param.help or ""
            panel = param.rich_help_panel or PANELS[-1]
            panels.setdefault(panel, []).append(
                (_names(param, ctx), text if whole or not more else _brief(text))
            )
    for panel in sorted(panels, key=lambda name: PANELS.index(name) if name in PANELS else len(PANELS)):
        yield from ("", f"{panel}:")
        yield from _rows(panels[panel], width, column)
    if more and not whole:
        yield ""
        yield f"{len(more)} more options: {ctx.command_path} {ALL}"


def _in_order(panels: Iterable[str]) -> list[str]:
    return sorted(panels, key=lambda name: PANELS.index(name) if name in PANELS else len(PANELS))


def _options(command: Any, ctx: Any) -> list[Any]:
    return [p for p in command.get_params(ctx) if p.param_type_name == "option" and "--help" not in p.opts]


def _usage(command: Any, ctx: Any, width: int) -> Iterator[str]:
    pieces = re.sub(r"[{}]", "", " ".join(command.collect_usage_pieces(ctx))).upper()
    yield from _filled(f"Usage: {ctx.command_path} {pieces}", width, after=7)


def _names(param: Any, ctx: Any) -> str:
    """--out, -o PATH."""
    names = ", ".join(sorted(param.opts, key=lambda name: -len(name)))
    if param.secondary_opts:
        return f"{names}/{', '.join(param.secondary_opts)}"
    if param.is_flag or param.count:
        return names
    hidden, param.hidden = param.hidden, False
    told = re.sub(r"(^|\s)--?[\w-]+", " ", str(param.get_help_record(ctx)[0]))
    param.hidden = hidden
    kind = "".join(re.findall(r"[A-Z]+", told.upper())[:1])
    return f"{names} {KINDS.get(kind, kind)}".rstrip()


def _brief(text: str) -> str:
    """The first sentence of an option's text."""
    return re.split(r"(?<=[.])\s+(?=[A-Z(])", text, maxsplit=1)[0]


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        yield paragraph if paragraph[:1].isspace() else " ".join(paragraph.split())


def _examples(text: str) -> Iterator[str]:
    """The commands that a command's text shows."""
    for paragraph in _paragraphs(text):
        if paragraph.startswith(("Example: ", "    ")):
            yield " ".join(paragraph.removeprefix("Example: ").split())


def _text(text: str, width: int, *, brief: bool = False) -> Iterator[str]:
    """A command's text; examples, which are indented, stand line by line. In brief: what comes first, and the
    examples."""
    example = False
    for number, paragraph in enumerate(_paragraphs(text)):
        if paragraph[:1].isspace():
            if not example:
                yield ""
            yield from _filled("    " + " ".join(paragraph.split()), width, after=4)
            example = True
        elif number == 0 or not brief:
            yield ""
            yield from _filled("  " + paragraph, width)
            example = False


def _rows(rows: Iterable[tuple[str, str]], width: int, column: int) -> Iterator[str]:
    for name, text in rows:
        lines = textwrap.wrap(
            " ".join(text.split()), width - column, break_long_words=False, break_on_hyphens=False
        )
        if len(name) + 4 > column and lines:
            yield f"  {name}"
        else:
            yield f"  {name:<{column - 2}}{lines.pop(0) if lines else ''}".rstrip()
        for line in lines:
            yield " " * column + line


def _filled(text: str, width: int, after: int = 0) -> list[str]:
    indent = len(text) - len(text.lstrip())
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * (indent + after),
        break_long_words=False,
        break_on_hyphens=False,
    )

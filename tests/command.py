"""The `dubline` command as a person runs it, but in this process: words in; status, output, messages out."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock


class Answer(NamedTuple):
    """What came back."""

    status: int
    out: str
    err: str


def dubline(*words: str | Path) -> Answer:
    """Run a command; anything it raises but `SystemExit` is a traceback for the user: the test fails."""
    from dubline.cli import main

    out, err = io.StringIO(), io.StringIO()
    status = 0
    with (
        mock.patch.object(sys, "argv", ["dubline", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return Answer(status, out.getvalue(), err.getvalue())


def kept(answer: Answer) -> set[str]:
    """The steps that a command says it has kept from before."""
    from dubline.cli.steps import STEPS

    lines = [line.partition("kept from before: ")[2] for line in answer.err.splitlines()]
    said = {word for line in lines for word in line.split(", ") if word}
    return {name for name, words in STEPS.items() if words.made in said}


@contextlib.contextmanager
def at_call(number: int, then: Callable[[], None] = lambda: None) -> Iterator[list[int]]:
    """Do something before the model is run for the n-th time (0: never); yields the calls, one entry each."""
    from demucs.htdemucs import HTDemucs

    calls: list[int] = []
    forward = HTDemucs.forward

    def watched(self: Any, x: Any) -> Any:
        calls.append(len(x))
        if len(calls) == number:
            then()
        return forward(self, x)

    with mock.patch.object(HTDemucs, "forward", watched):
        yield calls


def results(root: Path) -> list[str]:
    """The files of a run that a person sees, but for what is known before any work is done."""
    known = ("work/run.json", "work/log.txt", "work/steps/original-")
    return [name for name in shown(root) if not name.startswith(known)]


def shown(folder: Path) -> list[str]:
    """The files in a folder that are not hidden, nor in a hidden folder."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return sorted(p.as_posix() for p in found if not any(part.startswith(".") for part in p.parts))

"""Answers that were given before: a file that grows by one line for each batch.

A translation that was stopped goes on from here, and one whose transcript was corrected asks for the changed
lines only. The file lies in the run folder, one for each translator with its settings; a line is

    {"answers": {"3f2a...": {"candidates": [{"text": "Come!", "score": -0.2, "origin": "beam"}]}}}

Failures are not kept, they are tried again; but that a model has no shorter or longer translation is. A
line that was cut off by a crash, or that is not ours, is passed over, and what it held is asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from dubline.values.base import Value
from dubline.values.sealed import line_value, sealed_line
from dubline.values.translated import Answer


class _Batch(Value, frozen=True):
    answers: dict[str, Answer]


class Memory:
    """The answers in one file. `known` has them by key; `add` keeps more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, Answer] = {}
        self._torn = False
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    self._torn = not line.endswith(b"\n")
                    if batch := line_value(line, _Batch):
                        self.known.update(batch.answers)

    def add(self, answers: dict[str, Answer], final: Collection[str] = ()) -> None:
        """Keep the answers of a batch that have candidates, and those of the lines in `final` in any case; on
        disk when this returns.

        Raises:
            OSError: the file cannot be written.
        """
        worth = {key: answer for key, answer in answers.items() if answer.candidates or key in final}
        if not worth:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            # A line that a crash cut off must not swallow the next one.
            file.write((b"\n" if self._torn else b"") + sealed_line(_Batch(answers=worth)))
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self.known.update(worth)

"""No translator: a person writes the translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from dubline.backends.backend import Backend
from dubline.values.translated import Answer

if TYPE_CHECKING:
    from dubline.report import Report
    from dubline.values.translated import SourceLine


class Manual(Backend):
    """`manual`: every line is left to a person, who finds it in the files for editing."""

    whole_sentences: ClassVar[bool] = False
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = False
    by_hand: ClassVar[bool] = True
    precedence: ClassVar[int | None] = None

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`source` and `target`: codes such as "tr" and "en". `candidates` is known as to every translator,
        and has no effect."""

        source: str = ""
        target: str = ""
        candidates: int = 1

    def __init__(self, options: Options) -> None:
        self.identities = ()
        self.notes: tuple[str, ...] = ("nothing is translated by machine: the lines wait for a person",)

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        """An empty answer for each line that is not known, all at once."""
        report(0, len(lines))
        left = {line.key: Answer() for line in lines if line.key not in known}
        if left:
            yield left
        report(len(lines), len(lines))

"""`dubline report`: a run as a page to look at."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dubline.cli.film import RunFolder
from dubline.cli.screen import result
from dubline.errors import InvalidJob
from dubline.report import quantity

_NAMED = 10  # doubtful lines that are named


def report(run: RunFolder) -> None:
    """Write report.html into the run folder again, and say where it is.

    The page shows what was made, the stems as a picture, the speakers with a sample each, every line with
    its fit and its take, what to look at first, and which models were used, with their licences. It needs
    no network, and works in any browser. `transcribe`, `translate`, `dub` and `localize` write it too.

        dubline report EPISODE.dubline
    """
    from dubline.exchange.report import write_report

    bring_up_to_date(run)
    result(f"{write_report(run)}")


def bring_up_to_date(root: Path) -> None:
    """Write timeline and report again where they are, after a correction, which counts without them."""
    from dubline.exchange.report import write_report
    from dubline.files import clear_parts, where_one_may_write
    from dubline.programme.timeline_file import bring_timeline_up_to_date
    from dubline.recognition.publish import publish_tables
    from dubline.run import Run
    from dubline.values.layout import Layout

    for folder in Layout(root).written_to():
        clear_parts(folder)
    if Layout(root).pending.is_file():
        with suppress(InvalidJob), Run(root):
            pass  # what a command that was killed was about to write
    with suppress(InvalidJob), where_one_may_write():
        publish_tables(root)
        bring_timeline_up_to_date(root)
        if Layout(root).report.is_file():
            write_report(root)


def tell_report(root: Path) -> None:
    """Write the report at the end of other work, and say where it is; the work counts without it."""
    from dubline.exchange.report import write_report

    try:
        result(f"look at it: {write_report(root)}")
    except InvalidJob as error:
        result(f"no report.html: {error.message}")


def tell_doubtful(lines: Sequence[int]) -> None:
    """Say which lines, by their numbers, may be made up."""
    if lines:
        named = ", ".join(map(str, lines[:_NAMED])) + (" ..." if len(lines) > _NAMED else "")
        result(f"{quantity(len(lines), 'line')} may be made up, listen to {named} first; the report says why")

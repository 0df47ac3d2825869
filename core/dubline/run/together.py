"""Texts of a run that belong together, written all or none: what is to be written is written down first, in
one file, and the next command does what a killed one has left.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dubline.files import write_whole
from dubline.values.base import Value
from dubline.values.layout import Layout
from dubline.values.sealed import read_sealed, sealed, write_twice


class Pending(Value, frozen=True):
    """The files that are to be written: path from the run folder -> text."""

    files: dict[str, str]


def write_together(root: Path, files: Mapping[Path, bytes]) -> None:
    """Write files of a run whole, all of them in the end; those that say the same already are left alone.

    Raises:
        OSError: one cannot be written.
    """
    here = Layout(root)
    changed = {path: data for path, data in files.items() if not path.is_file() or path.read_bytes() != data}
    if len(changed) > 1:
        told = Pending(files={here.named(path): data.decode() for path, data in changed.items()})
        write_whole(here.pending, sealed(told))
    for path, data in changed.items():
        _write(here, path, data)
    here.pending.unlink(missing_ok=True)


def write_pending(root: Path) -> None:
    """Write what a command that was killed was about to."""
    here = Layout(root)
    if not here.pending.is_file():
        return
    with suppress(ValueError):  # damaged: what it was about is asked for again
        for name, text in read_sealed(here.pending, Pending).files.items():
            _write(here, root / name, text.encode())
    here.pending.unlink(missing_ok=True)


def _write(here: Layout, path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    write_twice(path, data) if path == here.speaker_log else write_whole(path, data)

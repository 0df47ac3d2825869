"""Glossaries: names and terms that must be heard and translated as the user says.

A table as spreadsheets write it, one term a row:

    source,target,note
    Boğaz,the Bosphorus,not "throat"
    Kaptan,,a name: stays as it is

Commas, semicolons or tabs; the first row may be a heading; only the first column must be filled. Lines that
begin with # are left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.values.base import Value

LARGEST = 8_000_000
"""Bytes. A file beyond that is no list of terms, and would not fit any model's prompt."""
SOURCE = ("source", "term", "original", "kaynak", "terim")
TARGET = ("target", "translation", "hedef", "çeviri")
NOTE = ("note", "notes", "comment", "not", "açıklama")  # noqa: RUF001
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Term(Value, frozen=True):
    """A term as it is said, its translation ("": none is prescribed), and a note for the translator."""

    source: str
    target: str = ""
    note: str = ""


def read_glossary(path: Path) -> tuple[Term, ...]:
    """The terms of a CSV or TSV file, in order. It is UTF-8, with or without a mark, or UTF-16 with one.

    Which character parts the columns is found in the file itself, not by its name. White space around a cell
    does not count. A row that says the same as an earlier one counts once.

    Raises:
        InvalidJob: the file cannot be read, is no such table, names no term, or says two things about one;
            the text names the line.
    """
    rows = list(_rows(path, _text(path)))
    columns, rows = _columns(path, rows)
    terms: dict[str, tuple[int, Term]] = {}
    for line, cells in rows:
        source, target, note = (
            cells[column] if column is not None and column < len(cells) else "" for column in columns
        )
        if not source:
            raise InvalidJob(
                f"{path}, line {line}: there is no term in it",
                hint="The first column holds the term as it is said, the second its translation.",
            )
        spare = [c for i, c in enumerate(cells) if c and i not in columns]
        if spare:
            raise InvalidJob(
                f"{path}, line {line}: {len(cells)} columns, and {spare[0]!r} belongs to none",
                hint="A row is source, target, note. Put a cell that holds a comma or a tab into quotes.",
            )
        term = Term(source=source, target=target, note=note)
        before, known = terms.setdefault(source.casefold(), (line, term))
        if known.target != target:
            raise InvalidJob(
                f"{path}, line {line}: {source!r} is {target or 'nothing'!r} here and "
                f"{known.target or 'nothing'!r} on line {before}",
                hint="A term has one translation: remove one of the two lines.",
            )
    if not terms:
        raise InvalidJob(f"{path} holds no terms", hint="A row is source, target, note.")
    return tuple(term for _, term in terms.values())


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise InvalidJob(
                f"{path} has {size / 1e6:.0f} MB: that is not a glossary",
                hint="Give a table of terms, CSV or TSV.",
            )
        data = path.read_bytes()
    except OSError as error:
        raise InvalidJob(
            f"the glossary {path} cannot be read: {error.strerror or error}", hint="Check the path."
        ) from None
    coding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(coding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidJob(
            f"{path}, line {line}: not {coding.removesuffix('-sig').upper()}",
            hint="Save it as UTF-8; a spreadsheet calls that 'CSV UTF-8'.",
        ) from None
    if "\0" in text:
        raise InvalidJob(f"{path} is not text", hint="Save the table as CSV UTF-8 or as TSV.")
    return text


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, cells) of each row that holds something."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    separator = first.casefold().removeprefix("sep=") if first.casefold().startswith("sep=") else ""
    delimiter = separator[:1] or _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            marks = row[0].startswith("#") or (separator and line == 1) if row else False
            if any(cells) and not marks:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidJob(
            f"{path}, line {line}: {error}",
            hint='A quote within quotes is doubled: "he said ""no""". Every quote that opens must close.',
        ) from None


def _delimiter(text: str) -> str:
    """Tab, semicolon or comma: the first of them that parts most rows outside of quotes."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")][:200]
    counts = {mark: sum(mark in "".join(line.split('"')[::2]) for line in lines) for mark in ("\t", ";", ",")}
    best = max(counts.values())
    return next(mark for mark, count in counts.items() if count == best) if best else ","


def _columns(
    path: Path, rows: list[tuple[int, list[str]]]
) -> tuple[tuple[int, int | None, int | None], list[tuple[int, list[str]]]]:
    """Where source, target and note stand, and the rows below the heading."""
    heads = [cell.casefold() for cell in rows[0][1]] if rows else []
    known = (*SOURCE, *TARGET, *NOTE)
    if not heads or heads[0] not in known or not all(h in known for h in heads if h):
        return (0, 1, 2), rows
    places = [next((i for i, h in enumerate(heads) if h in names), None) for names in (SOURCE, TARGET, NOTE)]
    if len(heads) == 1 and heads[0] not in SOURCE:
        return (0, 1, 2), rows
    if places[0] is None:
        raise InvalidJob(
            f"{path}, line {rows[0][0]}: no column is called source",
            hint="Name it so: source, target, note.",
        )
    return (places[0], places[1], places[2]), rows[1:]

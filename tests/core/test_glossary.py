"""Glossaries as spreadsheets and people write them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.values.glossary import Term, read_glossary

TERMS = (Term(source="Boğaz", target="the Bosphorus", note="not throat, ever"), Term(source="Kaptan"))


def write(tmp_path: Path, text: str, coding: str = "utf-8") -> Path:
    path = tmp_path / "terms.csv"
    path.write_bytes(text.encode(coding))
    return path


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("heading", ["", "source{}target{}note\n", "Kaynak{}Hedef{}Not\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_way_to_write_the_same_table(
    tmp_path: Path, coding: str, mark: str, heading: str, end: str
) -> None:
    note = '"not throat, ever"' if mark == "," else "not throat, ever"
    text = f"{heading.format(mark, mark)}# a remark\nBoğaz{mark} the Bosphorus{mark}{note}\n\nKaptan\n"
    assert read_glossary(write(tmp_path, text.replace("\n", end), coding)) == TERMS


def test_columns_may_stand_in_any_order_below_a_heading(tmp_path: Path) -> None:
    path = write(tmp_path, "note;target;source\nnot throat, ever;the Bosphorus;Boğaz\n;;Kaptan\n")
    assert read_glossary(path) == TERMS


def test_excels_separator_line_is_understood(tmp_path: Path) -> None:
    assert read_glossary(write(tmp_path, "sep=;\nKaptan;Captain, sir\n")) == (
        Term(source="Kaptan", target="Captain, sir"),
    )


cells = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(str.strip)


@given(st.lists(st.tuples(cells.filter(bool), cells, cells), min_size=1, max_size=8), st.sampled_from(",;\t"))
def test_what_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], mark: str
) -> None:
    unique = list({row[0].casefold(): row for row in rows if not row[0].startswith("#")}.values())
    text = io.StringIO()
    csv.writer(text, delimiter=mark, quoting=csv.QUOTE_ALL).writerows([("source", "target", "note"), *unique])
    path = tmp_path_factory.mktemp("glossary") / "g.tsv"
    path.write_bytes(text.getvalue().encode())
    if unique:
        assert read_glossary(path) == tuple(Term(source=a, target=b, note=c) for a, b, c in unique)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no terms"),
        ("source,target\n", "no terms"),
        ("a,b\n,c\n", "line 2: there is no term"),
        ("a,b\n\na,c\n", "line 3: 'a' is 'c' here and 'b' on line 1"),
        ("a,b\nA,\n", "line 2: 'A' is 'nothing' here and 'b' on line 1"),
        ("a,b,c,d\n", "line 1: 4 columns, and 'd'"),
        ('a,b\n"c,d\n', "line 2: unexpected end"),
        ('a,b\n"c"x,d\n', "line 2: "),
        ("target,note\na,b\n", "line 1: no column is called source"),
        ("a\0b\n", "is not text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidJob) as error:
        read_glossary(write(tmp_path, text))
    assert said in error.value.message and error.value.hint


def test_the_line_of_a_row_after_a_cell_of_several_lines(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="line 4: there is no term"):
        read_glossary(write(tmp_path, 'a,b,"one\ntwo\nthree"\n,x\n'))


def test_the_same_row_twice_counts_once(tmp_path: Path) -> None:
    assert read_glossary(write(tmp_path, "a,b\na,b\n")) == (Term(source="a", target="b"),)


def test_other_codings_folders_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="line 2: not UTF-8"):
        read_glossary(write(tmp_path, "a,b\nBoğaz,c\n", "iso8859-9"))
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(InvalidJob, match="cannot be read"):
            read_glossary(path)

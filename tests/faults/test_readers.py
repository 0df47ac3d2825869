"""Files damaged in every way: no reader raises anything but our own errors, nor takes much memory."""

from __future__ import annotations

import tracemalloc

import pytest
from file_damage import Reader, outcome
from file_readers import READERS

CASES = 60
"""For each reader; benchmarks/fuzz.py reads as many as one likes."""
MOST_MEMORY = 200e6


@pytest.fixture(params=READERS.values(), ids=READERS)
def reader(request: pytest.FixtureRequest) -> Reader:
    known: Reader = request.param
    known.try_once()
    return known


def test_damaged_files_are_refused_as_such(reader: Reader) -> None:
    faults = {number: told for number in range(CASES) if (told := outcome(reader, reader.damaged(number)))}
    assert not faults


def test_the_largest_of_them_stays_small_in_memory(reader: Reader) -> None:
    largest = max((reader.damaged(number) for number in range(CASES)), key=len)
    tracemalloc.start()
    try:
        outcome(reader, largest * max(1, 100_000 // (len(largest) + 1)))
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def test_a_case_is_the_same_every_time(reader: Reader) -> None:
    assert [reader.damaged(n) for n in range(5)] == [reader.damaged(n) for n in range(5)]
    assert len({reader.damaged(n) for n in range(20)}) > 10

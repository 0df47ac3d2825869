"""Texts that repeat themselves: how well they pack, and where the same words come over and over."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

LONGEST_LOOP = 16
"""Loops of up to this many words are looked for."""


def compression_ratio(text: str) -> float:
    """Length of a text's UTF-8 over its length when zlib has packed it; high for repetitions.

    As Whisper measures it; above 2.4 it takes a decoding for failed. 0 for an empty text.
    """
    data = text.encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data))


def loops(tokens: Sequence[str], believed: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Where `size` words are said over and over: (first, last + 1, size), shortest loops first.

    `believed` copies are no loop yet, for loops of one word, of two, and of more. Empty tokens loop nowhere.
    """
    found = []
    for size in range(1, LONGEST_LOOP + 1):
        run = 0  # words in a row that equal the one a loop's length before
        for index in range(size, len(tokens) + 1):
            if index < len(tokens) and tokens[index] and tokens[index] == tokens[index - size]:
                run += 1
                continue
            if run // size + 1 > believed[min(size, 3) - 1]:
                found.append((index - run - size, index, size))
            run = 0
    return found

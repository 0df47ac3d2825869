"""Numbers of segments, or of other things, as a person writes them."""

from __future__ import annotations

import re

from dubline.errors import InvalidJob


def ranges_of(text: str, what: str = "segment") -> tuple[tuple[int, int], ...]:
    """ "17,23-40" -> ((17, 17), (23, 40)). `what` they are numbers of.

    Raises:
        InvalidJob: it is no such list, or a range that ends before it begins.
    """
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        hint = "Give them like this: 17,23-40."
        if match is None:
            raise InvalidJob(f"{part.strip()!r} is not a {what} number", hint=hint)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise InvalidJob(f"{part.strip()} ends before it begins", hint=hint)
        ranges.append((first, last))
    return tuple(ranges)


def ids_of(text: str, what: str = "segment") -> tuple[int, ...]:
    """ "17,23-40" -> (17, 23, 24, ... 40).

    Raises:
        InvalidJob: as `ranges_of`.
    """
    return tuple(dict.fromkeys(n for first, last in ranges_of(text, what) for n in range(first, last + 1)))

"""Numbers of segments as a person writes them."""

from __future__ import annotations

from dubline.errors import InvalidJob


def ids_of(text: str) -> tuple[int, ...]:
    """ "17,23-40" -> (17, 23, 24, ... 40).

    Raises:
        InvalidJob: it is no such list, or a range that ends before it begins.
    """
    ids: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = (x.strip() for x in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InvalidJob(f"{part.strip()!r} is no segment number", hint="Give them like this: 17,23-40.")
        if dash and int(last) < int(first):
            raise InvalidJob(f"{part.strip()} ends before it begins", hint="Give them like this: 17,23-40.")
        ids.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    return tuple(ids)

"""Words that stand in for what a translator must leave as it is: placeholders, tags, and what else is told.

shield("Hello {name}")               "Hello Qzx0x", ("{name}",)
unshield("Olá Qzx0x", ("{name}",))   "Olá {name}"
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dubline.language.line_marks import PLACEHOLDERS, TAGS

_STAND_IN = "Qzx"  # no dictionary has it, and so it passes as an unknown word


def shield(text: str, also: str = "") -> tuple[str, tuple[str, ...]]:
    """Placeholders, tags and what the expression `also` finds replaced by stand-ins, and what they were."""
    kept = re.compile("|".join(filter(None, (TAGS.pattern, PLACEHOLDERS.pattern, also))))
    if _STAND_IN.lower() in text.lower():
        return text, ()
    found = tuple(match[0] for match in kept.finditer(text))
    count = iter(range(len(found)))
    return kept.sub(lambda match: f"{_STAND_IN}{next(count)}x", text), found


def unshield(text: str, found: Sequence[str]) -> str:
    """What was shielded put back; a stand-in that got lost stays lost."""
    for number, was in enumerate(found):
        text = re.sub(f"{_STAND_IN}{number}x", lambda match, was=was: was, text, flags=re.IGNORECASE)  # type: ignore[misc]
    return text


def intact(text: str, found: Sequence[str]) -> bool:
    """Whether every stand-in came through a translation once."""
    names = (f"{_STAND_IN}{number}x".lower() for number in range(len(found)))
    return all(text.lower().count(name) == 1 for name in names)


def between(text: str, found: Sequence[str]) -> list[str]:
    """The pieces of a shielded text: before the first stand-in, after each."""
    return re.split(rf"{_STAND_IN}\d+x", text) if found else [text]

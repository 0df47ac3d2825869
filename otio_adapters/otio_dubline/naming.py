"""File names made of texts that people wrote: titles, speakers, languages."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 80
"""Characters. Systems stop at 255 bytes, and a name gets a language and a suffix behind it."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}


def file_name(text: str, instead: str = "timeline") -> str:
    """A text as a file name that every system takes; letters of any script stay.

    `instead` is used where nothing is left.
    """
    # A lone surrogate, or half of a character, is no text that a file system of another machine would take.
    clean = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8"))
    clean = _FORBIDDEN.sub("_", clean)[:LONGEST].strip(" .")
    if clean.partition(".")[0].lower() in _DEVICES:
        clean = f"_{clean}"
    return (clean.strip("_ .") and clean) or instead


def unique(name: str, taken: set[str]) -> str:
    """The name, or with a number before its suffix where it is taken; case does not count. Takes it."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if dot and stem else (name, "")
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{stem} ({number}){suffix}"
    taken.add(candidate.lower())
    return candidate

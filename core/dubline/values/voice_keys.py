"""The key of a voice that is a service: it is written nowhere. `keys_apart` cuts it out of what is kept, and
`key_of` finds it for as long as this process lives.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from dubline.errors import InvalidJob

VOICE_KEY = "DUBLINE_VOICE_KEY"
PLACE = "{key}"
"""What stands for the key where it was cut out, or was never written."""

_SECRET = (
    r"(?:[\w.-]*[._-])?(?:api|access|auth|client|subscription|session|bearer|user)*"
    r"(?:key|token|secret|passw(?:or)?d|pwd|auth|authorization|sig|signature|credentials?)"
)
_PARAMETER = re.compile(rf"(?i)((?:[?&;#]|^--?){_SECRET}=)([^&;#\s\"']+)")
_HEADER = re.compile(rf"(?i)(\bbearer\s+|^\s*{_SECRET}\s*:\s*(?:bearer\s+)?)([^\s\"']+)")
_OPTION = re.compile(rf"(?i)--?{_SECRET}")  # its key is the next word

_given: dict[str, str] = {}  # the keys that were cut out, by what was left


def keys_apart(options: dict[str, Any]) -> dict[str, Any]:
    """A back end's options, with `{key}` in place of a key in its address or command.

    Raises:
        InvalidJob: there are several.
    """
    found: set[str] = set()

    def cut(match: re.Match[str]) -> str:
        if match[2].startswith("{"):
            return match[0]
        found.add(unquote(match[2]))
        return match[1] + PLACE

    def cut_whole(word: str) -> str:
        return re.sub(r"()(.+)", cut, word, count=1, flags=re.S)

    def clean(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [
                cut_whole(item) if before is not None and _OPTION.fullmatch(before) else clean(item)
                for before, item in zip((None, *value), value, strict=False)
            ]
        return _HEADER.sub(cut, _PARAMETER.sub(cut, value)) if isinstance(value, str) else value

    cleaned = {name: clean(options[name]) for name in ("address", "command") if options.get(name)}
    if len(found) > 1:
        raise InvalidJob(
            "the voice's address or command holds several keys",
            hint=f"Write {PLACE} for one, which is taken from {VOICE_KEY}, and keep the others elsewhere.",
        )
    for key in found:
        _given[_template(cleaned)] = key
    return {**options, **cleaned} if found else options


def key_of(address: str, command: Sequence[str]) -> str:
    """The key for an address or a command: what `keys_apart` has cut out of it, else the environment's."""
    template = _template({"address": address, "command": command})
    return _given.get(template, "") or os.environ.get(VOICE_KEY, "")


def _template(options: dict[str, Any]) -> str:
    return "\0".join([options.get("address") or "", *(options.get("command") or ())])

"""The part of a report that says what a run was made with: back ends, models, licences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dubline.exchange.report_words import GIVEN
from dubline.values.base import ModelIdentity
from dubline.values.transcript import Engine

_CHECKSUM = re.compile(r"\b[0-9a-f]{40,}\b")


class Used(NamedTuple):
    """Who did a part of the work: the part in words, the back end, and the weights."""

    part: str
    engine: Engine


def safe(text: object) -> str:
    """A text as data. What no reader can show (a lone surrogate, NUL) is shown as such."""
    plain = str(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return escape(plain, quote=True)


def used_html(all_used: Sequence[Used]) -> Iterator[str]:
    """The table of what was used; nothing where nothing was."""
    if not all_used:
        return
    heads = "".join(f"<th>{head}</th>" for head in ("For", "Back end", "Models and their licences"))
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for used in all_used:
        choice = used.engine.choice
        model = choice.options.get("model")
        named = GIVEN.get(choice.backend, choice.backend)
        named = f"{named}, {model}" if model else named
        known = ", ".join(_CHECKSUM.sub(lambda sum: f"{sum[0][:12]}...", text) for text in choice.identity)
        versions = f'<br><span class="soft">{safe(known)}</span>' if known else ""
        models = "<br>".join(map(_model, used.engine.models)) or "none of its own"
        yield (
            f"<tr><td>{safe(used.part)}</td><td>{safe(_short(named))}{versions}</td>"
            f'<td data-is="Models">{models}</td></tr>'
        )
    yield "</tbody></table>"


def _model(model: ModelIdentity) -> str:
    licence = model.licence or "licence not stated: ask where you got the files before you publish"
    origin = f', <span class="soft">{safe(model.origin)}</span>' if model.origin else ""
    return f"{safe(model.name)}{origin}: {safe(licence)}"


def _short(named: str) -> str:
    """A model that is a path by its last part."""
    head, comma, model = named.partition(", ")
    return f"{head}{comma}{PurePosixPath(Path(model).as_posix()).name}" if "/" in model else named

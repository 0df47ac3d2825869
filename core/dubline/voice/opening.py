"""Opening the back end that speaks."""

from __future__ import annotations

from typing import Any

from dubline.backends.choosing import find, options_of
from dubline.errors import InvalidJob
from dubline.values.base import Choice


def opened(choice: Choice, language: str) -> Any:
    """The chosen back end for a language, as a context: its model is loaded inside.

    Raises:
        BackendMissing, WeightsError: it cannot be used.
        InvalidJob: one of its options is wrong; the message names the back end.
    """
    backend = find("voice", choice.backend)
    try:
        return backend(options_of(backend, {"language": language, **choice.options}))
    except InvalidJob as error:
        raise InvalidJob(f"{choice.backend}: {error.message}", hint=error.hint) from None

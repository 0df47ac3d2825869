"""What Dubline refuses, as OTIO's own tools tell it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentimelineio.exceptions import OTIOError

from dubline.errors import DublineError


@contextmanager
def otio_errors() -> Iterator[None]:
    """A refusal becomes an OTIOError, with what is wrong and what to do about it."""
    try:
        yield
    except DublineError as error:
        raise OTIOError(f"{error.message}. {error.hint}".strip()) from error

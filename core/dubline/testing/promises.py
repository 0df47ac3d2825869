"""What a promise is, how it is found to be broken, and those that back ends of every kind make."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dubline.backends.backend import Backend
from dubline.backends.choosing import options_of
from dubline.errors import Cancelled, InvalidJob
from dubline.values.base import ModelIdentity


class Subject(NamedTuple):
    """A back end on trial: its class, the options that load it, and itself, loaded.

    `folder` is for files. `sample` is what it is tried with: for listeners (n,) samples of speech at 16 kHz,
    for translators sentences in the source language, for voices two lines; separators need none.
    """

    cls: Any
    options: dict[str, Any]
    opened: Any
    folder: Path
    sample: Any = None


Promises = Mapping[str, Callable[[Subject], None]]


def hold(kept: bool, found: str) -> None:
    """Raise AssertionError with what was found unless the promise is kept."""
    if not kept:
        raise AssertionError(found)


@contextmanager
def refusal(of: str, *, word: str = "") -> Iterator[None]:
    """What runs inside must raise `InvalidJob` with a hint, and that word in its message."""
    try:
        yield
    except InvalidJob as error:
        hold(bool(error.hint), f"{of} is refused without a hint: {error.message}")
        hold(word in error.message, f"{of} is refused in words that do not name it: {error.message}")
    else:
        raise AssertionError(f"{of} is not refused")


@contextmanager
def cancellation() -> Iterator[None]:
    """What runs inside must end by raising `Cancelled`."""
    try:
        yield
    except Cancelled:
        return
    raise AssertionError("it went on to the end although it was told to stop")


def keep(promises: Promises, name: str, subject: Subject) -> None:
    """Try one promise, in a folder of its own.

    Raises:
        AssertionError: it is broken; the text begins with the back end's and the promise's name.
    """
    with tempfile.TemporaryDirectory(prefix="dubline-promise-") as folder:
        try:
            promises[name](subject._replace(folder=Path(folder)))
        except Exception as error:
            what = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(f"{subject.cls.__name__}: {name}: {what}") from error


def check(promises: Promises, cls: Any, options: Mapping[str, Any] | None, sample: Any = None) -> None:
    """Load a back end and try every promise.

    Raises:
        AssertionError: one is broken.
    """
    given = dict(options or {})
    with cls(options_of(cls, given)) as opened:
        subject = Subject(cls, given, opened, Path(), sample)
        for name in promises:
            keep(promises, name, subject)


def _class_tells(subject: Subject) -> None:
    cls = subject.cls
    hold(issubclass(cls, Backend), "it is no subclass of dubline.backends.backend.Backend")
    for content in ("", "dialogue", "music", "cinematic", "film"):
        rank = cls.rank(content)
        hold(rank is None or isinstance(rank, int), f"its rank for {content!r} is {rank!r}")
    hold(cls.missing() == (), f"it was loaded, and says that it lacks {cls.missing()}")
    hold(isinstance(cls.remedy(), str), "its remedy is no text")
    told = cls.trial_options()
    if told is not None:
        options_of(cls, told)


def _identity(subject: Subject) -> None:
    options = options_of(subject.cls, subject.options)
    first = subject.cls.identity(options)
    hold(isinstance(first, tuple) and all(isinstance(part, str) for part in first), f"it is {first!r}")
    hold(subject.cls.identity(options) == first, "it is another when asked again")


def _unknown_option(subject: Subject) -> None:
    with refusal("an option that no back end has", word="no_such_option"):
        options_of(subject.cls, {**subject.options, "no_such_option": 1})


def _opened_tells(subject: Subject) -> None:
    notes = subject.opened.notes
    hold(
        isinstance(notes, tuple) and all(isinstance(n, str) and n for n in notes), f"its notes are {notes!r}"
    )
    for identity in subject.opened.identities:
        hold(isinstance(identity, ModelIdentity) and bool(identity.name), f"{identity!r} names no model")
        sums = identity.sha256
        hold(
            len(sums) == len(identity.files),
            f"{identity.name} has {len(identity.files)} files, {len(sums)} sums",
        )
        hold(all(len(digest) == 64 for digest in sums), f"{identity.name}: a SHA-256 has 64 digits")


GENERAL: Promises = {
    "its class says what it is": _class_tells,
    "its identity is the same each time": _identity,
    "it refuses options that it does not know": _unknown_option,
    "it says which weights it has and what was chosen": _opened_tells,
}

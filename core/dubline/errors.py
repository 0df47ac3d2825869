"""Everything Dubline raises on purpose.

    DublineError
     |- InvalidJob                 what was asked cannot be done as asked (also a ValueError)
     |- AudioProcessingError       sound could not be read, taken apart or written
     |   |- FFmpegError            decoding or probing failed
     |   |- DemucsError            the Demucs model failed
     |   `- ValidationError        the sound itself is not usable (also a ValueError)
     |- WeightsError               model files: missing, damaged, refused as unsafe
     |   `- NotSetUp               several things that a job needs are not here
     |- BackendMissing             a named back end is not installed
     |- BackendFailed              a back end broke while working
     |- StorageFull                the disk is full (also an OSError)
     `- Cancelled                  the user stopped the work

Each carries a `code` for programs, a `hint` that says what to do next, an `exit_status` for the
command line, and survives pickling to another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar


class DublineError(Exception):
    """Base of the tree. `message` says what happened, `hint` what the user can do about it."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", stage: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stage = stage
        self.kind = ""  # of the back end that is not here, where it is about one

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.stage)

    def to_dict(self) -> dict[str, str]:
        """The error as a flat mapping, as `serve` and the manifest write it."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "stage": self.stage}


def _rebuild(kind: type[DublineError], message: str, hint: str, stage: str) -> DublineError:
    return kind(message, hint=hint, stage=stage)


class InvalidJob(DublineError, ValueError):
    """A setting or an argument is wrong or contradicts another."""

    code = "invalid_job"
    exit_status = 2


class AudioProcessingError(DublineError):
    """Sound could not be read, taken apart or written."""

    code = "audio_processing"


class FFmpegError(AudioProcessingError):
    """FFmpeg's libraries could not open or decode the file."""

    code = "ffmpeg"


class DemucsError(AudioProcessingError):
    """A Demucs model failed while separating."""

    code = "demucs"


class ValidationError(AudioProcessingError, ValueError):
    """The sound is not usable: empty, not numbers, an impossible rate."""

    code = "validation"
    exit_status = 2


class WeightsError(DublineError):
    """Model files are missing, damaged, or hold something that must not be loaded."""

    code = "weights"


class NotSetUp(WeightsError):
    """Back ends and models that a job needs are not here. `errors` tells each, by its kind."""

    code = "not_set_up"
    exit_status = 3
    errors: tuple[DublineError, ...] = ()


class BackendMissing(DublineError):
    """A back end named by the user is not installed. It is never replaced by another."""

    code = "backend_missing"
    exit_status = 3


class BackendFailed(DublineError):
    """A back end broke while working."""

    code = "backend_failed"


class StorageFull(DublineError, OSError):
    """The disk is full, or a file would be larger than it may be."""

    code = "storage_full"


class Cancelled(DublineError):
    """The user stopped the work. What was finished stays; nothing half-written is left."""

    code = "cancelled"
    exit_status = 130


class Lacking:
    """Collects what is not here, so that a person is told all of it at once.

        lacking = Lacking()
        with lacking("voice"): ...
        lacking.tell()      raises what there was

    `errors` are those caught, in order, each with its `kind`: its own, else the one named.
    """

    def __init__(self) -> None:
        self.errors: list[DublineError] = []

    @contextmanager
    def __call__(self, kind: str = "") -> Iterator[None]:
        try:
            yield
        except (BackendMissing, WeightsError) as error:
            error.kind = error.kind or kind
            self.errors.extend(error.errors if isinstance(error, NotSetUp) else (error,))

    def tell(self) -> None:
        """Raise the one error, or all as one.

        Raises:
            BackendMissing, WeightsError: it was the only one.
            NotSetUp: there were several.
        """
        if len(self.errors) > 1:
            lines = [f"{error.message}. {error.hint}".rstrip() for error in self.errors]
            several = NotSetUp("\n  ".join(["this needs what is not here:", *lines]))
            several.errors = tuple(self.errors)
            raise several
        for error in self.errors:
            raise error


def first_line(error: BaseException) -> str:
    """What a foreign library's error says, on one short line; the error's kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def imported(module: str, need: str, hint: str) -> Any:
    """A library that is asked for when it is used; `need` says what for, such as "a dub needs Pedalboard".

    Raises:
        BackendMissing: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise BackendMissing(f"{need}, which is not installed", hint=hint) from None

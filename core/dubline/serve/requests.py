"""What a host may ask for, each kind as a strict value."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias, get_args

import msgspec

from dubline.errors import InvalidJob
from dubline.values.base import Value, complaint
from dubline.values.resolve import ResolveTimeline, Want
from dubline.values.wishes import LocalizeJob

Id: TypeAlias = int | str


class Localize(Value, frozen=True, tag_field="op", tag="localize"):
    """Do a job in a run folder."""

    id: Id
    job: LocalizeJob
    folder: str


class Backends(Value, frozen=True, tag_field="op", tag="backends"):
    """List the back ends."""

    id: Id


class MakePlan(Value, frozen=True, tag_field="op", tag="plan"):
    """Say what of a run goes where on a timeline."""

    id: Id
    folder: str
    timeline: ResolveTimeline
    want: Want = Want()


class HostCue(Value, frozen=True):
    """A subtitle as it stands in the host now; seconds from the start of the timeline."""

    start: float
    end: float
    text: str
    name: str = ""


class Subtitles(Value, frozen=True, tag_field="op", tag="subtitles"):
    """Take subtitles that were edited in the host back into a run."""

    id: Id
    folder: str
    language: str
    cues: tuple[HostCue, ...]
    dry_run: bool = False


Request: TypeAlias = Localize | Backends | MakePlan | Subtitles

OPS: dict[str, type[Request]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Request)}


def id_of(message: dict[str, Any]) -> Id | None:
    """The id of a message, where it has a usable one."""
    found = message.get("id")
    if isinstance(found, bool) or not isinstance(found, int | str):
        return None
    return found


def read_request(message: dict[str, Any]) -> Request:
    """A message -> what is asked.

    Raises:
        InvalidJob: an unknown op, a missing or unknown field, a wrong type, or a folder that is not absolute.
    """
    op = message.get("op")
    if not isinstance(op, str) or op not in OPS:
        raise InvalidJob(
            f"there is no op {str(op)[:40]!r}",
            hint=f"There are {', '.join(OPS)} and cancel. The plug-in may be newer than the engine: "
            "update both.",
        )
    try:
        request = msgspec.convert(message, OPS[op])
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidJob):
            raise error.__cause__ from None
        raise InvalidJob(
            f"{op}: {complaint(error)}",
            hint="The plug-in and the engine may be of different versions: update both.",
        ) from None
    if not isinstance(request, Backends) and not Path(request.folder).is_absolute():
        raise InvalidJob(
            f"the folder {request.folder!r} is not absolute", hint="Give the run folder's whole path."
        )
    return request

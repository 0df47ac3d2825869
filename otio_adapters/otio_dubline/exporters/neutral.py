"""The neutral timeline itself, as an .otio file; for old readers in an older family of schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.reading import require_media

TITLE = "OpenTimelineIO (.otio): every program that reads it"
WHOLE_FRAMES = True
TARGET_FEATURES = {
    "start timecode": "part: labels always read as non-drop, OTIO has no sign for drop frame",
    "levels": "part: in metadata, which no other program applies",
    "subtitles": "part: as tracks of kind Subtitle, which few programs show",
}


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.otio.

    Raises:
        InvalidJob: media are missing; there is no schema family `options.schema`.
    """
    require_media(timeline)
    name = f"{file_name(timeline.name)}.otio"
    otio.adapters.write_to_file(
        timeline, str(folder / name), "otio_json", target_schema_versions=schema_versions(options.schema)
    )
    return Written(files=(name,))


def schema_versions(label: str) -> dict[str, int] | None:
    """The schemas' versions in the family "0.14.0" and so on, for OTIO's writer; None for "" (the newest).

    Raises:
        InvalidJob: OTIO has no family of that name.
    """
    if not label:
        return None
    families: Any = otio.versioning.full_map()
    core = families["OTIO_CORE"]  # held here: a view of it ends with its parent
    if label not in core:
        known = ", ".join(sorted(core, key=lambda text: [int(part) for part in text.split(".")]))
        raise InvalidJob(f"OTIO has no schema family {label!r}", hint=f"Use one of {known}.")
    versions: dict[str, int] = dict(otio.versioning.fetch_map("OTIO_CORE", label))
    return versions

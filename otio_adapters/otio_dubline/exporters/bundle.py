"""The timeline with its media in one .otioz file: a zip of `content.otio` and `media/`.

OTIO's own writer of bundles refuses two media of one name, such as a user's vocals.wav beside the stem
vocals.wav; here the second gets a number. What is written is what its reader expects (version 1.0.0 of the
format, in OTIO's documentation "File Bundles").
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import opentimelineio as otio

from dubline.files import file_name, unique
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.exporters.neutral import TARGET_FEATURES, WHOLE_FRAMES, schema_versions
from otio_dubline.reading import external_references, media_file, require_media

__all__ = ["COPIES", "TARGET_FEATURES", "TITLE", "WHOLE_FRAMES", "export"]

TITLE = "OpenTimelineIO with its media in one file (.otioz)"
VERSION = "1.0.0"
COPIES = "media"


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.otioz with the picture and all sounds in it, uncompressed.

    Raises:
        InvalidJob: media are missing; there is no schema family `options.schema`.
        OSError: the disk is full.
    """
    versions = schema_versions(options.schema)
    require_media(timeline)
    media: dict[Path, str] = {}
    taken: set[str] = set()
    for reference in external_references(timeline):
        path = media_file(reference.target_url)
        if path not in media:
            media[path] = f"media/{unique(path.name, taken)}"
        reference.target_url = otio.url_utils.url_from_filepath(media[path])
    name = f"{file_name(timeline.name)}.otioz"
    with zipfile.ZipFile(folder / name, "w", allowZip64=True) as bundle:
        bundle.writestr("version.txt", VERSION, zipfile.ZIP_DEFLATED)
        text = otio.adapters.write_to_string(timeline, "otio_json", target_schema_versions=versions)
        bundle.writestr("content.otio", text, zipfile.ZIP_DEFLATED)
        for path, inside in media.items():
            # A date before 1980 (a file system without clocks) cannot stand in a zip.
            about = zipfile.ZipInfo.from_file(path, inside, strict_timestamps=False)
            with path.open("rb") as source, bundle.open(about, "w", force_zip64=True) as target:
                while block := source.read(1 << 20):
                    target.write(block)
    size = (folder / name).stat().st_size
    return Written(files=(name,), notes=(f"The media are in it: {size / 2**20:.1f} MB.",))

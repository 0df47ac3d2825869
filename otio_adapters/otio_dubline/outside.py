"""What a timeline from elsewhere may take along: media of its own folder and run, and nothing but media.

An .otio file can name any file of this machine. A target that only points to it tells no secret; one that
copies it would hand out a key or a password file that somebody else's timeline asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opentimelineio as otio

from dubline.errors import DublineError, InvalidJob
from dubline.values.layout import Layout
from otio_dubline.exporters.media_files import sound_head
from otio_dubline.exporters.takes import is_takes
from otio_dubline.reading import external_references, facts_of, media_file

_BY_NAME = {
    *("tty", "bin", "xbin", "adf", "idf", "rawvideo", "s8", "u8", "s16le", "u16le", "s16be", "alaw", "mulaw"),
    *("g722", "g726", "g726le", "g729", "sln", "data", "codec2raw", "ffmetadata"),
}
"""FFmpeg's formats that take any content for theirs, by the file's name."""


def places_of(timeline: otio.schema.Timeline, path: Path) -> tuple[str, ...]:
    """Where the media of an .otio file at `path` may come from: its folder, and where it lies in a run, the
    run and its film. A run that lies elsewhere is taken off the timeline: its files are not gathered."""
    from dubline.media.film_place import file_of, original_in

    folder = path.resolve().parent
    places = [str(folder)]
    run = next((above for above in (folder, *folder.parents) if Layout(above).is_run), None)
    if run is not None:
        places.append(str(run))
        film = file_of(original_in(run))
        if film is not None:
            places.append(str(Path(film.path).resolve()))
    told = facts_of(timeline).get("run")
    if told and (run is None or Path(str(told)).resolve() != run):
        facts = facts_of(timeline)
        del facts["run"]
        timeline.metadata["dubline"] = facts
    return tuple(places)


def refuse_outside(timeline: otio.schema.Timeline, module: Any, places: tuple[str, ...]) -> None:
    """Refuse to copy files that lie outside all `places`, links resolved, and files that are no media.

    Raises:
        InvalidJob: there are such files; they are listed.
    """
    roots = {Path(place) for place in places}
    paths = list(dict.fromkeys(_copied(timeline, module)))
    outside = [p for p in paths if not roots & {p.resolve(), *p.resolve().parents}]
    if outside:
        raise InvalidJob(
            f"this timeline asks for copies of files outside its folder: {_listed(outside)}",
            hint="If you trust it, and want those files to be in what is written, add --allow-outside.",
        )
    strange = [path for path in paths if path.is_file() and not is_media(path)]
    if strange:
        raise InvalidJob(
            f"this timeline calls files media that are none: {_listed(strange)}",
            hint="Only sound and pictures are copied. Take those clips off the timeline.",
        )


def _copied(timeline: otio.schema.Timeline, module: Any) -> Iterator[Path]:
    """The files that a target makes copies of."""
    kind = getattr(module, "COPIES", "")
    for reference in external_references(timeline) if kind == "media" else ():
        yield media_file(reference.target_url)
    for track in timeline.tracks:
        sound = isinstance(track, otio.schema.Track) and track.kind == otio.schema.TrackKind.Audio
        framed = getattr(module, "WHOLE_FRAMES", False) and is_takes(track)
        for clip in track.find_clips() if sound and (kind == "sound" or framed) else ():
            if isinstance(clip.media_reference, otio.schema.ExternalReference):
                yield media_file(clip.media_reference.target_url)


def is_media(path: Path) -> bool:
    """Whether a file is sound or picture by its content: something of it can be decoded."""
    import av

    from dubline.media.containers import open_container

    if sound_head(path) is not None:
        return True
    try:
        with open_container(path) as container:
            if _BY_NAME & set(container.format.name.split(",")):
                return False
            streams = [*container.streams.video, *container.streams.audio]
            return bool(streams) and next(iter(container.decode(streams[0])), None) is not None
    except (DublineError, av.FFmpegError, OSError, ValueError):
        return False


def _listed(paths: list[Path]) -> str:
    names = [f"{path} (a link to {path.resolve()})" if path.is_symlink() else str(path) for path in paths[:5]]
    return ", ".join(names) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")

"""A run's sounds under the name of the film, which editing programs show; "final.wav" does not tell
which film it is of."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from dubline.files import file_name, link
from otio_dubline.exporters.takes import is_takes
from otio_dubline.reading import facts_of, media_file

FOLDER = "sounds"


def sound_name(film: str, track: str, suffix: str) -> str:
    """ "Episode 1", "dub es", ".wav" -> "Episode 1 - dub es.wav", which every system takes."""
    return f"{file_name(film)} - {file_name(track)}{suffix}"


def under_the_films_name(timeline: otio.schema.Timeline, folder: Path) -> otio.schema.Timeline:
    """A copy in which the sounds that the run has made are files of `folder`; the same timeline where it has
    none. They are hard links, copies where the disk has none; takes, and what is the user's own, stay.

    Raises:
        OSError: a file cannot be written.
    """
    run = facts_of(timeline).get("run")
    if not run:
        return timeline
    made = timeline.deepcopy()
    for track in made.tracks:
        if track.kind != otio.schema.TrackKind.Audio or is_takes(track):
            continue
        for clip in track.find_clips():
            reference = clip.media_reference
            if not isinstance(reference, otio.schema.ExternalReference):
                continue
            path = media_file(reference.target_url)
            if Path(run).absolute() not in path.parents or not path.is_file():
                continue
            target = folder.absolute() / sound_name(made.name, track.name, path.suffix)
            if not (target.exists() and target.samefile(path)):
                target.parent.mkdir(parents=True, exist_ok=True)
                link(path, target)
            reference.target_url, clip.name = target.as_uri(), target.name
    return made

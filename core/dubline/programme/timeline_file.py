"""timeline.otio on top of a run: its picture, sounds, subtitles and marks, for programs that read OTIO."""

from __future__ import annotations

from pathlib import Path

from dubline.files import full_disk_is_told, write_whole
from dubline.media.film_place import ORIGINAL
from dubline.programme.publications import published
from dubline.programme.reading import read_programme
from dubline.programme.subtitle_files import publish_subtitles
from dubline.run import standing
from dubline.values.layout import Layout
from dubline.values.media import Original


def keep_timeline(root: Path) -> Path:
    """The run's timeline as it stands, at the rate of its picture or of the timeline that it was made for.
    Takes are left out: they need copies that lie on whole frames, which `dubline export` makes.

    Raises:
        InvalidJob: as `read_programme`.
        StorageFull: the disk is full.
    """
    (place,) = published(root, "timeline", lambda: [_written(root)])
    return place


def _written(root: Path) -> Path:
    import opentimelineio as otio

    from otio_dubline.build import build
    from otio_dubline.exporters import without_takes

    original = standing(root, ORIGINAL, Original)
    bare = original is not None and (original.media is None or original.media.video is None)
    rate = original.rate if original is not None and bare else ""
    timeline = without_takes(build(read_programme(root, rate=rate)))
    place = Layout(root).timeline
    with full_disk_is_told(root):
        write_whole(place, otio.adapters.write_to_string(timeline, "otio_json").encode())
    return place


def bring_timeline_up_to_date(root: Path) -> None:
    """Write the run's subtitles, and its timeline where it has one, again, so that they show what the run has
    now; the sounds that exported timelines point to are what they are now, too.

    Raises:
        As `keep_timeline`.
    """
    here = Layout(root)
    if here.transcript.is_file() or here.translations():
        publish_subtitles(root)
    if here.timeline.is_file():
        keep_timeline(root)
    if here.sounds.is_dir():
        from otio_dubline.build import build
        from otio_dubline.exporters.named_sounds import under_the_films_name

        under_the_films_name(build(read_programme(root)), here.sounds)

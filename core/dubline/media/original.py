"""The sound that a run is about: found in a file or on a timeline, and brought into the run.

    original = original_of(run, look_at(FileMedia(path="/films/e01.mov")))
    original.sound      what every stage works on

`look_at` refuses what cannot be used before anything is decoded. Nothing else looks for a medium's sound.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dubline.errors import InvalidJob
from dubline.media.extraction import extract_sound
from dubline.media.film_place import ORIGINAL, file_of, is_replaced, keep_place, known_as, original_in
from dubline.media.timeline_cut import TimelineCut, cut_timeline
from dubline.run import Run, Work, standing, step
from dubline.values.layout import Layout
from dubline.values.media import Media, Original, Sound
from dubline.values.timeline import FileMedia, Source


class Sighting(NamedTuple):
    """What was seen of a source: a sound file, a probed video and the number of its audio track, or a
    timeline's pieces; and the rate and first frame of the timeline it is for."""

    what: Sound | tuple[Media, int] | TimelineCut
    rate: str = ""
    first: int = 0

    @property
    def seconds(self) -> float:
        """How long it is, as far as that is known before it is decoded."""
        if isinstance(self.what, TimelineCut):
            return self.what.frames / self.what.rate
        return self.what[0].duration if isinstance(self.what, tuple) else self.what.duration


def look_at(source: Source, root: Path | None = None) -> Sighting:
    """Probe a source. Where no track is named, it is the one that the run in `root` has of the same file.

    Raises:
        ValidationError, FFmpegError, InvalidJob: it cannot be used; see `cut_timeline` for timelines.
    """
    from dubline.media.probing import as_sound, choose_track, probe
    from dubline.media.sound import check_readable

    if not isinstance(source, FileMedia):
        return Sighting(cut_timeline(source), str(source.fps), source.first)
    try:
        source.path.encode()
    except UnicodeEncodeError:
        raise InvalidJob(
            f"the name {source.path!r} is not valid text", hint="Rename the file or its folder."
        ) from None
    if source.offset_frames < 0:
        raise InvalidJob(
            f"the file begins {-source.offset_frames} frames before the timeline",
            hint="Render the sound from the timeline's start on, or from a later frame.",
        )
    path = Path(source.path)
    check_readable(path)
    sound = as_sound(path)
    if sound is not None and not source.track:
        sound = known_as(root, sound) if root is not None else sound
        return Sighting(sound, first=source.offset_frames)
    media, track = probe(path), source.track
    media = known_as(root, media) if root is not None else media
    before = standing(root, ORIGINAL, Original) if root is not None and not track else None
    if before is not None and before.media is not None and before.media.fingerprint == media.fingerprint:
        track = str(before.track)
    return Sighting((media, choose_track(media, track or None).index), first=source.offset_frames)


def media_of(root: Path) -> FileMedia | None:
    """The file that the run in `root` is about; None where it is about a timeline.

    Raises:
        InvalidJob: that is no run folder, or nothing has been heard in it yet.
    """
    original = original_in(root)
    if original is None:
        raise InvalidJob(
            f"{root} does not say which film it is of", hint="Give the film, and this folder as --out."
        )
    if original.media is not None:
        return FileMedia(path=original.media.path, track=str(original.track), offset_frames=original.first)
    if original.sound.fingerprint:
        return FileMedia(path=original.sound.path, offset_frames=original.first)
    return None


def look_again(root: Path) -> Sighting:
    """What was seen of the source of the run in `root`; a timeline's sound is as it was built then.

    Raises:
        ValidationError, FFmpegError, InvalidJob: it cannot be used any more.
    """
    media = media_of(root)
    if media is not None:
        return look_at(media, root)
    original = standing(root, ORIGINAL, Original)
    assert original is not None
    if not Layout(root).file(original.sound.path).is_file():
        raise InvalidJob(
            f"the sound of the timeline is not in {root} any more", hint="Begin from the timeline again."
        )
    return Sighting(original.sound, original.rate, original.first)


def original_of(run: Run, seen: Sighting) -> Original:
    """The sound to work on: as it lies there, extracted from a video, or built from a timeline's clips. From
    now on the run stands on it; where its file was replaced by another one, that is told.

    Raises:
        FFmpegError, AudioProcessingError, StorageFull, Cancelled: it cannot be decoded or written.
    """
    media, track = None, 0
    if not isinstance(seen.what, TimelineCut):
        now = seen.what[0] if isinstance(seen.what, tuple) else seen.what
        if is_replaced(run.root, now):
            run.tell(
                f"{Path(now.path).name} is not the film that this run was made of: everything is made anew"
            )
    if isinstance(seen.what, TimelineCut):
        from dubline.media.timeline_sound import timeline_sound

        sound = run.step(timeline_sound, seen.what)
    elif isinstance(seen.what, tuple):
        media, track = seen.what
        sound = run.step(extract_sound, media, track)
    else:
        sound = seen.what
    original = Original(sound=sound, media=media, track=track, rate=seen.rate, first=seen.first)
    run.step(keep_original, original, stands=ORIGINAL)
    file = file_of(original)
    if file is not None:
        keep_place(run, file)
    return original


@step("original", version=1)
def keep_original(work: Work, original: Original) -> Original:
    """Keep in the run which sound it is about, and where that lies on a timeline."""
    return original

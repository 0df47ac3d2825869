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
from dubline.media.timeline_cut import TimelineCut, cut_timeline
from dubline.run import Run, Work, standing, step
from dubline.values.media import Media, Original, Sound
from dubline.values.timeline import FileMedia, Source

ORIGINAL = "original"
"""What a run calls the original that it stands on."""


class Sighting(NamedTuple):
    """What was seen of a source: a sound file, a probed video and the number of its audio track, or a
    timeline's pieces; and the rate and first frame of the timeline it is for."""

    what: Sound | tuple[Media, int] | TimelineCut
    rate: str = ""
    first: int = 0


def media_and_run(path: Path, out: Path | None = None, track: str | None = None) -> tuple[Source, Path]:
    """What a person points to, and its run folder: a film or a sound has its run beside it, and a run knows
    its film.

    Raises:
        ValidationError: missing, empty, or not readable.
        InvalidJob: a run that does not know its film, or a name that is not text.
    """
    from dubline.media.sound import check_readable

    if path.is_dir() and (path / "run.json").exists():
        original = standing(path, ORIGINAL, Original)
        source = (
            original.media.path if original and original.media else original.sound.path if original else ""
        )
        if not source or not Path(source).is_absolute():
            raise InvalidJob(
                f"{path} does not know the film that it is of", hint="Give the film itself, with --out."
            )
        path, out = Path(source), out or path
    check_readable(path)
    path = path.absolute()
    return FileMedia(path=path.as_posix(), track=track or ""), out or path.with_name(
        f"{path.stem or path.name}.dubline"
    )


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
        return Sighting(sound, first=source.offset_frames)
    media, track = probe(path), source.track
    before = standing(root, ORIGINAL, Original) if root is not None and not track else None
    if before is not None and before.media is not None and before.media.fingerprint == media.fingerprint:
        track = str(before.track)
    return Sighting((media, choose_track(media, track or None).index), first=source.offset_frames)


def original_of(run: Run, seen: Sighting) -> Original:
    """The sound to work on: as it lies there, extracted from a video, or built from a timeline's clips. From
    now on the run stands on it.

    Raises:
        FFmpegError, AudioProcessingError, StorageFull, Cancelled: it cannot be decoded or written.
    """
    media, track = None, 0
    if isinstance(seen.what, TimelineCut):
        from dubline.media.timeline_sound import timeline_sound

        sound = run.step(timeline_sound, seen.what)
    elif isinstance(seen.what, tuple):
        media, track = seen.what
        sound = run.step(extract_sound, media, track)
    else:
        sound = seen.what
    original = Original(sound=sound, media=media, track=track, rate=seen.rate, first=seen.first)
    return run.step(keep_original, original, stands=ORIGINAL)


@step("original", version=1)
def keep_original(work: Work, original: Original) -> Original:
    """Keep in the run which sound it is about, and where that lies on a timeline."""
    return original

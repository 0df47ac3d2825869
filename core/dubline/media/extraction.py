"""The first step of a run that begins with a video: its sound, on the picture's clock."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from dubline.run import Work, step
from dubline.values.media import Media, Sound


@step("extract", version=1)
def extract_sound(work: Work, media: Media, track: int) -> Sound:
    """Write an audio track of a video as WAV, losing nothing that was decoded.

    Sample k of the result sounds at k / rate seconds after the picture begins.

    Raises:
        FFmpegError, ValidationError, StorageFull, Cancelled.
    """
    from dubline.media.probing import choose_track, extract

    target = work.folder / "source.wav"
    sound, notes = extract(Path(media.path), choose_track(media, track), target, work.report)
    for note in notes:
        work.note(note, warn=True)
    return replace(sound, path=work.result(target.name))

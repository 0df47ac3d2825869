"""The first step of a run that begins with a video: its sound, on the picture's clock."""

from __future__ import annotations

from dubline.run import Work, step
from dubline.values.media import Media, Sound


@step("extract", version=1)
def extract_sound(work: Work, media: Media, track: int) -> Sound:
    """Write an audio track of a video as WAV, losing nothing that was decoded.

    Sample k of the result sounds at k / rate seconds after the picture begins.

    Raises:
        FFmpegError, ValidationError, StorageFull, Cancelled.
    """
    from pathlib import Path

    from dubline.media.probing import choose_track, extract

    sound, notes = extract(
        Path(media.path), choose_track(media, track), work.folder / "source.wav", work.report
    )
    for note in notes:
        work.note(note)
    return Sound(
        path=work.result("source.wav"),
        rate=sound.rate,
        channels=sound.channels,
        frames=sound.frames,
        layout=sound.layout,
    )

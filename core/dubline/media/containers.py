"""Media files opened safely, and where their clock begins.

Files are only read, and only as files: a name can never be taken for a network address or another protocol,
nor can anything written inside a file.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dubline.errors import FFmpegError
from dubline.media.sound import check_readable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Demuxers that fetch what a file names instead of reading what it holds.
_PLAYLISTS = {"hls", "dash", "concat", "sdp", "imf", "image2"}


def open_container(path: Path) -> InputContainer:
    """A media file, to be closed by the caller.

    Raises:
        ValidationError: missing, a folder, empty, or not to be read.
        FFmpegError: not a media file, or one that only points to others.
    """
    import av

    check_readable(path)
    try:
        container = av.open(
            f"file:{path.absolute()}",
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file"},
        )
    except av.FFmpegError as error:
        raise FFmpegError(
            f"{path} cannot be opened as media: {error.strerror}",
            hint="Check that it plays; if it was copied or recorded, it may not be complete.",
        ) from error
    if _PLAYLISTS & set(container.format.name.split(",")):
        container.close()
        raise FFmpegError(
            f"{path} is a list of other files ({container.format.name})", hint="Name the media file itself."
        )
    return container


def moving_pictures(container: InputContainer) -> list[VideoStream]:
    """Video streams that move: no cover art, nothing without a rate."""
    import av

    cover = av.stream.Disposition.attached_pic
    return [s for s in container.streams.video if not s.disposition & cover and guessed_rate(s)]


def guessed_rate(stream: VideoStream) -> Fraction:
    """Pictures a second as FFmpeg takes them from header and first packets; 0 where it finds none."""
    return stream.guessed_rate or stream.average_rate or Fraction(0)


def clock_zero(container: InputContainer) -> Fraction:
    """The media clock's zero on the container's own clock, in seconds."""
    for stream in moving_pictures(container)[:1]:
        if stream.start_time is not None and stream.time_base is not None:
            return stream.start_time * stream.time_base
    return Fraction(container.start_time or 0, 1_000_000)


def start_timecode(container: InputContainer) -> str:
    """The label of the first picture: of a timecode track, else of the picture, else of the container; ""."""
    streams = sorted(container.streams, key=lambda s: {"data": 0, "video": 1}.get(s.type, 2))
    for metadata in [*(s.metadata for s in streams), container.metadata]:
        for key, value in metadata.items():
            if key.lower() == "timecode" and value.strip():
                return value.strip()
    return ""

"""Media as they are probed, and the sound that stages work on."""

from __future__ import annotations

from dubline.values.base import Value


class AudioTrack(Value, frozen=True):
    """One audio stream of a media file.

    `index` counts the file's audio streams from 0. `start` is where the stream begins on the media's
    own clock, in seconds; `frames` is its length in samples where the container tells, else None.
    """

    index: int
    rate: int
    channels: int
    layout: str = ""
    codec: str = ""
    language: str = ""
    title: str = ""
    default: bool = False
    start: float = 0.0
    frames: int | None = None


class VideoTrack(Value, frozen=True):
    """The picture. `rate` is a fraction as text; `variable` tells that frames are unevenly spaced."""

    rate: str
    width: int
    height: int
    codec: str = ""
    start: float = 0.0
    frames: int | None = None
    variable: bool = False
    pixel_aspect: str = "1"


class Media(Value, frozen=True):
    """A source file as probed. `fingerprint` identifies its content (size, time, first and last MiB)."""

    path: str
    fingerprint: str
    duration: float
    audio: tuple[AudioTrack, ...]
    video: VideoTrack | None = None
    timecode: str = ""
    container: str = ""


class Sound(Value, frozen=True):
    """A sound file that soundfile reads: what a stage is given to work on.

    `fingerprint` identifies the content when the path lies outside the run; a file made by a step
    needs none, since its folder is named after everything that made it.
    """

    path: str
    rate: int
    channels: int
    frames: int
    layout: str = ""
    fingerprint: str = ""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate


class Original(Value, frozen=True):
    """The sound that a run is about, and where it came from.

    `media` and `track` (its number from 0) are the file it was extracted from, None where it lies in a sound
    file of its own or was built from a timeline's clips. On the timeline that the run was made for it begins
    with frame `first`, counted from the timeline's start; `rate` is that timeline's, "" where only a file is
    known.
    """

    sound: Sound
    media: Media | None = None
    track: int = 0
    rate: str = ""
    first: int = 0

    @property
    def frame_rate(self) -> str:
        """Frames a second of the timeline, else of the picture; "" where there is neither."""
        picture = self.media.video if self.media is not None else None
        return self.rate or (picture.rate if picture is not None else "")


class Line(Value, frozen=True):
    """A time in which somebody speaks, in seconds from the start of the sound."""

    start: float
    end: float

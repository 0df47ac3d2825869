"""What a job is given to work on: a file, or the clips of a timeline that has not been rendered."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import msgspec

from dubline.errors import InvalidJob
from dubline.timebase import Timecode, frame_rate
from dubline.values.base import Value


class FileMedia(Value, frozen=True, tag_field="kind", tag="file"):
    """A video or a sound file.

    `track`: number from 0, language or title of its audio track; "" is the default one. `offset_frames`: the
    frame of the timeline, counted from its start, with which the file begins.
    """

    path: str
    track: str = ""
    offset_frames: int = 0


class TimelineClip(Value, frozen=True):
    """A clip with sound on a timeline, played at its own speed.

    `record`: where it begins, in frames from the timeline's start; `frames`: how long it is. `source_start`:
    the place in the file that is heard first, in seconds on the file's own clock, as a fraction "num/den" (0
    is the first frame, or the first sample of a sound). `source_end` is only for checking that the clip is
    not retimed. `channels`: for each channel of the clip, (number of the audio stream, channel in it), both
    from 0, where a channel beyond the stream's own counts on in the next one; none: all channels of the
    file's default stream.
    """

    path: str
    record: int
    frames: int
    source_start: str = "0"
    source_end: str = ""
    channels: tuple[tuple[int, int], ...] = ()
    track: int = 1
    name: str = ""
    enabled: bool = True


class TimelineMedia(Value, frozen=True, tag_field="kind", tag="timeline"):
    """The sound of a timeline.

    `rate`: frames a second, as an exact fraction. `start`: the first frame's number on a clock that begins at
    midnight, and `drop` whether its timecode drops numbers. `first` and `stop` (in JSON `in` and `out`): the
    range to work on, in frames from the timeline's start, `stop` not included. `stop` None: `frames`.
    """

    rate: str
    frames: int
    clips: tuple[TimelineClip, ...]
    start: int = 0
    drop: bool = False
    first: int = msgspec.field(default=0, name="in")
    stop: int | None = msgspec.field(default=None, name="out")

    @property
    def fps(self) -> Fraction:
        """Frames a second. Raises `InvalidJob` where `rate` is none."""
        return frame_rate(self.rate)

    @property
    def end(self) -> int:
        """The first frame behind the range."""
        return self.frames if self.stop is None else self.stop

    def place(self, clip: TimelineClip) -> str:
        """The clip as a person finds it: its name, timecode and track."""
        name = clip.name or clip.path.replace("\\", "/").rpartition("/")[2] or "without a name"
        label = Timecode(self.start, self.fps, self.drop) + clip.record
        return f"the clip {name!r} at {label} on audio track {clip.track}"


Source: TypeAlias = FileMedia | TimelineMedia


def check_range(media: TimelineMedia) -> None:
    """Refuse a timeline that cannot be worked on.

    Raises:
        InvalidJob: no rate, nothing in the range, or a clip without length or before the timeline.
    """
    if not 0 <= media.first < media.end <= media.frames:
        raise InvalidJob(
            f"the range {media.first} to {media.end} is none on a timeline of {media.frames} frames",
            hint="Clear the in and out points, or set in before out.",
        )
    for clip in media.clips:
        if clip.frames < 1 or clip.record < 0:
            raise InvalidJob(
                f"{media.place(clip)} lasts {clip.frames} frames from frame {clip.record}",
                hint="Every clip lasts a frame or more and begins on the timeline.",
            )


def fraction(text: str, what: str) -> Fraction:
    """ "num/den" or a decimal number -> the exact number.

    Raises:
        InvalidJob: it is neither; `what` names the clip.
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InvalidJob(
            f"{what}: {text[:40]!r} is not a time in the file", hint='Times are fractions such as "1001/24".'
        ) from None

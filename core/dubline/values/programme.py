"""What lies on a programme's timeline, as values: sounds, takes, subtitles, marks."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from dubline.timebase import Timecode
from dubline.values.base import Value
from dubline.values.dubbed import TakeState
from dubline.values.media import Media

Role = Literal["original", "vocals", "music", "sfx", "ambient", "dub", "m_and_e"]
MarkKind = Literal[
    "too_long", "failed", "pending", "low_confidence", "doubtful", "take_too_long", "take_failed"
]
"""The first three are of the translation, the next two of the transcript, the last two of the dub."""


class SoundTrack(Value, frozen=True):
    """A sound file that lies under the whole programme; its first sample sounds with the first frame.

    `path` is absolute. `enabled`: whether it is heard. `track` is the number of the audio stream where the
    file is the video itself, counted from 0.
    """

    name: str
    role: Role
    path: str
    rate: int
    channels: int
    frames: int
    layout: str = ""
    language: str = ""
    enabled: bool = True
    level_db: float = 0.0
    track: int | None = None


class TakeClip(Value, frozen=True):
    """A spoken line: a mono sound file, `frames` samples at `rate`, that begins `start` samples into the
    programme. `path` is absolute, `id` the segment; `gain_db` its level in the mix, before that was brought
    to its loudness.
    """

    id: int
    path: str
    rate: int
    start: int
    frames: int
    gain_db: float = 0.0
    text: str = ""
    state: TakeState = "spoken"


class TakeTrack(Value, frozen=True):
    """What one speaker says in a dub, in order of start; no clip runs into the next."""

    name: str
    language: str
    speaker: str
    speaker_name: str
    clips: tuple[TakeClip, ...]
    enabled: bool = False


class SubtitleCue(Value, frozen=True):
    """One subtitle; `id` is the transcript's segment, `ids` are all where it shows several. Seconds."""

    id: int
    start: float
    end: float
    text: str
    speaker: str = ""
    source_text: str = ""
    ids: tuple[int, ...] = ()


class SubtitleTrack(Value, frozen=True):
    """The cues of one speaker (`speaker` "" : of nobody known) in one language, in order of start."""

    name: str
    language: str
    speaker: str
    speaker_name: str
    cues: tuple[SubtitleCue, ...]


class Mark(Value, frozen=True):
    """A place that a person should look at. Seconds."""

    id: int
    start: float
    end: float
    kind: MarkKind
    text: str


class Programme(Value, frozen=True):
    """A programme as a timeline needs it.

    `rate` is the picture's exact rate as text, `frames` the length in picture frames, `start` the number of
    the first frame on a clock that begins at midnight, `drop` whether its timecode drops numbers. `notes` are
    sentences for whoever opens the timeline.
    """

    name: str
    rate: str
    frames: int
    start: int = 0
    drop: bool = False
    picture: Media | None = None
    sounds: tuple[SoundTrack, ...] = ()
    takes: tuple[TakeTrack, ...] = ()
    subtitles: tuple[SubtitleTrack, ...] = ()
    marks: tuple[Mark, ...] = ()
    root: str = ""
    notes: tuple[str, ...] = ()

    @property
    def fps(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.rate)

    @property
    def timecode(self) -> Timecode:
        """The timecode of the first frame."""
        return Timecode(self.start, self.fps, self.drop)

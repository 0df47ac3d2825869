"""What the Resolve plug-in and the engine tell each other about a timeline, as values: light to load."""

from __future__ import annotations

from typing import Literal

from dubline.values.base import Value

FORMAT = "dubline.plan.1"


class ResolveTimeline(Value, frozen=True):
    """The timeline as it is in Resolve: exact rate as text, first frame's number since midnight, length."""

    rate: str
    start: int
    frames: int
    name: str = ""
    drop: bool = False


class Want(Value, frozen=True):
    """What is wanted of a run; `languages` empty: all it has. `subtitles`: a track for each speaker, one for
    all, or none. `dub`: the mix of each dub, and M&E. `takes`: the spoken lines, a track for each speaker.
    `otio`: also a timeline to import; a job too big for the scripting interface gets one anyway."""

    stems: tuple[Literal["vocals", "music", "sfx", "ambient"], ...] = ("vocals", "music", "sfx", "ambient")
    dub: bool = True
    takes: bool = False
    languages: tuple[str, ...] = ()
    subtitles: Literal["per_speaker", "mixed", "none"] = "per_speaker"
    markers: bool = True
    mute_original: bool = True
    otio: bool = False


class ClipPlan(Value, frozen=True):
    """A take on its track: its file, which begins and ends with a frame; `id` is the segment."""

    path: str
    record: int
    frames: int
    id: int


class AudioPlan(Value, frozen=True):
    """A track of its own for a sound file. `frames`: the whole frames it fills.

    Of takes there are `clips`, in order and apart, instead of one `path` (""), `record` and `frames` (0).
    """

    key: str
    name: str
    path: str
    subtype: str
    record: int
    frames: int
    colour: str
    enabled: bool = True
    clips: tuple[ClipPlan, ...] = ()


class SubtitlePlan(Value, frozen=True):
    """A subtitle track: its file, and (start frame, end frame, text, segment) of each cue in order."""

    key: str
    name: str
    language: str
    srt: str
    cues: tuple[tuple[int, int, str, int], ...]


class MarkerPlan(Value, frozen=True):
    """A marker; `key` goes into its custom data, which nobody sees."""

    frame: int
    frames: int
    colour: str
    name: str
    note: str
    key: str


class Plan(Value, frozen=True):
    """Everything to place. `mute`: which roles are to be heard no more. `notes` are for the user."""

    run: str
    timeline: ResolveTimeline
    bin: str
    format: str = FORMAT
    audio: tuple[AudioPlan, ...] = ()
    subtitles: tuple[SubtitlePlan, ...] = ()
    markers: tuple[MarkerPlan, ...] = ()
    mute: tuple[str, ...] = ()
    otio: str = ""
    notes: tuple[str, ...] = ()

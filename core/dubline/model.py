"""The values that travel between stages: frozen, strict, and readable as JSON.

Times are seconds (float), lengths of sound are samples per channel (int), rates are hertz, frame
rates are fractions written as "24000/1001". Paths are text with forward slashes: absolute for the
user's media, relative to the run folder for everything a run made.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

StemName = Literal["vocals", "music", "sfx", "ambient"]
STEM_NAMES: tuple[StemName, ...] = ("vocals", "music", "sfx", "ambient")


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all values: immutable, keyword-only, unknown fields refused when decoded."""


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


class Line(Value, frozen=True):
    """A time in which somebody speaks, in seconds from the start of the sound."""

    start: float
    end: float


class ModelIdentity(Value, frozen=True):
    """Which weights a back end used. `sha256` is of the file's bytes, one per file."""

    name: str
    files: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()
    licence: str = ""
    origin: str = ""


class Choice(Value, frozen=True):
    """A back end and its options, as asked for."""

    backend: str
    options: dict[str, Any] = {}


class Stem(Value, frozen=True):
    """One separated part of the sound, as long, as fast and as loud as its source.

    `label` says in words what is in it; `estimated` marks a split that no model made; `empty` marks
    a stem that holds digital silence because nothing could fill it.
    """

    name: StemName
    path: str
    rate: int
    channels: int
    frames: int
    layout: str = ""
    label: str = ""
    estimated: bool = False
    empty: bool = False

    @property
    def sound(self) -> Sound:
        """The stem as a sound to listen to."""
        return Sound(
            path=self.path, rate=self.rate, channels=self.channels, frames=self.frames, layout=self.layout
        )


class StemLevels(Value, frozen=True):
    """What a meter reads on one stem. Levels in dB; None where there is no sound to measure."""

    name: str
    lufs: float | None
    sample_peak_dbfs: float | None
    clipped_samples: int
    silent_share: float


class SeparationQuality(Value, frozen=True):
    """Checks made on every separation.

    `residue_dbfs` is the peak of source minus the sum of the stems as written (None: exactly zero).
    `voice_in_background_db` is the level of the background inside lines minus its level outside them.
    """

    levels: tuple[StemLevels, ...]
    residue_dbfs: float | None
    residue_lsb24: float
    voice_in_background_db: float | None
    lines: int


class Stems(Value, frozen=True):
    """The four stems of a sound; together they are the sound."""

    source: Sound
    stems: tuple[Stem, ...]
    separator: Choice
    models: tuple[ModelIdentity, ...] = ()
    quality: SeparationQuality | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Stem:
        for stem in self.stems:
            if stem.name == name:
                return stem
        raise KeyError(name)

    @property
    def vocals(self) -> Stem:
        """The stem with the voices."""
        return self["vocals"]


def to_json(value: Any) -> bytes:
    """Value -> indented JSON (UTF-8)."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def canonical_json(value: Any) -> bytes:
    """Value -> JSON with sorted keys and no spaces: the same value always gives the same bytes."""
    return msgspec.json.encode(msgspec.to_builtins(value, order="sorted", str_keys=True), order="sorted")

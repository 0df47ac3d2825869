"""What a timeline is to Premiere and Final Cut: strips of clips over media that have a clock of their own.

Positions are whole frames of the timeline, counted from its first; a clip's place in its file is counted from
the file's first frame, and the file keeps its timecode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from otio_dubline.exporters import Account


@dataclass(frozen=True)
class Medium:
    """A media file. `begin`: its first frame's timecode in seconds; `frames`: its length at the timeline's
    rate; `rate`: its own. `channels` and `sample_rate` of its sound, `bits` of a sample, the picture's size:
    0 where nobody knows."""

    url: str
    name: str
    begin: Fraction
    frames: int
    rate: Fraction
    channels: int = 0
    sample_rate: int = 0
    bits: int = 0
    width: int = 0
    height: int = 0
    pixel_aspect: Fraction = Fraction(1)


@dataclass(frozen=True)
class Flag:
    """A marker. `at`: frames from the timeline's beginning, or, on a piece, from its medium's. `frames` may
    be 0. `colour` is a name of OTIO's, `kind` Dubline's own (else "")."""

    at: int
    frames: int
    name: str
    comment: str
    colour: str
    kind: str


@dataclass(frozen=True)
class Piece:
    """`frames` frames of a medium from its frame `first` (0: its beginning), at frame `at`."""

    name: str
    medium: Medium
    at: int
    first: int
    frames: int
    enabled: bool
    flags: tuple[Flag, ...] = ()
    level_db: float = 0.0


@dataclass(frozen=True)
class Strip:
    """A track of picture or sound. `role` and `language` are Dubline's ("" elsewhere)."""

    name: str
    sound: bool
    enabled: bool
    level_db: float
    role: str
    language: str
    pieces: tuple[Piece, ...]

    @property
    def channels(self) -> int:
        """The most that a piece has; at least 1."""
        return max([1, *(piece.medium.channels for piece in self.pieces)])


@dataclass(frozen=True)
class Caption:
    """A subtitle, in frames of the timeline."""

    at: int
    frames: int
    text: str


@dataclass(frozen=True)
class CaptionStrip:
    """A subtitle track."""

    name: str
    language: str
    speaker: str
    enabled: bool
    captions: tuple[Caption, ...]


@dataclass
class Sequence(Account):
    """The whole timeline. `start` is the number of its first frame."""

    name: str
    fps: Fraction
    start: int
    drop: bool
    frames: int = 0
    strips: list[Strip] = field(default_factory=list)
    captions: list[CaptionStrip] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    media: dict[str, Medium] = field(default_factory=dict)

    @property
    def pictures(self) -> list[Strip]:
        """The picture tracks, from below."""
        return [strip for strip in self.strips if not strip.sound]

    @property
    def sounds(self) -> list[Strip]:
        """The sound tracks, from above."""
        return [strip for strip in self.strips if strip.sound]

    @property
    def screen(self) -> tuple[int, int, Fraction]:
        """Width, height and pixel aspect of the picture; 1920 x 1080 where there is none or nobody knows."""
        for strip in self.pictures:
            for piece in strip.pieces:
                if piece.medium.width and piece.medium.height:
                    return piece.medium.width, piece.medium.height, piece.medium.pixel_aspect
        if any(strip.pieces for strip in self.pictures):
            self.note(
                "The size of the picture is not known: the sequence is 1920 x 1080. Set it after opening."
            )
        return 1920, 1080, Fraction(1)


def level_of(strip: Strip, piece: Piece, lowest: float, highest: float, sequence: Sequence) -> float:
    """A clip's level in dB, with its strip's, within what the program allows; says what was held back."""
    level = strip.level_db + piece.level_db
    held = min(max(level, lowest), highest)
    if held != level:
        name = piece.name if piece.level_db else strip.name
        sequence.lose(f"The level of {name!r} is {held:+g} dB instead of {level:+g} dB.")
    return held

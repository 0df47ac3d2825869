"""The four stems of a sound, and what was measured on them."""

from __future__ import annotations

from typing import Literal

from dubline.values.base import Choice, ModelIdentity, Value
from dubline.values.media import Sound

StemName = Literal["vocals", "music", "sfx", "ambient"]


STEM_NAMES: tuple[StemName, ...] = ("vocals", "music", "sfx", "ambient")


STEM_OF_SOURCE: dict[str, StemName] = {
    "vocals": "vocals",
    "speech": "vocals",
    "dialogue": "vocals",
    "dialog": "vocals",
    "voice": "vocals",
    "music": "music",
    "sfx": "sfx",
    "effects": "sfx",
    "effect": "sfx",
    "fx": "sfx",
}


def film_model(sources: tuple[str, ...]) -> bool:
    """Whether a model tells music from effects."""
    return {"music", "sfx"} <= {STEM_OF_SOURCE.get(s) for s in sources}


LOUD = -45.0
"""LUFS from which on a sound is loud enough for somebody to be heard in it."""
LOST = 18.0
"""LU under their source at which voices count as lost. Dialogue under music lies 2 under it; what the
built-in separator makes of a voice that it misses, and of music and ambience without any, 19 to 31."""


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
    """The four stems of a sound; together they are the sound. Without any it was not separated: whoever mixes
    has the sound itself for a background."""

    source: Sound
    stems: tuple[Stem, ...] = ()
    separator: Choice | None = None
    models: tuple[ModelIdentity, ...] = ()
    quality: SeparationQuality | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Stem:
        for stem in self.stems:
            if stem.name == name:
                return stem
        raise KeyError(name)

    @property
    def separated(self) -> bool:
        """Whether there are any."""
        return bool(self.stems)

    @property
    def vocals(self) -> Stem:
        """The stem with the voices."""
        return self["vocals"]

    @property
    def voices(self) -> Sound:
        """Where the voices are heard best: their stem, else the sound itself."""
        return self.vocals.sound if self.stems and not self.lost else self.source

    @property
    def lost(self) -> str:
        """Where the voices came out silent, or nearly so, of a loud sound: that in words; else ""."""
        if self.quality is None:
            return ""
        level = {one.name: one.lufs for one in self.quality.levels}
        source, vocals = level.get("source"), level.get("vocals")
        if source is None or source < LOUD or (vocals is not None and vocals > source - LOST):
            return ""
        how = "silent" if vocals is None else f"nearly silent ({vocals:.0f} LUFS)"
        return f"the separated voices are {how}, and the sound is not ({source:.0f} LUFS)"

"""What a mix is asked for: levels, ducking, and how loud the result shall be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from dubline.errors import InvalidJob
from dubline.values.base import Value, complaint

LARGEST_VOLUME = 8.0  # 18 dB: more is a slip of the keyboard


class Target(Value, frozen=True):
    """How loud a programme shall be. `loudness` in LUFS (the same as LKFS), `true_peak` in dBTP.

    `gate`: "programme" measures the whole by ITU-R BS.1770-4; "dialogue" measures the sound while somebody
    speaks, without a relative gate, as BS.1770-1 did.
    """

    name: str
    loudness: float
    true_peak: float
    gate: Literal["programme", "dialogue"] = "programme"
    source: str = ""


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(name="ebu-r128", loudness=-23.0, true_peak=-1.0, source="EBU R 128"),
        Target(name="atsc-a85", loudness=-24.0, true_peak=-2.0, source="ATSC A/85"),
        Target(
            name="netflix",
            loudness=-27.0,
            true_peak=-2.0,
            gate="dialogue",
            source="Netflix Sound Mix Specifications",
        ),
        Target(name="streaming-14", loudness=-14.0, true_peak=-1.0, source="usual on music services"),
        Target(name="streaming-16", loudness=-16.0, true_peak=-1.0, source="usual for podcasts"),
    )
}


class MixJob(Value, frozen=True):
    """Levels are factors: 1.0 leaves a sound as it is, 0.0 leaves it out.

    `voice_volume` is for the takes, `original_volume` for the voices of the source (above zero for a
    voice-over; 1.0 without takes gives the source back). `bg_volume` is for music, sfx and ambient
    together, on top of the level of each.

    `voice_level`: "original" makes the takes, all by one gain, as loud as the voices of the source are in
    the same stretches of time; "as spoken" leaves them as the voice gave them.

    `duck_db` is how far the background (and the source's voices) go down while a take sounds, in dB;
    0 does nothing. They are down when the take begins, `duck_attack` seconds after they started to go, and
    come back in `duck_release` seconds after its end.

    `fade` are the seconds over which a take comes in and goes out, so that it does not click. `reverb`:
    "room" gives the takes a light reverb like the room in which the source's voices were recorded, where one
    can be heard; "off" leaves them as dry as the voice gave them. `target` is one of `TARGETS`, or "off" for
    a mix whose level nobody touches. `bitrate` is that of the AAC file in bits a second, for each pair of
    channels.

    Raises:
        InvalidJob: a value out of its range, or an unknown target.
    """

    voice_volume: float = 1.0
    original_volume: float = 0.0
    bg_volume: float = 0.7
    music: float = 1.0
    sfx: float = 1.0
    ambient: float = 1.0
    voice_level: Literal["original", "as spoken"] = "original"
    duck_db: float = 0.0
    duck_attack: float = 0.15
    duck_release: float = 0.4
    fade: float = 0.005
    reverb: Literal["off", "room"] = "off"
    target: str = "ebu-r128"
    bitrate: int = 256_000

    def __post_init__(self) -> None:
        for name in ("voice_volume", "original_volume", "bg_volume", "music", "sfx", "ambient"):
            self._within(name, 0.0, LARGEST_VOLUME)
        self._within("duck_db", 0.0, 60.0)
        self._within("duck_attack", 0.0, 5.0)
        self._within("duck_release", 0.0, 5.0)
        self._within("fade", 0.0, 0.5)
        self._within("bitrate", 32_000, 512_000)
        if self.reverb not in ("off", "room"):
            raise InvalidJob(f"there is no reverb {self.reverb!r}", hint='Use "room" or "off".')
        if self.target != "off" and self.target not in TARGETS:
            known = ", ".join((*TARGETS, "off"))
            raise InvalidJob(f"there is no loudness target {self.target!r}", hint=f"Use one of: {known}.")

    def _within(self, name: str, lowest: float, highest: float) -> None:
        value = getattr(self, name)
        if not (math.isfinite(value) and lowest <= value <= highest):
            raise InvalidJob(
                f"{name} cannot be {value:g}", hint=f"Give a number from {lowest:g} to {highest:g}."
            )

    @property
    def loudness_target(self) -> Target | None:
        """The figures of `target`, or None for "off"."""
        return TARGETS.get(self.target)


OVER_THE_ORIGINAL: dict[str, Any] = {"bg_volume": 1.0, "duck_db": 20.0}
"""Levels of a dub over a sound that was not separated, unless others are asked for: as it is, and under each
line as far down as WCAG 2.2 asks of sounds under speech (success criterion 1.4.7, at least 20 dB)."""


def mix_job(levels: Mapping[str, Any], separated: bool = True) -> MixJob:
    """What a mix is asked for, from plain values by the names of `MixJob`'s fields; of stems, or over a sound
    that was not separated.

    Raises:
        InvalidJob: an unknown name, a wrong type, or a value out of its range.
    """
    try:
        return msgspec.convert({**({} if separated else OVER_THE_ORIGINAL), **levels}, MixJob)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidJob):
            raise error.__cause__ from None
        known = ", ".join(MixJob.__struct_fields__)
        raise InvalidJob(f"the mix: {complaint(error)}", hint=f"There are {known}.") from None

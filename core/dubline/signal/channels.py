"""Which channels of a sound a stereo model is given together, and which it never hears.

Models hear two channels. In a surround sound the dialogue sits in the centre and, as a phantom centre,
between front left and right. So the centre goes through on its own (twice the same channel), the fronts as
a pair, and the surrounds as pairs of which only music and effects are asked. The LFE goes to the bed as
it is. Nothing that compares two channels ever sees two channels that were not recorded as a pair.
"""

from __future__ import annotations

import msgspec

# Channel order as in WAV: FL FR FC LFE BL BR SL SR (Microsoft, "Multiple Channel Audio Data and WAVE
# Files").
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

_FRONTS = ("front left", "front right", "centre", "LFE")
NAMES: dict[str, tuple[str, ...]] = {
    "5.1": (*_FRONTS, "left surround", "right surround"),
    "7.1": (*_FRONTS, "back left", "back right", "side left", "side right"),
}
"""What people call the channels of a surround sound, in their order."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Channels that belong together: one or two indices.

    `dialogue`: voices are looked for here. `modelled`: a model hears it at all.
    """

    name: str
    channels: tuple[int, ...]
    dialogue: bool = True
    modelled: bool = True

    @property
    def mono(self) -> bool:
        return len(self.channels) == 1


def layout_of(channels: int, named: str = "") -> str:
    """The layout to work with: what the file says if it fits the channel count, else by count; "discrete" for
    a number without a usual name."""
    if named in LAYOUTS.values() and LAYOUTS.get(channels) == named:
        return named
    return "discrete" if named == "discrete" else LAYOUTS.get(channels, "discrete")


def groups_of(channels: int, layout: str) -> tuple[Group, ...]:
    """The groups of a layout; every channel is in exactly one.

    Channels of an unknown layout are taken one by one: each is discrete, and each may hold voices.
    """
    if layout == "mono" and channels == 1:
        return (Group(name="mono", channels=(0,)),)
    if layout == "stereo" and channels == 2:
        return (Group(name="stereo", channels=(0, 1)),)
    if layout in ("5.1", "7.1") and channels == (6 if layout == "5.1" else 8):
        front = (
            Group(name="centre", channels=(2,)),
            Group(name="front", channels=(0, 1)),
            Group(name="lfe", channels=(3,), dialogue=False, modelled=False),
            Group(name="surround", channels=(4, 5), dialogue=False),
        )
        return front if layout == "5.1" else (*front, Group(name="side", channels=(6, 7), dialogue=False))
    return tuple(Group(name=f"channel {k + 1}", channels=(k,)) for k in range(channels))

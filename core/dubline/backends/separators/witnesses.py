"""How the built-in separator weighs what speaks for a voice in a bin, and how far it trusts each witness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dubline.backends.separators import classical
from dubline.backends.separators.classical import Real

# Where lines say that somebody speaks and RNNoise lets less than this share of the energy through, it has
# taken the voice for noise (far microphones, loud scenes) and is not listened to; from twice this share on
# it is trusted in full. Medians over time on six mixes where it worked: 0.54 to 0.75. On a far-field
# recording under loud music it fell to 0.001; the threshold was set with that one in view.
DISTRUST = 0.1
ASTRAY = 0.25  # the same for the direction: voices in several places at once, both hard left and right

# The verdict's weights for (direction, direction over a wider area, floor where nobody speaks, and of each
# ear what it leaves and that over a wider area, bias), by (ears, one channel only). With an ear: fitted on
# the ten mixes that benchmarks/remixes.py has for choosing, so that the mean error of the voice in dB is
# least; the benchmark's scene was looked at on the way, ten more mixes at the end alone. Without one:
# fitted to the ideal gain on five mixes in stereo and four of one channel, the scene among them, so expect
# less elsewhere.
WEIGHTS = {
    ("", False): np.array([5.0, 5.2, 3.2, 1.65]),
    ("", True): np.array([0.0, 0.0, 3.79, 1.48]),
    ("rnnoise", False): np.array([1.75, 0.42, 5.33, 1.46, -0.3, 2.65]),
    ("rnnoise", True): np.array([0.0, 0.0, 0.79, 1.87, 0.66, 2.45]),
    ("given", False): np.array([0.62, 1.02, 0.17, 2.26, 0.53, 3.05]),
    ("given", True): np.array([0.0, 0.0, 0.11, 2.46, 0.95, 3.08]),
    ("given rnnoise", False): np.array([0.54, 1.02, 0.2, 2.2, 0.31, 0.37, 0.07, 3.25]),
    ("given rnnoise", True): np.array([0.0, 0.0, 0.22, 2.38, 0.45, 0.42, 0.18, 3.31]),
}
DEAF_FROM = 7 - classical.BINS.start  # 82 Hz: below, no ear tells a voice from a bass


def trust(some: float, of: float, least: float) -> float:
    """0 where `some` is no more than `least` of all, 1 from twice that on; 1 where there is nothing."""
    return float(np.clip(some / of / least - 1, 0, 1)) if of > 0 else 1.0


def gain(
    said: list[Real], ears: tuple[str, ...], mono: bool, points: float, kept: NDArray[np.float64] | None
) -> Real:
    """The verdict on every bin, (frames, bins) 0..1.

    `said`: evidence (`classical.evidence`) in the order of `WEIGHTS`. `points`, 0..1: how far one direction
    explains what the ear leaves; where none does, no direction is listened to. `kept`: the energy an ear left
    where lines say that somebody speaks, and what there was; where it takes voices for noise it is not
    listened to.
    """
    hears = trust(kept[0], kept[1], DISTRUST) if ears and kept is not None else 1.0
    name, deaf = " ".join(ears), WEIGHTS["", mono]
    ear = points * WEIGHTS[name, mono] + (1 - points) * WEIGHTS[name, True]
    weights = hears * ear + (1 - hears) * np.insert(deaf, 3, np.zeros(ear.size - deaf.size))
    shares = classical.verdict(said, weights[:-1], float(weights[-1]))
    if not ears:
        shares[:, :DEAF_FROM] = 0
    return shares

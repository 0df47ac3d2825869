"""Sounds to try a back end with, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dubline.media.speech import RATE, Speech

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480))
"""First three formants in Hz (Peterson & Barney, "Control methods used in a study of the vowels", 1952)."""


def babble(seconds: float, seed: int = 0) -> Samples:
    """(n,) at 16 kHz: pulses through the formants of changing vowels, high and low by turns, with pauses."""
    import numpy as np
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    syllable = round(0.2 * RATE)
    for number, at in enumerate(range(0, len(out), syllable)):
        if number % 8 == 7:
            continue
        times = np.arange(min(syllable, len(out) - at)) / RATE
        pitch = (110 if number // 8 % 2 else 205) * (1 + 0.1 * np.sin(2 * np.pi * 3 * times + number))
        phase = np.cumsum(pitch) / RATE
        sound = np.diff(np.floor(phase), prepend=0.0) + 0.02 * rng.normal(size=len(times))
        for formant in VOWELS[number % 4]:
            radius = np.exp(-np.pi * 80 / RATE)
            angle = 2 * np.pi * formant / RATE
            sound = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound)
        shape = np.sin(np.pi * (np.arange(len(times)) + 0.5) / syllable) ** 0.5
        out[at : at + len(times)] = sound * shape
    scaled: Samples = (0.3 * out / max(1e-9, float(np.abs(out).max(initial=0)))).astype(np.float32)
    return scaled


def speech_of(samples: Samples, folder: Path) -> Speech:
    """Samples (n,) at 16 kHz as a stage hands them over."""
    file = folder / "speech.f32"
    samples.tofile(file)
    return Speech(file)

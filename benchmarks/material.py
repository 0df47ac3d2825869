"""What the benchmarks work on: long sounds, and full-size models with random weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "../shared/data"
sys.path.insert(0, str(ROOT / "tests"))

from random_demucs import FILM, FULL, MUSIC, htdemucs, save_bag  # noqa: E402

from dubline.media.sound import SoundWriter  # noqa: E402

__all__ = ["DATA", "FILM", "FULL", "MUSIC", "film", "htdemucs", "save_bag"]


def film(path: Path, minutes: float, rate: int = 48000) -> Path:
    """A long stereo sound with levels that change: a minute of swelling noise, repeated at other levels."""
    rng = np.random.default_rng(0)
    minute = rng.normal(size=(2, rate * 60)) * 0.05
    minute *= 0.6 + 0.4 * np.sin(np.arange(rate * 60) / rate * 2.1)
    left = int(rate * 60 * minutes)
    with SoundWriter(path, rate, 2, left) as writer:
        part = 0
        while left:
            count = min(left, rate * 60)
            writer.write((minute[:, :count] * (0.3 + 0.2 * (part % 4))).astype(np.float32))
            left -= count
            part += 1
    return path

"""A small film for the windows' tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds of sound in a folder with a space and letters that are not ASCII."""
    folder = tmp_path / "Bölüm 1"
    folder.mkdir()
    noise = np.random.default_rng(3).uniform(-0.2, 0.2, (96000, 2))
    soundfile.write(folder / "Ayşe.wav", noise, 48000, subtype="PCM_24")
    return folder / "Ayşe.wav"

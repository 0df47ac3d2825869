"""What voices say so that it can be heard how high they are."""

from __future__ import annotations

import numpy as np

from dubline.backends.contract import Spoken
from dubline.errors import BackendFailed
from dubline.signal.pitch import STEP, pitches

SAMPLE = "1 2 3 4 5. 6 7 8 9 10."
"""For voices that read numbers, each in its own language, as eSpeak's rules do."""
LETTERS = "We have to leave this house before the morning."
"""For voices whose model reads letters, and no numbers."""
LEAST_VOICED = 0.5  # seconds with a pitch, below which there is no median worth the name


def pitch_of(sample: Spoken) -> float:
    """The median pitch of a sample in Hz, to a tenth.

    Raises:
        BackendFailed: less than half a second of it is voiced.
        BackendMissing: Parselmouth is not installed.
    """
    heard = pitches(sample.sound, sample.rate)
    voiced = heard[heard > 0]
    if len(voiced) * STEP < LEAST_VOICED:
        raise BackendFailed("its sample has no pitch", hint="Listen to the voice, or name another.")
    return round(float(np.median(voiced)), 1)

"""How high a voice is: its fundamental frequency by Praat's autocorrelation method (Boersma 1993, in
Parselmouth)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import imported
from dubline.signal.mono import mono
from dubline.weights.installation import extra_command

RANGE = (60.0, 600.0)  # Hz: a bass voice to a child's cry
STEP = 0.01  # seconds between two values
MALE, FEMALE = 153.0, 171.0  # Hz: a semitone below and above 162


def praat(what: str, instead: str = "") -> Any:
    """Parselmouth.

    Raises:
        BackendMissing: it is not installed, and `what` needs it.
    """
    hint = f"Install it with: {extra_command('speech')}{instead}"
    return imported("parselmouth", f"{what} needs Parselmouth", hint)


def pitches(block: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """(channels, n) samples -> the fundamental frequency every 10 ms in Hz, 0 where there is no voice."""
    sound = mono(block)
    # Praat looks at three periods of the lowest pitch at once and refuses anything shorter.
    if len(sound) < 3 / RANGE[0] * rate + 2 or not np.isfinite(sound).all() or not sound.any():
        return np.zeros(0)
    heard = praat("pitch").Sound(sound, sampling_frequency=rate)
    pitch = heard.to_pitch(time_step=STEP, pitch_floor=RANGE[0], pitch_ceiling=RANGE[1])
    return np.asarray(pitch.selected_array["frequency"], np.float64)


def shifted(sound: NDArray[np.float32], rate: int, factor: float) -> NDArray[np.float32]:
    """(1, n) samples of a voice -> as many, `factor` times as high; pace and formants stay.

    By Praat's pitch-synchronous overlap-add (Moulines and Charpentier 1990): periods are moved, and not
    changed. The same sound gives the same samples. What has no pitch stays as it is.

    Raises:
        BackendMissing: Parselmouth is not installed.
    """
    call = praat("another pitch").praat.call
    if factor == 1.0 or not pitches(sound, rate).any():
        return sound
    whole = praat("another pitch").Sound(sound[0].astype(np.float64), sampling_frequency=rate)
    model = call(whole, "To Manipulation", STEP, *RANGE)
    tier = call(model, "Extract pitch tier")
    call(tier, "Multiply frequencies", whole.xmin, whole.xmax, factor)
    call([tier, model], "Replace pitch tier")
    made = call(model, "Get resynthesis (overlap-add)").values.astype(np.float32)
    kept: NDArray[np.float32] = np.clip(made[:, : sound.shape[1]], -1.0, 1.0)
    return np.pad(kept, ((0, 0), (0, sound.shape[1] - kept.shape[1])))


def gender_of(hertz: float) -> str:
    """ "male", "female", or "" between the two, by a voice's median pitch in Hz.

    Between men's usual 125 and women's 210 Hz (Titze, Principles of Voice Production, 1994) lies 162 Hz,
    their geometric mean; who is within a semitone of it is neither.
    """
    return "male" if hertz < MALE else "female" if hertz > FEMALE else ""

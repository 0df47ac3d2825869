"""How far a voice can be shifted and still be understood, and still be itself.

    DUBLINE_MODELS=FOLDER python benchmarks/pitch_shift.py [FACTOR ...]

Piper's joe speaks, Whisper base hears; FOLDER holds piper-en-joe and whisper-base. The lines are the first 40
of the Harvard sentences (IEEE Recommended Practice for Speech Quality Measurements, 1969). "even", "odd":
words wrong in percent of every other line, to see what is chance. "alike": the cosine between the GE2E
vectors of the shifted odd lines and of the even lines as they are. "stretcher": the same by Rubber Band,
which can shift and keep formants too.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from real_figures import edits, plain

from dubline.backends.contract import Spoken
from dubline.backends.diarizers import ge2e
from dubline.backends.diarizers.ge2e import Ge2e
from dubline.backends.voices.piper import Piper
from dubline.signal.pitch import shifted
from dubline.voice.fitting import resampled, trimmed
from dubline.weights import wheels
from dubline.weights.files import models_folder

FACTORS = (1.0, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.1, 1.15, 1.25, 1.35, 1.5, 1.7, 2.0)
ALSO = (0.8, 1.25)
"""Factors at which the stretcher is tried too."""
PAUSE = 0.5  # seconds between lines
AT_ONCE = 26.0  # seconds that Whisper hears at once
LINES = """
The birch canoe slid on the smooth planks.
Glue the sheet to the dark blue background.
It's easy to tell the depth of a well.
These days a chicken leg is a rare dish.
Rice is often served in round bowls.
The juice of lemons makes fine punch.
The box was thrown beside the parked truck.
The hogs were fed chopped corn and garbage.
Four hours of steady work faced us.
A large size in stockings is hard to sell.
The boy was there when the sun rose.
A rod is used to catch pink salmon.
The source of the huge river is the clear spring.
Kick the ball straight and follow through.
Help the woman get back to her feet.
A pot of tea helps to pass the evening.
Smoky fires lack flame and heat.
The soft cushion broke the man's fall.
The salt breeze came across from the sea.
The girl at the booth sold fifty bonds.
The small pup gnawed a hole in the sock.
The fish twisted and turned on the bent hook.
Press the pants and sew a button on the vest.
The swan dive was far short of perfect.
The beauty of the view stunned the young boy.
Two blue fish swam in the tank.
Her purse was full of useless trash.
The colt reared and threw the tall rider.
It snowed, rained, and hailed the same morning.
Read verse out loud for pleasure.
Hoist the load to your left shoulder.
Take the winding path to reach the lake.
Note closely the size of the gas tank.
Wipe the grease off his dirty face.
Mend the coat before you go out.
The wrist was badly strained and hung limp.
The stray cat gave birth to kittens.
The young girl gave no clear response.
The meal was cooked before the bell rang.
What joy there is in living.
""".strip().splitlines()


def takes() -> list[Spoken]:
    """The lines by Piper, without the noise that makes each of its takes another one."""
    with Piper(Piper.Options(language="en")) as voice:
        name = voice.voices()[0].name
        file, number = voice._files[name]
        how = {"speaker_id": number, "noise_scale": 0.0, "noise_w_scale": 0.0}
        return [voice._said(line, file, lambda: None, **how) for line in LINES]


def by_stretcher(sound: np.ndarray, rate: int, factor: float) -> np.ndarray:
    import pedalboard

    made = pedalboard.time_stretch(sound, float(rate), pitch_shift_in_semitones=12 * math.log2(factor))
    return np.asarray(made, np.float32).reshape(1, -1)


def wrong(ear: Any, lines: list[int], spoken: list[Spoken], shift: Any, factor: float) -> float:
    """Words wrong in percent of these lines, shifted."""
    rows: list[list[int]] = [[]]
    pieces: list[list[np.ndarray]] = [[]]
    length = 0.0
    for number in lines:
        rate = spoken[number].rate
        sound = trimmed(shift(trimmed(spoken[number].sound, rate), rate, factor), rate)
        sound = np.pad(sound, ((0, 0), (0, round(PAUSE * rate))))
        if length + sound.shape[1] / rate > AT_ONCE:
            rows, pieces, length = [*rows, []], [*pieces, []], 0.0
        rows[-1].append(number)
        pieces[-1].append(sound)
        length += sound.shape[1] / rate
    bad = count = 0
    for numbers, sounds in zip(rows, pieces, strict=True):
        heard = resampled(Spoken(sound=np.concatenate(sounds, axis=1), rate=rate), 16000)[0]
        said = ear.transcribe(heard, language="en", condition_on_previous_text=False)[0]
        wanted = [word for number in numbers for word in plain(LINES[number])]
        bad += edits(wanted, plain(" ".join(piece.text for piece in said)))
        count += len(wanted)
    return 100 * bad / count


def vector(encoder: Ge2e, lines: list[int], spoken: list[Spoken], factor: float) -> np.ndarray:
    """The mean GE2E vector of these lines, shifted; unit length."""
    pieces = []
    for number in lines:
        take = spoken[number]
        moved = shifted(trimmed(take.sound, take.rate), take.rate, factor)
        sound = resampled(Spoken(sound=moved, rate=take.rate), ge2e.RATE)[0]
        level = ge2e.gain(float((sound.astype(np.float64) ** 2).mean()))
        pieces += ge2e.partials(ge2e.mel_power(sound) * level)
    mean = encoder.embed(np.array(pieces, np.float32)).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def main() -> None:
    from faster_whisper import WhisperModel

    asked = [float(word) for word in sys.argv[1:]] or FACTORS
    model = str(models_folder() / "whisper-base")
    ear = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)
    spoken = takes()
    even, odd = list(range(0, len(LINES), 2)), list(range(1, len(LINES), 2))
    encoder = Ge2e(wheels.require_file(wheels.GE2E, ""))
    itself = vector(encoder, even, spoken, 1.0)
    print("factor  even   odd  alike")
    for factor in asked:
        for shift, name in ((shifted, ""), (by_stretcher, "  stretcher")):
            if not name or factor in ALSO:
                told = "  ".join(f"{wrong(ear, half, spoken, shift, factor):4.1f}" for half in (even, odd))
                alike = "" if name else f"  {float(vector(encoder, odd, spoken, factor) @ itself):5.2f}"
                print(f"{factor:5.2f}   {told}{alike}{name}", flush=True)


if __name__ == "__main__":
    main()

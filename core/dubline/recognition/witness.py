"""A second ear for whether somebody speaks: Silero's detector, on the sound that the words come from.

Diarizers hear voices in rain and strings, and recognizers then find words in them. What both agree on is
still no speech: their mistakes are of one kind. A detector that was trained to tell speech from noise, and
that knows no words, is a witness of its own. benchmarks/invented.py measures it.
"""

from __future__ import annotations

import numpy as np

from dubline.backends.diarizers.silero import FRAME, RATE, Silero
from dubline.errors import BackendMissing
from dubline.media.speech import Speech
from dubline.recognition.filters import Witness
from dubline.recognition.stage import SpeechFile
from dubline.run import Work, step
from dubline.separation.content import detector_identity
from dubline.values.media import Line
from dubline.weights.wheels import SILERO, require_file

LEAST = 0.35
"""The chance from which 32 ms count as speech: lines across a hall stay above it, rain and strings below
(benchmarks/invented.py)."""
ALONE = "no second detector confirms that somebody speaks, so more lines may be made up over music and noise"
BLOCK = 1024 * FRAME


def detector() -> tuple[str, ...]:
    """The identity of the detector that is installed; empty where there is none."""
    try:
        return detector_identity()
    except BackendMissing:
        return ()


@step("witness", version=1)
def witness(work: Work, heard: SpeechFile, detector: tuple[str, ...]) -> Witness:
    """Find where there is speech, by the detector of that identity.

    Raises:
        WeightsError: the detector's file is damaged.
        Cancelled: the report asked to stop.
    """
    if not detector:
        try:
            detector_identity()
        except BackendMissing as error:
            work.note(f"{ALONE}. {error.hint}", warn=True)
        return Witness()
    silero = Silero(require_file(SILERO))
    chances = []
    with Speech(work.open(heard.path)) as speech:
        for number, block in enumerate(speech.blocks(BLOCK)):
            work.report(number * BLOCK / RATE, speech.duration)
            chances.append(silero.chances(block))
        length = speech.duration
    flags = np.concatenate([np.zeros(0, np.float32), *chances]) >= LEAST
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return Witness(
        spans=tuple(
            Line(start=float(first) * FRAME / RATE, end=min(float(last) * FRAME / RATE, length))
            for first, last in zip(edges[::2], edges[1::2], strict=True)
        )
    )

"""A second ear for whether somebody speaks: Silero's detector, on the sounds that are listened to.

Diarizers hear voices in rain and strings, and recognizers then find words in them. What both agree on is
still no speech: their mistakes are of one kind. A detector that was trained to tell speech from noise, and
that knows no words, is a witness of its own. In the mix it misses lines that lie deep under music, in
DeepFilterNet's voice whispers: it hears both, where both are there. benchmarks/invented.py measures it.
"""

from __future__ import annotations

import numpy as np

from dubline.backends.diarizers.silero import FRAME, RATE, Silero
from dubline.errors import BackendMissing
from dubline.media.speech import Speech
from dubline.recognition.passages import Witness
from dubline.recognition.stage import SpeechFile
from dubline.report import Report, part
from dubline.run import Work, step
from dubline.separation.content import detector_identity
from dubline.timebase import merged
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
def witness(work: Work, heard: tuple[SpeechFile, ...], detector: tuple[str, ...]) -> Witness:
    """Find where there is speech in any of these sounds, by the detector of that identity.

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
    spans: list[tuple[float, float]] = []
    for number, file in enumerate(heard):
        with Speech(work.open(file.path)) as speech:
            report = part(work.report, number / len(heard), 1 / len(heard), speech.duration)
            spans += _spans(speech, silero, report)
    return Witness(spans=tuple(Line(start=start, end=end) for start, end in merged(spans)))


def _spans(speech: Speech, silero: Silero, report: Report) -> list[tuple[float, float]]:
    silero.reset()
    chances = []
    for number, block in enumerate(speech.blocks(BLOCK)):
        report(number * BLOCK / RATE, speech.duration)
        chances.append(silero.chances(block))
    flags = np.concatenate([np.zeros(0, np.float32), *chances]) >= LEAST
    edges = (np.flatnonzero(np.diff(flags, prepend=False, append=False)) * (FRAME / RATE)).tolist()
    return [(start, min(end, speech.duration)) for start, end in zip(edges[::2], edges[1::2], strict=True)]

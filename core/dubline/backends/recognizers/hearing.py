"""What every recognizer in this process does the same way: reading stretches, and words in good order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from dubline.backends.contract import Stretch
from dubline.errors import InvalidJob
from dubline.values.transcript import HeardWord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.media.speech import Speech

RATE = 16000
LONGEST = 30.0
"""Seconds in a stretch: the window that Whisper was trained on."""
SILENT = 1e-4
"""A stretch whose loudest sample is below this (-80 dBFS) holds nothing to recognise."""


def check_stretches(stretches: Iterable[Stretch]) -> float:
    """The seconds in all stretches together.

    Raises:
        InvalidJob: a stretch is longer than 30 s (to the sample), ends before it begins, or is no time.
    """
    total = 0.0
    for stretch in stretches:
        if (
            not 0 <= stretch.start <= stretch.end < math.inf
            or stretch.end - stretch.start > LONGEST + 1 / RATE
        ):
            raise InvalidJob(
                f"a stretch from {stretch.start} s to {stretch.end} s",
                hint=f"A stretch ends after it begins and lasts at most {LONGEST:.0f} s; "
                "dubline.recognition.stretches cuts speech up that way.",
            )
        total += stretch.end - stretch.start
    return total


def samples_of(speech: Speech, stretch: Stretch) -> NDArray[np.float32]:
    """A stretch as (n,) float32 at 16 kHz; what lies outside the sound is silence."""
    return speech.read(round(stretch.start * RATE), round(stretch.end * RATE))


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Whether there is no sound at all: models asked about nothing invent something."""
    return len(samples) == 0 or float(np.abs(samples).max()) < SILENT


def orderly(words: Iterable[HeardWord], stretch: Stretch) -> tuple[HeardWord, ...]:
    """Words with all times inside the stretch, and none before the end of the word in front of it.

    Texts stay as they are; words of nothing but blanks fall away. Times that are missing or no numbers
    become None. Confidences are brought into 0..1.
    """
    tidy = []
    reached = stretch.start
    for word in words:
        if not word.text.strip():
            continue
        start, end = _finite(word.start), _finite(word.end)
        if start is not None:
            start = reached = min(max(start, reached), stretch.end)
        if end is not None:
            end = reached = min(max(end, reached), stretch.end)
        confidence = _finite(word.confidence)
        if confidence is not None:
            confidence = min(max(confidence, 0.0), 1.0)
        tidy.append(
            HeardWord(text=word.text, start=start, end=end, confidence=confidence, estimated=word.estimated)
        )
    return tuple(tidy)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)

"""What the filters of made-up words are given, and what they give back."""

from __future__ import annotations

from dubline.values.base import Value
from dubline.values.media import Line
from dubline.values.transcript import DroppedSegment, HeardWord


class Witness(Value, frozen=True):
    """Where a second ear hears speech, in seconds; None where there is no second ear."""

    spans: tuple[Line, ...] | None = None


class Passage(Value, frozen=True):
    """What a recognizer decoded at once (a Whisper segment), in reading order.

    `start` and `end` in seconds stand in for words without times. `no_speech` is the probability that nobody
    speaks, `log_probability` the mean over the passage's tokens; None where the recognizer tells neither.
    `language` is what was heard in it.
    """

    words: tuple[HeardWord, ...]
    start: float | None = None
    end: float | None = None
    no_speech: float | None = None
    log_probability: float | None = None
    language: str = ""


class Filtered(Value, frozen=True):
    """Words to go on with, in reading order, some with a doubt, and what was left out. Together they are all
    words given."""

    kept: tuple[HeardWord, ...]
    dropped: tuple[DroppedSegment, ...] = ()

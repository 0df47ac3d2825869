"""Where speech begins and ends in a sound, near a time at which somebody thinks it does."""

from __future__ import annotations

import math

import numpy as np

from dubline.media.speech import Speech
from dubline.recognition.stretches import HOP, levels

REACH = 0.4
"""Seconds around a cue's edge in which the edge of the sound is looked for."""
CONTEXT = 3.0
"""Seconds around an edge from which its background's level is taken."""
STEADY = 5
"""Levels in a row (of 10 ms) that must be sound after an onset."""
RISE = 0.3
"""An edge is where the level passes this share of the way from background to speech, in dB."""
FALL = 25.0
"""Decibels under the level of speech at which it has ended: what is left below them is the room's."""
LONG_PAUSE = 0.3
"""Seconds. Of two edges the one at the longer pause is taken, up to this; it is worth twice its length in
distance, for a stop inside a word is often nearer than the end of the line."""


def sound_edge(speech: Speech, at: float, *, reach: float = REACH, rising: bool = True) -> float:
    """The likeliest place within `reach` seconds of `at` where sound begins (or, not rising, ends).

    The background is the tenth percentile of the level 3 s around, speech the ninetieth. Near edges are
    likelier than far ones, and those at a long pause likelier than stops inside a word (`LONG_PAUSE`). `at`
    itself is given back where the levels lie less than 10 dB apart or no edge is near.
    """
    low, high = max(0.0, at - CONTEXT), min(speech.duration, at + CONTEXT)
    low = math.floor(low / HOP) * HOP
    level = levels(speech, low, high)
    if len(level) < 2 * STEADY:
        return at
    quiet, loud = (float(np.percentile(level, q)) for q in (10, 90))
    quiet = max(quiet, loud - 60.0)
    if loud - quiet < 10:
        return at
    least = quiet + RISE * (loud - quiet)
    sound = level > (least if rising else max(least, loud - FALL))
    most = round(LONG_PAUSE / HOP)
    edges: list[tuple[float, float]] = []  # what speaks against it, and where
    for index in range(1, len(sound)):
        if sound[index] == sound[index - 1] or sound[index] != rising:
            continue
        voiced = sound[index : index + STEADY] if rising else sound[max(0, index - STEADY) : index]
        pause = sound[max(0, index - STEADY) : index] if rising else sound[index : index + STEADY]
        edge = low + index * HOP
        if voiced.all() and not pause.any() and abs(edge - at) <= reach:
            silent = sound[max(0, index - most) : index][::-1] if rising else sound[index : index + most]
            length = int(silent.argmax()) if silent.any() else len(silent)
            edges.append((abs(edge - at) - 2 * length * HOP, edge))
    return min(edges)[1] if edges else at

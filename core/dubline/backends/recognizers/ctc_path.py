"""Paths through the output of a CTC model: the likeliest text, and where a given text lies.

Graves et al. 2006, "Connectionist temporal classification": at every moment the model says a label or nothing
(the blank); labels that follow each other at once are one, unless a blank lies between.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Span = tuple[int, int]
"""The first moment of a label and the one after its last."""


def best_path(logs: Floats, blank: int) -> list[tuple[int, Span]]:
    """The labels of the likeliest path through (moments, labels) logarithms, each with its span."""
    found = []
    for label, run in groupby(enumerate(logs.argmax(axis=1).tolist()), key=lambda pair: pair[1]):
        moments = [moment for moment, _ in run]
        if label != blank:
            found.append((label, (moments[0], moments[-1] + 1)))
    return found


def aligned(logs: Floats, labels: Sequence[int], blank: int) -> list[Span] | None:
    """The span of each label on the likeliest path that says exactly these (Viterbi).

    None where the sound has fewer moments than that takes.
    """
    doubled = sum(a == b for a, b in pairwise(labels))
    if not labels or len(logs) < len(labels) + doubled:
        return None
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    emitted = logs[:, states]
    # From a label to the next without a blank between, if they differ.
    jumps = np.zeros(len(states), bool)
    jumps[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = emitted[0, :2]
    came = np.zeros((len(logs), len(states)), np.int8)
    ways = np.full((3, len(states)), -np.inf)
    for moment in range(1, len(logs)):
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = np.where(jumps[2:], score[:-2], -np.inf)
        came[moment] = ways.argmax(axis=0)
        score = ways.max(axis=0) + emitted[moment]
    state = len(states) - 1 - int(score[-2] > score[-1])
    firsts, ends = [0] * len(labels), [0] * len(labels)
    for moment in range(len(logs) - 1, -1, -1):
        if state % 2:
            firsts[state // 2] = moment
            ends[state // 2] = max(ends[state // 2], moment + 1)
        state -= int(came[moment, state])
    return list(zip(firsts, ends, strict=True))

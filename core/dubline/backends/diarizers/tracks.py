"""Tracks: the voices of short windows that overlap, joined from window to window.

Which of a network's outputs is which voice differs from window to window. Where two windows hear the same
seconds, voices that speak at the same time there are one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ON = 0.35  # chance from which a voice is taken to speak
LEAST_FRAMES = 12  # 0.2 s of activity make a voice of a window
LEAST_SHARED = 4.0  # frames of activity that two windows must share,
LEAST_ALIKE = 0.5  # and which part of what either hears
LEAST_SHARE = 0.3  # of the windows that hear a frame: in fewer, the track's voice is another's
PAUSE = 9  # frames, 0.15 s: a track is cut at this pause
LONGEST = 178  # frames, 3 s: a longer stretch is cut into equal ones, since voices may change without a pause
SHORTEST = 6  # frames, 0.1 s: less is no stretch


class Track(NamedTuple):
    """A voice through the windows: (window, output) of each, and from frame `first` of the grid whether it
    speaks."""

    heard: list[tuple[int, int]]
    first: int
    on: NDArray[np.bool_]


def tracks_of(answers: Floats, step: int, weight: Floats, heard: NDArray[np.float64]) -> list[Track]:
    """The tracks of (windows, frames, outputs) chances, of windows that begin `step` frames apart.

    `weight` (frames,) is how much each frame of a window counts, `heard` the sum of it over all windows.
    """
    from scipy.optimize import linear_sum_assignment

    frames, outputs = answers.shape[1:]
    speaks = (answers > ON).sum(axis=1) >= LEAST_FRAMES  # (windows, outputs)
    found: list[list[tuple[int, int]]] = []
    before: dict[int, int] = {}  # output -> track, in the window before
    for window in range(len(answers)):
        now: dict[int, int] = {}
        if before:
            old, new = answers[window - 1][step:, :, None], answers[window][: frames - step, None, :]
            shared, either = np.minimum(old, new).sum(axis=0), np.maximum(old, new).sum(axis=0)
            alike = np.round(shared / np.maximum(either, 1e-6), 6)
            known = np.isin(np.arange(outputs), list(before))
            alike[~(known[:, None] & speaks[window] & (shared >= LEAST_SHARED) & (alike >= LEAST_ALIKE))] = 0
            for one, other in zip(*linear_sum_assignment(-alike), strict=True):
                if alike[one, other]:
                    now[int(other)] = before[int(one)]
        for output in map(int, np.flatnonzero(speaks[window])):
            if output not in now:
                now[output] = len(found)
                found.append([])
            found[now[output]].append((window, output))
        before = now
    return [_track(places, answers, step, weight, heard) for places in found]


def _track(
    places: list[tuple[int, int]], answers: Floats, step: int, weight: Floats, heard: NDArray[np.float64]
) -> Track:
    first, frames = places[0][0] * step, len(weight)
    total = np.zeros((places[-1][0] - places[0][0]) * step + frames)
    counted = np.zeros_like(total)
    for window, output in places:
        own = slice(window * step - first, window * step - first + frames)
        total[own] += weight * answers[window, :, output]
        counted[own] += weight
    share = counted / heard[first : first + len(total)]
    return Track(places, first, (total > ON * np.maximum(counted, 1e-6)) & (share > LEAST_SHARE))


def stretches_of(tracks: list[Track]) -> list[tuple[int, int, int]]:
    """(track, first frame, frame after the last), by track and time: cut at pauses, and none too long."""
    out = []
    for number, track in enumerate(tracks):
        joined: list[list[int]] = []
        for a, b in runs(track.on):
            if joined and a - joined[-1][1] < PAUSE:
                joined[-1][1] = b
            else:
                joined.append([a, b])
        for a, b in joined:
            if track.on[a:b].sum() < SHORTEST:
                continue
            count = -(-(b - a) // LONGEST)
            edges = [track.first + a + (b - a) * k // count for k in range(count + 1)]
            out += [(number, first, stop) for first, stop in pairwise(edges)]
    return out


def runs(on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a row of truths is true: (start, stop) pairs."""
    edges = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]

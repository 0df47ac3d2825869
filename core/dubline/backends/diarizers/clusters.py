"""Which pieces of speech are one voice: agglomerative clustering that keeps apart what was heard at once.

Pieces that a segmentation network hears as different speakers within one short window are different people,
whatever their vectors say. Used as a constraint (Wagstaff & Cardie, "Clustering with instance-level
constraints", 2000), that knowledge makes the result far less touchy about the distance at which joining
stops (benchmarks/diarization.py). Groups are found among pieces long enough to describe a voice; then every
piece goes to the voice whose mean it is most like, each voice once in a window, as in pyannote.audio.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

NEVER = -9.0  # below any cosine
CENTROID = 0.5
"""Where the likeness of two groups lies between average linkage (0) and the cosine of their means (1). Poor
sound lowers the first, so that a voice falls apart; the second rises with size, so that voices run together.
"""
ROUNDS = 2
"""How often all pieces are given anew to the voices' means. A third round changes nothing measurable."""


def merges(
    vectors: Floats, apart: NDArray[np.bool_], centroid: float = CENTROID
) -> list[tuple[int, int, float]]:
    """Join the two most alike groups until nothing more may be joined: (kept, absorbed, likeness) each.

    The likeness of two groups is the mean cosine of their pieces, divided by (length of one mean * length of
    the other) ** `centroid`. `vectors` (n, size) of unit length; `apart` (n, n) symmetric: pairs that must
    not share a group. Memory is n * n; time about n * n for usual data.
    """
    count = len(vectors)
    if count < 2:
        return []
    sums = _cosines(vectors, vectors)  # of all cosines between two groups
    own = sums.diagonal().copy()  # and within one, each piece with itself too
    sizes = np.ones(count)
    barred = apart | np.eye(count, dtype=bool)
    means = np.where(barred, NEVER, sums)
    nearest = means.argmax(axis=1)
    best = means[np.arange(count), nearest]
    done: list[tuple[int, int, float]] = []
    while True:
        i = int(best.argmax())
        if best[i] <= NEVER:
            return done
        j = int(nearest[i])
        i, j = min(i, j), max(i, j)
        done.append((i, j, float(means[i, j])))
        own[i] += own[j] + 2 * sums[i, j]
        sums[i] += sums[j]
        sums[:, i] = sums[i]
        sizes[i] += sizes[j]
        barred[i] |= barred[j]
        barred[:, i] = barred[i]
        barred[j] = barred[:, j] = True
        lengths = np.sqrt(np.maximum(own, 1e-12)) / sizes
        fresh = np.where(barred[i], NEVER, sums[i] / (sizes[i] * sizes) / (lengths[i] * lengths) ** centroid)
        means[i] = means[:, i] = fresh
        means[j] = means[:, j] = NEVER
        best[j] = NEVER
        better = fresh > best
        nearest[better], best[better] = i, fresh[better]
        stale = np.flatnonzero(((nearest == i) & ~better) | (nearest == j) | (np.arange(count) == i))
        stale = stale[best[stale] > NEVER]
        if stale.size:
            nearest[stale] = means[stale].argmax(axis=1)
            best[stale] = means[stale, nearest[stale]]


def _cosines(some: Floats, others: Floats) -> NDArray[np.float64]:
    """(n, size) and (m, size) of unit length -> (n, m).

    In double precision, then rounded: which of two nearly equal ones is greater does not hang on how many
    threads added them up.
    """
    cosines: NDArray[np.float64] = np.round(some.astype(np.float64) @ others.astype(np.float64).T, 9)
    return cosines


def cut(count: int, history: list[tuple[int, int, float]]) -> Labels:
    """(count,) group numbers after these merges, by first appearance."""
    parent = np.arange(count)
    for kept, absorbed, _ in history:
        parent[parent == absorbed] = kept
    first: dict[int, int] = {}
    numbers: Labels = np.array([first.setdefault(int(p), len(first)) for p in parent], np.int64)
    return numbers


def cluster(
    vectors: Floats,
    windows: NDArray[np.int64],
    seconds: NDArray[np.float64],
    clear: NDArray[np.float64],
    *,
    distance: float,
    shortest: float,
    enough: float = 0.0,
    at_least: int | None = None,
    at_most: int | None = None,
) -> Labels:
    """Voices of pieces of speech: (n,) numbers from 0 by first appearance.

    Args:
        vectors: (n, size), unit length.
        windows: (n,), pieces of one window were heard at once and are different people.
        seconds: (n,) how much each piece speaks.
        clear: (n,) how many seconds of sound each vector was made from: its weight in a voice's mean.
        distance: joining stops where the likeness of two groups (`merges`) is below 1 - distance.
        shortest: a group with fewer seconds is no voice of its own: its pieces go to the most alike voice.
        enough: pieces made from fewer seconds do not make groups, but are given to those that others make.
        at_least, at_most: bounds on the number of voices. `at_least` wins over `distance`; both are met as
            far as the pieces allow it.
    """
    count = len(vectors)
    if not count:
        return np.zeros(0, np.int64)
    makers = np.flatnonzero(clear >= enough)
    if len(makers) < max(1, at_least or 1):
        makers = np.arange(count)
    apart = windows[makers, None] == windows[makers]
    history = merges(vectors[makers], apart & ~np.eye(len(makers), dtype=bool))
    stop = next((k for k, merge in enumerate(history) if merge[2] < 1 - distance), len(history))
    spoken = seconds[makers]

    def voices(labels: Labels) -> Labels:
        talk = np.bincount(labels, spoken)
        return np.flatnonzero(talk >= min(shortest, float(talk.max())))

    labels = cut(len(makers), history[:stop])
    while at_most is not None and stop < len(history) and len(voices(labels)) > at_most:
        stop += 1
        labels = cut(len(makers), history[:stop])
    while at_least is not None and stop > 0 and len(voices(labels)) < at_least:
        stop -= 1
        labels = cut(len(makers), history[:stop])
    kept = voices(labels)
    if at_least is not None and len(kept) < at_least:  # too little speech each: the longest count
        kept = np.arange(labels.max() + 1)
    talk = np.bincount(labels, spoken)
    kept = kept[np.argsort(-talk[kept], kind="stable")][: at_most if at_most is not None else len(kept)]
    place = np.full(int(labels.max()) + 1, -1)
    place[kept] = np.arange(len(kept))
    given: Labels = np.full(count, -1, np.int64)
    given[makers] = place[labels]
    weighted = vectors * np.maximum(clear, 0.1)[:, None]
    given = _given(vectors, weighted, windows, given, len(kept), again=False)
    for _ in range(ROUNDS):
        moved = _given(vectors, weighted, windows, given, len(kept), again=True)
        if len(np.unique(moved)) < len(kept):
            break  # a voice would be lost
        given = moved
    first: dict[int, int] = {}
    numbers: Labels = np.array([first.setdefault(int(label), len(first)) for label in given], np.int64)
    return numbers


def _given(
    vectors: Floats, weighted: Floats, windows: NDArray[np.int64], labels: Labels, voices: int, *, again: bool
) -> Labels:
    """Give pieces (those without a label, -1, or `again` all) to the voices whose means they are most like.

    Within a window each voice is given once, so that the sum of cosines is greatest (Kuhn, "The Hungarian
    method for the assignment problem", 1955); pieces beyond the number of voices go to the most alike.
    """
    from scipy.optimize import linear_sum_assignment

    means = np.stack([weighted[labels == k].sum(axis=0) for k in range(voices)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    alike = _cosines(vectors, means)  # (pieces, voices)
    out: Labels = labels.copy()
    order = np.argsort(windows, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(windows[order])) + 1):
        free = members if again else members[labels[members] < 0]
        if not len(free):
            continue
        table = alike[free].copy()
        taken = labels[members][labels[members] >= 0] if not again else labels[:0]
        table[:, taken] -= 2.0  # more than two cosines can differ: taken only if all are
        out[free] = table.argmax(axis=1)
        if len(free) > 1:
            rows, columns = linear_sum_assignment(-table)
            out[free[rows]] = columns
    return out

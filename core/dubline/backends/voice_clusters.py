"""Which pieces of speech are one voice: average-linkage clustering that keeps apart what was heard at once.

Pieces that a segmentation network hears as different speakers within one short window are different people,
whatever their vectors say. Used as a constraint (Wagstaff & Cardie, "Clustering with instance-level
constraints", 2000), that knowledge makes the result far less touchy about the distance at which joining stops
(benchmarks/diarization.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Labels = NDArray[np.int64]

NEVER = -9.0  # below any cosine


def merges(vectors: Floats, apart: NDArray[np.bool_]) -> list[tuple[int, int, float]]:
    """Join the two most alike groups until nothing more may be joined: (kept, absorbed, mean cosine) each.

    `vectors` (n, size) of unit length; `apart` (n, n) symmetric: pairs that must not share a group. Memory is
    n * n; time about n * n for usual data.
    """
    count = len(vectors)
    if count < 2:
        return []
    sums = (vectors @ vectors.T).astype(np.float64)  # of all cosines between two groups
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
        sums[i] += sums[j]
        sums[:, i] = sums[i]
        sizes[i] += sizes[j]
        barred[i] |= barred[j]
        barred[:, i] = barred[i]
        barred[j] = barred[:, j] = True
        fresh = np.where(barred[i], NEVER, sums[i] / (sizes[i] * sizes))
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
    apart: NDArray[np.bool_],
    seconds: NDArray[np.float64],
    *,
    distance: float,
    shortest: float,
    at_least: int | None = None,
    at_most: int | None = None,
) -> Labels:
    """Voices of pieces of speech: (n,) numbers from 0 by first appearance.

    Args:
        vectors: (n, size), unit length.
        apart: (n, n), pairs heard at once.
        seconds: (n,) how much each piece speaks.
        distance: joining stops where the mean cosine of two groups is below 1 - distance.
        shortest: a group with fewer seconds is no voice of its own: its pieces go to the most alike voice.
        at_least, at_most: bounds on the number of voices. `at_least` wins over `distance`; both are met as
            far as the pieces allow it.
    """
    count = len(vectors)
    if not count:
        return np.zeros(0, np.int64)
    history = merges(vectors, apart)
    stop = next((k for k, merge in enumerate(history) if merge[2] < 1 - distance), len(history))

    def voices(labels: Labels) -> Labels:
        talk = np.bincount(labels, seconds)
        return np.flatnonzero(talk >= min(shortest, float(talk.max())))

    labels = cut(count, history[:stop])
    while at_most is not None and stop < len(history) and len(voices(labels)) > at_most:
        stop += 1
        labels = cut(count, history[:stop])
    while at_least is not None and stop > 0 and len(voices(labels)) < at_least:
        stop -= 1
        labels = cut(count, history[:stop])
    kept = voices(labels)
    if at_least is not None and len(kept) < at_least:  # too little speech each: the longest count
        kept = np.arange(labels.max() + 1)
    limit = at_most if at_most is not None else len(kept)
    talk = np.bincount(labels, seconds)
    kept = kept[np.argsort(-talk[kept], kind="stable")][:limit]
    labels = _gathered(vectors, apart, labels, kept)
    first: dict[int, int] = {}
    numbers: Labels = np.array([first.setdefault(int(label), len(first)) for label in labels], np.int64)
    return numbers


def _gathered(vectors: Floats, apart: NDArray[np.bool_], labels: Labels, kept: Labels) -> Labels:
    """Give the pieces of all other groups to the kept ones: to the most alike that is not heard beside it."""
    stray = np.flatnonzero(~np.isin(labels, kept))
    if not stray.size:
        return labels
    means = np.stack([vectors[labels == k].mean(axis=0) for k in kept])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    out: Labels = labels.copy()
    for piece in stray:
        alike = means @ vectors[piece]
        beside = np.array([(apart[piece] & (labels == k)).any() for k in kept])
        # A cosine is at most 2 away from another: one that is heard beside is taken only if all are.
        out[piece] = kept[int((alike - 2.0 * beside).argmax())]
    return out

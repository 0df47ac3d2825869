"""Which stretches of speech are one voice: agglomerative clustering that keeps apart what was heard at once.

Stretches that a segmentation network hears as different speakers at the same time are different people,
whatever their vectors say: a constraint (Wagstaff & Cardie, "Clustering with instance-level constraints",
2000). What it follows as one voice through a few seconds is a little more alike than its vectors say. Groups
are found among stretches long enough to describe a voice; then every stretch goes to the voice whose mean it
is most like.
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
ROUNDS = 1
"""How often all stretches are given anew to the voices' means. A second round changes nothing measurable."""


def merges(
    vectors: Floats,
    apart: NDArray[np.bool_],
    centroid: float = CENTROID,
    *,
    weights: NDArray[np.float64] | None = None,
    closer: NDArray[np.float64] | None = None,
) -> list[tuple[int, int, float]]:
    """Join the two most alike groups until nothing more may be joined: (kept, absorbed, likeness) each.

    The likeness of two groups is the mean cosine of their members, divided by (length of one mean * length of
    the other) ** `centroid`, and what they are `closer`: the greatest of their members' (n, n, symmetric).
    `vectors` (n, size): of unit length, or means of such, with the sum of their weights; `weights` (n,),
    default 1 each. `apart` (n, n) symmetric: pairs that must not share a group. Memory is n * n; time about
    n * n for usual data.
    """
    count = len(vectors)
    if count < 2:
        return []
    sizes = np.ones(count) if weights is None else weights.astype(np.float64)
    sums = _cosines(vectors, vectors) * np.outer(sizes, sizes)  # of all cosines between two groups
    own = sums.diagonal().copy()  # and within one, each member with itself too
    near = np.zeros((count, count)) if closer is None else closer.copy()
    barred = apart | np.eye(count, dtype=bool)
    lengths = np.sqrt(np.maximum(own, 1e-12)) / sizes
    means = sums / np.outer(sizes, sizes) / np.outer(lengths, lengths) ** centroid + near
    means = np.where(barred, NEVER, means)
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
        near[i] = np.maximum(near[i], near[j])
        near[:, i] = near[i]
        barred[i] |= barred[j]
        barred[:, i] = barred[i]
        barred[j] = barred[:, j] = True
        lengths = np.sqrt(np.maximum(own, 1e-12)) / sizes
        fresh = sums[i] / (sizes[i] * sizes) / (lengths[i] * lengths) ** centroid + near[i]
        fresh = np.where(barred[i], NEVER, fresh)
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
    """(n, size) and (m, size) -> (n, m): the products of all pairs.

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
    seconds: NDArray[np.float64],
    clear: NDArray[np.float64],
    apart: NDArray[np.bool_],
    closer: NDArray[np.float64] | None = None,
    *,
    distance: float,
    shortest: float,
    enough: float = 0.0,
    small: float = 0.0,
    alike: float = 1.0,
    at_least: int | None = None,
    at_most: int | None = None,
) -> Labels:
    """Voices of stretches of speech: (n,) numbers from 0 by first appearance.

    Args:
        vectors: (n, size), as `merges` takes them.
        seconds: (n,) how much is spoken in each.
        clear: (n,) how many seconds of sound each vector was made from: its weight.
        apart, closer: as `merges` takes them.
        distance: joining stops where the likeness of two groups (`merges`) is below 1 - distance.
        shortest: a group with fewer seconds is no voice of its own: it goes to the most alike voice.
        enough: vectors made from fewer seconds do not make groups, but are given to those that others make.
        small, alike: a group with a smaller share of what is spoken joins the one whose mean its own is most
            like, from a cosine of `alike`: poor sound or two who talk at once make such groups of voices that
            are there already.
        at_least, at_most: bounds on the number of voices. `at_least` wins over `distance` and `small`; both
            are met as far as the stretches allow it.
    """
    count = len(vectors)
    if not count:
        return np.zeros(0, np.int64)
    weights = np.maximum(clear, 0.1)
    makers = np.flatnonzero(clear >= enough)
    if len(makers) < max(1, at_least or 1):
        makers = np.arange(count)
    near = np.zeros((count, count)) if closer is None else closer
    among = np.ix_(makers, makers)
    history = merges(vectors[makers], apart[among], weights=weights[makers], closer=near[among])
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
    weighted = vectors * weights[:, None]
    while (pair := _small(labels, weighted[makers], spoken, apart[among], small * spoken.sum(), alike)) and (
        at_least is None or len(voices(labels)) > at_least
    ):
        labels = np.where(labels == pair[0], pair[1], labels)
    kept = voices(labels)
    if at_least is not None and len(kept) < at_least:  # too little speech each: the longest count
        kept = np.arange(labels.max() + 1)
    talk = np.bincount(labels, spoken)
    kept = kept[np.argsort(-talk[kept], kind="stable")][: at_most if at_most is not None else len(kept)]
    place = np.full(int(labels.max()) + 1, -1)
    place[kept] = np.arange(len(kept))
    given: Labels = np.full(count, -1, np.int64)
    given[makers] = place[labels]
    rest = np.flatnonzero(given < 0)
    given = _given(vectors, weighted, apart, near, given, rest[np.argsort(-clear[rest], kind="stable")])
    for _ in range(ROUNDS):
        moved = _given(vectors, weighted, apart, near, given, np.arange(count))
        if len(np.unique(moved)) < len(kept):
            break  # a voice would be lost
        given = moved
    first: dict[int, int] = {}
    numbers: Labels = np.array([first.setdefault(int(label), len(first)) for label in given], np.int64)
    return numbers


def _small(
    labels: Labels,
    weighted: Floats,
    spoken: NDArray[np.float64],
    apart: NDArray[np.bool_],
    seconds: float,
    alike: float,
) -> tuple[int, int] | None:
    """The group of less than so many seconds that is most like a longer one, and that one; None where no two
    are alike enough."""
    talk = np.bincount(labels, spoken)
    member = labels[:, None] == np.arange(len(talk))
    means = member.T.astype(np.float32) @ weighted
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    barred = member.T.astype(np.int64) @ apart @ member > 0
    likeness = np.where(barred | (talk[:, None] >= np.minimum(seconds, talk)), NEVER, _cosines(means, means))
    one, other = np.unravel_index(likeness.argmax(), likeness.shape)
    return (int(one), int(other)) if likeness[one, other] >= alike else None


def _given(
    vectors: Floats,
    weighted: Floats,
    apart: NDArray[np.bool_],
    closer: NDArray[np.float64],
    labels: Labels,
    which: Labels,
) -> Labels:
    """Give these stretches, one after the other, to the voices whose means they are most like.

    A voice that is `apart` is taken only if all are; one that is `closer` is that much more alike. -1 is no
    voice yet.
    """
    means = np.stack([weighted[labels == k].sum(axis=0) for k in range(int(labels.max()) + 1)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    alike = _cosines(vectors, means)  # (stretches, voices)
    out: Labels = labels.copy()
    for one in which:
        likeness = alike[one].copy()
        known = out >= 0
        np.add.at(likeness, out[known], closer[one, known])
        np.add.at(likeness, out[known], np.where(apart[one, known], -2.0, 0.0))  # more than cosines differ by
        out[one] = likeness.argmax()
    return out

"""The same voice in several runs, and the names of voices: pure arithmetic on voice embeddings.

A diarizer names voices anew in each run, and in each window of a long film. Each voice comes with a vector;
vectors of one kind (`Diarization.embedding`) point the same way when the voice is the same. `link` says which
voices of several runs are one; two voices of the same run never are. `name_voices` compares voices with the
clips that a `cast.toml` gives for each name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import InvalidJob
from dubline.values.cast import Clip

Vector = Sequence[float]
Voices = Mapping[str, Vector]
"""Label -> vector. An empty vector stands for a voice heard too briefly to have one."""

VoiceKey = tuple[int, str]
"""Number of the run, label in it."""

LEAST_ALIKE = 0.75
"""Cosine from which voices count as one. pyannote 3.1's published clustering threshold is a distance of
0.7046 between unit vectors, which is the cosine 0.752; benchmarks/diarization.py shows it on GE2E vectors."""


def unit(vector: Vector) -> NDArray[np.float64]:
    """The vector at length 1; zeros stay zeros.

    Raises:
        InvalidJob: a value is not a number.
    """
    array = np.asarray(vector, np.float64)
    if not np.isfinite(array).all():
        raise InvalidJob("a voice's vector holds a value that is not a number", hint="Diarize again.")
    length = float(np.linalg.norm(array))
    return array / length if length > 0 else array


def likeness(one: Vector, other: Vector) -> float:
    """Cosine of two vectors, -1 to 1; 0 if either is empty or zero.

    Raises:
        InvalidJob: they are of different kinds (lengths).
    """
    if not len(one) or not len(other):
        return 0.0
    if len(one) != len(other):
        raise InvalidJob(
            f"voices of different kinds: {len(one)} and {len(other)} numbers",
            hint="Compare runs of the same diarizer and model.",
        )
    return float(unit(one) @ unit(other))


class _Voice:
    """A voice found so far: who belongs to it, and the weighted sum of their vectors."""

    def __init__(self, size: int) -> None:
        self.members: set[VoiceKey] = set()
        self.total = np.zeros(size)

    def runs(self) -> set[int]:
        return {run for run, _ in self.members}

    def add(self, key: VoiceKey, vector: NDArray[np.float64]) -> None:
        self.members.add(key)
        self.total = self.total + vector

    def alike(self, vector: NDArray[np.float64]) -> float:
        lengths = float(np.linalg.norm(self.total) * np.linalg.norm(vector))
        return float(self.total @ vector) / lengths if lengths > 0 else 0.0


def link(
    runs: Sequence[Voices],
    *,
    least_alike: float = LEAST_ALIKE,
    seconds: Sequence[Mapping[str, float]] | None = None,
    same: Iterable[tuple[VoiceKey, VoiceKey]] = (),
    at_least: int | None = None,
    at_most: int | None = None,
) -> list[dict[str, int]]:
    """Number the voices of several runs so that the same voice has the same number in all of them.

    Each run in turn is assigned to the voices known so far so that the sum of cosines is greatest (Kuhn, "The
    Hungarian method for the assignment problem", 1955); below `least_alike` it becomes a new voice. Then
    voices that share no run are joined while they are alike enough. Numbers count from 0 by first appearance.

    Args:
        runs: per run, label -> vector of any length above 0 (cosines only); equal sizes throughout.
        seconds: per run, label -> how long that voice speaks: the weight of its vector. Default: 1 each.
        same: pairs known to be one voice from elsewhere (two windows hear the same second).
        at_least: be stricter until there are so many voices, as far as the runs hold so many.
        at_most: join the most alike beyond that, whatever `least_alike` says. Two voices of one run are never
            joined, so a run with more voices than that stays above it.

    Raises:
        InvalidJob: vectors of different sizes.
    """
    sizes = {len(v) for run in runs for v in run.values() if len(v)}
    if len(sizes) > 1:
        raise InvalidJob(
            f"the runs hold vectors of different kinds: {', '.join(map(str, sorted(sizes)))} numbers",
            hint="Link runs of the same diarizer and model.",
        )
    size = sizes.pop() if sizes else 1
    vectors: dict[VoiceKey, NDArray[np.float64]] = {}
    for number, run in enumerate(runs):
        for label, vector in run.items():
            weight = seconds[number].get(label, 1.0) if seconds is not None else 1.0
            vectors[number, label] = unit(vector) * max(weight, 1e-3) if len(vector) else np.zeros(size)
    known = {frozenset(pair) for pair in same}
    voices = _linked(runs, vectors, known, least_alike, at_most, size)
    bar = least_alike
    while at_least is not None and len(voices) < at_least and bar < 0.999:
        bar = (bar + 1) / 2
        voices = _linked(runs, vectors, known, bar, at_most, size)
    owner = {key: voice for voice in voices for key in voice.members}
    numbers: dict[int, int] = {}
    out: list[dict[str, int]] = []
    for number, run in enumerate(runs):
        voice_of = {label: id(owner[number, label]) for label in run}
        out.append({label: numbers.setdefault(voice, len(numbers)) for label, voice in voice_of.items()})
    return out


def _linked(
    runs: Sequence[Voices],
    vectors: dict[VoiceKey, NDArray[np.float64]],
    same: set[frozenset[VoiceKey]],
    least_alike: float,
    at_most: int | None,
    size: int,
) -> list[_Voice]:
    from scipy.optimize import linear_sum_assignment

    voices: list[_Voice] = []
    for number, run in enumerate(runs):
        keys = [(number, label) for label in run]
        table = np.array([[voice.alike(vectors[key]) for voice in voices] for key in keys])
        table = table.reshape(len(keys), len(voices))
        for row, key in enumerate(keys):
            for column, voice in enumerate(voices):
                if any(frozenset((key, member)) in same for member in voice.members):
                    table[row, column] = 3.0  # beats any sum of doubts about one other pair
        chosen: dict[int, int] = {}
        if table.size:
            # Pairs below the bar are worth nothing, so that they cannot outweigh a good one.
            worth = np.where(table >= least_alike, table + 1, 0)
            rows, columns = linear_sum_assignment(-worth)
            chosen = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if worth[r, c] > 0}
        for row, key in enumerate(keys):
            if row in chosen:
                voice = voices[chosen[row]]
            else:
                voice = _Voice(size)
                voices.append(voice)
            voice.add(key, vectors[key])
    return _joined(voices, least_alike, at_most)


def _joined(voices: list[_Voice], least_alike: float, at_most: int | None) -> list[_Voice]:
    """Join voices that share no run: the alike ones, then the most alike until there are few enough."""
    while len(voices) > 1:
        pairs = [
            (one.alike(other.total), i, j)
            for i, one in enumerate(voices)
            for j, other in enumerate(voices[i + 1 :], i + 1)
            if not one.runs() & other.runs()
        ]
        if not pairs:
            break
        best, i, j = max(pairs)
        if best < least_alike and (at_most is None or len(voices) <= at_most):
            break
        for key in voices[j].members:
            voices[i].members.add(key)
        voices[i].total = voices[i].total + voices[j].total
        del voices[j]
    return voices


def divide(vectors: Sequence[Vector], seconds: Sequence[float], into: int) -> list[int]:
    """Which of `into` voices each vector belongs to: 0 for the first vector's voice, and on by appearance.

    Ward's clustering (Ward, "Hierarchical grouping to optimize an objective function", 1963) of the unit
    vectors, then every vector goes to the voice whose mean, weighted by `seconds`, it is most like, until
    none changes.

    Raises:
        InvalidJob: fewer vectors than voices wanted, or fewer different ones.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    points = np.array([unit(vector) for vector in vectors])
    if into < 2 or len(points) < into:
        raise InvalidJob(
            f"{len(points)} pieces of speech cannot be {into} voices",
            hint="Ask for 2 or more voices, and not for more than there are pieces.",
        )
    labels = fcluster(linkage(points, "ward"), into, criterion="maxclust") - 1
    weights = np.asarray(seconds, np.float64)[:, None]
    for _ in range(20):
        means = [unit((points * weights)[labels == k].sum(axis=0)) for k in range(into)]
        moved = (points @ np.array(means).T).argmax(axis=1)
        if len(set(moved.tolist())) < into or (moved == labels).all():
            break
        labels = moved
    if len(set(labels.tolist())) < into:
        raise InvalidJob(
            f"these voices are too much alike to be told apart as {into}",
            hint="Name the segments yourself with --segments.",
        )
    order = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()))}
    return [order[label] for label in labels.tolist()]


# --- names -------------------------------------------------------------------------------------


def gallery(
    cast: Mapping[str, Sequence[Clip]], embed: Callable[[Clip], Vector]
) -> dict[str, tuple[float, ...]]:
    """Name -> the mean of the vectors that `embed` gives for the person's clips, at unit length."""
    people: dict[str, tuple[float, ...]] = {}
    for name, clips in cast.items():
        mean: Any = sum(unit(embed(clip)) for clip in clips)
        people[name] = tuple(float(x) for x in unit(mean))
    return people


def name_voices(voices: Voices, people: Voices, *, least_alike: float = LEAST_ALIKE) -> dict[str, str]:
    """Label -> name for the voices that are like a person's clips: each name goes to one voice at most."""
    from scipy.optimize import linear_sum_assignment

    labels, names = [k for k, v in voices.items() if len(v)], list(people)
    if not labels or not names:
        return {}
    table = np.array([[likeness(voices[label], people[name]) for name in names] for label in labels])
    worth = np.where(table >= least_alike, table + 1, 0)
    pairs = zip(*linear_sum_assignment(-worth), strict=True)
    return {labels[row]: names[column] for row, column in pairs if worth[row, column] > 0}

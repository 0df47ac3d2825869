"""Which cue of an edited file was which of those that were sent: by number, by time, by text.

    for pair in match(known, cues): ...        # pair.known and pair.cues are places in the two lists

Editors renumber, move, merge, split, delete and insert cues, and put times on whole frames. What is sure is
taken first: the same number and times, then the same text, then the same times; what is left is matched by
the time that is shared, moved as the cues around it were moved.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import median_low

import msgspec

from dubline.subtitles.cues import SubtitleText

TOLERANCE_MS = 50
"""Milliseconds by which a time may differ without being another: programs round to frames, and one frame is
42 ms at 24 frames a second."""
NEAR_MS = 2_000
"""How far from its expected time a text that stands in the file several times may lie."""
ALIKE = 0.6
"""Share of equal letters (difflib's ratio) from which two texts with one number are the same cue, moved."""
_AROUND = 5
"""Cues around one whose median move is taken for its own."""
_LARGEST = 400
"""Pairs of a tangle whose texts are compared; larger ones go by time alone."""


class Known(msgspec.Struct, frozen=True):
    """A cue as it was sent. `digest` is of its text as the file had it; `text` is for likeness only.

    `ghost`: it was not in the file, and is there to be found by its time.
    """

    number: int
    start_ms: int
    end_ms: int
    digest: str
    text: str = ""
    ghost: bool = False


class Pair(msgspec.Struct, frozen=True):
    """Places in the two lists that belong together: one each, or several of one side, or none."""

    known: tuple[int, ...]
    cues: tuple[int, ...]


def match(known: Sequence[Known], cues: Sequence[SubtitleText], digests: Sequence[str]) -> tuple[Pair, ...]:
    """Every known cue and every cue of the file in exactly one pair, in order of time.

    `digests` are those of the cues' texts, made as the known ones'. A digest "" is that of no text.
    """
    work = _Matching(known, cues, digests)
    work.by_number_and_times()
    work.by_text_and_times()
    work.by_number_and_text()
    work.by_unique_text()
    work.by_times()
    work.by_repeated_text()
    groups = work.by_shared_time()
    work.by_number_and_likeness(groups)
    pairs = [Pair((k,), (c,)) for k, c in work.partners.items()] + groups
    used_known = {k for pair in pairs for k in pair.known}
    used_cues = {c for pair in pairs for c in pair.cues}
    pairs += [Pair((k,), ()) for k in range(len(known)) if k not in used_known]
    pairs += [Pair((), (c,)) for c in range(len(cues)) if c not in used_cues]

    def place(pair: Pair) -> tuple[int, int]:
        if pair.known:
            return min((known[k].start_ms, k) for k in pair.known)
        return min((cues[c].start_ms, -1) for c in pair.cues)

    return tuple(sorted(pairs, key=place))


class _Matching:
    """What is left on both sides; each step takes away what it finds."""

    def __init__(self, known: Sequence[Known], cues: Sequence[SubtitleText], digests: Sequence[str]) -> None:
        self.known, self.cues, self.digests = known, cues, digests
        self.left_known = dict.fromkeys(range(len(known)))
        self.left_cues = dict.fromkeys(range(len(cues)))
        self.partners: dict[int, int] = {}
        self._moves: list[tuple[int, int]] = []

    def _take(self, k: int, c: int) -> None:
        self.partners[k] = c
        del self.left_known[k]
        del self.left_cues[c]
        insort(self._moves, (self.known[k].start_ms, self.cues[c].start_ms - self.known[k].start_ms))

    def _close(self, k: int, c: int) -> bool:
        one, other = self.known[k], self.cues[c]
        return (
            abs(one.start_ms - other.start_ms) <= TOLERANCE_MS
            and abs(one.end_ms - other.end_ms) <= TOLERANCE_MS
        )

    def _near(self, mine: Sequence[int], starts: Sequence[int], c: int) -> list[int]:
        """Those of `mine`, in order of their `starts`, that are left and have a cue's times."""
        first = bisect_left(starts, self.cues[c].start_ms - TOLERANCE_MS)
        last = bisect_right(starts, self.cues[c].start_ms + TOLERANCE_MS)
        return [k for k in mine[first:last] if k in self.left_known and self._close(k, c)]

    def _by_number(self, same: Callable[[int, int], bool]) -> None:
        numbers: dict[int, list[int]] = defaultdict(list)
        for k in self.left_known:
            if not self.known[k].ghost:
                numbers[self.known[k].number].append(k)
        for c in list(self.left_cues):
            for k in numbers.get(self.cues[c].index, ()):
                if k in self.left_known and same(k, c):
                    self._take(k, c)
                    break

    def by_number_and_times(self) -> None:
        self._by_number(self._close)

    def by_number_and_text(self) -> None:
        self._by_number(lambda k, c: bool(self.digests[c]) and self.known[k].digest == self.digests[c])

    def by_number_and_likeness(self, groups: Sequence[Pair]) -> None:
        """The same number and much the same words, wherever it went."""
        for pair in groups:
            for k in pair.known:
                self.left_known.pop(k, None)
            for c in pair.cues:
                self.left_cues.pop(c, None)
        self._by_number(lambda k, c: _alike(self.known[k].text, self.cues[c].text) >= ALIKE)

    def _texts(self) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        ours: dict[str, list[int]] = defaultdict(list)
        theirs: dict[str, list[int]] = defaultdict(list)
        for k in self.left_known:
            if not self.known[k].ghost and self.known[k].digest:
                ours[self.known[k].digest].append(k)
        for c in self.left_cues:
            if self.digests[c]:
                theirs[self.digests[c]].append(c)
        return ours, theirs

    def by_text_and_times(self) -> None:
        ours, theirs = self._texts()
        for digest, places in theirs.items():
            mine = sorted(ours.get(digest, ()), key=lambda k: self.known[k].start_ms)
            starts = [self.known[k].start_ms for k in mine]
            for c in places:
                close = self._near(mine, starts, c)
                if close:
                    self._take(close[0], c)

    def by_unique_text(self) -> None:
        ours, theirs = self._texts()
        for digest, places in theirs.items():
            mine = ours.get(digest, [])
            if len(places) == len(mine) == 1:
                self._take(mine[0], places[0])

    def by_times(self) -> None:
        mine = sorted(self.left_known, key=lambda k: self.known[k].start_ms)
        starts = [self.known[k].start_ms for k in mine]
        for c in list(self.left_cues):
            close = self._near(mine, starts, c)
            if close:
                text = self.cues[c].text
                self._take(
                    max(close, key=lambda k: (not self.known[k].ghost, _alike(self.known[k].text, text), -k)),
                    c,
                )

    def by_repeated_text(self) -> None:
        """Of equal texts, the one nearest to where it should be."""
        ours, theirs = self._texts()
        for digest, places in theirs.items():
            for c in places:
                mine = [k for k in ours.get(digest, ()) if k in self.left_known]
                if not mine:
                    break
                at = self.cues[c].start_ms
                far, k = min((abs(self.known[k].start_ms + self._move(k) - at), k) for k in mine)
                if far <= NEAR_MS:
                    self._take(k, c)

    def _move(self, k: int) -> int:
        """By how many milliseconds the cues around one were moved."""
        at = bisect_left(self._moves, (self.known[k].start_ms, 0))
        near = [move for _, move in self._moves[max(0, at - _AROUND // 2 - 1) : at + _AROUND // 2 + 1]]
        return median_low(near) if near else 0

    # --- what shares time --------------------------------------------------------------------------

    def by_shared_time(self) -> list[Pair]:
        """Pairs, merged and split cues among what is left."""
        groups: list[Pair] = []
        for ours, theirs, shared in self._tangles():
            groups += self._untangled(ours, theirs, shared)
        return groups

    def _span(self, k: int) -> tuple[int, int]:
        move = self._move(k)
        start = self.known[k].start_ms + move
        return start, max(self.known[k].end_ms + move, start + 1)

    def _tangles(self) -> Iterable[tuple[list[int], list[int], dict[tuple[int, int], float]]]:
        """Known cues and cues joined by shared time, and of each pair the share of the shorter one."""
        mine = sorted((*self._span(k), k) for k in self.left_known)
        theirs = sorted(
            (self.cues[c].start_ms, max(self.cues[c].end_ms, self.cues[c].start_ms + 1), c)
            for c in self.left_cues
        )
        shared: dict[tuple[int, int], float] = {}
        running: list[tuple[int, int, int]] = []
        at = 0
        for start, end, c in theirs:
            while at < len(mine) and mine[at][0] < end:
                running.append(mine[at])
                at += 1
            running = [item for item in running if item[1] > start]
            for from_ms, to_ms, k in running:
                both = min(end, to_ms) - max(start, from_ms)
                if 2 * both >= min(end - start, to_ms - from_ms):
                    shared[k, c] = both / min(end - start, to_ms - from_ms)
        yield from _components(shared)

    def _untangled(
        self, ours: list[int], theirs: list[int], shared: dict[tuple[int, int], float]
    ) -> list[Pair]:
        if len(ours) == 1 or (len(theirs) == 1 and not self._together(ours)):
            return [Pair(tuple(ours), tuple(theirs))]
        compared = len(shared) <= _LARGEST
        scores = {
            (k, c): share + (2 * _alike(self.known[k].text, self.cues[c].text) if compared else 0)
            for (k, c), share in shared.items()
        }
        order = sorted(scores, key=lambda edge: (-scores[edge], edge))
        cue_of: dict[int, list[int]] = {}
        known_of: dict[int, list[int]] = {}
        for k, c in order:
            if k not in cue_of and c not in known_of:
                cue_of[k], known_of[c] = [c], [k]
        for k, c in order:  # what is left joins its best neighbour, if that makes it a merge or a split
            if c not in known_of and len(cue_of[k]) >= 1 and len(known_of[cue_of[k][0]]) == 1:
                cue_of[k].append(c)
                known_of[c] = [k]
            elif k not in cue_of and len(cue_of[known_of[c][0]]) == 1:
                others = known_of[c]
                if not self._together([*others, k]):
                    others.append(k)
                    cue_of[k] = [c]
        groups = {tuple(sorted(known_of[c])): tuple(sorted(cue_of[known_of[c][0]])) for c in known_of}
        return [Pair(k, c) for k, c in groups.items()]

    def _together(self, ours: list[int]) -> bool:
        """Whether some of these sound at the same time, so that a cue over all is no merge of them."""
        spans = sorted((self.known[k].start_ms, self.known[k].end_ms) for k in ours)
        return any(2 * (min(a[1], b[1]) - b[0]) > min(a[1] - a[0], b[1] - b[0]) for a, b in pairwise(spans))


def _components(
    shared: dict[tuple[int, int], float],
) -> Iterable[tuple[list[int], list[int], dict[tuple[int, int], float]]]:
    """The connected parts of the pairs, known on one side and cues on the other."""
    of_known: dict[int, list[int]] = defaultdict(list)
    of_cue: dict[int, list[int]] = defaultdict(list)
    for k, c in shared:
        of_known[k].append(c)
        of_cue[c].append(k)
    seen: set[int] = set()
    for first in of_known:
        if first in seen:
            continue
        seen.add(first)
        waiting, ours, theirs = [first], [], set()
        while waiting:
            k = waiting.pop()
            ours.append(k)
            for c in of_known[k]:
                theirs.add(c)
                for other in of_cue[c]:
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
        edges = {(k, c): shared[k, c] for k in ours for c in of_known[k]}
        yield sorted(ours), sorted(theirs), edges


def _alike(one: str, other: str) -> float:
    """0 to 1; the start of long texts is enough."""
    if one == other:
        return 1.0
    return SequenceMatcher(None, one[:200], other[:200], autojunk=False).ratio() if one and other else 0.0

"""Speech in pieces that a recognizer takes at once: few, none longer than 30 s, cut only in pauses.

A recognizer such as Whisper works on 30 s whatever it is given, so one call for each turn would waste most
of its time. Turns are packed here into stretches of the sound as it is, pauses included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dubline.backends.contract import Stretch
from dubline.errors import InvalidJob
from dubline.media.speech import Speech
from dubline.timebase import Timed

RATE = 16000
LONGEST = 30.0
HOP = 0.01
"""Seconds between two levels."""
FRAME = 0.025
"""Seconds of sound that a level is measured over."""
FLOOR = -100.0  # dB; the level of digital silence
APART = 5.0
"""Seconds of pause that always part two stretches: over long music recognizers invent text."""
ROOM = 0.2
"""Seconds added before and after speech where there is room: turns begin and end a little late or early."""
LEAST_PAUSE = 0.06
"""Seconds. Stops inside words are shorter than this more often than not, pauses between words longer."""


def pack(spans: Sequence[Timed], speech: Speech, *, longest: float = LONGEST) -> tuple[Stretch, ...]:
    """Stretches, in order, that hold all the speech in `spans`, each at most `longest` seconds (0.2 to 30).

    Spans may overlap and come in any order; what lies outside the sound is left out. A stretch is filled
    until the next span would not fit, then cut back to the longest pause in its second half. Speech that
    goes on for longer is cut in its longest quiet place, by level.

    Raises:
        InvalidJob: a span ends before it begins or has no number for a time; `longest` is out of range.
    """
    if not 1.0 <= longest <= LONGEST:
        raise InvalidJob(f"stretches of {longest} s", hint="Give 1 to 30 s.")
    runs = _divided(_runs(spans, speech.duration), speech, longest)
    stretches: list[Stretch] = []
    at = 0
    while at < len(runs):
        upto = at + 1
        while (
            upto < len(runs)
            and runs[upto][1] - runs[at][0] <= longest
            and runs[upto][0] - runs[upto - 1][1] < APART
        ):
            upto += 1
        full = upto < len(runs) and runs[upto][0] - runs[upto - 1][1] < APART
        if full:
            pauses = {i: runs[i][0] - runs[i - 1][1] for i in range(at + 1, upto + 1)}
            late = {i: p for i, p in pauses.items() if runs[i - 1][1] - runs[at][0] >= longest / 2}
            upto = max(late, key=lambda i: (late[i], i)) if late else upto
        stretches.append(Stretch(start=runs[at][0], end=runs[upto - 1][1]))
        at = upto
    return tuple(stretches)


def _runs(spans: Iterable[Timed], duration: float) -> list[tuple[float, float]]:
    """The spans merged where they overlap or nearly touch, with some room around them."""
    merged: list[list[float]] = []
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        if not -math.inf < span.start <= span.end < math.inf:
            raise InvalidJob(
                f"speech from {span.start} s to {span.end} s",
                hint="It must end after it begins; fix the turns or line times.",
            )
        start, end = max(0.0, span.start), min(span.end, duration)
        if end <= start:
            continue
        if merged and start - merged[-1][1] < LEAST_PAUSE:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    runs = []
    for index, (start, end) in enumerate(merged):
        before = merged[index - 1][1] if index else 0.0
        after = merged[index + 1][0] if index + 1 < len(merged) else duration
        room = ROOM if index else min(ROOM, start)
        first = max(start - room, (before + start) / 2 if index else 0.0)
        last = min(end + ROOM, (end + after) / 2 if index + 1 < len(merged) else duration)
        runs.append((first, last))
    return runs


def _divided(
    runs: Iterable[tuple[float, float]], speech: Speech, longest: float
) -> list[tuple[float, float]]:
    """Runs longer than `longest` cut at the longest pause between a half and the whole of that."""
    pieces = []
    for start, end in runs:
        while end - start > longest:
            cut = quiet_place(speech, start + longest / 2, start + longest - HOP)
            pieces.append((start, cut))
            start = cut
        pieces.append((start, end))
    return pieces


def quiet_place(speech: Speech, start: float, end: float) -> float:
    """The middle of the longest pause between two times, in seconds; without a pause, the quietest place."""
    level = levels(speech, start, end)
    if not len(level):
        return end
    loud = float(np.percentile(level, 90))
    low = float(level.min())
    quiet = level < max(loud - 30.0, low + 0.25 * (loud - low))
    best = max(true_runs(quiet), key=lambda run: run[1] - run[0], default=(0, 0))
    if (best[1] - best[0]) * HOP < LEAST_PAUSE:
        wide = np.convolve(level, np.ones(5) / 5, mode="same")
        middle = int(wide[2:-2].argmin()) + 2 if len(wide) > 4 else len(wide) // 2
        return min(max(start + (middle + 0.5) * HOP, start), end)
    return min(max(start + (best[0] + best[1]) / 2 * HOP, start), end)


def levels(speech: Speech, start: float, end: float) -> NDArray[np.float64]:
    """The level every 10 ms, in dB of full scale, each over 25 ms around the middle of its 10 ms."""
    first, count = round(start * RATE), max(0, round((end - start) / HOP))
    hop, frame = round(HOP * RATE), round(FRAME * RATE)
    reach = (frame - hop) // 2
    sound = speech.read(first - reach, first + count * hop + reach).astype(np.float64)
    power = np.concatenate([[0.0], np.cumsum(sound * sound)])
    begin = np.arange(count) * hop
    mean = (power[begin + hop + 2 * reach] - power[begin]) / (hop + 2 * reach)
    return np.asarray(10 * np.log10(np.maximum(mean, 10 ** (FLOOR / 10))))


def true_runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

"""A long sound diarized in windows, whose voices are then linked: memory does not grow with the film.

What a window costs is given back before the next one. Windows overlap by a few seconds: voices heard at the
same time on both sides of a seam are one, and beyond that the voices' vectors decide.
"""

from __future__ import annotations

import gc
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from dubline.backends.backend import Backend
from dubline.backends.contract import Diarization
from dubline.errors import InvalidJob
from dubline.report import Report
from dubline.signal.embeddings import VoiceKey
from dubline.values.transcript import Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dubline.media.speech import Speech

RATE = 16000
LEAST_SPEECH = 0.5  # seconds: of less no voice can be told
SILENCE = 10 ** (-80 / 20)
# Two voices of neighbouring windows are one if they share this much of the seam: seconds, and of their union.
SHARED_SECONDS, SHARED_PART = 1.0, 0.6


class HeardWindow(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard between two times, both in seconds of the whole sound; fields as in `Diarization`."""

    turns: tuple[Turn, ...] = ()
    exclusive: tuple[Turn, ...] = ()
    embeddings: dict[str, tuple[float, ...]] = {}


Hear = Callable[[float, float, Report], HeardWindow]
Same = Sequence[tuple[VoiceKey, VoiceKey]]
Link = Callable[
    [Sequence[dict[str, tuple[float, ...]]], Sequence[dict[str, float]], Same], list[dict[str, int]]
]
"""Per window the voices' vectors and seconds, and pairs that are one -> a number for each voice."""


def speaker_bounds(options: Any) -> tuple[int | None, int | None]:
    """`speakers`, `min_speakers`, `max_speakers` of a diarizer's options -> (at least, at most).

    Raises:
        InvalidJob: below 1, or they contradict each other.
    """
    exact, least, most = options.speakers, options.min_speakers, options.max_speakers
    for name, value in (("speakers", exact), ("min_speakers", least), ("max_speakers", most)):
        if value is not None and value < 1:
            raise InvalidJob(f"{name} is {value}", hint="Give 1 or more, or leave it out to estimate.")
    if exact is not None and (least is not None or most is not None):
        raise InvalidJob(
            "speakers is given beside min_speakers or max_speakers",
            hint="Give the exact number, or bounds, not both.",
        )
    if least is not None and most is not None and least > most:
        raise InvalidJob(
            f"min_speakers is {least}, max_speakers {most}", hint="Give the smaller number as min_speakers."
        )
    return (exact, exact) if exact is not None else (least, most)


def check_ranges(options: Any, *ranges: tuple[str, float, float]) -> None:
    """Options that are numbers from a lowest to a highest value; None is not checked.

    Raises:
        InvalidJob: one lies outside.
    """
    for name, low, high in ranges:
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise InvalidJob(f"{name} is {value}", hint=f"It is a number from {low} to {high}.")


class WindowedDiarizer(Backend):
    """What diarizers that hear a sound in windows do the same way.

    A back end loads its weights in `__init__`, sets `_options`, `_bounds` and `embedding`; it has `_hear`,
    `_voice_of`, `_link` and `_free`.
    """

    overlap: ClassVar[float]  # seconds that neighbouring windows share on each side
    longest_piece: ClassVar[float]  # seconds of one voice that are embedded at once

    embedding: str
    _options: Any
    _bounds: tuple[int | None, int | None]

    def _hear(
        self, speech: Speech, start: float, stop: float, report: Report, least: int | None, most: int | None
    ) -> HeardWindow:
        raise NotImplementedError

    def _voice_of(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) samples of one voice -> (size,) vector of any length."""
        raise NotImplementedError

    def _link(
        self,
        runs: Sequence[dict[str, tuple[float, ...]]],
        seconds: Sequence[dict[str, float]],
        same: Same,
    ) -> list[dict[str, int]]:
        """Number the voices of all windows; see `Link`."""
        raise NotImplementedError

    def _free(self) -> None:
        """Let go of the networks."""
        raise NotImplementedError

    def diarize(self, speech: Speech, report: Report) -> Diarization:
        least, most = self._bounds
        length = self._options.window * 60
        single = speech.duration <= length

        def hear(start: float, stop: float, progress: Report) -> HeardWindow:
            # Who is missing in one window may speak in the next: only a lone window must hold them all.
            return self._hear(speech, start, stop, progress, least if single else None, most)

        return diarize_in_windows(
            speech.duration,
            hear,
            report,
            length=length,
            overlap=self.overlap,
            link=self._link,
            embedding=self.embedding,
        )

    def embed(self, speech: Speech, spans: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        import numpy as np

        total: Any = 0.0
        for sound in _pieces(speech, spans, round(self.longest_piece * RATE)):
            if len(sound) >= LEAST_SPEECH * RATE and float(np.abs(sound).max()) > SILENCE:
                vector = np.asarray(self._voice_of(sound), np.float64)
                norm = float(np.linalg.norm(vector))
                if 0 < norm < math.inf:
                    total = total + vector / norm * len(sound)
        norm = float(np.linalg.norm(total))
        return tuple(float(x) for x in total / norm) if norm > 0 else ()

    def __exit__(self, *exc: object) -> None:
        self._free()
        gc.collect()


def _pieces(
    speech: Speech, spans: Sequence[tuple[float, float]], longest: int
) -> Iterator[NDArray[np.float32]]:
    """The sound of all spans in a row, in equal pieces of at most `longest` samples."""
    import numpy as np

    places = [(max(0, round(a * RATE)), min(speech.frames, round(b * RATE))) for a, b in spans]
    places = [(a, b) for a, b in places if a < b]
    total = sum(b - a for a, b in places)
    count = max(1, -(-total // longest))
    bounds = [total * k // count for k in range(count + 1)]
    starts = np.cumsum([0, *(b - a for a, b in places)])
    for first, last in pairwise(bounds):
        parts = [
            speech.read(a + max(0, first - int(at)), a + min(b - a, last - int(at)))
            for (a, b), at in zip(places, starts, strict=False)
            if at < last and at + (b - a) > first
        ]
        if parts:
            yield np.concatenate(parts)


def spans(duration: float, length: float) -> list[tuple[float, float]]:
    """The whole sound in equal parts of at most `length` seconds."""
    count = max(1, math.ceil(duration / length - 1e-9))
    return [(duration * k / count, duration * (k + 1) / count) for k in range(count)]


def diarize_in_windows(
    duration: float,
    hear: Hear,
    report: Report,
    *,
    length: float,
    overlap: float,
    link: Link,
    embedding: str = "",
) -> Diarization:
    """Hear a sound of `duration` seconds window by window and link the voices.

    `hear(start, stop, report)` is given each part of `length` seconds with `overlap` seconds more on both
    sides, and reports seconds of its own window. Labels of the result are S0, S1 ... by first appearance.
    """
    if duration <= 0:
        return Diarization(turns=(), exclusive=(), embedding=embedding)
    parts = spans(duration, length)
    kept: list[HeardWindow] = []
    runs: list[dict[str, tuple[float, ...]]] = []
    weights: list[dict[str, float]] = []
    same: list[tuple[VoiceKey, VoiceKey]] = []
    tail: list[Turn] = []
    for number, (start, stop) in enumerate(parts):
        begin = max(0.0, start - overlap)
        end = min(duration, stop + overlap)

        def inner(done: float, total: float, first: float = start, last: float = stop) -> None:
            share = min(1.0, done / total) if total else 1.0
            report(first + (last - first) * share, duration)

        heard = hear(begin, end, inner)
        if number:
            same += _shared(number, tail, list(heard.turns), begin, min(end, start + overlap))
        seam = max(0.0, stop - overlap)
        tail = [t for t in heard.turns if t.end > seam]
        voices = dict.fromkeys([t.speaker for t in heard.turns])
        runs.append({label: heard.embeddings.get(label, ()) for label in voices})
        talk: dict[str, float] = defaultdict(float)
        for turn in heard.turns:
            talk[turn.speaker] += turn.end - turn.start
        weights.append(dict(talk))
        kept.append(
            HeardWindow(
                turns=tuple(inside(heard.turns, start, stop)),
                exclusive=tuple(inside(heard.exclusive, start, stop)),
            )
        )
        report(stop, duration)
    return _assembled(kept, runs, weights, link(runs, weights, same), embedding)


def inside(turns: Iterable[Turn], start: float, stop: float) -> Iterator[Turn]:
    """What of some turns lies between two times."""
    for turn in turns:
        a, b = max(turn.start, start), min(turn.end, stop)
        if a < b:
            yield Turn(start=a, end=b, speaker=turn.speaker)


def _shared(
    number: int, before: list[Turn], after: list[Turn], start: float, stop: float
) -> list[tuple[VoiceKey, VoiceKey]]:
    """Pairs of voices that speak at the same time in the stretch that two windows both heard."""
    voices: tuple[dict[str, list[Turn]], ...] = ({}, {})
    for group, turns in zip(voices, (before, after), strict=True):
        for turn in inside(turns, start, stop):
            group.setdefault(turn.speaker, []).append(turn)
    pairs = []
    for old, these in voices[0].items():
        for new, those in voices[1].items():
            common = sum(max(0.0, min(a.end, b.end) - max(a.start, b.start)) for a in these for b in those)
            union = sum(t.end - t.start for t in these + those) - common
            if common >= SHARED_SECONDS and common >= SHARED_PART * union:
                pairs.append(((number - 1, old), (number, new)))
    return pairs


def _assembled(
    kept: list[HeardWindow],
    runs: list[dict[str, tuple[float, ...]]],
    weights: list[dict[str, float]],
    numbers: list[dict[str, int]],
    embedding: str,
) -> Diarization:
    import numpy as np

    def named(turns: tuple[Turn, ...], window: int) -> Iterator[Turn]:
        for turn in turns:
            yield msgspec.structs.replace(turn, speaker=f"S{numbers[window][turn.speaker]}")

    turns = merged(turn for k, w in enumerate(kept) for turn in named(w.turns, k))
    exclusive = merged(turn for k, w in enumerate(kept) for turn in named(w.exclusive, k))
    order = {label: f"S{k}" for k, label in enumerate(dict.fromkeys(t.speaker for t in turns))}
    sums: dict[str, Any] = {}
    for run, talk, found in zip(runs, weights, numbers, strict=True):
        for label, vector in run.items():
            name = f"S{found[label]}"
            if len(vector) and name in order:
                length = float(np.linalg.norm(vector)) or 1.0
                sums[name] = sums.get(name, 0.0) + np.asarray(vector) / length * max(talk[label], 1e-3)
    vectors = {
        order[name]: tuple(float(x) for x in total / (float(np.linalg.norm(total)) or 1.0))
        for name, total in sums.items()
    }

    def renamed(found: list[Turn]) -> tuple[Turn, ...]:
        return tuple(
            msgspec.structs.replace(t, speaker=order[t.speaker]) for t in found if t.speaker in order
        )

    return Diarization(
        turns=renamed(turns),
        exclusive=renamed(exclusive),
        embeddings={label: vectors[label] for label in order.values() if label in vectors},
        embedding=embedding,
    )


def merged(turns: Any) -> list[Turn]:
    """Turns by start; those of one speaker that touch or overlap become one."""
    voices: dict[str, list[Turn]] = {}
    for turn in sorted(turns, key=lambda t: (t.start, t.end)):
        own = voices.setdefault(turn.speaker, [])
        if own and turn.start <= own[-1].end + 1e-6:
            own[-1] = msgspec.structs.replace(own[-1], end=max(own[-1].end, turn.end))
        else:
            own.append(turn)
    return sorted((t for own in voices.values() for t in own), key=lambda t: (t.start, t.end, t.speaker))

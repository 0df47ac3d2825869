"""Where takes sound and how loud: placing, fades, ducking, and the channels a voice goes to."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.errors import ValidationError
from dubline.media.sound import open_sound, read_blocks
from dubline.report import clock_text
from dubline.timebase import merged
from dubline.values.dubbed import Take

Floats = NDArray[np.float64]

Spans = tuple[tuple[int, int], ...]  # samples, sorted and apart


class Placed(msgspec.Struct, frozen=True):
    """A take as it is mixed: samples `start` to `stop` of the programme, taken from the file's first on."""

    path: Path
    start: int
    stop: int
    gain: float


def place(
    takes: Iterable[Take],
    *,
    rate: int,
    frames: int,
    where: Callable[[str], Path],
    note: Callable[[str], None],
) -> list[Placed]:
    """The takes that have sound, by their start. `frames` is the programme's length.

    A take that runs over the end of the programme is cut there; one without a sample, and one that begins
    at the end or later, is left out. All of that is noted.

    Raises:
        ValidationError: a file is missing, is not mono, does not have the rate or length that is told, or
            starts before the programme.
    """
    placed, empty, failed = [], [], []
    for take in takes:
        if take.state == "failed":
            failed.append(take.id)
        if take.state in ("failed", "silent"):
            continue
        if not take.frames or not take.path:
            empty.append(take.id)
            continue
        path = where(take.path)
        _check(take, path, rate)
        when = clock_text(take.start / rate)
        if take.start >= frames:
            note(f"take {take.id} would begin at {when}, after the programme's end: it was left out")
            continue
        over = take.start + take.frames - frames
        if over > 0:
            note(f"take {take.id} at {when} was cut {over / rate:.3f} s short: the programme ends there")
        gain = 10 ** (take.gain_db / 20)
        placed.append(Placed(path, take.start, min(frames, take.start + take.frames), gain))
    if empty:
        note(f"takes without a sample were left out: {_listed(empty)}")
    if failed:
        note(f"lines that have no take, and so no voice in the mix: {_listed(failed)}")
    return sorted(placed, key=lambda take: (take.start, take.stop))


def _check(take: Take, path: Path, rate: int) -> None:
    sound = open_sound(path)
    again = "Speak the lines again for this programme."
    if (take.rate, sound.rate) != (rate, rate):
        raise ValidationError(
            f"take {take.id} has {sound.rate} samples a second, and the programme {rate}", hint=again
        )
    if (sound.channels, sound.frames) != (1, take.frames):
        raise ValidationError(
            f"take {take.id} has {sound.channels} channels and {sound.frames} samples; "
            f"1 and {take.frames} were announced",
            hint=again,
        )
    if take.start < 0:
        raise ValidationError(f"take {take.id} starts {-take.start} samples before the programme", hint=again)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:20])
    return shown if len(numbers) <= 20 else f"{shown} and {len(numbers) - 20} more"


class Voices:
    """The takes of a programme as one mono sound, read in order of time."""

    def __init__(self, takes: list[Placed], fade: int) -> None:
        self._takes, self._fade = takes, fade
        self._starts = [take.start for take in takes]
        self._longest = max((take.stop - take.start for take in takes), default=0)
        self.spans: Spans = tuple(merged((take.start, take.stop) for take in takes))

    def read(self, start: int, stop: int) -> Floats | None:
        """Samples `start` to `stop` of the sum of all takes; None where none sounds."""
        first = bisect.bisect_left(self._starts, start - self._longest)
        last = bisect.bisect_left(self._starts, stop)
        total: Floats | None = None
        for take in self._takes[first:last]:
            if take.stop <= start:
                continue
            begin, end = max(start, take.start), min(stop, take.stop)
            pieces = read_blocks(take.path, end - begin, begin - take.start, end - take.start)
            sound = next(pieces)[0].astype(np.float64) * take.gain
            if not np.isfinite(sound).all():
                raise ValidationError(
                    f"{take.path.name} holds a sample that is not a number",
                    hint="Speak that line again, or take it out.",
                )
            sound *= fades(begin - take.start, end - take.start, take.stop - take.start, self._fade)
            if total is None:
                total = np.zeros(stop - start)
            total[begin - start : end - start] += sound
        return total


def fades(start: int, stop: int, length: int, fade: int) -> Floats:
    """Gains for samples `start` to `stop` of a sound of `length`: raised cosines at both ends.

    Where the sound is shorter than both fades, each is half of it. The outermost samples are not zero, so
    that a sound of one sample is still heard.
    """
    fade = min(fade, length // 2)
    if not fade:
        return np.ones(stop - start)
    at = np.arange(start, stop, dtype=np.float64)
    rise = np.clip((np.minimum(at, length - 1 - at) + 1) / (fade + 1), 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * rise))


def inside(spans: Spans, start: int, stop: int) -> NDArray[np.bool_]:
    """Which of the samples `start` to `stop` lie in a span."""
    mask = np.zeros(stop - start, np.bool_)
    for first, last in _near(spans, start, stop, 0, 0):
        mask[max(0, first - start) : max(0, last - start)] = True
    return mask


def ducking(spans: Spans, start: int, stop: int, *, depth: float, attack: int, release: int) -> Floats | None:
    """Gains for the samples `start` to `stop` of what goes down under the spans; None where all are 1.

    `depth` in dB, straight lines in dB before and after each span over `attack` and `release` samples.
    Between two spans that are close, the lower of both lines counts.
    """
    near = _near(spans, start, stop, attack, release) if depth else ()
    if not near:
        return None
    at = np.arange(start, stop, dtype=np.float64)
    down = np.zeros(stop - start)
    for first, last in near:
        before = np.clip(1 - (first - at) / max(attack, 1), 0.0, 1.0)
        after = np.clip(1 - (at - (last - 1)) / max(release, 1), 0.0, 1.0)
        np.maximum(down, np.minimum(before, after), out=down)
    return np.asarray(10 ** (-depth * down / 20))


def _near(spans: Spans, start: int, stop: int, attack: int, release: int) -> Spans:
    first = bisect.bisect_right(spans, start - release, key=lambda span: span[1])
    last = bisect.bisect_left(spans, stop + attack, key=lambda span: span[0])
    return spans[first:last]


def voice_channels(channels: int, layout: str) -> tuple[int, ...]:
    """Where a dubbed voice goes: the centre of a surround sound, both sides of a stereo one.

    A layout that is not known is treated as if its first two channels were left and right.
    """
    if layout in ("5.1", "7.1") and channels >= 6:
        return (2,)
    return tuple(range(min(channels, 2)))

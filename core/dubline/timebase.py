"""Seconds, samples, picture frames and timecode: the only rounding of time in the product.

Everything is counted in whole samples or whole picture frames and converted through exact fractions.
A rate such as 23.976 is 24000/1001 and nothing else, so nothing drifts over a film.

Rounding has a name wherever it happens:

    nearest   the closest whole number; a half goes up, so shifting by whole units never changes a result
    floor     the last whole number not after the time
    ceil      the first whole number not before the time

Seconds often arrive as floats, which cannot hold most times exactly. A time within `SNAP` of a whole
sample or frame therefore counts as that one before `floor` or `ceil` looks at it: over 24 hours at
192 kHz the error of a double stays below it, and a frame turned into float seconds comes back unharmed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, TypeVar

from dubline.errors import InvalidJob


class Timed(Protocol):
    """Anything with a place in time, in seconds."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


Number = TypeVar("Number", int, float)
Rounding = Literal["nearest", "floor", "ceil"]
Seconds = float | Fraction | int

SNAP = Fraction(1, 10_000)
"""Part of one sample or frame that is taken for the error of a float."""

_NTSC = Fraction(1000, 1001)
_DECIMAL = re.compile(r"\d+(\.\d*)?|\.\d+")
_FRACTION = re.compile(r"(\d+)\s*[/:]\s*(\d+)")


def merged(spans: Iterable[tuple[Number, Number]]) -> list[tuple[Number, Number]]:
    """Spans in order, those that touch or overlap as one."""
    apart: list[tuple[Number, Number]] = []
    for start, end in sorted(spans):
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        else:
            apart.append((start, end))
    return apart


def whole(value: Fraction, rounding: Rounding = "nearest") -> int:
    """An exact number of units -> a whole number of units, by the named rule."""
    number, parts = value.numerator, value.denominator  # whole numbers are faster than fractions
    nearest = (2 * number + parts) // (2 * parts)
    if rounding == "nearest" or abs(number - nearest * parts) * SNAP.denominator < parts:
        return nearest
    return number // parts if rounding == "floor" else -(-number // parts)


# --- rates -------------------------------------------------------------------------------------


def frame_rate(value: str | float | Fraction) -> Fraction:
    """A frame rate as people and files write it -> the exact rate, in frames per second.

    Text may be "24000/1001", "25", "23.976" or "23.98". A number within its own precision of a whole
    rate, or of a whole rate times 1000/1001 (multiples of 12 and 15 only: film and video), is that
    rate; the precision is half of the last decimal given, at most 0.005, and at least two millionths of
    the rate (0.999 stands a millionth away from 1000/1001). Any other number is kept as it is.

    Raises:
        InvalidJob: not a number, not above zero, or above 1000.
    """
    exact, precision = _number(value)
    if not 0 < exact <= 1000:
        raise _bad_rate(value)
    precision = max(min(precision, Fraction(1, 200)), exact * Fraction(2, 1_000_000))
    number = max(1, whole(exact))
    pulled_down = max(1, whole(exact / _NTSC))
    candidates = [Fraction(number)]
    if pulled_down % 12 == 0 or pulled_down % 15 == 0:
        candidates.append(pulled_down * _NTSC)
    best = min(candidates, key=lambda rate: abs(rate - exact))
    return best if abs(best - exact) <= precision else exact


def _number(value: str | float | Fraction) -> tuple[Fraction, Fraction]:
    """The value, and half of its last decimal place."""
    if isinstance(value, Fraction):
        return value, Fraction(0)
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if match := _FRACTION.fullmatch(text):
        numerator, denominator = int(match[1]), int(match[2])
        if denominator == 0:
            raise _bad_rate(value)
        return Fraction(numerator, denominator), Fraction(0)
    if not _DECIMAL.fullmatch(text):
        raise _bad_rate(value)
    places = len(text.partition(".")[2])
    return Fraction(text), Fraction(1, 2 * 10**places)


def _bad_rate(value: object) -> InvalidJob:
    return InvalidJob(f"{value!r} is not a frame rate", hint='Write it like "24000/1001", "25" or "29.97".')


def rate_text(rate: Fraction) -> str:
    """The exact rate as text: "24000/1001", or "25" when it is whole. `frame_rate` reads it back."""
    return str(rate)


def nominal(rate: Fraction) -> int:
    """How many frame numbers a second of timecode counts: 24 for 24000/1001, 30 for 30000/1001."""
    return math.ceil(rate - SNAP)


def may_drop(rate: Fraction) -> bool:
    """Whether drop-frame timecode exists at this rate: 29.97 and 59.94 only (SMPTE ST 12-1)."""
    return rate in (30 * _NTSC, 60 * _NTSC)


# --- seconds, samples, frames ------------------------------------------------------------------


def seconds_to_samples(seconds: Seconds, rate: int, rounding: Rounding = "nearest") -> int:
    """Seconds -> samples at `rate` hertz."""
    return whole(Fraction(seconds) * rate, rounding)


def seconds_to_frames(seconds: Seconds, fps: Fraction, rounding: Rounding = "nearest") -> int:
    """Seconds -> picture frames at `fps`."""
    return whole(Fraction(seconds) * fps, rounding)


def samples_to_frames(samples: int, rate: int, fps: Fraction, rounding: Rounding = "nearest") -> int:
    """Samples at `rate` hertz -> picture frames at `fps`."""
    return whole(samples * fps / rate, rounding)


def frames_to_samples(frames: int, fps: Fraction, rate: int, rounding: Rounding = "nearest") -> int:
    """Picture frames at `fps` -> samples at `rate` hertz."""
    return whole(frames / fps * rate, rounding)


def resampled_length(samples: int, rate_from: int, rate_to: int, rounding: Rounding = "nearest") -> int:
    """How many samples at `rate_to` last as long as `samples` at `rate_from`."""
    return whole(Fraction(samples * rate_to, rate_from), rounding)


# --- timecode ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timecode:
    """A frame of the day, and how its label is written.

    `frame` counts frames since midnight, 0 up to one day; `drop` selects drop-frame labels, in which
    the first two (at 59.94 four) numbers of each minute are left out, except in every tenth minute
    (SMPTE ST 12-1). No picture is dropped, only numbers.

    Timecode is a clock of 24 hours: a frame number outside the day wraps round midnight in either
    direction, so one hour before 00:30:00:00 is 23:30:00:00. A day has 24 hours of labels: 2,073,600
    at 24000/1001, 2,589,408 at 29.97 drop frame.
    """

    frame: int
    rate: Fraction
    drop: bool = False

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise _bad_rate(self.rate)
        if self.drop and not may_drop(self.rate):
            raise InvalidJob(
                f"there is no drop-frame timecode at {rate_text(self.rate)} frames per second",
                hint="Drop frame (the label with ';') exists at 29.97 and 59.94 only; write ':' instead.",
            )
        object.__setattr__(self, "frame", self.frame % self.frames_per_day)

    @property
    def _skipped(self) -> int:
        """Numbers left out at the start of a minute."""
        return nominal(self.rate) // 15 if self.drop else 0

    @property
    def frames_per_day(self) -> int:
        """Frames that 24 hours of labels count."""
        return 24 * 6 * (600 * nominal(self.rate) - 9 * self._skipped)

    @classmethod
    def parse(cls, text: str, rate: Fraction) -> Timecode:
        """ "HH:MM:SS:FF" -> timecode; a ';' anywhere between the numbers says drop frame.

        Raises:
            InvalidJob: not a timecode, a number out of range, a label that drop frame leaves out,
                or drop frame at a rate that has none.
        """
        match = re.fullmatch(r"(\d{1,2})([:;])(\d{2})([:;])(\d{2})([:;])(\d{2,4})", text.strip(), re.ASCII)
        if not match:
            raise InvalidJob(f"{text!r} is not a timecode", hint="Write it like 01:00:00:00.")
        hours, minutes, seconds, frames = (int(match[n]) for n in (1, 3, 5, 7))
        origin = cls(0, rate, ";" in text)
        per_second = nominal(rate)
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= per_second:
            raise InvalidJob(
                f"{text!r} is not a timecode at {rate_text(rate)} frames per second",
                hint=f"It runs from 00:00:00:00 to 23:59:59:{per_second - 1}.",
            )
        skipped = origin._skipped
        if skipped and minutes % 10 and seconds == 0 and frames < skipped:
            raise InvalidJob(
                f"{text!r} does not exist in drop-frame timecode",
                hint=f"That minute begins with frame {skipped:02d}.",
            )
        minute = 60 * hours + minutes
        labels = (60 * minute + seconds) * per_second + frames
        return cls(labels - skipped * (minute - minute // 10), rate, origin.drop)

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """Hours, minutes, seconds and frame number of the label."""
        per_second, skipped = nominal(self.rate), self._skipped
        label = self.frame
        if skipped:
            per_minute = 60 * per_second - skipped
            tens, rest = divmod(self.frame, 10 * per_minute + skipped)
            # The first minute of ten is whole; each of the nine after it lacks its first numbers.
            minute = 0 if rest < skipped else (rest - skipped) // per_minute
            label += skipped * (9 * tens + minute)
        seconds, frames = divmod(label, per_second)
        return seconds // 3600, seconds // 60 % 60, seconds % 60, frames

    def __str__(self) -> str:
        hours, minutes, seconds, frames = self.fields
        width = max(2, len(str(nominal(self.rate) - 1)))
        mark = ";" if self.drop else ":"
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{frames:0{width}d}"

    def __add__(self, frames: int) -> Timecode:
        """The label so many frames later (earlier, if negative), past midnight if need be."""
        return Timecode(self.frame + frames, self.rate, self.drop)

    @property
    def seconds(self) -> Fraction:
        """Real time since midnight, exactly: frames divided by the rate, not what the label reads."""
        return self.frame / self.rate

"""Frame rates, timecode and frames of a timeline, in exact fractions."""

from fractions import Fraction
from typing import Any, Tuple


def rate_of(text: Any) -> Tuple[Fraction, bool]:
    """Resolve's own spelling of a rate, as text or number -> (frames a second as Fraction, drop frame).

    "23.976", 23.976 and "23.98" are 24000/1001; "29.97 DF" is (30000/1001, True) (1.3, 1.5). ValueError for
    what is no rate.
    """
    word, _, tail = str(text).strip().partition(" ")
    number = Fraction(word)
    if not 1 <= number <= 1000:
        raise ValueError("no frame rate: {}".format(text))
    whole = -(-number.numerator // number.denominator)
    broadcast = Fraction(whole * 1000, 1001)
    if number != whole:
        if abs(number - broadcast) > Fraction(1, 100):
            raise ValueError("no frame rate: {}".format(text))
        number = broadcast
    return number, tail.strip().upper() == "DF"


def rate_text(rate: Fraction) -> str:
    """A Fraction as the engine is told it: "24000/1001", "25"."""
    return str(Fraction(rate))


def frame_of(timecode: Any, rate: Fraction, drop: bool = False) -> int:
    """Frame since midnight of HH:MM:SS:FF at ``rate``. ValueError where the text is no timecode."""
    text = str(timecode).strip()
    parts = text.replace(";", ":").replace(".", ":").split(":")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        raise ValueError("no timecode: {}".format(text))
    hours, minutes, seconds, frames = [int(part) for part in parts]
    nominal = _nominal(rate)
    frame = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if drop:
        lost, all_minutes = nominal // 15, hours * 60 + minutes
        frame -= lost * (all_minutes - all_minutes // 10)
    return frame


def timecode_of(frame: int, rate: Fraction, drop: bool = False) -> str:
    """Frame since midnight -> HH:MM:SS:FF, with a semicolon for drop frame."""
    nominal = _nominal(rate)
    if drop:
        lost = nominal // 15
        tens, rest = divmod(frame, 600 * nominal - 9 * lost)
        frame += 9 * lost * tens
        if rest >= 60 * nominal:
            frame += lost * (1 + (rest - 60 * nominal) // (60 * nominal - lost))
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return "{:02d}:{:02d}:{:02d}{}{:02d}".format(hours, minutes, seconds, ";" if drop else ":", frames)


def cue_tolerance(rate: Fraction) -> int:
    """Frames by which a cue may lie beside its place: none where a frame is a whole number of milliseconds,
    the smallest part of an SRT's times, else one (3)."""
    return 0 if (1000 / Fraction(rate)).denominator == 1 else 1


def _nominal(rate: Fraction) -> int:
    rate = Fraction(rate)
    return -(-rate.numerator // rate.denominator)

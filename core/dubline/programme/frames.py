"""On which frames of a timeline the sounds and cues of a programme lie."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dubline.timebase import seconds_to_frames, whole
from dubline.values.programme import SubtitleCue

Placed = tuple[int, int, SubtitleCue]
"""(first frame, frame after the last, cue)"""


def sound_frames(samples: int, rate: int, fps: Fraction) -> int:
    """How many whole frames a file of so many samples fills.

    At 29.97 a frame has 1601.6 samples, so a file that is as long as a picture to the nearest sample may be
    up to half a sample short of it. Such a frame counts as filled, or every second stem would end a frame
    before its picture.
    """
    return whole(Fraction(2 * samples + 1, 2 * rate) * fps, "floor") if samples else 0


def cue_layers(
    cues: Sequence[SubtitleCue], fps: Fraction, first: int = 0, length: int | None = None
) -> list[list[Placed]]:
    """Cues on frames from `first` on, each at least a frame long, in as few tracks as hold them side by side.

    One that touches the next by rounding alone is cut back to it. What lies at or behind `length` is left
    out.
    """
    made: list[list[Placed]] = []
    for cue in sorted(cues, key=lambda c: (c.start, c.end, c.id)):
        start = first + seconds_to_frames(cue.start, fps)
        end = max(first + seconds_to_frames(cue.end, fps), start + 1)
        if length is not None:
            if start >= length:
                continue
            end = min(end, length)
        for layer in made:
            begin, stop, before = layer[-1]
            if stop > start and before.end <= cue.start and begin < start:
                layer[-1] = (begin, start, before)
            if layer[-1][1] <= start:
                layer.append((start, end, cue))
                break
        else:
            made.append([(start, end, cue)])
    return made

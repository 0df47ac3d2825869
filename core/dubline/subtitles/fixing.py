"""What can be set right in timed text without a person: line breaks, frames, gaps, and time to read.

No cue is split, joined or left out, and no word is lost. What is still wrong afterwards is told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from msgspec import structs

from dubline.language.script import width
from dubline.subtitles.checks import Finding, check, visible_lines
from dubline.subtitles.cues import SubtitleText, frame_to_ms, ms_to_frame
from dubline.subtitles.profiles import Profile
from dubline.subtitles.wrapping import rewrapped
from dubline.timebase import seconds_to_frames
from dubline.values.base import Value


class Fixed(Value, frozen=True):
    """The cues as they are now, in their order; how many were changed and how; what is still wrong."""

    cues: tuple[SubtitleText, ...]
    changed: dict[str, int]
    remaining: tuple[Finding, ...]


class _Times:
    """The frames of the cues in order of time, moved within their neighbours."""

    def __init__(
        self, cues: Sequence[SubtitleText], profile: Profile, rate: Fraction, until: int | None
    ) -> None:
        self.profile, self.rate = profile, rate
        self.last = math.inf if until is None else ms_to_frame(until, rate)
        self.begin = [ms_to_frame(cue.start_ms, rate) for cue in cues]
        self.end = [ms_to_frame(cue.end_ms, rate) for cue in cues]
        self.least = seconds_to_frames(profile.shortest, rate, "ceil")
        self.most = seconds_to_frames(profile.longest, rate, "floor") if profile.longest else 0
        self.wait = seconds_to_frames(profile.extension, rate)
        self.counts: Counter[str] = Counter()

    def room(self, at: int) -> int | float:
        """The last frame at which a cue may end: before the next one's gap, and not over the longest."""
        after = self.begin[at + 1] - self.profile.gap if at + 1 < len(self.begin) else self.last
        longest = self.begin[at] + self.most if self.most else math.inf
        return min(after, longest)

    def separate(self, at: int) -> None:
        """Take an overlap or a narrow gap from the end of the cue, as long as it stays long enough."""
        if at + 1 == len(self.begin):
            return
        end = self.begin[at + 1] - self.profile.gap
        if self.end[at] > end >= self.begin[at] + max(self.least, 1):
            self.end[at] = end
            self.counts["gaps made"] += 1

    def part(self, at: int, own_ms: int, next_ms: int) -> None:
        """A cue that rounding left no frame gets one: the next one begins a frame
        later where that moves it by no more than a frame. Where it cannot, the cue stays too short, and is
        told."""
        later = self.begin[at] + 1
        if at + 1 < len(self.begin) and self.begin[at + 1] < later:
            crowded = at + 2 < len(self.begin) and self.begin[at + 2] <= later
            if (
                crowded
                or own_ms >= next_ms
                or abs(frame_to_ms(later, self.rate) - next_ms) > 1000 / self.rate
            ):
                return
            self.begin[at + 1] = later
            self.end[at + 1] = max(self.end[at + 1], later)
            self.end[at] = later
        self.end[at] = max(self.end[at], later)

    def shorten(self, at: int) -> None:
        """No cue stays longer than the longest time, and none for less than a frame."""
        self.end[at] = max(self.end[at], self.begin[at] + 1)
        if self.most:
            self.end[at] = min(self.end[at], self.begin[at] + self.most)

    def delay(self, at: int) -> None:
        """Where a cue has too little time before the next, that one waits, if it can: not longer than a cue
        may stay on for reading, and not past the one after it."""
        if at + 1 == len(self.begin):
            return
        begin = self.begin[at] + max(self.least, 1) + self.profile.gap
        late = begin - self.begin[at + 1]
        after = self.begin[at + 2] if at + 2 < len(self.begin) else math.inf
        end = max(self.end[at + 1], min(begin + max(self.least, 1), self.room(at + 1)))
        if 0 < late <= self.wait and begin <= after and end - begin >= max(self.least, 1):
            self.begin[at + 1], self.end[at + 1] = begin, int(end)
            self.counts["made to wait"] += 1

    def extend(self, at: int, frames: int, why: str) -> None:
        """Let a cue last so many frames, or as many of them as there is room for."""
        end = min(self.begin[at] + frames, self.room(at))
        if end > self.end[at]:
            self.end[at] = int(end)
            self.counts[why] += 1

    def chain(self, at: int) -> None:
        """Close a gap that is wider than need be and narrower than half a second."""
        if at + 1 == len(self.begin):
            return
        gap = self.begin[at + 1] - self.end[at]
        end = self.begin[at + 1] - self.profile.gap
        if self.profile.gap < gap < self.profile.gap_frames(self.rate) and end <= self.room(at):
            self.end[at] = end
            self.counts["gaps closed"] += 1


def fix(
    cues: Sequence[SubtitleText],
    profile: Profile,
    rate: Fraction,
    *,
    language: str = "",
    spotting: bool = False,
    until: int | None = None,
) -> Fixed:
    """Cues -> cues that keep the profile as far as can be. Beginnings move to the nearest frame only.

    Lines that are too long are broken anew (`language` tells where); times go to frames of `rate`; ends are
    pulled back for the gap where the cue stays long enough; what is too short or too fast stays on for
    longer where there is room, for reading at most by the profile's `extension`; small gaps are closed.
    With `spotting` the times are ours to set: what is too long ends, and a cue that follows too soon waits.
    `until`: the programme's length in milliseconds, past which no cue is made to last.
    """
    changed: Counter[str] = Counter()
    texts = [
        rewrapped(cue.text, line_length=profile.line_length, lines=profile.lines, language=language)
        for cue in cues
    ]
    changed["lines broken anew"] = sum(text != cue.text for text, cue in zip(texts, cues, strict=True))
    order = sorted(range(len(cues)), key=lambda i: (cues[i].start_ms, cues[i].end_ms, i))
    times = _Times([cues[i] for i in order], profile, rate, until)
    for at in range(len(order)):
        if spotting:
            times.shorten(at)
            times.delay(at)
        times.part(at, cues[order[at]].start_ms, cues[order[at + 1]].start_ms if at + 1 < len(order) else 0)
        times.separate(at)
        times.extend(at, times.least, "made longer")
        text = "".join(visible_lines(texts[order[at]]))
        if profile.reading_speed:
            needed = seconds_to_frames(Fraction(width(text)) / Fraction(profile.reading_speed), rate, "ceil")
            spare = times.end[at] - times.begin[at] + seconds_to_frames(profile.extension, rate)
            times.extend(at, min(needed, spare), "made longer to read")
        times.chain(at)
    made = list(cues)
    for at, place in enumerate(order):
        start, end = frame_to_ms(times.begin[at], rate), frame_to_ms(times.end[at], rate)
        old = cues[place]
        on_frame = frame_to_ms(ms_to_frame(old.end_ms, rate), rate)
        changed["times set on frames"] += (start, on_frame) != (old.start_ms, old.end_ms)
        made[place] = structs.replace(cues[place], text=texts[place], start_ms=start, end_ms=end)
    changed.update(times.counts)
    return Fixed(
        cues=tuple(made),
        changed={name: count for name, count in changed.items() if count},
        remaining=tuple(check(made, profile, rate)),
    )

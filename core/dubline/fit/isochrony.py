# ruff: noqa: RUF001 - the marks of many scripts look like each other
"""Translations that fit their time: what a candidate costs, which one is taken, what silence it may borrow.

A dubbing voice may speak at 0.90 to 1.20 times its ordinary speed before it is heard: the window in which
viewers accept it (OpenAI and Descript 2026 report -10 % to +20 %). Fit is a soft cost beside the translation
model's own score and never a hard limit, because human dubbers give up timing before meaning (Brannon, Virkar
and Thompson, TACL 2023). Nothing is ever cut: what does not fit is marked `too_long`.

A line ends with its slot if its end lies within `ON_TIME` (2 %) of the slot's length of the slot's end. That
is what `fits` says: such a line reaches its end at a speed inside the window. Of a voice whose error is known
it says so only where the chance is `SURE` or better, and `unsure` where it is less.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

from dubline.fit.durations import DurationModel
from dubline.timebase import Timed, frame_rate, whole
from dubline.values.base import Value
from dubline.values.translated import Candidate, Fit, FitBasis, FitStatus, Tone

ON_TIME = 0.02
"""Of the slot's length: how far from the slot's end a line may end."""
SURE = 0.9
"""The least chance with which a line `fits`. Most lines that do have a better one: of all of them more than
95 % end on time (`benchmarks/takes.py`)."""
_SHORTEST = 0.001  # s; a slot of no length counts as a millisecond, which keeps every speed finite
_FASTEST_RECORDED = 99.0
_FORCE = (re.compile(r"[!！]"), re.compile(r"[?？؟⁇‽\u037e]"), re.compile(r"\.{2,}|…+"))
_UNUSUAL = 0.87, 1.15


class FitRules(Value, frozen=True):
    """The window and the weights of the cost.

    `slowest` and `fastest` bound the speed. `most` seconds of silence may be borrowed after a line, `gap`
    picture frames of it stay free. Weights are in units of the model's mean log probability: a cost of 1
    outweighs a translation that is e times less probable a token. `over` and `under` count for each unit of
    speed outside the window (too short is only silence), `pace` for |log speed|, `borrow` for the share of
    the time that is borrowed, `force` for each kind of mark (! ? ...) whose number changes, times `loud`
    where the line is shouted, `unscored` for a candidate without a score among scored ones. `silence`: a line
    is asked for again longer only if that many seconds would stay silent at the slowest.
    """

    slowest: float = 0.90
    fastest: float = 1.20
    most: float = 0.5
    gap: int = 2
    over: float = 2.0
    under: float = 0.5
    pace: float = 0.15
    borrow: float = 0.2
    force: float = 0.3
    loud: float = 2.0
    unscored: float = 0.25
    silence: float = 0.35


RULES = FitRules()


class Place(Value, frozen=True):
    """Where a translation has to go: one sentence group with its candidates; seconds.

    `slot` is the length of its segments and of the gaps between them, `room` what may be borrowed after the
    last (see `rooms`). `pace` multiplies the language's ordinary length (see `slowness`). `model`: of the
    voice that will speak it, where that is known; it counts instead of the language's. `loud`: it is shouted.
    """

    source: str
    speaker: str
    candidates: tuple[Candidate, ...]
    slot: float
    room: float = 0.0
    pace: float = 1.0
    model: DurationModel | None = None
    loud: bool = False

    def length(self, text: str, seconds: Callable[[str], float]) -> float:
        """What a text takes here; `seconds` is the language's ordinary length."""
        return (seconds if self.model is None else self.model.seconds)(text) * self.pace


# --- one line ----------------------------------------------------------------------------------


def slowness(pace: float, tone: Tone | None = None) -> float:
    """How much longer than ordinary a line is expected to take: the speaker's pace and the line's own.

    A line that the actor speaks fast may be spoken fast again. How fast is hard to measure in a short line,
    so the line's own rate counts between 0.87 and 1.15 only.
    """
    rate = 1.0 if tone is None or tone.rate is None else tone.rate
    return pace / min(max(rate, _UNUSUAL[0]), _UNUSUAL[1])


def is_loud(tone: Tone | None) -> bool:
    """Whether a line is shouted: 6 dB over the speaker's median, or so by its tag."""
    if tone is None:
        return False
    return bool(re.search(r"\b(?:loud|shout)", tone.tag)) or (
        not tone.edited and tone.level is not None and tone.level >= 6
    )


def fit(
    slot: float,
    room: float,
    natural: float,
    rules: FitRules = RULES,
    *,
    doubt: float = 0.0,
    basis: FitBasis = "estimated",
) -> Fit:
    """How a line of `natural` seconds fits a slot with `room` seconds of silence after it.

    Borrows only what brings the speed down to `fastest`, rounded up to whole milliseconds, and all there is
    where that is not enough. The status follows from the numbers as they stand, with speed to four digits;
    with a `doubt` (see `DurationModel.doubt`) a line that fits is `unsure` where the chance of it is small.
    """
    slot = max(0.0, round(slot, 6))
    natural = round(max(0.0, natural), 3)
    borrowed = 0.0
    if round(natural / max(slot, _SHORTEST), 4) > rules.fastest:
        needed = math.ceil(round((natural / rules.fastest - slot) * 1000, 6))
        free = math.floor(round(max(0.0, room) * 1000, 6))
        borrowed = max(0, min(needed, free)) / 1000
    speed = min(round(natural / max(slot + borrowed, _SHORTEST), 4), _FASTEST_RECORDED)
    status: FitStatus = "fits"
    if speed > rules.fastest:
        status = "too_long"
    elif borrowed:
        status = "borrowed"
    elif speed < rules.slowest:
        status = "short"
    elif chance(speed, doubt, rules) < SURE:
        status = "unsure"
    return Fit(slot=slot, borrowed=borrowed, natural=natural, speed=speed, status=status, basis=basis)


def chance(speed: float, doubt: float, rules: FitRules = RULES) -> float:
    """The probability, 0 to 1, that a line's real speed lies in the window.

    `speed` is the estimated one, `doubt` the standard deviation of its logarithm, taken as normal; with 0 it
    is either or.
    """
    if doubt <= 0 or speed <= 0:
        return float(rules.slowest <= speed <= rules.fastest)
    low, high = (math.log(edge / speed) / doubt for edge in (rules.slowest, rules.fastest))
    return 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))


def force(text: str) -> tuple[int, int, int]:
    """How often a text exclaims, asks and trails off. A Spanish ¡ or ¿ only opens and does not count."""
    return len(_FORCE[0].findall(text)), len(_FORCE[1].findall(text)), len(_FORCE[2].findall(text))


def cost(
    place: Place,
    candidate: Candidate,
    best_score: float | None,
    natural: float,
    rules: FitRules = RULES,
) -> float:
    """What it costs to take a candidate, in units of mean log probability; infinite if it has no text.

    Its score under the best one's, its fit, and the force of its punctuation against the source's. `natural`
    is what it takes to be spoken, in seconds. The form follows Lakew et al. (2021/22), who add length to the
    score of an n-best list; the weights are `FitRules`.
    """
    if not candidate.text.strip():
        return math.inf
    total = _misfit(place.slot, place.room, natural, rules)
    if best_score is not None:
        total += rules.unscored if candidate.score is None else max(0.0, best_score - candidate.score)
    changed = [a != b for a, b in zip(force(place.source), force(candidate.text), strict=True)]
    return total + rules.force * (rules.loud if place.loud else 1.0) * sum(changed)


def _misfit(slot: float, room: float, natural: float, rules: FitRules) -> float:
    """The part of the cost that time makes: 0 for a line at its ordinary speed."""
    slot = max(slot, _SHORTEST)
    borrowed = min(max(natural / rules.fastest - slot, 0.0), max(room, 0.0))
    speed = max(natural / (slot + borrowed), 0.001)
    over, under = max(0.0, speed - rules.fastest), max(0.0, rules.slowest - speed)
    return (
        rules.over * over
        + rules.under * under
        + rules.pace * abs(math.log(speed))
        + rules.borrow * borrowed / (slot + borrowed)
    )


# --- all lines ---------------------------------------------------------------------------------


def choose(
    places: Sequence[Place], seconds: Callable[[str], float], rules: FitRules = RULES
) -> tuple[int | None, ...]:
    """For each place the index of its candidate, None where none is usable.

    `seconds` gives a text's ordinary length (`DurationModel.seconds`), for places that have no model of their
    own. The cheapest is taken, of equals the first. The same source by the same speaker gets the same text
    everywhere: costs are summed over those places, among the texts that all of them have; where there is no
    such text, each chooses for itself. A text that occurs twice among the candidates counts once, with its
    better score.
    """
    together: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, place in enumerate(places):
        together[place.speaker, " ".join(place.source.split())].append(index)
    chosen: list[int | None] = [None] * len(places)
    for indices in together.values():
        costs = [_costs(places[index], seconds, rules) for index in indices]
        shared = [
            text for text in costs[0] if all(math.isfinite(own.get(text, (math.inf, 0))[0]) for own in costs)
        ]
        text = min(shared, key=lambda text: math.fsum(own[text][0] for own in costs), default=None)
        for index, own in zip(indices, costs, strict=True):
            value, number = min(own.values(), default=(math.inf, 0)) if text is None else own[text]
            chosen[index] = number if math.isfinite(value) else None
    return tuple(chosen)


def _costs(place: Place, seconds: Callable[[str], float], rules: FitRules) -> dict[str, tuple[float, int]]:
    """Text -> its cost in this place, and the index of its first candidate."""
    scores = [c.score for c in place.candidates if c.score is not None and math.isfinite(c.score)]
    best = max(scores, default=None)
    costs: dict[str, tuple[float, int]] = {}
    for number, candidate in enumerate(place.candidates):
        value = cost(place, candidate, best, place.length(candidate.text, seconds), rules)
        known = costs.get(candidate.text)
        if known is None or value < known[0]:
            costs[candidate.text] = value, number
    return costs


def misfits(
    places: Sequence[Place],
    chosen: Sequence[int | None],
    seconds: Callable[[str], float],
    rules: FitRules = RULES,
) -> dict[int, Literal["shorter", "longer"]]:
    """Places whose choice does not fit, with what to ask the translator for; nothing for the rest.

    Too long even with borrowed silence wants "shorter"; more than `rules.silence` left over at the slowest
    wants "longer". Where the same line by the same speaker is too long once, it is not made longer elsewhere.
    """
    wishes: dict[int, Literal["shorter", "longer"]] = {}
    shorter: set[tuple[str, str]] = set()
    for index, (place, number) in enumerate(zip(places, chosen, strict=True)):
        if number is None:
            continue
        spoken = place.length(place.candidates[number].text, seconds)
        status = fit(place.slot, place.room, spoken, rules).status
        if status == "too_long":
            wishes[index] = "shorter"
            shorter.add((place.speaker, " ".join(place.source.split())))
        elif status == "short" and place.slot - spoken / rules.slowest > rules.silence:
            wishes[index] = "longer"
    return {
        index: what
        for index, what in wishes.items()
        if what == "shorter" or (places[index].speaker, " ".join(places[index].source.split())) not in shorter
    }


# --- silence -----------------------------------------------------------------------------------


def rooms(
    segments: Sequence[Timed],
    *,
    rate: str = "",
    duration: float | None = None,
    most: float = RULES.most,
    gap: int = RULES.gap,
) -> tuple[float, ...]:
    """For each segment, the silence after it that may be borrowed: seconds, whole milliseconds, 0 to `most`.

    `segments` are ordered by start. It ends `gap` picture frames before the next cue of any speaker (`rate`
    of them a second, "24000/1001"; "" is 25), and at the programme's end. There is none where somebody else
    still speaks at the segment's end, or begins before it.
    """
    free = Fraction(gap) / (frame_rate(rate) if rate else 25)
    silences: list[float] = []
    running = -math.inf  # the last end among the cues so far
    for index, segment in enumerate(segments):
        limit = Fraction(segment.end) + Fraction(most)
        if index + 1 < len(segments):
            limit = min(limit, Fraction(segments[index + 1].start) - free)
        if duration is not None:
            limit = min(limit, Fraction(duration))
        same_start = index > 0 and segments[index - 1].start == segment.start
        if running > segment.end or same_start:
            limit = Fraction(segment.end)
        running = max(running, segment.end)
        silences.append(max(0, whole((limit - Fraction(segment.end)) * 1000, "floor")) / 1000)
    return tuple(silences)

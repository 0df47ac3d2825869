"""People who share a voice: told apart by pitch as far as that sounds natural, and told of before they speak.

shades([1.0, 1.0, 1.0])                     0.9, 1.0, 1.1
told_sharing(cast, names)                   sentences on who shares what
told_genders(cast, names, actors, voices)   one on who got no voice of the own gender
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations, pairwise

from dubline.signal.pitch import gender_of
from dubline.values.dubbed import CastVoice

HIGHEST, LOWEST = 1.25, 0.8
"""Bounds of the factor that brings a voice to an actor's pitch; docs/voices.md has what was measured."""
NOTCH = 0.05  # the factor's steps: a speaker measured again gets the same
APART = 0.1  # between people who share a voice, where there is room for it
NOTCHES = tuple(round(LOWEST + NOTCH * n, 2) for n in range(round((HIGHEST - LOWEST) / NOTCH) + 1))
SHOWN = 4  # people, and voices, that are listed by name


def shades(wanted: Sequence[float], fixed: Collection[float] = ()) -> tuple[float, ...]:
    """A factor for each of those who share a voice, in their order: all differ, by a tenth where there is
    room, and together lie as near as can be to those that are wanted; who wants a higher one gets a higher
    one. `fixed` are others' with the same voice. Where there are more people than notches some are alike."""
    free = [notch for notch in NOTCHES if notch not in fixed] or list(NOTCHES)
    order = sorted(range(len(wanted)), key=lambda n: (wanted[n], n))
    made = [1.0] * len(wanted)
    rounds = -(-len(wanted) // len(free))
    for group in (order[start::rounds] for start in range(rounds)):
        for number, factor in zip(group, _apart([wanted[n] for n in group], free, fixed), strict=True):
            made[number] = factor
    return tuple(made)


def _apart(wanted: Sequence[float], free: Sequence[float], fixed: Collection[float]) -> tuple[float, ...]:
    """Of ascending factors those that are nearest in sum, all `APART` from each other if that can be."""

    def cost(chosen: tuple[float, ...]) -> tuple[float, tuple[float, ...]]:
        off = sum(abs(math.log(a / b)) for a, b in zip(chosen, wanted, strict=True))
        return round(off, 6), chosen

    for gap in (APART, NOTCH):
        roomy = [notch for notch in free if all(abs(notch - other) > gap - NOTCH / 2 for other in fixed)]
        fitting = [
            chosen
            for chosen in combinations(roomy, len(wanted))
            if all(b - a > gap - NOTCH / 2 for a, b in pairwise(chosen))
        ]
        if fitting:
            return min(fitting, key=cost)
    return tuple(min(free, key=lambda notch: abs(math.log(notch / factor))) for factor in wanted)


def told_sharing(cast: Iterable[CastVoice], names: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each voice that speaks for several people, those first who sound alike; of many voices
    the rest as one. `names`: speaker's id -> name."""
    people: dict[str, dict[float, list[str]]] = {}
    for role in cast:
        name = names.get(role.speaker, role.speaker)
        people.setdefault(role.voice, {}).setdefault(role.pitch, []).append(name)
    sentences: dict[bool, list[str]] = {True: [], False: []}
    for voice, pitches in people.items():
        everybody = [who for pitch in sorted(pitches) for who in pitches[pitch]]
        alike = [listed(some) for some in pitches.values() if len(some) > 1]
        if not alike:
            how = f"told apart by pitch ({', '.join(f'{pitch:g}' for pitch in sorted(pitches))})"
        elif len(pitches) == 1:
            how = "at one pitch, and sound alike"
        else:
            how = f"of whom {'; '.join(alike)} sound alike"
        if len(everybody) > 1:
            sentences[bool(alike)].append(f"{listed(everybody)} share the voice {voice}, {how}")
    told = [*sentences[True], *sentences[False]]
    if len(told) > SHOWN:
        told[SHOWN - 1 :] = [
            f"{len(told) - SHOWN + 1} more voices speak for several people; the cast lists them"
        ]
    if told:
        told[-1] += ". More voices (docs/voices.md) or a cast file (--cast) give each a voice of their own"
    return tuple(told)


def told_genders(
    cast: Iterable[CastVoice],
    names: Mapping[str, str],
    actors: Mapping[str, str],
    voices: Mapping[str, str],
) -> tuple[str, ...]:
    """One sentence on the men who speak with women's voices, and the women with men's, where nobody asked for
    it; () where there are none. `actors`: speaker's id -> gender, `voices`: full name -> gender, "" where it
    is not known."""
    found = []
    for gender, other in (("male", "female"), ("female", "male")):
        those = [
            names.get(role.speaker, role.speaker)
            for role in cast
            if role.basis in ("pitch", "default")
            and actors.get(role.speaker) == gender
            and voices.get(role.voice) == other
        ]
        if those:
            man, woman = ("a man's", "a woman's") if gender == "male" else ("a woman's", "a man's")
            get = "gets" if len(those) == 1 else "get"
            found.append(f"there is no voice like {man} for {listed(those)}, who {get} {woman}")
    if not found:
        return ()
    return (f"{' and '.join(found)}: bring one (docs/voices.md), or name one in a cast file (--cast)",)


def actor_gender(said: str, hertz: float | None) -> str:
    """A speaker's gender: as the cast file says, else by pitch in Hz; "" where neither tells."""
    return said.strip().casefold() or (gender_of(hertz) if hertz is not None else "")


def listed(people: Sequence[str]) -> str:
    """ "Ayşe, Can and Ece", the first few by name."""
    if len(people) > SHOWN + 1:
        return f"{', '.join(people[:SHOWN])} and {len(people) - SHOWN} others"
    return " and ".join(filter(None, (", ".join(people[:-1]), people[-1])))

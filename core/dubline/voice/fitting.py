"""One line into its time: spoken at the voice's own pace, then at the one that fits, then stretched the rest.

    say(1.0)  -> natural length -> does it fit the slot, with silence after it borrowed, at 0.90 to 1.20?
    say(1.08) -> nearly the length wanted; once more if it is off by more than half a per cent
    stretched -> exactly that length, at the same pitch
    levelled  -> at the level of every other take

Nothing is ever cut: what is too long at 1.20 is spoken whole at 1.20 and marked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dubline.backends.contract import Spoken
from dubline.errors import BackendFailed, imported
from dubline.fit.isochrony import RULES, FitRules, fit
from dubline.media.sound import HIGHEST_RATE, LOWEST_RATE
from dubline.signal.pitch import shifted
from dubline.values.translated import FitStatus
from dubline.weights.installation import extra_command

Block = NDArray[np.float32]  # (1, samples)

CORRECTIONS = 2  # further takes at another speed
CLOSE = 0.005  # of the length wanted: near enough to be left to the stretch
NATURAL = 0.01  # so near to its own pace a take is not made again
FRAME = 0.01  # seconds, for the search for silence
QUIET, FLOOR = 45.0, -70.0  # dB under the loudest frame, dBFS: silence is what lies under both or either
MARGIN = 0.005  # seconds kept around what is heard
LEVEL, LEVEL_FRAME = -24.0, 0.05  # dBFS of every take's speech, and seconds
LEAST = 0.03  # seconds; nothing that is said is shorter
TIMES, MORE = 6.0, 2.0  # a take is not longer than so many times the expected, plus so many seconds
_SHORTEST_STRETCH = 1024  # samples; the stretcher works in windows of about that size

Say = Callable[[float], Spoken]


class FittedTake(NamedTuple):
    """A take at the programme's rate: (1, samples) float32. Seconds and factors as in `dubbed.Take`."""

    sound: Block
    natural: float
    borrowed: float
    speed: float
    stretch: float
    status: FitStatus


def fitted(
    say: Say,
    slot: float,
    room: float,
    *,
    rate: int,
    expected: float = 0.0,
    paces: bool = True,
    pitch: float = 1.0,
    rules: FitRules = RULES,
) -> FittedTake:
    """A line spoken so that it fills its slot; seconds.

    `say(speed)` gives a take. `room` is the silence after the slot that may be borrowed, `expected` about how
    long the text should take (0: not known). `paces`: the voice can speak faster and slower; otherwise the
    stretch does it all. `pitch`: a factor still to be applied, 1.0 where the voice did it. Within the window
    of `rules` the result is as long as slot and borrowed silence together, to the sample; a shorter one is
    spoken at the slowest speed, a longer one at the fastest.

    Raises:
        BackendFailed: a take is not usable (see `usable`), or `say` raised it.
        BackendMissing: the library that stretches, or the one that shifts, is not installed.
    """
    take = usable(say(1.0), expected)
    natural = _seconds(take)
    plan = fit(slot, room, natural, rules)
    if plan.status == "short":
        length = natural / rules.slowest
    elif plan.status == "too_long":
        length = natural / rules.fastest
    else:
        length = plan.slot + plan.borrowed
    speed = 1.0
    if paces and abs(math.log(natural / length)) > NATURAL:
        asked = natural / length
        for _ in range(CORRECTIONS):
            again = usable(say(asked), expected)
            if _off(again, length) < _off(take, length):
                take, speed = again, asked
            if _off(take, length) <= CLOSE:
                break
            # A voice that answers less than it is asked for may be asked for a little more than the window.
            asked *= _seconds(again) / length
            asked = min(max(asked, 0.9 * rules.slowest), 1.1 * rules.fastest)
    frames = math.floor(round(length * rate, 6))
    stretch = _seconds(take) / length
    shorter = frames - _seconds(take) * rate
    take = Spoken(sound=shifted(take.sound, take.rate, pitch), rate=take.rate)
    if 0 <= shorter <= CLOSE * frames:
        stretch = 1.0  # a few milliseconds of silence instead
        sound = resampled(take, rate)[:, :frames]
    else:
        sound = _exactly(resampled(stretched(take, length), rate), frames)
    return FittedTake(
        sound=levelled(sound, rate),
        natural=round(natural, 3),
        borrowed=plan.borrowed,
        speed=round(speed, 4),
        stretch=round(stretch, 4),
        status=plan.status,
    )


def usable(spoken: Spoken, expected: float = 0.0) -> Spoken:
    """A take without the silence at its ends.

    Raises:
        BackendFailed: not (1, samples) of float32, a sample that is no number, an impossible rate, silence,
            nearly nothing, or a length that has nothing to do with `expected` seconds (0: any).
    """
    sound = spoken.sound
    hint = "Listen to what the voice makes of this line, or choose another voice for the speaker."
    if not isinstance(sound, np.ndarray) or sound.ndim != 2 or len(sound) != 1 or sound.dtype != np.float32:
        raise BackendFailed("the voice gave no mono float32 sound", hint=hint)
    if not LOWEST_RATE <= spoken.rate <= HIGHEST_RATE:
        raise BackendFailed(f"the voice gave a sample rate of {spoken.rate} Hz", hint=hint)
    if not sound.size:
        raise BackendFailed("the voice gave no sound", hint=hint)
    if not np.isfinite(sound).all():
        raise BackendFailed("the voice gave samples that are not numbers", hint=hint)
    kept = trimmed(sound, spoken.rate)
    seconds = kept.shape[1] / spoken.rate
    if not kept.size:
        raise BackendFailed("the voice gave silence", hint=hint)
    if seconds < LEAST:
        raise BackendFailed(f"the voice gave {seconds * 1000:.1f} ms of sound", hint=hint)
    if expected and not expected / TIMES - MORE < seconds < expected * TIMES + MORE:
        raise BackendFailed(
            f"the voice gave {seconds:.1f} s of sound for a text of about {expected:.1f} s", hint=hint
        )
    return Spoken(sound=kept, rate=spoken.rate)


def trimmed(sound: Block, rate: int) -> Block:
    """A sound (1, n) without the silence before and after it; (1, 0) where there is nothing else.

    Silent are frames of 10 ms that are 45 dB under the loudest or under -70 dBFS. In the first and the last
    that are not, the sound begins and ends with the sample that is over that level: half a frame of silence
    would count as speech, and a short line seem too long. 5 ms stay around it. Pauses inside stay.
    """
    size = max(1, round(FRAME * rate))
    count = -(-sound.shape[1] // size)
    padded = np.zeros(count * size, np.float64)
    padded[: sound.shape[1]] = sound[0]
    power = (padded.reshape(count, size) ** 2).mean(axis=1)
    loudest = float(power.max(initial=0.0))
    level = max(loudest * 10 ** (-QUIET / 10), 10 ** (FLOOR / 10))
    (frames,) = np.nonzero(power > level)
    if not len(frames):
        return sound[:, :0]
    first, last = int(frames[0]) * size, (int(frames[-1]) + 1) * size
    (loud,) = np.nonzero(padded[first:last] ** 2 > level)
    margin = round(MARGIN * rate)
    start = max(0, first + int(loud[0]) - margin)
    stop = min(sound.shape[1], first + int(loud[-1]) + 1 + margin)
    return sound[:, start:stop]


def stretched(spoken: Spoken, seconds: float) -> Spoken:
    """The same words in so many seconds, at the same pitch.

    By Rubber Band's finer engine, in Pedalboard. The length is exact to the sample.

    Raises:
        BackendMissing: Pedalboard is not installed.
    """
    frames = max(1, round(seconds * spoken.rate))
    sound, length = spoken.sound, spoken.sound.shape[1]
    # The stretcher makes nothing of less than a window: silence after the sound gives it one.
    if length < _SHORTEST_STRETCH:
        sound = np.pad(sound, ((0, 0), (0, _SHORTEST_STRETCH - length)))
    hint = f"Install it with: {extra_command('voice')}"
    made = imported("pedalboard", "a dub needs Pedalboard", hint).time_stretch(
        np.ascontiguousarray(sound),
        float(spoken.rate),
        stretch_factor=length / frames,
    )
    return Spoken(sound=_exactly(np.asarray(made, np.float32).reshape(1, -1), frames), rate=spoken.rate)


def levelled(sound: Block, rate: int) -> Block:
    """The sound (1, n) with its speech at -24 dBFS, so that a line is as loud as its source was, whatever the
    voice; less where its peak would pass full scale.

    Speech are the 50 ms frames within 20 dB of the loudest tenth, as in `translation.tone`.
    """
    size = min(max(1, round(LEVEL_FRAME * rate)), sound.shape[1])
    frames = sound[0, : sound.shape[1] // size * size].astype(np.float64).reshape(-1, size)
    power = (frames**2).mean(axis=1)
    speech = power[power > float(np.quantile(power, 0.9)) / 100]
    peak = float(np.abs(sound).max(initial=0.0))
    if not len(speech) or not peak:
        return sound
    gain = min(10 ** (LEVEL / 20) / math.sqrt(float(speech.mean())), 1.0 / peak)
    made: Block = np.clip(sound * np.float32(gain), -1.0, 1.0).astype(np.float32)
    return made


def resampled(spoken: Spoken, rate: int) -> Block:
    """The sound at another rate: (1, samples) float32."""
    if spoken.rate == rate:
        return spoken.sound
    import soxr

    made: Block = soxr.resample(spoken.sound[0], spoken.rate, rate, quality="VHQ").astype(np.float32)
    return made[None]


def _exactly(sound: Block, frames: int) -> Block:
    """So many samples: libraries round their own way, by a few."""
    if sound.shape[1] >= frames:
        return sound[:, :frames]
    return np.pad(sound, ((0, 0), (0, frames - sound.shape[1])))


def _seconds(spoken: Spoken) -> float:
    return float(spoken.sound.shape[1] / spoken.rate)


def _off(spoken: Spoken, length: float) -> float:
    return abs(math.log(_seconds(spoken) / length))

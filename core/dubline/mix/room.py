"""The room in which the source's voices were recorded, guessed from their stem, and a light reverb like it.

Nothing in a room dies away faster than the room itself. So the ends of words, which stop at all speeds when
recorded close, pile up at one slope when recorded in a room. That slope gives the reverberation time. Lines
fitted to the decays of running speech: K. Lebart, J. M. Boucher and P. N. Denbigh, "A New Method Based on
Spectral Subtraction for Speech Dereverberation", Acta Acustica 87 (2001); the lower end of their
distribution as the room's: R. Ratnam et al., "Blind estimation of reverberation time", JASA 114 (2003).

The reverb is noise that dies away in that time, convolved with the takes. It stays light: never louder than
`MOST` against the voice, whatever the room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dubline.mix.levels import Voices

Block = NDArray[np.float32]  # (channels, samples)
Floats = NDArray[np.float64]

FRAME = 0.005  # seconds: one value of the envelope
BAND = (500.0, 4000.0)  # Hz: over the voice's own pitch, and where separation leaves most
SMOOTH = 4  # frames in a running mean
RANGE = 25.0  # dB that a decay has to fall
SKIPPED, DEPTH = 10.0, 35.0  # dB under its beginning: the line is fitted between
OVER_FLOOR = 6.0  # dB over the lowest point: under that the noise bends the line
STRAIGHT = 3.0  # dB, standard deviation around the line
WITHIN = 25.0  # dB under the loud parts: what begins lower is no speech
QUIETEST = -60.0  # dBFS, likewise

FEWEST = 12  # decays
SPREAD = 1.45  # median over tenth percentile: more is no room but the speech itself
SHORTEST, LONGEST = 0.2, 2.0  # seconds
MOST = -9.0  # dB: the reverb's power against the voice's

_CHUNK, _OVERLAP = 12_000, 800  # frames: a minute, and longer than any decay
_KEPT = 10_000  # decays, after which no more are collected
_DELAY = 0.008  # seconds between voice and reverb, or the first reflections would colour the voice
_COLOUR = (150.0, 6000.0)  # Hz: what air and walls leave of a reverb
_SEED = 1961


class Room(NamedTuple):
    """`decay`: seconds in which sound falls by 60 dB. `level`: power of the reverb against that of the direct
    sound, in dB, right to about 9 dB, mostly too little. `decays`: how many were seen."""

    decay: float
    level: float
    decays: int


class RoomFinder:
    """Listens to the vocals stem, block by block. It keeps a minute's envelope and two numbers a decay."""

    def __init__(self, rate: int) -> None:
        from scipy.signal import butter

        self._frame = max(1, round(FRAME * rate))
        self._step = self._frame / rate  # seconds of a frame as it is at this rate
        high = min(BAND[1], 0.45 * rate)
        self._filter: Floats = butter(2, (BAND[0], high), "bandpass", fs=rate, output="sos")
        self._state = np.zeros((len(self._filter), 2))
        self._rest = np.zeros(0)
        self._powers = np.zeros(0)
        self._loud = QUIETEST
        self._found: list[tuple[float, float]] = []

    def push(self, block: Block) -> None:
        """The next (channels, n) samples."""
        from scipy.signal import sosfilt

        mono = block.mean(axis=0, dtype=np.float64)
        heard, self._state = sosfilt(self._filter, mono, zi=self._state)
        sound = np.concatenate((self._rest, heard))
        whole = len(sound) // self._frame * self._frame
        self._rest = sound[whole:].copy()
        powers = np.square(sound[:whole]).reshape(-1, self._frame).mean(axis=1)
        self._powers = np.concatenate((self._powers, powers))
        while len(self._powers) >= _CHUNK:
            self._search(self._powers[:_CHUNK], _CHUNK - _OVERLAP)
            self._powers = self._powers[_CHUNK - _OVERLAP :].copy()

    def result(self) -> tuple[Room | None, str]:
        """The room, or None and why there is none; call it once, at the end."""
        self._search(self._powers, len(self._powers))
        if len(self._found) < FEWEST:
            return None, f"only {len(self._found)} words of the source end freely, and {FEWEST} are needed"
        times, levels = np.array(self._found).T
        low, decay, middle = np.percentile(times, (10, 25, 50))
        if middle > SPREAD * low or decay < SHORTEST:
            return None, "the source's voices sound as if recorded close"
        if decay > LONGEST:
            return None, f"its voices seem to die away in {decay:.1f} s, which is no room"
        # Measured on synthetic voices in synthetic rooms, 0 to 12 dB of direct over reverberant sound.
        level = float(np.clip(1.6 * np.median(levels) - 7.0, -20.0, 0.0))
        return Room(round(float(decay), 3), round(level, 1), len(times)), ""

    def _search(self, powers: Floats, until: int) -> None:
        """Collect the decays that begin before frame `until`."""
        if len(powers) < 2 * SMOOTH or len(self._found) >= _KEPT:
            return
        smooth = np.convolve(powers, np.full(SMOOTH, 1 / SMOOTH), mode="same")
        levels = 10 * np.log10(smooth + 1e-15)
        loud = float(np.percentile(levels, 99))
        self._loud = max(self._loud, loud)
        least = max(loud, self._loud - 20) - WITHIN
        tops = np.flatnonzero(
            (levels[1:-1] >= levels[:-2])
            & (levels[1:-1] > levels[2:])
            & (levels[1:-1] > max(least, QUIETEST))
        )
        after = 0
        for top in tops + 1:
            if after <= top < until:
                after = self._follow(levels, int(top))

    def _follow(self, levels: Floats, top: int) -> int:
        """Follow the sound from a maximum down to where it rises again; -> where to go on."""
        lowest = at = top
        while at + 1 < len(levels) and levels[at + 1] < levels[lowest] + 3 and at - lowest < 10:
            at += 1
            if levels[at] < levels[lowest]:
                lowest = at
        fall = levels[top : lowest + 1]
        if fall[0] - fall[-1] < RANGE:
            return top + 1
        first = int(np.flatnonzero(fall >= fall[0] - SKIPPED)[-1])
        last = int(np.flatnonzero(fall >= max(fall[0] - DEPTH, fall[-1] + OVER_FLOOR))[-1])
        if last - first >= 6 and fall[first] - fall[last] >= 12:
            seconds = np.arange(first, last + 1) * self._step
            slope, start = np.polyfit(seconds, fall[first : last + 1], 1)
            off = float(np.std(fall[first : last + 1] - (slope * seconds + start)))
            if slope < 0 and off <= STRAIGHT:
                # How high the reverb was already when the sound began to fall.
                self._found.append((-60 / float(slope), float(start - fall[0])))
        return lowest


def find_room(blocks: Iterable[Block], rate: int, tick: Callable[[int], None]) -> tuple[Room | None, str]:
    """The room of a stem's voices, or None and why there is none. `tick` is called with the samples read."""
    finder, samples = RoomFinder(rate), 0
    for block in blocks:
        finder.push(block)
        samples += block.shape[1]
        tick(samples)
    return finder.result()


def impulse(room: Room, rate: int, channels: int) -> Floats:
    """(channels, n): the reverb's answer to a click, without the click itself.

    Noise that falls by 60 dB in the room's time, other noise in each channel, always the same. Its power is
    the room's level, `MOST` at most.
    """
    from scipy.signal import butter, sosfilt

    delay, length = round(_DELAY * rate), round(room.decay * rate)
    noise = np.random.default_rng(_SEED).normal(size=(channels, length))
    high = min(_COLOUR[1], 0.45 * rate)
    noise = sosfilt(butter(1, (_COLOUR[0], high), "bandpass", fs=rate, output="sos"), noise, axis=1)
    noise *= 10 ** (-3 * np.arange(length) / length)
    power = np.square(noise).sum(axis=1, keepdims=True)
    noise *= np.sqrt(10 ** (min(room.level, MOST) / 10) / power)
    return np.concatenate((np.zeros((channels, delay)), noise), axis=1)


class Reverb:
    """The takes in their room, read in any order of time: the same samples whatever the stretches."""

    def __init__(self, voices: Voices, answer: Floats) -> None:
        self._voices, self._answer = voices, answer
        self._before = answer.shape[1] - 1
        self._kept: tuple[int, Floats | None] = (-1, None)  # where the last stretch ended, and its end

    def read(self, start: int, stop: int) -> Floats | None:
        """(channels, stop - start): voice and reverb together; None where neither sounds."""
        from scipy.signal import oaconvolve

        first = max(0, start - self._before)
        dry = self._voices.read(start, stop)
        past = self._kept[1] if self._kept[0] == start else self._voices.read(first, start)
        self._keep(past, dry, start - first, start, stop)
        if dry is None and past is None:
            return None
        sound = np.zeros(stop - first)
        if past is not None:
            sound[: start - first] = past
        if dry is not None:
            sound[start - first :] = dry
        wet = oaconvolve(sound[None], self._answer, axes=1)[:, start - first : stop - first]
        return np.asarray(wet + sound[start - first :])

    def _keep(self, past: Floats | None, dry: Floats | None, length: int, start: int, stop: int) -> None:
        """Keep what the next stretch needs of this one, if it follows on."""
        size = min(self._before, stop)
        if past is None and dry is None:
            self._kept = (stop, None)
            return
        whole = np.zeros(length + stop - start)
        if past is not None:
            whole[:length] = past
        if dry is not None:
            whole[length:] = dry
        end = whole[len(whole) - size :] if size else whole[:0]
        self._kept = (stop, end.copy() if end.any() else None)

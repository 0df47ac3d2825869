"""One channel of several, for whoever listens to speech: no voice cancels, and none is drowned by channels
in which nobody speaks.

The mean of the channels is the start, and what is changed of it is added to it: where the channels are one
and the same, or carry their voices alike, the result is the mean to the last bit. Three things change it:

    turned    a channel that holds, in some band, what the others hold but late or inverted, is turned there
              until both add up (`phase_turns`)
    weighed   a channel that sounds of speech counts more than one that does not, for as long as it does;
              a channel beside the fronts counts only then
    raised    a voice on one of several channels comes out as loud as it stands on that one

What sounds of speech is judged by two old signs, and no model: much of it has a pitch, and its bands rise and
fall far, syllable by syllable. (The second is what Wolf and Nadeu select microphones by: "Channel selection
measures for multi-microphone speech recognition", Speech Communication 57, 2014.) Music with a tune may pass
for speech; then it is heard as loud as it would have been anyway.

All is decided on a grid that is fixed to the sound, so it does not matter how it was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter, uniform_filter1d

from dubline.signal.resample import Reader

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]

HOP = 0.032  # seconds from one frame to the next; a frame is twice as long
STEP = 16  # frames from one decision on the weights to the next: 0.5 s
AROUND = 48  # frames to each side that such a decision looks at: 1.5 s
CORE, HALO = 512, 128  # frames worked on at once, and how many more are looked at on either side
HIGHEST = 8000.0  # hertz: above, the mean of the fronts stays
BAND = (300.0, 4000.0)  # hertz, for levels: below lies rumble, above little of a voice
EDGES = np.geomspace(250.0, 5000.0, 17)  # hertz, of the bands in which sound rises and falls
PITCHES = (70.0, 400.0)  # hertz

# What the plain sum keeps of the largest possible one: from the first share on nothing is turned, down to the
# second all the way. Unrelated channels keep nearly all; a voice inverted under as much noise keeps a third.
KEPT, LOST = 0.9, 0.7
# What turning adds, against the plain sum, as a mean over bands: under the first it is left, from the second
# on it is worth it. A voice late by 0.5 ms adds 0.7; music and rooms around voices that stand as one add 0.1.
WORTH = (0.1, 0.2)
# Share of the louder frames with a pitch, and dB between the loud and the quiet of a band, at which a sound
# surely is no speech, and surely is. Under music, speech lies between.
VOICED = (0.1, 0.4)
SURROUND_VOICED = (0.3, 0.6)
DEPTH = (8.0, 16.0)
BEST = (30.0, 0.5)  # dB of depth and share with a pitch from which more of them says no more
BESIDE = (0.5, 0.85)  # how speech-like against the most speech-like channel: from none of it to all
PITCHED = 0.6  # of the sound's energy that repeats after a period of the voice
LEAST = 1 / 3  # what a front counts in which nobody speaks, where in another one somebody does
ALIKE = 2.0  # weights this near to one another are equal
# dB under the loudest voice: from bleed that counts nothing to a voice that counts in full
FAINT = (-30.0, -15.0)
DEAD = (-60.0, -45.0)  # dB under the loudest front: the same for channels
REVERB = (-10.0, -4.0)  # dB against the fronts' voice: the same for a surround while a front speaks
LOSS = (3.2, 5.0)  # dB: a loss that is made up for not at all (unrelated channels lose 3), and in full
RAISE = 12.0  # dB at most

_SILENCE = 1e-9  # power of a frame's bin; -90 dBFS and less


def phase_turns(one: Complex, other: Complex, *, frames: int, bins: int) -> Complex:
    """What to multiply `other` by so that a voice which both hold, late or inverted in one, adds up.

    Shapes (frames, bins), spectra in step; the result has magnitude 1, and is exactly 1 where the plain sum
    loses little, as it does of channels that are alike and of channels that are unrelated. Judged over areas
    of `frames` x `bins`, which should hold fifty bins or more and stay under half the distance of a comb's
    teeth: 130 Hz for 3 ms. Turning back is multiplying by the conjugate.
    """
    cross = _mean(one * other.conj(), frames, bins)
    power = _mean(_power(one) + _power(other), frames, bins)
    size = np.abs(cross)
    kept = (power + 2 * cross.real) / np.maximum(power + 2 * size, 1e-30)
    # Running sums leave rounding behind where a loud sound has ended.
    sounding = size > 1e-10 * power.max(initial=1e-30)
    share = np.where(sounding, np.clip((KEPT - kept) / (KEPT - LOST), 0, 1), 0)
    return np.asarray(np.exp(1j * share * np.angle(cross)), np.complex64)


class Downmix:
    """The way of one sound.

    Args:
        rate: samples a second, 8000 or more.
        fronts: how many channels are always listened to.
        surrounds: how many more are listened to while they sound of speech.

    `heard` and `energy` tell of each channel for how many seconds it was listened to, and the sum of its
    squares, as far as the sound has come.
    """

    def __init__(self, rate: int, fronts: int, surrounds: int = 0) -> None:
        self._rate, self._fronts, self._channels = rate, fronts, fronts + surrounds
        self._hop = max(2, round(rate * HOP))
        self._window = np.sqrt(np.hanning(2 * self._hop + 1)[:-1]).astype(np.float32)
        hertz = np.fft.rfftfreq(2 * self._hop, 1 / rate)
        hertz = hertz[hertz <= HIGHEST]
        self._band = (hertz > BAND[0]) & (hertz < BAND[1])
        edges = np.searchsorted(hertz, EDGES)
        self._bands, self._above = edges[:-1][np.diff(edges) > 0], edges[-1]  # first bins; the one above all
        self.heard = np.zeros(self._channels)
        self.energy = np.zeros(self._channels)

    def blocks(self, blocks: Iterable[Real]) -> Iterator[Real]:
        """(1 + channels, n), the mean of the fronts first -> (1, n), as many samples."""
        reader = Reader(blocks)
        core, halo = CORE * self._hop, HALO * self._hop
        held = np.zeros((1 + self._channels, halo), np.float32)
        ended = False
        while True:
            while not ended and held.shape[1] < 2 * halo + core:
                wanted = 2 * halo + core - held.shape[1]
                try:
                    piece = reader.take(wanted)
                except EOFError:
                    piece = held[:, :0]
                ended = piece.shape[1] < wanted
                held = np.concatenate([held, piece], axis=1)
            left = held.shape[1] - halo  # samples from the core's beginning to the end of what is known
            if left <= 0:
                return
            chunk = held
            if ended and chunk.shape[1] < 2 * halo + core:
                chunk = np.pad(chunk, ((0, 0), (0, 2 * halo + core - chunk.shape[1])))
            out = chunk[:1, halo : halo + core] + self._change(chunk[1:])
            yield out[:, :left].astype(np.float32, copy=False)
            if left <= core:
                return
            held = held[:, core:]

    def _change(self, sound: Real) -> Real | float:
        """What is to be added to the mean of the fronts in the core: (core,), or 0."""
        inside = slice(HALO - 1, HALO + CORE)
        self.energy += np.square(sound[:, HALO * self._hop : -HALO * self._hop], dtype=np.float64).sum(axis=1)
        if not sound.any():
            return 0.0
        if not sound[self._fronts :].any() and (sound[: self._fronts] == sound[0]).all():
            self.heard[: self._fronts] += CORE * self._hop / self._rate
            return 0.0
        spectra = self._spectra(sound)  # (channels, frames, bins)
        power = _power(spectra[:, :, self._band]).sum(axis=-1)
        turned = spectra.copy()
        total = spectra[0].copy()
        for k in range(1, self._channels):
            turned[k] *= phase_turns(total, spectra[k], frames=21, bins=9)
            total += turned[k]
        shares, speech = self._shares(spectra, power)
        self.heard += (shares[:, inside] > 0).sum(axis=1) * self._hop / self._rate
        plain = np.einsum("cf,cfb->fb", shares, spectra)
        mixed = plain + self._worth(np.einsum("cf,cfb->fb", shares, turned), plain)
        gain = self._gain(mixed, power, shares, speech)
        mean = spectra[: self._fronts].sum(axis=0) / np.float32(self._fronts)
        change = mixed * gain[:, None] - mean
        equal = (shares[: self._fronts] == np.float32(1 / self._fronts)).all(axis=0)
        equal &= (shares[self._fronts :] == 0).all(axis=0) & (gain == 1) & (mixed == plain).all(axis=1)
        change[equal] = 0
        return self._sound(change[inside])

    def _worth(self, turned: Complex, plain: Complex) -> Complex:
        """What turning adds to the plain sum; nothing where all around it adds next to nothing."""
        added = turned - plain
        around = 2 * AROUND + 1
        more = uniform_filter1d(self._banded(_power(added)), around, axis=0, mode="constant")
        less = uniform_filter1d(self._banded(_power(plain)), around, axis=0, mode="constant")
        share = np.minimum(1.0, more / np.maximum(less, _SILENCE)).mean(axis=1)
        return np.asarray(added * _ramp(share, WORTH)[:, None], np.complex64)

    def _shares(self, spectra: Complex, power: Real) -> tuple[Real, Real]:
        """What each channel counts in each frame (sums to 1), and how surely somebody speaks on any of them.
        Shapes (channels, frames), (frames,)."""
        frames = power.shape[1]
        centres = np.arange(STEP * 4, frames - AROUND, STEP)
        centres = centres[(centres >= AROUND)]
        levels, speech = self._judged(spectra, power, centres)
        loud = 10 * np.log10(np.maximum(levels, _SILENCE))
        voice = np.where(speech > 0, loud + 10 * np.log10(np.maximum(speech, 1e-3)), -200.0)
        speech = speech * _ramp(loud - voice.max(axis=0), FAINT)
        front = voice[: self._fronts].max(axis=0)
        talking = speech[: self._fronts].max(axis=0)
        behind = speech[self._fronts :]
        behind = behind * (1 - talking * (1 - _ramp(loud[self._fronts :] - front, REVERB)))
        speech = np.concatenate([speech[: self._fronts], behind])
        speech = maximum_filter1d(speech, 5, axis=1)  # a voice is let in a second before it is known
        alive = _ramp(loud[: self._fronts] - loud[: self._fronts].max(axis=0), DEAD)
        counts = speech.copy()
        counts[: self._fronts] += LEAST * alive * (1 - speech[: self._fronts])
        silent = counts.sum(axis=0) <= 0
        counts[: self._fronts, silent] = 1
        most, least = counts[: self._fronts].max(axis=0), counts[: self._fronts].min(axis=0)
        alike = (most < ALIKE * least) & (counts[self._fronts :] <= 0).all(axis=0)
        even = np.zeros(self._channels)
        even[: self._fronts] = 1 / self._fronts
        away = np.where(alike, 0, counts / counts.sum(axis=0) - even[:, None])
        away = uniform_filter1d(away, 3, axis=1, mode="nearest")
        at = np.arange(frames)
        spread = np.stack([np.interp(at, centres, row) for row in away])
        anywhere = np.interp(at, centres, speech.max(axis=0))
        return np.asarray(even[:, None] + spread, np.float32), np.asarray(anywhere, np.float32)

    def _gain(self, mixed: Complex, power: Real, shares: Real, speech: Real) -> Real:
        """What a frame is raised by, so that the loudest channel that counts comes out as loud as it was."""
        width = 2 * AROUND + 1
        out = uniform_filter1d(
            _power(mixed[:, self._band]).sum(axis=-1).astype(float), width, mode="constant"
        )
        mean = uniform_filter1d(power.astype(float), width, axis=1, mode="constant")
        counted = shares > 0.9 / self._channels
        most = np.where(counted, mean, 0).max(axis=0)
        loss = 10 * np.log10(np.maximum(most, _SILENCE) / np.maximum(out, _SILENCE))
        wanted = np.clip(loss, 0, RAISE) * _ramp(loss, LOSS) * speech
        decibels = uniform_filter1d(wanted, 2 * STEP + 1, mode="nearest")
        return np.asarray(np.where(decibels < 1e-3, 1.0, 10 ** (decibels / 20)), np.float32)

    def _judged(
        self, spectra: Complex, power: Real, centres: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Around each centre: each channel's mean power in the band, and how surely it sounds of speech.
        Shapes (channels, centres)."""
        size = _power(spectra)
        repeats = np.fft.irfft(size, axis=-1)  # after so many parts of a frame's length
        lags = repeats.shape[-1] * self._rate / (2 * self._hop)  # a second
        first, last = (round(lags / hertz) for hertz in reversed(PITCHES))
        pitched = repeats[..., first:last].max(axis=-1) > PITCHED * np.maximum(repeats[..., 0], _SILENCE)
        bands = 10 * np.log10(np.maximum(self._banded(size), _SILENCE))
        around = centres[:, None] + np.arange(-AROUND, AROUND)
        near, voiced = power[:, around], pitched[:, around]  # (channels, centres, frames)
        louder = near >= np.median(near, axis=-1, keepdims=True)
        share = (voiced & louder).sum(axis=-1) / louder.sum(axis=-1)
        high, low = np.percentile(bands[:, around], [90, 20], axis=2)
        depth = (high - low).mean(axis=-1)
        sure = np.concatenate(
            [_ramp(share[: self._fronts], VOICED), _ramp(share[self._fronts :], SURROUND_VOICED)]
        )
        score = np.minimum(depth, BEST[0]) * np.minimum(share, BEST[1]) * (sure > 0)
        beside = _ramp(score / np.maximum(score.max(axis=0), 1e-9), BESIDE)
        return near.mean(axis=-1, dtype=np.float64), sure * _ramp(depth, DEPTH) * beside

    def _banded(self, power: Real) -> NDArray[np.float64]:
        """(..., bins) -> (..., bands), sums; by no library whose rounding depends on threads."""
        return np.add.reduceat(power[..., : self._above].astype(np.float64), self._bands, axis=-1)

    def _spectra(self, sound: Real) -> Complex:
        """(channels, n) -> (channels, frames, bins), up to `HIGHEST`."""
        frames = np.lib.stride_tricks.sliding_window_view(sound, 2 * self._hop, axis=-1)[:, :: self._hop]
        bins = len(self._band)
        return np.stack([np.fft.rfft(f * self._window)[:, :bins].astype(np.complex64) for f in frames])

    def _sound(self, spectra: Complex) -> Real:
        """(frames, bins) -> the samples that two frames cover each."""
        frames = (np.fft.irfft(spectra, 2 * self._hop, axis=-1) * self._window).astype(np.float32)
        return np.asarray((frames[1:, : self._hop] + frames[:-1, self._hop :]).reshape(-1), np.float32)


def _ramp(value: NDArray[Any], ends: tuple[float, float]) -> NDArray[np.float64]:
    """0 up to the first end, 1 from the second on, a line between them."""
    return np.clip((value - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)


def _power(spectra: Complex) -> Real:
    return np.asarray(spectra.real**2 + spectra.imag**2, np.float32)


def _mean(area: NDArray[Any], frames: int, bins: int) -> NDArray[Any]:
    if np.iscomplexobj(area):
        return _mean(area.real, frames, bins) + 1j * _mean(area.imag, frames, bins)
    return np.asarray(uniform_filter(area.astype(np.float64), (frames, bins), mode="constant"))

"""Sounds in which nobody says a word, and lines that are hard to hear and true.

The wordless ones are the true stems of the shared scene without its dialogue, and sounds made here from
random numbers and sines. The true lines are known words, spoken by the scene's readers or by a synthetic
voice, changed as a film changes them: whispered, far away, shouted, a single word, under music.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE = 48000
Sound = NDArray[np.float64]
"""(samples,) at 48 kHz, full scale 1."""


# --- without a word --------------------------------------------------------------------------------


def stem(scene: Path, names: str, start: float, stop: float) -> Sound:
    """The sum of stems of the scene, such as "music+sfx", as one channel."""
    total: Sound = np.zeros(round((stop - start) * RATE))
    for name in names.split("+"):
        sound, _ = sf.read(
            scene / f"{name}.flac", start=round(start * RATE), stop=round(stop * RATE), always_2d=True
        )
        total += sound.mean(axis=1)
    return total


def _band(sound: Sound, low: float, high: float) -> Sound:
    filtered: Sound = sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), sound)
    return filtered


def _level(sound: Sound, decibels: float) -> Sound:
    """At that root mean square, in dB of full scale."""
    return sound * 10 ** (decibels / 20) / max(float(np.sqrt(np.mean(sound**2))), 1e-9)


def _swell(dice: np.random.Generator, count: int, slowest: float) -> Sound:
    """A slow wave between 0 and 1."""
    points = dice.random(max(4, round(count / RATE / slowest) + 2))
    wave: Sound = np.interp(np.linspace(0, len(points) - 1, count), np.arange(len(points)), points)
    return wave


def silence(dice: np.random.Generator, count: int) -> Sound:
    """What a converter makes of nothing: dither of 16 bit."""
    return (dice.random(count) - dice.random(count)) / 32768


def noise(dice: np.random.Generator, count: int) -> Sound:
    """White, at -30 dB."""
    return _level(dice.normal(size=count), -30)


def hum(dice: np.random.Generator, count: int) -> Sound:
    """A mains hum with its overtones, and hiss."""
    base, time = dice.choice([50.0, 60.0]), np.arange(count) / RATE
    tones = sum(np.sin(2 * np.pi * base * k * time + dice.random() * 6) / k for k in range(1, 12))
    return _level(tones + 0.05 * dice.normal(size=count), -28)


def rain(dice: np.random.Generator, count: int) -> Sound:
    """A steady rush, and drops near by."""
    drops = np.zeros(count)
    for at in dice.integers(0, count - 2000, size=count // 900):
        length = dice.integers(60, 900)
        drop = dice.normal(size=length) * np.exp(-np.arange(length) / (length / 5))
        drops[at : at + length] += dice.exponential() * drop
    return _level(_band(dice.normal(size=count), 400, 12000) + 0.6 * drops, -26)


def wind(dice: np.random.Generator, count: int) -> Sound:
    """Gusts: noise whose middle and strength wander."""
    gusts = sum(
        _band(dice.normal(size=count), middle / 1.3, middle * 1.3) * _swell(dice, count, 1.5) ** 2
        for middle in (150, 320, 640, 1200)
    )
    return _level(np.asarray(gusts), -24)


def applause(dice: np.random.Generator, count: int) -> Sound:
    """Hundreds of pairs of hands, swelling and dying."""
    claps = np.zeros(count)
    length = 1200
    fade = np.exp(-np.arange(length) / 220)
    for at in dice.integers(0, count - length, size=count // RATE * 260):
        claps[at : at + length] += dice.exponential() * _band(dice.normal(size=length), 700, 4500) * fade
    return _level(claps * (0.2 + _swell(dice, count, 6)), -22)


def steps(dice: np.random.Generator, count: int) -> Sound:
    """Somebody walks, doors fall shut."""
    out = 0.002 * dice.normal(size=count)
    at = 4000
    while at < count - RATE:
        low = dice.choice([90, 120, 2000])
        length = round(RATE * dice.uniform(0.05, 0.3))
        out[at : at + length] += _band(dice.normal(size=length), low, low * 4) * np.exp(
            -np.arange(length) / (length / 6)
        )
        at += round(RATE * dice.choice([0.5, 0.55, 0.6, 1.7]))
    return _level(out, -30)


def engine(dice: np.random.Generator, count: int) -> Sound:
    """A motor that is revved: pulses with overtones, up and down."""
    turns = np.cumsum(35 + 60 * _swell(dice, count, 3)) / RATE
    pulses = sum(np.sin(2 * np.pi * turns * k) / k**0.7 for k in range(1, 30))
    return _level(pulses + 0.4 * _band(dice.normal(size=count), 200, 3000), -24)


def alarm(dice: np.random.Generator, count: int) -> Sound:
    """A siren, and a telephone that rings."""
    time = np.arange(count) / RATE
    tone = 700 + 300 * np.sin(2 * np.pi * dice.uniform(0.2, 0.6) * time)
    siren = np.sin(2 * np.pi * np.cumsum(tone) / RATE)
    ring = (np.sin(2 * np.pi * 1900 * time) + np.sin(2 * np.pi * 2300 * time)) * ((time % 3) < 1)
    return _level(siren + 0.7 * ring, -26)


def music(dice: np.random.Generator, count: int) -> Sound:
    """Chords, a bass, a drum, and a lead that glides and trembles as a singer's voice does."""
    out = np.zeros(count)
    beat = round(RATE * dice.uniform(0.4, 0.6))
    root = dice.uniform(90, 130)
    scale = 2 ** (np.array([0, 2, 3, 5, 7, 8, 10, 12]) / 12)
    for number, at in enumerate(range(0, count - 4 * beat, beat)):
        time = np.arange(2 * beat) / RATE
        fade = np.exp(-time * 3)
        chord = scale[[(number // 4) % 7, (number // 4 + 2) % 7, (number // 4 + 4) % 7]]
        if number % 4 == 0:
            for tone in chord:
                held = np.arange(4 * beat) / RATE
                out[at : at + 4 * beat] += 0.15 * np.sin(2 * np.pi * 2 * root * tone * held)
        out[at : at + 2 * beat] += 0.4 * np.sin(2 * np.pi * root / 2 * chord[0] * time) * fade
        kick = np.sin(2 * np.pi * 50 * time) if number % 2 == 0 else 0.3 * dice.normal(size=2 * beat)
        out[at : at + 2 * beat] += 0.5 * kick * np.exp(-time * 30)
        if dice.random() < 0.7:
            pitch = 3 * root * dice.choice(scale) * 2 ** (0.3 / 12 * np.sin(2 * np.pi * 5.5 * time))
            phase = 2 * np.pi * np.cumsum(pitch) / RATE
            lead = sum(np.sin(k * phase) / k for k in range(1, 9))
            out[at : at + 2 * beat] += 0.25 * _band(np.asarray(lead), 500, 2500) * np.exp(-time * 1.5)
    return _level(out, -20)


MADE: dict[str, Callable[[np.random.Generator, int], Sound]] = {
    made.__name__: made for made in (silence, noise, hum, rain, wind, applause, steps, engine, alarm, music)
}


def made(name: str, seed: int, seconds: float) -> Sound:
    """One of `MADE`; another seed is another sound of the kind."""
    return MADE[name](np.random.default_rng(seed), round(seconds * RATE))


# --- lines that are hard to hear --------------------------------------------------------------------


def whispered(line: Sound) -> Sound:
    """The same mouth without vocal cords: linear prediction over 25 ms at 16 kHz, its error replaced by noise
    of the same strength (Morris and Clements, "Reconstruction of speech from whispers", 2002, the other way
    round); lows that only the cords make are taken off."""
    import soxr

    sound = soxr.resample(line, RATE, 16000)
    order, frame, hop = 18, 400, 200
    dice = np.random.default_rng(1)
    window = np.hanning(frame)
    out = np.zeros(len(sound) + frame)
    for at in range(0, len(sound) - frame, hop):
        part = sound[at : at + frame] * window
        own = np.correlate(part, part, "full")[frame - 1 : frame + order]
        if own[0] < 1e-9:
            continue
        own[0] *= 1.0001
        toeplitz = own[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
        taps = np.linalg.solve(toeplitz, own[1:])
        error = max(float(own[0] - taps @ own[1:]), 0.0)
        breath = dice.normal(size=frame) * np.sqrt(error / (window @ window))
        out[at : at + frame] += lfilter([1.0], np.concatenate([[1.0], -taps]), breath) * window
    quiet = sosfilt(butter(2, 300, "highpass", fs=16000, output="sos"), out[: len(sound)])
    return _level(soxr.resample(quiet, 16000, RATE), -38)


def far(line: Sound) -> Sound:
    """Across a hall: more of the room than of the person, dull, and over the room's own noise."""
    dice = np.random.default_rng(2)
    time = np.arange(round(1.2 * RATE)) / RATE
    room = dice.normal(size=len(time)) * 10 ** (-3 * time / 1.0)
    room[0] = 0.0
    echo = fftconvolve(line, room / np.sqrt(np.sum(room**2)))[: len(line)]
    dull = sosfilt(butter(1, 3500, "lowpass", fs=RATE, output="sos"), 0.5 * line + echo)
    return _level(dull, -36) + _level(_band(dice.normal(size=len(line)), 80, 4000), -52)


def shouted(line: Sound) -> Sound:
    """Louder than the microphone takes, with the strong overtones of a raised voice."""
    bright = line + 1.5 * sosfilt(butter(1, 1000, "highpass", fs=RATE, output="sos"), line)
    return np.tanh(_level(bright, -6) * 2) * 0.8


def under(line: Sound, bed: Sound, level: float = -6.0) -> Sound:
    """A line `level` dB against what lies over it, by root mean square where it speaks."""
    size = np.abs(line)
    loud = line[size > 0.02 * size.max()]
    gain = 10 ** (level / 20) * np.sqrt(np.mean(bed[: len(line)] ** 2) / np.mean(loud**2))
    return line * gain + bed[: len(line)]


HARD: dict[str, Callable[[Sound], Sound]] = {
    "clean": lambda line: line,
    "whispered": whispered,
    "far": far,
    "shouted": shouted,
}

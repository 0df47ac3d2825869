"""What kind of sound it is, heard in samples of it: talk, a film's scenes, or music.

Stretches of some seconds, spread evenly over the whole, are read and nothing else, so three hours cost what
ten minutes do. Three numbers decide:

* speech: how much of the time in which anything sounds somebody speaks (Silero VAD);
* music: in how much of it there are tones that last, or a beat. Voices glide and noise has no tones, so what
  stays up in a spectrum averaged over half a second (geometrically: one gap pulls it down) is an instrument;
* under: how loud it is between the words, against the words themselves.

The bounds were chosen on one set of clips and held on another: benchmarks/content.py, docs/separation.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.backends.diarizers.silero import FRAME, Silero
from dubline.errors import imported
from dubline.media.speech import mixdown
from dubline.run import Work, step
from dubline.signal.resample import resampled
from dubline.timebase import resampled_length
from dubline.values.base import Value
from dubline.values.media import Sound
from dubline.weights.installation import extra_command
from dubline.weights.wheels import SILERO, identity, require_file

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RATE = 16000
STRETCH, MOST = 8.0, 60
"""Seconds of a stretch, and how many of them are heard at most."""

TALK = 0.35
"""From this share of speech on it is a talk, if it is quiet enough between the words."""
QUIET = -17.5
"""dB under the speech: where a quarter of the pauses is louder, something else plays under it."""
MUSIC = 0.6
"""From this share of music on it is music, if hardly anybody speaks over it."""
FEW_WORDS = 0.25
"""Up to this share of speech it can be music: announcements, calls between songs."""

TONES = 0.03
"""Share of the spectrum's lines that stand out, from which on there is music."""
BEAT = 0.28
"""Correlation of onsets with themselves a beat later (0.3 to 1 s), from which on there is music."""
_STANDS_OUT = np.log(10**0.8)  # 8 dB over its surroundings
_AUDIBLE = 35.0  # dB under the loud parts: what is softer counts as silence
_SILENCE = -80.0  # dBFS


class Content(Value, frozen=True):
    """What was heard. Shares are 0 to 1 of the time in which anything sounds; `under` is the level that three
    quarters of the pauses stay below, in dB against the speech, None where nobody speaks or nothing pauses.
    `seconds` is how much was listened to, `reason` one sentence."""

    kind: Literal["dialogue", "cinematic", "music"]
    speech: float
    music: float
    under: float | None
    seconds: float
    reason: str


@step("content", version=2)
def hear_content(work: Work, sound: Sound, detector: tuple[str, ...]) -> Content:
    """Judge what kind of sound it is; `detector` is the identity of the speech detector.

    Raises:
        BackendMissing, WeightsError: the detector is not installed, or damaged.
        ValidationError, AudioProcessingError: the sound cannot be read.
        Cancelled: the report asked to stop.
    """
    silero = Silero(require_file(SILERO))
    places = stretches(sound)
    heard = []
    for number, (start, stop) in enumerate(places):
        work.report(sound.duration * number / len(places), sound.duration)
        heard.append(listen(_mono(work.open(sound.path), sound, start, stop), silero))
    content = judge(heard)
    work.report(sound.duration, sound.duration)
    work.facts.update(msgspec.to_builtins(content))
    return content


def detector_identity() -> tuple[str, ...]:
    """The speech detector that is installed.

    Raises:
        BackendMissing: there is none, or nothing that runs it.
    """
    imported("onnxruntime", "listening for speech needs onnxruntime", extra_command("speech"))
    return identity(SILERO, require_file(SILERO)).sha256


def stretches(sound: Sound) -> list[tuple[int, int]]:
    """(first, last) sample of each stretch that is heard: all of a short sound, `MOST` of a long one."""
    length = round(STRETCH * sound.rate)
    count = -(-sound.frames // length)
    if count <= MOST:
        # The last one would be a rest too short to hear anything in: it ends with the sound instead.
        return [(max(0, min(n * length, sound.frames - length)), min((n + 1) * length, sound.frames))
                for n in range(count)]  # fmt: skip
    starts = np.linspace(0, sound.frames - length, MOST).round().astype(int)
    return [(int(start), int(start) + length) for start in starts]


class Heard(NamedTuple):
    """One stretch: level in dBFS and chance of speech of each 32 ms, and whether there is music in it."""

    levels: Floats
    chances: Floats
    music: bool


def listen(mono: NDArray[np.float32], silero: Silero) -> Heard:
    """What there is in a stretch, (n,) samples at 16 kHz."""
    frames = mono[: len(mono) // FRAME * FRAME].reshape(-1, FRAME)
    levels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-12)
    silero.reset()
    chances = silero.chances(mono)[: len(frames)].astype(np.float64)
    if not len(frames) or levels.max() < _SILENCE:
        return Heard(levels, chances, False)
    blocks, spoken, loud = _tones(mono, chances, levels)
    blocks, spoken = blocks[loud], spoken[loud]
    pauses = blocks[~spoken]
    # Between the words no voice can be taken for an instrument; where nobody pauses, more must stand out.
    heard, least = (pauses, TONES) if len(pauses) >= 3 else (blocks, 2 * TONES)
    tones = len(heard) > 0 and float(np.median(heard)) >= least
    return Heard(levels, chances, tones or _beat(mono) >= BEAT)


def judge(heard: list[Heard]) -> Content:
    """The kind of a sound from its stretches."""
    levels = np.concatenate([one.levels for one in heard])
    chances = np.concatenate([one.chances for one in heard])
    loud = float(np.percentile(levels, 95)) if len(levels) else _SILENCE
    audible = levels > max(loud - _AUDIBLE, _SILENCE)
    seconds = len(levels) * FRAME / RATE
    if not audible.any():
        silent = "content: dialogue, since nothing sounds where it was listened to"
        return Content(
            kind="dialogue", speech=0.0, music=0.0, under=None, seconds=round(seconds, 1), reason=silent
        )
    music = np.concatenate([np.full(len(one.levels), one.music) for one in heard])
    speech = round(float((chances[audible] > 0.5).mean()), 3)
    share = round(float(music[audible].mean()), 3)
    under = _under(levels, chances)
    quiet = under is None or under <= QUIET
    kind: Literal["dialogue", "cinematic", "music"] = "cinematic"
    if speech >= TALK and quiet:
        kind = "dialogue"
    elif share >= MUSIC and speech <= FEW_WORDS:
        kind = "music"
    return Content(
        kind=kind,
        speech=speech,
        music=share,
        under=under,
        seconds=round(seconds, 1),
        reason=_reason(kind, speech, share, under),
    )


def _reason(kind: str, speech: float, music: float, under: float | None) -> str:
    heard = [f"somebody speaks {speech:.0%} of the time", f"there is music {music:.0%} of it"]
    if under is not None:
        where = f"{-under:.0f} dB softer than" if under < 0 else f"{under:.0f} dB louder than"
        heard.append(f"between the words it is {where} they are")
    why = {
        "dialogue": "it is mostly talk over little else",
        "music": "it is mostly music",
        "cinematic": "other sounds lie under the voices or between them"
        if speech > 0.05
        else "it is neither talk nor music",
    }[kind]
    return f"content: {kind}, since {why}: {', '.join(heard)}"


def _under(levels: Floats, chances: Floats) -> float | None:
    """How loud the pauses are against the words; a tenth of a second around a word is no pause."""
    spoken = chances > 0.8
    pause = np.convolve(chances > 0.2, np.ones(9), "same") < 0.5
    if spoken.sum() < 30 or pause.sum() < 10:  # a second of words, a third of one of pauses
        return None
    speech = 10 * np.log10(np.mean(10 ** (levels[spoken] / 10)))
    return round(float(np.percentile(levels[pause], 75) - speech), 1)


def _mono(path: Path, sound: Sound, start: int, stop: int) -> NDArray[np.float32]:
    """A stretch at 16 kHz, as the ears of the transcription would hear it."""
    frames = resampled_length(stop - start, sound.rate, RATE, "floor")
    blocks = resampled(mixdown(path, sound, start=start, stop=stop), sound.rate, RATE, frames)
    return np.concatenate([block[0] for block in blocks])


_WINDOW, _HOP, _GROUP = 2048, 512, 12  # 128 ms every 32 ms; twelve together are half a second


def _tones(mono: NDArray[np.float32], chances: Floats, levels: Floats) -> tuple[Floats, Flags, Flags]:
    """(share of lines from 150 Hz to 5 kHz that stand out, whether somebody speaks, whether it can be heard)
    for each half second."""
    from scipy.ndimage import median_filter

    frames = mono[: max(0, len(mono) - _WINDOW + _HOP) // (_GROUP * _HOP) * _GROUP * _HOP + _WINDOW - _HOP]
    if len(frames) < _WINDOW:
        return np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    shown = np.lib.stride_tricks.sliding_window_view(frames, _WINDOW)[::_HOP]
    low, high = round(150 / RATE * _WINDOW), round(5000 / RATE * _WINDOW)
    power = np.abs(np.fft.rfft(shown * np.hanning(_WINDOW).astype(np.float32))[:, low:high]) ** 2
    lasting = np.log(power + 1e-10).reshape(-1, _GROUP, high - low).mean(axis=1)
    out = lasting - median_filter(lasting, size=(1, 41)) > _STANDS_OUT
    whole = len(out) * _GROUP
    spoken = (chances[:whole].reshape(-1, _GROUP) > 0.5).mean(axis=1) > 0.25
    loud = levels[:whole].reshape(-1, _GROUP).mean(axis=1) > np.percentile(levels, 95) - _AUDIBLE
    return out.mean(axis=1), spoken, loud


def _beat(mono: NDArray[np.float32]) -> float:
    """How much the onsets of a stretch are like themselves 0.3 to 1 s later, 0 to 1."""
    if len(mono) < 3 * RATE:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(mono, 512)[::160]
    loudness = np.log(np.abs(np.fft.rfft(frames * np.hanning(512))) + 1e-4)
    onsets = np.maximum(np.diff(loudness, axis=0), 0).mean(axis=1)
    onsets -= onsets.mean()
    spectrum = np.abs(np.fft.rfft(onsets, 2 * len(onsets))) ** 2
    likeness = np.fft.irfft(spectrum)[: len(onsets)]
    return float(likeness[30:100].max() / likeness[0]) if likeness[0] > 0 else 0.0

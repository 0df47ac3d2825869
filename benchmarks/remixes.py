"""Mixes with true stems for separators: a set that settings may be chosen on, and a held set.

The two share no voice, no music, no effect and no ambience. Voices are recordings of the shared data (a
meeting, a telephone, a commentary), espeak-ng and, where a model of it is there, Piper; music, effects and
ambience are recordings and sounds that are made here, other ones for each set. Every mix is 24 s long and
differs in level, place and room.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from dubline.values.media import Line

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
RATE, SECONDS = 48000, 24
FRAMES = RATE * SECONDS

Sound = NDArray[np.float32]
"""(channels, samples) or (samples,) at 48 kHz."""

WORDS = {
    "en": "The harbour was quiet when we came back. Nobody had told them about the letter, and I was not "
    "going to be the first. Did you lock the door behind you? Of course I did. Then who opened it? Listen.",
    "de": "Der Hafen war still, als wir zurückkamen. Niemand hatte ihnen von dem Brief erzählt. Hast du die "
    "Tür abgeschlossen? Natürlich. Wer hat sie dann geöffnet? Hör doch einmal zu, es ist jemand im Haus.",
    "es": "El puerto estaba en silencio cuando volvimos. Nadie les había hablado de la carta. ¿Cerraste la "
    "puerta con llave? Claro que sí. Entonces, ¿quién la abrió? Escucha, hay alguien dentro de la casa.",
}


class Remix(NamedTuple):
    """A mix: its name, its true stems, each (2, n), and the times at which somebody speaks."""

    name: str
    speech: Sound
    music: Sound
    effects: Sound
    ambience: Sound
    lines: tuple[Line, ...]

    @property
    def rest(self) -> Sound:
        """Everything that is not speech."""
        return self.music + self.effects + self.ambience


class Plan(NamedTuple):
    """How a mix is made. `voices`: (what, angle in degrees: 0 left, 45 middle, 90 right); `level` of the rest
    against the speech in dB; `shares` of music, effects, ambience in dB; `room`: echo of the voice in dB."""

    name: str
    voices: tuple[tuple[str, float], ...]
    music: str
    effects: str
    ambience: str
    level: float
    shares: tuple[float, float, float] = (0.0, -3.0, -6.0)
    room: float = -14.0


CHOSEN = (
    Plan("meeting, band", (("trn03", 45),), "band", "recorded", "rain", 0.0),
    Plan("meeting, plucks", (("trn05", 48),), "plucks", "thumps", "rain", -4.0, room=-9.0),
    Plan("two, song", (("trn03", 41), ("espeak:en+f2", 50)), "song low", "recorded", "hiss", 0.0),
    Plan("espeak, band louder", (("espeak:en+m3", 45),), "band", "thumps", "hiss", 4.0),
    Plan("effects", (("espeak:de+f3", 43),), "", "recorded", "rain", 0.0, (0.0, 0.0, -3.0)),
    Plan("far off the middle", (("trn03", 30), ("espeak:de+f3", 60)), "plucks", "", "rain", -2.0),
    Plan("meeting, drums", (("trn03", 45),), "drums", "thumps", "hum", 2.0),
    Plan("narrow", (("espeak:en+f2", 45),), "band narrow", "recorded", "hum", -2.0, room=-30.0),
    Plan("ambience", (("trn05", 45),), "", "", "rain", 2.0),
    Plan("soft bed", (("trn03", 46),), "plucks", "recorded", "hum", -10.0),
)
HELD = (
    Plan("meeting, piece", (("dev00", 45),), "piece", "bursts", "wind", 0.0),
    Plan("commentary, strings", (("comment", 47),), "strings", "rings", "wind", -4.0, room=-9.0),
    Plan("telephone, song", (("sample", 44),), "song high", "bursts", "sea", -2.0),
    Plan("Piper, silent film", (("piper", 45),), "chaplin", "passes", "crowd", 3.0),
    Plan("effects", (("comment", 45),), "", "bursts", "wind", 0.0, (0.0, 0.0, -3.0)),
    Plan("far off the middle", (("dev00", 32), ("espeak:es+m7", 58)), "bells", "", "sea", -2.0),
    Plan("two, strings louder", (("piper", 42), ("espeak:es+f5", 51)), "strings", "passes", "crowd", 4.0),
    Plan("narrow", (("sample", 45),), "piece narrow", "rings", "sea", -2.0, room=-30.0),
    Plan("crowd", (("piper", 45),), "", "", "crowd", 0.0),
    Plan("soft bed", (("dev00", 45),), "bells", "bursts", "wind", -10.0),
)


def remixes(plans: tuple[Plan, ...], data: Path = DATA) -> Iterator[Remix]:
    """The mixes of a set, one at a time."""
    for seed, plan in enumerate(plans):
        yield _mixed(plan, data, seed)


def _mixed(plan: Plan, data: Path, seed: int) -> Remix:
    rng = np.random.default_rng(seed)
    speech = np.zeros((2, FRAMES), np.float32)
    active = np.zeros(FRAMES, bool)
    for number, (what, angle) in enumerate(plan.voices):
        dry = _turns(_voice(what, data), number, len(plan.voices))
        loud = np.convolve(
            np.abs(dry[: FRAMES // 480 * 480]).reshape(-1, 480).max(axis=1), np.ones(9), "same"
        )
        on = np.repeat(loud > 0.02 * loud.max(), 480)
        active[: on.size] |= on
        place = np.sqrt(2) * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        speech += (place[:, None] * dry + _echo(dry, rng, plan.room)).astype(np.float32)
    speech *= np.float32(0.06 / _rms(speech[:, active]))
    made = []
    for kind, what, share in zip(("music", "effects", "ambience"), plan[2:5], plan.shares, strict=True):
        sound = _bed(kind, what, data, rng)
        size = _rms(sound)
        made.append(sound * np.float32(10 ** (share / 20) / size if size > 0 else 0))
    gain = np.float32(0.06 * 10 ** (plan.level / 20) / _rms(sum(made)))
    stems = [speech, *(gain * sound for sound in made)]
    quieter = np.float32(min(1.0, 0.9 / np.abs(sum(stems)).max()))
    return Remix(plan.name, *(quieter * sound for sound in stems), _lines(active))


def _lines(active: NDArray[np.bool_]) -> tuple[Line, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]]))) / RATE
    return tuple(Line(start=float(a), end=float(b)) for a, b in edges.reshape(-1, 2))


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if sound.size else 0.0


def _fit(sound: Sound) -> Sound:
    """Over and over until it is long enough."""
    return np.tile(sound, (1,) * (sound.ndim - 1) + (-(-FRAMES // sound.shape[-1]),))[..., :FRAMES]


def _turns(voice: Sound, number: int, of: int) -> Sound:
    """Its share of the time: 3 s of silence in every 12; of two voices each has its turns."""
    time = np.arange(FRAMES) / RATE
    on = (time % 12 >= 3) if of == 1 else (time % 12 >= 2) & ((time % 6 >= 3) == bool(number))
    soft = np.convolve(on, np.ones(2400) / 2400, "same")
    return (_fit(voice) * soft).astype(np.float32)


def _echo(dry: Sound, rng: np.random.Generator, level: float) -> Sound:
    """What a room adds, (2, n): noise that dies away in 0.4 s."""
    time = np.arange(RATE // 2) / RATE
    tail = rng.standard_normal((2, time.size)) * np.exp(-time * 6.9 / 0.4) * (time > 0.004)
    size = 2 * FRAMES
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail, size), size)[:, :FRAMES]
    return (wet * (10 ** (level / 20) * _rms(dry) / max(_rms(wet), 1e-9))).astype(np.float32)


@lru_cache(maxsize=32)
def _voice(what: str, data: Path) -> Sound:
    if what == "piper":
        return _piper()
    if what.startswith("espeak:"):
        voice = what.partition(":")[2]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "voice.wav"
            command = ["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), WORDS[voice[:2]]]
            subprocess.run(command, check=True)
            return _read(path).mean(axis=0)
    path = data / ("video/autoeditor_aac.m4a" if what == "comment" else f"diarization/{what}.wav")
    # Meeting rooms rumble: as truth of a voice that would count more than the voice.
    return np.asarray(
        sosfilt(butter(4, 90, "hp", fs=RATE, output="sos"), _read(path).mean(axis=0)), np.float32
    )


def _piper() -> Sound:
    """Piper's voice; espeak-ng's where there is no model of it in the models folder."""
    models = sorted(Path(os.environ.get("DUBLINE_MODELS", "/nowhere")).glob("piper-*/*.onnx"))
    if not models:
        return _voice("espeak:en+m7", DATA)
    from piper import PiperVoice

    speaker = PiperVoice.load(models[0])
    pieces = [chunk.audio_float_array for chunk in speaker.synthesize(WORDS["en"])]
    return np.asarray(soxr.resample(np.concatenate(pieces), speaker.config.sample_rate, RATE), np.float32)


def _read(path: Path, start: float = 0.0, stop: float | None = None) -> Sound:
    if path.suffix in (".mp4", ".m4a"):
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "2", "-ar", str(RATE), "-"]
        raw = subprocess.run(command, check=True, capture_output=True).stdout
        return np.frombuffer(raw, np.float32).reshape(-1, 2).T.copy()
    sound, rate = sf.read(path, dtype="float32", always_2d=True)
    sound = sound[round(start * rate) : None if stop is None else round(stop * rate)]
    return np.ascontiguousarray(soxr.resample(sound - sound.mean(axis=0), rate, RATE).T, np.float32)


def _bed(kind: str, what: str, data: Path, rng: np.random.Generator) -> Sound:
    """Music, effects or ambience by its name, (2, n)."""
    name, _, how = what.partition(" ")
    scene = data / "scene"
    recorded: dict[tuple[str, str], Callable[[], Sound]] = {
        ("music", "band"): lambda: _read(scene / "music.flac", 8, 32),
        ("music", "piece"): lambda: _read(data / "audio/pydub_test1-24bit.wav"),
        ("music", "chaplin"): lambda: _read(data / "video/moviepy_chaplin.mp4"),
        ("effects", "recorded"): lambda: _read(scene / "sfx.flac", 10, 34),
        ("ambience", "rain"): lambda: _read(scene / "ambient.flac", 10, 34),
        ("ambience", "crowd"): lambda: _crowd(data),
    }
    if not name:
        return np.zeros((2, FRAMES), np.float32)
    if (kind, name) in recorded:
        sound = _fit(recorded[kind, name]())
    elif kind == "music":
        sound = _music(name, how, rng)
    elif kind == "effects":
        sound = _effects(name, rng)
    else:
        sound = _ambience(name, rng)
    if how == "narrow":
        sound = 0.85 * sound.mean(axis=0) + 0.15 * sound
    return sound.astype(np.float32)


def _tone(
    pitch: float, seconds: float, fall: float, partials: int, slope: float, vibrato: float = 0.0
) -> Sound:
    """One note: partials that fall off by `slope` a partial and die away over `fall` s (0: held)."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * pitch * (time + vibrato * np.sin(2 * np.pi * 5.3 * time) / (2 * np.pi * 5.3))
    note = sum(np.sin(k * phase) * k**-slope for k in range(1, partials + 1) if k * pitch < 15000)
    shape = np.exp(-time / fall) if fall else np.minimum(time / 0.12, 1)
    return np.asarray(note * shape * np.minimum((seconds - time) / 0.05, 1), np.float32)


def _put(onto: Sound, sound: Sound, at: float, place: float) -> None:
    first = round(at * RATE)
    sound = sound[: max(0, onto.shape[1] - first)]
    onto[0, first : first + sound.size] += sound * np.float32(np.cos(place * np.pi / 2))
    onto[1, first : first + sound.size] += sound * np.float32(np.sin(place * np.pi / 2))


def _music(name: str, how: str, rng: np.random.Generator) -> Sound:
    out = np.zeros((2, FRAMES), np.float32)
    scale = {"plucks": [0, 3, 5, 7, 10], "bells": [0, 2, 4, 7, 9], "drums": [0], "strings": [0, 4, 7, 11]}
    if name == "song":
        return _song(out, 150.0 if how == "low" else 290.0, rng)
    beat = {"plucks": 0.27, "bells": 0.4, "drums": 0.23, "strings": 1.6}[name]
    for count, at in enumerate(np.arange(0, SECONDS, beat)):
        pitch = 110 * 2 ** ((rng.choice(scale[name]) + 12 * rng.integers(0, 3)) / 12)
        place = rng.uniform(0.1, 0.9)
        if name == "plucks":
            _put(out, _tone(pitch, 1.5, 0.4, 12, 1.2), at, place)
        elif name == "bells":
            _put(out, _tone(2.5 * pitch, 2.5, 0.9, 4, 0.7), at, place)
            _put(out, _tone(6.9 * pitch, 1.0, 0.3, 2, 1), at, place)
        elif name == "strings":
            for half in (0.997, 1.0, 1.004):
                _put(out, 0.4 * _tone(half * pitch, 2.4, 0, 24, 1.0, 0.006), at, rng.uniform(0.2, 0.8))
                _put(out, 0.3 * _tone(half * pitch * 1.5, 2.4, 0, 18, 1.1, 0.006), at, place)
        else:
            kick = _tone(52, 0.3, 0.08, 3, 1.5) * 2
            hit = rng.standard_normal(RATE // 5).astype(np.float32) * np.exp(-np.arange(RATE // 5) / 1900)
            _put(
                out,
                kick if count % 4 == 0 else hit.astype(np.float32) * (0.8 if count % 4 == 2 else 0.2),
                at,
                0.5,
            )
            if count % 8 == 0:
                _put(out, _tone(82.4, 1.6, 0.7, 10, 1.1), at, 0.5)
    return out


def _song(out: Sound, pitch: float, rng: np.random.Generator) -> Sound:
    """Somebody sings vowels over held chords."""
    vowels = [(700, 1200, 2600), (450, 1900, 2500), (350, 800, 2400), (300, 2200, 2900)]
    for at in np.arange(0, SECONDS, 1.1):
        step = pitch * 2 ** (rng.choice([0, 2, 4, 5, 7, 9]) / 12)
        note = _tone(step, 1.0, 0, 40, 0.6, 0.012)
        spectrum, freq = np.fft.rfft(note), np.fft.rfftfreq(note.size, 1 / RATE)
        formants = vowels[rng.integers(len(vowels))]
        shape = sum(1 / (1 + ((freq - f) / 90) ** 2) for f in formants)
        sung = np.fft.irfft(spectrum * shape, note.size).astype(np.float32)
        _put(out, sung / max(np.abs(sung).max(), 1e-9), at, 0.5)
        for third in (0.5, 0.63, 0.75):
            _put(out, 0.12 * _tone(pitch * third, 1.2, 0, 10, 1.0), at, rng.uniform(0.1, 0.9))
    return out


def _effects(name: str, rng: np.random.Generator) -> Sound:
    out = np.zeros((2, FRAMES), np.float32)
    gap = {"thumps": 0.55, "bursts": 1.7, "rings": 2.6, "passes": 6.0}[name]
    for at in np.arange(0.3, SECONDS, gap):
        place = rng.uniform(0.2, 0.8)
        noise = rng.standard_normal(2 * RATE).astype(np.float32)
        time = np.arange(noise.size, dtype=np.float32) / RATE
        if name == "thumps":
            _put(
                out,
                (
                    _tone(rng.uniform(70, 160), 0.2, 0.04, 4, 1)
                    + 0.3 * noise[:9600] * np.exp(-time[:9600] / 0.01)
                ),
                at,
                place,
            )
        elif name == "bursts":
            _put(
                out,
                noise * np.exp(-time / rng.uniform(0.05, 0.3)).astype(np.float32),
                at + rng.uniform(0, 0.8),
                place,
            )
        elif name == "rings":
            ring = sum(np.sin(2 * np.pi * f * time) for f in (1310, 1630, 3170)) * (
                np.sin(2 * np.pi * 11 * time) > 0
            )
            _put(out, np.asarray(0.3 * ring[:RATE], np.float32), at, place)
        else:
            long = rng.standard_normal(5 * RATE)
            when = np.arange(long.size) / RATE
            swell = np.exp(-((when - 2.5) ** 2)).astype(np.float32)
            _put(out, _coloured(long, 1.0) * swell, at, place)
    return out


def _coloured(noise: NDArray[np.float64], slope: float, low: float = 60.0) -> Sound:
    spectrum, freq = np.fft.rfft(noise), np.fft.rfftfreq(noise.shape[-1], 1 / RATE)
    return np.fft.irfft(spectrum * np.maximum(freq, low) ** -slope * 300, noise.shape[-1]).astype(np.float32)


def _ambience(name: str, rng: np.random.Generator) -> Sound:
    time = np.arange(FRAMES) / RATE
    noise = rng.standard_normal((2, FRAMES))
    if name == "hiss":
        return _coloured(noise, 0.4)
    if name == "hum":
        return _coloured(noise, 1.0) + 0.2 * _fit(_tone(50, 24, 0, 12, 0.8))
    period, depth = (3.1, 0.5) if name == "wind" else (6.7, 0.8)
    swell = 1 - depth / 2 + depth / 2 * np.sin(2 * np.pi * time / period + 0.5 * np.sin(time))
    return (_coloured(noise, 0.9 if name == "wind" else 0.5) * swell).astype(np.float32)


def _crowd(data: Path) -> Sound:
    """Ten people talking at once, far away: nobody can be understood."""
    out = np.zeros((2, FRAMES), np.float32)
    for number in range(10):
        voice = _fit(
            _voice(f"espeak:{('en', 'de', 'es')[number % 3]}+{'mf'[number % 2]}{number // 2 + 1}", data)
        )
        _put(out, _fit(np.roll(voice, number * 77777)[::-1].copy()), 0, number / 9)
    return out + 0.3 * _rms(out) * np.random.default_rng(9).standard_normal(out.shape).astype(np.float32)

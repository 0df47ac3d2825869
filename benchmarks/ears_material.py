"""Sounds whose words and turns are known, for `benchmarks/ears.py`: scenes, meetings, and conversations made.

A conversation is a row of lines with pauses of 0.15 to 0.9 s; voices cut from the scene also talk over each
other by up to 0.8 s. Half of them are clean, half lie over the scene's own ambience and music, 9 dB below the
voices. Piper has one English voice here, so its other people are the same voice played faster and slower.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from dubline.values.base import to_json
from dubline.values.transcript import Turn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from diarization import call, meetings, references

RATE = 48000
BED = -9.0
MUSIC_ABOVE = 3.0  # dB by which the music is louder than the voices in the last scene
ESPEAK = ("en-us+m3", "en-gb+f2", "en-us+m7", "en-gb-scotland+f4")
PIPER = (0.84, 1.0, 1.19)  # how much faster it is played
LENGTH = 40.0  # seconds of a conversation, about

Mono = NDArray[np.float32]


class Line(NamedTuple):
    """What one says, None where nobody knows; when, in seconds."""

    start: float
    end: float
    speaker: str
    text: str | None


class Material(NamedTuple):
    """One sound. `half`: 0 to choose settings on, 1 to report. `whole`: all that is said is known, and nobody
    talks over another, so that what is invented counts wherever it stands."""

    name: str
    set: str
    half: int
    path: Path
    turns: tuple[Turn, ...]
    lines: tuple[Line, ...]
    whole: bool


def material(data: Path, place: Path) -> list[Material]:
    """All sounds; those that are made are written into `place` once."""
    place.mkdir(parents=True, exist_ok=True)
    return [*_scenes(data, place), *_meetings(data), *_conversations(data, place)]


def _scenes(data: Path, place: Path) -> list[Material]:
    scene = data / "scene"
    truth = json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))["segments"]
    lines = tuple(Line(s["start"], s["end"], s["speaker"], s["text"]) for s in truth if s["text"])
    turns = tuple(references(data)["scene_dev"])
    stems = {n: _read(scene / f"{n}.flac") for n in ("dialogue", "music", "sfx", "ambient")}
    loud = _level(stems["dialogue"]) + MUSIC_ABOVE - _level(stems["music"])
    made = []
    for half, name, voice, music in (
        (0, "scene 0 dB", 0.0, 0.0),
        (1, "scene -3 dB", -3.0, 0.0),
        (0, "scene -6 dB", -6.0, 0.0),
        (1, "scene, loud music", 0.0, loud),
    ):
        gains = {"dialogue": voice, "music": music}
        path = place / f"{name.replace(' ', '_').replace(',', '')}.wav"
        if not path.exists():
            mixed = sum(10 ** (gains.get(n, 0.0) / 20) * stem for n, stem in stems.items())
            sf.write(path, mixed, RATE, subtype="FLOAT")
        made.append(Material(name, "scene", half, path, turns, lines, whole=False))
    return made


def _meetings(data: Path) -> list[Material]:
    return [
        Material(uri, "meetings", number % 2, path, tuple(turns), (), whole=False)
        for number, (uri, path, turns) in enumerate([*meetings(data), call(data)])
    ]


def _conversations(data: Path, place: Path) -> list[Material]:
    bed = sum(_read(data / f"scene/{n}.flac") for n in ("music", "ambient")).mean(axis=1)
    made = []
    for kind, voices in (("cut", _cut(data)), ("piper", _piper), ("espeak", _espeak)):
        for half in (0, 1):
            for over in (False, True):
                name = f"{kind} {half + 1}, {'over a bed' if over else 'clean'}"
                path = place / f"{name.replace(' ', '_').replace(',', '')}.wav"
                told = path.with_suffix(".json")
                if not told.exists():
                    rng = np.random.default_rng((half, over, len(kind)))
                    sound, lines = _row(voices(rng), rng, overlap=kind == "cut")
                    if over:
                        under = np.roll(bed, -RATE * 20 * half)[: len(sound)]
                        sound = sound + under * 10 ** ((_level(sound) + BED - _level(under)) / 20)
                    sf.write(path, sound, RATE, subtype="FLOAT")
                    told.write_bytes(to_json([list(line) for line in lines]))
                lines = tuple(Line(*line) for line in json.loads(told.read_text(encoding="utf-8")))
                turns = tuple(Turn(start=a, end=b, speaker=who) for a, b, who, _ in lines)
                said = tuple(line for line in lines if line.text)
                made.append(Material(name, kind, half, path, turns, said, whole=kind != "cut"))
    return made


Voiced = list[tuple[str, Mono, str | None]]


def _row(said: Voiced, rng: Any, *, overlap: bool) -> tuple[Mono, list[Line]]:
    """Lines one after the other, each as its voice is: trimmed, of like loudness."""
    at, lines, sound = 0.5, [], np.zeros(int((LENGTH + 30) * RATE), np.float32)
    last = ""
    for who, voice, text in said:
        voice = _trimmed(voice)
        voice = voice * 10 ** ((-24.0 + rng.uniform(-2, 2) - _level(voice)) / 20)
        seconds = len(voice) / RATE
        over = overlap and who != last and rng.random() < 0.35
        gap = -float(rng.uniform(0.2, 0.8)) if over else float(rng.uniform(0.15, 0.9))
        start = max(0.3, at + gap, max((a.start for a in lines), default=0.0) + 0.1)
        start = max([start, *(a.end + 0.1 for a in lines if a.speaker == who)])
        first = round(start * RATE)
        sound[first : first + len(voice)] += voice
        lines.append(Line(round(first / RATE, 3), round(first / RATE + seconds, 3), who, text))
        at, last = max(at, start + seconds), who
        if at > LENGTH:
            break
    return sound[: round((at + 0.7) * RATE)], lines


def _cut(data: Path) -> Callable[[Any], Voiced]:
    """Turns of the scene that nobody talks over, in another order."""

    def voices(rng: Any) -> Voiced:
        dialogue = _read(data / "scene/dialogue.flac").mean(axis=1)
        truth = json.loads((data / "scene/truth_transcript.json").read_text(encoding="utf-8"))["segments"]
        turns = references(data)["scene_dev"]
        alone = [
            t
            for t in turns
            if not any(o is not t and o.start < t.end + 0.05 and t.start - 0.05 < o.end for o in turns)
        ]
        said: Voiced = []
        for turn in alone:
            text = next(
                (
                    s["text"]
                    for s in truth
                    if abs(s["start"] - turn.start) < 0.05 and abs(s["end"] - turn.end) < 0.05
                ),
                None,
            )
            if turn.end - turn.start > 0.7:
                a, b = round(turn.start * RATE), round(turn.end * RATE)
                said.append((turn.speaker, dialogue[a:b], text))
        return _shuffled(said, rng)

    return voices


def _piper(rng: Any) -> Voiced:
    from dubline.backends.voices.piper import Piper

    said: Voiced = []
    with Piper(Piper.Options(language="en")) as voice:
        (name,) = (info.name for info in voice.voices())
        for number, text in enumerate(_texts(rng)):
            faster = PIPER[number % len(PIPER)]
            take = voice.speak(text, name, speed=1.0, pitch=1.0, tick=lambda: None)
            mono = np.asarray(take.sound, np.float32).reshape(-1, np.asarray(take.sound).shape[-1]).mean(0)
            said.append((f"joe {faster}", _resampled(mono, take.rate * faster), text))
    return said


def _espeak(rng: Any) -> Voiced:
    said: Voiced = []
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(_texts(rng)):
            who, path = ESPEAK[number % len(ESPEAK)], Path(folder) / "line.wav"
            subprocess.run(["espeak-ng", "-v", who, "-s", "165", "-w", str(path), text], check=True)
            mono, rate = sf.read(path, dtype="float32")
            said.append((who, _resampled(mono, rate), text))
    return said


def _texts(rng: Any) -> list[str]:
    """English lines of five words and more, in an order of chance; enough for a conversation."""
    table = Path(__file__).with_name("spoken_lines.tsv")
    with table.open(encoding="utf-8", newline="") as file:
        lines = [row["line"] for row in csv.DictReader(file, delimiter="\t") if row["language"] == "en"]
    long = [line for line in lines if len(line.split()) >= 5]
    return [long[n] for n in rng.permutation(len(long))[:20]]


def _shuffled(said: Voiced, rng: Any) -> Voiced:
    """Nobody twice in a row, as far as that goes."""
    left, row = [said[n] for n in rng.permutation(len(said))], []
    while left:
        other = next((one for one in left if not row or one[0] != row[-1][0]), left[0])
        left.remove(other)
        row.append(other)
    return row


def _read(path: Path) -> Mono:
    sound: Mono = sf.read(path, dtype="float32", always_2d=True)[0]
    return sound


def _resampled(mono: Mono, rate: float) -> Mono:
    return np.asarray(soxr.resample(mono, rate, RATE), np.float32)


def _level(sound: Mono) -> float:
    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2)))


def _trimmed(voice: Mono) -> Mono:
    """Without what is 45 dB below the loudest 10 ms at both ends."""
    hop = RATE // 100
    power = np.square(voice[: len(voice) // hop * hop].reshape(-1, hop)).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10**-4.5)
    return voice[loud[0] * hop : (loud[-1] + 1) * hop]

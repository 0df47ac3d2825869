"""Conversations with known truth, for benchmarks/diarization.py: who speaks is drawn, so nobody knows them.

    spoken    2 to 5 voices of Piper (joe), flite and eSpeak NG say lines of spoken_lines.tsv
    scene     the voices of the scene in another order; `mixes` are the same over its music, effects and
              ambience, from another place in them

Lines are drawn by fixed seeds. Names with A are those that settings were chosen on, with B those held back.
"""

from __future__ import annotations

import hashlib
import subprocess
import wave
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from dubline.media.speech import RATE
from dubline.values.transcript import Turn

Floats = NDArray[np.float32]
Say = Callable[[str, np.random.Generator], Floats]

FLITE = ("slt", "rms", "awb", "kal16")
SPOKEN = {
    "A2": ("joe", "slt"),
    "A3": ("rms", "slt", "awb"),
    "A4": ("joe", "slt", "awb", "en-us+f2"),
    "A5": ("rms", "slt", "joe", "kal16", "en-gb+f4"),
    "B2": ("joe", "rms"),
    "B3": ("awb", "joe", "en-us+f3"),
    "B4": ("rms", "slt", "kal16", "en-gb+m3"),
    "B5": ("joe", "awb", "slt", "en-us+m2", "en-gb+f1"),
}
SCENE = {  # the seed, where the background begins in seconds, who
    "A2": (1, 20, ("S3005", "S533")),
    "A3": (2, 45, ("LJ", "S2033", "S533")),
    "A4": (3, 70, ("LJ", "S2033", "S533", "S3005")),
    "B2": (4, 5, ("LJ", "S2033")),
    "B3": (5, 33, ("LJ", "S3005", "S533")),
    "B4": (6, 60, ("LJ", "S2033", "S533", "S3005")),
}


def conversation(
    say: Say, people: Sequence[str], seconds: float, seed: int, rate: int, lines: int
) -> tuple[Floats, list[Turn]]:
    """(n,) samples, and who says what: one to `lines` lines each, every fifth time into the one before."""
    rng = np.random.default_rng(seed)
    sound, turns, at, last = np.zeros(int((seconds + 12) * rate)), [], 1.0, ""
    level = {who: 10 ** (rng.uniform(-4, 4) / 20) for who in people}
    while at < seconds:
        last = str(rng.choice([who for who in people if who != last]))
        begin = at
        for _ in range(int(rng.integers(1, lines + 1))):
            line = say(last, rng) * level[last]
            first = int(at * rate)
            sound[first : first + len(line)] += line
            turns.append(Turn(start=at, end=at + len(line) / rate, speaker=last))
            at += len(line) / rate + rng.uniform(0.1, 0.35)
        at += -rng.uniform(0.5, 1.3) if rng.random() < 0.2 else rng.uniform(0.1, 1.2)
        at = max(at, begin + 0.3)
    end = int(max(t.end for t in turns) * rate) + rate
    return sound[:end].astype(np.float32), turns


def spoken(folder: Path, piper: Path) -> dict[str, tuple[Path, list[Turn]]]:
    """Name -> sound file and truth. `piper` is the voice's .onnx file."""
    rows = (Path(__file__).parent / "spoken_lines.tsv").read_text(encoding="utf-8").splitlines()
    lines = [row.split("\t")[1].strip() for row in rows if row.startswith("en\t")]
    lines = [line for line in lines if 12 <= len(line) <= 90]
    made = {}
    for number, (name, people) in enumerate(SPOKEN.items()):
        path = folder / f"spoken-{name}.wav"

        def say(who: str, rng: np.random.Generator) -> Floats:
            return _take(who, lines[int(rng.integers(len(lines)))], folder, piper)

        sound, turns = conversation(say, people, 60, 10 + number, RATE, 2)
        sound += np.random.default_rng(number).normal(size=len(sound)).astype(np.float32) * 0.0005
        sf.write(path, sound, RATE, subtype="FLOAT")
        made[name] = (path, turns)
    return made


@cache
def _take(who: str, line: str, folder: Path, piper: Path) -> Floats:
    """One line, without the silence at both ends, at -26 dBFS."""
    kept = folder / f"{who}-{hashlib.md5(line.encode()).hexdigest()[:10]}.npy"
    if kept.exists():
        return np.load(kept)
    path = folder / "take.wav"
    if who == "joe":
        with wave.open(str(path), "wb") as file:
            from piper import SynthesisConfig

            same = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)  # each time to the last bit
            _piper(piper).synthesize_wav(line, file, same)
    elif who in FLITE:
        subprocess.run(["flite", "-voice", who, "-t", line, "-o", str(path)], check=True)
    else:
        subprocess.run(["espeak-ng", "-v", who, "-w", str(path), line], check=True)
    sound, rate = sf.read(path, dtype="float32")
    sound = soxr.resample(sound, rate, RATE)
    level = np.sqrt(np.convolve(sound**2, np.ones(400) / 400, "same"))
    loud = np.flatnonzero(level > level.max() * 10 ** (-35 / 20))
    sound = sound[max(0, loud[0] - 80) : loud[-1] + 80]
    sound = (sound / np.sqrt((sound**2).mean()) * 0.05).astype(np.float32)
    np.save(kept, sound)
    return sound


@lru_cache(maxsize=1)
def _piper(path: Path):  # type: ignore[no-untyped-def]
    from piper import PiperVoice

    return PiperVoice.load(str(path))


def scene(
    folder: Path, data: Path, truth: Sequence[Turn]
) -> tuple[dict[str, tuple[Path, list[Turn]]], dict[str, tuple[Path, list[Turn]]]]:
    """The scene's voices in another order, and the same over its background."""
    dialogue, rate = sf.read(data / "scene/dialogue.flac", dtype="float32")
    clips: dict[str, list[Floats]] = {}
    for turn in truth:
        others = [t for t in truth if t is not turn and t.start < turn.end and t.end > turn.start]
        if turn.end - turn.start > 0.9 and not others:
            line = dialogue[int(turn.start * rate) : int(turn.end * rate)].mean(axis=1)
            parts = 2 if turn.end - turn.start >= 4.5 else 1
            clips.setdefault(turn.speaker, []).extend(np.array_split(line, parts))

    def say(who: str, rng: np.random.Generator) -> Floats:
        return clips[who][int(rng.integers(len(clips[who])))]

    rest = [sf.read(data / f"scene/{name}.flac", dtype="float32")[0] for name in ("music", "sfx", "ambient")]
    background = np.sum(rest, axis=0).mean(axis=1)
    plain, mixes = {}, {}
    for name, (seed, begin, people) in SCENE.items():
        sound, turns = conversation(say, people, 50, seed, rate, 1)
        plain[name] = (folder / f"scene-{name}.wav", turns)
        mixes[name] = (folder / f"mix-{name}.wav", turns)
        sf.write(plain[name][0], sound, rate, subtype="FLOAT")
        mixed = sound + np.roll(background, -begin * rate)[: len(sound)]
        sf.write(mixes[name][0], mixed, rate, subtype="FLOAT")
    return plain, mixes

"""Make the clip that `dubline demo` works on, and its truth.

    python benchmarks/demo_clip.py [FOLDER]       letter.mp4, letter.json; by custom in core/dubline/cli/clips

Three people quarrel over a letter: voices of the program `flite` (CMU's slt, rms and awb, free for any use)
in a small room, over rain, music, steps, a clock and a door, all made here. 25 pictures a second, 48 kHz
stereo, its start timecode 10:00:00:00. The JSON tells each line's speaker, words, and first and last second.
Nothing of it is recorded or taken from anywhere; the product reads the clip alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter

RATE, FPS, WIDTH, HEIGHT = 48000, 25, 640, 360
START = Fraction(36000)  # seconds: 10:00:00:00
HERE = Path(__file__).resolve().parents[1] / "core" / "dubline" / "cli" / "clips"
LINES = (
    ("ANNA", "slt", 0.7, "You are late. The train leaves in ten minutes."),
    ("PETER", "rms", 0.5, "I could not find the letter. I looked everywhere."),
    ("ANNA", "slt", 0.4, "It was in the kitchen, under the old clock."),
    ("PETER", "rms", 0.5, "Then somebody moved it in the night."),
    ("GUEST", "awb", 1.6, "Good evening. I think you are looking for this."),
    ("ANNA", "slt", 0.5, "Who are you, and how did you get in?"),
    ("GUEST", "awb", 0.4, "The door was open. Please sit down. We have to talk."),
    ("PETER", "rms", 0.4, "We have no time. Give me the letter."),
    ("GUEST", "awb", 0.6, "Read it first. Then decide if you still want to leave."),
)
"""Speaker, voice, seconds of pause before, words."""
PLACES = {"ANNA": -0.25, "PETER": 0.25, "GUEST": 0.0}
"""Where each stands, from -1 at the left to 1 at the right."""
TAIL = 1.2  # seconds after the last word
CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
"""MIDI notes of A minor, F, C, G: one after the other, each for four seconds."""
PAINT = {"ANNA": (201, 120, 90), "PETER": (86, 122, 166), "GUEST": (122, 152, 108)}

Sound = NDArray[np.float64]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    spoken = [speech(voice, text) for _, voice, _, text in LINES]
    starts, at = [], 0.0
    for (_, _, pause, _), sound in zip(LINES, spoken, strict=True):
        starts.append(at + pause)
        at += pause + len(sound) / RATE
    frames = int((at + TAIL) * FPS)
    count = frames * RATE // FPS
    dialogue = np.zeros((2, count))
    for (speaker, *_), start, sound in zip(LINES, starts, spoken, strict=True):
        first = round(start * RATE)
        dialogue[:, first : first + len(sound)] += panned(sound, PLACES[speaker])
    rng = np.random.default_rng(7)
    door = starts[4] - 1.1
    mix = room(dialogue) + music(count) + rain(count, rng) + effects(count, door, rng)
    turns = [
        {"speaker": who, "start": round(start, 3), "end": round(start + len(sound) / RATE, 3), "text": text}
        for (who, _, _, text), start, sound in zip(LINES, starts, spoken, strict=True)
    ]
    write(folder / "letter.mp4", mix, turns, frames)
    truth = {"language": "en", "seconds": frames / FPS, "segments": turns}
    (folder / "letter.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    print(f"{folder / 'letter.mp4'}: {frames / FPS} s, {(folder / 'letter.mp4').stat().st_size} bytes")


def speech(voice: str, text: str) -> Sound:
    """(n,) at 48 kHz, peak 0.5, silence at the ends taken off."""
    program = shutil.which("flite")
    if program is None:
        raise SystemExit("flite is missing: sudo apt install flite")
    with tempfile.TemporaryDirectory() as place:
        wav = str(Path(place) / "line.wav")
        subprocess.run([program, "-voice", voice, "-t", text, "-o", wav], check=True)
        samples, rate = sf.read(wav)
    samples = soxr.resample(samples, rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1] + 1]
    return 0.5 * samples / np.abs(samples).max()


def panned(sound: Sound, place: float) -> Sound:
    """(2, n): as loud everywhere between the loudspeakers."""
    angle = (place + 1) * np.pi / 4
    return np.stack([np.cos(angle) * sound, np.sin(angle) * sound])


def room(dry: Sound) -> Sound:
    """A small room: 0.25 s of fading reflections, others at each ear."""
    rng = np.random.default_rng(3)
    time = np.arange(round(0.25 * RATE)) / RATE
    tails = rng.normal(size=(2, len(time))) * np.exp(-time * 28) * 0.012
    wet = np.stack([fftconvolve(one, tail)[: len(one)] for one, tail in zip(dry, tails, strict=True)])
    return dry + wet


def music(count: int) -> Sound:
    """A slow pad of soft tones."""
    time = np.arange(count) / RATE
    out = np.zeros((2, count))
    for number in range(int(time[-1] // 4) + 1):
        since = time - 4 * number
        shape = np.clip(since / 1.2, 0, 1) * np.clip((5.0 - since) / 1.2, 0, 1)
        for voice, note in enumerate(CHORDS[number % len(CHORDS)]):
            pitch = 440 * 2 ** ((note - 69) / 12)
            tone = sum(np.sin(2 * np.pi * pitch * k * time + voice * k) / k**2 for k in (1, 2, 3, 4))
            out += panned(0.012 * shape * tone, 0.6 * (voice - 1))
    return out


def rain(count: int, rng: np.random.Generator) -> Sound:
    """Steady rain, other drops at each ear."""
    b, a = butter(2, [600, 7000], "band", fs=RATE)
    return 0.006 * lfilter(b, a, rng.normal(size=(2, count)), axis=1)


def effects(count: int, door: float, rng: np.random.Generator) -> Sound:
    """A clock all through, a door that opens, four steps after it."""
    out = np.zeros((2, count))
    for second in np.arange(0.5, count / RATE - 0.1, 1.0):
        _add(out, second, _knock(rng, 0.02, 2600, 400) * 0.05, 0.7)
    _add(out, door, _knock(rng, 0.5, 110, 9) * 0.5, 0.0)
    _add(out, door + 0.06, _knock(rng, 0.2, 900, 30) * 0.12, 0.1)
    for step in range(4):
        _add(out, door + 0.35 + 0.22 * step, _knock(rng, 0.15, 180, 40) * 0.3, -0.4 + 0.1 * step)
    return out


def _knock(rng: np.random.Generator, seconds: float, pitch: float, damping: float) -> Sound:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.exp(-damping * time) * (np.sin(2 * np.pi * pitch * time) + 0.3 * rng.normal(size=len(time)))


def _add(out: Sound, second: float, sound: Sound, place: float) -> None:
    first = round(second * RATE)
    part = panned(sound, place)[:, : max(0, out.shape[1] - first)]
    out[:, first : first + part.shape[1]] += part


def write(path: Path, mix: Sound, turns: list[dict[str, object]], frames: int) -> None:
    """H.264 and AAC: each speaker is a disc that glows while they speak, and a bar shows the time."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as film:
        film.metadata["timecode"] = "10:00:00:00"
        picture = film.add_stream("libx264", rate=FPS, options={"crf": "30", "preset": "veryslow"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = film.add_stream("aac", rate=RATE, layout="stereo", options={"b": "128k"})
        sound.metadata["language"] = "eng"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(drawn(number / FPS, number / frames, turns), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            film.mux(picture.encode(frame))
        film.mux(picture.encode())
        for first in range(0, mix.shape[1], 1024):
            block = np.ascontiguousarray(mix[:, first : first + 1024].astype(np.float32))
            part = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            part.sample_rate, part.pts, part.time_base = RATE, first, Fraction(1, RATE)
            film.mux(sound.encode(part))
        film.mux(sound.encode())


def drawn(second: float, share: float, turns: list[dict[str, object]]) -> NDArray[np.uint8]:
    """(HEIGHT, WIDTH, 3): the picture at a second."""
    frame = np.full((HEIGHT, WIDTH, 3), (24, 26, 30), np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for number, (speaker, colour) in enumerate(PAINT.items()):
        speaks = any(t["speaker"] == speaker and t["start"] <= second <= t["end"] for t in turns)  # type: ignore[operator]
        centre = WIDTH * (number + 1) // 4
        disc = (x - centre) ** 2 + (y - HEIGHT // 2) ** 2 < (62 if speaks else 48) ** 2
        frame[disc] = colour if speaks else [part // 3 for part in colour]
    frame[HEIGHT - 12 : HEIGHT - 6, : int(share * WIDTH)] = (180, 180, 180)
    return frame


if __name__ == "__main__":
    main()

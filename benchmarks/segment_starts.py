"""How near the starts of segments come to where the speech really begins.

    python benchmarks/segment_starts.py [--data ../shared/data]

Two materials. "scene": lines of `scene/dialogue.flac` whose words are known and that nobody talks over.
"synthetic": the English lines of `spoken_lines.tsv`, spoken by flite and espeak-ng in turn, silence at both
ends cut off (under 1 % of the peak), placed over a noise of -66 dBFS with pauses of 0.5 to 1.5 s: clean
sound whose truth is exact, but no person's voice. It needs both programs and is left out without them.

    alignment       the known text, its times moved by 0.3 s, put on the sound by force with pocketsphinx
    recognition     what `dubline transcribe` makes with the built-in diarizer and pocketsphinx: for each line
                    the nearest start of a segment, whatever its words; "none": lines without one within 1 s

"edges" is the same after `first_words_on_sound`. Figures are milliseconds between a start and the truth.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from dubline.backends.diarizers.builtin import BuiltinDiarizer
from dubline.backends.recognizers.pocketsphinx import Pocketsphinx
from dubline.media.speech import RATE, Speech
from dubline.recognition.alignment import align_spoken
from dubline.recognition.given_cues import Cue
from dubline.recognition.segments import segment
from dubline.recognition.stretches import pack
from dubline.recognition.word_edges import first_words_on_sound
from dubline.report import silent

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
LINES = Path(__file__).with_name("spoken_lines.tsv")
VOICES = (("flite", "rms"), ("flite", "slt"), ("espeak-ng", "en-us"), ("espeak-ng", "en-gb+f3"))


def spoken(line: str, program: str, voice: str, folder: Path) -> np.ndarray:
    """A line as that voice says it, 16 kHz, without the silence at its ends."""
    if program == "flite":
        path = folder / "line.wav"
        subprocess.run(["flite", "-voice", voice, "-t", line, "-o", str(path)], check=True)
        sound, rate = sf.read(path, dtype="float32")
    else:
        told = subprocess.run(["espeak-ng", "-v", voice, "--stdout", line], check=True, capture_output=True)
        sound, rate = sf.read(io.BytesIO(told.stdout), dtype="float32")
    sound = soxr.resample(sound, rate, RATE).astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return sound[loud[0] : loud[-1] + 1] * np.float32(0.3 / np.abs(sound).max())


def synthetic(folder: Path) -> tuple[Speech, list[Cue]]:
    """The lines one after the other, and where each of them is."""
    with LINES.open(encoding="utf-8", newline="") as file:
        lines = [row["line"] for row in csv.DictReader(file, delimiter="\t") if row["language"] == "en"]
    rng = np.random.default_rng(0)
    parts, cues, at = [], [], 0
    for number, line in enumerate(lines):
        pause = round(rng.uniform(0.5, 1.5) * RATE)
        sound = spoken(line, *VOICES[number % len(VOICES)], folder)
        parts += [np.zeros(pause, np.float32), sound]
        at += pause
        cues.append(Cue(text=line, start=at / RATE, end=(at + len(sound)) / RATE))
        at += len(sound)
    whole = np.concatenate([*parts, np.zeros(RATE, np.float32)])
    whole += rng.normal(0, 10 ** (-66 / 20), len(whole)).astype(np.float32)
    whole.tofile(folder / "synthetic.f32")
    return Speech(folder / "synthetic.f32"), cues


def scene(data: Path, folder: Path) -> tuple[Speech, list[Cue]]:
    """The scene's dialogue, and its known lines that nobody talks over."""
    truth = json.loads((data / "scene/truth_transcript.json").read_text(encoding="utf-8"))["segments"]
    sound, rate = sf.read(data / "scene/dialogue.flac", dtype="float32", always_2d=True)
    soxr.resample(sound.mean(axis=1), rate, RATE).astype(np.float32).tofile(folder / "scene.f32")
    kept = [s for s in truth if s["text"] and not s["overlaps_with"]]
    return Speech(folder / "scene.f32"), [Cue(text=s["text"], start=s["start"], end=s["end"]) for s in kept]


def told(name: str, starts: Sequence[float | None], cues: Sequence[Cue]) -> None:
    """One row: count, median, 95th percentile; starts further away than 1 s are not counted in these."""
    off = [abs(a - (c.start or 0)) for a, c in zip(starts, cues, strict=True) if a is not None]
    near = np.array([d for d in off if d <= 1.0]) * 1000
    middle, most = np.percentile(near, [50, 95]) if len(near) else (np.nan, np.nan)
    figures = f"{len(near):3} starts, median {middle:4.0f}, 95 % {most:4.0f}"
    print(f"{name:42} {figures}, none {len(cues) - len(near)}")


def measure(name: str, speech: Speech, cues: list[Cue]) -> None:
    moved = [
        Cue(text=c.text, start=(c.start or 0) + d, end=(c.end or 0) + d)
        for c, d in zip(cues, [0.3 if n % 2 else -0.3 for n in range(len(cues))], strict=True)
    ]
    told(f"{name}, alignment", [a.start if a else None for a in align_spoken(moved, speech)], cues)
    with BuiltinDiarizer(BuiltinDiarizer.Options()) as diarizer:
        turns = diarizer.diarize(speech, silent).turns
    with Pocketsphinx(Pocketsphinx.Options()) as recognizer:
        stretches = pack(turns, speech)
        words = [w for heard in recognizer.recognize(speech, stretches, silent) for w in heard.words]
    for label, some in (("recognition", words), ("recognition, edges", first_words_on_sound(words, speech))):
        starts = np.array([s.start for s in segment(some, turns, duration=speech.duration).segments])
        far = [np.abs(starts - (c.start or 0)) for c in cues]
        nearest = [float(starts[d.argmin()]) if len(starts) else None for d in far]
        told(f"{name}, {label}", nearest, cues)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as folder:
        if (data / "scene").is_dir():
            measure("scene", *scene(data, Path(folder)))
        if shutil.which("flite") and shutil.which("espeak-ng"):
            measure("synthetic", *synthetic(Path(folder)))


if __name__ == "__main__":
    main()

"""What is heard of voices that do not stand in the middle: by the mean of the channels, and by the mixdown
(`dubline.media.speech.mixdown`).

    python benchmarks/mixdown.py [--data ../shared/data] [--models FOLDER] [--only WORD] [--levels]

The scene's dialogue, as one channel, is placed into its music, effects and ambience in several ways:

    inverted    the right channel's voice upside down
    late        24 samples (0.5 ms) late on the right
    left        on the left alone
    sides       one reader on the left, the others on the right
    FC, FL, BL  on one channel of a 5.1; music and effects in the fronts, ambience in the surrounds

Each is transcribed as it is, and as the mean of its (front) channels in a file of one channel, by Whisper
base and the built-in diarizer. Printed are words wrong and who speaks wrong in percent, as
`benchmarks/quality.py` counts them. `--levels` recognises nothing, and prints by how many dB the voice stands
over all else, as a mean over sixteen bands from 250 to 5000 Hz: in each, the part of what is heard that is
the dialogue times one factor, against the rest; then what the mixdown costs. Its settings were chosen on the
scene's stems by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import real_figures  # noqa: E402
from command import dubline  # noqa: E402

from dubline.media.sound import open_sound  # noqa: E402
from dubline.media.speech import RATE, prepare_speech  # noqa: E402
from dubline.signal.downmix import EDGES  # noqa: E402

Real = NDArray[np.float32]


def placed(scene: Path) -> dict[str, Real]:
    """Name -> (samples, channels) at 48 kHz."""

    def stem(name: str) -> Real:
        return np.asarray(sf.read(scene / f"{name}.flac", dtype="float32")[0], np.float32)

    voice, music, ambient = stem("dialogue").mean(axis=1), stem("music"), stem("ambient")
    bed = music + stem("sfx") + ambient
    left, right = bed.T
    late = np.concatenate([np.zeros(24, np.float32), voice])[: len(voice)]
    near, far = 0.2 * ambient.T
    quiet, nothing = 0.5 * bed.T, np.zeros_like(voice)
    reader = np.zeros_like(voice)
    for segment in json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))["segments"]:
        if segment["speaker"] == "LJ":
            first, last = (round(48000 * segment[edge]) for edge in ("start", "end"))
            reader[first - 2000 : last + 4000] = 1
    sounds = {
        "inverted": [voice + left, right - voice],
        "late": [voice + left, late + right],
        "left": [1.4 * voice + left, right],
        "sides": [1.4 * voice * reader + left, 1.4 * voice * (1 - reader) + right],
        "FC": [left, right, voice, nothing, 0.3 * left, 0.3 * right],
        "FL": [voice + quiet[0], quiet[1], 0.5 * music[:, 0], nothing, 1.5 * near, 1.5 * far],
        "BL": [left, right, nothing, nothing, voice + near, far],
    }
    return {name: np.stack(channels, axis=1).astype(np.float32) for name, channels in sounds.items()}


def over_all_else(path: Path, voice: Real, folder: Path) -> tuple[float, float]:
    """By how many dB a voice, at 16 kHz, stands over all else in what is heard of a sound, and what that took
    in processor seconds a second."""
    began = time.process_time()
    with prepare_speech(path, open_sound(path), folder / "heard.raw") as speech:
        spent = time.process_time() - began
        heard = speech.read(0, len(voice))
    window = np.hanning(1024)
    spectra = [
        np.fft.rfft(np.lib.stride_tricks.sliding_window_view(sound, 1024)[::512] * window)
        for sound in (heard, voice)
    ]
    bands = np.digitize(np.fft.rfftfreq(1024, 1 / RATE), EDGES)
    told = []
    for band in range(1, len(EDGES)):
        mix, clean = (spectrum[:, bands == band] for spectrum in spectra)
        part = clean * (mix * clean.conj()).sum() / (np.abs(clean) ** 2).sum()
        told.append(10 * np.log10((np.abs(part) ** 2).sum() / (np.abs(mix - part) ** 2).sum()))
    return float(np.mean(told)), spent * RATE / len(voice)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--models", type=Path, help="a folder with whisper-base; else it is fetched")
    parser.add_argument("--only", default="", help="a placement")
    parser.add_argument("--levels", action="store_true", help="levels alone; nothing is recognised")
    asked = parser.parse_args()
    scene = asked.data / "scene"
    told = json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))
    turns = real_figures.turns_of(scene / "truth.rttm")
    options = ("--on", "mix", "--language", "en", "--recognizer", "faster-whisper", "--model", "whisper-base")
    what = "dB over all else (processor s per s)" if asked.levels else "words wrong / who speaks wrong, %"
    print(f"{what:<36} {'mean':>13} {'mixdown':>15}")
    dialogue = sf.read(scene / "dialogue.flac", dtype="float32")[0].mean(axis=1)
    voice = soxr.resample(dialogue, 48000, RATE).astype(np.float32)
    models = Path() if asked.levels else asked.models or real_figures.starters()
    with tempfile.TemporaryDirectory() as place, real_figures.models_in(models):
        for name, sound in placed(scene).items():
            if asked.only not in name:
                continue
            figures = []
            fronts = sound[:, : 3 if sound.shape[1] > 2 else 2]
            for way, samples in (("mean", fronts.mean(axis=1)), ("mixdown", sound)):
                path = Path(place) / f"{name}-{way}.wav"
                sf.write(path, samples, 48000, "FLOAT")
                if asked.levels:
                    level, spent = over_all_else(path, voice, Path(place))
                    figures.append(f"{level:.1f} ({spent:.4f})")
                    continue
                answer = dubline("transcribe", path, *options, "--diarizer", "builtin", "--threads", "1")
                if answer.status:
                    raise SystemExit(answer.err)
                root = path.with_suffix(".dubline")
                wrong = real_figures.heard(root, told["segments"])
                who = real_figures.speakers(root, turns, told["duration"])
                figures.append(f"{wrong:6.1f} / {who:5.1f}")
            print(f"{name:<36} {figures[0]:>13} {figures[1]:>15}", flush=True)


if __name__ == "__main__":
    main()

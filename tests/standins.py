"""Small files that take the place of real media in a clone without them. Made on the spot, nothing recorded.

A scene of half a minute and a call of two voices, spoken by espeak-ng; films with sound that starts late,
with four tracks, with drop-frame timecode, without sound; lines of a small grammar.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import tiny_translator
from numpy.typing import NDArray
from small_programme import LAYOUTS, small_video

Turns = tuple[tuple[float, float, str], ...]
READERS: Turns = (
    (6.0, 5.58, "LJ"),
    (12.14, 4.16, "S3005"),
    (16.96, 2.56, "S3005"),
    (18.98, 1.74, "S2033"),
    (21.23, 1.19, "S2033"),
    (23.18, 1.7, "S533"),
    (25.18, 1.77, "LJ"),
)
"""Start, length and name of each turn, those of the real scene."""
CALLERS: Turns = (
    (0.69, 3.43, "speaker90"),
    (4.55, 2.8, "speaker91"),
    (7.82, 2.7, "speaker90"),
    (10.57, 4.13, "speaker91"),
    (15.05, 3.44, "speaker90"),
    (18.78, 6.72, "speaker91"),
    (25.85, 3.15, "speaker90"),
)
VOICES = {
    "LJ": "en-us+f2", "S3005": "en-gb+m3", "S2033": "en-us+m7", "S533": "en-gb+f4",
    "speaker90": "en-us+f2", "speaker91": "en-gb+m3",
}  # fmt: skip
WORDS = (
    "And it is worth mention in passing that, as an example of fine typography, it has never been surpassed. "
    "The old man waited at the station through the night, and nobody came back to the village."
)
SECONDS = 32
RATE = 48000
Sound = NDArray[np.float64]


@cache
def spoken(voice: str) -> Sound:
    """Some seconds of a voice of espeak-ng's, (n,) at `RATE`."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("not installed: espeak-ng, which speaks where ../shared/data is missing")
    command = ["espeak-ng", "-v", voice, "--stdin", "--stdout"]
    done = subprocess.run(command, input=WORDS.encode(), capture_output=True, check=True)
    sound, rate = soundfile.read(io.BytesIO(done.stdout))
    return np.asarray(soxr.resample(sound, rate, RATE))


@cache
def conversation(turns: Turns) -> Sound:
    """(n,) each turn by its voice, at `RATE`."""
    sound = np.zeros(SECONDS * RATE)
    for start, length, name in turns:
        piece = spoken(VOICES[name])[: round(length * RATE)].copy()
        piece[-480:] *= np.linspace(1, 0, 480)
        sound[round(start * RATE) :][: len(piece)] += 0.5 * piece
    return sound


def stem(name: str) -> NDArray[np.int32]:
    """(n, 2) a stem of the scene in 24-bit steps; the mix is their sum."""
    if name == "mix":
        parts = [stem(part) for part in ("dialogue", "music", "sfx", "ambient")]
        return np.sum(parts, axis=0, dtype=np.int32)
    time, chance = np.arange(SECONDS * RATE) / RATE, np.random.default_rng(len(name))
    if name == "dialogue":
        sides = np.stack([conversation(READERS)] * 2)
    elif name == "music":
        chords = [np.sin(2 * np.pi * hertz * time) for hertz in (220, 277, 330, 440)]
        sides = 0.02 * np.stack([chords[0] + chords[2], chords[1] + chords[3]])
    elif name == "sfx":
        sides = 0.2 * chance.normal(size=(2, len(time))) * np.exp(-20 * (time % 3.1))
    else:
        sides = 0.005 * chance.normal(size=(2, len(time)))
    return np.round(sides.T * 2**22).astype(np.int32)


def write_stem(path: Path) -> None:
    soundfile.write(path, stem(path.stem) << 8, RATE, subtype="PCM_24")


def write_call(path: Path) -> None:
    sound = soxr.resample(conversation(CALLERS)[: 30 * RATE], RATE, 16000)
    soundfile.write(path, sound, 16000)


def write_turns(path: Path, name: str, turns: Turns) -> None:
    rows = (
        f"SPEAKER {name} 1 {start:.3f} {length:.3f} <NA> <NA> {who} <NA> <NA>\n"
        for start, length, who in turns
    )
    path.write_text("".join(rows), encoding="utf-8")


def noise(channels: int, seconds: float = 3.0, rate: int = 48000) -> NDArray[np.float32]:
    sound = np.random.default_rng(channels).normal(size=(channels, round(seconds * rate))) * 0.05
    return sound.astype(np.float32)


def write_film(path: Path, tracks: list[tuple[str, int, dict[str, str]]], late: float = 0.0) -> None:
    """Grey pictures at 24 a second, and for each (codec, channels, what is said of it) a track of noise."""
    import av

    with av.open(str(path), "w") as file:
        picture = file.add_stream("mpeg4", rate=Fraction(24))
        picture.width, picture.height, picture.pix_fmt = 64, 36, "yuv420p"
        streams = []
        for codec, channels, told in tracks:
            stream = file.add_stream(codec, rate=48000, layout=LAYOUTS[channels])
            stream.metadata.update({k: v for k, v in told.items() if k != "default"})
            if "default" in told:
                stream.disposition = av.stream.Disposition.default
            streams.append(stream)
        for number in range(72):
            grey = np.full((36, 64, 3), 16 + number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
        for stream, (_, channels, _) in zip(streams, tracks, strict=True):
            sound, at = noise(channels), round(late * 48000)
            size = stream.codec_context.frame_size or 1024
            for first in range(0, sound.shape[1], size):
                piece = np.ascontiguousarray(sound[:, first : first + size])
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=LAYOUTS[channels])
                frame.sample_rate, frame.pts, frame.time_base = 48000, at + first, Fraction(1, 48000)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))


FOUR = [
    ("aac", 2, {"title": "Full mix", "language": "tur"}),
    ("aac", 2, {"title": "Dialogue", "language": "tur"}),
    ("aac", 2, {"title": "M&E"}),
    ("ac3", 6, {"title": "5.1", "language": "eng", "default": "1"}),
]


def write_lines(path: Path) -> None:
    """As many lines as the grammar has, each with its English."""
    rows = [f"{turkish}\t{english}" for turkish, english, _ in tiny_translator.pairs()]
    path.write_text("\n".join(["tr\ten", *rows, ""]), encoding="utf-8")


MAKERS: dict[str, Callable[[Path], None]] = {
    "scene/truth.rttm": lambda path: write_turns(path, "scene_dev", READERS),
    **{f"scene/{name}.flac": write_stem for name in ("dialogue", "music", "sfx", "ambient", "mix")},
    "diarization/sample.wav": write_call,
    "diarization/sample.rttm": lambda path: write_turns(path, "sample", CALLERS),
    "text/tr_en_dialogue_2000.tsv": write_lines,
    "video/audio_starts_late_750ms.mp4": lambda path: write_film(path, [("aac", 2, {})], late=0.75),
    "video/multi_audio_4tracks_51_default.mkv": lambda path: write_film(path, FOUR),
    "video/autoeditor_aac.m4a": lambda path: write_film(path, [("aac", 1, {})]),
    "video/moviepy_-video-with-dash-.mp4": lambda path: write_film(path, []),
    "video/psd_testvideo.mp4": lambda path: write_film(path, []),
    "video/dropframe_2997_pcm24.mov": lambda path: _drop_frame(path),
}


def _drop_frame(path: Path) -> None:
    small_video(path, Fraction(30000, 1001), 90, "00:59:58;00", noise(2, 3.003))

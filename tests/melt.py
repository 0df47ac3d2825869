"""melt: renders a project as its editor would, and the mix that it should be, summed from the stems."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import soundfile as sf

from dubline.timebase import frames_to_samples
from dubline.values.programme import Programme

RATE = 48000
LSB = 1 / 32768
"""One step of 16 bits."""
COMPLAINTS = ("failed to load", "failed to open", "error in file", "Failed", "No such", "Invalid")


def render(project: Path, out: Path, channels: int = 2, frames: int = 0) -> np.ndarray:
    """The sound of a project, float32 (channels, samples). melt tells of failures on stderr alone.

    `frames`: as many, where the project is longer than what is on it (Kdenlive saves 21 minutes of black).
    MLT mixes in floats; 16 bits, its usual way out, would hide what lies below them.
    """
    command = [
        "melt",
        str(project),
        *([f"out={frames - 1}"] if frames else []),
        "-consumer",
        f"avformat:{out}",
    ]
    command += ["mlt_audio_format=f32le", "acodec=pcm_f32le", f"ar={RATE}", f"ac={channels}"]
    command += [f"channels={channels}", "vn=1", "video_off=1", "real_time=0"]
    done = _run(command, out)
    said = [line for line in done.stderr.splitlines() if any(word in line for word in COMPLAINTS)]
    assert not said, said
    assert done.returncode == 0
    return np.ascontiguousarray(sf.read(out, dtype="float32", always_2d=True)[0].T)


def _run(command: list[str], out: Path) -> subprocess.CompletedProcess[str]:
    """Run melt, which now and then stands still at its end, crashes, or ends with nothing written, and is
    then started again."""
    # MLT asks whether there is a screen before it lets Qt do without one.
    env = {**os.environ, "DISPLAY": os.environ.get("DISPLAY", ":0"), "QT_QPA_PLATFORM": "offscreen"}
    for attempt in range(5):
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=15,
                env=env,
            )
            if attempt == 4 or (done.returncode >= 0 and _written(out)):
                return done
        except subprocess.TimeoutExpired:
            if attempt == 4:
                raise
    raise AssertionError("not reached")


def _written(out: Path) -> bool:
    """Whether something is in a file: a sound's header is the last that melt writes."""
    if out.suffix != ".wav":
        return out.exists()
    try:
        return sf.info(out).frames > 0
    except sf.LibsndfileError:
        return False


def expected(programme: Programme, channels: int = 2) -> np.ndarray:
    """What the enabled sounds sum to on the programme's frames: mono in the middle, others as they are."""
    length = frames_to_samples(programme.frames, programme.fps, RATE)
    mix = np.zeros((channels, length))
    for sound in programme.sounds:
        if not sound.enabled:
            continue
        samples = sf.read(sound.path, dtype="float64", always_2d=True)[0].T[:, :length]
        samples = samples * 10 ** (sound.level_db / 20)
        if len(samples) == 1 and channels == 2:
            samples = np.repeat(samples, 2, axis=0)
        first = 2 if len(samples) == 1 else 0  # in 5.1 the third channel is the centre
        mix[first : first + len(samples), : samples.shape[1]] += samples
    for track in programme.takes:
        for take in track.clips if track.enabled else ():
            sound = sf.read(take.path, dtype="float64")[0] * 10 ** (take.gain_db / 20)
            sound = sound[: length - take.start]
            mix[2 if channels == 6 else slice(None), take.start : take.start + len(sound)] += sound
    return mix


def picture(project: Path, out: Path, frame: int) -> np.ndarray:
    """A frame of a project as it is shown, int (rows, columns, 3)."""
    import av

    done = _run(
        [
            "melt",
            str(project),
            f"in={frame}",
            f"out={frame}",
            "-consumer",
            f"avformat:{out}",
            "vcodec=png",
            "an=1",
        ],
        out,
    )
    assert out.exists(), (done.returncode, done.stderr[-2000:])
    with av.open(str(out)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)

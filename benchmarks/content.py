"""How often `--content auto` is right, on clips that its bounds were chosen on and on others.

    python benchmarks/content.py [--data ../shared/data]
    python benchmarks/content.py --minutes 180          what listening to the scene, over and over, costs

Both sets are cut and mixed anew from the shared recordings, at the levels that the names give (dB of the bed
against the talk, root mean square over the clip); the second has no second of sound in common with the first.
What a clip is follows from how it is made:

    dialogue    talk alone, or over a bed 20 dB and more under it
    cinematic   talk over music, effects or ambience at most 12 dB under it; effects and ambience alone
    music       music, with nobody speaking or a few words in all

Prints what was heard in each, and how many were right.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dubline.media.sound import open_sound
from dubline.run import Run
from dubline.separation.content import Content, detector_identity, hear_content

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
RATE = 48000

Sound = NDArray[np.float32]
"""(2, samples) at 48 kHz."""


class Clip(NamedTuple):
    """A clip, what it is, and its name."""

    kind: str
    name: str
    sound: Sound


class Recordings:
    """The shared recordings, cut by seconds."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def stem(self, names: str, start: float, stop: float) -> Sound:
        """The sum of stems of the scene, such as "music+sfx"."""
        total = np.zeros((2, round((stop - start) * RATE)), np.float32)
        for name in names.split("+"):
            path = self._data / "scene" / f"{name}.flac"
            sound, _ = soundfile.read(
                path, start=round(start * RATE), stop=round(stop * RATE), dtype="float32", always_2d=True
            )
            total += sound.T
        return total

    def file(self, name: str, seconds: float = 60.0) -> Sound:
        """A recording of its own, in stereo at 48 kHz; `name` may be a pattern."""
        (path,) = self._data.glob(name)
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        sound = soxr.resample(sound[: round(seconds * rate)], rate, RATE)
        return np.ascontiguousarray(
            np.broadcast_to(sound.T, (2, len(sound))) if sound.shape[1] == 1 else sound.T
        )


def over(talk: Sound, bed: Sound, level: float) -> Sound:
    """Talk with a bed `level` dB louder than it, as long as the shorter of both."""
    count = min(talk.shape[1], bed.shape[1])
    talk, bed = talk[:, :count], bed[:, :count]
    gain = np.sqrt(np.mean(talk**2) / max(float(np.mean(bed**2)), 1e-12)) * 10 ** (level / 20)
    return np.asarray(talk + bed * np.float32(gain), np.float32)


def put(bed: Sound, talk: Sound, at: float, level: float) -> Sound:
    """Music with a few words from a second on, `level` dB louder than it."""
    out, first = bed.copy(), round(at * RATE)
    gain = np.sqrt(np.mean(bed**2) / np.mean(talk**2)) * 10 ** (level / 20)
    out[:, first : first + talk.shape[1]] += talk * np.float32(gain)
    return out


def chosen_on(r: Recordings) -> list[Clip]:
    """The first half of the scene, three meetings."""
    bed = "music+sfx+ambient"
    cut = r.stem
    return [
        Clip("dialogue", "dialogue 0-24", cut("dialogue", 0, 24)),
        Clip(
            "dialogue",
            "dialogue 24-48, ambience -26",
            over(cut("dialogue", 24, 48), cut("ambient", 0, 24), -26),
        ),
        Clip("dialogue", "dialogue 0-24, bed -24", over(cut("dialogue", 0, 24), cut(bed, 24, 48), -24)),
        Clip("dialogue", "meeting dev00", r.file("diarization/dev00.wav")),
        Clip("dialogue", "meeting trn00", r.file("diarization/tr*00.wav")),
        Clip("dialogue", "meeting trn03", r.file("diarization/trn03.wav")),
        Clip("cinematic", "scene 0-24", cut(f"dialogue+{bed}", 0, 24)),
        Clip("cinematic", "scene 24-48", cut(f"dialogue+{bed}", 24, 48)),
        Clip(
            "cinematic",
            "dialogue 0-24, music -12",
            over(cut("dialogue", 0, 24), cut("music", 24, 48), -12),
        ),
        Clip(
            "cinematic",
            "dialogue 24-48, ambience -6",
            over(cut("dialogue", 24, 48), cut("ambient", 0, 24), -6),
        ),
        Clip(
            "cinematic",
            "meeting dev00, bed -6",
            over(r.file("diarization/dev00.wav"), cut(bed, 0, 30), -6),
        ),
        Clip(
            "cinematic",
            "meeting trn03, music -12",
            over(r.file("diarization/trn03.wav"), cut("music", 0, 30), -12),
        ),
        Clip("cinematic", "effects, ambience 0-48", cut("sfx+ambient", 0, 48)),
        Clip("music", "music 0-16", cut("music", 0, 16)),
        Clip("music", "music 16-32", cut("music", 16, 32)),
        Clip("music", "music 32-48", cut("music", 32, 48)),
        Clip("music", "music 0-48, 5 s of words", put(cut("music", 0, 48), cut("dialogue", 2, 7), 20, 3)),
        Clip("music", "music 8-32, ambience -20", over(cut("music", 8, 32), cut("ambient", 0, 24), -20)),
    ]


def held_on(r: Recordings) -> list[Clip]:
    """The second half of the scene, two other meetings, a telephone call, two other pieces of music."""
    bed = "music+sfx+ambient"
    call, trn04, trn05 = (r.file(f"diarization/{name}.wav") for name in ("sample", "trn04", "trn05"))
    cut = r.stem
    return [
        Clip("dialogue", "dialogue 48-72", cut("dialogue", 48, 72)),
        Clip(
            "dialogue",
            "dialogue 72-96, ambience -30",
            over(cut("dialogue", 72, 96), cut("ambient", 48, 72), -30),
        ),
        Clip(
            "dialogue",
            "dialogue 60-84, music -24",
            over(cut("dialogue", 60, 84), cut("music", 72, 96), -24),
        ),
        Clip("dialogue", "meeting trn04", trn04),
        Clip("dialogue", "meeting trn05", trn05),
        Clip("dialogue", "telephone call", call),
        Clip("dialogue", "meeting trn05, music -28", over(trn05, cut("music", 64, 94), -28)),
        Clip("dialogue", "telephone call, ambience -24", over(call, cut("ambient", 60, 90), -24)),
        Clip("cinematic", "scene 48-72", cut(f"dialogue+{bed}", 48, 72)),
        Clip("cinematic", "scene 72-96", cut(f"dialogue+{bed}", 72, 96)),
        Clip(
            "cinematic",
            "dialogue 48-72, bed of 72-96 -3",
            over(cut("dialogue", 48, 72), cut(bed, 72, 96), -3),
        ),
        Clip(
            "cinematic",
            "dialogue 72-96, ambience -10",
            over(cut("dialogue", 72, 96), cut("ambient", 48, 72), -10),
        ),
        Clip("cinematic", "telephone call, music -6", over(call, cut("music", 64, 94), -6)),
        Clip(
            "cinematic",
            "meeting trn04, effects and ambience 0",
            over(trn04, cut("sfx+ambient", 60, 90), 0),
        ),
        Clip("cinematic", "meeting trn05, bed -12", over(trn05, cut(bed, 62, 92), -12)),
        Clip("cinematic", "effects, ambience 48-96", cut("sfx+ambient", 48, 96)),
        Clip("music", "music 64-80", cut("music", 64, 80)),
        Clip("music", "music 80-96", cut("music", 80, 96)),
        Clip("music", "music 48-58", cut("music", 48, 58)),
        Clip("music", "another piece, 10 s", r.file("audio/pydub_test1-24bit.wav")),
        Clip("music", "a third, 10 s, one-sided", r.file("audio/pydub_test-dc_offset.wav")),
        Clip(
            "music",
            "music 64-96, 4 s of words",
            put(cut("music", 64, 96), call[:, 8 * RATE : 12 * RATE], 12, 3),
        ),
        Clip(
            "music",
            "music 64-88, ambience -20",
            over(cut("music", 64, 88), cut("ambient", 48, 72), -20),
        ),
        Clip("music", "music 66-94, effects -18", over(cut("music", 66, 94), cut("sfx", 60, 88), -18)),
    ]


def heard_in(clip: Clip, folder: Path) -> Content:
    """What the step says of a clip."""
    path = folder / f"{clip.name.replace(' ', '_')}.wav"
    soundfile.write(path, clip.sound.T, RATE, subtype="FLOAT")
    with Run(folder / "run") as run:
        return run.step(hear_content, open_sound(path), detector_identity())


def table(clips: list[Clip]) -> int:
    """Print what was heard in each; -> how many were right."""
    right = 0
    print(f"{'clip':40} {'is':10} {'heard as':10} {'speech':>7} {'music':>6} {'under':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips:
            told = heard_in(clip, Path(folder))
            right += told.kind == clip.kind
            under = "" if told.under is None else f"{told.under:.1f}"
            wrong = "" if told.kind == clip.kind else "  wrong"
            shares = f"{told.speech:7.0%} {told.music:6.0%} {under:>7}"
            print(f"{clip.name:40} {clip.kind:10} {told.kind:10} {shares}{wrong}")
    print(f"{right} of {len(clips)} right\n")
    return right


def cost(data: Path, minutes: int) -> None:
    """What listening to so many minutes of the scene, over and over, takes; on Linux and macOS."""
    import resource

    scene, rate = soundfile.read(data / "scene/mix.flac", dtype="int16", always_2d=True)
    with tempfile.TemporaryDirectory() as folder:
        path, left = Path(folder) / "long.wav", minutes * 60 * rate
        with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
            while left:
                file.write(scene[:left])
                left -= min(left, len(scene))
        began = time.process_time()
        with Run(Path(folder) / "run") as run:
            told = run.step(hear_content, open_sound(path), detector_identity())
    spent, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{minutes} min: {told.seconds:g} s heard, {spent:.1f} s of processor time, {peak} MB at most")


def main() -> None:
    """Both tables, or the cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--minutes", type=int, default=0)
    asked = parser.parse_args()
    if asked.minutes:
        cost(asked.data, asked.minutes)
        return
    recordings = Recordings(asked.data)
    sets: tuple[tuple[str, Callable[[Recordings], list[Clip]]], ...] = (
        ("chosen on", chosen_on),
        ("held on", held_on),
    )
    for name, clips in sets:
        print(f"{name}:")
        table(clips(recordings))


if __name__ == "__main__":
    main()

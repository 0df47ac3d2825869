"""The mix by length: peak memory, time, and its loudness and true peak as FFmpeg's own meter reads them.

    python benchmarks/mix.py [--minutes 57,180] [--target streaming-14] [--rate 48000] [--place FOLDER]
    python benchmarks/mix.py --scene

Each in a process of its own, from stems and takes (a line of four seconds every six) to the three files.
Prints the ratio of the highest peak of the longest to the highest of the shortest. A length may be named
several times. The stems are one and the same file, so the disk holds it once; about 1.1 GB for an hour at
48 kHz, and as much again for each of the two WAVs; `--place` names the folder for them.

`--scene` mixes the shared scene once for each target, with its own dialogue line by line as the dub.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def one(source: Path, folder: Path, target: str) -> None:
    """Mix, then print peak memory in MB, seconds, and what the mix says of its loudness."""
    from dubline.media.sound import SoundWriter, open_sound
    from dubline.mix import MixJob, remix
    from dubline.run import Run
    from dubline.values.base import Choice
    from dubline.values.dubbed import Take, Takes
    from dubline.values.stems import STEM_NAMES, Stem, Stems

    sound = open_sound(source)
    rate = sound.rate
    line = source.with_name("line.wav")
    rng = np.random.default_rng(1)
    with SoundWriter(line, rate, 1, 4 * rate) as writer:
        sound_of_line = rng.normal(size=(1, 4 * rate)) * 0.05
        sound_of_line[:, :: rate // 3] *= 12  # clicks, so that the limiter has work
        writer.write(sound_of_line.astype(np.float32))
    facts = {"path": str(source), "rate": rate, "channels": sound.channels, "frames": sound.frames}
    stems = Stems(
        source=sound,
        stems=tuple(Stem(name=name, **facts) for name in STEM_NAMES),
        separator=Choice(backend="builtin"),
    )
    starts = range(0, sound.frames - 4 * rate, 6 * rate)
    takes = Takes(
        language="tr",
        takes=tuple(
            Take(id=n, speaker="A", state="spoken", path=str(line), rate=rate, frames=4 * rate, start=start)
            for n, start in enumerate(starts)
        ),
    )
    began = time.monotonic()
    with Run(folder) as run:
        mix = run.step(remix, stems, takes, MixJob(target=target, bg_volume=0.3))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    took = time.monotonic() - began
    print(
        f"{peak * unit / 1e6:.0f} {took:.1f} {mix.before.integrated:.3f} {mix.after.integrated:.3f} {mix.wav}"
    )
    for note in mix.notes:
        print(note, file=sys.stderr)


def scene() -> None:
    """The shared scene at each target, read by the ffmpeg program and by PyAV's filter."""
    import soundfile
    from loudness_reading import integrated, true_peak
    from material import DATA

    from dubline.media.sound import open_sound
    from dubline.mix import TARGETS, MixJob, remix
    from dubline.run import Run
    from dubline.values.base import Choice
    from dubline.values.dubbed import Take, Takes
    from dubline.values.layout import Layout
    from dubline.values.stems import STEM_NAMES, Stem, Stems

    sound = open_sound(DATA / "scene/mix.flac")
    rate, facts = sound.rate, {"rate": sound.rate, "channels": sound.channels, "frames": sound.frames}
    names = {name: "dialogue" if name == "vocals" else name for name in STEM_NAMES}
    stems = Stems(
        source=sound,
        stems=tuple(
            Stem(name=name, path=str((DATA / f"scene/{file}.flac").resolve()), **facts)
            for name, file in names.items()
        ),
        separator=Choice(backend="builtin"),
    )
    voice = soundfile.read(DATA / "scene/dialogue.flac", always_2d=True)[0].mean(axis=1)
    print(f"{'target':<14}{'asked':>7}{'ours':>9}{'ebur128':>9}{'off':>7}{'limit':>7}{'dBTP':>7}")
    with tempfile.TemporaryDirectory() as place, Run(Path(place, "run")) as run:
        takes = []
        for number, start in enumerate(range(0, sound.frames - 4 * rate, 5 * rate)):
            path = Path(place, f"{number}.wav")
            soundfile.write(path, voice[start : start + 4 * rate], rate, subtype="FLOAT")
            told = {"path": str(path), "rate": rate, "frames": 4 * rate, "start": start}
            takes.append(Take(id=number, speaker="A", state="spoken", **told))
        for name, target in TARGETS.items():
            mix = run.step(remix, stems, Takes(language="tr", takes=tuple(takes)), MixJob(target=name))
            wav = Layout(run.root).file(mix.wav)
            read, high = integrated(wav), true_peak(wav)
            ours = mix.after.integrated
            # The meter knows no dialogue: there, what it reads is held against our reading of the whole.
            off = read - (target.loudness if target.gate == "programme" else ours)
            print(
                f"{name:<14}{target.loudness:>7.1f}{ours:>9.3f}{read:>9.3f}{off:>7.3f}{target.true_peak:>7.1f}"
                f"{'-' if high is None else f'{high:.1f}':>7}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", default="57,180")
    parser.add_argument("--target", default="streaming-14")
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--place", type=Path, help="a folder for the sounds")
    parser.add_argument("--scene", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(Path(arguments.one[0]), Path(arguments.one[1]), arguments.target)
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from loudness_reading import integrated, true_peak
    from material import film

    if arguments.scene:
        scene()
        return
    peaks: dict[float, list[float]] = {}
    print(f"{'minutes':>8}{'peak MB':>9}{'seconds':>9}{'x real time':>13}{'before':>9}{'after':>9}", end="")
    print(f"{'ebur128':>9}{'dBTP':>7}")
    for minutes in (float(m) for m in arguments.minutes.split(",")):
        with tempfile.TemporaryDirectory(dir=arguments.place) as place:
            source, folder = film(Path(place, "film.wav"), minutes, arguments.rate), Path(place, "x.dubline")
            command = [sys.executable, __file__, "--target", arguments.target]
            told = subprocess.run(
                [*command, "--one", str(source), str(folder)], check=True, stdout=subprocess.PIPE, text=True
            ).stdout.split()
            peak, took, before, after = (float(word) for word in told[:4])
            peaks.setdefault(minutes, []).append(peak)
            wav = folder / told[4]
            read, high = integrated(wav), true_peak(wav)
            shutil.rmtree(folder)
        speed = minutes * 60 / took
        print(f"{minutes:>8g}{peak:>9.0f}{took:>9.1f}{speed:>13.2f}{before:>9.2f}{after:>9.3f}", end="")
        print(f"{read:>9.3f}{'-' if high is None else f'{high:.1f}':>7}", flush=True)
    print(f"ratio {max(peaks[max(peaks)]) / max(peaks[min(peaks)]):.3f}")


if __name__ == "__main__":
    main()

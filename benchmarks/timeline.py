"""How long a long programme's timeline takes, and how much memory: build, write, and every target.

    python benchmarks/timeline.py
    python benchmarks/timeline.py --hours 3 --segments 6000 --targets otio,fcpx

The programme: eight stereo sounds, subtitles of three speakers in two languages (six tracks), a take for each
segment (a mono file of its own, three tracks), and a mark for every twentieth segment. The sounds are WAV
files of the whole length that hold nothing (sparse), so targets that copy sound, otioz and aaf, are left out.
The copies of takes that begin and end with a frame are made once for all targets, and stand in a row of their
own ("takes"), measured once. Each other figure is of a process of its own, best of three. All are in seconds
of processor time: other work on the machine and waiting for the disk do not count. The peak is of the whole
process, with Python, OTIO and the exporter loaded.
"""

from __future__ import annotations

import argparse
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dubline.values.programme import (
    Mark,
    Programme,
    SoundTrack,
    SubtitleCue,
    SubtitleTrack,
    TakeClip,
    TakeTrack,
)

RATE = 48000
SOUNDS = 8
SPEAKERS = 3
TAKE = 1.44
"""Seconds of a take; 6,000 lines in three hours are as long."""
LANGUAGES = ("tr", "en")
COPIES = ("otioz", "aaf")


def silent_wav(path: Path, frames: int, channels: int = 2) -> None:
    """A 16-bit WAV file of that length that takes no room on the disk."""
    size = frames * channels * 2
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, channels, RATE, RATE * channels * 2, channels * 2, 16)
    with path.open("wb") as file:
        file.write(head + b"data" + struct.pack("<I", size))
        file.truncate(44 + size)


def long_programme(folder: Path, hours: float, segments: int) -> Programme:
    """The programme that is measured; its sounds lie in `folder`."""
    seconds = hours * 3600
    frames = round(seconds * 24000 / 1001)
    samples = round(frames * 1001 / 24000 * RATE)
    sounds = []
    for number in range(SOUNDS):
        path = folder / f"sound_{number}.wav"
        if not path.exists():
            silent_wav(path, samples)
        sounds.append(
            SoundTrack(
                name=f"sound {number}",
                role="original" if number == 0 else "music",
                path=str(path),
                rate=RATE,
                channels=2,
                frames=samples,
                layout="stereo",
                enabled=number > 0,
                level_db=-3.0 if number == 2 else 0.0,
            )
        )
    step = seconds / segments
    spans = [(round(n * step, 3), round(n * step + step * 0.8, 3)) for n in range(segments)]
    tracks = [
        SubtitleTrack(
            name=f"{language} speaker {speaker}",
            language=language,
            speaker=f"SPEAKER_{speaker:02}",
            speaker_name=f"speaker {speaker}",
            cues=tuple(
                SubtitleCue(
                    id=n,
                    start=start,
                    end=end,
                    text=f"What is said in segment {n}, in a line of the usual length.",
                    speaker=f"SPEAKER_{speaker:02}",
                    source_text=f"What was said in segment {n}.",
                )
                for n, (start, end) in enumerate(spans)
                if n % SPEAKERS == speaker
            ),
        )
        for language in LANGUAGES
        for speaker in range(SPEAKERS)
    ]
    (folder / "takes").mkdir(exist_ok=True)
    takes = []
    for speaker in range(SPEAKERS):
        clips = []
        for n, (start, _) in enumerate(spans):
            if n % SPEAKERS == speaker:
                path, long = folder / f"takes/{n:05d}.wav", round(TAKE * RATE)
                if not path.exists():
                    silent_wav(path, long, 1)
                clips.append(
                    TakeClip(
                        id=n,
                        path=str(path),
                        rate=RATE,
                        start=round(start * RATE) + 11,
                        frames=long,
                        gain_db=n % 7 - 3.0,
                        text=f"What is said in segment {n}.",
                    )
                )
        takes.append(
            TakeTrack(
                name=f"takes en speaker {speaker}",
                language="en",
                speaker=f"SPEAKER_{speaker:02}",
                speaker_name=f"speaker {speaker}",
                clips=tuple(clips),
            )
        )
    marks = [
        Mark(id=n, start=start, end=end, kind="too_long", text=f"en: 1.4x: segment {n}")
        for n, (start, end) in enumerate(spans)
        if n % 20 == 0
    ]
    return Programme(
        name="LONG",
        rate="24000/1001",
        frames=frames,
        start=86400,
        sounds=tuple(sounds),
        takes=tuple(takes),
        subtitles=tuple(tracks),
        marks=tuple(marks),
    )


def measured(folder: Path, hours: float, segments: int, target: str) -> dict[str, float | str]:
    """In this process: seconds to build the timeline and write one target ("" : the bare .otio)."""
    import opentimelineio as otio

    from dubline.errors import DublineError
    from otio_dubline.build import build
    from otio_dubline.exporters import ExportOptions, export
    from otio_dubline.exporters import target as module

    programme = long_programme(folder, hours, segments)
    if target == "takes":
        return copied(build(programme), folder)
    if target:
        module(target)
    otio.adapters.write_to_string(otio.schema.Timeline(), "otio_json")  # loads the writer
    began = time.process_time()
    timeline = build(programme)
    built = time.process_time()
    try:
        if target:
            export(timeline, [target], folder / "out", ExportOptions())
        else:
            otio.adapters.write_to_file(timeline, str(folder / "t.otio"))
    except DublineError as error:
        return {"refused": error.message}
    return {
        "build": built - began,
        "seconds": time.process_time() - built,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def copied(timeline: Any, folder: Path) -> dict[str, float | str]:
    """Seconds to make the copies of all takes that begin and end with a frame, anew."""
    import shutil

    from otio_dubline.exporters.takes import FOLDER, on_whole_frames

    place = folder / "out" / FOLDER
    shutil.rmtree(place, ignore_errors=True)
    began = time.process_time()
    on_whole_frames(timeline, place)
    return {
        "build": 0.0,
        "seconds": time.process_time() - began,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def best(folder: Path, hours: float, segments: int, target: str, times: int) -> dict[str, float | str]:
    """The fastest of so many processes."""
    runs = []
    for _ in range(times):
        words = [sys.executable, __file__, "--child", str(folder), str(hours), str(segments), target]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            return {"refused": done.stderr.strip().splitlines()[-1]}
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return min(runs, key=lambda run: run.get("seconds", 0))


def main() -> None:
    """Print the table."""
    from otio_dubline.exporters import TARGETS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--segments", type=int, default=6000)
    parser.add_argument("--targets", default=",".join(name for name in TARGETS if name not in COPIES))
    asked = parser.parse_args()
    names = [name for name in asked.targets.split(",") if name]
    few = asked.segments // 4
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        print(f"{asked.hours:g} h, {asked.segments} segments; growth against {few} segments\n")
        print(f"{'':<12}{'build s':>9}{'write s':>9}{'peak MB':>9}{'growth':>8}")
        for name in ["", "takes", *names]:
            runs = 1 if name == "takes" else 3  # a gigabyte is written: once is enough
            short = best(folder, asked.hours, few, name, runs)
            long = best(folder, asked.hours, asked.segments, name, runs)
            if "refused" in long or "refused" in short:
                print(f"{name:<12}{long.get('refused', short.get('refused'))}")
                continue
            growth = (long["build"] + long["seconds"]) / (short["build"] + short["seconds"])  # type: ignore[operator]
            label = name or "build+write"
            print(
                f"{label:<12}{long['build']:>9.2f}{long['seconds']:>9.2f}{long['peak']:>9.0f}{growth:>8.1f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _, _, place, hours, segments, target = sys.argv
        print(json.dumps(measured(Path(place), float(hours), int(segments), target)))
    else:
        main()

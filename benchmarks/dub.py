"""An episode's dub from its translation to final.m4a: time, memory, how the takes fit, and the loudness.

    python benchmarks/dub.py [--minutes 57,180] [--lines 1511] [--voice espeak-ng] [--rate 48000] [--profile]

`--lines` is the number for the first length; the others have as many an hour. English lines of
`spoken_lines.tsv` come again and again, each in a slot of 0.85 to 1.15 times the length that the translation
expects of it, so that every take is made anew. Each length runs in a process of its own, and its children
are counted: "x length" is wall-clock time, "processor" the time of all processes, both divided by the
programme's length. "spoken" are the lines that fit, borrowed silence included (`takes.py` tells how they
end), "past" those that run past the programme's end. The three sounds take 1.1 GB each for an hour at 48
kHz; `--place` names the folder for them.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dubline.values.translated import Translation

LINES = Path(__file__).with_name("spoken_lines.tsv")
TRANSLATED_AS = "en"


def programme(minutes: float, count: int) -> Translation:
    """A translation with `count` lines, two speakers in turn, spread over the whole length."""
    from dubline.fit.durations import default_model
    from dubline.fit.isochrony import fit
    from dubline.values.transcript import Speaker
    from dubline.values.translated import TranslatedSegment, Translation

    model = default_model(TRANSLATED_AS)
    rows = [row.split("\t") for row in LINES.read_text(encoding="utf-8").splitlines()[1:]]
    texts = [text for language, text in rows if language == TRANSLATED_AS]
    texts = [text for text in texts if 0.8 <= model.seconds(text) <= 2.4]
    chance = random.Random(0)
    slots = []
    for number in range(count):
        text = texts[number % len(texts)]
        natural = model.seconds(text)
        slots.append((text, natural, natural * chance.uniform(0.85, 1.15)))
    pause = (minutes * 60 - sum(slot for *_, slot in slots)) / (count + 1)
    if pause < 0.1:
        raise SystemExit("so many lines have no room in that length")
    at, segments = pause, []
    for number, (text, natural, slot) in enumerate(slots, 1):
        segment = TranslatedSegment(
            id=number,
            start=round(at, 3),
            end=round(at + slot, 3),
            speaker="AB"[number % 2],
            text=None,
            source_text="...",
            state="translated",
            fit=fit(slot, 0.0, natural),
        )
        segments.append(segment.with_text(text))
        at += slot + pause
    return Translation(
        source_language="tr",
        target_language=TRANSLATED_AS,
        duration=minutes * 60,
        segments=tuple(segments),
        speakers=(Speaker(id="A"), Speaker(id="B")),
    )


def one(minutes: float, count: int, voice: str, rate: int, place: Path) -> None:
    """Speak and mix; print what was measured as JSON."""
    from dubline.media.sound import open_sound
    from dubline.mix import MixJob, remix
    from dubline.run import Run
    from dubline.values.base import Choice
    from dubline.values.stems import STEM_NAMES, Stem, Stems
    from dubline.voice.speaking import VoiceJob, speak

    sound = open_sound(place / "film.wav")
    facts = {"path": sound.path, "rate": rate, "channels": sound.channels, "frames": sound.frames}
    stems = Stems(
        source=sound,
        stems=tuple(Stem(name=name, **facts) for name in STEM_NAMES),
        separator=Choice(backend="builtin"),
    )
    translation = programme(minutes, count)
    times = [time.monotonic()]
    with Run(place / "x.dubline") as run:
        takes = run.step(speak, translation, VoiceJob(voice=Choice(backend=voice), rate=rate))
        times.append(time.monotonic())
        mix = run.step(remix, stems, takes, MixJob())
        times.append(time.monotonic())
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    overlaps, past, until = 0, 0, {}
    for take in takes.takes:
        overlaps += until.get(take.speaker, 0) > take.start
        until[take.speaker] = take.start + take.frames
        past += take.start + take.frames > sound.frames
    told = {
        "peak": spent[0].ru_maxrss * unit / 1e6,
        "speak": times[1] - times[0],
        "mix": times[2] - times[1],
        "processor": sum(s.ru_utime + s.ru_stime for s in spent),
        "spoken": sum(t.state == "spoken" for t in takes.takes),
        "overlaps": overlaps,
        "past": past,
        "after": mix.after.integrated,
        "wav": mix.wav,
    }
    print(json.dumps(told))


def main() -> None:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--minutes", default="57")
    parser.add_argument("--lines", type=int, default=1511)
    parser.add_argument("--voice", default="espeak-ng")
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--place", type=Path, help="a folder for the sounds")
    parser.add_argument("--profile", action="store_true", help="write where the time goes to dub.prof")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(float(given.one[0]), int(given.one[1]), given.voice, given.rate, given.place)
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from loudness_reading import integrated, true_peak
    from material import film

    lengths = [float(word) for word in given.minutes.split(",")]
    peaks: dict[float, float] = {}
    print(
        "minutes  lines  peak MB  speak s   mix s  x length  processor  spoken  overlaps past   LUFS   dBTP"
    )
    for minutes in lengths:
        count = round(given.lines * minutes / lengths[0])
        with tempfile.TemporaryDirectory(dir=given.place) as folder:
            place = Path(folder)
            film(place / "film.wav", minutes, given.rate)
            command = [sys.executable, *(["-m", "cProfile", "-o", "dub.prof"] if given.profile else [])]
            command += [__file__, "--voice", given.voice, "--rate", str(given.rate), "--place", folder]
            done = subprocess.run(
                [*command, "--one", str(minutes), str(count)], check=True, stdout=subprocess.PIPE, text=True
            )
            told = json.loads(done.stdout)
            wav = place / "x.dubline" / told["wav"]
            read, high = integrated(wav), true_peak(wav)
        peaks[minutes] = told["peak"]
        seconds = minutes * 60
        wall = told["speak"] + told["mix"]
        print(
            f"{minutes:>7g}{count:>7}{told['peak']:>9.0f}{told['speak']:>9.1f}{told['mix']:>8.1f}"
            f"{wall / seconds:>10.4f}{told['processor'] / seconds:>11.4f}"
            f"{told['spoken']:>8}{told['overlaps']:>10}{told['past']:>5}"
            f"{read:>7.2f}{'-' if high is None else f'{high:.1f}':>7}",
            flush=True,
        )
    print(f"peak ratio {peaks[max(peaks)] / peaks[min(peaks)]:.3f}")


if __name__ == "__main__":
    main()

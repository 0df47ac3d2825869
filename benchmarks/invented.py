"""What the ears invent where nobody speaks, and what they lose of lines that are hard to hear.

    python benchmarks/invented.py [--data ../shared/data] [--keep FOLDER] [--models FOLDER]

About ten minutes without a word (the scene's true ambience, music and effects, and sounds made here), and
known lines whispered, far away, shouted, as single words, and under music and ambience that are 6 dB louder.
Each is heard by Whisper base and tiny.en through the product's own steps, with turns from the diarizer on the
mix, on DeepFilterNet's voice, and with turns that say that somebody speaks all the time. Half of the
sounds ("chosen") is what the settings were chosen on. `--keep` keeps what was heard for the next time.

Printed are, for the sounds without a word, the passages heard and the lines that stay; for the known lines
the words that were heard right and how many of these were left out, and how far from the truth the first
word of a line begins, where it was heard.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf
import soxr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import real_figures  # noqa: E402
from wordless import HARD, MADE, RATE, Sound, made, stem, under  # noqa: E402

from dubline.media.sound import open_sound  # noqa: E402
from dubline.recognition import stage  # noqa: E402
from dubline.recognition.alignment import normal_tokens  # noqa: E402
from dubline.recognition.given_turns import TURNS, GivenTurns, take_turns  # noqa: E402
from dubline.recognition.witness import detector, witness  # noqa: E402
from dubline.run import Run  # noqa: E402
from dubline.values.base import Choice  # noqa: E402
from dubline.values.transcript import Transcript, Turn  # noqa: E402

MODELS = ("whisper-base", "whisper-tiny.en")
WAYS = ("mix", "voice", "always")
"""Turns from the diarizer on the mix, from it on DeepFilterNet's voice, and somebody all the time."""
PIECES = {"chosen": (0.0, 48.0), "held": (48.0, 96.0)}
"""Seconds of the scene's stems in each half."""
READ = {"chosen": (1, 5, 9), "held": (15, 16)}
"""Lines of the scene whose words are known and that nobody talks over."""
SPOKEN = {
    "chosen": ("You lied to me.", "Where is my daughter?", "It was in the kitchen, under the old clock.",
               "Put the gun down, now!", "I could not find the letter. I looked everywhere."),
    "held": ("She's gone, Mother.", "Don't you dare!", "Who are you, and how did you get in?",
             "Give me the letter. We have no time.", "The door was open. Please sit down."),
}  # fmt: skip
SINGLE = {
    "chosen": ("No.", "Wait!", "Why?", "Yes.", "Help!", "Never."),
    "held": ("Stop!", "Run!", "What?", "Okay.", "Please.", "Mother?"),
}
BEDS = ("music", "ambient")


class Said(NamedTuple):
    """A line that is said, in seconds."""

    start: float
    end: float
    text: str


class Clip(NamedTuple):
    """A sound (samples,) at 48 kHz, the half it belongs to, and what is said in it (seconds)."""

    half: str
    kind: str
    name: str
    sound: Sound
    said: tuple[Said, ...] = ()


def wordless(scene: Path) -> Iterator[Clip]:
    """About five minutes a half."""
    for half, (start, stop) in PIECES.items():
        for names in ("ambient", "music", "sfx", "music+sfx+ambient"):
            yield Clip(half, "wordless", names, stem(scene, names, start, stop))
        for name in MADE:
            yield Clip(half, "wordless", f"made {name}", made(name, 1 if half == "chosen" else 2, 12.0))


def lines(scene: Path, keep: Path) -> Iterator[Clip]:
    """Known lines, each voice and each way of speaking a clip of its own."""
    import json

    told = json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))["segments"]
    known = {segment["id"]: segment for segment in told}
    speak = Speaking(keep)
    for half, (start, stop) in PIECES.items():
        read = [
            (known[n]["text"], stem(scene, "dialogue", known[n]["start"] - 0.1, known[n]["end"] + 0.1))
            for n in READ[half]
        ]
        said = [(text, speak(text)) for text in SPOKEN[half]]
        for voice, some in (("read", read), ("spoken", said)):
            plain, where = in_a_row(some, 1.2)
            for how, change in HARD.items():
                yield Clip(half, how, voice, change(plain), where)
            for bed in BEDS:
                over = stem(scene, bed, start, stop)
                over = np.tile(over, -(-len(plain) // len(over)))
                yield Clip(half, f"under {bed}", voice, under(plain, over), where)
        words, where = in_a_row([(text, speak(text)) for text in SINGLE[half]], 2.5)
        yield Clip(half, "single words", "spoken", words, where)


def in_a_row(some: list[tuple[str, Sound]], pause: float) -> tuple[Sound, tuple[Said, ...]]:
    """Lines with pauses before, between and behind, and where each of them is."""
    quiet: Sound = np.zeros(round(pause * RATE))
    parts, where, at = [quiet], [], pause
    for text, sound in some:
        length = len(sound) / RATE
        where.append(Said(at, at + length, text))
        parts += [sound, quiet]
        at += length + pause
    return np.concatenate(parts), tuple(where)


class Speaking:
    """Piper's joe, each line spoken once."""

    def __init__(self, keep: Path) -> None:
        self._keep = keep

    def __call__(self, text: str) -> Sound:
        from dubline.backends.voices.piper import Piper

        path = self._keep / f"{text.encode().hex()[:80]}.wav"
        if not path.exists():
            with Piper(Piper.Options(language="en")) as voice:
                (name,) = (info.name for info in voice.voices())
                take = voice.speak(text, name, speed=1.0, pitch=1.0, tick=lambda: None)
            sf.write(path, take.sound.T, take.rate)
        sound, rate = sf.read(path, dtype="float64", always_2d=True)
        return np.asarray(soxr.resample(sound[:, 0], rate, RATE))


class Ears:
    """The product's steps of recognition, in one run folder that keeps what was heard."""

    def __init__(self, keep: Path) -> None:
        self._keep = keep

    def heard(self, clip: Clip, way: str, model: str) -> tuple[stage.Recognized, Transcript]:
        """What was recognised in a clip, and the transcript of it."""
        file = f"{clip.half} {clip.kind} {clip.name}"
        mix = self._keep / f"{file}.wav"
        if not mix.exists():
            sf.write(mix, clip.sound, RATE, subtype="FLOAT")
        with Run(self._keep / "run") as run:
            sound = run.step(stage.listen, open_sound(mix), None)
            voice = run.step(stage.listen, open_sound(self._voice(mix)), None)
            if way == "always":
                turns = GivenTurns(turns=(Turn(start=0.0, end=len(clip.sound) / RATE, speaker="A"),))
                speakers = run.step(take_turns, sound, TURNS, turns)
            else:
                speakers = run.step(
                    stage.diarize,
                    voice if way == "voice" else sound,
                    stage.DiarizationJob(diarizer=Choice(backend="builtin")),
                )
            options = {"model": model, "language": "en"}
            recognizer = Choice(backend="faster-whisper", options=options)
            second = run.step(witness, (sound,) if way == "mix" else (sound, voice), detector())
            words = run.step(stage.recognize, sound, speakers, stage.WordsJob(recognizer=recognizer), second)
            said = run.step(stage.cut, words, speakers, len(clip.sound) / RATE, stage.CutJob(), second)
        return words, said

    def _voice(self, mix: Path) -> Path:
        """DeepFilterNet's voice of a sound."""
        from dubline.backends.separators.deepfilternet import DeepFilterNet

        path = mix.with_suffix(".voice.wav")
        if not path.exists():
            sound, _ = sf.read(mix, dtype="float32")
            with DeepFilterNet(DeepFilterNet.Options()) as separator:
                voice = separator.enhance(sound, lambda: None)
            sf.write(path, voice, RATE, subtype="FLOAT")
        return path


def right(clip: Clip, words: list[tuple[float | None, str]]) -> list[int]:
    """Which of the words (start, text) are those that are said, each in its place."""
    found = []
    for line in clip.said:
        near = [
            k
            for k, (at, _) in enumerate(words)
            if at is not None and line.start - 1.0 <= at <= line.end + 1.0
        ]
        heard = [(k, token) for k in near for token in normal_tokens(words[k][1])]
        same = SequenceMatcher(None, normal_tokens(line.text), [token for _, token in heard], autojunk=False)
        found += [heard[b + n][0] for _, b, size in same.get_matching_blocks() for n in range(size)]
    return sorted(set(found))


def begins(clip: Clip, said: Transcript) -> list[float]:
    """How many seconds off the first word of each line begins, of those that begin two at most off."""
    words = [word for segment in said.segments for word in segment.words]
    first = [
        [w.start for w in words if normal_tokens(w.text)[:1] == normal_tokens(line.text)[:1]]
        for line in clip.said
    ]
    off = [min((abs(at - line.start) for at in heard), default=9.0)
           for line, heard in zip(clip.said, first, strict=True)]  # fmt: skip
    return [seconds for seconds in off if seconds < 2.0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--ways", default=",".join(WAYS), help="some of " + ", ".join(WAYS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        keep = asked.keep or Path(place)
        keep.mkdir(parents=True, exist_ok=True)
        with real_figures.models_in(asked.models or real_figures.starters()):
            show(asked.data / "scene", keep, asked.ways.split(","))


def show(scene: Path, keep: Path, ways: Sequence[str]) -> None:
    ears = Ears(keep)
    clips = [*wordless(scene), *lines(scene, keep)]
    seconds = sum(len(clip.sound) for clip in clips if not clip.said) / RATE
    print(f"{seconds / 60:.1f} min without a word, {sum(len(c.said) for c in clips)} known lines")
    for way in ways:
        for model in MODELS:
            counts: dict[tuple[str, str], Counter[str]] = {}
            starts: dict[str, list[float]] = {half: [] for half in PIECES}
            for clip in clips:
                words, said = ears.heard(clip, way, model)
                count = counts.setdefault((clip.half, clip.kind), Counter())
                count["passages"] += sum(bool(p.words) for p in words.passages)
                count["lines"] += len(said.segments)
                count["doubtful"] += sum("doubtful" in s.flags for s in said.segments)
                if clip.said:
                    kept = [(w.start, w.text) for s in said.segments for w in s.words]
                    dropped = [(w.start, w.text) for d in said.dropped for w in d.words]
                    every = sorted(kept + dropped, key=lambda w: w[0] or 0.0)
                    count["right"] += (all_right := len(right(clip, every)))
                    count["lost"] += max(0, all_right - len(right(clip, kept)))
                    starts[clip.half] += begins(clip, said)
                    count["known"] += sum(len(normal_tokens(line.text)) for line in clip.said)
            print(f"\nturns: {way}; words: {model}")
            for (half, kind), count in counts.items():
                if kind == "wordless":
                    told = f"{count['passages']} passages heard, {count['lines']} lines stay"
                else:
                    told = (
                        f"{count['known']} words, {count['right']} heard right, {count['lost']} of them lost"
                    )
                print(f"  {half:7} {kind:14} {told}; {count['doubtful']} lines doubtful", flush=True)
            for half, off in starts.items():
                middle, most = (round(1000 * np.quantile(off or [0.0], q)) for q in (0.5, 0.95))
                print(f"  {half:7} {len(off)} lines begin {middle} ms off (median), 95 % at most {most} ms")


if __name__ == "__main__":
    main()

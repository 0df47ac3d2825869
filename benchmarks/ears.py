"""Which sound to hear turns and words in: all combinations, beside plain faster-whisper, in one run.

    python benchmarks/ears.py CACHE [--data ../shared/data] [--models whisper-base,whisper-tiny.en]
        [--pairs auto+mix,mix+mix] [--half 0] [--no-edges]

CACHE is a folder that keeps every sound, diarization and recognition, so that a rerun only counts; delete
what is to be done again. A pair is the ear that turns are heard in, and the one for words: `mix`, `vocals`
(the built-in separator's), `deepfilternet`; for comparison `limit-DB` (DeepFilterNet that lowers the rest by
so much at most) and `blend-DB` (its voice with the mix so far below it); `auto` is the product's choice of
turns. `vad off` and `vad on` are plain faster-whisper with its defaults on the mix.

Words wrong are edits over reference words, in OpenAI's normalisation (numbers folded); in conversations that
are known as a whole everything that is heard counts, elsewhere what lies within 1 s of a line. The error of
who speaks is NIST's with a collar of 0.25 s on both sides, overlaps scored and skipped (pyannote.metrics). A
start is off by its distance from the true one, where one is found within 1 s.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from dubline.backends.choosing import opened, settle
from dubline.backends.contract import Stretch
from dubline.media.sound import FloatFile, open_sound
from dubline.media.speech import Speech, prepare_speech
from dubline.recognition.ears import choose_turns
from dubline.recognition.enhancement import enhanced
from dubline.recognition.filters import Witness
from dubline.recognition.stage import CutJob, Diarized, Recognized, SpeechFile, cut, passages, unclaimed
from dubline.recognition.witness import detector, witness
from dubline.report import silent
from dubline.run import Run, Work
from dubline.values.base import Choice, key_of
from dubline.values.transcript import Engine, HeardWord, Turn

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from ears_material import Material, material  # noqa: E402
from real_figures import edits, plain  # noqa: E402

PAIRS = "auto+mix,mix+mix,deepfilternet+mix,deepfilternet+deepfilternet,vocals+vocals"
ROOM = 1.0
NOBODY = Engine(choice=Choice(backend=""), models=())

Word = tuple[float, str]


class Scores(NamedTuple):
    """Of one sound: words wrong and in all, both errors of who speaks as (wrong, all) seconds, speakers found
    and there, starts of lines and of turns off, in seconds, and how many there are."""

    wrong: int = 0
    words: int = 0
    scored: tuple[float, float] = (0.0, 0.0)
    skipped: tuple[float, float] = (0.0, 0.0)
    speakers: tuple[int, int] = (0, 0)
    firsts: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()
    lines: int = 0
    turns: int = 0


class Kept(msgspec.Struct):
    """A diarization, as it is kept."""

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]


class Passed(msgspec.Struct):
    """What was heard in a stretch, as it is kept."""

    words: tuple[HeardWord, ...]
    language: str = ""
    no_speech: float | None = None
    log_probability: float | None = None


class Cache:
    """Everything that was heard, in a folder. `models`: folders of Whisper, by name."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._open: dict[str, Any] = {}

    def path(self, one: Material, ear: str) -> Path:
        return (self.place / f"{slug(one.name)}.{ear}.f32").absolute()

    def speech(self, one: Material, ear: str) -> Speech:
        """A sound as an ear hears it, 16 kHz."""
        target = self.path(one, ear)
        if not target.exists():
            part = target.with_suffix(".part")
            self._make(one, ear, part)
            part.replace(target)
        return Speech(target)

    def _make(self, one: Material, ear: str, target: Path) -> None:
        sound = open_sound(one.path)
        kind, _, number = ear.partition("-")
        if kind == "mix":
            prepare_speech(one.path, sound, target).close()
        elif kind == "vocals":
            path = vocals(one.path)
            prepare_speech(path, open_sound(path), target).close()
        elif kind in ("deepfilternet", "limit"):
            options = {"attenuation": float(number)} if number else {}
            with opened("separator", Choice(backend="deepfilternet", options=options)) as network:
                enhanced(one.path, sound, target, network).close()
        elif kind == "blend":
            voice, mix = (
                s.read(0, s.frames) for s in (self.speech(one, "deepfilternet"), self.speech(one, "mix"))
            )
            with FloatFile(target, 1) as file:
                file.append((voice + mix * np.float32(10 ** (-float(number) / 20)))[None])
        else:
            raise SystemExit(f"there is no ear {ear!r}")

    def turns(self, one: Material, ear: str) -> Kept:
        """Who speaks when, by the built-in diarizer; "auto" is the product's choice."""
        if ear == "auto":
            names = ("deepfilternet", "mix")
            files = [SpeechFile(path=self.path(one, name).as_posix(), frames=0) for name in names]
            found = [diarized(self.turns(one, name)) for name in names]
            chosen = choose_turns(Work(self.place, self.place, "", silent), *files, *found)
            return Kept(turns=chosen.turns, exclusive=chosen.exclusive)

        def hear() -> Any:
            if "diarizer" not in self._open:
                self._open["diarizer"] = opened("diarizer", Choice(backend="builtin"), {"threads": 1})
                self._open["diarizer "] = self._open["diarizer"].__enter__()
            return self._open["diarizer "].diarize(self.speech(one, ear), silent)

        return self._kept(f"{slug(one.name)}.{ear}.turns", Kept, hear)

    def witness(self, one: Material, ears: Sequence[str]) -> Witness:
        """Where the second detector hears speech."""
        files = tuple(SpeechFile(path=self.path(one, ear).as_posix(), frames=0) for ear in ears)
        return self._kept(
            f"{slug(one.name)}.{'+'.join(ears)}.witness",
            Witness,
            lambda: witness(Work(self.place, self.place, "", silent), files, detector()),
        )

    def heard(self, one: Material, ear: str, model: str, stretches: Sequence[Stretch]) -> list[Passed]:
        """What a Whisper makes of the stretches of a sound, as the product asks it."""

        def hear() -> Any:
            recognizer = self._whisper(model)
            return list(recognizer.recognize(self.speech(one, ear), tuple(stretches), silent))

        told = key_of([(s.start, s.end) for s in stretches], digits=8)
        return self._kept(f"{slug(one.name)}.{ear}.{model}.{told}", list[Passed], hear)

    def plainly(self, one: Material, model: str, vad: bool) -> list[Word]:
        """What faster-whisper makes of the whole mix with its defaults."""

        def hear() -> list[Word]:
            speech = self.speech(one, "mix")
            found, _ = self._whisper(model)._model.transcribe(
                speech.read(0, speech.frames), language="en", word_timestamps=True, vad_filter=vad
            )
            return [(float(word.start), word.word) for part in found for word in part.words or ()]

        return self._kept(f"{slug(one.name)}.vad-{vad}.{model}", list[Word], hear)

    def _whisper(self, model: str) -> Any:
        if model not in self._open:
            choice = Choice(backend="faster-whisper", options={"model": model, "language": "en"})
            manager = opened("recognizer", choice, {"threads": 1})
            self._open[f"{model}."], self._open[model] = manager, manager.__enter__()
        return self._open[model]

    def _kept(self, name: str, kind: Any, make: Callable[[], Any]) -> Any:
        path = self.place / f"{name}.json"
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=kind)
        made = msgspec.json.encode(make())
        path.write_bytes(made)
        print(path.name, file=sys.stderr, flush=True)
        return msgspec.json.decode(made, type=kind)


class Replayed:
    """A recognizer that says what was heard before."""

    def __init__(self, hear: Callable[[Sequence[Stretch]], list[Passed]]) -> None:
        self._hear = hear

    def recognize(self, speech: Speech, stretches: tuple[Stretch, ...], report: Any) -> Iterator[Passed]:
        yield from self._hear(stretches)


def diarized(kept: Kept) -> Diarized:
    return Diarized(turns=kept.turns, exclusive=kept.exclusive, engine=NOBODY)


def slug(name: str) -> str:
    return re.sub(r"[^\w+-]+", "_", name)


def vocals(path: Path) -> Path:
    """The built-in separator's voices of a sound, beside it."""
    from dubline.separation.plan import SeparationJob
    from dubline.separation.stage import separate

    target = path.parent / f"{slug(path.stem)}.vocals.wav"
    if not target.exists():
        job = SeparationJob(separator=settle("separator", "builtin").choice)
        with tempfile.TemporaryDirectory() as folder, Run(folder) as run:
            stems = run.step(separate, open_sound(path), job, hints={"threads": 1})
            run.publish(stems.vocals.path, target)
    return target


def score(one: Material, cached: Cache, model: str, way: str, edges: bool) -> Scores:
    """A sound heard in one way: "vad off", "vad on" or a pair of ears."""
    if way.startswith("vad"):
        return said(one, cached.plainly(one, model, way == "vad on")) if one.lines else Scores()
    turns, words = way.split("+")
    found = cached.turns(one, turns)
    ears = (words,) if words == turns else (words, "deepfilternet" if turns == "auto" else turns)
    second = cached.witness(one, ears)
    scores = spoken(one, found.turns, cached.speech(one, "mix").duration)
    if not one.lines:
        return scores
    replayed = Replayed(lambda stretches: cached.heard(one, words, model, stretches))
    speech = cached.speech(one, words)
    voice = cached.speech(one, "deepfilternet") if edges and way.startswith(("auto", "deep")) else speech
    more = unclaimed(found.turns, second)
    told = passages(replayed, speech, (*found.turns, *more), silent, named="en", edges=voice)
    heard = Recognized(passages=tuple(told), language="en", engine=NOBODY)
    transcript = cut(
        Work(Path(), Path(), "", silent), heard, diarized(found), speech.duration, CutJob(), second
    )
    row = [(float(w.start or 0), w.text) for segment in transcript.segments for w in segment.words]
    counted = said(one, row)
    return scores._replace(
        wrong=counted.wrong, words=counted.words, firsts=counted.firsts, lines=counted.lines
    )


def said(one: Material, row: Sequence[Word]) -> Scores:
    """Words, in the order in which they are read, against what is known."""
    if one.whole:
        wanted = plain(" ".join(line.text or "" for line in one.lines))
        wrong = distance(wanted, plain(" ".join(text for _, text in row)))
        count = len(wanted)
    else:
        wrong = count = 0
        for line in one.lines:
            near = [text for at, text in row if line.start - ROOM <= at <= line.end + ROOM]
            wanted = plain(line.text or "")
            wrong += edits(wanted, plain(" ".join(near)))
            count += len(wanted)
    firsts = []
    for line in one.lines:
        first = plain(line.text or "")[:1]
        off = [abs(at - line.start) for at, text in row if plain(text)[:1] == first]
        if off and min(off) <= ROOM:
            firsts.append(min(off))
    return Scores(wrong=wrong, words=count, firsts=tuple(firsts), lines=len(one.lines))


def distance(wanted: list[str], found: list[str]) -> int:
    """Insertions, deletions and substitutions (Levenshtein 1966)."""
    row = list(range(len(found) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def spoken(one: Material, turns: Sequence[Turn], seconds: float) -> Scores:
    """Who speaks when, against the truth."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(some: Sequence[Turn]) -> Any:
        made = Annotation()
        for number, turn in enumerate(some):
            made[Segment(turn.start, turn.end), number] = turn.speaker
        return made

    errors = []
    for skip in (False, True):
        told = DiarizationErrorRate(collar=0.5, skip_overlap=skip)(
            annotation(one.turns), annotation(turns), uem=Timeline([Segment(0, seconds)]), detailed=True
        )
        wrong = told["missed detection"] + told["false alarm"] + told["confusion"]
        errors.append((float(wrong), float(told["total"])))
    off = [min((abs(t.start - true.start) for t in turns), default=9.0) for true in one.turns]
    return Scores(
        scored=errors[0],
        skipped=errors[1],
        speakers=(len({t.speaker for t in turns}), len({t.speaker for t in one.turns})),
        starts=tuple(o for o in off if o <= ROOM),
        turns=len(one.turns),
    )


def together(some: Sequence[Scores]) -> Scores:
    """Pooled: sums of everything."""

    def pair(name: str) -> tuple[Any, Any]:
        return tuple(sum(getattr(s, name)[n] for s in some) for n in (0, 1))

    return Scores(
        wrong=sum(s.wrong for s in some),
        words=sum(s.words for s in some),
        scored=pair("scored"),
        skipped=pair("skipped"),
        speakers=pair("speakers"),
        firsts=tuple(f for s in some for f in s.firsts),
        starts=tuple(f for s in some for f in s.starts),
        lines=sum(s.lines for s in some),
        turns=sum(s.turns for s in some),
    )


def shown(label: str, scores: Scores) -> str:
    def rate(wrong: float, of: float) -> str:
        return f"{100 * wrong / of:5.1f}" if of else "    -"

    def off(errors: Sequence[float], of: int) -> str:
        if not errors:
            return "            -"
        ms = 1000 * np.asarray(errors)
        return f"{np.median(ms):4.0f} {np.percentile(ms, 90):4.0f} ({len(errors)}/{of})"

    found, there = scores.speakers
    return (
        f"{label:34} {rate(scores.wrong, scores.words)} of {scores.words:4}  "
        f"{rate(*scores.scored)} {rate(*scores.skipped)}  {found:2}/{there:<2} "
        f"{off(scores.firsts, scores.lines)}  {off(scores.starts, scores.turns)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cache", type=Path)
    parser.add_argument("--data", type=Path, default=HERE.parent / "../shared/data")
    parser.add_argument("--models", default="whisper-base,whisper-tiny.en")
    parser.add_argument("--pairs", default=PAIRS)
    parser.add_argument("--half", type=int, choices=(0, 1), help="0: to choose on, 1: to report")
    parser.add_argument("--edges", action=argparse.BooleanOptionalAction, default=True,
                        help="first words begin where DeepFilterNet's voice does")  # fmt: skip
    parser.add_argument("--each", action="store_true", help="a row for every sound too")
    asked = parser.parse_args()
    if not (asked.data / "scene").is_dir():
        raise SystemExit(f"no scene at {asked.data}: pass --data")
    cached = Cache(asked.cache)
    sounds = [one for one in material(asked.data, asked.cache / "sounds") if asked.half in (None, one.half)]
    print(f"{'':34} words wrong %   who speaks %  voices  first word, turn start: median, 90 % in ms (found)")
    for model in asked.models.split(","):
        for way in ("vad off", "vad on", *asked.pairs.split(",")):
            rows = [(one, score(one, cached, model, way, asked.edges)) for one in sounds]
            by_set: dict[str, list[Scores]] = defaultdict(list)
            for one, scores in rows:
                by_set[one.set].append(scores)
                if asked.each:
                    print(shown(f"  {way}, {one.name}", scores))
            print(f"{model}, {way}")
            for name, some in by_set.items():
                print(shown(f"  {name}", together(some)))
            print(shown("  all", together([scores for _, scores in rows])), flush=True)


if __name__ == "__main__":
    main()

"""How many lines fit their time when candidates are weighed by length, against the model's best alone.

    python benchmarks/fit.py [--segments 1511] [--candidates 4] [--seed 1] [--paces] [--spoken]

The episode of `tests/episode.py`, filled with the sentences that the tiny translation model has learnt, is
translated by that model through the transformers back end. Each slot is as long as one of the sentence's two
references takes, times 0.85 to 1.25, whatever the model answers. A segment fits if it can be spoken at
0.90 to 1.20 times its ordinary speed, with silence borrowed after it where there is any; "in the slot" allows
no borrowing.

The tiny model has two lengths for each sentence, so its beam differs more in length than a real model's may.
The predictor that draws the slots is the one that weighs the candidates; `--spoken` has flite speak 200 lines
of each choice and takes the real lengths instead. `--paces` counts each speaker's pace as it is found from
the Turkish, as a translation does; without it everybody speaks at the ordinary pace.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import tiny_translator as tiny
from durations import flite
from episode import Episode, episode

from dubline.backends.translators.transformers import TransformersTranslator
from dubline.fit.durations import default_model, pace
from dubline.fit.isochrony import Place, choose, fit, force, rooms
from dubline.language.sentences import rejoin, sentences
from dubline.language.splitting import split_back
from dubline.report import silent
from dubline.translation.asking import combined
from dubline.values.translated import Candidate, Fit, SourceLine

MODEL = default_model("en")
SPOKEN = 200


def answers(shot: Episode, most: int) -> dict[str, tuple[Candidate, ...]]:
    """Source -> its candidates: sentence by sentence, put together again."""
    parts = {said.source: sentences(said.source, "tr") for said in shot.spoken}
    texts = dict.fromkeys(part for several in parts.values() for part in several)
    options = TransformersTranslator.Options(
        source="tr",
        target="en",
        model=str(tiny.folder()),
        candidates=most,
        beams=4,
        device="cpu",
        precision="fp32",
    )
    found = {}
    with TransformersTranslator(options) as translator:
        lines = [SourceLine(key=text, text=text) for text in texts]
        for batch in translator.translate(lines, {}, silent):
            found.update({key: answer.candidates for key, answer in batch.items()})
    return {
        source: combined([found[part] for part in several], lambda texts: rejoin(texts, "en"))
        for source, several in parts.items()
    }


def places(
    shot: Episode, found: dict[str, tuple[Candidate, ...]], most: int, paces: dict[str, float]
) -> list[Place]:
    segments = shot.transcript.segments
    free = rooms(segments, duration=shot.transcript.duration)
    return [
        Place(
            source=said.source,
            speaker=said.speaker,
            candidates=found[said.source][:most],
            slot=segments[said.ids[-1] - 1].end - segments[said.ids[0] - 1].start,
            room=free[said.ids[-1] - 1],
            pace=paces.get(said.speaker, 1.0),
        )
        for said in shot.spoken
    ]


def by_segment(
    shot: Episode, texts: Sequence[str], paces: dict[str, float], borrow: bool = True
) -> list[Fit]:
    """The fit of every segment, each sentence split back to its own."""
    segments = shot.transcript.segments
    free = rooms(segments, duration=shot.transcript.duration)
    fits = []
    for said, text in zip(shot.spoken, texts, strict=True):
        own = [segments[number - 1] for number in said.ids]
        parts = split_back(
            text, [s.end - s.start for s in own], "en", MODEL.seconds, sources=[s.text for s in own]
        )
        for segment, part in zip(own, parts or (text, *[""] * (len(own) - 1)), strict=True):
            room = free[segment.id - 1] if borrow else 0.0
            natural = MODEL.seconds(part) * paces.get(segment.speaker, 1.0)
            fits.append(fit(segment.end - segment.start, room, natural))
    return fits


def spoken(shot: Episode, choices: dict[str, list[str]]) -> None:
    """The same share for single-segment lines as flite speaks them, at the voice's own median pace."""
    single = [i for i, said in enumerate(shot.spoken) if len(said.ids) == 1]
    shown = random.Random(1).sample(single, min(SPOKEN, len(single)))
    segments = shot.transcript.segments
    free = rooms(segments, duration=shot.transcript.duration)
    with tempfile.TemporaryDirectory() as folder:
        real = {
            text: flite(text, Path(folder))
            for texts in choices.values()
            for text in {texts[i] for i in shown}
        }
    ratios = sorted(seconds / MODEL.seconds(text) for text, seconds in real.items())
    ordinary = ratios[len(ratios) // 2]
    for name, texts in choices.items():
        fits = []
        for index in shown:
            segment = segments[shot.spoken[index].ids[0] - 1]
            fits.append(fit(segment.end - segment.start, free[segment.id - 1], real[texts[index]] / ordinary))
        share = fmean(f.status in ("fits", "borrowed") for f in fits)
        print(f"  {name:<12} spoken by flite: {100 * share:5.1f} % of {len(shown)} lines fit")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments", type=int, default=1511)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--spoken", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--paces", action="store_true")
    asked = parser.parse_args()
    shot = episode(asked.segments, lines=tiny.pairs(), seed=asked.seed)
    paces = pace(shot.transcript.segments, default_model("tr")) if asked.paces else {}
    found = answers(shot, asked.candidates)
    choices = {}
    for name, most in (("1-best", 1), ("reranked", 99)):
        those = places(shot, found, most, paces)
        begin = time.process_time()
        chosen = choose(those, MODEL.seconds)
        spent = time.process_time() - begin
        texts = [place.candidates[number or 0].text for place, number in zip(those, chosen, strict=True)]
        choices[name] = texts
        fits, tight = by_segment(shot, texts, paces), by_segment(shot, texts, paces, borrow=False)
        share = fmean(f.status in ("fits", "borrowed") for f in fits)
        within = fmean(f.status == "fits" for f in tight)
        marks = fmean(
            force(said.source) == force(text) for said, text in zip(shot.spoken, texts, strict=True)
        )
        print(
            f"{name:<10} fitting {100 * share:5.1f} %  in the slot {100 * within:5.1f} %  "
            f"{dict(Counter(f.status for f in fits))}  borrowed {sum(f.borrowed for f in fits):.1f} s  "
            f"marks kept {100 * marks:.1f} %  choosing {spent:.2f} s"
        )
    if asked.spoken:
        spoken(shot, choices)


if __name__ == "__main__":
    main()

"""How many lines of which the translation says that they fit really end with their slot.

    python benchmarks/takes.py [--voice espeak-ng] [--segments 1511] [--seed 1] [--again]

The episode of `tests/episode.py` (real dialogue, slots as long as a reference takes times 0.85 to 1.25) is
given its English lines by `choose`, and every line is spoken by the step `speak`. A take ends with its slot
if its end lies within 2 % of the slot's length of the slot's end (`isochrony.ON_TIME`), wherever it begins.
The same takes are then set against what each way to know their lengths had said of them:

    estimated    the pace of the language, before any voice is known
    calibrated   the voice's model, from other lines only: half of the texts is labelled by a model that was
                 made from the takes of the other half, and the other way round
    measured     the voice has spoken the text itself, as after a dub and with `dubline translate --voice`

Each row is what was said of the lines, each column what came of them. `--again` translates a second time with
what the first dub has taught and speaks that too. Same-speaker overlaps and cut takes are counted besides.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from episode import Episode, episode
from msgspec import structs

from dubline.fit.durations import DurationModel, default_model
from dubline.fit.isochrony import ON_TIME, Place, choose, rooms
from dubline.fit.speech_time import SpeechTime
from dubline.language.splitting import split_back
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.dubbed import Take, Takes
from dubline.values.translated import Candidate, Fit, TranslatedSegment, Translation
from dubline.voice.calibration import Known, fitted_by, late_takes, voice_durations, voice_models
from dubline.voice.speaking import VoiceJob, speak

RATE = 48000
SAID = ("fits", "unsure", "borrowed", "short", "too_long")
Labels = list[tuple[TranslatedSegment, Fit]]
CAME = ("on time", "early", "late")


def translated(shot: Episode, voices: Mapping[str, DurationModel]) -> Translation:
    """The episode with its references as candidates, chosen for these voices (none: for the language)."""
    segments = shot.transcript.segments
    free = rooms(segments, duration=shot.transcript.duration)
    ordinary = default_model("en")
    places = [
        Place(
            source=said.source,
            speaker=said.speaker,
            candidates=tuple(
                Candidate(text=text, score=-0.2 * number) for number, text in enumerate(said.references)
            ),
            slot=segments[said.ids[-1] - 1].end - segments[said.ids[0] - 1].start,
            room=free[said.ids[-1] - 1],
            model=voices.get(said.speaker),
        )
        for said in shot.spoken
    ]
    lines = []
    for said, at, number in zip(shot.spoken, places, choose(places, ordinary.seconds), strict=True):
        own = [segments[ident - 1] for ident in said.ids]
        text = at.candidates[number or 0].text
        model = voices.get(said.speaker, ordinary)
        parts = split_back(
            text, [s.end - s.start for s in own], "en", model.seconds, sources=[s.text for s in own]
        )
        for segment, part in zip(own, parts or (text, *[""] * (len(own) - 1)), strict=True):
            line = TranslatedSegment(
                id=segment.id,
                start=segment.start,
                end=segment.end,
                speaker=segment.speaker,
                text=None,
                source_text=segment.text,
                state="pending",
            )
            if part.strip():
                line = TranslatedSegment(
                    id=segment.id,
                    start=segment.start,
                    end=segment.end,
                    speaker=segment.speaker,
                    text=part,
                    source_text=segment.text,
                    state="translated",
                )
            lines.append(line)
    return Translation(
        source_language="tr",
        target_language="en",
        duration=shot.transcript.duration,
        segments=tuple(sorted(lines, key=lambda line: line.id)),
        speakers=shot.transcript.speakers,
    )


def dubbed(translation: Translation, voice: str, root: Path) -> Takes:
    begin = time.perf_counter()
    with Run(root) as run:
        takes: Takes = run.step(speak, translation, VoiceJob(voice=Choice(backend=voice), rate=RATE))
    spent = time.perf_counter() - begin
    states = Counter(take.state for take in takes.takes)
    print(f"{len(takes.takes)} lines spoken by {voice} in {spent:.0f} s: {dict(states)}")
    return takes


def came(take: Take, line: TranslatedSegment) -> str:
    """Where a take ends against its slot."""
    off = (take.start + take.frames) / take.rate - line.end
    if abs(off) <= ON_TIME * (line.end - line.start):
        return "on time"
    return "early" if off < 0 else "late"


def labels(translation: Translation, models: Mapping[str, Mapping[str, DurationModel]]) -> Labels:
    """Every line with what is said of it. `models`: text -> the voices that are known for it."""
    free = rooms(translation.segments, duration=translation.duration)
    return [
        (
            line,
            SpeechTime("en", {}, models.get(line.text, {})).fit(
                line.text, line.speaker, line.end - line.start, room
            ),
        )
        for line, room in zip(translation.segments, free, strict=True)
        if line.text
    ]


def measured(translation: Translation, takes: Takes, speakers: dict[str, DurationModel]) -> Labels:
    """Every line with what is said of it after the dub."""
    known = Known(speakers=speakers, late=late_takes(translation, takes))
    return [(line, line.fit) for line in fitted_by(translation, known).segments if line.fit is not None]


def table(name: str, said: Labels, takes: Takes) -> None:
    by_id = {take.id: take for take in takes.takes if take.frames}
    counts = Counter((fit.status, came(by_id[line.id], line)) for line, fit in said if line.id in by_id)
    sums = {status: sum(counts[status, what] for what in CAME) for status in SAID}
    share = counts["fits", "on time"] / max(sums["fits"], 1)
    print(f"\n{name:<12}{'':>12}" + "".join(f"{what:>9}" for what in CAME))
    for status in SAID:
        if sums[status]:
            print(f"  {status:<12}{sums[status]:>10}" + "".join(f"{counts[status, w]:>9}" for w in CAME))
    print(f"  of {sums['fits']} lines that fit, {100 * share:.1f} % end with their slot")


def held_out(takes: Takes, seed: int) -> dict[str, dict[str, DurationModel]]:
    """Text -> speaker -> the model of his voice, from the texts of the other half."""
    voices = {cast.speaker: cast.voice for cast in takes.cast}
    texts = sorted({take.text for take in takes.takes if take.natural})
    random.Random(seed).shuffle(texts)
    halves = (set(texts[::2]), set(texts[1::2]))
    found: dict[str, dict[str, DurationModel]] = {}
    for here, there in (halves, halves[::-1]):
        spoken: dict[str, dict[str, float]] = defaultdict(dict)
        for take in takes.takes:
            if take.natural and take.text in there:
                spoken[voices[take.speaker]][take.text] = take.natural
        models = voice_models("en", spoken)
        models = {voice: structs.replace(model, spoken={}) for voice, model in models.items()}
        by_speaker = {who: models[voice] for who, voice in voices.items() if voice in models}
        found |= dict.fromkeys(here, by_speaker)
        errors = sorted(model.error for model in models.values())
        print(f"{len(there)} texts: error of a line of one second {errors[0]:.3f} to {errors[-1]:.3f}")
    return found


def faults(translation: Translation, takes: Takes) -> None:
    """Overlaps of a speaker with himself, and takes over another speaker's where the source has none."""
    lines = {line.id: line for line in translation.segments}
    placed = sorted((t.start, t.start + t.frames, t) for t in takes.takes if t.frames)
    own = other = 0
    for number, (_, end, take) in enumerate(placed):
        for start, _, following in placed[number + 1 : number + 40]:
            if start >= end:
                break
            a, b = lines[take.id], lines[following.id]
            own += take.speaker == following.speaker
            other += take.speaker != following.speaker and not (a.start < b.end and b.start < a.end)
    cut = sum(
        take.frames / take.rate < 0.995 * take.natural / 1.2
        for take in takes.takes
        if take.state == "too_long"
    )
    print(f"\noverlaps of a speaker with himself: {own}; with others, not in the source: {other}; cut: {cut}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--voice", default="espeak-ng")
    parser.add_argument("--segments", type=int, default=1511)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="translate and speak a second time")
    asked = parser.parse_args()
    shot = episode(asked.segments, seed=asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        first = translated(shot, {})
        takes = dubbed(first, asked.voice, Path(folder))
        table("estimated", labels(first, {}), takes)
        print()
        table("calibrated", labels(first, held_out(takes, asked.seed)), takes)
        known = voice_durations(takes)
        speakers = {cast.speaker: known[cast.voice] for cast in takes.cast}
        table("measured", measured(first, takes, speakers), takes)
        faults(first, takes)
        if asked.again:
            second = translated(shot, speakers)
            changed = sum(a.text != b.text for a, b in zip(first.segments, second.segments, strict=True))
            print(f"\nsecond translation: {changed} lines are others")
            again = dubbed(second, asked.voice, Path(folder))
            everywhere = {line.text: speakers for line in second.segments if line.text}
            table("before it", labels(second, everywhere), again)
            known = voice_durations(again, known)
            speakers = {cast.speaker: known[cast.voice] for cast in again.cast}
            table("measured", measured(second, again, speakers), again)
            faults(second, again)


if __name__ == "__main__":
    main()

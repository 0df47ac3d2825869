"""Cuts of the speakers' own voices, for voices that clone.

    found = run.step(references, stems.vocals, transcript, ReferenceJob())
    found.cuts["SPEAKER_00"]      a mono file of 3 to 12 s, and the words in it
    found.missing["SPEAKER_03"]   why there is none

A cut is a line, or some that follow on each other, in which nobody else speaks. Of all that a person says the
best is taken by length, by how near it is to that person's usual level, by how quiet it is around the voice,
and by how sure the recognizer was of the words; clipped ones are not. The same sound and transcript give the
same cuts.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs

from dubline.backends.contract import Reference, Tick
from dubline.errors import InvalidJob
from dubline.media.sound import SoundWriter, read_blocks
from dubline.run import Work, step
from dubline.signal.mono import mono
from dubline.timebase import merged
from dubline.values.base import Value
from dubline.values.media import Sound
from dubline.values.stems import Stem
from dubline.values.transcript import UNKNOWN, Segment, Transcript, Turn
from dubline.weights.files import checksum

Span = tuple[float, float]  # seconds

FRAME = 0.02  # seconds of sound to one measurement of its power
AROUND = 0.3  # seconds before and after a line in which it should be quiet
EDGE = 0.08  # seconds that a cut may be longer than its words on each side
FADE = 0.005  # seconds
JOIN = 0.7  # seconds between two lines that are still one cut
APART = 0.1  # seconds that somebody else's line must be away
IDEAL = 9.0  # seconds: longer is no better
FULL = 0.999  # a sample at full scale is taken for clipped
DEAF = -65.0  # dBFS: a line under it holds no voice
CLEAR = 30.0  # dB between voice and quiet, more of which is no better
LEAST_CLEAR = 8.0  # dB, below which a cut is of no use
_QUIET, _SPEECH = 5, 50  # percentiles of the frames' power: what is quiet, and what is voice


class ReferenceJob(Value, frozen=True):
    """What cuts to make: `shortest` and `longest` in seconds; `speakers` for whom, () is everybody.

    `turns` are what the diarizer heard, with its own labels. They tell where in a line somebody else speaks
    who has no line there; without them a line marked `overlap` that no other line overlaps is not used.
    """

    shortest: float = 3.0
    longest: float = 12.0
    speakers: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()


class References(Value, frozen=True):
    """Speaker's id -> the cut, or why there is none."""

    cuts: dict[str, Reference] = {}
    missing: dict[str, str] = {}


class _Heard(NamedTuple):
    """Powers of a line's frames and of those around it, in dBFS; `peak` 0 to 1."""

    level: float
    quiet: float
    peak: float


class _Cut(NamedTuple):
    """A candidate: seconds from the start of the programme, and its words."""

    start: float
    end: float
    text: str
    sure: float
    lines: tuple[int, ...]  # indices into the speaker's segments


@step("references", version=2)
def references(work: Work, vocals: Sound | Stem, transcript: Transcript, job: ReferenceJob) -> References:
    """The best cut of each speaker's voice, as 24-bit mono WAV files at the rate of `vocals`.

    Only lines in which nobody else speaks are read, one at a time.

    Raises:
        InvalidJob: lengths that cannot be.
        ValidationError, AudioProcessingError: the sound cannot be read.
        StorageFull: the disk is full.
        Cancelled: the report asked to stop.
    """
    if not 0.5 <= job.shortest <= job.longest <= 60:
        raise InvalidJob(
            f"references of {job.shortest:g} to {job.longest:g} s", hint="Give 0.5 to 60, such as 3 to 12."
        )
    path = work.open(vocals.path)
    spoken: dict[str, list[Segment]] = defaultdict(list)
    for segment in transcript.segments:
        if segment.speaker != UNKNOWN and segment.text.strip():
            spoken[segment.speaker].append(segment)
    speakers = [who for who in sorted(spoken) if not job.speakers or who in job.speakers]
    cuts: dict[str, Reference] = {}
    missing = {who: "speaks nowhere in this programme" for who in job.speakers if who not in spoken}
    for count, who in enumerate(speakers):
        work.report(count, len(speakers))
        busy = _others(who, transcript, job.turns)
        alone = [part for s in spoken[who] for part in _clear(s, busy, bool(job.turns))]

        def tick(at: int = count) -> None:
            work.report(at, len(speakers))

        best, why = _best(path, vocals, alone, busy, job, tick)
        if best is None:
            missing[who] = why
            continue
        name = f"{len(cuts):03d}.wav"
        start, end = _edges(best, transcript, vocals.frames / vocals.rate)
        _write(path, vocals.rate, vocals.frames, start, end, work.folder / name)
        cuts[who] = Reference(
            path=work.result(name),
            text=" ".join(best.text.split()),
            sha256=checksum(work.folder / name),
            start=round(start, 3),
            seconds=round(end - start, 3),
        )
    work.report(len(speakers), len(speakers))
    work.facts.update({"cut": len(cuts), "missing": len(missing)})
    for who, why in missing.items():
        work.note(f"{transcript.name_of(who)} has no reference to clone: {why}", warn=True)
    return References(cuts=cuts, missing=missing)


def _best(
    path: Path,
    vocals: Sound | Stem,
    alone: Sequence[Segment],
    busy: Sequence[Span],
    job: ReferenceJob,
    tick: Tick,
) -> tuple[_Cut | None, str]:
    """The best cut of these lines, or why none will do."""
    cuts = list(_candidates(alone, busy, job))
    if not cuts:
        longest = max((s.end - s.start for s in alone), default=0.0)
        said = f"at most {longest:.1f} s at once" if longest else "never"
        return None, f"speaks alone {said}; a reference takes {job.shortest:g} s"
    heard = []
    for segment in alone:
        tick()
        heard.append(_measured(path, vocals.rate, vocals.frames, segment))
    voiced = [h.level for h in heard if h.level > DEAF]
    if not voiced:
        return None, "the stem of the voices is silent where the speaker speaks"
    usual = float(np.median(voiced))
    scored = [(_cost(cut, [heard[n] for n in cut.lines], usual), cut.start, cut) for cut in cuts]
    usable = [entry for entry in scored if math.isfinite(entry[0])]
    if not usable:
        return None, "no line is both unclipped and clear of other sound"
    return min(usable, key=lambda entry: entry[:2])[2], ""


def _candidates(alone: Sequence[Segment], busy: Sequence[Span], job: ReferenceJob) -> Iterator[_Cut]:
    """Every run of lines of fitting length, and long lines cut off after a word."""
    for first, segment in enumerate(alone):
        if segment.end - segment.start > job.longest:
            words = [w for w in segment.words if w.end - segment.start <= job.longest]
            if words and words[-1].end - segment.start >= job.shortest:
                text = " ".join(word.text.strip() for word in words)
                yield _Cut(segment.start, words[-1].end, text, _sureness([segment]), (first,))
            continue
        for last in range(first, len(alone)):
            if last > first and not 0 <= alone[last].start - alone[last - 1].end <= JOIN:
                break
            if alone[last].end - segment.start > job.longest:
                break
            if _within(segment.start, alone[last].end, busy):
                break
            if alone[last].end - segment.start >= job.shortest:
                run = alone[first : last + 1]
                text = " ".join(s.text for s in run)
                yield _Cut(
                    segment.start, alone[last].end, text, _sureness(run), tuple(range(first, last + 1))
                )


def _sureness(segments: Sequence[Segment]) -> float:
    """Mean confidence of the words, 0 to 1; 1 where the recognizer tells none."""
    confidences = [s.confidence for s in segments if s.confidence is not None]
    return sum(confidences) / len(confidences) if confidences else 1.0


def _cost(cut: _Cut, heard: Sequence[_Heard], usual: float) -> float:
    """How far a cut is from the best: points, about one for each second that it is too short. Infinite where
    it cannot be used."""
    level = float(np.mean([h.level for h in heard]))
    clear = min(h.level - h.quiet for h in heard)
    if max(h.peak for h in heard) >= FULL or min(h.level for h in heard) <= DEAF or clear < LEAST_CLEAR:
        return math.inf
    short = max(0.0, IDEAL - (cut.end - cut.start))
    return round(short + 0.5 * abs(level - usual) + 0.2 * max(0.0, CLEAR - clear) + 6.0 * (1.0 - cut.sure), 6)


def _measured(path: Path, rate: int, frames: int, segment: Segment) -> _Heard:
    """A line's level, the level of the quiet in and around it, and its peak. Memory: two seconds of sound."""
    size = max(1, round(FRAME * rate))
    start = max(0, round((segment.start - AROUND) * rate))
    stop = min(frames, round((segment.end + AROUND) * rate))
    if stop - start < size:
        return _Heard(-math.inf, -math.inf, 0.0)
    powers, peak = [], 0.0
    for block in read_blocks(path, 100 * size, start, stop):
        sound = mono(block)
        peak = max(peak, float(np.abs(block).max()))
        whole = len(sound) // size * size
        powers.append((sound[:whole].reshape(-1, size) ** 2).mean(axis=1))
    decibels = 10 * np.log10(np.concatenate(powers) + 1e-12)
    before = round((segment.start * rate - start) / size)
    inner = decibels[before : before + max(1, round((segment.end - segment.start) / FRAME))]
    loud = inner if len(inner) else decibels
    # The voice is the upper half of the frames: pauses within a line are no part of its level.
    return _Heard(
        float(np.mean(loud[loud >= np.percentile(loud, _SPEECH)])),
        max(float(np.percentile(decibels, _QUIET)), -90.0),
        peak,
    )


def _others(who: str, transcript: Transcript, turns: Sequence[Turn]) -> list[Span]:
    """When somebody else speaks, a little more on both sides: spans in order that do not touch."""
    names = {speaker.label: speaker.id for speaker in transcript.speakers if speaker.label}
    spans = [(s.start, s.end) for s in transcript.segments if s.speaker != who]
    # A label that nobody has is of no use: it may be a voice that was joined to this one by hand.
    spans += [(t.start, t.end) for t in turns if names.get(t.speaker, who) != who]
    return merged((start - APART, end + APART) for start, end in spans)


def _within(start: float, end: float, busy: Sequence[Span]) -> list[Span]:
    """Those of the spans that reach into a time."""
    first = bisect.bisect_right(busy, start, key=lambda span: span[1])
    last = bisect.bisect_left(busy, end, key=lambda span: span[0])
    return list(busy[first:last])


def _clear(segment: Segment, busy: Sequence[Span], heard: bool) -> list[Segment]:
    """The parts of a line in which nobody else speaks: whole, or cut between words where it has them.

    `heard`: `busy` knows about everybody, so that a line marked as overlapped without one is not.
    """
    disturbed = _within(segment.start, segment.end, busy)
    if not disturbed:
        return [segment] if heard or not segment.overlap else []
    parts: list[Segment] = []
    edges = [segment.start, *(edge for span in disturbed for edge in span), segment.end]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        words = tuple(word for word in segment.words if start <= word.start and word.end <= end)
        if words:
            text = " ".join(word.text.strip() for word in words)
            times = {"start": words[0].start, "end": words[-1].end}
            parts.append(structs.replace(segment, text=text, words=words, **times))
    return parts


def _edges(cut: _Cut, transcript: Transcript, duration: float) -> tuple[float, float]:
    """A cut with a little of the silence around it; where a line goes on, or the next one is near, less."""
    near = [s for s in transcript.segments if s.start < cut.end + 2 * EDGE and s.end > cut.start - 2 * EDGE]
    goes_on = any(s.start < cut.end - 1e-6 and s.end > cut.end + 1e-6 for s in near)
    came = any(s.end > cut.start + 1e-6 and s.start < cut.start - 1e-6 for s in near)
    before = min((cut.start - s.end for s in near if s.end <= cut.start + 1e-6), default=math.inf)
    after = min((s.start - cut.end for s in near if s.start >= cut.end - 1e-6), default=math.inf)
    room = 0.0 if came else max(0.0, min(EDGE, before / 2))
    rest = 0.0 if goes_on else max(0.0, min(EDGE, after / 2))
    return max(0.0, cut.start - room), min(duration, cut.end + rest)


def _write(path: Path, rate: int, frames: int, start: float, end: float, target: Path) -> None:
    """A stretch as mono, faded at both ends so that it does not click."""
    first, stop = round(start * rate), min(round(end * rate), frames)
    sound = mono(np.concatenate([*read_blocks(path, start=first, stop=stop)], axis=1))
    place = np.arange(len(sound))
    gain = np.clip(np.minimum(place + 1, len(sound) - place) / max(1, round(FADE * rate)), 0.0, 1.0)
    with SoundWriter(target, rate, 1, len(sound)) as file:
        file.write((sound * gain).astype(np.float32)[None])

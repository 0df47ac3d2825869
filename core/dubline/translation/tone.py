"""How each segment is spoken: louder, higher or faster than its speaker's median.

Measured on the voices alone, so that music counts for nothing. Every figure is a difference from the same
speaker's median: how near somebody stood to the microphone, or how high the voice is by nature, drops out.

Level     mean power of the 50 ms frames that lie within 20 dB of the loudest tenth, in dB.
Pitch     median fundamental frequency of the voiced 10 ms frames, in semitones.
Rate      letters of the source text a second, as a ratio. Letters, since syllables can be counted in a few
          languages only; against the same speaker's own median the two agree closely enough.

A speaker with fewer than four measurable segments has no median worth the name: his figures stay None and
his tags empty. Where two people speak at once, level and pitch belong to neither and stay None.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dubline.media.sound import open_sound, read_blocks
from dubline.report import Report, silent
from dubline.run import Work, step
from dubline.signal.pitch import STEP, pitches, praat
from dubline.values.base import Value
from dubline.values.media import Sound
from dubline.values.transcript import UNKNOWN, Segment, Transcript
from dubline.values.translated import Tone

FRAME = 0.05  # seconds
GATE = 20.0  # dB under the loudest tenth: below lie pauses and what the separation left over
FLOOR = -60.0  # dBFS; nothing below is speech
PIECE = 10.0  # seconds read at once
LEAST_SPEECH = 0.2  # seconds above the gate
LEAST_VOICED = 0.1  # seconds with a pitch
LEAST_LETTERS = 8  # in fewer, one drawn-out vowel decides
LEAST_SEGMENTS = 4

# Dubline's own choice, not a published scale: well beyond what nobody means anything by. The unchanged lines
# of the two readers in tests/core/test_tone.py's scene (seven, uncut) lie within 1.1 dB and 2.6 semitones of
# their median.
LOUD, SHOUTED = 6.0, 12.0  # dB
HIGH = 4.0  # semitones
FAST, SLOW = 1.4, 0.65  # times; letters a second scatter more than level does, as words differ
UNVOICED = 0.2  # share of voiced frames under which a quiet line is whispered: whispers have no pitch


class Tones(Value, frozen=True):
    """The tone of each segment, by id. `measured` counts those with at least one figure."""

    tones: dict[int, Tone]
    measured: int = 0


class Heard(NamedTuple):
    """What was measured on one segment, still absolute: dBFS, semitones above 1 Hz, letters a second, share
    of the speech that is voiced."""

    level: float | None = None
    pitch: float | None = None
    rate: float | None = None
    voiced: float | None = None


@step("tone", version=1)
def tones(work: Work, sound: Sound, transcript: Transcript) -> Tones:
    """Measure every segment of a transcript on the sound of the voices.

    Raises:
        BackendMissing: Parselmouth is not installed.
        ValidationError, AudioProcessingError: the sound cannot be read.
        Cancelled: the report asked to stop.
    """
    by_segment = measure(work.open(sound.path), transcript.segments, work.report)
    few = _speakers_with_few(transcript.segments)
    if few:
        names = ", ".join(transcript.name_of(speaker) for speaker in few)
        work.note(f"too few lines to tell a tone (under {LEAST_SEGMENTS}): {names}")
    measured = sum((t.level, t.pitch, t.rate) != (None, None, None) for t in by_segment.values())
    return Tones(tones=by_segment, measured=measured)


def measure(path: Path, segments: Sequence[Segment], report: Report = silent) -> dict[int, Tone]:
    """Segment id -> how it is spoken against its speaker's median. Memory does not grow with the sound.

    `path`: a sound file of the voices, on the segments' clock, of any rate and number of channels. What lies
    outside it counts as silence. `report` counts segments.

    Raises:
        BackendMissing: Parselmouth is not installed.
        ValidationError, AudioProcessingError: the file cannot be read.
    """
    praat("the tone of voice")
    heard: dict[int, Heard] = {}
    for count, segment in enumerate(segments):
        report(count, len(segments))
        heard[segment.id] = _hear(path, segment)
    report(len(segments), len(segments))
    speakers = {segment.id: segment.speaker for segment in segments}
    medians = {speaker: _medians(heard, speakers, speaker) for speaker in set(speakers.values())}
    return {number: _against(own, medians[speakers[number]]) for number, own in heard.items()}


def tag(level: float | None, pitch: float | None, rate: float | None, *, voiced: float | None = None) -> str:
    """The words for a tone, in this order and separated by ", "; "" is the usual tone.

        shouted     12 dB louder or more, or 6 dB and 4 semitones at once: effort raises both
        loud        6 dB louder or more
        whispered   6 dB quieter or more, and less than a fifth of it voiced
        quiet       6 dB quieter or more
        high, low   4 semitones or more
        fast, slow  1.4 times the letters a second or more; 0.65 times or fewer

    `level` dB, `pitch` semitones, `rate` a ratio, all against the speaker's median, None where not measured;
    `voiced`: share of the speech that has a pitch, 0..1.
    """
    words = []
    up = pitch is not None and pitch >= HIGH
    if level is not None and level >= LOUD:
        words.append("shouted" if level >= SHOUTED or up else "loud")
    elif level is not None and level <= -LOUD:
        words.append("whispered" if voiced is not None and voiced < UNVOICED else "quiet")
    if pitch is not None and abs(pitch) >= HIGH:
        words.append("high" if up else "low")
    if rate is not None and (rate >= FAST or rate <= SLOW):
        words.append("fast" if rate >= FAST else "slow")
    return ", ".join(words)


# --- against the median ------------------------------------------------------------------------


def _medians(heard: dict[int, Heard], speakers: dict[int, str], speaker: str) -> Heard:
    own = [one for number, one in heard.items() if speakers[number] == speaker]

    def middle(name: str) -> float | None:
        values = [value for one in own if (value := getattr(one, name)) is not None]
        return median(values) if speaker != UNKNOWN and len(values) >= LEAST_SEGMENTS else None

    return Heard(middle("level"), middle("pitch"), middle("rate"))


def _against(own: Heard, usual: Heard) -> Tone:
    level = _less(own.level, usual.level)
    pitch = _less(own.pitch, usual.pitch)
    rate = None if own.rate is None or not usual.rate else own.rate / usual.rate
    words = tag(level, pitch, rate, voiced=own.voiced)
    return Tone(level=_tidy(level, 1), pitch=_tidy(pitch, 1), rate=_tidy(rate, 2), tag=words)


def _less(value: float | None, usual: float | None) -> float | None:
    return None if value is None or usual is None else value - usual


def _tidy(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) + 0.0  # no "-0.0" in a file


def _speakers_with_few(segments: Iterable[Segment]) -> list[str]:
    counts = Counter(segment.speaker for segment in segments)
    return sorted(s for s, count in counts.items() if s != UNKNOWN and count < LEAST_SEGMENTS)


# --- one segment -------------------------------------------------------------------------------


def _hear(path: Path, segment: Segment) -> Heard:
    rate = _letters_a_second(segment)
    if segment.overlap:
        return Heard(rate=rate)
    powers, heard = [], []
    for block, hertz in _pieces(path, segment):
        if not np.isfinite(block).all():
            return Heard(rate=rate)
        powers.append(_frame_powers(block, hertz))
        heard.append(pitches(block, hertz))
    if not powers:
        return Heard(rate=rate)
    level, seconds = _gated_level(np.concatenate(powers))
    if level is None:
        return Heard(rate=rate)
    frequencies = np.concatenate(heard)
    voiced = frequencies[frequencies > 0]
    pitch = 12 * math.log2(float(np.median(voiced))) if len(voiced) * STEP >= LEAST_VOICED else None
    return Heard(level, pitch, rate, min(1.0, len(voiced) * STEP / seconds))


def _pieces(path: Path, segment: Segment) -> Iterable[tuple[NDArray[np.float32], int]]:
    sound = open_sound(path)
    start = min(max(0, round(segment.start * sound.rate)), sound.frames)
    stop = min(max(start, round(segment.end * sound.rate)), sound.frames)
    if stop > start:
        for block in read_blocks(path, max(1, round(PIECE * sound.rate)), start, stop):
            yield block, sound.rate


def _frame_powers(block: NDArray[np.float32], hertz: int) -> NDArray[np.float64]:
    """Mean power of each whole 50 ms frame, over all channels; the power, so that no phase cancels it."""
    size = max(1, round(FRAME * hertz))
    count = block.shape[1] // size
    frames = block[:, : count * size].astype(np.float64).reshape(len(block), count, size)
    powers: NDArray[np.float64] = (frames**2).mean(axis=(0, 2))
    return powers


def _gated_level(powers: NDArray[np.float64]) -> tuple[float | None, float]:
    """(dB of the speech, its seconds); None where there is too little of it."""
    if not len(powers):
        return None, 0.0
    top = float(np.quantile(powers, 0.9))
    gate = max(top * 10 ** (-GATE / 10), 10 ** (FLOOR / 10))
    speech = powers[powers > gate]
    seconds = len(speech) * FRAME
    if seconds < LEAST_SPEECH - 1e-9:
        return None, seconds
    return 10 * math.log10(float(speech.mean())), seconds


def _letters_a_second(segment: Segment) -> float | None:
    """Letters and digits a second of speech; the pauses between words count, as they do for a dub."""
    letters = sum(letter.isalnum() for letter in segment.text)
    timed = [word for word in segment.words if not word.estimated]
    start, end = segment.start, segment.end
    if timed and len(timed) == len(segment.words):
        start, end = timed[0].start, timed[-1].end
    return letters / (end - start) if letters >= LEAST_LETTERS and end - start >= LEAST_SPEECH else None

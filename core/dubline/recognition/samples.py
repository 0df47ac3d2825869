"""A sample of each speaker: up to three clips in which nobody else speaks, cut at full quality."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from dubline.files import full_disk_is_told
from dubline.media.sound import SoundWriter, Subtype, open_sound, read_blocks, system_name
from dubline.recognition.intervals import Intervals
from dubline.recognition.publish import sample_files
from dubline.recognition.speaker_log import Span, spans_of
from dubline.values.transcript import Segment, Transcript, Turn

CLIPS = 3
LONGEST = 5.0
"""Seconds in a clip at most."""
PAUSE = 0.3
"""Seconds of silence between two clips."""
FADE = 0.005
"""Seconds in which a clip's ends are faded, so that they do not click."""


def sample_clips(transcript: Transcript, speaker: str, turns: Iterable[Turn] = ()) -> tuple[Span, ...]:
    """The best clips of a speaker, in order of time: the longest, each at most 5 s, cut between words.

    No clip holds speech of others, in segments or in `turns` (of other labels than the speaker's own).
    Empty where there is no such clip.
    """
    own = [s for s in transcript.segments if s.speaker == speaker]
    label = next((s.label for s in transcript.speakers if s.id == speaker), "")
    others = [*spans_of(s for s in transcript.segments if s.speaker != speaker)]
    if label:
        theirs = {s.label for s in transcript.speakers if s.id != speaker and s.label}
        mine = Intervals(spans_of(own))
        # A label that nobody has any more was merged into somebody: here, if it speaks in these segments.
        others += [
            (t.start, t.end)
            for t in turns
            if t.speaker in theirs or (t.speaker != label and mine.share(t.start, t.end) < 0.5)
        ]
    busy = Intervals(others)
    candidates: list[Span] = []
    for segment in own:
        candidates += _runs(segment, busy)
    chosen: list[Span] = []
    for start, end in sorted(candidates, key=lambda c: (c[0] - c[1], c[0])):
        if all(end <= a or b <= start for a, b in chosen):
            chosen.append((start, end))
        if len(chosen) == CLIPS:
            break
    return tuple(sorted(chosen))


def _runs(segment: Segment, busy: Intervals) -> list[Span]:
    """All stretches of whole words, as long as 5 s allow, in which nobody else speaks."""
    if not segment.words:
        end = min(segment.end, segment.start + LONGEST)
        return [(segment.start, end)] if busy.share(segment.start, end) == 0 else []
    runs: list[Span] = []
    first = 0
    for last, word in enumerate(segment.words):
        if word.end - word.start > LONGEST or busy.share(word.start, word.end) > 0:
            first = last + 1
            continue
        while word.end - segment.words[first].start > LONGEST or (
            busy.share(segment.words[first].start, word.end) > 0
        ):
            first += 1
        runs.append((segment.words[first].start, word.end))
    return runs


def write_samples(
    transcript: Transcript, source: Path, folder: Path, turns: Iterable[Turn] = ()
) -> dict[str, Path]:
    """Write `folder`/SPEAKER_00.wav and so on from the sound file `source`: rate and channels as they are.

    Returns speaker's id -> file, without those who never speak alone. Samples of speakers who are no more
    are removed.

    Raises:
        StorageFull: the disk is full.
        AudioProcessingError: the sound cannot be read or a sample not be written.
    """
    turns = tuple(turns)
    sound = open_sound(source)
    written: dict[str, Path] = {}
    pause = round(PAUSE * sound.rate)
    with full_disk_is_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for speaker in transcript.speakers:
            clips = sample_clips(transcript, speaker.id, turns)
            places = [(round(a * sound.rate), min(round(b * sound.rate), sound.frames)) for a, b in clips]
            places = [(a, b) for a, b in places if a < b]
            # The id comes from a file: it must not lead out of the folder.
            if not places or not re.fullmatch(r"SPEAKER_\d{1,9}", speaker.id):
                continue
            target = folder / f"{speaker.id}.wav"
            total = sum(b - a for a, b in places) + pause * (len(places) - 1)
            with SoundWriter(
                target, sound.rate, sound.channels, total, _subtype(source), layout=sound.layout
            ) as out:
                for number, (a, b) in enumerate(places):
                    if number:
                        out.write(np.zeros((sound.channels, pause), np.float32))
                    out.write(_clip(source, a, b, round(FADE * sound.rate)))
            written[speaker.id] = target
        for path in sample_files(folder):
            if path not in written.values():
                path.unlink()
    return written


def _subtype(source: Path) -> Subtype:
    return "FLOAT" if soundfile.info(system_name(source)).subtype in ("FLOAT", "DOUBLE") else "PCM_24"


def _clip(source: Path, start: int, stop: int, fade: int) -> NDArray[np.float32]:
    """(channels, n) samples with faded ends."""
    sound = np.concatenate(list(read_blocks(source, start=start, stop=stop)), axis=1)
    fade = min(fade, sound.shape[1] // 2)
    ramp = (np.arange(fade, dtype=np.float32) + 0.5) / max(fade, 1)
    sound[:, :fade] *= ramp
    sound[:, sound.shape[1] - fade :] *= ramp[::-1]
    return sound

"""Turns that somebody has written already, in the place of a diarizer's: who speaks when, from an RTTM."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.media.speech import RATE
from dubline.recognition.stage import DiarizationJob, Diarized, SpeechFile
from dubline.report import quantity
from dubline.run import Work, step
from dubline.values.base import Choice, Value
from dubline.values.transcript import Engine, Turn

TURNS = DiarizationJob(diarizer=Choice(backend="turns"))
"""What stands where a run keeps its diarizer."""


class GivenTurns(Value, frozen=True):
    """Turns in seconds, as a file has them."""

    turns: tuple[Turn, ...]


@step("take_turns", version=1)
def take_turns(work: Work, heard: SpeechFile, job: DiarizationJob, given: GivenTurns) -> Diarized:
    """Turns of a file, within the sound; nothing is listened to. `job` is `TURNS`.

    Raises:
        InvalidJob: all lie behind the end of the sound.
    """
    length = heard.frames / RATE
    turns = tuple(
        structs.replace(turn, end=min(turn.end, length))
        for turn in given.turns
        if turn.start < min(turn.end, length)
    )
    if not turns:
        raise InvalidJob(
            f"none of the {len(given.turns)} turns lies inside the sound, which is {length:.1f} s long",
            hint="Check that the file belongs to this film, and that its times count from 0.",
        )
    if len(turns) < len(given.turns):
        late = quantity(len(given.turns) - len(turns), "turn")
        work.note(f"left out: {late} behind the end of the sound")
    return Diarized(
        turns=turns,
        exclusive=alone(turns),
        engine=Engine(choice=job.diarizer),
        notes=tuple(work.notes),
    )


def alone(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The times in which one speaker alone is heard, in order."""
    edges = sorted({time for turn in turns for time in (turn.start, turn.end)})
    order = sorted(turns, key=lambda turn: turn.start)
    made: list[Turn] = []
    running: list[Turn] = []
    at = 0
    for start, end in pairwise(edges):
        while at < len(order) and order[at].start <= start:
            running.append(order[at])
            at += 1
        running = [turn for turn in running if turn.end > start]
        speakers = {turn.speaker for turn in running}
        if len(speakers) != 1:
            continue
        (speaker,) = speakers
        if made and made[-1].speaker == speaker and made[-1].end == start:
            made[-1] = structs.replace(made[-1], end=end)
        else:
            made.append(Turn(start=start, end=end, speaker=speaker))
    return tuple(made)

"""Who says the cues of a given text: whom the text names, else the voice that is heard then."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from dubline.errors import InvalidJob
from dubline.recognition.alignment import AlignedCue
from dubline.recognition.cutting import Piece
from dubline.recognition.given_text import PlacedText
from dubline.recognition.segments import OWN_ID, numbered
from dubline.recognition.stage import Diarized, tell_dropped
from dubline.recognition.words import TimedWord, in_order, likely_length
from dubline.run import Work, step
from dubline.values.transcript import UNKNOWN, DroppedSegment, Transcript, Turn, milliseconds

TOLERANCE = 0.5
"""Seconds: a cue in which nobody is heard belongs to the nearest voice up to this far away."""
TWO_SHARE, TWO_SECONDS = 0.25, 0.4
"""A second voice counts if it has this share of what is spoken in a cue, and this many seconds."""
NAMED = 2 / 3
"""A voice takes a name if this much of its time in cues with names has that name."""


@step("attribute", version=1)
def attribute_text(work: Work, placed: PlacedText, speakers: Diarized, duration: float) -> Transcript:
    """A transcript of `duration` seconds with one segment a cue, its text to the letter.

    A cue belongs to whom it names, else to the voice that shares most time with it, else to the nearest
    within `TOLERANCE`, else to nobody (flag no_speaker). A voice that is named in most of its cues has that
    name in the others too. Cues that hold two people stay one segment (flag two_speakers). Cues of one
    speaker follow each other: one ends where the next begins, and those that begin together share the time.

    Raises:
        InvalidJob: no cue lies where somebody speaks.
    """
    turns = _Turns(speakers)
    heard = [turns.shares(cue.start, cue.end) for cue in placed.cues]
    if not any(heard):
        what = "no cue lies where somebody speaks" if speakers.turns else "nobody speaks in this sound"
        raise InvalidJob(
            f"{what}: text and sound do not belong together",
            hint="Check the file, the audio track, and whether the times count from 0 (--text-offset).",
        )
    named = _named_voices(placed.cues, heard)
    for voice, name in sorted(named.items()):
        work.note(f"the voice {voice} is {name}, as cues say that name it")
    names = dict(speakers.names)
    lines: dict[str, list[_Line]] = defaultdict(list)
    for cue, shares, count, flags in zip(placed.cues, heard, placed.voices, placed.flags, strict=True):
        voice = max(shares, key=lambda v: (shares[v], v)) if shares else UNKNOWN
        name = cue.speaker or named.get(voice, "")
        label = f"text:{name}" if name else voice
        if name and not OWN_ID.fullmatch(label):
            names[label] = name
        two = count > 1 or (not cue.speaker and turns.two(cue.start, cue.end))
        # The shortest cue has a millisecond, unless the programme ends before.
        start, last = milliseconds(cue.start), milliseconds(duration)
        end = min(max(milliseconds(cue.end), start + 1), last)
        lines[label].append(_Line(start, end, cue, [*flags, *["two_speakers"] * two]))
    pieces: list[Piece] = []
    dropped = list(placed.dropped)
    for label, mine in lines.items():
        placed_lines, without = _one_after_another(mine)
        pieces += [_piece(label, line) for line in placed_lines]
        dropped += without
    segments, voices = numbered(pieces, names)
    transcript = Transcript(
        language=placed.language,
        duration=milliseconds(duration) / 1000,
        segments=segments,
        speakers=voices,
        recognizer=placed.recognizer,
        diarizer=speakers.engine,
        dropped=tuple(sorted(dropped, key=lambda d: d.start or 0.0)),
        more=placed.more,
    )
    tell_dropped(transcript, work)
    for flag, what in (("two_speakers", "hold more than one speaker"), ("no_speaker", "have no speaker")):
        count = sum(flag in segment.flags for segment in segments)
        if count:
            work.note(f"{count} of {len(segments)} cues {what} (flag {flag})")
    return transcript


@dataclass(slots=True)
class _Line:
    """A cue on its way to a segment, in milliseconds. `cut` tells that its end is not its own."""

    start: int
    end: int
    cue: AlignedCue
    flags: list[str] = field(default_factory=list)
    cut: bool = False


class _Turns:
    """A diarizer's turns, to be asked what a span of seconds shares with them."""

    def __init__(self, speakers: Diarized) -> None:
        self._turns = sorted(speakers.turns, key=lambda t: t.start)
        self._alone = sorted(speakers.exclusive, key=lambda t: t.start)

    def shares(self, start: float, end: float) -> dict[str, float]:
        """Voice -> seconds shared; else the nearest voice within `TOLERANCE`, with next to no time."""
        shared = _shared(self._turns, start, end)
        if shared:
            return shared
        near = _shared(self._turns, start - TOLERANCE, end + TOLERANCE)
        return {max(near, key=lambda v: (near[v], v)): 1e-9} if near else {}

    def two(self, start: float, end: float) -> bool:
        """Whether a second voice clearly has a part of its own."""
        shares = sorted(_shared(self._alone, start, end).values(), reverse=True)
        return len(shares) > 1 and shares[1] >= max(TWO_SECONDS, TWO_SHARE * sum(shares))


def _shared(turns: Sequence[Turn], start: float, end: float) -> dict[str, float]:
    """Voice -> seconds of its turns (in order of start) between two times."""
    seconds: dict[str, float] = defaultdict(float)
    for turn in turns[: bisect_left(turns, end, key=lambda t: t.start)]:
        if turn.end > start:
            seconds[turn.speaker] += min(turn.end, end) - max(turn.start, start)
    return dict(seconds)


def _named_voices(cues: Sequence[AlignedCue], heard: Sequence[dict[str, float]]) -> dict[str, str]:
    """Voices that cues with names belong to -> the name that has most of their time."""
    votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for cue, shares in zip(cues, heard, strict=True):
        for voice, seconds in shares.items() if cue.speaker else ():
            votes[voice][cue.speaker] += seconds
    named = {}
    for voice, names in votes.items():
        best = max(names, key=lambda n: (names[n], n))
        if names[best] >= NAMED * sum(names.values()):
            named[voice] = best
    return named


def _one_after_another(lines: list[_Line]) -> tuple[list[_Line], list[DroppedSegment]]:
    """One speaker's lines, none into the next; and those for which not a millisecond is left."""
    lines = sorted(lines, key=lambda line: line.start)
    kept: list[_Line] = []
    dropped: list[DroppedSegment] = []
    at = 0
    while at < len(lines):
        upto = at + 1
        while upto < len(lines) and lines[upto].start == lines[at].start:
            upto += 1
        group, start = lines[at:upto], lines[at].start
        end = max(line.end for line in group)
        end = min(end, lines[upto].start) if upto < len(lines) else end
        room = max(0, end - start)
        for line in group[room:]:
            dropped.append(
                DroppedSegment(
                    reason="no_room",
                    text=line.cue.text,
                    start=line.cue.start,
                    end=line.cue.end,
                    detail="another cue of the same speaker, or the programme's end, leaves no time",
                )
            )
        group = group[:room]
        lengths = [likely_length(line.cue.text) for line in group]
        edge = start
        for number, line in enumerate(group):
            # At least a millisecond is left for each line that follows.
            share = round(room * sum(lengths[: number + 1]) / sum(lengths))
            stop = min(max(start + share, edge + 1), end - (len(group) - number - 1))
            stop = min(line.end, stop) if len(group) == 1 else stop
            line.cut = (line.start, line.end) != (edge, stop)
            line.start, line.end = edge, stop
            kept.append(line)
            edge = stop
        at = upto
    return kept, dropped


def _piece(label: str, line: _Line) -> Piece:
    """A line as a segment to be: its words brought inside its time, its text as it is."""
    words = [
        TimedWord(
            text=word.text,
            start=_within(word.start, line),
            end=_within(word.end, line),
            confidence=word.confidence,
            speaker=label,
            estimated=word.estimated or line.cut,
        )
        for word in line.cue.words
    ]
    if not words or len(words) > line.end - line.start:
        words = [TimedWord(line.cue.text, line.start, line.end, None, label, estimated=True)]
    words, _ = in_order(words, line.end)
    # The segment begins and ends with its cue, whatever was found of its words.
    words[0].start, words[-1].end = line.start, line.end
    return Piece(label, words, line.cue.text, list(line.flags), line.cue.more)


def _within(seconds: float | None, line: _Line) -> int:
    return min(max(milliseconds(seconds or 0.0), line.start), line.end)

"""Words into segments: who said what, in pieces that can be read, translated and spoken.

    words                          ->  timed words   every word has times and a speaker (`words`)
    one speaker's words            ->  pieces        cut where a person would cut them (`cutting`)
    pieces                         ->  segments      in order, overlaps marked, speakers named

The result depends on the words, the turns and the rules alone: cutting a transcript's words again by the
same rules gives it back.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import cast

import msgspec
from msgspec import UNSET

from dubline.errors import InvalidJob
from dubline.recognition.cutting import Cutter, Piece, SegmentRules
from dubline.recognition.intervals import overlapping
from dubline.recognition.known_phrases import NOTES
from dubline.recognition.words import TimedWord, assign, in_order, timed_words, turns_in_order
from dubline.values.transcript import (
    DOUBTFUL,
    UNKNOWN,
    DroppedSegment,
    Engine,
    HeardWord,
    Segment,
    Speaker,
    Transcript,
    Turn,
    Word,
    milliseconds,
)

OWN_ID = re.compile(r"text:(SPEAKER_\d{2,4})")
"""The label of a speaker whom a given text calls by an id of ours."""


def segment(
    words: Iterable[HeardWord],
    turns: Iterable[Turn] | None = None,
    *,
    duration: float,
    language: str = "",
    rules: SegmentRules | None = None,
    dropped: Iterable[DroppedSegment] = (),
    recognizer: Engine | None = None,
    diarizer: Engine | None = None,
    names: Mapping[str, str] | None = None,
) -> Transcript:
    """The transcript of a programme of `duration` seconds.

    `words` come in reading order. `turns` is what a diarizer heard, None without one: then everybody is
    SPEAKER_00. `dropped` is what filters left out before. `names`: label -> a person's name, where the label
    does not tell it. Every word ends up in one segment or in `dropped`.

    Raises:
        InvalidJob: an impossible duration or turn.
    """
    if not 0 <= duration < math.inf:
        raise InvalidJob(f"a programme of {duration} s", hint="Give its length in seconds.")
    rules = rules or SegmentRules()
    length = milliseconds(duration)
    timed, lost = timed_words(words, length)
    spoken_turns = turns_in_order(turns or ())
    if turns is None:
        for word in timed:
            word.speaker = "SPEAKER_00" if word.speaker is None else word.speaker
    else:
        assign(timed, spoken_turns, milliseconds(rules.tolerance))
    voices: dict[str, list[TimedWord]] = defaultdict(list)
    for word in timed:
        voices[cast(str, word.speaker)].append(word)
    for speaker in voices:
        voices[speaker], without = in_order(voices[speaker], length)
        lost += [_no_room(word) for word in without]
    cutter = Cutter(voices, spoken_turns, rules, language)
    segments, speakers = numbered(
        [piece for speaker in voices for piece in cutter.pieces(speaker)], names or {}
    )
    return Transcript(
        language=language,
        duration=length / 1000,
        segments=segments,
        speakers=speakers,
        recognizer=recognizer,
        diarizer=diarizer,
        dropped=tuple(sorted([*dropped, *lost], key=lambda d: math.inf if d.start is None else d.start)),
    )


def resegment(
    transcript: Transcript, turns: Iterable[Turn] = (), *, rules: SegmentRules | None = None
) -> Transcript:
    """The same words cut by other rules. Speakers, names and what was dropped stay.

    `turns` (speakers by id or label) say where others speak without words. Edited texts are lost: segments
    are made of their words.
    """
    ids = {s.label: s.id for s in transcript.speakers if s.label}
    again = segment(
        [
            HeardWord(
                **msgspec.structs.asdict(w), speaker=s.speaker, language=s.language, doubt=s.doubt or ""
            )
            for s in transcript.segments
            for w in s.words
        ],
        [msgspec.structs.replace(t, speaker=ids.get(t.speaker, t.speaker)) for t in turns],
        duration=transcript.duration,
        language=transcript.language,
        rules=rules,
        dropped=transcript.dropped,
        recognizer=transcript.recognizer,
        diarizer=transcript.diarizer,
    )
    before = {s.id: s for s in transcript.speakers}
    return msgspec.structs.replace(
        again,
        speakers=tuple(
            msgspec.structs.replace(before[s.label], id=s.id, seconds=s.seconds) if s.label in before else s
            for s in again.speakers
        ),
    )


def _no_room(word: TimedWord) -> DroppedSegment:
    return DroppedSegment(
        reason="no_room",
        text=word.text,
        start=word.start / 1000,
        end=word.end / 1000,
        detail="the speaker has more words than the programme has milliseconds",
        words=(HeardWord(text=word.text, confidence=word.confidence, speaker=word.speaker),),
    )


def numbered(
    pieces: list[Piece], names: Mapping[str, str]
) -> tuple[tuple[Segment, ...], tuple[Speaker, ...]]:
    """Pieces of all speakers -> segments in order of start, and their speakers by first appearance, named by
    `names` (label -> name) or, where that has none, by the label."""
    # Where two begin and end together their labels decide who is first, and from then on their numbers.
    # Who is called so in a given text stays so.
    own = {label: told[1] for label in {p.speaker for p in pieces} if (told := OWN_ID.fullmatch(label))}
    free = (id for n in itertools.count() if (id := f"SPEAKER_{n:02d}") not in own.values())
    ids: dict[str, str] = {UNKNOWN: UNKNOWN, **own}
    for piece in sorted(pieces, key=lambda p: (p.start, p.end, len(p.speaker), p.speaker)):
        if piece.speaker not in ids:
            ids[piece.speaker] = next(free)
    pieces = sorted(pieces, key=lambda p: (p.start, p.end, len(ids[p.speaker]), ids[p.speaker]))
    together = overlapping(pieces)
    spoken: dict[str, int] = defaultdict(int)
    segments = []
    for number, piece in enumerate(pieces, 1):
        speaker = ids[piece.speaker]
        spoken[piece.speaker] += piece.end - piece.start
        sure = [w.confidence for w in piece.words if w.confidence is not None]
        flags = set(piece.flags)
        if any(w.estimated for w in piece.words):
            flags.add("estimated_times")
        if not speaker:
            flags.add("no_speaker")
        if any(note in piece.text for note in NOTES):
            flags.add("sung")
        doubts = dict.fromkeys(w.doubt for w in piece.words if w.doubt)
        if doubts:
            flags.add(DOUBTFUL)
        segments.append(
            Segment(
                id=number,
                start=piece.start / 1000,
                end=piece.end / 1000,
                speaker=speaker,
                text=piece.text,
                words=tuple(_word(w) for w in piece.words),
                confidence=round(math.fsum(sure) / len(sure), 4) if sure else None,
                overlap=number - 1 in together,
                flags=tuple(sorted(flags)),
                language=piece.language or UNSET,
                doubt="; ".join(doubts) or UNSET,
                more=piece.more,
            )
        )
    return tuple(segments), tuple(
        Speaker(
            id=ids[label], name=names.get(label) or _name(label), seconds=spoken[label] / 1000, label=label
        )
        for label in spoken
        if label
    )


def _word(word: TimedWord) -> Word:
    return Word(
        start=word.start / 1000,
        end=word.end / 1000,
        text=word.text,
        confidence=word.confidence,
        estimated=word.estimated,
    )


def _name(label: str) -> str:
    """A name for people, where the diarizer's label is more than a number."""
    return "" if re.fullmatch(r"(?i)(text:)?(speaker[ _-]?)?\d*", label) else label

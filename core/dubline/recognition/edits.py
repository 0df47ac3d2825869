"""Edits of voices applied to a transcript, by what was meant: the speech at certain times.

Where the same segments are there as when the edit was made, they decide, and the result is exactly the same.
Otherwise a voice is the one meant if it has most of the speech meant, and that is most of its own speech.
What finds no such voice is told, and stays in the log for the next time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import structs

from dubline.recognition.intervals import Intervals, overlapping
from dubline.recognition.speaker_log import Cast, Edit, Link, Meant, Merge, Rename, Span, Split, spans_of
from dubline.report import clock_text
from dubline.values.transcript import UNKNOWN, Speaker, Transcript

MOST = 0.5
"""The share of speech from which a voice, or a segment, is the one meant."""
BESIDE = 0.1
"""What a second in which several people speak counts: its place says little about who was meant."""

HAND, CAST, RECOGNISED = 2, 1, 0  # who gave a name: the higher one stays


class Applied(NamedTuple):
    """A transcript with its edits, a sentence for each edit that found no place, and who gave each name."""

    transcript: Transcript
    notes: tuple[str, ...]
    given: dict[str, int]


class _Voice:
    def __init__(self, speaker: Speaker) -> None:
        self.name, self.label = speaker.name, speaker.label
        self.given = RECOGNISED
        self.named_for: Meant | None = None


class _State:
    """Who has which segment, while edits are applied."""

    def __init__(self, transcript: Transcript, highest: int) -> None:
        self.spans: tuple[Span, ...] = spans_of(transcript.segments)
        self.who = [segment.speaker for segment in transcript.segments]
        self.voices = {s.id: _Voice(s) for s in transcript.speakers}
        self.crowded = overlapping(transcript.segments)
        self.weights = [
            (b - a) * (BESIDE if k in self.crowded else 1.0) for k, (a, b) in enumerate(self.spans)
        ]
        self.highest = max([highest, *(number_of(s.id) for s in transcript.speakers)])
        self.notes: list[str] = []

    def own(self, voice: str) -> list[int]:
        return [k for k, who in enumerate(self.who) if who == voice]

    def spans_of(self, voice: str) -> tuple[Span, ...]:
        return tuple(self.spans[k] for k in self.own(voice))

    def next_id(self) -> str:
        self.highest += 1
        return f"SPEAKER_{self.highest:02d}"

    def inside(self, spans: Sequence[Span]) -> dict[str, float]:
        """Per voice: weighted seconds of its speech that lie in these spans."""
        covered = Intervals(spans)
        seconds: dict[str, float] = {}
        for (a, b), who, weight in zip(self.spans, self.who, self.weights, strict=True):
            share = covered.share(a, b) if spans else 0.0
            if share > 0 and who != UNKNOWN:
                seconds[who] = seconds.get(who, 0.0) + share * weight
        return seconds

    def seconds(self, voice: str) -> float:
        return sum(self.weights[k] for k in self.own(voice))

    def heard_alone(self, voice: str) -> bool:
        return any(k not in self.crowded for k in self.own(voice))

    def likely(self, meant: Meant, voices: Iterable[str]) -> list[str]:
        """Voices, the one called as it was then first."""
        return sorted(
            voices, key=lambda v: (self.voices[v].label != meant.label, v != meant.id, number_of(v), v)
        )

    def same(self, meant: Meant) -> str | None:
        """The voice that has exactly the segments meant."""
        if not meant.spans:
            return next((v for v in self.voices if meant.label and self.voices[v].label == meant.label), None)
        exact = [v for v in self.voices if sorted(self.spans_of(v)) == sorted(meant.spans)]
        return self.likely(meant, exact)[0] if exact else None

    def best(self, meant: Meant) -> str | None:
        """The voice that most of the speech meant belongs to, if it is most of its own."""
        same = self.same(meant)
        if same is not None or not meant.spans:
            return same
        inside = self.inside(meant.spans)
        if not inside:
            return None
        most = max(inside.values())
        voice = self.likely(meant, [v for v, s in inside.items() if s >= most - 1e-6])[0]
        enough = most >= MOST * sum(inside.values()) and most >= MOST * self.seconds(voice)
        return voice if enough else None

    def lost(self, what: str, meant: Meant) -> None:
        """Note that an edit found no place."""
        where = f" ({clock_text(meant.spans[0][0])[:8]})" if meant.spans else ""
        heard = sorted(self.inside(meant.spans), key=lambda v: (number_of(v), v)) if meant.spans else []
        now = f"that speech is now {' and '.join(heard)}" if heard else "nothing is heard there now"
        self.notes.append(f"{what}{where} was not carried over: {now}")


def with_speakers(
    transcript: Transcript, who: Sequence[str], voices: Iterable[tuple[str, str, str]]
) -> Transcript:
    """The transcript with these speakers of its segments, overlaps marked anew where they changed; and by
    number the voices (id, name, label) that have any, seconds added up."""
    segments = [structs.replace(s, speaker=w) for s, w in zip(transcript.segments, who, strict=True)]
    if segments != list(transcript.segments):
        crowded = overlapping(segments)
        segments = [structs.replace(s, overlap=k in crowded) for k, s in enumerate(segments)]
    thousandths: dict[str, int] = {}
    for s in segments:
        thousandths[s.speaker] = thousandths.get(s.speaker, 0) + round((s.end - s.start) * 1000)
    speakers = [
        Speaker(id=voice, name=name, label=label, seconds=thousandths[voice] / 1000)
        for voice, name, label in voices
        if voice in thousandths
    ]
    speakers.sort(key=lambda s: (number_of(s.id), s.id))
    return structs.replace(transcript, segments=tuple(segments), speakers=tuple(speakers))


def apply_edits(
    transcript: Transcript,
    edits: Iterable[Edit],
    *,
    highest: int = -1,
    given: Mapping[str, int] | None = None,
) -> Applied:
    """The edits, one after the other.

    `highest` is the largest number that a speaker's id had so far: a new voice gets the one after it. `given`
    says who gave the names that speakers have by id: HAND, CAST or RECOGNISED (the default).
    """
    state = _State(transcript, highest)
    for speaker, who in (given or {}).items():
        if speaker in state.voices:
            state.voices[speaker].given = who
    for edit in edits:
        _APPLY[type(edit)](state, edit)
    given = {speaker: voice.given for speaker, voice in state.voices.items()}
    voices = [(v, d.name, d.label) for v, d in state.voices.items()]
    return Applied(with_speakers(transcript, state.who, voices), tuple(state.notes), given)


def _rename(state: _State, edit: Rename) -> None:
    voice = state.best(edit.voice)
    if voice is None:
        state.lost(f"the name {edit.name!r} of {edit.voice.id or edit.voice.label}", edit.voice)
        return
    known = state.voices[voice]
    if known.given == HAND and known.named_for is not None and known.name != edit.name:
        # Two people's speech is one voice now: it belongs to whoever has more of it.
        before, now = known.named_for.spans, edit.voice.spans
        ours, theirs = (state.inside(s).get(voice, 0.0) for s in (now, before))
        if _apart(before, now):
            loser, meant = (edit.name, edit.voice) if ours <= theirs else (known.name, known.named_for)
            state.lost(f"the name {loser!r}", meant)
            if ours <= theirs:
                return
    known.name, known.given, known.named_for = edit.name, HAND, edit.voice


def _apart(one: Sequence[Span], other: Sequence[Span]) -> bool:
    """Whether two sets of spans are about different speech."""
    if not one or not other:
        return False
    few, many = sorted((one, other), key=lambda spans: sum(b - a for a, b in spans))
    covered = Intervals(many)
    shared = sum(covered.share(a, b) * (b - a) for a, b in few)
    return shared < MOST * sum(b - a for a, b in few)


def _merge(state: _State, edit: Merge) -> None:
    meant = (edit.into, *edit.others)
    exact = [state.same(m) for m in meant]
    joined: set[str] = set()
    if not all(exact):
        union = [span for m in meant for span in m.spans]
        inside = state.inside(union)
        joined = {v for v, s in inside.items() if s >= MOST * state.seconds(v) and state.heard_alone(v)}
    joined |= {v for v in exact if v is not None}
    target = exact[0]
    if target is None:
        first = state.inside(edit.into.spans)
        mine = [v for v in joined if first.get(v, 0.0) > 0]
        target = max(state.likely(edit.into, mine), key=lambda v: first[v], default=None)
    what = f"the merge of {' and '.join(m.id or m.label for m in edit.others)} into {edit.into.id}"
    for m in meant if not all(exact) else ():
        speech = state.inside(m.spans)
        known = sum(s for v, s in speech.items() if v in joined)
        if m.spans and (not speech or known < MOST * sum(speech.values())):
            state.lost(what, m)
            return
    if target is None:
        state.lost(what, edit.into)
        return
    kept = state.voices[target]
    for voice in state.likely(edit.into, joined - {target}):
        other = state.voices[voice]
        if other.name and (not kept.name or (not kept.given and other.given)):
            kept.name, kept.given, kept.named_for = other.name, other.given, other.named_for
        state.who = [target if who == voice else who for who in state.who]
        del state.voices[voice]


def _split(state: _State, edit: Split) -> None:
    whole = sorted({*edit.voice.spans, *(span for part in edit.parts for span in part.spans)})
    exact = state.same(Meant(id=edit.voice.id, label=edit.voice.label, spans=tuple(whole)))
    for number, part in enumerate(edit.parts):
        source = exact
        if source is None:
            # What stays, or was to become another part, may be in one voice with this part, or not any more.
            rest = [*edit.voice.spans, *(span for other in edit.parts[number + 1 :] for span in other.spans)]
            inside = state.inside(rest)
            source = max(state.likely(edit.voice, inside), key=lambda v: inside[v], default=None)
            already = state.best(part)
            if already is not None and already != source:
                continue
        if exact is not None:
            spans = set(part.spans)
            moved = [k for k in state.own(exact) if state.spans[k] in spans]
        else:
            covered = Intervals(part.spans)
            own = state.own(source) if source is not None else []
            moved = [k for k in own if covered.share(*state.spans[k]) >= MOST]
            if len(moved) == len(own):
                moved = []
        if source is None or not moved:
            state.lost(f"the split of {part.id} from {edit.voice.id}", part)
            continue
        new = state.next_id()
        state.voices[new] = _Voice(Speaker(id=new))
        for k in moved:
            state.who[k] = new


def _link(state: _State, edit: Link) -> None:
    numbers: dict[str, str] = {}
    names: dict[str, str] = {}
    for item in edit.voices:
        voice = state.best(item.voice)
        if voice is None or voice in numbers:
            state.lost(f"the number {item.id} of a linked voice", item.voice)
            continue
        numbers[voice] = item.id
        if item.name:
            names[voice] = item.name
    state.highest = max([state.highest, *(number_of(new) for new in numbers.values())])
    taken = set(numbers.values())
    for voice in state.voices:
        if voice not in numbers:
            numbers[voice] = state.next_id() if voice in taken else voice
    for voice, name in names.items():
        known = state.voices[voice]
        known.name, known.given = name, HAND
    state.who = [numbers.get(who, who) for who in state.who]
    state.voices = {numbers[voice]: known for voice, known in state.voices.items()}


def _cast(state: _State, edit: Cast) -> None:
    for item in edit.voices:
        voice = state.best(item.voice)
        if voice is None:
            state.lost(f"the name {item.name!r} from the cast", item.voice)
        elif state.voices[voice].given <= CAST:
            state.voices[voice].name, state.voices[voice].given = item.name, CAST


_APPLY: dict[type, Callable[[_State, Any], None]] = {
    Rename: _rename,
    Merge: _merge,
    Split: _split,
    Link: _link,
    Cast: _cast,
}


def number_of(speaker: str) -> int:
    """The number in an id like SPEAKER_07; -1 for any other."""
    match = re.fullmatch(r"SPEAKER_(\d{1,9})", speaker)
    return int(match[1]) if match else -1

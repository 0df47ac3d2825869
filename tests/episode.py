# ruff: noqa: RUF001 - Turkish has a dotless i
"""An episode that was never shot: 1,511 Turkish segments of drama in 57 minutes, with English references.

    episode()              the transcript, and what is said in it, sentence by sentence
    episode(15_110)        ten times as long
    episode(seed=2)        another one; the same arguments always give the same episode
    episode(lines=...)     with other lines: (Turkish, English, shorter English ...)
    episode(acted=True)    slots as long as an actor with a pace of his own takes for the Turkish

The lines are real dialogue pairs from the data folder. Twelve people speak, two to five in a scene; they
answer fast or slowly, talk over each other, repeat themselves, and are cut by the recognizer before the verb.
How long a segment is owes nothing to any translation that is tested: it is as long as one of the references
takes at an ordinary pace, times 0.85 to 1.25, as actors and the two languages differ. The lines were picked
for short English, so the Turkish takes longer than these slots: paces estimated from them come out far too
fast. What needs paces takes the episode that is `acted`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import tiny_translator
from shared_media import DATA

from dubline.fit.durations import default_model
from dubline.values.transcript import Segment, Speaker, Transcript, Word

MINUTES = 57.0  # for COUNT segments
COUNT = 1511
CAST = 12
SHORT_LINES = (
    ("Evet.", "Yes."),
    ("Hayır.", "No."),
    ("Tamam.", "All right.", "Okay."),
    ("Ne?", "What?"),
    ("Anne!", "Mother!", "Mum!"),
    ("Bekle!", "Wait!"),
    ("Bilmiyorum.", "I do not know.", "I don't know."),
    ("Lütfen...", "Please..."),
)
CONTRACTED = (
    ("I am", "I'm"), ("I have", "I've"), ("I will", "I'll"), ("I would", "I'd"), ("you are", "you're"),
    ("he is", "he's"), ("she is", "she's"), ("it is", "it's"), ("we are", "we're"), ("they are", "they're"),
    ("that is", "that's"), ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"),
    ("is not", "isn't"), ("was not", "wasn't"), ("cannot", "can't"), ("will not", "won't"),
    ("could not", "couldn't"), ("would not", "wouldn't"), ("who is", "who's"), ("what is", "what's"),
)  # fmt: skip

Line = tuple[str, ...]  # the source, then its references, longest first


@dataclass(frozen=True)
class Spoken:
    """What somebody says in one go: the segments that it fills, the whole source, its references."""

    ids: tuple[int, ...]
    speaker: str
    source: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Episode:
    """`paces`: how much longer than ordinary each speaker really takes; 1.0 for all unless it is acted."""

    transcript: Transcript
    spoken: tuple[Spoken, ...]
    paces: dict[str, float]


@lru_cache(maxsize=1)
def dialogue() -> tuple[Line, ...]:
    """The real lines, each with its reference and that reference contracted or written out; those of a small
    grammar where they are not here."""
    path = DATA / "text/tr_en_dialogue_2000.tsv"
    if not path.exists():
        return tuple(tiny_translator.pairs())
    rows = path.read_text(encoding="utf-8").splitlines()[1:]
    return tuple((row.split("\t")[0], *variants(row.split("\t")[1])) for row in rows)


def variants(english: str) -> tuple[str, ...]:
    """A line as it is, written out and contracted; none twice, the longest first."""
    long = short = english
    for full, brief in CONTRACTED:
        long = _swapped(long, brief, full)
        short = _swapped(short, full, brief)
    return tuple(sorted(dict.fromkeys((english, long, short)), key=lambda text: (-len(text), text)))


def _swapped(text: str, old: str, new: str) -> str:
    text = re.sub(rf"\b{old}\b(?!['’?])", new, text)
    return re.sub(rf"\b{old[0].upper() + old[1:]}\b(?!['’?])", new[0].upper() + new[1:], text)


@lru_cache(maxsize=4)
def _made(count: int, seed: int, lines: tuple[Line, ...], acted: bool) -> Episode:
    rng = random.Random(seed)
    english, turkish = default_model("en"), default_model("tr")
    names = [f"SPEAKER_{number:02}" for number in range(CAST)]
    paces = {name: round(random.Random(f"{seed} {name}").uniform(0.85, 1.2), 3) for name in names}
    said: dict[str, list[Line]] = {name: [] for name in names}
    plan: list[tuple[str, Line, list[str], list[float], bool, bool]] = []
    planned = 0
    scene: list[str] = []
    left = 0
    while planned < count:
        opens = left == 0
        if opens:
            scene, left = rng.sample(names, rng.randint(2, 5)), rng.randint(8, 32)
        left -= 1
        speaker = rng.choice([name for name in scene if not plan or name != plan[-1][0]])
        line = _line(rng, said[speaker], lines)
        said[speaker].append(line)
        parts = _parts(rng, line[0], count - planned)
        if acted:
            length = turkish.seconds(line[0]) * paces[speaker] * rng.uniform(0.9, 1.1)
        else:
            length = english.seconds(rng.choice(line[1:])) * rng.uniform(0.85, 1.25)
        width = sum(map(len, parts))
        lengths = [max(0.2, length * len(part) / width) for part in parts]
        plan.append((speaker, line, parts, lengths, opens and bool(plan), rng.random() < 0.05))
        planned += len(parts)
    return _timed(rng, plan, count, paces if acted else dict.fromkeys(names, 1.0))


def _line(rng: random.Random, before: list[Line], lines: tuple[Line, ...]) -> Line:
    """Something to say: now and then what was said before, a short word, or several sentences."""
    kind = rng.random()
    if kind < 0.05 and before:
        return rng.choice(before)
    if kind < 0.10:
        return rng.choice(SHORT_LINES) if lines is dialogue() else rng.choice(lines)
    if kind < 0.20:
        several = [rng.choice(lines) for _ in range(rng.choice((2, 2, 3)))]
        longest, shortest = (" ".join(one[place] for one in several) for place in (1, -1))
        return (" ".join(one[0] for one in several), *dict.fromkeys((longest, shortest)))
    return rng.choice(lines)


def _parts(rng: random.Random, source: str, most: int) -> list[str]:
    """The source as its segments hold it: most whole, some cut, and then always before the last word."""
    words = source.split()
    if len(words) < 3 or most < 2 or re.search(r"[.!?…] ", source) or rng.random() > 0.12:
        return [source]
    if len(words) >= 4 and most >= 3 and rng.random() < 0.5:
        middle = rng.randint(1, len(words) - 2)
        return [" ".join(words[:middle]), " ".join(words[middle:-1]), words[-1]]
    return [" ".join(words[:-1]), words[-1]]


def _timed(
    rng: random.Random,
    plan: list[tuple[str, Line, list[str], list[float], bool, bool]],
    count: int,
    paces: dict[str, float],
) -> Episode:
    """Put everything on the clock; the breaks between scenes take what is left of the programme."""
    gaps = [rng.choice((0.08, 0.15, 0.3, 0.3, 0.6, 1.0, 1.8)) for _ in plan]
    inner = [[rng.uniform(0.08, 0.4) for _ in parts[1:]] for _, _, parts, _, _, _ in plan]
    total = MINUTES * 60 * count / COUNT
    used = sum(sum(item[3]) for item in plan) + sum(gaps) + sum(map(sum, inner))
    weights = [rng.uniform(0.5, 2.0) if item[4] else 0.0 for item in plan]
    unit = max(2.0, (total - used) / max(sum(weights), 1.0))
    clock = 1.0
    segments: list[Segment] = []
    spoken: list[Spoken] = []
    for number, (speaker, line, parts, lengths, opens, over) in enumerate(plan):
        if opens:
            clock += weights[number] * unit
        talks_over = over and not opens and number > 0
        if talks_over:
            last = segments[-1]
            clock = max(last.start + 0.05, last.end - rng.uniform(0.1, 0.5))
            segments[-1] = _replaced(last)
        ids = tuple(range(len(segments) + 1, len(segments) + len(parts) + 1))
        for place, (part, length) in enumerate(zip(parts, lengths, strict=True)):
            start, end = round(clock, 3), round(clock + length, 3)
            segments.append(_segment(len(segments) + 1, start, end, speaker, part, talks_over and not place))
            clock += length + (inner[number][place] if place < len(parts) - 1 else 0.0)
        clock = max(clock, max(segment.end for segment in segments[-8:])) + gaps[number]
        spoken.append(Spoken(ids, speaker, line[0], line[1:]))
    segments.sort(key=lambda segment: segment.start)
    assert [segment.id for segment in segments] == list(range(1, count + 1))
    speakers = tuple(
        Speaker(id=name, seconds=round(sum(s.end - s.start for s in segments if s.speaker == name), 3))
        for name in dict.fromkeys(segment.speaker for segment in segments)
    )
    last = max(segment.end for segment in segments)
    transcript = Transcript(
        language="tr", duration=round(max(total, last + 1.0), 3), segments=tuple(segments), speakers=speakers
    )
    return Episode(transcript, tuple(spoken), paces)


def _replaced(segment: Segment) -> Segment:
    return Segment(
        id=segment.id,
        start=segment.start,
        end=segment.end,
        speaker=segment.speaker,
        text=segment.text,
        words=segment.words,
        confidence=segment.confidence,
        overlap=True,
    )


def _segment(number: int, start: float, end: float, speaker: str, text: str, overlap: bool) -> Segment:
    words = []
    letters, clock = sum(map(len, text.split())), 0
    for word in text.split():
        begins = start + (end - start) * clock / letters
        clock += len(word)
        ends = start + (end - start) * clock / letters
        words.append(Word(start=round(begins, 3), end=round(ends, 3), text=word, confidence=0.9))
    return Segment(
        id=number,
        start=start,
        end=end,
        speaker=speaker,
        text=text,
        words=tuple(words),
        confidence=0.9,
        overlap=overlap,
    )


def episode(
    count: int = COUNT, *, seed: int = 1, lines: Sequence[Line] | None = None, acted: bool = False
) -> Episode:
    """`count` segments; skips the test where the data folder is not there and no `lines` are given."""
    return _made(count, seed, tuple(lines) if lines is not None else dialogue(), acted)

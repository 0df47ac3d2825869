"""In which language each turn is spoken, where nobody has named one.

A film has a main language, and maybe others. A recognizer that can tell a language cheaply (`detect`) is
asked for every turn by itself, never for two speakers at once. What it says of a second or two is worth
little, so a language counts as one of the film's only by turns that are long enough, and short turns go with
what their speaker says around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from dubline.backends.contract import Stretch
from dubline.language.script import base_language
from dubline.media.speech import Speech
from dubline.recognition.stretches import quiet_place
from dubline.report import Report, quantity
from dubline.values.languages import language_name
from dubline.values.transcript import Transcript, Turn

PIECE = 15.0
"""Seconds that are asked about at once, at most: whoever speaks for longer may change the language."""
BREATH = 1.0
"""A pause in a turn that is shorter than this, in seconds, parts nothing."""
TELLING = 3.0
"""Seconds of speech that tell a language: of one or two a small Whisper may say anything."""
SHORT = 1.5
"""Seconds from which a piece is asked about at all."""
LIKELY, SURE, UNLIKELY = 0.5, 0.7, 0.2
"""How likely a language must be in each of two telling pieces or with a speaker on the whole, or in a single
piece, and how likely the main one may be there, for it to count as spoken in the film."""
LEAST = 0.005
"""The share of the film's speech that a second language has at least: in hours of speech chance alone makes a
piece or two of anything."""
CLEAR = 0.8
"""Among the film's languages alone, how likely one must be for a piece to be in it."""
NEAR = 10.0
"""Seconds to another piece of the same speaker that a short one goes with."""
ALIKE = (
    frozenset({"no", "nb", "nn"}),
    frozenset({"hr", "sr", "bs", "sh"}),
    frozenset({"hi", "ur"}),
    frozenset({"id", "ms"}),
)
"""Languages whose speakers understand each other, which no recognizer tells apart by ear."""

NOBODYS = frozenset({"la", "sa"})
"""Nobody speaks these at home, and recognizers take other languages for them. A film that is in one
needs somebody to say so."""

FIRST = 60.0
"""Seconds of speech in which a language that was named is looked for."""
ENOUGH, MOST = 6.0, 0.8
"""Seconds of speech in other languages, and their share, from which the named one is said to be wrong."""

Chances = Mapping[str, float]


class Doubt(NamedTuple):
    """That something else than the named language is spoken: what, most first, how likely (0..1), and in how
    many seconds."""

    languages: tuple[str, ...]
    likely: float
    seconds: float


def ask(recognizer: Any, speech: Speech, piece: Turn) -> Chances:
    """Living language -> how likely it is spoken in a piece; empty for one that is too short to tell."""
    if _length(piece) < SHORT:
        return {}
    found = recognizer.detect(speech, Stretch(start=piece.start, end=piece.end))
    left = 1.0 - sum(found.get(language, 0.0) for language in NOBODYS)
    return {
        language: likely / left for language, likely in found.items() if language not in NOBODYS and left > 0
    }


def pieces(turns: Sequence[Turn], speech: Speech) -> tuple[Turn, ...]:
    """Turns in order of start as they are asked about: a speaker's go on over a breath, none is longer than
    `PIECE`, and long ones are cut in their longest pause."""
    whole: list[Turn] = []
    for turn in sorted(turns, key=lambda t: (t.start, t.end, t.speaker)):
        if whole and whole[-1].speaker == turn.speaker and turn.start - whole[-1].end < BREATH:
            whole[-1] = replace(whole[-1], end=max(whole[-1].end, turn.end))
        else:
            whole.append(turn)
    cut: list[Turn] = []
    for turn in whole:
        start, end = max(0.0, turn.start), min(turn.end, speech.duration)
        while end - start > PIECE:
            middle = quiet_place(speech, start + PIECE / 2, start + PIECE)
            cut.append(replace(turn, start=start, end=middle))
            start = middle
        if end > start:
            cut.append(replace(turn, start=start, end=end))
    return tuple(cut)


def languages(spoken: Sequence[Turn], chances: Sequence[Chances]) -> tuple[str, ...]:
    """The language of each piece, by how likely each is there; "" for all where nothing is known."""
    telling = [k for k, piece in enumerate(spoken) if _length(piece) >= TELLING and chances[k]]
    votes: Counter[str] = Counter()
    for k in telling or range(len(spoken)):
        for language, likely in chances[k].items():
            votes[language] += likely * _length(spoken[k])  # type: ignore[assignment]
    main = max(votes, key=lambda language: (votes[language], language), default="")
    film = (main, *_others(main, spoken, chances))
    if len(film) == 1:
        return film * len(spoken)
    own = [_among(film, chances[k]) if _length(piece) >= SHORT else "" for k, piece in enumerate(spoken)]
    usual: dict[str, Counter[str]] = {}
    for piece, language in zip(spoken, own, strict=True):
        if language:
            usual.setdefault(piece.speaker, Counter())[language] += round(1000 * _length(piece))
    found = []
    for k, piece in enumerate(spoken):
        habit = usual.get(piece.speaker)
        found.append(own[k] or _beside(spoken, own, k) or (habit.most_common(1)[0][0] if habit else main))
    return tuple(found)


def _others(main: str, spoken: Sequence[Turn], chances: Sequence[Chances]) -> tuple[str, ...]:
    """The languages beside the main one that are spoken for certain: in telling pieces, or by somebody who is
    heard in it all in all."""
    telling: dict[str, list[tuple[float, float]]] = {}  # language -> how likely, in how many seconds
    speakers: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for piece, here in zip(spoken, chances, strict=True):
        if (length := _length(piece)) < SHORT or not here:
            continue
        seconds[piece.speaker] += length  # type: ignore[assignment]
        for language, likely in here.items():
            speakers.setdefault(piece.speaker, Counter())[language] += likely * length  # type: ignore[assignment]
        best = _best(here)
        if length >= TELLING and here[best] >= LIKELY and _together(here, main) <= UNLIKELY:
            telling.setdefault(best, []).append((here[best], length))
    least = LEAST * sum(seconds.values())
    found = {
        language
        for language, heard in telling.items()
        if (len(heard) > 1 or heard[0][0] >= SURE) and sum(length for _, length in heard) >= least
    }
    for who, votes in speakers.items():
        shares = {language: vote / seconds[who] for language, vote in votes.items()}
        best = _best(shares)
        if shares[best] >= LIKELY and _together(shares, main) <= UNLIKELY:
            found |= {best} if seconds[who] >= max(TELLING, least) else set()
    return tuple(sorted(found))


def _best(chances: Chances) -> str:
    return max(chances, key=lambda language: (chances[language], language))


def _length(piece: Turn) -> float:
    return piece.end - piece.start


def _among(film: Sequence[str], chances: Chances) -> str:
    """Which of the film's languages it clearly is, if one."""
    here = {language: chances.get(language, 0.0) for language in film}
    best = _best(here)
    return best if here[best] >= CLEAR * sum(here.values()) > 0 else ""


def _beside(spoken: Sequence[Turn], own: Sequence[str], at: int) -> str:
    """The language of the nearest piece of the same speaker of which it is known."""
    best, found = NEAR, ""
    for step in (-1, 1):
        k = at + step
        while 0 <= k < len(spoken):
            away = spoken[at].start - spoken[k].end if step < 0 else spoken[k].start - spoken[at].end
            if away > best:
                break
            if own[k] and spoken[k].speaker == spoken[at].speaker:
                best, found = away, own[k]
                break
            k += step
    return found


def _alike(one: str, other: str) -> bool:
    one, other = base_language(one), base_language(other)
    return one == other or any({one, other} <= kin for kin in ALIKE)


def _together(chances: Chances, language: str) -> float:
    """How likely a language is, or one that sounds the same."""
    return sum(likely for other, likely in chances.items() if _alike(other, language))


# --- asking ------------------------------------------------------------------------------------


def by_language(
    recognizer: Any, speech: Speech, turns: Sequence[Turn], report: Report
) -> dict[str, list[Turn]]:
    """Language -> the turns in it, the film's main language first. `report` counts seconds."""
    spoken = pieces(turns, speech)
    total, done = sum(piece.end - piece.start for piece in spoken), 0.0
    chances = []
    for piece in spoken:
        report(done, total)
        chances.append(ask(recognizer, speech, piece))
        done += piece.end - piece.start
    report(total, total)
    found: dict[str, list[Turn]] = {}
    for piece, language in zip(spoken, languages(spoken, chances), strict=True):
        found.setdefault(language, []).append(piece)
    if len(found) <= 1:  # as the diarizer has them
        return {language: list(turns) for language in found}
    return dict(sorted(found.items(), key=lambda item: -sum(t.end - t.start for t in item[1])))


def doubt(recognizer: Any, speech: Speech, turns: Sequence[Turn], named: str) -> Doubt | None:
    """What is surely spoken instead of the language that was named, by the first minute of speech."""
    listened = 0.0
    against: dict[str, list[tuple[float, float]]] = {}
    for piece in pieces(turns, speech):
        if listened >= FIRST:
            break
        if (length := piece.end - piece.start) < TELLING:
            continue
        listened += length
        chances = ask(recognizer, speech, piece)
        best = _best(chances or {named: 0.0})
        if chances.get(best, 0.0) >= LIKELY and _together(chances, named) <= UNLIKELY:
            against.setdefault(best, []).append((chances[best], length))
    seconds = {language: sum(length for _, length in heard) for language, heard in against.items()}
    if sum(seconds.values()) < max(ENOUGH, MOST * listened):
        return None
    whole = sum(seconds.values())
    likely = sum(chance * length for heard in against.values() for chance, length in heard) / whole
    return Doubt(tuple(sorted(seconds, key=lambda language: (-seconds[language], language))), likely, whole)


# --- telling -----------------------------------------------------------------------------------


def doubt_told(found: Doubt, named: str) -> str:
    """That in words, with what to do."""
    heard, said = " and ".join(map(language_name, found.languages)), language_name(named)
    right = found.languages[0] if len(found.languages) == 1 else "auto"
    return (
        f"this sounds like {heard} ({found.likely:.0%} sure after {found.seconds:.0f} s of speech), but "
        f"{said} was named, so every line is taken for {said}. If that is wrong, stop with Ctrl-C and give "
        f"the command again with --from {right}"
    )


def tell_languages(transcript: Transcript, tell: Callable[[str], None]) -> None:
    """Say which languages are spoken beside the transcript's own."""
    counts = Counter(segment.language for segment in transcript.segments if segment.language)
    if counts:
        lines = ", ".join(
            f"{language_name(str(language))} in {quantity(count, 'line')}"
            for language, count in counts.most_common()
        )
        tell(
            f"besides {language_name(transcript.language)} there is {lines}. Each is translated from its own "
            "language; to take all lines for one, name it with --from"
        )

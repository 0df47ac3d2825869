"""Every promise that `dubline.testing` tries can be broken, and is then named."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from little_backends import (
    LittleDiarizer,
    LittleRecognizer,
    LittleSeparator,
    LittleStream,
    LittleTranslator,
    LittleVoice,
)

from dubline import testing
from dubline.backends.choosing import options_of
from dubline.backends.contract import Diarization, Heard, Spoken, VoiceInfo
from dubline.errors import BackendFailed, InvalidJob
from dubline.testing import Subject, keep
from dubline.values.transcript import HeardWord, Turn
from dubline.values.translated import Answer, Candidate

COUNT = itertools.count()


class Loose(msgspec.Struct):
    """Options that take anything."""

    source: str = ""
    target: str = ""
    candidates: int = 1
    language: str = ""
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None


def general(base: type) -> dict[str, type]:
    """Broken in what all kinds promise."""
    return {
        "its class says what it is": broken(base, rank=classmethod(lambda cls, content: "first")),
        "its identity is the same each time": broken(
            base, identity=classmethod(lambda cls, options: (str(next(COUNT)),))
        ),
        "it refuses options that it does not know": broken(base, Options=Loose),
        "it says which weights it has and what was chosen": broken(base, notes=("",)),
    }


def broken(base: type, **changes: Any) -> type:
    return type(f"Broken{base.__name__}", (base,), changes)


def stream(**changes: Any) -> type:
    return broken(LittleSeparator, streams=broken(LittleStream, **changes))


PUSH = LittleStream.push


def numbered(self: LittleStream, block: np.ndarray) -> np.ndarray:
    return PUSH(self, block) + np.float32(1e-3 * next(COUNT))


def overwriting(self: LittleStream, block: np.ndarray) -> np.ndarray:
    block *= np.float32(0.5)
    return PUSH(self, block)


def endless(self: LittleStream, block: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return PUSH(self, block) / (block[:1] + block[1:] != 0)


def without_lines(self: LittleStream, survey: Any, tick: Any) -> None:
    if survey.lines:
        raise ValueError("lines")
    LittleStream.__init__(self, survey, tick)


SEPARATORS = {
    **general(LittleSeparator),
    "its rate and its sources make sense": broken(LittleSeparator, sources=("vocals", "vocals")),
    "it returns as many samples as it was given": stream(push=lambda self, b: PUSH(self, b)[..., 1:]),
    "the result does not depend on the blocks": stream(
        push=lambda self, b: PUSH(self, b) / np.float32(1 + np.abs(b).max(initial=0))
    ),
    "the same sound gives the same result": stream(push=numbered),
    "silence stays silent": stream(push=lambda self, b: PUSH(self, b) + np.float32(1e-3)),
    "a constant is no voice": stream(push=lambda self, b: PUSH(self, b) * np.float32(2)),
    "extreme sounds stay numbers": stream(push=endless),
    "it goes on from a saved state": stream(restore=lambda self, state: None),
    "known lines and doubled mono are understood": stream(__init__=without_lines),
    "it stops when it is told to": stream(
        __init__=lambda self, survey, tick: LittleStream.__init__(self, survey, lambda: None)
    ),
    "the sound it is given stays as it is": stream(push=overwriting),
}


def turns_of(found: Diarization, **changes: Any) -> Diarization:
    return msgspec.structs.replace(found, **changes)


DIARIZE = LittleDiarizer.diarize


def overlapping(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    found = DIARIZE(self, speech, report)
    if speech.duration < 1:
        return found
    return turns_of(
        found, exclusive=(Turn(start=0.0, end=0.5, speaker="A"), Turn(start=0.4, end=1.0, speaker="A"))
    )


def late(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    found = DIARIZE(self, speech, report)
    moved = tuple(msgspec.structs.replace(t, end=t.end + 1) for t in found.turns[-1:])
    return found if speech.duration < 60 else turns_of(found, turns=moved, exclusive=())


def tenacious(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    return DIARIZE(self, speech, lambda done, total: None)


def hungry(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    kept = bytearray(60_000_000)
    return turns_of(Diarization(turns=(), exclusive=()), turns=() if kept else None)


def crowd(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    turns = tuple(Turn(start=0.0, end=1.0, speaker=name) for name in "ABC")
    return Diarization(turns=turns, exclusive=())


def somebody(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    turns = (Turn(start=0.0, end=1.0, speaker="A"),)
    return Diarization(turns=turns, exclusive=turns)


def never_short(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    if speech.duration < 0.2:
        raise ValueError("too short")
    return DIARIZE(self, speech, report)


def deaf(self: LittleDiarizer, speech: Any, report: Any) -> Diarization:
    raise ValueError("a file of another rate")


def careless(self: LittleDiarizer, options: Any) -> None:
    self.options = options


DIARIZERS = {
    **general(LittleDiarizer),
    "turns lie in order inside the sound": broken(LittleDiarizer, diarize=overlapping),
    "a long sound is one result": broken(LittleDiarizer, diarize=late),
    "almost no sound does no harm": broken(LittleDiarizer, diarize=never_short),
    "nobody speaks in silence": broken(LittleDiarizer, diarize=somebody),
    "sounds of other rates and channels are heard": broken(LittleDiarizer, diarize=deaf),
    "a voice has one vector": broken(LittleDiarizer, embed=lambda self, speech, spans: (1.0, 1.0)),
    "progress grows to the end": broken(LittleDiarizer, diarize=tenacious),
    "it stops when it is told to": broken(LittleDiarizer, diarize=tenacious),
    "hours of silence take little memory": broken(LittleDiarizer, diarize=hungry),
    "impossible options are refused with advice": broken(LittleDiarizer, __init__=careless),
    "there are no more speakers than allowed": broken(LittleDiarizer, diarize=crowd),
}


def word(start: float, end: float) -> tuple[HeardWord, ...]:
    return (HeardWord(text=" word", start=start, end=end),)


HEAR = LittleRecognizer.recognize


def remembering(self: Any, speech: Any, stretch: Any) -> tuple[HeardWord, ...]:
    self.before = getattr(self, "before", 0) + 1
    return (HeardWord(text=f" word{self.before}", start=stretch.start, end=stretch.end),)


def unstoppable(self: Any, speech: Any, stretches: Any, report: Any) -> Iterator[Heard]:
    return HEAR(self, speech, stretches, lambda done, total: None)


def half_counted(self: Any, speech: Any, stretches: Any, report: Any) -> Iterator[Heard]:
    return HEAR(self, speech, stretches, lambda done, total: report(done / 2, total))


def uncritical(self: Any, speech: Any, stretches: Any, report: Any) -> Iterator[Heard]:
    return (Heard(words=()) for _ in stretches)


def erasing(self: Any, speech: Any, stretch: Any) -> tuple[HeardWord, ...]:
    speech.read = lambda first, last: np.zeros(last - first, np.float32)
    return ()


RECOGNIZERS = {
    **general(LittleRecognizer),
    "it says what a confidence means": broken(LittleRecognizer, confidence="sure"),
    "words lie in order inside their stretch": broken(
        LittleRecognizer, words=lambda self, speech, s: word(s.start, s.end + 1)
    ),
    "there are no words in silence": broken(
        LittleRecognizer, words=lambda self, speech, s: word(s.start, s.end)
    ),
    "no time and a single sample do no harm": broken(
        LittleRecognizer, words=lambda self, speech, s: word(s.start, s.start + 0.5)
    ),
    "a stretch is heard alike whatever came before": broken(LittleRecognizer, words=remembering),
    "it stops between two stretches when it is told to": broken(LittleRecognizer, recognize=unstoppable),
    "progress grows to the end": broken(LittleRecognizer, recognize=half_counted),
    "impossible stretches are refused with advice": broken(LittleRecognizer, recognize=uncritical),
    "an unknown language is refused with advice": broken(LittleRecognizer, __init__=careless),
    "what it says of languages are chances, and it hears the one it is told": broken(
        LittleRecognizer, detect=lambda self, speech, stretch: {"en": 7.0}
    ),
    "the sound it is given stays as it is": broken(LittleRecognizer, words=erasing),
}

TRANSLATE, ANSWER = LittleTranslator.translate, LittleTranslator.answer


def text(*texts: str) -> Answer:
    return Answer(candidates=tuple(Candidate(text=t, origin="program") for t in texts))


def forgetful(self: Any, lines: Any, known: Any, report: Any) -> Iterator[Any]:
    return TRANSLATE(self, lines[:-1], known, report)


def doubling(self: Any, lines: Any, known: Any, report: Any) -> Iterator[Any]:
    return TRANSLATE(self, lines, {}, report)


def counting(self: Any, line: Any) -> Answer:
    return text(f"{line.text} {next(COUNT)}")


def busy(self: Any, lines: Any, known: Any, report: Any) -> Iterator[Any]:
    if len(lines) < 2:
        raise ValueError("nothing to do")
    return TRANSLATE(self, lines, known, report)


def regrouping(self: Any, lines: Any, known: Any, report: Any) -> Iterator[Any]:
    for start in range(0, len(lines), 5):
        yield {
            line.key: text(f"{line.text} {len(known)}")
            for line in lines[start : start + 5]
            if line.key not in known
        }


def uncounted(self: Any, lines: Any, known: Any, report: Any) -> Iterator[Any]:
    return TRANSLATE(self, lines, known, lambda done, total: None)


def half_told(self: Any, lines: Any, known: Any, report: Any) -> Iterator[Any]:
    return TRANSLATE(self, lines, known, lambda done, total: report(done / 2, total))


def fragile(self: Any, line: Any) -> Answer:
    return text(line.text.upper().strip())


TRANSLATORS = {
    **general(LittleTranslator),
    "it tells what it can": broken(LittleTranslator, varies="yes"),
    "every line is answered once": broken(LittleTranslator, translate=forgetful),
    "there are no more candidates than asked for": broken(
        LittleTranslator, answer=lambda self, line: text("a", "b", "c")
    ),
    "nothing and a single line do no harm": broken(LittleTranslator, translate=busy),
    "a line is answered alike alone and in any order": broken(LittleTranslator, answer=counting),
    "like lines have like answers": broken(LittleTranslator, answer=counting),
    "known lines are passed over": broken(LittleTranslator, translate=doubling),
    "stopped and gone on gives the same": broken(LittleTranslator, translate=regrouping),
    "progress grows to the end": broken(LittleTranslator, translate=half_told),
    "it stops when it is told to": broken(LittleTranslator, translate=uncounted),
    "strange lines are answered too": broken(LittleTranslator, answer=lambda self, line: text()),
    "shorter and longer are what they say": broken(LittleTranslator, answer=fragile),
    "an unknown language is refused with advice": broken(LittleTranslator, __init__=careless),
}

SPEAK = LittleVoice.speak


def spoken(change: Any) -> type:
    def speak(self: Any, line: str, voice: str, **how: Any) -> Spoken:
        return change(SPEAK(self, line, voice, **how), line, how)

    return broken(LittleVoice, speak=speak)


def louder(take: Spoken, factor: float) -> Spoken:
    return Spoken(sound=take.sound * np.float32(factor), rate=take.rate)


def run_as_command(take: Spoken, line: str, how: Any) -> Spoken:
    Path("owned").touch()
    return take


def picky(take: Spoken, line: str, how: Any) -> Spoken:
    if not line.isprintable():
        raise BackendFailed("odd letters", hint="")
    return take


def deaf_to_stop(self: Any, line: str, voice: str, *, speed: float, pitch: float, tick: Any) -> Spoken:
    return SPEAK(self, line, voice, speed=speed, pitch=pitch, tick=lambda: None)


VOICES = {
    **general(LittleVoice),
    "it lists voices that it knows": broken(LittleVoice, voices=lambda self: (VoiceInfo(name="x"),)),
    "its samples are of its voices": broken(LittleVoice, sampled=lambda self, tick: (VoiceInfo(name="x"),)),
    "a take is mono with sound in it": spoken(lambda take, line, how: louder(take, 1e-2)),
    "longer texts take longer": spoken(
        lambda take, line, how: Spoken(sound=np.resize(take.sound, (1, 16000)), rate=16000)
    ),
    "its speed is the one asked for": broken(
        LittleVoice,
        speak=lambda self, line, voice, *, speed, pitch, tick: SPEAK(
            self, line, voice, speed=1.0, pitch=pitch, tick=tick
        ),
    ),
    "the same line sounds the same": spoken(lambda take, line, how: louder(take, 1 / (1 + next(COUNT) % 9))),
    "a text is never a command": spoken(run_as_command),
    "strange and long lines do no harm": spoken(picky),
    "a voice that it lacks fails by name": broken(LittleVoice, knows=lambda self, voice: True),
    "it stops when it is told to": broken(LittleVoice, speak=deaf_to_stop),
}

KINDS: dict[str, tuple[type, Any, Any, dict[str, type]]] = {
    "separator": (LittleSeparator, testing.SEPARATOR_PROMISES, testing.check_separator, SEPARATORS),
    "diarizer": (LittleDiarizer, testing.DIARIZER_PROMISES, testing.check_diarizer, DIARIZERS),
    "recognizer": (LittleRecognizer, testing.RECOGNIZER_PROMISES, testing.check_recognizer, RECOGNIZERS),
    "translator": (LittleTranslator, testing.TRANSLATOR_PROMISES, testing.check_translator, TRANSLATORS),
    "voice": (LittleVoice, testing.VOICE_PROMISES, testing.check_voice, VOICES),
}
CASES = [(kind, promise) for kind, (_, promises, _, _) in KINDS.items() for promise in promises]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_keeps_all_promises_passes(kind: str) -> None:
    cls, _, check, _ = KINDS[kind]
    check(cls)


@pytest.mark.parametrize(("kind", "promise"), CASES)
def test_a_broken_promise_is_named(kind: str, promise: str) -> None:
    _, promises, _, wrong = KINDS[kind]
    cls: Any = wrong[promise]
    with cls(options_of(cls, {})) as opened, pytest.raises(AssertionError) as found:
        keep(promises, promise, Subject(cls, {}, opened, Path()))
    assert re.match(f"{cls.__name__}: {promise}: .", str(found.value))


def test_a_check_ends_at_the_first_broken_promise() -> None:
    with pytest.raises(AssertionError, match=r"BrokenLittleDiarizer: turns lie in order.*overlap"):
        testing.check_diarizer(DIARIZERS["turns lie in order inside the sound"])
    with pytest.raises(InvalidJob, match="wibble"):
        testing.check_separator(LittleSeparator, options={"wibble": 1})

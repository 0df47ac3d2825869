"""One little back end of each kind that keeps every promise, to be broken in one place at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dubline.backends.backend import Backend
from dubline.backends.contract import Diarization, Heard, Spoken, Stretch, VoiceInfo
from dubline.errors import BackendFailed, InvalidJob
from dubline.values.base import ModelIdentity
from dubline.values.transcript import HeardWord, Turn
from dubline.values.translated import Answer, Candidate, SourceLine

LOUD = 0.003


class Little(Backend):
    """What all of them have."""

    identities: tuple[ModelIdentity, ...] = ()
    notes: tuple[str, ...] = ("little",)

    def __init__(self, options: Any) -> None:
        self.options = options


class LittleStream:
    """Each sample with some of the one before it."""

    def __init__(self, survey: Any, tick: Callable[[], None]) -> None:
        self.tick, self.last, self.survey = tick, np.zeros((2, 1), np.float32), survey

    def push(self, block: np.ndarray) -> np.ndarray:
        self.tick()
        out = 0.3 * block + 0.1 * np.concatenate([self.last, block], axis=1)[:, : block.shape[1]]
        self.last = block[:, -1:] if block.shape[1] else self.last
        return out[None].astype(np.float32)

    def flush(self) -> np.ndarray:
        return np.zeros((1, 2, 0), np.float32)

    def state(self) -> dict[str, Any]:
        return {"last": self.last}

    def restore(self, state: dict[str, Any]) -> None:
        self.last = np.array(state["last"], np.float32)


class LittleSeparator(Little):
    """Takes less than half of everything for voices."""

    rate = 48000
    sources: tuple[str, ...] = ("vocals",)
    streams: ClassVar[type[LittleStream]] = LittleStream

    def stream(self, survey: Any, tick: Callable[[], None], outputs: Any = ()) -> LittleStream:
        return self.streams(survey, tick)


class LittleDiarizer(Little):
    """One person speaks wherever it is loud."""

    embedding = "little"

    class Options(Backend.Options, frozen=True, kw_only=True):
        """Numbers of speakers."""

        speakers: int | None = None
        min_speakers: int | None = None
        max_speakers: int | None = None

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        few, many = options.min_speakers, options.max_speakers
        wrong = options.speakers is not None and (options.speakers < 1 or few or many)
        if wrong or (few or 1) > (many or few or 1):
            raise InvalidJob("impossible numbers of speakers", hint="Give others.")

    def diarize(self, speech: Any, report: Any) -> Diarization:
        duration, step = speech.duration, speech.rate // 10
        spans: list[list[float]] = []
        report(0.0, duration)
        for first in range(0, speech.frames, 10 * step):
            sound = np.abs(speech.read(first, min(first + 10 * step, speech.frames)))
            for at in range(0, len(sound), step) if sound.max() > LOUD else ():
                if sound[at : at + step].max() > LOUD:
                    start, end = (first + at) / speech.rate, min(duration, (first + at + step) / speech.rate)
                    if spans and spans[-1][1] >= start - 1e-9:
                        spans[-1][1] = end
                    else:
                        spans.append([start, end])
            report(min(duration, (first + 10 * step) / speech.rate), duration)
        turns = tuple(Turn(start=a, end=b, speaker="A") for a, b in spans)
        vectors = {"A": (1.0, 0.0)} if turns else {}
        return Diarization(turns=turns, exclusive=turns, embeddings=vectors, embedding=self.embedding)

    def embed(self, speech: Any, spans: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        clipped = [(max(0.0, a), min(b, speech.duration)) for a, b in spans]
        loud = any(
            a < b and np.abs(speech.read(round(a * speech.rate), round(b * speech.rate))).max() > LOUD
            for a, b in clipped
        )
        return (1.0, 0.0) if loud and sum(max(0.0, b - a) for a, b in clipped) >= 0.5 else ()


class LittleRecognizer(Little):
    """Hears one word wherever it is loud."""

    confidence: ClassVar[str] = "It is always sure."

    class Options(Backend.Options, frozen=True, kw_only=True):
        """The language."""

        language: str = ""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        if options.language not in ("", "en"):
            raise InvalidJob(f"no language {options.language!r}", hint="Take en.")

    def recognize(self, speech: Any, stretches: Sequence[Stretch], report: Any) -> Iterator[Heard]:
        if any(not 0 <= s.start <= s.end or s.end - s.start > 30 or math.isnan(s.end) for s in stretches):
            raise InvalidJob("an impossible stretch", hint="Cut it.")
        total, done = sum(s.end - s.start for s in stretches), 0.0
        for stretch in stretches:
            report(done, total)
            yield Heard(words=self.words(speech, stretch), language="en")
            done += stretch.end - stretch.start
        report(done, total)

    def words(self, speech: Any, stretch: Stretch) -> tuple[HeardWord, ...]:
        sound = speech.read(round(stretch.start * speech.rate), round(stretch.end * speech.rate))
        if not sound.size or np.abs(sound).max() <= LOUD:
            return ()
        return (HeardWord(text=" word", start=stretch.start, end=stretch.end, confidence=1.0),)


class LittleTranslator(Little):
    """Writes in capitals."""

    whole_sentences = in_context = by_hand = False
    varies = True

    class Options(Backend.Options, frozen=True, kw_only=True):
        """Languages, and how many translations."""

        source: str = "en"
        target: str = "xy"
        candidates: int = 1

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        if "xx" in (options.source, options.target):
            raise InvalidJob("no language 'xx'", hint="Take another.")

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Any
    ) -> Iterator[dict[str, Answer]]:
        for start in range(0, len(lines), 5):
            report(start, len(lines))
            batch = [line for line in lines[start : start + 5] if line.key not in known]
            if batch:
                yield {line.key: self.answer(line) for line in batch}
        report(len(lines), len(lines))

    def answer(self, line: SourceLine) -> Answer:
        words = line.text.upper().split()
        if not words:
            return Answer(failure="it is empty")
        if line.wanted == "shorter":
            words = words[:-1]
        elif line.wanted == "longer":
            words = [*words, "INDEED"]
        return Answer(candidates=(Candidate(text=" ".join(words), origin="program"),))


class LittleVoice(Little):
    """Hums as long as the text is."""

    paces, pitches, any_voice = True, False, False

    class Options(Backend.Options, frozen=True, kw_only=True):
        """The language."""

        language: str = "en"

    def voices(self) -> tuple[VoiceInfo, ...]:
        return (VoiceInfo(name="hum", language="en", gender="male", pitch=110.0),)

    def knows(self, voice: str) -> bool:
        return voice == "hum"

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Any) -> Spoken:
        if not self.knows(voice):
            raise BackendFailed(f"no voice {voice!r}", hint="Take hum.")
        tick()
        time = np.arange(round(16000 * 0.06 * len(text) / speed)) / 16000
        return Spoken(sound=(0.3 * np.sin(2 * np.pi * 110 * time)).astype(np.float32)[None], rate=16000)

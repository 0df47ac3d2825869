"""A stranger's package of back ends, made and installed on the spot: quick, exact, and of any version.

    install(folder, version="0.1")     separators `halves` and `thirds`, diarizer `one`, recognizer `fixed`,
                                       translator `loud`

The caller puts `folder` on sys.path. The separators differ in what they give to the voices, so that a stem
tells who made it; version 0.2 of `halves` gives another share. Nothing here stands for quality.
"""

from __future__ import annotations

import sys
from pathlib import Path

ENTRY_POINTS = """
[dubline.separator]
halves = strange_ends:Halves
thirds = strange_ends:Thirds
[dubline.diarizer]
one = strange_ends:One
[dubline.recognizer]
fixed = strange_ends:Fixed
[dubline.translator]
loud = strange_ends:Loud
"""

CODE = '''
"""Back ends that a stranger wrote."""

from typing import ClassVar

from dubline.backends.backend import Backend
from dubline.backends.contract import Diarization, Heard
from dubline.values.transcript import HeardWord, Turn
from dubline.values.translated import Answer, Candidate

VERSION = "{version}"


class Stream:
    def __init__(self, share):
        self.share = share

    def push(self, block):
        return self.share * block[None]

    def flush(self):
        import numpy as np

        return np.zeros((1, 2, 0), np.float32)

    def state(self):
        return {{}}

    def restore(self, state):
        pass


class Halves(Backend):
    """Half of the sound is voice."""

    rate = 48000
    sources = ("vocals",)
    share = 0.5 if VERSION == "0.1" else 0.25

    class Options(Backend.Options, frozen=True, kw_only=True):
        gain: float = 1.0

    @classmethod
    def rank(cls, content):
        return None

    def __init__(self, options):
        self.gain = options.gain
        self.identities, self.notes = (), ()

    def stream(self, survey, tick, outputs=()):
        tick()
        return Stream(self.share * self.gain)


class Thirds(Halves):
    """An eighth of the sound is voice."""

    share = 0.125


class One(Backend):
    """Everybody is one person."""

    embedding = "none"

    class Options(Backend.Options, frozen=True, kw_only=True):
        speakers: int | None = None
        min_speakers: int | None = None
        max_speakers: int | None = None

    @classmethod
    def rank(cls, content):
        return None

    def __init__(self, options):
        self.identities, self.notes = (), ()

    def diarize(self, speech, report):
        turns = (Turn(start=0.5, end=2.5, speaker="A"),)
        return Diarization(turns=turns, exclusive=turns)

    def embed(self, speech, spans):
        return ()


class Fixed(Backend):
    """Everybody says the same word."""

    confidence = "none"

    class Options(Backend.Options, frozen=True, kw_only=True):
        language: str = ""
        word: str = "Hello."

    @classmethod
    def rank(cls, content):
        return None

    def __init__(self, options):
        self.options = options
        self.identities, self.notes = (), ()

    def recognize(self, speech, stretches, report):
        for stretch in stretches:
            start = stretch.start + 0.1
            word = HeardWord(text=self.options.word, start=start, end=start + 0.8, confidence=0.9)
            yield Heard(words=(word,), language=self.options.language or "en")


class Loud(Backend):
    """The same words, shouted."""

    whole_sentences: ClassVar[bool] = False
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = False
    by_hand: ClassVar[bool] = False

    class Options(Backend.Options, frozen=True, kw_only=True):
        source: str = ""
        target: str = ""
        candidates: int = 1
        mark: str = "!"

    @classmethod
    def rank(cls, content):
        return None

    def __init__(self, options):
        self.mark = options.mark
        self.identities, self.notes = (), ()

    def translate(self, lines, known, report):
        for line in lines:
            if line.key not in known:
                text = line.text.rstrip(".!").upper() + self.mark
                yield {{line.key: Answer(candidates=(Candidate(text=text),))}}
'''


def install(folder: Path, version: str = "0.1") -> None:
    """Put the package, of a version, into a folder; one of another version there goes."""
    for old in folder.glob("strange_ends-*.dist-info/*"):
        old.unlink()
    for old in folder.glob("strange_ends-*.dist-info"):
        old.rmdir()
    about = folder / f"strange_ends-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: strange-ends\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "strange_ends.py").write_text(CODE.format(version=version))
    sys.modules.pop("strange_ends", None)

"""PocketSphinx: English words with the model that its wheel carries; nothing to fetch.

As a recognizer it is far behind Whisper and there for want of anything better. What it does well is to
put known text on its sound: `align_words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dubline.backends.backend import Backend
from dubline.backends.contract import Heard, Stretch
from dubline.backends.recognizers.hearing import RATE, check_stretches, is_silent, orderly, samples_of
from dubline.errors import BackendFailed, InvalidJob
from dubline.values.base import ModelIdentity
from dubline.values.transcript import HeardWord
from dubline.weights.files import checksum
from dubline.weights.installation import pip_command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.media.speech import Speech
    from dubline.report import Report

FRAME = 0.01  # seconds; the model's `frate` is 100
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
DIGITS = ["Z IH R OW", "W AH N", "T UW", "TH R IY", "F AO R"]
DIGITS += ["F AY V", "S IH K S", "S EH V AH N", "EY T", "N AY N"]
SOUNDS = {
    **{"ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W"},
    **{"ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "ai": "EY", "ay": "EY", "oi": "OY"},
    **{"oy": "OY", "au": "AO", "aw": "AO", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R", "or": "AO R"},
    **{"a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH"},
    **{"j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R"},
    **{"s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z"},
}
"""A phone or two for each spelling: near enough to hold the place of a name that no dictionary has."""


class Pocketsphinx(Backend):
    """`pocketsphinx`: English only, offline, and often wrong."""

    requires: ClassVar[tuple[str, ...]] = ("pocketsphinx",)
    extra: ClassVar[str] = "pocketsphinx"
    languages: ClassVar[tuple[str, ...] | None] = ("en",)
    cost: ClassVar[str] = (  # benchmarks/recognition.py, on the scene; docs/recognition.md
        "it hears English only and gets many words wrong: in our test scene 39.4 % in clean dialogue, 82.7 % "
        "under music and effects"
    )
    confidence: ClassVar[str] = (
        "The word's posterior probability among PocketSphinx's own hypotheses; it is often sure and wrong."
    )
    precedence: ClassVar[int | None] = 10  # last: there for want of anything better

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`language`: "en" or "", which is the same here."""

        language: str = ""

    def __init__(self, options: Options) -> None:
        if options.language not in ("", "en"):
            raise InvalidJob(
                f"pocketsphinx hears English only, not {options.language!r}",
                hint="Take the recognizer faster-whisper or transformers for other languages.",
            )
        self._decoder: Any = _decoder()
        folder = _model_folder()
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README")
        self.identities = (
            ModelIdentity(
                name="en-us",
                files=tuple(path.relative_to(folder).as_posix() for path in files),
                sha256=tuple(checksum(path) for path in files),
                licence="BSD-2-Clause",
                origin="the pocketsphinx wheel",
            ),
        )
        self.notes: tuple[str, ...] = ("pocketsphinx hears English only and gets many words wrong",)

    def recognize(self, speech: Speech, stretches: tuple[Stretch, ...], report: Report) -> Iterator[Heard]:
        """One `Heard` for each stretch, in order. `report` counts the seconds of the stretches.

        Raises:
            InvalidJob: a stretch is longer than 30 s.
        """
        total, done = check_stretches(stretches), 0.0
        for stretch in stretches:
            report(done, total)
            samples = samples_of(speech, stretch)
            yield Heard(words=orderly(self._words(samples, stretch.start), stretch), language="en")
            done += stretch.end - stretch.start
        report(total, total)

    def _words(self, samples: NDArray[np.float32], offset: float) -> Iterator[HeardWord]:
        if is_silent(samples) or not _has_voice(samples):
            return
        # The decoder remembers the utterance before; only loading it anew makes it forget (0.7 s).
        self._decoder.reinit()
        for name, start, end, chance in _decode(self._decoder, samples):
            yield HeardWord(text=f" {name}", start=offset + start, end=offset + end, confidence=chance)

    def __exit__(self, *exc: object) -> None:
        self._decoder = None


def align_words(
    samples: NDArray[np.float32], words: Sequence[str], *, decoder: Any = None
) -> tuple[tuple[float, float], ...] | None:
    """Where each word of a known English text is spoken: (start, end) in seconds from the first sample.

    `samples` are (n,) float32 at 16 kHz and hold the text, with some silence around it. `words` hold letters
    or digits, in any spelling; one the dictionary does not know is spelt out by rule. `decoder`, from
    `alignment_decoder`, saves loading the model. None: the sound cannot be that text.
    """
    if not words or is_silent(samples):
        return None
    decoder = decoder or alignment_decoder()
    decoder.reinit()
    parts = [_spoken(word) for word in words]
    if not all(parts):
        return None
    names = []
    for part in parts:
        for word in part:
            if decoder.lookup_word(word) is None:
                decoder.add_word(word, pronunciation(word), True)
            names.append(word)
    try:
        decoder.set_align_text(" ".join(names))
        found = _decode(decoder, samples)
    except RuntimeError:
        return None
    if [name for name, *_ in found] != names:
        return None
    spans, at = [], 0
    for part in parts:
        spans.append((found[at][1], found[at + len(part) - 1][2]))
        at += len(part)
    return tuple(spans)


def alignment_decoder() -> Any:
    """A decoder for `align_words`; it may be used again and again."""
    return _decoder(lm=None)


def pronunciation(word: str) -> str:
    """A rough pronunciation in the model's phones, by spelling alone; "AH" if there is nothing to say."""
    phones: list[str] = []
    rest = re.sub(r"([b-df-hj-np-tv-z])\1", r"\1", re.sub(r"[^a-z0-9]", "", word.lower()))
    while rest:
        if rest[0].isdigit():
            phones.append(DIGITS[int(rest[0])])
            rest = rest[1:]
            continue
        size = 2 if rest[:2] in SOUNDS else 1
        if not (rest == "e" and phones):  # a last e is mute
            phones.append(SOUNDS[rest[:size]])
        rest = rest[size:]
    return " ".join(phones) or "AH"


def _spoken(word: str) -> list[str]:
    """A written word as the dictionary spells it, its parts one by one."""
    plain = word.lower().replace("\u2019", "'")
    return [part.strip("'") for part in re.findall(r"[a-z0-9']+", plain) if part.strip("'")]


def _model_folder() -> Path:
    import pocketsphinx

    return Path(pocketsphinx.get_model_path()) / "en-us"


def _decoder(**settings: Any) -> Any:
    import pocketsphinx

    try:
        return pocketsphinx.Decoder(loglevel="FATAL", **settings)
    except RuntimeError as error:
        raise BackendFailed(
            f"pocketsphinx could not load its model: {error}",
            hint=f"Install it again: {pip_command('--force-reinstall', 'pocketsphinx')}",
        ) from error


def _decode(decoder: Any, samples: NDArray[np.float32]) -> list[tuple[str, float, float, float]]:
    """(word, start, end, probability) with times in seconds; fillers and numbers of variants left out."""
    decoder.start_utt()
    decoder.process_raw(_pcm(samples), full_utt=True)
    decoder.end_utt()
    return [
        (re.sub(r"\(\d+\)$", "", s.word), s.start_frame * FRAME, (s.end_frame + 1) * FRAME, float(s.prob))
        for s in (decoder.seg() or ())
        if not FILLER.fullmatch(s.word)
    ]


def _has_voice(samples: NDArray[np.float32]) -> bool:
    """Whether the voice detector in the library, at its most lenient, finds a single frame of speech."""
    import pocketsphinx

    detector = pocketsphinx.Vad(pocketsphinx.Vad.LOOSE, RATE)
    data, size = _pcm(samples), detector.frame_bytes
    return any(detector.is_speech(data[at : at + size]) for at in range(0, len(data) - size + 1, size))


def _pcm(samples: NDArray[np.float32]) -> bytes:
    return np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()

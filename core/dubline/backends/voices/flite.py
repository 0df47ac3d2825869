# ruff: noqa: RUF001 - quotation marks and dashes that the program does not know
"""Flite: a few English voices in one small program; more natural than rules, and nothing to download.

Its `duration_stretch` is linear: lengths follow it within a few thousandths.
"""

from __future__ import annotations

import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from dubline.backends.contract import Spoken, Tick, VoiceInfo
from dubline.backends.programs import ProgramBackend, run_program, speakable, told
from dubline.backends.voices.take import read_spoken
from dubline.errors import BackendFailed, InvalidJob
from dubline.language.script import base_language
from dubline.values.base import ModelIdentity

PROGRAM = "flite"
TIMEOUT = 60.0  # seconds for a line; it takes a few hundredths
SLOWEST, FASTEST = 0.5, 2.0

# Median F0 in Hz of version 2.2's voices, measured with Praat's method on two sentences. awb_time is left
# out: it tells the time and knows no other words.
_VOICES = {
    "slt": ("female", 168.6),
    "rms": ("male", 98.5),
    "awb": ("male", 127.0),
    "kal16": ("male", 90.8),
    "kal": ("male", 90.4),
}
_ASCII = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


class Flite(ProgramBackend):
    """`flite`: the installed program; English only.

    A voice is one of the program's own ("slt", "rms", "awb", "kal16", "kal"), or the path of a .flitevox
    file.

    Raises:
        BackendMissing: the program is not installed.
        InvalidJob: another language than English.
    """

    program: ClassVar[str] = PROGRAM
    install: ClassVar[str] = "sudo apt install flite"
    languages: ClassVar[tuple[str, ...] | None] = ("en",)
    cost: ClassVar[str] = "a simple guide voice, not for release"
    pitches: ClassVar[bool] = False  # one of its voices ignores the setting
    any_voice: ClassVar[bool] = False
    precedence: ClassVar[int | None] = 40  # after neural voices, before rules

    class Options(ProgramBackend.Options, frozen=True, kw_only=True):
        """`language`: "en", or a code that begins with it."""

        language: str = "en"

    @classmethod
    def version(cls) -> str:
        for row in told(cls.program, "--version").splitlines():
            if "version:" in row:
                return "flite " + row.partition("version:")[2].split()[0].removeprefix("flite-")
        return PROGRAM

    def __init__(self, options: Options) -> None:
        if base_language(options.language) != "en":
            raise InvalidJob(
                f"flite speaks English only, not {options.language!r}",
                hint="For other languages there are espeak-ng, piper and command.",
            )
        self._program = self.found(f"Install it: {self.install}.")
        self._own = _voices(self._program)
        self.paces = True
        self.identities = (ModelIdentity(name=self.version(), origin=PROGRAM, licence="BSD-like"),)
        self.notes: tuple[str, ...] = ("flite is a simple guide voice: for a guide track, not for release",)

    def voices(self) -> tuple[VoiceInfo, ...]:
        return tuple(
            VoiceInfo(name=name, language="en", gender=gender, pitch=pitch)
            for name, (gender, pitch) in _VOICES.items()
            if name in self._own
        )

    def knows(self, voice: str) -> bool:
        # The program takes any other name for a path or an address, and falls back to kal in silence.
        return voice in self._own or (voice.endswith(".flitevox") and Path(voice).is_file())

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Tick) -> Spoken:
        if not self.knows(voice):
            raise BackendFailed(f"flite has no voice {voice!r}", hint="`flite -lv` lists them.")
        stretch = 1 / min(max(speed, SLOWEST), FASTEST)
        name = voice if voice in self._own else str(Path(voice).absolute())
        with tempfile.TemporaryDirectory(prefix="dubline-") as place:
            words, wav = Path(place) / "line.txt", Path(place) / "take.wav"
            words.write_text(in_ascii(text) + "\n", encoding="ascii")
            command = [self._program, "-voice", name, "--setf", f"duration_stretch={stretch:.5f}"]
            run_program(
                [*command, "-f", str(words), "-o", str(wav)], b"", tick, timeout=TIMEOUT, name=PROGRAM
            )
            return read_spoken(wav, PROGRAM)


def in_ascii(text: str) -> str:
    """The text in the letters that the program knows: it spells all others byte by byte."""
    plain = unicodedata.normalize("NFKD", speakable(text).translate(_ASCII))
    return " ".join(plain.encode("ascii", "ignore").decode("ascii").split())


@lru_cache(maxsize=4)
def _voices(program: str) -> frozenset[str]:
    return frozenset(told(program, "-lv").partition(":")[2].split()) - {"awb_time"}

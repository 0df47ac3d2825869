"""eSpeak NG: more than a hundred languages by rules, with the program that the system has, else with the
library that the wheel of espeakng-loader carries.

Intelligible and plainly a machine: a guide track, no release. It speaks at any pace and needs no model.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from dubline.backends.backend import Sought
from dubline.backends.contract import Spoken, Tick, VoiceInfo
from dubline.backends.programs import ProgramBackend, run_program, speakable, told
from dubline.backends.voices.take import read_spoken
from dubline.errors import BackendFailed, BackendMissing, InvalidJob
from dubline.language.script import base_language
from dubline.values.base import ModelIdentity
from dubline.values.languages import language_name
from dubline.weights.installation import pip_command
from dubline.weights.recommended import ESPEAK
from dubline.weights.wheels import file_in

PROGRAM = "espeak-ng"
_LIBRARIES = {"win32": "espeak-ng.dll", "darwin": "libespeak-ng.dylib"}
WORDS = 175  # a minute: the program's own pace, which is speed 1.0
SLOWEST, FASTEST = 80, 450  # words a minute, the program's bounds
TIMEOUT = 60.0  # seconds for a line; it takes about a hundredth of a second

# Median F0 in Hz, measured with Praat's method on two sentences each of English and Turkish (the mean), at
# pitch 50 in version 1.51. The first of each gender are the ones that differ most.
PITCHES = {
    "m3": 100.3, "f2": 188.4, "m1": 91.9, "f3": 202.5, "m8": 82.7, "f1": 175.2, "m7": 101.9, "f5": 199.4,
    "m2": 98.2, "f4": 174.7, "m5": 99.6, "m4": 90.9, "m6": 98.3,
}  # fmt: skip
# Pitch setting 0..99 against the factor of F0 that comes of it: the mean of m3 and f2, measured likewise.
_SETTINGS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
_FACTORS = (0.736, 0.763, 0.809, 0.836, 0.917, 1.0, 1.107, 1.221, 1.363, 1.518, 1.680)
_ALIAS = re.compile(r"\((\S+) (\d+)\)")
_OTHER_CODES = {"no": "nb", "zh": "cmn", "iw": "he"}


class Espeak(ProgramBackend):
    """`espeak-ng`: the program, or its library. Voices are named "tr+f2": a language, plus a variant.

    Raises:
        BackendMissing: neither is installed.
        InvalidJob: the language is missing, or the program does not speak it.
    """

    program: ClassVar[str] = PROGRAM
    install: ClassVar[str] = f"sudo apt install espeak-ng, or {pip_command('--no-deps', ESPEAK.release)}"
    cost: ClassVar[str] = "a robotic guide voice, not for release"
    pitches: ClassVar[bool] = True
    any_voice: ClassVar[bool] = False
    precedence: ClassVar[int | None] = 30  # last, but it knows most languages

    class Options(ProgramBackend.Options, frozen=True, kw_only=True):
        """`language`: a code such as "tr" or "pt-BR". `words`: words a minute that count as the voices' own
        pace, 80 to 450."""

        language: str = ""
        words: int = WORDS

    @classmethod
    def command(cls) -> tuple[str, ...]:
        """What is run: the installed program, else the library in the wheel; () where neither is here."""
        path = shutil.which(PROGRAM)
        return (path,) if path else cls.library()

    @classmethod
    def library(cls) -> tuple[str, ...]:
        """Our own Python over the library that espeakng-loader carries; () where that is not installed."""
        library = file_in("espeakng_loader", _LIBRARIES.get(sys.platform, "libespeak-ng.so"))
        script = Path(__file__).with_name("espeak_library.py")
        return (sys.executable, "-I", "-X", "utf8", str(script), str(library)) if library else ()

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        return () if cls.command() else (f"the program {PROGRAM}",)

    @classmethod
    def check(cls, sought: Sought) -> None:
        """Refuse a language that the program does not speak."""
        if sought.language:
            cls(cls.Options(language=sought.language))

    @classmethod
    def trial_options(cls) -> dict[str, str]:
        return {"language": "en"}

    @classmethod
    def version(cls) -> str:
        return (
            f"{PROGRAM} {told(*cls.command(), '--version').partition('Data at')[0].partition(':')[2].strip()}"
        )

    def __init__(self, options: Options) -> None:
        self._command = self.command()
        if not self._command:
            raise BackendMissing(
                f"the program {PROGRAM} is not installed", hint=f"Install it: {self.install}"
            )
        if not SLOWEST <= options.words <= FASTEST:
            raise InvalidJob(f"espeak-ng: {options.words} words a minute", hint="Give 80 to 450.")
        if not options.language.strip():
            raise InvalidJob("the voice's language is missing", hint='Give its code, such as "tr".')
        self._words = options.words
        self._codes = _spoken_codes(self._command)
        self._variants = _variants(self._command)
        self._language = self._code(options.language)
        self.paces = True
        self.identities = (ModelIdentity(name=self.version(), origin=PROGRAM, licence="GPL-3.0-or-later"),)
        self.notes: tuple[str, ...] = (
            "espeak-ng is a robotic guide voice: for a guide track, not for release",
        )

    def voices(self) -> tuple[VoiceInfo, ...]:
        return tuple(
            VoiceInfo(
                name=f"{self._language}+{variant}",
                language=self._language,
                gender="male" if variant.startswith("m") else "female",
                pitch=pitch,
            )
            for variant, pitch in PITCHES.items()
            if variant in self._variants
        )

    def knows(self, voice: str) -> bool:
        code, plus, variant = voice.partition("+")
        return code.casefold() in self._codes and (not plus or variant in self._variants)

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Tick) -> Spoken:
        if not self.knows(voice):
            raise BackendFailed(
                f"espeak-ng has no voice {voice!r}",
                hint="`espeak-ng --voices` and `espeak-ng --voices=variant` list them.",
            )
        # Double brackets would make phonemes of what stands between them.
        plain = speakable(text).replace("[[", "[ [")
        words = min(max(round(self._words * speed), SLOWEST), FASTEST)
        with tempfile.TemporaryDirectory(prefix="dubline-") as place:
            wav = Path(place) / "take.wav"
            code, plus, variant = voice.partition("+")
            known = self._codes[code.casefold()] + plus + variant
            command = [*self._command, "-v", known, "-s", str(words), "-p", str(pitch_setting(pitch))]
            command += ["-b", "1", "-z", "--stdin", "-w", str(wav)]
            run_program(command, plain.encode(), tick, timeout=TIMEOUT, name=PROGRAM)
            return read_spoken(wav, PROGRAM)

    def _code(self, language: str) -> str:
        wanted = language.strip().casefold().replace("_", "-")
        base = base_language(language)
        for code in (wanted, base, _OTHER_CODES.get(base, base)):
            if code in self._codes:
                return self._codes[code]
        raise InvalidJob(
            f"espeak-ng does not speak {language_name(language)}",
            hint="`espeak-ng --voices` lists its languages.",
        )


def pitch_setting(factor: float) -> int:
    """The program's pitch, 0 to 99, that brings a voice's F0 to `factor` times its own, or nearest to it."""
    factor = min(max(factor, _FACTORS[0]), _FACTORS[-1])
    above = max(1, bisect_left(_FACTORS, factor))
    low, high = _FACTORS[above - 1], _FACTORS[above]
    share = (factor - low) / (high - low)
    return round(_SETTINGS[above - 1] + share * (_SETTINGS[above] - _SETTINGS[above - 1]))


@lru_cache(maxsize=4)
def _spoken_codes(command: tuple[str, ...]) -> dict[str, str]:
    """The codes of its languages, and other codes for them, in lower case -> the code as its list has it:
    with a variant behind it the program knows no other. Voices of MBROLA are left out, as they need a program
    and data more."""
    rows = [(row, row.split()) for row in told(*command, "--voices").splitlines()[1:]]
    rows = [(row, fields) for row, fields in rows if len(fields) >= 5 and not fields[4].startswith("mb/")]
    # One with a private part is known by its file alone: "chr" of "chr-US-Qaaa-x-west".
    own = {f[1].casefold(): f[4].rpartition("/")[2] if "-x-" in f[1].casefold() else f[1] for _, f in rows}
    others: dict[str, tuple[int, str]] = {}
    for row, fields in rows:
        file = fields[4].rpartition("/")[2]
        for other, rank in _ALIAS.findall(row):  # the lowest is the one that the program takes for it
            code = other if file.casefold() == other.casefold() else own[fields[1].casefold()]
            others[other.casefold()] = min(others.get(other.casefold(), (99, "")), (int(rank), code))
    known = {other: code for other, (_, code) in others.items()}
    return {**known, **{code.casefold(): code for code in own.values()}, **own}


@lru_cache(maxsize=4)
def _variants(command: tuple[str, ...]) -> frozenset[str]:
    files = (word for row in told(*command, "--voices=variant").splitlines() for word in row.split())
    return frozenset(word.removeprefix("!v/") for word in files if word.startswith("!v/"))

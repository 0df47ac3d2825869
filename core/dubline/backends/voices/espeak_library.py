"""The program `espeak-ng`, for systems that lack it: the few options that Dubline gives it, over the shared
library and the data that the wheel of espeakng-loader carries (eSpeak NG 1.52, GPL-3.0-or-later).

    python -I espeak_library.py LIBRARY --version
    python -I espeak_library.py LIBRARY --voices            and --voices=variant
    python -I espeak_library.py LIBRARY -v pt-br+f2 -s 175 -p 50 -b 1 -z --stdin -w take.wav

A process of its own for each line, as the program is: the library keeps its state in globals. It is run as
a file and imports nothing of Dubline's. C interface: speak_lib.h of eSpeak NG.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback, within the call
DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: a fault is a status, not the end of the process
RATE_PARAMETER, PITCH_PARAMETER = 1, 3
UTF8 = 1
BY_CHARACTERS = 1  # POS_CHARACTER


class Voice(ctypes.Structure):
    """espeak_VOICE. `languages` holds a priority byte and a code ended by 0, again and again, then 0."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


HEARD = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def opened(path: Path) -> tuple[ctypes.CDLL, int]:
    """(the library, ready, with the data beside it; its sampling rate in Hz). OSError where it is not."""
    library = ctypes.CDLL(str(path))
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(path.parent).encode(), DONT_EXIT)
    if rate <= 0:
        raise OSError(f"eSpeak NG does not find its data in {path.parent}")
    return library, rate


def rows(library: ctypes.CDLL, variants: bool) -> Iterator[str]:
    """The voices, one a row, as the program lists them."""
    wanted = Voice(languages=ctypes.cast(ctypes.c_char_p(b"variant"), ctypes.c_void_p)) if variants else None
    yield "Pty Language       Age/Gender VoiceName          File                 Other Languages"
    for voice in library.espeak_ListVoices(ctypes.byref(wanted) if wanted else None):
        if not voice:
            return
        spoken = list(codes(voice.contents.languages))
        (priority, code), others = spoken[0], " ".join(f"({other} {rank})" for rank, other in spoken[1:])
        name = voice.contents.name.decode("utf-8", "replace").replace(" ", "_")
        yield f"{priority:2d}  {code:<15} --/-  {name:<20} {voice.contents.identifier.decode()} {others}"


def codes(address: int) -> Iterator[tuple[int, str]]:
    """(priority, code) of the languages of a voice."""
    while address and (priority := ctypes.c_ubyte.from_address(address).value):
        code = ctypes.string_at(address + 1)
        yield priority, code.decode()
        address += len(code) + 2


def speak(library: ctypes.CDLL, rate: int, given: argparse.Namespace, text: bytes) -> None:
    """Write a WAV file, mono and 16 bit. SystemExit where there is no such voice, or it does not speak."""
    samples = bytearray()

    def hear(block: Any, count: int, events: Any) -> int:
        if block and count > 0:
            samples.extend(ctypes.string_at(block, 2 * count))
        return 0

    callback = HEARD(hear)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(given.v.encode()):
        raise SystemExit(f"there is no voice {given.v}")
    library.espeak_SetParameter(RATE_PARAMETER, given.s, 0)
    library.espeak_SetParameter(PITCH_PARAMETER, given.p, 0)
    if library.espeak_Synth(text, len(text) + 1, 0, BY_CHARACTERS, 0, UTF8, None, None):
        raise SystemExit("it does not speak")
    with wave.open(given.w, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples)


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("library", type=Path)
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--voices", nargs="?", const="", choices=("", "variant"))
    parser.add_argument("-v", default="en")
    parser.add_argument("-s", type=int, default=175)
    parser.add_argument("-p", type=int, default=50)
    parser.add_argument("-w")
    for taken, count in (("-b", 1), ("-z", 0), ("--stdin", 0)):  # so it is in any case
        parser.add_argument(taken, nargs=count) if count else parser.add_argument(taken, action="store_true")
    given = parser.parse_args()
    try:
        library, rate = opened(given.library)
    except OSError as error:
        raise SystemExit(str(error)) from None
    if given.version:
        version = library.espeak_Info(None).decode("utf-8", "replace")
        print(f"eSpeak NG text-to-speech: {version}  Data at: {given.library.parent}")
    elif given.voices is not None:
        print(*rows(library, given.voices == "variant"), sep="\n")
    else:
        speak(library, rate, given, sys.stdin.buffer.read())


if __name__ == "__main__":
    main()

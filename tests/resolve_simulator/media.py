"""Facts of media files: length, rate, channels. WAV and SRT are read here, the rest comes from a table."""

import os
import re
import struct
from collections import namedtuple
from fractions import Fraction

# rate: frames a second as a Fraction, None without picture. frames: of the picture.
# channels, samples, sample_rate: of the first sound, 0 without sound.
# start: the first picture frame or sample in the file's own timecode, in seconds.
Facts = namedtuple("Facts", "rate frames channels samples sample_rate start")
Cue = namedtuple("Cue", "start end text")  # seconds as Fractions

STAMP = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{3})")


def facts_from(entry):
    """A table's entry, such as ``{"rate": "24000/1001", "frames": 240, "channels": 2, "samples": 480480,
    "sample_rate": 48000, "start": "0"}``, as Facts. Every key may be missing."""
    rate = entry.get("rate")
    return Facts(
        Fraction(rate) if rate else None,
        int(entry.get("frames", 0)),
        int(entry.get("channels", 0)),
        int(entry.get("samples", 0)),
        int(entry.get("sample_rate", 0)),
        Fraction(entry.get("start", 0)),
    )


def seconds(facts):
    """Whole length of the file: the picture's, or the sound's where there is no picture."""
    if facts.rate:
        return Fraction(facts.frames) / facts.rate
    return Fraction(facts.samples, facts.sample_rate)


def read_wav(path):
    """Facts of a RIFF, RF64 or WAVE-extensible file of any sample format; None when it is none.

    The time reference of a ``bext`` chunk becomes ``start`` (section 6: a stem must not carry one unawares).
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        channels = rate = frame = size = big = reference = 0
        while True:
            start = file.read(8)
            if len(start) < 8:
                break
            name, length = start[:4], struct.unpack("<I", start[4:])[0]
            if name == b"data":
                size = big if length == 0xFFFFFFFF and big else length
                file.seek(size + size % 2, os.SEEK_CUR)
                continue
            body = file.read(length)
            file.seek(length % 2, os.SEEK_CUR)
            if name == b"fmt ":
                channels, rate = struct.unpack("<HI", body[2:8])
                frame = struct.unpack("<H", body[12:14])[0]
            elif name == b"ds64":
                big = struct.unpack("<Q", body[8:16])[0]
            elif name == b"bext":
                low, high = struct.unpack("<II", body[338:346])
                reference = low + (high << 32)
    if not rate or not frame or not size:
        return None
    return Facts(None, 0, channels, size // frame, rate, Fraction(reference, rate))


def read_srt(path):
    """The cues of an SRT file in its own order; None when it is no UTF-8 or holds no cue."""
    try:
        with open(path, encoding="utf-8-sig", newline=None) as file:
            text = file.read()
    except UnicodeDecodeError:
        return None
    cues = []
    for block in re.split(r"\n[ \t]*\n", text.strip("\n")):
        lines = block.strip("\n").split("\n")
        for number, line in enumerate(lines):
            stamps = STAMP.findall(line)
            if "-->" in line and len(stamps) == 2:
                first, last = [
                    Fraction(((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms), 1000)
                    for h, m, s, ms in stamps
                ]
                cues.append(Cue(first, last, "\n".join(lines[number + 1 :]).strip()))
                break
    return cues or None


def is_subtitle(path):
    return os.path.splitext(path)[1].lower() == ".srt"

"""Sound files whose headers do not tell what is in them: a recorder died before it wrote the sizes, a file of
more than 4 GiB went into a format of 32 bits, a copy broke off.

    found = told_wrong(path)          None for a header that is right, and for all that is no such file
    for block in found.blocks(): ...

WAV, RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088), Wave64 (Sony), AIFF and AIFF-C, with uncompressed samples.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from dubline.errors import AudioProcessingError
from dubline.media.sound import Subtype
from dubline.signal.channels import layout_of
from dubline.values.media import AudioTrack, Media

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNKNOWN = {
    0xFFFFFFFF,
    0x7FFFFFFF,
    0x7FFFFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0x7FFFFFFE,
}
"""Sizes of programs that write into a pipe and cannot know: no promise was broken."""
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"<?xml")
_KNOWN = {
    *(
        b"LIST",
        b"bext",
        b"iXML",
        b"cue ",
        b"fact",
        b"smpl",
        b"inst",
        b"JUNK",
        b"PAD ",
        b"junk",
        b"id3 ",
        b"ID3 ",
    ),
    *(
        b"axml",
        b"chna",
        b"cart",
        b"PEAK",
        b"_PMX",
        b"umid",
        b"DISP",
        b"FLLR",
        b"acid",
        b"plst",
        b"levl",
        b"minf",
    ),
    *(
        b"elm1",
        b"regn",
        b"r64m",
        b"MARK",
        b"COMT",
        b"NAME",
        b"AUTH",
        b"ANNO",
        b"(c) ",
        b"INST",
        b"APPL",
        b"SAUR",
    ),
}
_SLACK = 0.05  # seconds: what an editor may leave behind the last sample
_GUID_TAIL = (
    b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"  # of Wave64's chunks after their four letters
)


class Told(NamedTuple):
    """What a header says: where the samples begin, how many bytes of them it promises (None: it does not
    know), and what they are. `subtype` and `endian` are libsndfile's names; `after` is where the next chunk
    would be."""

    begin: int
    promise: int | None
    rate: int
    channels: int
    subtype: str
    endian: str
    after: int

    @property
    def width(self) -> int:
        """Bytes of a sample of all channels."""
        return self.channels * _BYTES[self.subtype]


_KEPT: dict[str, Subtype] = {"PCM_U8": "PCM_16", "PCM_S8": "PCM_16", "PCM_16": "PCM_16", "PCM_24": "PCM_24"}
_BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}


class Found(NamedTuple):
    """Sound whose header is wrong. `frames` are the samples per channel that are there; `note` says so."""

    path: Path
    told: Told
    frames: int
    note: str

    @property
    def subtype(self) -> Subtype:
        """The smallest kind of sample that we write and that holds them."""
        return _KEPT.get(self.told.subtype, "FLOAT")

    def media(self, fingerprint: str) -> Media:
        """The file as media of one track."""
        told = self.told
        layout = layout_of(told.channels)
        return Media(
            path=self.path.as_posix(),
            fingerprint=fingerprint,
            duration=self.frames / told.rate,
            audio=(AudioTrack(0, told.rate, told.channels, layout, codec="pcm", frames=self.frames),),
            container="sound",
        )

    def blocks(self, frames: int) -> Iterator[NDArray[np.float32]]:
        """Float32 (channels, `frames`), the last one shorter; 32-bit integers and doubles are rounded.

        Raises:
            AudioProcessingError: the file was cut while it was read.
        """
        import numpy as np
        import soundfile

        told, left = self.told, self.frames
        with self.path.open("rb") as file:
            file.seek(told.begin)
            while left:
                count = min(frames, left)
                data = file.read(count * told.width)
                if len(data) != count * told.width:
                    raise AudioProcessingError(f"{self.path} was cut short while it was read")
                block, _ = soundfile.read(
                    io.BytesIO(data),
                    format="RAW",
                    samplerate=told.rate,
                    channels=told.channels,
                    subtype=told.subtype,
                    endian=told.endian,
                    dtype="float32",
                    always_2d=True,
                )
                left -= count
                yield np.ascontiguousarray(block.T)


def told_wrong(path: Path) -> Found | None:
    """The sound of a file whose header promises less or more than there is; None for every other file.

    A part of a sample at the end, silence, tags and further chunks are no sound. Nothing but the header and
    what lies behind the promised end is read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            told = _told(file, size)
            if told is None or not told.width or not told.rate:
                return None
            there = (size - told.begin) // told.width
            promise = told.promise
            if promise is None:
                return None
            if promise > size - told.begin:
                missing = promise // told.width - there
                if missing <= _SLACK * told.rate:
                    return None
                note = f"the header promises {_seconds(promise, told)}, and the file ends after {{}}"
            elif _sound_behind(file, told, size):
                note = (
                    f"the header tells of {_seconds(promise, told)}, and {{}} are in the file: all was read"
                )
                if not promise:
                    note = "the header tells no length, as of a recorder that was cut off: all {} were read"
            else:
                return None
    except OSError:
        return None
    if there < 1:
        return None
    return Found(path, told, there, note.format(_seconds(there * told.width, told)))


def _seconds(count: int, told: Told) -> str:
    return f"{count / told.width / told.rate:.3f} s"


def _sound_behind(file: BinaryIO, told: Told, size: int) -> bool:
    """Whether sound goes on behind the promised end: no chunk, no tag, not silence, not a few bytes."""
    assert told.promise is not None
    end = told.begin + told.promise
    if size - end <= _SLACK * told.rate * told.width:
        return False
    for place in {end, max(end, told.after)}:
        file.seek(place)
        head = file.read(16)
        if head.startswith(_TAGS) or head[4:] == _GUID_TAIL:
            return False
        length = int.from_bytes(head[4:8], told.endian.lower())  # type: ignore[arg-type]
        letters = head[:4].isascii() and head[:4].decode("latin-1").isprintable()
        if head[:4] in _KNOWN or (letters and length <= size - place - 8):
            return False
    file.seek(end)
    while block := file.read(1 << 20):
        if block.strip(b"\0"):
            return True
    return False


def _told(file: BinaryIO, size: int) -> Told | None:
    head = file.read(16)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _wave(file, size)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(file, size)
    if head[:4] == b"riff":
        return _wave64(file, size)
    return None


def _wave(file: BinaryIO, size: int) -> Told | None:
    at, large, form = 12, None, None
    while at + 8 <= size:
        file.seek(at)
        name, length = _chunk(file.read(8), "little")
        if name == b"ds64":
            large = int.from_bytes(file.read(16)[8:16], "little")
        elif name == b"fmt ":
            form = _wave_form(file.read(min(length, 40)))
        elif name == b"data":
            if form is None:
                return None
            known = large if length == 0xFFFFFFFF and large is not None else length
            promise = None if known in _UNKNOWN else known
            return Told(at + 8, promise, *form, "LITTLE", at + 8 + known + known % 2)
        at += 8 + length + length % 2
    return None


def _wave64(file: BinaryIO, size: int) -> Told | None:
    at, form = 40, None
    while at + 24 <= size:
        file.seek(at)
        head = file.read(24)
        name, length = head[:4], int.from_bytes(head[16:24], "little")
        if name == b"fmt ":
            form = _wave_form(file.read(40))
        elif name == b"data":
            if form is None:
                return None
            promise = None if length in _UNKNOWN else max(length - 24, 0)
            return Told(at + 24, promise, *form, "LITTLE", at + (length + 7) // 8 * 8)
        at += max((length + 7) // 8 * 8, 24)
    return None


def _wave_form(body: bytes) -> tuple[int, int, str] | None:
    """(rate, channels, subtype) of a `fmt ` chunk; None where its samples are compressed."""
    if len(body) < 16:
        return None
    kind, channels, rate = (int.from_bytes(body[a:b], "little") for a, b in ((0, 2), (2, 4), (4, 8)))
    align = int.from_bytes(body[12:14], "little")
    if kind == 0xFFFE and len(body) >= 26:
        kind = int.from_bytes(body[24:26], "little")
    if not channels or align % channels:
        return None
    names = {
        1: {1: "PCM_U8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"},
        3: {4: "FLOAT", 8: "DOUBLE"},
    }.get(kind, {})
    subtype = names.get(align // channels)
    return None if subtype is None else (rate, channels, subtype)


def _aiff(file: BinaryIO, size: int) -> Told | None:
    at, form, frames = 12, None, 0
    while at + 8 <= size:
        file.seek(at)
        name, length = _chunk(file.read(8), "big")
        if name == b"COMM":
            body = file.read(min(length, 22))
            frames, form = int.from_bytes(body[2:6], "big"), _aiff_form(body)
        elif name == b"SSND":
            if form is None:
                return None
            begin = at + 16 + int.from_bytes(file.read(4), "big")
            rate, channels, subtype, endian = form
            width = channels * _BYTES[subtype]
            # Readers go by the samples counted in COMM, or by the chunk: the lesser of the two is heard.
            promise = min(frames * width, max(length - 8, 0)) if length not in _UNKNOWN else frames * width
            return Told(begin, promise, rate, channels, subtype, endian, at + 8 + length + length % 2)
        at += 8 + length + length % 2
    return None


def _aiff_form(body: bytes) -> tuple[int, int, str, str] | None:
    """(rate, channels, subtype, endian) of a COMM chunk; None where its samples are compressed."""
    if len(body) < 18:
        return None
    channels, bits = int.from_bytes(body[0:2], "big"), int.from_bytes(body[6:8], "big")
    exponent, mantissa = int.from_bytes(body[8:10], "big") - 16383 - 63, int.from_bytes(body[10:18], "big")
    rate = round(mantissa * 2.0**exponent) if -80 < exponent < 0 else 0  # IEEE 754, 80 bits
    way = body[18:22] or b"NONE"
    whole = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}.get(-(-bits // 8))
    if not channels or not rate:
        return None
    subtype = {b"fl32": "FLOAT", b"FL32": "FLOAT", b"fl64": "DOUBLE", b"FL64": "DOUBLE"}.get(way)
    if way in (b"NONE", b"twos", b"sowt", b"in24", b"in32"):
        subtype = whole
    return None if subtype is None else (rate, channels, subtype, "LITTLE" if way == b"sowt" else "BIG")


def _chunk(head: bytes, endian: str) -> tuple[bytes, int]:
    return head[:4], int.from_bytes(head[4:8], "big" if endian == "big" else "little")

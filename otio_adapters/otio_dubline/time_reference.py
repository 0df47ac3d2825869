"""The time reference of Broadcast Wave files: the sample of the day at which a sound begins.

The chunk is EBU Tech 3285's `bext`; its TimeReference lies 338 bytes into it, as two 32-bit numbers.
"""

from __future__ import annotations

import struct
from pathlib import Path

_OFFSET = 338


def begins_at(path: Path) -> int:
    """The sample of the day at which a WAV file begins; 0 where it does not say, and for other files."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:12] != b"WAVE":
            return 0
        size64 = 0
        while len(chunk := file.read(8)) == 8:
            name, size = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"bext":
                body = file.read(min(size, _OFFSET + 8))
                return struct.unpack("<Q", body[_OFFSET:])[0] if len(body) == _OFFSET + 8 else 0
            if name == b"ds64":
                body = file.read(size)
                size64 = struct.unpack("<Q", body[8:16])[0] if len(body) >= 16 else 0
                file.seek(size % 2, 1)
                continue
            if name == b"data" and size == 0xFFFFFFFF:
                size = size64
            file.seek(size + size % 2, 1)
    return 0

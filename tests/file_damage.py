# ruff: noqa: E501 - tables of awkward pieces
"""How files break: bits, bytes, holes, pieces that stand twice, words and values that belong elsewhere.

    outcome(reader, reader.damaged(1834))       "" or what came out that is not our own error

Damage follows from the reader's name and the case's number alone. The readers are in `file_readers`.
"""

from __future__ import annotations

import re
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from dubline.errors import DublineError

TEXT = (
    "\n", "\n\n", "\r", "\r\n", "\t", " ", "\0", "\x0b", "\x1c", "\x85", "\u2028", "\u200b", "\u200e", "\u202b", "\ufeff",
    "-->", "->", "\u2192", "00:00:01,000 --> 00:00:02,000", "\uff10\uff10:00:01,000 --> 00:00:02,000", "-00:00:01,000",
    "99:99:99,999", "999999999999:00:00,000", "1" * 400, "\u0665", "\u00b2", "1", "0", "-1", "1.5", "nan", "inf", "1e999",
    "WEBVTT", "NOTE x", "STYLE", "REGION", "<v A>", "<v", "</v>", "<00:00:01.000>", "<c.x>", "<i>", "</i>", "<", ">", "&",
    "&lt;", "&#0;", "&#xd800;", "&#99999999;", "{\\an8}", "{", "}", "\"", "'", ",", ";", "=", "#", "[cast]", "\"\"\"",
    "SPEAKER x 1 0 1 <NA> <NA> A <NA> <NA>", "\U0001f600", "e\u0301" * 50, "\u05e9\u05dc", "\ud7ff", "\\", "\\u0000",
)  # fmt: skip
"""What readers of text stumble over."""
JSON = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "-1e308", "1e-999", "-0.0", "1" * 5000, "-" + "9" * 30, "1.5",
    "-1", "0", "9007199254740993", "18446744073709551616", "true", "null", '""', '"a"', '"\\ud800"', '"\\udc00"', '"\\u0000"',
    "[]", "{}", "[[]]", "[null]", '{"a": 1, "a": 2}', "[" * 40, "[" * 5000, '{"a":' * 2000, "]" * 40, '"' + "x" * 5000 + '"',
    ",", ":", "/* */", "'", "\\", '"../../../etc/passwd"', '"/dev/zero"', '"C:\\\\x"', '"dubline.transcript.9"', '"SPEAKER_99"',
)  # fmt: skip
"""What readers of JSON stumble over: values where others belong, and what is none."""
RAW = (b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\x00", b"\x80" * 9, b"\xf4\x90\x80\x80")
"""Bytes that are no UTF-8."""

_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\[\s*\]|\{\s*\}')
_WORD = re.compile(rb"\w+|[^\w\s]+|\s+")


@dataclass(frozen=True)
class Reader:
    """What reads a path, and what its files look like. `seeds` are whole files."""

    name: str
    suffix: str
    read: Callable[[Path], object]
    make_seeds: Callable[[], Sequence[bytes]]
    tokens: Sequence[str] = TEXT

    @cached_property
    def seeds(self) -> tuple[bytes, ...]:
        """The valid files."""
        return tuple(self.make_seeds())

    def damaged(self, number: int) -> bytes:
        """The file of a case: one of the seeds, damaged once to four times."""
        chance = Random(f"{self.name}/{number}")
        data = chance.choice(self.seeds)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
            data = chance.choice(DAMAGE)(data, chance, self)
        return data

    def try_once(self) -> None:
        """Read each seed, which must be possible."""
        for seed in self.seeds:
            if told := outcome(self, seed, strict=True):
                raise AssertionError(f"{self.name}: a valid file: {told}")


def outcome(reader: Reader, data: bytes, *, strict: bool = False) -> str:
    """What came out besides a value and our own errors: the error, and where it was raised. `strict`: our
    own errors too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{reader.suffix}"
        path.write_bytes(data)
        try:
            reader.read(path)
        except DublineError as error:
            str(error).encode()  # can be shown
            return repr(error) if strict else ""
        except Exception as error:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "dubline" in f.filename]
            at = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {str(error)[:100]!r} at {Path(at.filename).name}:{at.lineno}"
    return ""


# --- damage ------------------------------------------------------------------------------------


def _bit(data: bytes, chance: Random, reader: Reader) -> bytes:
    """One bit, as a disk or a cable turns it."""
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _byte(data: bytes, chance: Random, reader: Reader) -> bytes:
    at = chance.randrange(len(data) + 1)
    return (
        data[:at] + chance.choice((bytes([chance.randrange(256)]), *RAW)) + data[at + chance.randrange(2) :]
    )


def _cut(data: bytes, chance: Random, reader: Reader) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _hole(data: bytes, chance: Random, reader: Reader) -> bytes:
    at, length = chance.randrange(len(data) + 1), int(chance.expovariate(0.02))
    return data[:at] + bytes(length) * chance.randrange(2) + data[at + length :]


def _splice(data: bytes, chance: Random, reader: Reader) -> bytes:
    """The beginning of one file and the end of another."""
    other = chance.choice(reader.seeds)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _again(data: bytes, chance: Random, reader: Reader) -> bytes:
    """A piece many times."""
    at, length = chance.randrange(len(data) + 1), int(chance.expovariate(0.05)) + 1
    return data[:at] + data[at : at + length] * chance.choice((2, 3, 50, 400)) + data[at:]


def _token(data: bytes, chance: Random, reader: Reader) -> bytes:
    """Something awkward in place of a word, or beside it."""
    words = _WORD.findall(data)
    word = chance.choice(reader.tokens).encode("utf-8", "surrogatepass")
    at = chance.randrange(len(words) + 1)
    return b"".join([*words[:at], word, *words[at + chance.randrange(2) :]])


def _value(data: bytes, chance: Random, reader: Reader) -> bytes:
    """Another value in place of one, or one of the file's own."""
    found = list(_VALUE.finditer(data))
    if not found:
        return data
    place, other = chance.choice(found), chance.choice(found)[0]
    value = chance.choice((other, chance.choice(reader.tokens).encode("utf-8", "surrogatepass")))
    return data[: place.start()] + value + data[place.end() :]


def _lines(data: bytes, chance: Random, reader: Reader) -> bytes:
    """Two lines change places, or one goes."""
    lines = data.split(b"\n")
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines[: a + 1] + lines[a + 1 + chance.randrange(2) :])


def _recoded(data: bytes, chance: Random, reader: Reader) -> bytes:
    """The same text in another encoding."""
    text = data.decode("utf-8", "replace")
    return text.encode(
        chance.choice(("utf-16", "utf-16-le", "utf-32", "cp1254", "gb18030", "cp1252")), "replace"
    )


DAMAGE = (
    _bit,
    _bit,
    _byte,
    _cut,
    _hole,
    _splice,
    _again,
    _token,
    _token,
    _value,
    _value,
    _value,
    _lines,
    _recoded,
)

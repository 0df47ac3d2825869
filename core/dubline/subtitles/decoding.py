# ruff: noqa: RUF001 - Turkish has a dotless i
"""Bytes of a text file -> text, and what encoding it was: never a guess that nobody hears of.

    1. a byte order mark (UTF-8, UTF-16, UTF-32) is believed
    2. an encoding that was named is used, and nothing else
    3. what is UTF-8 without a fault is UTF-8; UTF-16 without a mark shows by its zero bytes
    4. otherwise the words are looked at by chardet, and the answer comes with a note that shows a line

The detector is chardet (7, which pysrt brings along): on subtitles of one line and more in thirteen
languages it was right where charset-normalizer took Polish for Danish and Hebrew for Russian. It
cannot tell a line of Turkish from Icelandic; `_TURKISH` does. Two encodings that look equally likely and
give different words are an error that names both.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

from msgspec.structs import replace

from dubline.errors import InvalidJob
from dubline.language.script import base_language
from dubline.report import quantity
from dubline.values.base import Value

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32 (little end first)"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32 (big end first)"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 (little end first)"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 (big end first)"),
)
_LEGACY = {
    **{"iso-8859-9": "cp1254", "windows-1254": "cp1254", "iso-8859-1": "cp1252", "windows-1252": "cp1252"},
    **{"gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5", "big5hkscs": "big5hkscs"},
    **{"shift_jis": "cp932", "cp932": "cp932", "euc-jp": "euc_jp", "euc-kr": "cp949", "cp949": "cp949"},
    **{f"windows-{n}": f"cp{n}" for n in (1250, 1251, 1253, 1255, 1256, 1257, 1258, 874)},
    **{"iso-8859-15": "iso8859_15", "iso-8859-2": "iso8859_2", "koi8-r": "koi8_r", "koi8-u": "koi8_u"},
    **{"iso-8859-5": "iso8859_5", "iso-8859-7": "iso8859_7", "tis-620": "cp874"},
}
"""chardet's name -> the codec. ISO 8859-9 and GB 2312 are read by what contains them. Encodings of old
Macintoshes and terminals, in which no subtitles are exchanged, are left out."""
_OF_LANGUAGE = {
    **{"tr": "cp1254", "zh": "gb18030", "ja": "cp932", "ko": "cp949", "ru": "cp1251", "uk": "cp1251"},
    **{"el": "cp1253", "he": "cp1255", "ar": "cp1256", "fa": "cp1256", "th": "cp874", "vi": "cp1258"},
    **dict.fromkeys(("pl", "cs", "sk", "hu", "hr", "sl", "ro", "sq"), "cp1250"),
    **dict.fromkeys(("lv", "lt", "et"), "cp1257"),
    **dict.fromkeys(("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "is"), "cp1252"),
}
_TURKISH = re.compile("[a-zA-ZçğıöşüâîûÇĞİÖŞÜÂÎÛ]*")
_ONLY_TURKISH = re.compile("[ğışĞİŞ]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""What no subtitle holds: an encoding that gives these is the wrong one."""
_NAMES = {
    "cp1254": "Turkish",
    "cp1252": "Western European",
    "cp1250": "Central European",
    "cp1251": "Cyrillic",
}
_LOOKED_AT = 32_768
"""Bytes with words that the detector is given."""
_APART = 0.95
"""A second encoding this close to the first in chardet's confidence counts as equally likely."""


class Decoded(Value, frozen=True):
    """A file's text without its mark; `note` is a sentence where the encoding had to be found out."""

    text: str
    encoding: str
    note: str = ""


def decode(
    data: bytes, *, encoding: str = "", language: str = "", where: str = "the file", option: str = ""
) -> Decoded:
    """Bytes -> text. `encoding` is used as it is, if given; `language` decides between equals only. `option`:
    that with which a person names the encoding, where there is one.

    Raises:
        InvalidJob: the named encoding does not exist or does not fit; the bytes are no text, or damaged
            UTF-8; two encodings fit alike and give different words.
    """
    remedy = "Open it in a text editor and save it as UTF-8."
    if option:
        remedy = (
            f"Say which encoding it has, for example {option} cp1254 (Turkish), cp1252 (Western) or gb18030 "
            "(Chinese), or save it as UTF-8."
        )
    try:
        found = _decode(data, encoding, language, where)
    except InvalidJob as error:
        error.hint = f"{error.hint} {remedy}".strip()
        raise
    named = f"name its encoding with {option}" if option else "save it as UTF-8"
    return replace(found, note=f"{found.note} If that is wrong, {named}.") if found.note else found


def _decode(data: bytes, encoding: str, language: str, where: str) -> Decoded:
    for mark, codec, title in _MARKS:
        if data.startswith(mark):
            return Decoded(text=_strict(data[len(mark) :], codec, where, title), encoding=codec)
    if encoding:
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            raise InvalidJob(f"there is no encoding {encoding!r}") from None
        return Decoded(text=_strict(data, name, where, encoding), encoding=name)
    zeros = data.count(0)
    if zeros * 8 >= max(len(data), 1):
        return _wide(data, where)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if zeros:
            raise InvalidJob(f"{where} is not text: it holds zero bytes") from None
        return _guess(data, language, where)
    note = f"{where}: {zeros} zero bytes were taken out." if zeros else ""
    return Decoded(text=text.replace("\0", ""), encoding="utf-8", note=note)


def _strict(data: bytes, codec: str, where: str, title: str) -> str:
    try:
        return data.decode(codec).removeprefix("\ufeff")
    except (UnicodeError, LookupError) as error:
        line = data[: getattr(error, "start", 0)].count(b"\n") + 1
        raise InvalidJob(f"{where}, line {line}: not written in {title}") from None


def _wide(data: bytes, where: str) -> Decoded:
    """UTF-16 without a mark: the zero bytes of its digits lie on one side."""
    codec = "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"
    text = _strict(data, codec, where, "UTF-16, as its zero bytes suggest")
    return Decoded(text=text, encoding=codec, note=f"{where} has no mark and was read as {codec}.")


def _guess(data: bytes, language: str, where: str) -> Decoded:
    lossy = data.decode("utf-8", errors="replace")
    broken = lossy.count("\ufffd")
    good = sum(letter > "\x7f" for letter in lossy) - broken
    if good >= 2 * broken:
        line = lossy[: lossy.index("\ufffd")].count("\n") + 1
        raise InvalidJob(
            f"{where}, line {line}: UTF-8 with {quantity(broken, 'damaged place')}",
            hint="Use an undamaged copy if you have one.",
        )
    likely = _likely(data, where)
    if not likely:
        raise InvalidJob(f"the encoding of {where} could not be found out")
    codec, text, _ = likely[0]
    rivals = {c: t for c, t, sure in likely[1:] if sure >= _APART * likely[0][2] and t != text}
    expected = _OF_LANGUAGE.get(base_language(language)) if language else None
    turkish = next((t for c, t, _ in likely if c == "cp1254" and _is_turkish(t)), "")
    if expected in rivals:
        codec, text = expected, rivals[expected]
    elif expected == codec:
        pass
    elif turkish and (codec in ("cp1252", "cp1254") or "cp1254" in rivals):
        codec, text = "cp1254", turkish
    elif rivals:
        other, reading = next(iter(rivals.items()))
        raise InvalidJob(
            f"{where} may be written in {codec} ({_sample(text, reading)!r}) or in {other} "
            f"({_sample(reading, text)!r})"
        )
    title = f"{codec}, {_NAMES[codec]}" if codec in _NAMES else codec
    return Decoded(
        text=text,
        encoding=codec,
        note=f"{where} is not UTF-8 and was read as {title}: {_sample(text)!r}.",
    )


def _likely(data: bytes, where: str) -> list[tuple[str, str, float]]:
    """(codec, text, chardet's confidence), the most likely first, each codec once."""
    try:
        import chardet
    except ImportError:
        raise InvalidJob(f"{where} is not UTF-8, and chardet is not installed") from None
    lines = [line for line in re.split(rb"[\r\n]+", data) if not line.isascii()]
    words = b"\n".join(lines)[:_LOOKED_AT]
    readings: dict[str, tuple[str, str, float]] = {}
    answers: list[Any] = chardet.detect_all(words, ignore_threshold=True)
    # A line of Turkish may come back as Western alone; then there is no Turkish reading to prefer.
    answers += [{"encoding": "windows-1254", "confidence": 0.0}]
    for answer in answers:
        codec = _LEGACY.get((answer["encoding"] or "").lower())
        if codec is None or codec in readings:
            continue
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if not _CONTROLS.search(text):
            readings[codec] = (codec, text, float(answer["confidence"]))
    best = sorted(readings.values(), key=lambda item: -item[2])
    return [item for item in best if item[2] > 0 or item[0] == "cp1254"]


def _is_turkish(text: str) -> bool:
    """Whether all letters are of the Turkish alphabet, some of them of no other that shares its code page.

    Icelandic has the same bytes, but hardly a line without á, í, æ or ú."""
    letters = "".join(c for c in text if c.isalpha())
    return bool(_ONLY_TURKISH.search(letters)) and bool(_TURKISH.fullmatch(letters))


def _sample(text: str, other: str = "") -> str:
    """The first line with a letter beyond ASCII; of two readings, the first in which they differ."""
    lines = text.splitlines()
    if other:
        for mine, theirs in zip(lines, other.splitlines(), strict=False):
            if mine != theirs:
                return mine.strip()[:50]
    return next((line.strip()[:50] for line in lines if not line.isascii()), "")

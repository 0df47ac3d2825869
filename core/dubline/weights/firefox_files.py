"""Firefox Translations models: the files of one direction, its languages, and whether each file is whole.

    model.enpt.intgemm.alphas.bin    the network, in Marian's binary form
    vocab.enpt.spm                   its SentencePiece vocabulary; or one each: srcvocab.*, trgvocab.*
    lex.50.50.enpt.s2t.bin           which words may become which; may be left out, and costs time then

Each as it is, or packed as .gz or .zst, as Mozilla gives them out. How long a file has to be is told by its
head: `binary::loadItems` of Marian's common/binary.cpp, `BinaryShortlistGenerator` of its data/shortlist.cpp,
and the records of a protobuf, of which a SentencePiece vocabulary is one.
"""

from __future__ import annotations

import gzip
import json
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from dubline.errors import WeightsError

_PACKED = r"(?:\.gz|\.zst)?"
_PATTERNS = {
    "model": r"model\.(?P<pair>[\w-]+)\.(?:[\w.-]+\.)?bin",
    "shortlist": r"lex\.[\w.-]+\.bin",
    "vocabulary": r"vocab\.(?!src\.|trg\.)[\w-]+\.spm",
    "source": r"(?:srcvocab\.[\w-]+|vocab\.src(?:\.[\w-]+)?|vocab\.[\w-]+\.src)\.spm",
    "target": r"(?:trgvocab\.[\w-]+|vocab\.trg(?:\.[\w-]+)?|vocab\.[\w-]+\.trg)\.spm",
}
PARTS = {part: re.compile(pattern + _PACKED) for part, pattern in _PATTERNS.items()}
"""Part of a model -> names that its file may have."""
_CODE = r"[a-z]{2,3}(?:[-_](?:hans|hant|latn|cyrl))?"
_PAIR = re.compile(rf"(?:(en)[-_]?({_CODE})|({_CODE})[-_]?(en)|([a-z]{{2}})[-_]?([a-z]{{2}}))(?![a-z])", re.I)
_SHORTLIST = 0xF11A48D5013417F5


def part_of(name: str) -> str:
    """Which part of a model a file is by its name: a key of `PARTS`, or ""."""
    return next((part for part, names in PARTS.items() if names.fullmatch(name)), "")


def parts(folder: Path) -> Mapping[str, str]:
    """A folder's files by what they are: "model", "shortlist" if there is one, and the vocabularies, "source"
    and "target", which may be one file.

    Raises:
        WeightsError: the model or a vocabulary is missing, or there are several models.
    """
    found: dict[str, list[str]] = {}
    for file in folder.iterdir():
        if part := part_of(file.name):
            found.setdefault(part, []).append(file.name)
    pairs = {match["pair"] for name in found.get("model", ()) if (match := PARTS["model"].fullmatch(name))}
    if len(pairs) > 1:
        raise WeightsError(
            f"{folder} holds several models: {', '.join(sorted(found['model']))}",
            hint="Put the files of each direction into a folder of its own.",
        )
    # One that is not packed comes first.
    chosen = {part: min(names, key=lambda name: (len(name), name)) for part, names in found.items()}
    shared = chosen.pop("vocabulary", "")
    whole = {"source": shared, "target": shared, **chosen}
    for part, usual in (("model", "model.*.bin"), ("source", "vocab.*.spm"), ("target", "trgvocab.*.spm")):
        if not whole.get(part):
            raise WeightsError(
                f"{usual} is missing in {folder}",
                hint="It belongs to the same model as the other files there; get it where they are from.",
            )
    return whole


def languages(folder: Path) -> tuple[str, str]:
    """(source, target) as codes such as "pt" or "zh-hant": as metadata.json says, else by the names of the
    model's file and of the folder ("enpt", "en-pt").

    Raises:
        WeightsError: nothing tells.
    """
    try:
        told = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        source, target = told["sourceLanguage"], told["targetLanguage"]
        if isinstance(source, str) and isinstance(target, str) and source and target:
            return source.lower().replace("_", "-"), target.lower().replace("_", "-")
    except (OSError, ValueError, KeyError, TypeError):
        pass  # most have none
    model = PARTS["model"].fullmatch(parts(folder)["model"])
    for name in (model["pair"] if model else "", folder.name):
        if match := _PAIR.match(name):
            source, target = (code.lower().replace("_", "-") for code in match.groups() if code)
            return source, target
    raise WeightsError(
        f"nothing tells which languages {folder} translates between",
        hint="Let its folder's name begin with them, from and to, such as en-pt.",
    )


def promised_length(path: Path) -> int | None:
    """How many bytes a file should have, as its head says; None where that cannot be told (.zst). A file in
    .gz is unpacked for it.

    Raises:
        ValueError, struct.error: it is cut off, damaged or something else.
    """
    if path.suffix == ".zst":
        return None
    data = path.read_bytes()
    if path.suffix != ".gz":
        return _length(path.name, data)
    unpacked = unpack(path.name, data)
    if _length(path.name, unpacked) != len(unpacked):
        raise ValueError("what is packed in it is not whole")
    return len(data)


def unpack(name: str, data: bytes) -> bytes:
    """The bytes of a file as the engine takes them.

    Raises:
        ValueError: it is damaged; or it is a .zst, and what unpacks those is not installed.
    """
    if name.endswith(".gz"):
        try:
            return gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(str(error)) from None
    if name.endswith(".zst"):
        try:
            from fxtranslate import discovery
        except ImportError:
            raise ValueError("unpacking .zst needs fxtranslate") from None
        return bytes(discovery.verify_and_decompress(data))
    return data


def _length(name: str, data: bytes) -> int:
    part = part_of(name)
    return {"model": _model_length, "shortlist": _shortlist_length}.get(part, _vocabulary_length)(data)


def _model_length(data: bytes) -> int:
    version, count = struct.unpack_from("<QQ", data)
    if version != 1 or count > 100_000:
        raise ValueError("it is not a model in Marian's binary form")
    heads = [struct.unpack_from("<4Q", data, 16 + 32 * number) for number in range(count)]
    # After the heads: the names, the shapes of 4-byte numbers, and a gap, so that the rest lies on a border.
    gap = 16 + 32 * count + sum(name + 4 * dimensions for name, _, dimensions, _ in heads)
    (unused,) = struct.unpack_from("<Q", data, gap)
    return int(gap + 8 + unused + sum(length for *_, length in heads))


def _shortlist_length(data: bytes) -> int:
    magic, _, _, _, offsets, words = struct.unpack_from("<6Q", data)
    if magic != _SHORTLIST:
        raise ValueError("it is not a binary shortlist of Marian")
    return int(48 + 8 * offsets + 4 * words)


def _vocabulary_length(data: bytes) -> int:
    """Where its last record ends: each is a tag, a length and as many bytes."""
    at = 0
    while at < len(data):
        if data[at] & 7 != 2:
            raise ValueError("it is not a SentencePiece vocabulary")
        at, length, shift = at + 1, 0, 0
        while True:
            if at >= len(data):
                raise ValueError("it ends within a record")
            length |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                break
        at += length
    return at

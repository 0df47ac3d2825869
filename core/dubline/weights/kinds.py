"""Models that are folders: which kind one is, judged by what is in it, and whether it is whole.

    whisper       Whisper for transformers: config.json, model.safetensors or its parts
    asr           another speech model of transformers: Parakeet, Canary, Qwen3-ASR ... (`speech_models`)
    whisper-ct2   Whisper for CTranslate2 (faster-whisper): model.bin that says WhisperSpec
    pyannote      a speaker diarization pipeline: config.yaml and the parts it names
    seq2seq       translation for transformers: Marian, M2M100 and NLLB, mBART, T5
    seq2seq-ct2   translation for CTranslate2: model.bin that says TransformerSpec
    paddlespeech  weights ending in .pdparams
    paddlespeech-voice  a phone_id_map.txt, and weights ending in .pdz or .pdparams
    piper         voices, each a NAME.onnx with its NAME.onnx.json
    firefox       a direction of Firefox Translations: model.*.bin, vocab.*.spm (`firefox_files`)

Only heads are read, so telling takes no time with large models: a .safetensors file says in its head how long
it is (format of Hugging Face's safetensors), model.bin how long each of its parts is (`_serialize` in
CTranslate2's specs/model_spec.py), and a checkpoint of torch is a zip, whose list stands at its end.
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any, Literal

from dubline.errors import WeightsError
from dubline.values.base import Value
from dubline.weights import firefox_files
from dubline.weights.speech_models import check_form, speech_model
from dubline.weights.structure import check_structure

FolderKind = Literal[
    "whisper",
    "asr",
    "whisper-ct2",
    "pyannote",
    "seq2seq",
    "seq2seq-ct2",
    "paddlespeech",
    "paddlespeech-voice",
    "piper",
    "firefox",
]

TRANSLATORS = ("marian", "m2m_100", "mbart", "t5", "mt5")  # `model_type`; NLLB's is m2m_100
SAFE = "model.safetensors|model.safetensors.index.json"
TOKENIZER = "tokenizer.json|source.spm|sentencepiece.bpe.model|spiece.model"
NEEDED: dict[FolderKind, tuple[str, ...]] = {
    "whisper": (
        "config.json",
        SAFE,
        "tokenizer.json|vocab.json",
        "preprocessor_config.json|processor_config.json",
        "generation_config.json",
    ),
    "asr": (
        "config.json",
        SAFE,
        "tokenizer.json|vocab.json|tekken.json",
        "preprocessor_config.json|processor_config.json",
    ),
    "whisper-ct2": ("model.bin", "config.json", "tokenizer.json", "vocabulary.json|vocabulary.txt"),
    "pyannote": ("config.yaml",),
    "seq2seq": ("config.json", SAFE, TOKENIZER),
    "seq2seq-ct2": (
        "model.bin",
        "shared_vocabulary.json|shared_vocabulary.txt|source_vocabulary.json|source_vocabulary.txt",
        TOKENIZER,
    ),
    "paddlespeech": (),
    "paddlespeech-voice": (),
    "piper": (),
    "firefox": (),
}
"""Files without which a folder of that kind cannot be used; "|" parts those of which one is enough."""
PIPELINE = re.compile(r"^pipeline:\s*$.*?^\s+name:\s*['\"]?pyannote\.audio\.pipelines\.", re.M | re.S)
PART = re.compile(r"^\s+(segmentation|embedding|plda):\s*['\"]?([^\s'\"#]+)", re.MULTILINE)
MULTILINGUAL = 51865
"""Tokens in the vocabulary of the smallest multilingual Whisper; the English one has one less."""
_POINTER = b"version https://git-lfs"
_AGAIN = "It is half downloaded or damaged: get it again."


class ModelFolder(Value, frozen=True):
    """What a folder is. `weights` are its files of weights by their names in the folder; `architecture` is
    `model_type` of its config.json, or "". `licence` is what its README.md says in its head, or ""."""

    kind: FolderKind
    path: str
    weights: tuple[str, ...]
    architecture: str = ""
    licence: str = ""


def folder_kind(path: Path) -> FolderKind | None:
    """The kind of a folder; None if it is none of them. Damaged and half-downloaded ones are told too."""
    if not path.is_dir():
        return None
    if PIPELINE.search(_text(path / "config.yaml")):
        return "pyannote"
    settings = read_settings(path)
    spec = _specification(path / "model.bin")
    if "Whisper" in spec or {"alignment_heads", "lang_ids", "suppress_ids"} <= settings.keys():
        # transformers keeps these in a file of their own, CTranslate2 in config.json.
        return "whisper-ct2"
    if spec == "TransformerSpec" or {"add_source_eos", "decoder_start_token"} <= settings.keys():
        return "seq2seq-ct2"
    if settings.get("model_type") == "whisper":
        return "whisper"
    if speech_model(settings):
        return "asr"
    if settings.get("model_type") in TRANSLATORS:
        return "seq2seq"
    if any(True for _ in path.rglob("phone_id_map.txt")) and weight_files(path, "paddlespeech-voice"):
        return "paddlespeech-voice"
    if any(True for _ in path.rglob("*.pdparams")):
        return "paddlespeech"
    if any(firefox_files.part_of(file.name) == "model" for file in path.iterdir()):
        return "firefox"
    return "piper" if weight_files(path, "piper") else None


def look(path: Path, *kinds: FolderKind) -> ModelFolder:
    """Check that a folder is a whole model; of one of the kinds, if any is named.

    Raises:
        WeightsError: it is no model, of another kind, or a file is missing, empty, cut off or only a
            placeholder. The text names the file.
    """
    actual = folder_kind(path)
    if actual is None or (kinds and actual not in kinds):
        what = f"a {actual} model, not {' or '.join(kinds)}" if actual else "no model that Dubline knows"
        raise WeightsError(
            f"{path} is {what}",
            hint="Give the folder that holds the model's config.json or config.yaml, with all files of it.",
        )
    settings = read_settings(path)
    check_form(path, settings)
    for choice in NEEDED[actual]:
        if not any((path / name).is_file() for name in choice.split("|")):
            raise _missing(path, choice)
    weights = weight_files(path, actual)
    for name in weights:
        check_whole(path / name)
    return ModelFolder(
        kind=actual,
        path=path.as_posix(),
        weights=weights,
        architecture=str(settings.get("model_type", "")),
        licence=read_licence(path / "README.md"),
    )


def check_whole(path: Path) -> None:
    """Check that a file of weights is there and as long as it says itself.

    Raises:
        WeightsError: it is missing, empty, cut off, or a placeholder of Git LFS.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_POINTER))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}", hint=_AGAIN) from None
    if not head:
        raise WeightsError(f"{path} is empty", hint=_AGAIN)
    if head == _POINTER:
        raise WeightsError(
            f"{path} is a Git LFS pointer, not the model", hint="Run `git lfs pull` in its folder."
        )
    have = path.stat().st_size
    try:
        length = _promised_length(path)
    except (ValueError, TypeError, KeyError, struct.error) as error:
        raise WeightsError(f"{path} is cut off or damaged: {error}", hint=_AGAIN) from None
    if length is not None and have != length:
        raise WeightsError(f"{path} is damaged: it has {have} of {length} bytes", hint=_AGAIN)


def weight_files(path: Path, kind: FolderKind) -> tuple[str, ...]:
    """The files of weights that belong to a folder, by their names in it, there or not.

    Raises:
        WeightsError: the list of a model's parts cannot be read, or leads out of the folder; or which files
            belong to it cannot be told.
    """
    if kind in ("whisper-ct2", "seq2seq-ct2"):
        return ("model.bin",)
    if kind == "firefox":
        return tuple(sorted(set(firefox_files.parts(path).values())))
    if kind in ("paddlespeech", "paddlespeech-voice", "piper"):
        patterns = {"paddlespeech": ("*.pdparams",), "piper": ("*.onnx",)}.get(kind, ("*.pdz", "*.pdparams"))
        there = (file for pattern in patterns for file in path.rglob(pattern))
        whole = (f for f in there if kind != "piper" or f.with_name(f"{f.name}.json").is_file())
        return tuple(sorted(file.relative_to(path).as_posix() for file in whole))
    if kind == "pyannote":
        names: list[str] = []
        for part, reference in PART.findall(_text(path / "config.yaml")):
            inside = reference.removeprefix("$model/").partition("@")[0]
            if reference.startswith("$model/") or (path / inside).exists():
                files = ("plda.npz", "xvec_transform.npz") if part == "plda" else ("pytorch_model.bin",)
                exact = Path(inside).suffix in (".bin", ".ckpt", ".npz")
                names += [inside] if exact else [f"{inside}/{file}" for file in files]
        return _inside(path, names)
    index = path / "model.safetensors.index.json"
    if not (path / "model.safetensors").is_file() and index.is_file():
        try:
            parts = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return _inside(path, sorted(set(map(str, parts))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{index} cannot be read: {error}", hint=_AGAIN) from None
    return ("model.safetensors",)


def read_licence(card: Path) -> str:
    """The licence in the head of a Hugging Face model card (README.md); "" where none is named."""
    head = re.match(r"---\s*\n(.*?)\n---", _text(card).lstrip("\ufeff"), re.DOTALL)
    if head is None:
        return ""
    named = re.search(r"^licen[sc]e:[ \t]*(?:\n[ \t]*-[ \t]*)?['\"]?([\w.+-]+)", head[1], re.MULTILINE)
    called = re.search(r"^license_name:[ \t]*['\"]?([\w.+ -]+)", head[1], re.MULTILINE)
    if named and called and named[1] == "other":
        return called[1].strip()
    return named[1] if named else ""


def non_commercial(licence: str) -> bool:
    """Whether a licence's short name says that commercial use is not allowed (cc-by-nc-4.0)."""
    words = re.split(r"[^a-z]+", licence.lower())
    return "nc" in words or "noncommercial" in words or ("non" in words and "commercial" in words)


def english_only(path: Path, kind: FolderKind) -> bool:
    """Whether a Whisper knows English only, by the size of its vocabulary (CTranslate2 tells it so too)."""
    if kind == "whisper":
        size = read_settings(path).get("vocab_size")
        return isinstance(size, int) and size < MULTILINGUAL
    listed = _text(path / "vocabulary.json")
    try:
        count = len(json.loads(listed)) if listed else len(_text(path / "vocabulary.txt").splitlines())
    except (ValueError, TypeError):
        return False
    return 0 < count < MULTILINGUAL


def read_settings(path: Path) -> dict[str, Any]:
    """config.json of a folder; empty if there is none or it is none."""
    try:
        settings = json.loads(_text(path / "config.json") or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _missing(path: Path, choice: str) -> WeightsError:
    hint = f"Put it into {path}; it belongs to the model that the other files there are from."
    if choice == SAFE and any(path.glob("pytorch_model*.bin")):
        hint = (
            "Only safetensors are loaded: pytorch_model.bin can hold programs. Bring the folder in with "
            f"`dubline models import {path}`, which converts it if it is safe to."
        )
    if choice == TOKENIZER:
        hint = (
            "Copy the tokenizer of the original model there (ct2-transformers-converter does it with "
            "--copy_files)."
        )
    return WeightsError(f"{choice.replace('|', ' or ')} is missing in {path}", hint=hint)


def _inside(path: Path, names: list[str]) -> tuple[str, ...]:
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts or "\\" in name:
            raise WeightsError(
                f"{path} refers to {name}, outside of it: refused", hint="Get the model again."
            )
    return tuple(names)


def _promised_length(path: Path) -> int | None:
    """How many bytes a file of weights should have, as its head says; None where that cannot be told."""
    if firefox_files.part_of(path.name):
        return firefox_files.promised_length(path)
    if path.suffix == ".safetensors":
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if size > path.stat().st_size:
                raise ValueError("its head is longer than the file")
            table = json.loads(file.read(size))
        ends = [entry["data_offsets"][1] for name, entry in table.items() if name != "__metadata__"]
        return int(8 + size + max(ends, default=0))
    if path.name == "model.bin":
        if not _specification(path):
            raise ValueError("its head names no model of CTranslate2's")
        return _ctranslate2_length(path)
    check_structure(path)
    return None


def _specification(path: Path) -> str:
    """The name of the model in the head of CTranslate2's model.bin; "" if it is none."""
    try:
        with path.open("rb") as file:
            version, length = struct.unpack("<IH", file.read(6))
            name = file.read(length)
    except (OSError, struct.error):
        return ""
    known = version < 100 and name.endswith(b"Spec\0") and name[:-1].isalnum()
    return name[:-1].decode() if known else ""


def _ctranslate2_length(path: Path) -> int:
    """The length that the parts listed in model.bin come to, aliases included."""
    size = path.stat().st_size
    with path.open("rb") as file:

        def number(form: str) -> int:
            return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])

        def skip(count: int) -> None:
            if file.tell() + count > size:
                raise ValueError(f"it ends at {size} bytes, within one of its parts")
            file.seek(count, 1)

        version = number("<I")
        skip(number("<H"))
        number("<I")  # revision of the specification
        if version < 6:  # older ones lay the parts out in other ways
            return size
        for _ in range(number("<I")):
            skip(number("<H"))
            skip(4 * number("<B") + 1)  # shape, type
            skip(number("<I"))
        for _ in range(number("<I")):
            skip(number("<H"))
            skip(number("<H"))
        return file.tell()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""

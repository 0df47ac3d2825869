"""Whether a file of weights is what its name says: read by its format, or by the library that will load it.

`check_structure` reads heads and lists, and is quick with any model; `check_loads` is for a model that comes
in: it is loaded once, as far as that runs nothing that is in it. Pickles are only taken apart, never built.
"""

from __future__ import annotations

import io
import json
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dubline.errors import WeightsError, first_line

_AGAIN = "It is damaged, half downloaded or something else under this name: get it again."


def check_structure(path: Path) -> None:
    """Walk through what the format says of itself (.onnx, checkpoints of torch, .npz).

    Raises:
        ValueError: it is not of that format, or cut off.
    """
    if path.suffix == ".onnx":
        _check_onnx(path)
    elif path.suffix in (".th", ".pt", ".ckpt", ".npz") or path.name == "pytorch_model.bin":
        with path.open("rb") as file:
            stream = file.read(1) == b"\x80"  # torch before 1.6 wrote bare pickles
        if not stream and not zipfile.is_zipfile(path):
            raise ValueError("the list of what is in it, which stands at its end, is not there")


def check_loads(path: Path) -> None:
    """Read a file of weights as the back ends will, where their library is here.

    Raises:
        WeightsError: it cannot be read; the text names the file.
    """
    try:
        check_structure(path)
        if path.suffix == ".onnx":
            _load_onnx(path)
        elif path.suffix == ".safetensors":
            _load_safetensors(path)
        elif path.suffix in (".th", ".pt", ".ckpt"):
            _walk_checkpoint(path)
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
    except (ValueError, OSError, KeyError, EOFError, RecursionError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} cannot be read: {first_line(error)}", hint=_AGAIN) from None


def _load_onnx(path: Path) -> None:
    try:
        import onnxruntime
    except ImportError:
        return
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each of its statuses
        raise ValueError(f"onnxruntime says: {first_line(error)}") from None
    if not session.get_inputs() or not session.get_outputs():
        raise ValueError("it has no input or no output")


def _load_safetensors(path: Path) -> None:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        return  # its head was read already
    try:
        with safe_open(path, "numpy") as file:
            names = list(file.keys())
    except SafetensorError as error:
        raise ValueError(first_line(error)) from None
    if not names:
        raise ValueError("there is nothing in it")


def _walk_checkpoint(path: Path) -> None:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            pickled = [name for name in file.namelist() if name.endswith("data.pkl")]
            if not pickled:
                raise ValueError("it is a zip, and no checkpoint of torch")
            _walk_pickle(io.BytesIO(file.read(pickled[0])))
            return
    with path.open("rb") as stream:
        _walk_pickle(stream)


def _walk_pickle(file: IO[bytes]) -> None:
    for _ in pickletools.genops(file):
        pass


def _check_onnx(path: Path) -> None:
    """An ONNX model is a ModelProto (onnx.proto3): fields that end with the file, the graph among them."""
    size, fields = path.stat().st_size, set()
    with path.open("rb") as file:
        for field in _fields(file, size):
            fields.add(field)
    if not {1, 7} <= fields:  # ir_version, graph
        raise ValueError("it is no ONNX model")


def _fields(file: IO[bytes], size: int) -> Iterator[int]:
    """Numbers of the fields of a protocol buffer, whose contents are skipped.

    Raises:
        ValueError: it is none, or cut off.
    """
    while file.tell() < size:
        key = _varint(file)
        kind = key & 7
        if kind == 0:
            _varint(file)
        elif kind in (1, 5):
            file.seek(8 if kind == 1 else 4, 1)
        elif kind == 2:
            file.seek(_varint(file), 1)
        else:
            raise ValueError("it is no protocol buffer")
        if not key >> 3 or file.tell() > size:
            raise ValueError("it is cut off, or no protocol buffer")
        yield key >> 3


def _varint(file: IO[bytes]) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it is cut off")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("it is no protocol buffer")


def check_folder(path: Path, kind: str, weights: tuple[str, ...]) -> None:
    """Load what a folder of a kind (`kinds.FolderKind`) holds, as far as that is cheap.

    Raises:
        WeightsError: something in it cannot be read.
    """
    for name in weights:
        check_loads(path / name)
    for settings in path.glob("*.json"):
        check_loads(settings)
    if kind == "piper":
        for name in weights:
            _check_voice(path / f"{name}.json")
    if kind == "firefox":
        _load_firefox(path)


def _check_voice(settings: Path) -> None:
    """A voice of Piper's says its rate and its phonemes."""
    told: Any = json.loads(settings.read_bytes())
    audio = told.get("audio") if isinstance(told, dict) else None
    rate = audio.get("sample_rate") if isinstance(audio, dict) else None
    if not isinstance(rate, int) or not told.get("phoneme_id_map"):
        raise WeightsError(f"{settings} does not tell the voice's rate and phonemes", hint=_AGAIN)


def _load_firefox(path: Path) -> None:
    from dubline.weights.firefox_files import parts, unpack

    try:
        from fxtranslate import Translator
    except ImportError:
        return
    try:
        data = {part: unpack(name, (path / name).read_bytes()) for part, name in parts(path).items()}
        Translator(data["model"], data["source"], data["target"], data.get("shortlist"))
    except WeightsError:
        raise
    except BaseException as error:  # the engine's panics are no `Exception`
        if isinstance(error, KeyboardInterrupt):
            raise
        raise WeightsError(f"{path} cannot be read: {first_line(error)}", hint=_AGAIN) from None

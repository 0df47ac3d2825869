"""Checkpoints as torch saves them, read without torch and without running anything that is in them.

Both forms that `torch.save` has had (https://github.com/pytorch/pytorch/blob/main/torch/serialization.py):

    zip      since torch 1.6: NAME/data.pkl, and the numbers of each storage in NAME/data/KEY
    stream   before: pickles one after the other, then a count and the numbers of each storage

Their values are a pickle, which may name any program. Here it may name tensors, plain containers, and
classes that the caller lists, and these are stood in for: nothing is imported and none of their code is run.
"""

from __future__ import annotations

import collections
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import WeightsError, first_line

Floats = NDArray[np.float32]
Array = NDArray[Any]

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
NUMBERS = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
PLAIN: dict[str, Any] = {
    "collections.OrderedDict": collections.OrderedDict,
    "collections.defaultdict": collections.defaultdict,
    "collections.Counter": collections.Counter,
    "torch.Size": tuple,
    "torch.torch_version.TorchVersion": str,
    # Python 2 called the first module __builtin__, and had an integer more.
    **{f"{module}.{t.__name__}": t for module in ("builtins", "__builtin__") for t in (dict, list, int, set)},
    "__builtin__.long": int,
}

PYANNOTE = (
    "omegaconf.listconfig.ListConfig",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.nodes.AnyNode",
    "pyannote.audio.core.model.Introspection",
    "pyannote.audio.core.task.Problem",
    "pyannote.audio.core.task.Resolution",
    "pyannote.audio.core.task.Specifications",
    "typing.Any",
)
"""What pyannote.audio's checkpoints name beside tensors, for `foreign`."""


class StandIn:
    """What a class named in a checkpoint becomes: its values are kept, none of its code is run."""

    def __init__(self, *values: Any, **named: Any) -> None:
        self.values = values
        self.named = named

    def __setstate__(self, state: Any) -> None:
        self.state = state


def open_checkpoint(path: Path, foreign: tuple[str, ...] = ()) -> dict[str, Any]:
    """A torch checkpoint as plain values; its tensors are NumPy arrays.

    `foreign` are dotted names of classes that may be named in it beside tensors and plain containers: their
    objects come as a `StandIn`, of a type with the class's name.

    Raises:
        WeightsError: not a checkpoint, cut short, or it names something else.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            loaded = _from_zip(file, foreign) if zipped else _from_stream(file, foreign)
    except _Refused as refused:
        raise WeightsError(
            f"{path} wants to run {refused}, which no model of this kind needs: refused",
            hint="Take the file from its maker; do not open this one with other tools.",
        ) from None
    except Exception as error:  # whatever unpickling a damaged file comes to
        raise WeightsError(
            f"{path} is not a readable checkpoint: {first_line(error)}",
            hint="It may be damaged or half downloaded. Get it again.",
        ) from None
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path} holds no checkpoint", hint="Give a file with a model's state in it.")
    return loaded


def check_shapes(state: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Those tensors of a checkpoint's state, as single precision; others in it are left out.

    Raises:
        ValueError: one is not there, or has another shape.
    """
    state = state if isinstance(state, dict) else {}
    for name, shape in shapes.items():
        found = state.get(name)
        if not isinstance(found, np.ndarray):
            raise ValueError(f"it has no {name}")
        if found.shape != shape:
            raise ValueError(f"{name} is {found.shape}, not {shape}")
    return {name: np.ascontiguousarray(state[name], np.float32) for name in shapes}


class _Refused(Exception):
    """The dotted name of what a checkpoint may not name."""


class _Reader(pickle.Unpickler):
    """Makes tensors and plain containers, no more. `_storage` is for those who know where the numbers are."""

    def __init__(self, file: IO[bytes], foreign: tuple[str, ...]) -> None:
        super().__init__(file, encoding="utf-8")
        self._foreign = foreign

    def find_class(self, module: str, name: str) -> Any:
        dotted = f"{module}.{name}"
        if dotted in PLAIN:
            return PLAIN[dotted]
        if module == "torch" and name in NUMBERS:
            return name  # a text: to call it, or to set something in it, fails
        if dotted == "torch._utils._rebuild_tensor_v2":
            return self._tensor
        if dotted == "torch._utils._rebuild_parameter":
            return self._parameter
        if dotted in self._foreign:
            return type(name, (StandIn,), {})
        raise _Refused(dotted)

    def persistent_load(self, pid: Any) -> Array:
        """What tensors refer to. The older form could name a part of a storage: no checkpoint in use does."""
        kind, numbers, key, _, count, *part = pid
        if kind != "storage" or any(part) or numbers not in NUMBERS:
            raise pickle.UnpicklingError(f"unknown storage {numbers!r}")
        return self._storage(str(key), np.dtype(NUMBERS[numbers]), int(count))

    def _storage(self, key: str, numbers: np.dtype[Any], count: int) -> Array:
        """(count,) numbers."""
        raise pickle.UnpicklingError("tensors where none may be")

    def _tensor(
        self, storage: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
    ) -> Array:
        size = storage.itemsize
        if int(np.prod([1, *map(int, shape)], dtype=object)) > len(storage):
            raise pickle.UnpicklingError("a tensor is larger than what holds its numbers")
        # This checks that all lies within the storage.
        tensor: Array = np.ndarray(
            shape, storage.dtype, storage, offset * size, tuple(s * size for s in strides)
        )
        return tensor

    def _parameter(self, tensor: Array, *_: Any) -> Array:
        return tensor


def _from_zip(file: IO[bytes], foreign: tuple[str, ...]) -> Any:
    with zipfile.ZipFile(file) as packed:
        # torch stores and never packs, so nothing can become larger than the file is.
        entries = packed.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise pickle.UnpicklingError("it is compressed, which no checkpoint is")
        if sum(entry.file_size for entry in entries) > file.seek(0, 2):
            raise pickle.UnpicklingError("its parts lie one over the other")
        (main,) = (name for name in packed.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
        folder = main.removesuffix(".pkl")
        known: dict[str, Array] = {}

        class Reader(_Reader):
            def _storage(self, key: str, numbers: np.dtype[Any], count: int) -> Array:
                if key not in known:
                    found = np.frombuffer(bytearray(packed.read(f"{folder}/{key}")), numbers)
                    if len(found) != count:
                        raise pickle.UnpicklingError(f"storage {key} holds {len(found)} numbers, not {count}")
                    known[key] = found
                return known[key]

        with packed.open(main) as stream:
            return Reader(stream, foreign).load()


def _from_stream(file: IO[bytes], foreign: tuple[str, ...]) -> Any:
    room = file.seek(0, 2)
    file.seek(0)
    known: dict[str, Array] = {}

    class Reader(_Reader):
        def _storage(self, key: str, numbers: np.dtype[Any], count: int) -> Array:
            if key not in known:
                nonlocal room
                room -= count * numbers.itemsize
                if count < 0 or room < 0:
                    raise pickle.UnpicklingError("the file is shorter than what it says it holds")
                known[key] = np.zeros(count, numbers)  # the numbers come after all else
            return known[key]

    if _Reader(file, ()).load() != MAGIC or _Reader(file, ()).load() != PROTOCOL:
        raise pickle.UnpicklingError("it does not begin as one")
    if not _Reader(file, ()).load()["little_endian"]:
        raise pickle.UnpicklingError("it was saved on a big-endian machine")
    loaded = Reader(file, foreign).load()
    for key in _Reader(file, ()).load():
        storage = known[key]
        count = int.from_bytes(file.read(8), "little")
        if count != len(storage) or file.readinto(storage) != storage.nbytes:  # type: ignore[attr-defined]
            raise EOFError("the file is cut short")
    return loaded

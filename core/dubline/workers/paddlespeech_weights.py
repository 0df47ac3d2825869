"""PaddleSpeech's files of weights, read without running anything in them. Loaded by its workers.

Runs inside the environment: standard library, numpy, Paddle and PyYAML; nothing of `dubline`.
"""

from __future__ import annotations

import importlib
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any


class Refused(Exception):
    """Something that the user can put right. `code` is one of Dubline's error codes."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def imported(guards: Any, threads: int, part: str = "") -> tuple[Any, dict[str, str]]:
    """Paddle, made harmless by `guards`, and the versions to tell. `part`: the option that brings it whole.

    Raises:
        Refused: something is not installed.
    """
    guards.before_import(threads)
    try:
        import paddle
        import paddlespeech
    except ImportError as error:
        raise Refused(
            "backend_missing",
            f"the environment of PaddleSpeech is not whole: {error}",
            f"Complete it with: dubline backends install paddlespeech{part}",
        ) from error
    guards.after_import()
    paddle.set_device("cpu")
    return paddle, {"paddle": paddle.__version__, "paddlespeech": getattr(paddlespeech, "__version__", "")}


class _Weights(pickle.Unpickler):
    """Reads what `paddle.save` writes, and nothing else: a pickle may hold programs."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np

        if module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            inner = importlib.import_module("numpy._core.multiarray" if hasattr(np, "_core") else module)
            if name in ("_reconstruct", "scalar"):
                return getattr(inner, name)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if module in ("builtins", "__builtin__"):
            if name == "tuple":
                return tuple
            if name == "eval":  # paddle.save wraps some tensors as eval("data", {"data": array})
                return _named
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("_codecs", "encode"):  # bytes, as Python 2 and 3 agree on them
            return lambda text, encoding="latin1": str(text).encode("latin1")
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _named(text: str, values: dict[str, Any]) -> Any:
    if text != "data":
        raise pickle.UnpicklingError("it wants to run a program")
    return values["data"]


def unpickled(path: str) -> Any:
    """What a file of `paddle.save` holds.

    Raises:
        Refused: it is no such file, or holds something that is no weights.
    """
    try:
        with Path(path).open("rb") as file:
            return _Weights(file, encoding="latin1").load()
    except Exception as error:  # a damaged pickle fails in any way
        raise Refused(
            "weights",
            f"{path} cannot be read as weights: {error}",
            "It is damaged, or holds more than weights: get it again from where it was published.",
        ) from None


def guard(paddle: Any) -> None:
    """Keep from `paddle.load`, which PaddleSpeech calls in many places, what holds more than weights."""
    theirs = paddle.load

    def load(path: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(path, (str, Path)) and Path(path).is_file():
            unpickled(str(path))
        return theirs(path, *arguments, **named)

    paddle.load = load


def read(path: str, part: str) -> dict[str, Any]:
    """Names -> arrays from a .pdz or .pdparams, under `part` ("main_params") if it has such a part.

    Raises:
        Refused: it is no such file, or holds something that is no weights.
    """
    import numpy as np

    held = unpickled(path)
    if isinstance(held, dict) and part in held:
        held = held[part]
    if not isinstance(held, dict):
        raise Refused("weights", f"{path} holds no weights", "Take PaddleSpeech's .pdz or .pdparams.")
    arrays = {}
    for name, value in held.items():
        value = value[1] if isinstance(value, tuple) and len(value) == 2 else value
        if isinstance(value, np.ndarray):
            arrays[str(name)] = value
    return arrays


def fill(model: Any, weights: dict[str, Any], path: str) -> None:
    """Put weights into a model: every one that it wants, each of its shape."""
    import paddle

    state = model.state_dict()
    lacking = [n for n in state if n not in weights or list(weights[n].shape) != list(state[n].shape)]
    if lacking:
        raise Refused(
            "weights",
            f"{path} does not fit the settings beside it: {', '.join(sorted(lacking)[:3])}",
            "The .yaml and the weights have to come from one archive.",
        )
    model.set_state_dict({name: paddle.to_tensor(weights[name]) for name in state})


def settings(path: str) -> dict[str, Any]:
    """A model's .yaml."""
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Refused("weights", f"{path} cannot be read: {error}", "Get it again.") from None
    if not isinstance(content, dict):
        raise Refused("weights", f"{path} holds no settings", "Take the .yaml of the model's archive.")
    return content


def numbers(path: str) -> dict[str, int]:
    """phone_id_map.txt, speaker_id_map.txt: a name and its number on each line."""
    try:
        lines = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        return {name: int(number) for name, number in lines}
    except (OSError, ValueError) as error:
        raise Refused(
            "weights", f"{path} is not a list of names and numbers: {error}", "Get it again."
        ) from None

"""Loading Demucs weights without running anything that is in the file.

Three forms exist: `<sig>-<sha256[:8]>.th` (a torch pickle of class, arguments and state), a bag
`<name>.yaml` that lists such files by signature with optional weights per source, and, since
demucs 4.1, `<sig>.safetensors` with class and arguments as JSON in its metadata. Film checkpoints (CDX23
and its like) are the same class with other sources.

A pickle is opened with `weights_only=True` and a short list of classes; a safetensors file may name one
of the same classes only (demucs' own loader imports and calls whatever the metadata name).
"""

from __future__ import annotations

import inspect
import json
import re
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from dubline.errors import WeightsError, first_line
from dubline.weights.files import bag_files

MODEL_CLASSES = {
    "demucs.demucs.Demucs",
    "demucs.hdemucs.HDemucs",
    "demucs.htdemucs.HTDemucs",
}

# What a model may work at, in hertz: the rates at which sound files are read.
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000


class Bag(msgspec.Struct, frozen=True):
    """Models that are heard together: `weights[model][source]`, averaged source by source."""

    name: str
    models: tuple[Any, ...]
    weights: tuple[tuple[float, ...], ...]
    sources: tuple[str, ...]
    rate: int


class _BagFile(msgspec.Struct):
    """A bag's YAML as demucs writes it."""

    models: list[str]
    weights: list[list[float]] | None = None
    segment: float | None = None


def load_bag(path: Path) -> Bag:
    """Load a .th, a .safetensors, or a bag's .yaml with its models beside it.

    Checksums are compared where the file is found (`dubline.weights.files`), before it comes here.

    Raises:
        WeightsError: not loadable, a class that is not a Demucs model, or models that do not go together.
    """
    if path.suffix in (".yaml", ".yml"):
        return _load_yaml(path)
    name = path.stem.rsplit("-", 1)[0] if path.suffix == ".th" else path.stem
    return _bag(name, [_load_single(path)], None, [path])


def _load_yaml(path: Path) -> Bag:
    import yaml

    try:
        listed = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), _BagFile, strict=False)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise WeightsError(
            f"{path.name} is not the description of a bag of models: {error}",
            hint="A bag's YAML has a list `models` of signatures, and may have `weights` and `segment`.",
        ) from None
    # The very files that were hashed: no other may be loaded in their stead.
    lying = dict(zip(dict.fromkeys(listed.models), bag_files(path)[1:], strict=True))
    files = [lying[signature] for signature in listed.models]
    models = [_load_single(file) for file in files]
    if listed.segment is not None:
        for model in models:
            # A transformer cannot hear more than it was trained on; demucs leaves those as they are.
            if type(model).__name__ != "HTDemucs" or listed.segment <= model.segment:
                model.segment = listed.segment
    return _bag(path.stem, models, listed.weights, files)


def _load_single(path: Path) -> Any:
    if path.suffix == ".th":
        return _build(_read_pickle(path), path)
    if path.suffix == ".safetensors":
        return _build(_read_safetensors(path), path)
    raise WeightsError(
        f"{path.name} is not a Demucs model",
        hint="Known forms: .th, .safetensors, and a bag's .yaml beside them.",
    )


def _read_pickle(path: Path) -> dict[str, Any]:
    import numpy as np
    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    internals: Any = np._core if hasattr(np, "_core") else np.core  # numpy 2, numpy 1
    scalar = internals.multiarray.scalar
    allowed: list[Any] = [
        Demucs,
        HDemucs,
        HTDemucs,
        Fraction,
        # Released packages keep training figures as numpy scalars.
        np.dtype,
        scalar,
        (scalar, "numpy.core.multiarray.scalar"),
        type(np.dtype(np.float64)),
        type(np.dtype(np.float32)),
        type(np.dtype(np.int64)),
        type(np.dtype(np.int32)),
        type(np.dtype(np.bool_)),
    ]
    try:
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own hints say how to load it unsafely
            package = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        foreign = re.search(r"GLOBAL ([\w.]+)", str(error))
        if foreign:
            raise WeightsError(
                f"{path.name} is refused: it would load {foreign[1]}, which no Demucs model needs. "
                "Nothing in it was run.",
                hint="Use the file from the model's own author. If it is that file, it needs a library "
                "Dubline does not load (for example diffq for quantised models).",
            ) from None
        raise WeightsError(
            f"{path.name} is damaged, or no torch file that can be opened without running what is in it",
            hint="Get the file again from where it came. If it is whole, save it again with demucs 4.1.",
        ) from None
    if not isinstance(package, dict) or not {"klass", "args", "kwargs", "state"} <= package.keys():
        raise WeightsError(
            f"{path.name} is not a Demucs package (class, arguments and state)",
            hint="A bare state dictionary cannot be used: export the model with demucs' own tools.",
        )
    return dict(package)


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path.name} cannot be read as safetensors: {first_line(error)}",
            hint="Download the file again.",
        ) from None
    if "structure" in metadata:
        raise WeightsError(
            f"{path.name} holds quantised weights",
            hint="Those need diffq, whose licence (CC BY-NC) keeps it out of Dubline. Use the plain model.",
        )
    try:
        return {
            "klass": metadata["klass"],
            "args": _decoded(json.loads(metadata["args"])),
            "kwargs": _decoded(json.loads(metadata["kwargs"])),
            "state": state,
        }
    except (KeyError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise WeightsError(
            f"{path.name} does not say which model it is ({first_line(error)})",
            hint="Demucs 4.1 writes class and arguments into the file's metadata; this file lacks them.",
        ) from None


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(value["numerator"], value["denominator"])
        return {key: _decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value


def _build(package: dict[str, Any], path: Path) -> Any:
    klass = package["klass"]
    if isinstance(klass, type):
        name = f"{klass.__module__}.{klass.__qualname__}"
    else:
        name = klass if isinstance(klass, str) else repr(klass)[:80]
    if name not in MODEL_CLASSES:
        raise WeightsError(
            f"{path.name} is refused: it asks for the class {name}, which is not a Demucs model. "
            "Nothing in it was run.",
            hint="Use the file from the model's own author.",
        )
    if isinstance(klass, str):
        import importlib

        module, _, attribute = klass.rpartition(".")
        klass = getattr(importlib.import_module(module), attribute)
    state, given = package["state"], package["kwargs"]
    if not isinstance(state, dict) or not isinstance(given, dict):
        raise WeightsError(
            f"{path.name} is not a Demucs package (class, arguments and state)",
            hint="The file is damaged or was made by another program.",
        )
    if state.get("__quantized"):
        raise WeightsError(
            f"{path.name} holds quantised weights",
            hint="Those need diffq, whose licence (CC BY-NC) keeps it out of Dubline. Use the plain model.",
        )
    known = inspect.signature(klass).parameters
    settings = {key: value for key, value in given.items() if key in known}
    try:
        model = klass(*package["args"], **settings)
        model.load_state_dict(state)
    except Exception as error:
        raise WeightsError(
            f"{path.name}: the weights do not fit the model they name: {first_line(error)}",
            hint="The file is damaged or was made with another version of demucs; this is for demucs 4.1.",
        ) from None
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def _bag(
    name: str,
    models: list[Any],
    weights: list[list[float]] | None,
    files: list[Path],
) -> Bag:
    first = models[0]
    for model, file in zip(models, files, strict=True):
        if not LOWEST_RATE <= model.samplerate <= HIGHEST_RATE or not 0.1 <= model.segment <= 3600:
            raise WeightsError(
                f"{file.name} asks for pieces of {float(model.segment):g} s at {model.samplerate} Hz",
                hint="Look at `segment` in the bag's .yaml; if there is none, the file is damaged.",
            )
        if list(model.sources) != list(first.sources) or model.samplerate != first.samplerate:
            raise WeightsError(
                f"the models of the bag {name} do not go together: {file.name} gives "
                f"{'/'.join(model.sources)} at {model.samplerate} Hz, {files[0].name} "
                f"{'/'.join(first.sources)} at {first.samplerate} Hz",
                hint="A bag needs models with the same sources and sample rate.",
            )
        if model.audio_channels != 2:
            raise WeightsError(
                f"{file.name} works on {model.audio_channels} channels",
                hint="Dubline runs stereo models (mono and surround are brought to it).",
            )
    if weights is None:
        weights = [[1.0] * len(first.sources) for _ in models]
    if len(weights) != len(models) or any(len(row) != len(first.sources) for row in weights):
        raise WeightsError(
            f"the bag {name} has weights for {len(weights)} models, and {len(models)} models with "
            f"{len(first.sources)} sources each",
            hint="`weights` needs a row for each model and a number for each source.",
        )
    if not all(0 < sum(row[k] for row in weights) < float("inf") for k in range(len(first.sources))):
        raise WeightsError(f"the bag {name} gives a source no weight at all", hint="Look at its `weights`.")
    return Bag(
        name,
        tuple(models),
        tuple(tuple(float(x) for x in row) for row in weights),
        tuple(str(s) for s in first.sources),
        int(first.samplerate),
    )

"""Small real Demucs models with random weights, saved the way the released ones are."""

from __future__ import annotations

import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

MUSIC = ("drums", "bass", "other", "vocals")
FILM = ("music", "sfx", "speech")

TINY = {"channels": 8, "bottom_channels": 0, "t_layers": 1, "t_heads": 2, "segment": Fraction(2)}
FULL = {
    "channels": 48,
    "bottom_channels": 512,
    "dconv_mode": 3,
    "depth": 4,
    "t_layers": 5,
    "segment": Fraction(39, 5),
}


def htdemucs(sources: tuple[str, ...] = MUSIC, *, seed: int = 0, rate: int = 44100, **settings: Any) -> Any:
    """A random HTDemucs; `settings` override the tiny ones."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    return HTDemucs(sources=list(sources), samplerate=rate, **{**TINY, **settings}).eval()


def save_th(model: Any, folder: Path, signature: str, *, half: bool = False) -> Path:
    """Write `<signature>-<sha8>.th` as demucs does; full precision unless `half`, to compare exactly."""
    import torch

    args, kwargs = model._init_args_kwargs
    state = {k: (v.half() if half and v.is_floating_point() else v) for k, v in model.state_dict().items()}
    package = {"klass": type(model), "args": args, "kwargs": kwargs, "state": state, "training_args": {}}
    buffer = io.BytesIO()
    torch.save(package, buffer)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{signature}-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.th"
    path.write_bytes(buffer.getvalue())
    return path


def save_safetensors(model: Any, path: Path, *, klass: str = "demucs.htdemucs.HTDemucs") -> Path:
    """Write a model in the form of demucs 4.1's hub repositories."""
    from safetensors.torch import save_file

    def encoded(value: Any) -> Any:
        assert isinstance(value, Fraction)
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}

    args, kwargs = model._init_args_kwargs
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.contiguous().clone() for k, v in model.state_dict().items()},
        path,
        metadata={
            "klass": klass,
            "args": json.dumps(list(args), default=encoded),
            "kwargs": json.dumps(kwargs, default=encoded),
        },
    )
    return path


def save_bag(
    folder: Path,
    name: str,
    models: list[Any],
    *,
    weights: list[list[float]] | None = None,
    half: bool = False,
) -> Path:
    """A folder with the models and the bag's YAML; returns the YAML's path."""
    signatures = [f"{index:08x}" for index in range(len(models))]
    for signature, model in zip(signatures, models, strict=True):
        save_th(model, folder, signature, half=half)
    text = f"models: {json.dumps(signatures)}\n"
    if weights is not None:
        text += f"weights: {json.dumps(weights)}\n"
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path

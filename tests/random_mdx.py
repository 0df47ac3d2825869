"""Tiny MDX-Net models with random weights, exported on the spot: for how sound flows, never for quality."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

TINY = {"n_fft": 256, "dim_f": 96, "dim_t": 32, "hop": 64, "compensate": 1.03, "stem": "vocals"}
WHOLE_BAND = {**TINY, "dim_f": 129, "compensate": 1.0}  # every bin of n_fft 256
Make = Literal["random", "same", "nan", "two_inputs", "two_outputs", "half"]


class Block(nn.Module):
    """A convolution over time and frequency, then a narrow linear map over frequency, added back."""

    def __init__(self, channels: int, bins: int) -> None:
        super().__init__()
        self.local = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
        self.across = nn.Sequential(nn.Linear(bins, 8), nn.ReLU(), nn.Linear(8, bins))

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, frames, bins)
        near = self.local(x)
        return near + self.across(near)


class Net(nn.Module):
    """One step down and up with a multiplied skip, as in ConvTDFNet."""

    def __init__(self, bins: int, width: int = 6) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, width, 1)
        self.outer = Block(width, bins)
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.inner = Block(2 * width, bins // 2)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Conv2d(width, 4, 1)

    def forward(self, spectrum: Tensor) -> Tensor:  # (batch, 4, bins, frames)
        x = self.outer(self.first(spectrum).transpose(2, 3))
        x = self.up(self.inner(self.down(x))) * x
        return 20 * self.last(x).transpose(2, 3)  # about as loud as the input


class Odd(nn.Module):
    """Models that pass their input on, or break a rule."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        if self.make == "nan":
            return x * float("nan")
        if self.make == "two_outputs":
            return x * 1.0, x * 0.5
        if y is not None:
            return x + y
        return x * (0.5 if self.make == "half" else 1.0)


def build(
    folder: Path,
    name: str = "tiny",
    *,
    make: Make = "random",
    parameters: dict[str, Any] | None = None,
    batch: int | None = None,
    seed: int = 0,
    sidecar: bool = True,
) -> Path:
    """Write `<name>.onnx` and, unless told not to, its parameters as `<name>.json`."""
    told = {**TINY, **(parameters or {})}
    shape = (batch or 1, 4, told["dim_f"], told["dim_t"])
    generator = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = (Net(told["dim_f"]) if make == "random" else Odd(make)).eval()
    given = tuple(torch.randn(shape) for _ in range(2 if make == "two_inputs" else 1))
    torch.random.set_rng_state(generator)
    inputs = ["input", "other"][: len(given)]
    outputs = ["output", "rest"][: 2 if make == "two_outputs" else 1]
    path = folder / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            given,
            str(path),
            input_names=inputs,
            output_names=outputs,
            opset_version=17,
            dynamo=False,
            dynamic_axes=None if batch else {end: {0: "batch"} for end in (*inputs, *outputs)},
        )
    if sidecar:
        path.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
    return path

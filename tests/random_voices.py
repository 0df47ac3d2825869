"""The built-in diarizer's networks with random weights: they know no voices, but all the code is walked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def _random(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Any]:
    """Tensors as torch begins its own layers with: the smaller, the more are added up."""
    import torch

    made = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        inputs = shape[0] // 4 if name.startswith("lstm.") else max(1, torch.Size(shape[1:]).numel())
        state[name] = (torch.rand(shape, generator=made) * 2 - 1) / inputs**0.5
    return state


def save_pyannet(path: Path, seed: int = 0) -> Path:
    """A PyanNet that switches its three speakers on and off at random."""
    import torch

    from dubline.backends.diarizers.pyannet import BANK, SHAPES

    state = _random(SHAPES, seed)
    state |= {name: torch.ones_like(state[name]) for name in state if "norm1d" in name and "weight" in name}
    state[f"{BANK}.low_hz_"] = torch.linspace(30, 7000, 40)[:, None]
    state[f"{BANK}.band_hz_"] = torch.full((40, 1), 120.0)
    state[f"{BANK}.window_"] = torch.hamming_window(251)[:125]
    state[f"{BANK}.n_"] = 2 * torch.pi * torch.arange(-125, 0)[None] / 16000
    state["classifier.weight"] *= 60
    torch.save({"state_dict": state}, path)
    return path


def save_ge2e(path: Path, seed: int = 0) -> Path:
    """A GE2E encoder of the released shape."""
    import torch

    from dubline.backends.diarizers.ge2e import SHAPES

    torch.save({"step": 1, "model_state": _random(SHAPES, seed), "optimizer_state": {}}, path)
    return path

"""The built-in diarizer's networks with random weights: they know no voices, but all the code is walked."""

from __future__ import annotations

from pathlib import Path


def save_pyannet(path: Path, seed: int = 0) -> Path:
    """A PyanNet that switches its three speakers on and off at random."""
    import torch

    from dubline.backends.diarizers.pyannet import _network

    torch.manual_seed(seed)
    net = _network()
    state = net.state_dict()
    bank = "sincnet.conv1d.0.filterbank."
    state[bank + "low_hz_"] = torch.linspace(30, 7000, 40)[:, None]
    state[bank + "band_hz_"] = torch.full((40, 1), 120.0)
    state[bank + "window_"] = torch.hamming_window(251)[:125]
    state[bank + "n_"] = 2 * torch.pi * torch.arange(-125, 0)[None] / 16000
    state["classifier.weight"] *= 60
    torch.save({"state_dict": state}, path)
    return path


def save_ge2e(path: Path, seed: int = 0) -> Path:
    """A GE2E encoder of the released shape."""
    import torch

    torch.manual_seed(seed)
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    state = {f"lstm.{k}": v for k, v in lstm.state_dict().items()}
    state |= {f"linear.{k}": v for k, v in linear.state_dict().items()}
    torch.save({"step": 1, "model_state": state, "optimizer_state": {}}, path)
    return path

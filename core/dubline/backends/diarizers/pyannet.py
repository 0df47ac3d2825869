"""PyanNet: which of up to three speakers are talking, every 16.9 ms of a 5 s window.

The network is that of Bredin & Laurent, "End-to-end speaker segmentation for overlap-aware resegmentation"
(Interspeech 2021): SincNet filters (Ravanelli & Bengio, "Speaker recognition from raw waveform with
SincNet", 2018), four bidirectional LSTM layers, two linear ones, one sigmoid per speaker. It is written
anew here, so that neither pyannote.audio nor whisperX has to be importable; the weights' names follow the
released checkpoint. Which output is which speaker differs from window to window.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import WeightsError
from dubline.weights.wheels import inert, open_checkpoint

RATE = 16000
WINDOW = 5 * RATE
SPEAKERS = 3
COARSE = 10  # samples between the first filters' outputs
FRAMES = 293  # that the network gives for a window
STRIDE = 270  # samples between frames: 10 * 3 * 3 * 3
FIELD = 991  # samples that one frame sees
KERNEL = 251
LOWEST_HZ = 50.0  # of a filter's lower edge, and of its width

# Classes that the released checkpoint names beside its tensors. None of them is needed.
_FOREIGN = (
    "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.nodes.AnyNode",
    "pyannote.audio.core.model.Introspection",
    "pyannote.audio.core.task.Problem",
    "pyannote.audio.core.task.Resolution",
    "pyannote.audio.core.task.Specifications",
    "typing.Any",
)


def frame_middle(frame: int) -> float:
    """Seconds from the window's start to the middle of what a frame sees."""
    return (frame * STRIDE + (FIELD - 1) / 2) / RATE


class PyanNet:
    """The network with its weights. `activities` is all it does.

    Raises:
        WeightsError: the file is not this network's checkpoint.
    """

    def __init__(self, path: Path, device: Any = "cpu") -> None:
        import torch

        state = open_checkpoint(path, tuple(map(inert, _FOREIGN))).get("state_dict")
        self._device = torch.device(device)
        self._net = _network()
        try:
            self._net.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise WeightsError(
                f"{path} does not hold the weights of the 5 s, three-speaker PyanNet",
                hint="Use the file that the whisperx 3.8 wheel carries.",
            ) from error
        self._net.eval().to(self._device)

    def activities(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(batch, 80000) samples -> (batch, 293, 3): the chance 0..1 that each speaker talks."""
        import torch

        with torch.inference_mode():
            out = self._net(torch.from_numpy(windows).to(self._device)[:, None])
            # (batch, frames, speakers)
        result: NDArray[np.float32] = out.float().cpu().numpy()
        return result

    def activities_along(self, sound: NDArray[np.float32], step: int, count: int) -> NDArray[np.float32]:
        """`activities` of `count` windows that begin `step` samples apart, (count, 293, 3).

        `sound` holds (count - 1) * step + 80000 samples; `step` is a multiple of 10. Windows that overlap
        share the first filters, a quarter of the work: only the window's own mean and deviation come between,
        and these can be applied after the filters. Rounding aside, the answer is that of `activities`.
        """
        import torch

        assert step % COARSE == 0 and len(sound) == (count - 1) * step + WINDOW
        with torch.inference_mode():
            x = torch.from_numpy(sound).to(self._device)
            out = self._net(x.unfold(0, WINDOW, step)[:, None], self._net.sincnet.bank(x, step))
        result: NDArray[np.float32] = out.float().cpu().numpy()
        return result


def _network() -> Any:
    import torch
    from torch import nn
    from torch.nn import functional

    class Filterbank(nn.Module):  # type: ignore[misc]
        """40 band-pass filters, each as a cosine and a sine: (batch, 1, n) -> (batch, 80, m)."""

        def __init__(self) -> None:
            super().__init__()
            self.filterbank = nn.Module()
            self.filterbank.low_hz_ = nn.Parameter(torch.zeros(40, 1))
            self.filterbank.band_hz_ = nn.Parameter(torch.zeros(40, 1))
            self.filterbank.register_buffer("window_", torch.zeros(KERNEL // 2))
            self.filterbank.register_buffer("n_", torch.zeros(1, KERNEL // 2))

        def filters(self) -> Any:
            bank = self.filterbank
            low = LOWEST_HZ + bank.low_hz_.abs()
            high = (low + LOWEST_HZ + bank.band_hz_.abs()).clamp(LOWEST_HZ, RATE / 2)
            width = high - low  # (40, 1)
            to_low, to_high = low @ bank.n_, high @ bank.n_  # (40, 125), negative times
            even = (to_high.sin() - to_low.sin()) / (bank.n_ / 2) * bank.window_
            odd = (to_low.cos() - to_high.cos()) / (bank.n_ / 2) * bank.window_
            cosines = torch.cat([even, 2 * width, even.flip(1)], dim=1) / (2 * width)
            sines = torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], dim=1) / (2 * width)
            return torch.cat([cosines, sines])[:, None]  # (80, 1, 251)

        def forward(self, x: Any) -> Any:
            return functional.conv1d(x, self.filters(), stride=COARSE)

    class SincNet(nn.Module):  # type: ignore[misc]
        """(batch, 1, samples) -> (batch, 60, frames)."""

        def __init__(self) -> None:
            super().__init__()
            self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
            self.conv1d = nn.ModuleList([Filterbank(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
            self.norm1d = nn.ModuleList(nn.InstanceNorm1d(n, affine=True) for n in (80, 60, 60))

        def bank(self, sound: Any, step: int) -> Any:
            """(n,) samples -> what the first filters give for each window: (windows, 80, 7975).

            With the norm of a window x * a + b the filters f give a * (f on x) + b * sum(f).
            """
            windows = sound.unfold(0, WINDOW, step)
            variance, mean = torch.var_mean(windows, dim=1, correction=0)
            a = self.wav_norm1d.weight / (variance + self.wav_norm1d.eps).sqrt()
            b = self.wav_norm1d.bias - mean * a
            filters = self.conv1d[0].filters()
            heard = functional.conv1d(sound[None, None], filters, stride=COARSE)[0]  # (80, m)
            per_window = (WINDOW - KERNEL) // COARSE + 1
            parts = heard.unfold(1, per_window, step // COARSE).transpose(0, 1)  # (windows, 80, 7975)
            return (parts * a[:, None, None]).add_(b[:, None, None] * filters.sum(dim=2))

        def forward(self, x: Any, heard: Any = None) -> Any:
            x = self.conv1d[0](self.wav_norm1d(x)) if heard is None else heard
            for number, (conv, norm) in enumerate(zip(self.conv1d, self.norm1d, strict=True)):
                x = x.abs_() if number == 0 else conv(x)
                x = functional.leaky_relu(norm(functional.max_pool1d(x, 3)))
            return x

    class Net(nn.Module):  # type: ignore[misc]
        """(batch, 1, samples) -> (batch, frames, 3)."""

        def __init__(self) -> None:
            super().__init__()
            self.sincnet = SincNet()
            self.lstm = nn.LSTM(60, 128, 4, bidirectional=True, batch_first=True)
            self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
            self.classifier = nn.Linear(128, SPEAKERS)

        def forward(self, x: Any, heard: Any = None) -> Any:
            x, _ = self.lstm(self.sincnet(x, heard).transpose(1, 2))
            for layer in self.linear:
                x = functional.leaky_relu(layer(x))
            return self.classifier(x).sigmoid()

    return Net()

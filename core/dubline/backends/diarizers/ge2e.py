"""GE2E voice embeddings: 256 numbers that are alike when the voice is.

The encoder of Wan et al., "Generalized end-to-end loss for speaker verification" (ICASSP 2018): three LSTM
layers over 1.6 s of mel power, one linear layer, ReLU, unit length; so two embeddings have a cosine of 0
to 1. Weights and settings (16 kHz, 25 ms Hann frames every 10 ms, 40 bands on Slaney's mel scale, power not
logarithm, quiet voices raised to -30 dBFS) are Resemblyzer's; the code is not.
"""

from __future__ import annotations

from base64 import b64decode
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dubline.backends.onnx_graph import Graph, session
from dubline.errors import WeightsError
from dubline.weights.checkpoints import check_shapes, open_checkpoint
from dubline.weights.wheels import GE2E, remedy

Floats = NDArray[np.float32]

KIND = "ge2e-resemblyzer-256-centred"
RATE = 16000
FRAME, HOP, BANDS = 400, 160, 40
PARTIAL = 160  # frames the encoder hears at once: 1.6 s
SIZE = 256
LEVEL_DBFS = -30.0
MEAN_SCALE = 0.129576
MEAN = (
    "QhQlABokHF5Vk8GoQjUUPtUoKTB7hAAAAKccFAIBb103BCOAbiNiGQAqLmFVFiwdahUAUQIAC106AUIBQhRGY1oUrYICAQOJ"
    "BqEZDQAsNWkHGKJHBSMJXRPVdwAPDCoAKwAFAAcAdYBpUSyQAKYBPg3VLQA9IgkjlUJOMVTNMv95AEQDi0qSf0IJdUQAC2wZ"
    "cEOgAN4whiUCJSPFFDG0KX4Ep3tIUUBnxJoABwU3ADsscDAcwhorWTIABYoFE1JeAdgAL218V/hLOzAOACkUbjd5GhjQpQA9"
    "ADzEBWUlBABnlF5FAAE5ACcACE99pYJvxzEFbz5djAW+HANPUAI0AA=="
)
"""The mean of many voices, as base64 of (256,) bytes that stand for 0 to MEAN_SCALE: what voices have in
common tells nobody apart (benchmarks/diarization.py --mean makes it)."""
COMMON = 0.545
"""What a voice's vector has in common with all others where voices are compared across runs: so a cosine of
0.45 between what is their own counts as 0.75, from which voices are one (`embeddings.LEAST_ALIKE`)."""
SHAPES: dict[str, tuple[int, ...]] = {
    **{
        f"lstm.{part}_l{layer}": (4 * SIZE, *size)
        for layer in range(3)
        for part, size in (
            ("weight_ih", (SIZE if layer else BANDS,)),
            ("weight_hh", (SIZE,)),
            ("bias_ih", ()),
            ("bias_hh", ()),
        )
    },
    "linear.weight": (SIZE, SIZE),
    "linear.bias": (SIZE,),
}


def mel_of_hz(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale ("Auditory Toolbox", 1998): 200/3 Hz a mel up to 1 kHz, then 27 steps per ln 6.4."""
    above = np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4)
    return np.where(hz < 1000, hz * 3 / 200, 15 + above)


def hz_of_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way back."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


@lru_cache(maxsize=1)
def mel_filters() -> Floats:
    """(40, 201): triangles of equal area from 0 to 8 kHz, over the bins of a 400-point spectrum."""
    edges = hz_of_mel(np.linspace(0, float(mel_of_hz(np.array(RATE / 2))), BANDS + 2))
    bins = np.linspace(0, RATE / 2, FRAME // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


def mel_power(sound: Floats) -> Floats:
    """(n,) samples -> (n // 160 + 1, 40) mel power; frame i has its middle at sample 160 i."""
    padded = np.pad(sound.astype(np.float32, copy=False), FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2  # (frames, 201)
    # Not the library of `@`, whose threads add up in an order of their own.
    result: Floats = np.einsum("fb,mb->fm", power, mel_filters()).astype(np.float32)
    return result


def partials(mel: Floats, step: int = PARTIAL // 2) -> list[Floats]:
    """Frames of one voice (m, 40) -> pieces of exactly (160, 40); a short voice is repeated to fill one."""
    if len(mel) == 0:
        return []
    if len(mel) < PARTIAL:
        return [np.tile(mel, (-(-PARTIAL // len(mel)), 1))[:PARTIAL]]
    starts = [*range(0, len(mel) - PARTIAL, step), len(mel) - PARTIAL]
    return [mel[s : s + PARTIAL] for s in starts]


def frame_power(sound: Floats) -> Floats:
    """(n,) samples -> (n // 160 + 1,): the mean square of the 10 ms around each frame's middle."""
    padded = np.pad(sound.astype(np.float32, copy=False), (HOP // 2, HOP))
    count = len(sound) // HOP + 1
    result: Floats = (padded[: count * HOP].reshape(count, HOP) ** 2).mean(axis=1)
    return result


def gain(mean_square: float) -> float:
    """What to multiply mel power with so that the voice reaches -30 dBFS; a louder one is left as it is."""
    return max(1.0, 10 ** (LEVEL_DBFS / 10) / max(mean_square, 1e-12))


@lru_cache(maxsize=1)
def mean_voice() -> Floats:
    """(256,): `MEAN`."""
    values = np.frombuffer(b64decode(MEAN), np.uint8)
    result: Floats = (values * (MEAN_SCALE / 255)).astype(np.float32)
    return result


def centred(vectors: Floats) -> Floats:
    """(n, 256) -> what each voice has of its own, (n, 256) of unit length."""
    own = vectors - mean_voice()
    result: Floats = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
    return result


def comparable(own: Floats) -> Floats:
    """What a voice has of its own, (256,) of any length, and what it has in common: (257,) of unit length."""
    part = own / max(float(np.linalg.norm(own)), 1e-9) * np.sqrt(1 - COMMON)
    result: Floats = np.append(part, np.sqrt(COMMON)).astype(np.float32)
    return result


class Ge2e:
    """The encoder with its weights.

    Raises:
        WeightsError: the file is not this encoder's checkpoint.
        BackendMissing: onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            state = check_shapes(open_checkpoint(path).get("model_state"), SHAPES)
        except ValueError as error:
            raise WeightsError(
                f"{path} does not hold the weights of Resemblyzer's encoder: {error}",
                hint=f"The right file comes in a wheel: {remedy(GE2E)}",
            ) from None
        graph = Graph(mel=3)
        x = graph.lstm(graph.add("Transpose", "mel", perm=[1, 0, 2]), state, "lstm")  # (160, n, 256)
        x = graph.add("Gather", x, np.array(PARTIAL - 1), axis=0)  # what the last layer ends with
        x = graph.add("Relu", graph.linear(x, state, "linear"))
        self._session = session(graph.model(x, 2))

    def embed(self, pieces: Floats, batch: int = 64) -> Floats:
        """(n, 160, 40) mel power -> (n, 256), unit length."""
        out = np.zeros((len(pieces), SIZE), np.float32)
        for at in range(0, len(pieces), batch):
            (vectors,) = self._session.run(None, {"mel": np.ascontiguousarray(pieces[at : at + batch])})
            out[at : at + batch] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return out

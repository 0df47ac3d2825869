"""MDX-Net without its network: parameters, spectra, and the framing as a stream. Numpy only.

An MDX-Net model (KUIELab's ConvTDFNet, as Ultimate Vocal Remover publishes it in ONNX) turns the
spectrum of a stretch of sound into the spectrum of one source. `Framing` cuts an endless sound into such
stretches and joins what comes back; it gives what UVR's whole-file algorithm gives, while it holds only
one batch of stretches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.errors import InvalidJob, WeightsError
from dubline.values.base import Value

Floats = NDArray[np.float32]

Size = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]


class MdxParameters(Value, frozen=True):
    """What an MDX-Net model was trained with, and its file does not tell.

    `n_fft` samples per frame of the spectrum, `hop` samples between frames, `dim_f` bins that the model
    sees, counted from 0 Hz, `dim_t` frames per stretch; `compensate` makes up for the level that the
    model loses; `stem` is what it returns.
    """

    n_fft: Size
    dim_f: Size
    dim_t: Size = 256
    hop: Size = 1024
    compensate: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0
    stem: Literal["vocals", "instrumental"] = "vocals"

    @property
    def stretch(self) -> int:
        """Samples that go through the model at once."""
        return self.hop * (self.dim_t - 1)

    @property
    def trim(self) -> int:
        """Samples at either end of a stretch that a frame reaches beyond."""
        return self.n_fft // 2

    def fault(self) -> str:
        """Why these numbers cannot belong together; empty when they can."""
        if self.n_fft % 2:
            return f"n_fft {self.n_fft} is odd"
        if self.dim_f > self.trim + 1:
            return f"dim_f {self.dim_f} is more than the {self.trim + 1} bins of n_fft {self.n_fft}"
        if self.hop > self.trim:
            return f"hop {self.hop} is more than half of n_fft {self.n_fft}: frames would not overlap"
        if self.stretch <= 2 * self.trim:
            return f"{self.dim_t} frames of hop {self.hop} are shorter than n_fft {self.n_fft}"
        return ""


class _UvrEntry(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of UVR's `model_data.json`; `mdx_dim_t_set` is the power of two of dim_t."""

    compensate: float
    mdx_dim_f_set: Size
    mdx_dim_t_set: Annotated[int, msgspec.Meta(ge=1, le=16)]
    mdx_n_fft_scale_set: Size
    primary_stem: Literal["Vocals", "Instrumental"]
    is_karaoke: bool = False


def read_parameters(path: Path) -> MdxParameters:
    """Parameters from a JSON file: ours, or one entry copied from UVR's `model_data.json`.

    Raises:
        WeightsError: a field is missing, unknown or out of range; the text names the file and the field.
    """
    try:
        text = path.read_bytes()
        if b'"mdx_' not in text:
            return msgspec.json.decode(text, type=MdxParameters)
        entry = msgspec.json.decode(text, type=_UvrEntry)
        return MdxParameters(
            n_fft=entry.mdx_n_fft_scale_set,
            dim_f=entry.mdx_dim_f_set,
            dim_t=2**entry.mdx_dim_t_set,
            compensate=entry.compensate,
            stem="vocals" if entry.primary_stem == "Vocals" else "instrumental",
        )
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{path}: {error}",
            hint=f"It must hold {', '.join(MdxParameters.__struct_fields__)}, or one entry of UVR's "
            "model_data.json for a model of vocals or instrumental.",
        ) from error


# Models that UVR publishes, by the MD5 of a file's last 10 000 KiB: how its `model_data.json` (folder
# models/MDX_Net_Models/model_data of Anjok07/ultimatevocalremovergui) knows them. Only whole-voice models of
# vocals or instrumental; one entry (398580b6...) is left out, its compensate of 1.75 looks like a slip.
_PUBLISHED: dict[tuple[int, int, int, Literal["vocals", "instrumental"]], str] = {
    (5120, 2048, 256, "instrumental"): """
        1c56ec0224f1d559c42fd6fd2a67b154 1.025  8a88db95c7fb5dbe6a095ff2ffb428b1 1.026
    """,
    (5120, 2560, 256, "instrumental"): """
        0f2a6bc5b49d87d64728ee40e23bceb1 1.019  cb790d0c913647ced70fc6b38f5bea1a 1.01
    """,
    (6144, 2048, 256, "vocals"): """
        0ddfc0eb5792638ad5dc27850236c246 1.035  6b31de20e84392859a3d09d43f089515 1.035
        a3cd63058945e777505c01d2507daf37 1.03  d7bff498db9324db933d913388cba6be 1.035
        d94058f8c7f1fae4164868ae8ae66b20 1.035
    """,
    (6144, 2048, 512, "vocals"): """
        5f6483271e1efb9bfb59e4a3e6d4d098 1.035
    """,
    (6144, 3072, 256, "instrumental"): """
        b06327a00d5e5fbc7d96e1781bbdb596 1.035  94ff780b977d3ca07c7a343dab2e25dd 1.039
        203f2a3955221b64df85a41af87cf8f0 1.035  291c2049608edb52648b96e27eb80e95 1.035
        ead8d05dab12ec571d67549b3aab03fc 1.035  cc63408db3d80b4d85b0287d1d7c9632 1.033
        55657dd70583b0fedfba5f67df11d711 1.022
    """,
    (7680, 3072, 256, "instrumental"): """
        2cdd429caac38f0194b133884160f2c6 1.045  488b3e6f8bd3717d9d7c428476be2d75 1.035
        ceed671467c1f64ebdfac8a2490d0d52 1.035  d2a1376f310e4f7fa37fb9b5774eb701 1.035
        e5572e58abf111f80d8241d2e44e7fa4 1.028  f2df6d6863d8f435436d8b561594ff49 1.035
        b6bccda408a436db8500083ef3491e8b 1.02  b78da4afc6512f98e4756f5977f5c6b9 1.021
    """,
    (7680, 3072, 256, "vocals"): """
        53c4baf4d12c3e6c3831bb8f5b532b93 1.043  5d343409ef0df48c7d78cce9f0106781 1.075
        867595e9de46f6ab699008295df62798 1.03  b33d9b3950b6cbf5fe90a32608924700 1.03
        e7324c873b1f615c35c1967f912db92a 1.03  73492b58195c3b52d34590d5474452f6 1.043
        970b3f9492014d18fefeedfe4773cb42 1.009  77d07b2667ddf05b9e3175941b4454a0 1.021
    """,
}


def published_parameters(path: Path) -> MdxParameters | None:
    """The parameters of a model that UVR publishes, by the bytes of its file; None for any other.

    Raises:
        WeightsError: the file cannot be read.
    """
    tail = 10_000 * 1024
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - tail))
            digest = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    for (n_fft, dim_f, dim_t, stem), entries in _PUBLISHED.items():
        words = entries.split()
        if digest in words:
            level = float(words[words.index(digest) + 1])
            return MdxParameters(n_fft=n_fft, dim_f=dim_f, dim_t=dim_t, compensate=level, stem=stem)
    return None


class Spectra:
    """Short-time spectra as MDX-Net wants them, and back.

    Frames are centred with mirrored edges under a periodic Hann window; the first three bins are zeroed,
    the channels are left real, left imaginary, right real, right imaginary (UVR `separate.py`).
    """

    def __init__(self, parameters: MdxParameters) -> None:
        p = self._p = parameters
        self._window = np.hanning(p.n_fft + 1)[:-1].astype(np.float32)
        power = np.zeros(p.stretch + p.n_fft, np.float32)
        for start in range(0, p.stretch + 1, p.hop):
            power[start : start + p.n_fft] += self._window**2
        self._power = power[p.trim : -p.trim]

    def forward(self, sound: Floats) -> Floats:
        """(2, stretch) samples -> (4, dim_f, dim_t)."""
        p = self._p
        wide = np.pad(sound, ((0, 0), (p.trim, p.trim)), mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(wide, p.n_fft, axis=-1)[:, :: p.hop]
        bins = np.fft.rfft(frames * self._window, axis=-1)[..., : p.dim_f]  # (2, dim_t, dim_f)
        bins[..., :3] = 0
        parts = np.stack((bins.real, bins.imag), axis=1)  # (2, 2, dim_t, dim_f)
        return np.ascontiguousarray(parts.swapaxes(2, 3).reshape(4, p.dim_f, p.dim_t), np.float32)

    def backward(self, spectrum: Floats) -> Floats:
        """(4, dim_f, dim_t) -> (2, stretch) samples."""
        p = self._p
        parts = spectrum.reshape(2, 2, p.dim_f, p.dim_t).swapaxes(2, 3)
        bins = np.zeros((2, p.dim_t, p.trim + 1), np.complex64)
        bins[..., : p.dim_f].real = parts[:, 0]
        bins[..., : p.dim_f].imag = parts[:, 1]
        frames = np.fft.irfft(bins, n=p.n_fft, axis=-1).astype(np.float32, copy=False) * self._window
        wide = np.zeros((2, p.stretch + p.n_fft), np.float32)
        for index in range(p.dim_t):
            start = index * p.hop
            wide[:, start : start + p.n_fft] += frames[:, index]
        sound: Floats = wide[:, p.trim : -p.trim] / self._power
        return sound


class Framing:
    """UVR's chunking of a whole file, done on blocks: a `SeparationStream` with one source, the vocals.

    The sound is set between `trim` zeros and a tail of zeros that the whole-file algorithm adds. A stretch
    starts every `int((1 - overlap) * stretch)` samples, each is faded with a Hann window as long as what
    is left of the sound and its tail, and the sum is divided by the sum of the windows. A position is
    final once the next stretch starts behind it.

    `model` turns (n, 2, stretch) samples into as many. It is called for `batch` stretches at a time,
    counted from the first, so that what it sees does not depend on how the sound came in.
    """

    def __init__(
        self,
        parameters: MdxParameters,
        model: Callable[[Floats], Floats],
        *,
        overlap: float = 0.25,
        batch: int = 1,
    ) -> None:
        self._p = parameters
        self._model = model
        self._batch = batch
        self._step = max(1, int((1 - overlap) * parameters.stretch))
        self._base = 0  # where the next stretch starts; 0 is `trim` samples before the sound
        self._came = 0  # samples of the sound that came in
        self._held = np.zeros((2, parameters.trim), np.float32)  # the sound from `_base` on
        self._sum = np.zeros((2, parameters.stretch), np.float32)  # of faded stretches, from `_base` on
        self._weight = np.zeros(parameters.stretch, np.float32)

    def push(self, block: Floats) -> Floats:
        """(2, n) samples -> (1, 2, m) samples of vocals, m >= 0."""
        self._came += block.shape[1]
        self._held = np.concatenate((self._held, block.astype(np.float32, copy=False)), axis=1)
        needed = self._p.stretch + (self._batch - 1) * self._step
        done = [np.zeros((2, 0), np.float32)]
        while self._held.shape[1] >= needed:
            done += self._work(self._batch, self._base + needed)
        return np.concatenate(done, axis=1)[None]

    def flush(self) -> Floats:
        """The rest: (1, 2, m)."""
        p = self._p
        body = p.stretch - 2 * p.trim
        end = p.trim + self._came  # of the sound
        total = end + body + p.trim - self._came % body  # with the tail of zeros
        done = [np.zeros((2, 0), np.float32)]
        while self._base < end and self._came:
            left = -(-(end - self._base) // self._step)  # stretches that start within the sound
            done += self._work(min(self._batch, left), total)
        return np.concatenate(done, axis=1)[None]

    def _work(self, count: int, total: int) -> list[Floats]:
        """Run the next `count` stretches of a sound that goes on to `total`; return what became final."""
        p = self._p
        stretches = np.zeros((count, 2, p.stretch), np.float32)
        for index, stretch in enumerate(stretches):
            piece = self._held[:, index * self._step : index * self._step + p.stretch]
            stretch[:, : piece.shape[1]] = piece
        return [self._join(found, total) for found in self._model(stretches)]

    def _join(self, found: Floats, total: int) -> Floats:
        p, step = self._p, self._step
        length = min(p.stretch, total - self._base)
        fade = np.hanning(length).astype(np.float32)
        self._sum[:, :length] += found[:, :length] * fade
        self._weight[:length] += fade
        first = max(0, p.trim - self._base)
        last = min(step, p.trim + self._came - self._base)
        ready = slice(first, max(first, last))
        # The very ends have weight 0; they lie in the zeros around the sound.
        vocals: Floats = (
            self._sum[:, ready] / np.maximum(self._weight[ready], 1e-9) * np.float32(p.compensate)
        )
        if p.stem == "instrumental":
            vocals = self._held[:, ready] - vocals
        self._base += step
        self._held = self._held[:, step:]
        self._sum = np.concatenate((self._sum[:, step:], np.zeros((2, step), np.float32)), axis=1)
        self._weight = np.concatenate((self._weight[step:], np.zeros(step, np.float32)))
        return vocals

    def state(self) -> dict[str, Any]:
        """Everything needed to go on: about twice a stretch of sound, and what is waiting."""
        return {
            "base": self._base,
            "came": self._came,
            "held": self._held.copy(),
            "sum": self._sum.copy(),
            "weight": self._weight.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the state of a stream with the same settings.

        Raises:
            InvalidJob: the state is of a stream with other settings.
        """
        held, total, weight = (np.array(state[key], np.float32) for key in ("held", "sum", "weight"))
        if total.shape != self._sum.shape or weight.shape != self._weight.shape:
            raise InvalidJob("the saved state belongs to other settings of the model", hint="Start over.")
        self._base, self._came = int(state["base"]), int(state["came"])
        self._held, self._sum, self._weight = held, total, weight

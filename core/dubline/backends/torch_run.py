"""Running a torch model over chunks: which device, which precision, how many chunks at once.

Everything chosen here is said in `notes`, so that it reaches the user and the run's manifest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import BackendFailed, BackendMissing, DemucsError, InvalidJob, first_line

Array = NDArray[np.float32]

# A chunk computed in half precision must agree with the same chunk in single precision this well, or
# `auto` stays with single precision. The models themselves reach about 10 dB on this scale, so an error
# 40 dB down adds nothing one could hear.
HALF_PRECISION_SNR_DB = 40.0
# Beyond this many chunks at once no gain was measured on any card we tried (benchmarks/gpu.py).
LARGEST_BATCH = 32
# Share of the free memory of a GPU that a batch may take: the allocator needs room to breathe.
MEMORY_SHARE = 0.6

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def choose_device(name: str) -> Any:
    """A torch device by name: auto, cpu, cuda, cuda:N or mps.

    Raises:
        BackendMissing: the device was named and torch cannot use it.
        InvalidJob: no such kind of device.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    kind = name.partition(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise InvalidJob(f"there is no device {name!r}", hint="Use auto, cpu, cuda, cuda:1 or mps.")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InvalidJob(f"there is no device {name!r}", hint="Use auto, cpu, cuda, cuda:1 or mps.") from None
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise BackendMissing(
                f"torch {torch.__version__} sees {count} CUDA device{'' if count == 1 else 's'}, not {name}",
                hint="Install a torch built for CUDA and NVIDIA's driver, or use --device cpu.",
            )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise BackendMissing(
            f"torch {torch.__version__} cannot use Apple's GPU here", hint="Use --device cpu, or auto."
        )
    return device


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what a failure says. Only CUDA has a class for it; the others say it in words."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


class ChunkRunner:
    """A model as a function from chunks to the wanted sums of its sources.

    Args:
        model: a torch module, (batch, 2, n) -> (batch, sources, 2, n).
        mixing: (outputs, sources); each output is this weighted sum of sources.
        device: a torch device.
        precision: one of `PRECISIONS`.
        batch: chunks at once; None lets a GPU's free memory decide (always 1 on a CPU).
        tick: called before the model is run; may raise `Cancelled`.
    """

    def __init__(
        self,
        model: Any,
        mixing: Array,
        *,
        device: Any,
        precision: str,
        batch: int | None,
        tick: Callable[[], None],
    ) -> None:
        import torch

        if precision not in PRECISIONS:
            raise InvalidJob(f"there is no precision {precision!r}", hint=f"Use {', '.join(PRECISIONS)}.")
        self._torch = torch
        self._model = model
        self._device = device
        self._identity = mixing.shape[0] == mixing.shape[1] and bool((mixing == np.eye(len(mixing))).all())
        self._mixing = torch.from_numpy(mixing).to(device)
        self._tick = tick
        self._asked = precision
        self.precision = "fp32"
        self.judged = precision == "fp32" or (
            precision == "auto" and (device.type == "mps" or (device.type == "cpu" and not cpu_has_bf16()))
        )
        self.snr_db: float | None = None
        self._batch = batch
        self._limit = 1 if batch is None else batch
        self._sized = batch is not None or device.type != "cuda"
        self.halvings = 0
        self.repeated = 0

    def batch(self) -> int:
        """How many chunks to collect before calling."""
        return self._limit

    def __call__(self, chunks: Array) -> Array:
        """(batch, 2, n) -> (batch, outputs, 2, n).

        Raises:
            BackendFailed: not even one chunk fits into the device's memory.
            DemucsError: the model gives values that are not numbers.
        """
        self._tick()
        if not self.judged and float(np.abs(chunks).max()) > 0:
            return self._judge(chunks)
        return self._run(chunks, self.precision)

    def _judge(self, chunks: Array) -> Array:
        """Run the first chunks that hold sound in both precisions, and keep the faster if it is good."""
        half = self._asked if self._asked != "auto" else "bf16"
        exact = self._run(chunks, "fp32")
        trial = self._run(chunks, half, final=False)
        self.snr_db = float("-inf")
        if np.isfinite(trial).all():
            error = float(((trial - exact).astype(np.float64) ** 2).sum())
            power = float((exact.astype(np.float64) ** 2).sum())
            if error == 0:
                self.snr_db = float("inf")
            elif power > 0:
                self.snr_db = 10 * float(np.log10(power / error))
        self.judged = True
        if self._asked != "auto" or self.snr_db >= HALF_PRECISION_SNR_DB:
            self.precision = half
            # The result must not depend on whether this very chunk was the one that was judged.
            if np.isfinite(trial).all():
                return trial
        return exact

    def decide(self, precision: str, snr_db: float | None = None) -> None:
        """Take over what another runner of the same model found out."""
        self.precision, self.snr_db, self.judged = precision, snr_db, True

    def _run(self, chunks: Array, precision: str, *, final: bool = True) -> Array:
        torch = self._torch
        result: Array | None = None
        try:
            result = self._forward(chunks, precision)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise DemucsError(
                    f"the model failed on {self._device}: {first_line(error)}",
                    hint="Try --precision fp32, or --device cpu.",
                ) from error
        # Outside of the `except`: until it is left, the error keeps the memory that must become free.
        if result is None:
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            if len(chunks) == 1:
                raise BackendFailed(
                    f"{self._device} has too little memory for a single chunk of the model",
                    hint="Close other programs that use much memory, or use a smaller model"
                    + (". " if self._device.type == "cpu" else ", or use --device cpu. ")
                    + "The same command then goes on.",
                )
            self.halvings += 1
            self._limit = max(1, min(self._limit, len(chunks)) // 2)
            parts = np.array_split(chunks, -(-len(chunks) // self._limit))
            return np.concatenate([self._run(part, precision, final=final) for part in parts])
        if final and not np.isfinite(result).all():
            if precision == "fp32":
                raise DemucsError(
                    "the model gives values that are not numbers",
                    hint="Its weights are damaged or not made for this: try another model.",
                )
            self.repeated += len(chunks)
            return self._run(chunks, "fp32")
        return result

    def _forward(self, chunks: Array, precision: str) -> Array:
        torch = self._torch
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        first = not self._sized
        if first:
            torch.cuda.reset_peak_memory_stats(self._device)
            before = torch.cuda.memory_allocated(self._device)
        # Not every kind of device knows autocast, not even switched off.
        half = torch.autocast(self._device.type, dtype=dtype) if dtype else nullcontext()
        with torch.inference_mode(), half:
            result = self._model(torch.from_numpy(chunks).to(self._device))
            # (batch, sources, 2, n)
        with torch.inference_mode():
            result = result.float()
            if not self._identity:
                result = torch.einsum("ks,bscn->bkcn", self._mixing, result)
            answer: Array = result.cpu().numpy()
        if first:
            each = (torch.cuda.max_memory_allocated(self._device) - before) / len(chunks)
            free, _ = torch.cuda.mem_get_info(self._device)
            self._limit = int(min(LARGEST_BATCH, max(1, MEMORY_SHARE * free / max(each, 1))))
            self._sized = True
        return answer

    def notes(self) -> list[str]:
        """What was decided, in words."""
        said = []
        if self.snr_db is not None:
            said.append(
                f"precision {self.precision} (half precision agrees with fp32 to {self.snr_db:.0f} dB; "
                f"auto asks for {HALF_PRECISION_SNR_DB:.0f} dB)"
            )
        if self.halvings:
            said.append(f"out of memory {self.halvings} times: went on with {self._limit} chunks at once")
        if self.repeated:
            said.append(f"{self.repeated} chunks overflowed in half precision and were done again in fp32")
        return said

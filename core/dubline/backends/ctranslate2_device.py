"""Where CTranslate2 computes, and in what, where that is left to us."""

from __future__ import annotations

from dubline.errors import BackendMissing, InvalidJob


def choose(device: str, precision: str = "auto") -> tuple[str, str]:
    """A device (auto, cpu or cuda) and a compute type: by itself float16 on a GPU and int8 on a CPU.

    Raises:
        InvalidJob: no such kind of device.
        BackendMissing: CUDA was named, and there is none.
    """
    import ctranslate2

    if device not in ("auto", "cpu", "cuda"):
        raise InvalidJob(f"CTranslate2 does not know the device {device!r}", hint="Use auto, cpu or cuda.")
    cards = ctranslate2.get_cuda_device_count()
    if device == "cuda" and not cards:
        raise BackendMissing(
            "CTranslate2 sees no CUDA device", hint="Install NVIDIA's driver, cuBLAS and cuDNN, or use cpu."
        )
    if device == "auto":
        device = "cuda" if cards else "cpu"
    if precision == "auto":
        precision = "float16" if device == "cuda" else "int8"
    return device, precision

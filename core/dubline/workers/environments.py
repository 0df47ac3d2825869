"""Environments for workers: back ends whose libraries cannot share ours.

They are made in the user's data folder by `dubline backends install NAME`, with pip and the requirements
below; the environment that Dubline runs in is left alone. A mark is written last: an environment without it
is not whole, and installing goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dubline.errors import BackendMissing, InvalidJob, StorageFull
from dubline.files import write_whole
from dubline.report import Report, silent
from dubline.values.base import Value, canonical_json, to_json
from dubline.values.json_files import kept_json
from dubline.workers.client import POLL, worker_file
from dubline.workers.recipes import RECIPES as RECIPES
from dubline.workers.recipes import Recipe

Say = Callable[[str], None]

TOLD = ("Collecting ", "  Downloading ", "Downloading ", "Installing ", "Building ", "Successfully ", "ERROR")
"""How the lines of pip begin that a person wants to see."""


class Installed(Value, frozen=True):
    """The mark of a whole environment. `recipe` is the recipe's checksum, `bytes` the size of the files."""

    name: str
    recipe: str
    python: str
    seconds: float
    bytes: int
    parts: tuple[str, ...] = ()


def environments_folder() -> Path:
    """Where they live: $DUBLINE_WORKERS, else `workers` in the user's data folder. It may not exist yet."""
    import platformdirs

    chosen = os.environ.get("DUBLINE_WORKERS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(platformdirs.user_data_dir("dubline", False), "workers")


def installed(name: str, parts: Sequence[str] = ()) -> Installed | None:
    """The mark of an environment that is whole, with those parts, and made by today's recipe; else None."""
    recipe = _recipe(name)
    folder = environments_folder() / name
    mark = kept_json(folder / "installed.json", Installed)
    if mark is None:
        return None
    known = set(parts) <= set(mark.parts) <= recipe.parts.keys()
    fits = known and mark.recipe == _digest(recipe, mark.parts)
    return mark if fits and interpreter(name).exists() else None


def interpreter(name: str) -> Path:
    """The Python of an environment, whether it is there or not."""
    folder = environments_folder() / name
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def command(name: str, parts: Sequence[str] = (), service: str = "") -> list[str]:
    """How to start the worker that lives in an environment; `service` is its name where it is another.

    Raises:
        BackendMissing: the environment is not there, or not whole, or made by another version's recipe.
    """
    if installed(name, parts) is None:
        what = (
            "is not whole, or was made by another version"
            if interpreter(name).exists()
            else "is not installed"
        )
        if installed(name) is not None:
            what = f"lacks its part for {', '.join(parts)}"
        asked = "".join(f" --with {part}" for part in parts)
        raise BackendMissing(
            f"the environment of {name} {what} ({environments_folder() / name})",
            hint=f"Install it with: dubline backends install {name}{asked}",
        )
    # Isolated from the user's own site-packages and variables, and UTF-8 whatever the system's code page.
    return [str(interpreter(name)), "-I", "-X", "utf8", worker_file(), service or name]


def install(
    name: str, parts: Sequence[str] = (), *, say: Say = lambda line: None, report: Report = silent
) -> Installed:
    """Make an environment, or complete it; if it is whole, do nothing. Parts that it has stay.

    `say` gets a line for each thing done. `report` counts packages and may raise `Cancelled`; what was
    installed until then stays.

    Raises:
        InvalidJob: there is no recipe or part of that name.
        BackendMissing: no fitting Python is on this machine, or a package cannot be got.
        StorageFull: there is not enough room.
    """
    recipe = _recipe(name)
    if unknown := set(parts) - recipe.parts.keys():
        raise InvalidJob(
            f"{name} has no part {', '.join(sorted(unknown))}",
            hint=f"Known: {', '.join(recipe.parts) or 'none'}.",
        )
    folder = environments_folder() / name
    with _locked(name):
        if (mark := installed(name, parts)) is not None:
            return mark
        before = installed(name)
        all_parts = tuple(sorted({*parts, *(before.parts if before else ())}))
        began = time.monotonic()
        (folder / "installed.json").unlink(missing_ok=True)
        _check_room(folder, recipe)
        python = interpreter(name)
        if not python.exists() or _works(python, "import pip") is None:
            base = _python_for(recipe)
            say(f"making {folder} with {base}")
            _run([base, "-m", "venv", str(folder)], say, lambda: report(0, recipe.packages))
        seen = 0
        for arguments in (*recipe.installs, *(call for part in all_parts for call in recipe.parts[part])):
            pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
            # What is never imported need never be compiled.
            pip += ["--progress-bar", "off", "--no-compile", *arguments]

            def count(line: str) -> None:
                nonlocal seen
                seen += line.startswith("Collecting ")
                if line.startswith(TOLD):
                    say(line.strip()[:160])

            _run(pip, count, lambda: report(min(seen, recipe.packages - 1), recipe.packages))
        say("trying what was installed")
        lacking = "import importlib.util as u; print([m for m in {!r} if u.find_spec(m) is None])"
        if (missing := _works(python, lacking.format(recipe.imports))) != "[]":
            raise BackendMissing(
                f"the environment of {name} lacks {missing or 'a working Python'}",
                hint=f"Make it again: dubline backends uninstall {name}, then install {name}.",
            )
        mark = Installed(
            name=name,
            recipe=_digest(recipe, all_parts),
            parts=all_parts,
            python=_works(python, "import platform; print(platform.python_version())") or "",
            seconds=round(time.monotonic() - began, 1),
            bytes=sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir()),
        )
        write_whole(folder / "installed.json", to_json(mark))
        report(recipe.packages, recipe.packages)
        return mark


def uninstall(name: str) -> bool:
    """Remove an environment; tells whether there was one.

    Raises:
        InvalidJob: there is no recipe of that name.
    """
    _recipe(name)
    folder = environments_folder() / name
    if not folder.exists():
        return False
    with _locked(name):
        aside = folder.with_name(f".{name}.removed")
        shutil.rmtree(aside, ignore_errors=True)
        folder.replace(aside)  # gone at once, also if removing takes long or stops
        shutil.rmtree(aside)
    return True


# --- inside ------------------------------------------------------------------------------------


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise InvalidJob(
            f"no back end named {name!r} has an environment of its own", hint=f"Known: {', '.join(RECIPES)}."
        )
    return RECIPES[name]


def _digest(recipe: Recipe, parts: Sequence[str]) -> str:
    chosen = [recipe.parts[part] for part in parts]
    return hashlib.sha256(canonical_json([recipe.name, recipe.installs, chosen])).hexdigest()


def _locked(name: str) -> Any:
    from filelock import FileLock, Timeout

    folder = environments_folder()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f".{name}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        raise InvalidJob(
            f"the environment of {name} is being installed or removed by another process",
            hint="Wait until it is done.",
        ) from None


def _check_room(folder: Path, recipe: Recipe) -> None:
    have = sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir()) if folder.exists() else 0
    free = shutil.disk_usage(environments_folder()).free
    if free + have < recipe.room:
        raise StorageFull(
            f"{recipe.name} needs {recipe.room / 1e9:.1f} GB in {environments_folder()}; "
            f"{free / 1e9:.1f} GB are free",
            hint="Make room, or set DUBLINE_WORKERS to a folder on another disk.",
        )


def _python_for(recipe: Recipe) -> str:
    """A Python to make the environment with: the one tried, else ours, else any that fits."""
    oldest, newest = recipe.pythons
    names = [f"python{recipe.tried[0]}.{recipe.tried[1]}", sys.executable]
    names += [f"python3.{minor}" for minor in range(newest[1], oldest[1] - 1, -1)]
    for name in names:
        path = shutil.which(name)
        code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
        version = _works(Path(path), code) if path else None
        if path and version and oldest <= tuple(map(int, version.split("."))) <= newest:
            return path
    versions = f"{oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}"
    raise BackendMissing(
        f"{recipe.name} needs a Python from {versions} with venv, and none was found",
        hint=f"Install Python {recipe.tried[0]}.{recipe.tried[1]} beside this one, then try again.",
    )


def _clean() -> dict[str, str]:
    """Our environment variables without those that would lead a foreign Python or pip astray."""
    astray = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "__PYVENV_LAUNCHER__")
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k not in astray}


def _works(python: Path, code: str) -> str | None:
    """What a line of Python prints there; None if it fails."""
    try:
        process = subprocess.run(
            [str(python), "-I", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            env=_clean(),
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def _run(command: list[str], line_read: Say, tick: Callable[[], None]) -> None:
    """Run a program, give its lines on, and call `tick` all the while, which stops it by raising."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=_clean(),
    )
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    last: deque[str] = deque(maxlen=8)
    try:
        while True:
            tick()
            try:
                line = lines.get(timeout=POLL)
            except queue.Empty:
                continue
            if line is None:
                break
            if not line.startswith("WARNING: "):
                last.append(line)
            line_read(line)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.wait():
        output = "\n  ".join(last)
        if "No space left" in output:
            raise StorageFull(
                f"the disk is full: {output}",
                hint="Make room; the same command then goes on where it stopped.",
            )
        raise BackendMissing(
            f"this failed: {' '.join(command[:4])} ...\n  {output}",
            hint="A missing network is the usual reason. The same command goes on where it stopped.",
        )

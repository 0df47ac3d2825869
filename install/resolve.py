"""Dubline's entry in DaVinci Resolve: put in place, taken away, checked. Standard library only.

What is installed, in each scripts folder: Dubline.py, which Resolve lists, and Dubline.json beside it, which
says where the engine's Python and the plug-in are. Nothing else is copied, so an update of Dubline needs no
new install unless it says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import plistlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import environment

PLUGIN = environment.ROOT / "resolve_plugin"
MARK = 'POINTER = ""'
PAGES = ("Utility", "Edit")
"""Utility: listed on every page. Edit: on the Edit page, where the results are worked on; there it is listed
twice, and both entries open the one window."""
FILES = ("Dubline.py", "Dubline.json")
DONE = """\
In DaVinci Resolve: Workspace > Scripts > Dubline. Recent versions list it at once, others after a restart.
  Studio, any version    a window in Resolve; results are placed on the timeline
  Free, up to 21.0       the same; since 19.1 the window is our own
  Free, from 21.1 on     lists no Python script: `install/run.py resolve install --launcher` makes an entry on
                         the desktop that writes files which every edition imports
The Resolve of the Mac App Store is not supported: it may not start other programs. Take Blackmagic's own."""

NO_PYTHON_WINDOWS = "Resolve finds no Python. Install one from python.org, for all users, not from the Store."
SOME_PYTHON_WINDOWS = """\
A Python is installed. With several, Resolve may take another: if the script does not start, keep one from
     python.org, installed for all users."""
NO_PYTHON_MAC = """\
Resolve finds no Python: it looks at PYTHON3HOME and /usr/local/bin/python3, not at Homebrew, pyenv or uv.
     Install one from python.org, or run: launchctl setenv PYTHON3HOME ITS_PREFIX, and start Resolve again."""


class Place:
    """A computer, or a folder that plays one (`root`)."""

    def __init__(self, root: Path | None = None, system: str = sys.platform) -> None:
        self.root = root
        self.system = system
        self.home = Path.home() if root is None else root / "home"

    def path(self, absolute: str) -> Path:
        """A path of the system, inside the root where there is one."""
        if self.root is None:
            return Path(absolute)
        return self.root / absolute.replace("\\", "/").replace(":", "").lstrip("/")

    def variable(self, name: str, otherwise: Path) -> Path:
        """A folder that Windows tells by a variable."""
        value = os.environ.get(name) if self.root is None else None
        return Path(value) if value else otherwise

    def scripts(self, all_users: bool) -> Path:
        """Resolve's folder of scripts (macOS, Windows, Linux), for one user or for all."""
        inner = Path("Blackmagic Design") / "DaVinci Resolve"
        if self.system == "darwin":
            library = self.path("/Library") if all_users else self.home / "Library"
            return library / "Application Support" / inner / "Fusion" / "Scripts"
        if self.system == "win32":
            if all_users:
                base = self.variable("PROGRAMDATA", self.path("C:\\ProgramData"))
                return base / inner / "Fusion" / "Scripts"
            base = self.variable("APPDATA", self.home / "AppData" / "Roaming")
            return base / inner / "Support" / "Fusion" / "Scripts"  # only the user's has the extra Support
        if not all_users:
            return self.home / ".local" / "share" / "DaVinciResolve" / "Fusion" / "Scripts"
        optional = self.path("/opt/resolve")
        other = self.path("/home/resolve")
        return (other if other.is_dir() and not optional.is_dir() else optional) / "Fusion" / "Scripts"

    def launcher(self) -> Path:
        """The entry on the desktop."""
        if self.system == "darwin":
            return self.home / "Applications" / "Dubline for Resolve.command"
        if self.system == "win32":
            base = self.variable("APPDATA", self.home / "AppData" / "Roaming")
            return base / "Microsoft" / "Windows" / "Start Menu" / "Programs" / "Dubline for Resolve.cmd"
        return self.home / ".local" / "share" / "applications" / "dubline-resolve.desktop"

    def resolve(self) -> Path:
        """Where Resolve itself is, by default."""
        if self.system == "darwin":
            return self.path("/Applications/DaVinci Resolve/DaVinci Resolve.app")
        if self.system == "win32":
            base = self.variable("PROGRAMFILES", self.path("C:\\Program Files"))
            return base / "Blackmagic Design" / "DaVinci Resolve" / "Resolve.exe"
        return self.path("/opt/resolve/bin/resolve")


def install(place: Place, python: Path, *, all_users: bool, launcher: bool) -> list[Path]:
    """Put the entry where Resolve looks; run again it renews it. SystemExit with a remedy where it cannot."""
    if not python.is_file():
        raise SystemExit(f"There is no {python}.\nInstall the engine first: python3 install/run.py")
    source = (PLUGIN / "dubline_resolve" / "scripts" / "Dubline.py").read_text(encoding="utf-8")
    if MARK not in source:
        raise SystemExit("The script of this checkout is damaged.\nGet Dubline again.")
    pointer = {"python": str(python), "protocol": protocol(), "package": str(PLUGIN)}
    made = []
    try:
        for page in PAGES:
            folder = place.scripts(all_users) / page
            folder.mkdir(parents=True, exist_ok=True)
            beside = folder / FILES[1]
            write(beside, json.dumps(pointer, indent=1) + "\n")
            # In ASCII, so that no reader of the script can take its encoding for another.
            write(folder / FILES[0], source.replace(MARK, f"POINTER = {str(beside)!a}"))
            made += [folder / name for name in FILES]
        if launcher:
            made.append(write_launcher(place, python, place.scripts(all_users) / PAGES[0] / FILES[1]))
    except OSError as error:
        where = "with administrator rights, or without --all-users" if all_users else "when that is right"
        raise SystemExit(f"{error.filename}: {error.strerror}\nRun the same command again {where}.") from None
    return made


def write_launcher(place: Place, python: Path, pointer: Path) -> Path:
    """An entry on the desktop that opens the window without Resolve."""
    path = place.launcher()
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [str(python), "-I", "-X", "utf8", "-m", "dubline_resolve.menu", str(pointer)]
    if place.system == "win32":
        command = subprocess.list2cmdline(words).replace("%", "%%")
        write(path, f"@echo off\r\nchcp 65001 >nul\r\n{command}\r\n")
    elif place.system == "darwin":
        import shlex

        write(path, f"#!/bin/sh\nexec {shlex.join(words)}\n")
        path.chmod(0o755)
    else:
        quoted = " ".join(desktop_word(word) for word in words)
        write(
            path,
            "[Desktop Entry]\nType=Application\nName=Dubline for Resolve\n"
            "Comment=Stems, subtitles and translations as files for DaVinci Resolve\n"
            f"Exec={quoted}\nTerminal=false\nCategories=AudioVideo;\n",
        )
    return path


def desktop_word(word: str) -> str:
    """A word of an Exec line, after the Desktop Entry Specification: quoted, then escaped as a string."""
    for character in '\\"`$':
        word = word.replace(character, "\\" + character)
    return '"' + word.replace("\\", "\\\\").replace("%", "%%") + '"'


def uninstall(place: Place, *, all_users: bool) -> list[Path]:
    """Take away what `install` put there, and folders that are empty then. What is gone is no error."""
    gone = []
    scripts = place.scripts(all_users)
    try:
        for path in [*(scripts / page / name for page in PAGES for name in FILES), place.launcher()]:
            if path.is_file():
                path.unlink()
                gone.append(path)
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}\nRun it with administrator rights.") from None
    for page in PAGES:
        for folder in (scripts / page, scripts, scripts.parent, scripts.parent.parent) if gone else ():
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where nobody else has put anything
    return gone


def forget() -> list[Path]:
    """Take away what the window kept for this user: its answers, its lock, the engine's log."""
    with plugin_at_hand():
        from dubline_resolve.single import STATE_FILES, state_folder
    folder = Path(state_folder(os.environ))
    gone = [folder / name for name in STATE_FILES if (folder / name).is_file()]
    for path in gone:
        with contextlib.suppress(OSError):  # on Windows, while a window is open
            path.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()
    return gone


def has_engine(python: Path) -> bool:
    """Whether that Python is there and finds the engine."""
    if not python.is_file():
        return False
    words = [str(python), "-I", "-c", "import dubline"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def check(place: Place, python: Path) -> Iterator[tuple[bool, str]]:
    """(good, sentence with the remedy) for all that has to hold."""
    app = place.resolve()
    yield (
        app.exists(),
        (
            f"DaVinci Resolve: {app}{version_of(app)}"
            if app.exists()
            else f"DaVinci Resolve is not at {app}. If it is elsewhere, or from the Mac App Store (not "
            "supported), this cannot look at it."
        ),
    )
    found = 0
    for all_users in (False, True):
        for page in PAGES:
            pointer = place.scripts(all_users) / page / FILES[1]
            if pointer.is_file() or pointer.with_name(FILES[0]).is_file():
                found += 1
                yield pointer_holds(pointer)
    if not found:
        yield False, "The script is not installed. Run: python3 install/run.py resolve install"
    yield python_for_resolve(place)
    yield engine_answers(python)


def version_of(app: Path) -> str:
    """ " 20.2.1" where the system tells it, else ""."""
    try:
        with (app / "Contents" / "Info.plist").open("rb") as file:
            return " " + str(plistlib.load(file).get("CFBundleShortVersionString", "")).strip()
    except (OSError, ValueError, plistlib.InvalidFileException):
        return ""


def pointer_holds(pointer: Path) -> tuple[bool, str]:
    """Whether an installed script finds its engine and its plug-in."""
    again = "Run: python3 install/run.py resolve install"
    try:
        told = json.loads(pointer.read_text(encoding="utf-8"))
        python, package = Path(told["python"]), Path(told["package"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return False, f"{pointer} cannot be read ({error}). {again}"
    if not pointer.with_name(FILES[0]).is_file():
        return False, f"{pointer.with_name(FILES[0])} is missing. {again}"
    if told.get("protocol") != protocol():
        return False, f"{pointer} is of another version of Dubline. {again}"
    if not python.is_file() or not (package / "dubline_resolve").is_dir():
        return False, f"{pointer} points to what is no more there ({python}, {package}). {again}"
    return True, f"The script is in {pointer.parent}"


def python_for_resolve(place: Place) -> tuple[bool, str]:
    """Whether Resolve finds a Python for its menu. It looks in few places, and not in ours."""
    if place.system == "win32":
        if shutil.which("py") is None and shutil.which("python") is None:
            return False, NO_PYTHON_WINDOWS
        return True, SOME_PYTHON_WINDOWS
    if place.system == "darwin":
        prefix = os.environ.get("PYTHON3HOME", "") or launchd("PYTHON3HOME")
        candidates = [Path(prefix) / "bin" / "python3"] if prefix else []
        candidates.append(place.path("/usr/local/bin/python3"))
        for candidate in candidates:
            if candidate.is_file():
                return True, f"Resolve finds {candidate}"
        return False, NO_PYTHON_MAC
    candidate = place.path("/usr/bin/python3")
    if candidate.exists():
        return True, f"Resolve finds {candidate}"
    return False, "Resolve finds no /usr/bin/python3. Install python3 with the system's package manager."


def launchd(name: str) -> str:
    """A variable that programs started from the desktop get on macOS."""
    try:
        done = subprocess.run(["launchctl", "getenv", name], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def engine_answers(python: Path) -> tuple[bool, str]:
    """Start the engine as the script does, and wait for its hello."""
    with plugin_at_hand():
        from dubline_resolve.bridge import FIRST_WORD, Engine
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(str(python), str(Path(folder) / "engine.log"))
        began = time.monotonic()
        engine.start()
        try:
            while time.monotonic() - began < FIRST_WORD + 1:
                for event in engine.poll():
                    if event["event"] == "hello":
                        told = f"Dubline {event['version']}, Python {event['python']}"
                        return True, f"The engine answers: {told}"
                    if event["event"] == "dead":
                        return False, f"{event['message']} Install it again: python3 install/run.py"
                time.sleep(0.02)
        finally:
            engine.stop()
    return False, "The engine does not answer. Install it again: python3 install/run.py"


def protocol() -> int:
    """The protocol of this checkout's plug-in."""
    with plugin_at_hand():
        from dubline_resolve.bridge import PROTOCOL
    return PROTOCOL


@contextlib.contextmanager
def plugin_at_hand() -> Iterator[None]:
    """Let the plug-in of this checkout be imported."""
    sys.path.insert(0, str(PLUGIN))
    try:
        yield
    finally:
        sys.path.remove(str(PLUGIN))


def write(path: Path, text: str) -> None:
    """Write a file whole, or leave what was there."""
    handle, made = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(made).chmod(0o644)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def main(words: list[str]) -> int:
    """`install/run.py resolve ...`."""
    parser = argparse.ArgumentParser(
        prog="install/run.py resolve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("install", "uninstall", "check"))
    parser.add_argument("--all-users", action="store_true", help="for every user of this computer")
    parser.add_argument(
        "--launcher", action="store_true", help="also an entry on the desktop, without Resolve"
    )
    parser.add_argument("--venv", type=Path, default=environment.ROOT / ".venv", help="where the engine is")
    parser.add_argument(
        "--with",
        dest="extras",
        default=environment.USUAL,
        help="back ends, where the engine comes first",
    )
    parser.add_argument("--root", type=Path, help="a folder in the place of /: to look, or for an image")
    given = parser.parse_args(words)
    sys.dont_write_bytecode = True
    place = Place(given.root.expanduser().absolute() if given.root else None)
    venv = given.venv.expanduser().absolute()
    python = environment.interpreter(venv)
    if given.what == "install":
        if not has_engine(python):
            print("The engine is not installed yet: that comes first.", flush=True)
            environment.make(venv, environment.extras_of(given.extras))
        for path in install(place, python, all_users=given.all_users, launcher=given.launcher):
            print(path)
        print(DONE)
        return 0
    if given.what == "uninstall":
        gone = uninstall(place, all_users=given.all_users)
        if place.root is None and not given.all_users:
            gone += forget()
        print(*(gone or ["nothing was installed there"]), sep="\n")
        return 0
    bad = 0
    for good, told in check(place, python):
        print("ok  " if good else "NOT ", told)
        bad += not good
    print(DONE)
    return 1 if bad else 0

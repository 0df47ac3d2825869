"""One window at a time: a second start brings the first to the front and ends.

The lock is the operating system's and goes with the process. The file beside it tells the port on 127.0.0.1
and the word with which the second start knocks; only this user may read it.
"""

import contextlib
import hmac
import json
import os
import secrets
import socket
import sys
from typing import Any, Mapping

KNOCK = 2.0
"""Seconds that a second start waits for the first one to answer."""
STATE_FILES = ("window.lock", "window.json", "answers.json", "engine.log")
"""All that is ever kept there."""


def state_folder(environment: Mapping[str, str], system: str = sys.platform) -> str:
    """Where the window keeps its lock, its answers and the engine's log; made if need be.

    DUBLINE_STATE, else ~/Library/Application Support/Dubline, %LOCALAPPDATA%\\Dubline, or
    $XDG_STATE_HOME/dubline (~/.local/state/dubline).
    """
    home = os.path.expanduser("~")
    if environment.get("DUBLINE_STATE"):
        folder = environment["DUBLINE_STATE"]
    elif system == "darwin":
        folder = os.path.join(home, "Library", "Application Support", "Dubline")
    elif system == "win32":
        folder = os.path.join(environment.get("LOCALAPPDATA") or os.path.join(home, "AppData"), "Dubline")
    else:
        state = environment.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")
        folder = os.path.join(state, "dubline")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


class Door:
    """``mine``: this is the only window. Then `knocked` says whether another start asked for it."""

    def __init__(self, folder: str) -> None:
        self._address = os.path.join(folder, "window.json")
        self._file = open(os.path.join(folder, "window.lock"), "a+b")  # noqa: SIM115 - held for as long as the window
        self._word = secrets.token_hex(16)
        self._listener: Any = None
        self.mine = _lock(self._file)
        if self.mine:
            self._open()

    def _open(self) -> None:
        try:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind(("127.0.0.1", 0))  # no fixed port: Windows reserves some (7.1)
            listener.listen(5)
            listener.setblocking(False)
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._address)
            made = os.open(self._address, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w") as file:
                json.dump({"port": listener.getsockname()[1], "word": self._word}, file)
        except OSError:
            return  # the lock alone keeps a second window away
        self._listener = listener

    def knocked(self) -> bool:
        """Whether a second start has knocked since the last call; never waits."""
        if self._listener is None:
            return False
        try:
            visitor, _ = self._listener.accept()
        except OSError:
            return False
        with visitor:
            try:
                visitor.settimeout(0.2)
                word = visitor.recv(64)
                if not hmac.compare_digest(word, self._word.encode("ascii")):
                    return False
                visitor.sendall(b"coming")
            except OSError:
                return False
        return True

    def knock(self) -> bool:
        """Ask the window that is open to come to the front; whether it answered."""
        try:
            with open(self._address, encoding="ascii") as file:
                record = json.load(file)
            with socket.create_connection(("127.0.0.1", int(record["port"])), timeout=KNOCK) as wire:
                wire.sendall(str(record["word"]).encode("ascii"))
                return wire.recv(16) == b"coming"
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False

    def close(self) -> None:
        """Let the next start in."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            with contextlib.suppress(OSError):
                os.remove(self._address)
        self._file.close()  # the lock goes with it


def _lock(file: Any) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

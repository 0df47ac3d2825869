"""The engine as a child process: JSON lines out and in, and nothing that waits.

    engine = Engine(python)
    engine.start()
    number = engine.send("localize", job=job, folder=folder)
    for event in engine.poll(): ...      # from a timer
    engine.stop()

Runs in Resolve's own Python, so standard library only, from 3.6 on. Section numbers are those of the notes on
Resolve's scripting interface.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

PROTOCOL = 2
FIRST_WORD = 30.0
"""Seconds within which the engine says hello; a cold disk and a virus scanner make it slow once."""
LAST_WORDS = 1.5
"""Seconds that an engine whose input was closed is given before its process group is killed."""
LONGEST_LOG = 1 << 20
"""Bytes; a longer log is begun anew when an engine starts."""

Event = Dict[str, Any]


def clean_environment(given: Mapping[str, str]) -> Dict[str, str]:
    """The environment for another Python than Resolve's.

    All PYTHON* variables go (Resolve sets PYTHONHOME, which breaks every other Python: 5), and of the lists
    of shared libraries the folders that are Resolve's.
    """
    kept = {name: value for name, value in given.items() if not name.upper().startswith("PYTHON")}
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES"):
        if name in kept:
            folders = [part for part in kept[name].split(os.pathsep) if "resolve" not in part.lower()]
            kept[name] = os.pathsep.join(folders)
            if not any(folders):
                del kept[name]
    return kept


class Engine:
    """One engine. ``state``: "off", "starting", "ready", "dead"."""

    def __init__(
        self,
        python: str,
        log: str = "",
        arguments: Sequence[str] = ("-I", "-X", "utf8", "-m", "dubline.serve"),
    ) -> None:
        self.python = python
        self.log = log
        self.arguments = list(arguments)
        self.state = "off"
        self.busy: set = set()
        self._process: Optional[subprocess.Popen] = None
        self._number = 0
        self._came: queue.Queue = queue.Queue()
        self._leaves: queue.Queue = queue.Queue()
        self._deadline = 0.0

    def start(self) -> None:
        """Start the process and return at once. What goes wrong comes as an event from `poll`."""
        if self.state in ("starting", "ready"):
            return
        self.state, self.busy = "starting", set()
        self._came, self._leaves = queue.Queue(), queue.Queue()
        self._deadline = time.monotonic() + FIRST_WORD
        options: Dict[str, Any] = {}
        if os.name == "nt":
            # CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW, which Python 3.6 does not name.
            options["creationflags"] = 0x00000200 | 0x08000000
        else:
            options["start_new_session"] = True  # killed as a group, and no Ctrl-C of the host's
        try:
            with self._log_file() as errors:
                self._process = subprocess.Popen(
                    [self.python, *self.arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=clean_environment(os.environ),
                    bufsize=-1,
                    **options,
                )
        except OSError as error:
            self._came.put(("refused", "{}: {}".format(self.python, error.strerror or error)))
            return
        # Each thread has its own queue and process: one of an engine before this one disturbs nobody.
        for work, line in ((_listen, self._came), (_tell, self._leaves)):
            threading.Thread(target=work, args=(self._process, line), daemon=True).start()

    def send(self, op: str, **fields: Any) -> int:
        """Ask for something; returns the number that its events carry. Never waits."""
        self._number += 1
        self.busy.add(self._number)
        self._put(dict(fields, op=op, id=self._number))
        return self._number

    def cancel(self, number: int) -> None:
        """Ask to stop a request; its error event with the code "cancelled" comes by itself."""
        self._put({"op": "cancel", "id": number})

    def poll(self) -> List[Event]:
        """What has come since the last call, oldest first; never waits.

        Besides the engine's own events there are {"event": "dead", "message", "hint"} when it cannot be
        started, ended by itself, or speaks another protocol; then it is off, and `start` starts it anew.
        """
        events: List[Event] = []
        while self.state in ("starting", "ready"):
            try:
                kind, content = self._came.get_nowait()
            except queue.Empty:
                break
            event = self._heard(kind, content)
            if event is not None:
                events.append(event)
        if self.state == "starting" and time.monotonic() > self._deadline:
            events.append(
                self._dead("The engine was started and does not answer.", "Try again; if it stays so, check:")
            )
        return events

    def stop(self) -> None:
        """End the engine and everything it has started. Waits for it, at most about two seconds."""
        process, self._process = self._process, None
        self.state = "off"
        self.busy = set()
        if process is None:
            return
        self._leaves.put(None)  # closes its input, at which the engine ends its own children
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=LAST_WORDS)
        _end_group(process)
        process.wait()

    def _put(self, message: Event) -> None:
        self._leaves.put(json.dumps(message, ensure_ascii=True).encode("ascii") + b"\n")

    def _log_file(self) -> Any:
        with contextlib.suppress(OSError):
            long = os.path.isfile(self.log) and os.path.getsize(self.log) > LONGEST_LOG
            return open(self.log or os.devnull, "wb" if long else "ab")
        return open(os.devnull, "ab")

    def _heard(self, kind: str, content: Any) -> Optional[Event]:
        if kind == "refused":
            return self._dead("The engine cannot be started: {}".format(content), "Was it moved or removed?")
        if kind == "gone":
            return self._gone()
        try:
            event = json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError):
            return None  # no line of ours: a library that printed before the wire was taken
        if not isinstance(event, dict) or "event" not in event:
            return None
        if event["event"] == "hello":
            return self._greeted(event)
        if event["event"] in ("result", "error"):
            self.busy.discard(event.get("id"))
        return event

    def _greeted(self, event: Event) -> Event:
        theirs = event.get("protocol")
        if theirs == PROTOCOL:
            self.state = "ready"
            return event
        older = isinstance(theirs, int) and theirs < PROTOCOL
        return self._dead(
            "The {} is older than the {}: it speaks protocol {}, not {}.".format(
                "engine" if older else "script in Resolve",
                "script in Resolve" if older else "engine",
                theirs if older else PROTOCOL,
                PROTOCOL if older else theirs,
            ),
            "Update Dubline, then install both again:" if older else "Install the script again:",
            "install",
        )

    def _gone(self) -> Event:
        before = self.state
        process = self._process
        status = process.wait() if process is not None else None
        last = self._last_line()
        ending = "It ended with {}{}".format(
            "signal {}".format(-status) if status is not None and status < 0 else "status {}".format(status),
            ": {}".format(last) if last else ".",
        )
        if before == "starting":
            return self._dead("The engine cannot be started. {}".format(ending), "To find out why:")
        return self._dead(
            "The engine stopped unexpectedly. {}".format(ending),
            "Press Start again: what was finished is kept. If it happens again:",
        )

    def _last_line(self) -> str:
        try:
            with open(self.log, "rb") as file:
                file.seek(max(os.path.getsize(self.log) - 4096, 0))
                lines = file.read().decode("utf-8", "replace").strip().splitlines()
        except (OSError, ValueError):
            return ""
        return lines[-1].strip()[:200] if lines else ""

    def _dead(self, message: str, hint: str, remedy: str = "check") -> Event:
        self.stop()
        self.state = "dead"
        hint = "{} python3 install/run.py resolve {}".format(hint, remedy)
        if self.log and remedy == "check":
            hint += "\nThe engine's log: {}".format(self.log)
        return {"event": "dead", "id": None, "code": "engine", "message": message, "hint": hint}


def _listen(process: Any, came: Any) -> None:
    # No print in here: a thread of a menu script has no standard output (4).
    try:
        for line in process.stdout:
            if line.endswith(b"\n"):
                came.put(("line", line))
    except (OSError, ValueError):
        pass
    came.put(("gone", None))


def _tell(process: Any, leaves: Any) -> None:
    while True:
        line = leaves.get()
        try:
            if line is None:
                process.stdin.close()
                return
            process.stdin.write(line)
            process.stdin.flush()
        except (OSError, ValueError):
            return  # it has gone, which shows at its output


def _end_group(process: Any) -> None:
    if os.name == "nt":
        if process.poll() is None:  # /T: with all that it has started
            subprocess.call(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=0x08000000,
            )
        return
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)  # also those that outlived their parent

"""Engines for tests of the Resolve plug-in: the real one, and small programs that fail where a test says."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dubline_resolve.bridge import PROTOCOL, Engine

HELLO = f'{{"event":"hello","protocol":{PROTOCOL},"version":"0.1.0","python":"3.11.7"}}'
LONGEST = 60.0


def until(ready: Callable[[], Any]) -> Any:
    """What `ready` gives once it gives something."""
    end = time.monotonic() + LONGEST
    pause = threading.Event()
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        pause.wait(0.01)
    raise AssertionError("it never came")


@contextmanager
def engine(tmp_path: Path, program: str | None = None) -> Iterator[Engine]:
    """An engine, started: the real one, or `program`, which has say(text) and lines (from the host)."""
    if program is None:
        made = Engine(sys.executable, str(tmp_path / "engine.log"))
    else:
        script = tmp_path / "program.py"
        script.write_text(
            "import json, os, subprocess, sys, time\n"
            "def say(text): sys.stdout.write(text + '\\n'); sys.stdout.flush()\n"
            "lines = iter(sys.stdin.readline, '')\n" + program,
            encoding="utf-8",
        )
        made = Engine(sys.executable, str(tmp_path / "engine.log"), ["-I", str(script)])
    made.start()
    try:
        yield made
    finally:
        made.stop()


def wait_for(made: Engine, kind: str) -> dict[str, Any]:
    """The first event of a kind; those before it are gone."""
    seen: list[dict[str, Any]] = []

    def found() -> dict[str, Any] | None:
        seen.extend(made.poll())
        return next((event for event in seen if event["event"] == kind), None)

    return dict(until(found))

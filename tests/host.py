"""A host program for `dubline.serve`: starts the engine, sends lines, reads what comes.

with Host() as host:
    host.send({"op": "backends", "id": 1})
    answer = host.answer(1)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

Message = dict[str, Any]

# A child that is an engine with its output on the wire, and prints besides.
COMMAND = [sys.executable, "-X", "utf8", "-m", "dubline.serve"]


class Host:
    """`seen` is everything that came, in order."""

    def __init__(self, command: list[str] | None = None, **more: Any) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command or COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=more.pop("stderr", subprocess.DEVNULL),
            env={**environment, **more.pop("env", {})},
            **more,
        )
        self.seen: list[Message] = []
        self.hello = self.next()

    def raw(self, data: bytes) -> None:
        """Bytes onto the wire."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Message) -> None:
        """A message as its line."""
        self.raw(json.dumps(message).encode() + b"\n")

    def next(self) -> Message:
        """The next line, which is a JSON object in ASCII whatever happens."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), f"the engine ended: {line!r}"
        message = json.loads(line.decode("ascii"))
        assert isinstance(message, dict)
        self.seen.append(message)
        return message

    def until(self, number: int | str | None, *events: str, **fields: Any) -> Message:
        """The next message with that id, one of these events, and these fields."""
        while True:
            message = self.next()
            if message.get("id") == number:
                right = all(message.get(name) == value for name, value in fields.items())
                if right and message["event"] in events:
                    return message
                assert message["event"] not in ("result", "error"), message

    def answer(self, number: int | str | None) -> Message:
        """The result or the error of a request."""
        return self.until(number, "result", "error")

    def family(self) -> list[psutil.Process]:
        """The engine and all that it has started."""
        engine = psutil.Process(self.process.pid)
        return [engine, *engine.children(recursive=True)]

    def close(self) -> int:
        """Close the pipe; returns the exit status."""
        assert self.process.stdin is not None and self.process.stdout is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        return status

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
        self.close()


def all_gone(family: list[psutil.Process]) -> bool:
    """Whether every one of these processes has ended; waits for it up to half a minute."""
    _, alive = psutil.wait_procs(family, timeout=30)
    return not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def stems_job(path: Path, **more: Any) -> Message:
    """A job for stems alone, with the separator that needs no weights."""
    return {
        "media": {"kind": "file", "path": path.as_posix()},
        "separate": {"separator": "builtin"},
        "transcribe": None,
        "device": "cpu",
        **more,
    }

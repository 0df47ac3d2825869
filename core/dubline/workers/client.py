"""Our end of a worker: starts the process, asks, waits, and never leaves it behind.

    with WorkerClient([python, worker_file(), "paddlespeech"], name="paddlespeech") as worker:
        answer = worker.call("recognize", {"path": ...}, timeout=300, report=report)

`dubline.workers.worker` describes the lines that go both ways. Cancelling, a time-out and closing all end the
process: a model at work listens to nothing else. The next call starts a fresh one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dubline.errors import (
    AudioProcessingError,
    BackendFailed,
    BackendMissing,
    DublineError,
    InvalidJob,
    StorageFull,
    ValidationError,
    WeightsError,
)
from dubline.report import Report, silent
from dubline.workers.worker import FOLDER_PREFIX, PROTOCOL

POLL = 0.05
"""Seconds between two looks at whether the user has stopped the work."""
GRACE = 0.2
"""Seconds that a worker is given to end by itself after its input has ended."""
LONGEST_LINE = 16 << 20
"""Bytes of the longest answer; a longer one is no answer of ours."""
BEFORE_HELLO = 1 << 20
"""Bytes that may come before the hello: an environment's start-up files print where they like."""
TOLD_LINES = 12
"""Lines of the worker's own output that go into an error."""

ERRORS: dict[str, type[DublineError]] = {
    kind.code: kind
    for kind in (AudioProcessingError, BackendMissing, InvalidJob, StorageFull, ValidationError, WeightsError)
}

Message: TypeAlias = dict[str, Any]


class _Died(Exception):
    """The process ended, or its pipe broke, before it answered."""


def worker_file() -> str:
    """The path of the program that runs inside a worker's environment."""
    from dubline.workers import worker

    return str(Path(worker.__file__).absolute())


class WorkerClient:
    """One worker process, started when it is first needed and again after it died.

    `command` is the program and its arguments; the working folder is added as the last one. `environment` is
    laid over ours. `setup` are the calls that bring a fresh process to where the last one was, such as
    loading a model; `ready` holds what they returned. Not for use by several threads at once.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        environment: Mapping[str, str] | None = None,
        setup: Sequence[tuple[str, Message]] = (),
        start_timeout: float = 120.0,
        setup_timeout: float = 600.0,
    ) -> None:
        self.name = name
        self.hello: Message = {}
        self.ready: list[Any] = []
        self._command = list(command)
        self._environment = dict(environment or {})
        self._setup = list(setup)
        self._start_timeout = start_timeout
        self._setup_timeout = setup_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[Message | bytes | None] = queue.SimpleQueue()
        self._printed: deque[str] = deque(maxlen=400)
        self._printing: threading.Thread | None = None
        self._writing: threading.Thread | None = None
        self._folder: Path | None = None
        self._number = 0

    @property
    def folder(self) -> Path:
        """The worker's working folder, for files that go along with a request; gone after `close`."""
        if self._folder is None or not self._folder.is_dir():  # a worker that ends in order takes it along
            self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        return self._folder

    @property
    def pid(self) -> int | None:
        """The process that is running now, if one is."""
        return self._process.pid if self._process is not None else None

    @property
    def printed(self) -> tuple[str, ...]:
        """The last lines that the worker and its libraries wrote, oldest first."""
        return tuple(self._printed)

    def call(
        self, method: str, params: Message | None = None, *, timeout: float = 300.0, report: Report = silent
    ) -> Any:
        """Ask, and wait for the answer.

        `timeout` is in seconds without any sign of life. `report` is called at least every `POLL` seconds,
        with the last progress told, and stops the work by raising. A worker that died is started once more,
        and the request asked once more.

        Raises:
            BackendMissing: the program to start does not exist.
            BackendFailed: the worker died twice, was silent for too long, or answered nonsense.
            DublineError: what the worker itself refused, as the error that its code names.
        """
        try:
            return self._answer(method, params or {}, timeout, report)
        except _Died:
            self._end()
        try:
            return self._answer(method, params or {}, timeout, report)
        except _Died as died:
            self._end()
            raise BackendFailed(
                f"the {self.name} worker died twice over {method!r}: {died}{self._last_words()}",
                hint="A lack of memory is the usual reason; close other programs, or use a smaller model.",
            ) from None

    def start(self, report: Report = silent) -> Message:
        """Start the process and run the setup, if that has not been done; returns the worker's hello.

        Raises:
            BackendMissing, BackendFailed: as `call`.
        """
        try:
            self._made_ready(report)
        except _Died as died:
            self._end()
            raise BackendFailed(
                f"the {self.name} worker died while it was made ready: {died}{self._last_words()}",
                hint=f"Reinstall it: dubline backends uninstall {self.name}, then install {self.name}.",
            ) from None
        return self.hello

    def close(self) -> None:
        """End the process and remove its folder. May be called at any time, and again."""
        self._end()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- the process ---------------------------------------------------------------------------

    def _answer(self, method: str, params: Message, timeout: float, report: Report) -> Any:
        self._made_ready(report)
        try:
            return self._ask(method, params, timeout, report)
        except (DublineError, _Died):
            raise  # what the worker refused leaves it as it was; whatever else is told has ended it
        except BaseException:
            self._end()  # Ctrl-C in the middle of a request
            raise

    def _made_ready(self, report: Report) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._end()
        self._launch()
        try:
            self._greet(report)
            self.ready = [
                self._ask(method, params, self._setup_timeout, report) for method, params in self._setup
            ]
        except BaseException:
            self._end()  # half ready is not ready
            raise

    def _launch(self) -> None:
        self._answers = queue.SimpleQueue()
        self._printed.clear()
        try:
            # A session of its own: Ctrl-C in the terminal is for us, and the group can be ended as one.
            self._process = subprocess.Popen(
                [*self._command, str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.folder,
                env={**os.environ, **self._environment},
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise BackendMissing(
                f"the {self.name} worker cannot be started: {self._command[0]}: {error.strerror or error}",
                hint=f"Install it with: dubline backends install {self.name}",
            ) from None
        process, answers = self._process, self._answers
        assert process.stdout is not None and process.stderr is not None
        lines, printed = io.BufferedReader(process.stdout), io.BufferedReader(process.stderr)  # type: ignore[type-var]
        threading.Thread(target=_read, args=(lines, answers), daemon=True).start()
        self._printing = threading.Thread(target=_gather, args=(printed, self._printed), daemon=True)
        self._printing.start()

    def _end(self) -> None:
        """End the process: by its input's end, else by force. What it started goes with it."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        # A request that it does not read keeps the pipe busy until it is gone.
        if self._writing is None or not self._writing.is_alive():
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        kill(process)
        process.wait()
        for thread in (self._writing, self._printing):
            if thread is not None:
                thread.join(GRACE)
        with contextlib.suppress(OSError):
            process.stdin.close()

    # --- the wire ------------------------------------------------------------------------------

    def _greet(self, report: Report) -> None:
        before = 0
        while True:
            message = self._next(self._start_timeout, report, (0.0, 0.0), "starting")
            if isinstance(message, bytes):
                before += len(message)
                self._printed.append(message.decode(errors="replace").rstrip())
                if before > BEFORE_HELLO:
                    raise self._nonsense(message)
                continue
            hello = message.get("hello")
            if not isinstance(hello, dict):
                raise self._nonsense(message)
            if hello.get("protocol") != PROTOCOL:
                self._end()
                raise BackendFailed(
                    f"the {self.name} worker speaks protocol {hello.get('protocol')!r}, not {PROTOCOL}",
                    hint=f"Bring it up to date with: dubline backends install {self.name}",
                )
            self.hello = hello
            return

    def _ask(self, method: str, params: Message, timeout: float, report: Report) -> Any:
        self._number += 1
        number = self._number
        line = json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n"
        assert self._process is not None
        # Aside: a worker that has stopped reading must not stop us.
        self._writing = threading.Thread(target=_write, args=(self._process.stdin, line), daemon=True)
        self._writing.start()
        progress = (0.0, 0.0)
        while True:
            message = self._next(timeout, report, progress, repr(method))
            if isinstance(message, bytes):
                raise self._nonsense(message)
            if message.get("id") != number:
                raise self._nonsense(message)
            if "result" in message:
                return message["result"]
            if isinstance(error := message.get("error"), dict):
                kind = ERRORS.get(str(error.get("code")), BackendFailed)
                raise kind(
                    str(error.get("message")) or f"{self.name} failed", hint=str(error.get("hint") or "")
                )
            match message.get("progress"):
                case [int() | float() as count, int() | float() as total]:
                    progress = (float(count), float(total))
                    self._tick(report, progress)
                case _:
                    raise self._nonsense(message)

    def _next(
        self, timeout: float, report: Report, progress: tuple[float, float], what: str
    ) -> Message | bytes:
        """The next message; the bytes of a line that is none."""
        last = time.monotonic() + timeout
        while True:
            try:
                message = self._answers.get(timeout=POLL)
            except queue.Empty:
                self._tick(report, progress)
                if time.monotonic() < last:
                    continue
                self._end()
                raise BackendFailed(
                    f"the {self.name} worker was silent for {timeout:g} s over {what}{self._last_words()}",
                    hint="Give it longer with the option `timeout`, or use a smaller model.",
                ) from None
            if message is None:
                raise _Died(self._how_it_ended())
            return message

    def _tick(self, report: Report, progress: tuple[float, float]) -> None:
        try:
            report(*progress)
        except BaseException:
            self._end()
            raise

    def _nonsense(self, message: Message | bytes) -> BackendFailed:
        text = message.decode(errors="replace") if isinstance(message, bytes) else json.dumps(message)
        self._end()
        return BackendFailed(
            f"the {self.name} worker gave an unreadable answer: {text.strip()[:200]}{self._last_words()}",
            hint=f"Reinstall it: dubline backends uninstall {self.name}, then install {self.name}.",
        )

    def _how_it_ended(self) -> str:
        assert self._process is not None
        try:
            status = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"ended by {signal.Signals(-status).name}"
        return f"exit status {status}"

    def _last_words(self) -> str:
        """What it printed last, for the text of an error."""
        lines = [line for line in self._printed if line.strip()][-TOLD_LINES:]
        return "\n  " + "\n  ".join(lines) if lines else ""


def _read(stream: Any, answers: queue.SimpleQueue[Message | bytes | None]) -> None:
    """Turn lines into messages until the pipe ends; then None."""
    with stream, contextlib.suppress(OSError, ValueError):
        while line := stream.readline(LONGEST_LINE):
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            answers.put(message if isinstance(message, dict) else line)
    answers.put(None)


def _gather(stream: Any, lines: deque[str]) -> None:
    with stream, contextlib.suppress(OSError, ValueError):
        while line := stream.readline(1 << 16):  # a progress bar may be one line without an end
            lines.append(line.decode(errors="replace").rstrip())


def _write(stream: Any, line: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # a broken pipe shows at its other side: no answer comes
        while line:
            line = line[stream.write(line) :]


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process by force, and what it started."""
    if sys.platform != "win32":
        # The group outlives its leader as long as anything is in it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()

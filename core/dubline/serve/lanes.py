"""The queue of requests. Each is worked on in a process of its own, so that anything can be stopped at once,
a crash takes nothing else along, and a model's memory is free again when its job is done.

There are two lanes: jobs that may take hours, one at a time, and short questions, one at a time beside them.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any

import psutil

from dubline.errors import BackendFailed, Cancelled, DublineError, InvalidJob
from dubline.serve.requests import Id, Localize, id_of, read_request
from dubline.serve.wire import Message, Outgoing, Refused, encoded, lines, parse

GRACE = 0.25
"""Seconds that a job is given to stop by itself when it is cancelled; then its process is ended."""
LAST_WORDS = 1.0
"""Seconds that a host is given to read what is still on its way when the engine stops."""
LONGEST_ANSWER = 1 << 30

Event = tuple[str, Any, Any]


class Child:
    """A process that works on one request."""

    def __init__(self, request: Message, events: queue.SimpleQueue[Event]) -> None:
        self.id: Id = request["id"]
        self.stage = ""
        self.cancelled = False
        self.answered = False
        self.deadline = float("inf")
        self._writing = threading.Lock()
        alone = ["-I"] if sys.flags.isolated else []
        # A session of its own: a signal to it reaches all that it starts, and Ctrl-C only us.
        self.process = subprocess.Popen(
            [sys.executable, *alone, "-X", "utf8", "-m", "dubline.serve.work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            bufsize=0,
        )
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()
        # From a thread, since a long request does not fit in a pipe that is not read yet.
        threading.Thread(target=self._tell, args=(encoded(request),), daemon=True).start()

    def cancel(self) -> None:
        """Ask it to stop at its next tick."""
        self.cancelled = True
        self.deadline = time.monotonic() + GRACE
        threading.Thread(target=self._tell, args=(encoded({"op": "cancel"}),), daemon=True).start()

    def end(self) -> None:
        """End it and everything it has started; returns when it is gone."""
        family: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.process.pid).children(recursive=True)
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()
        for relative in family:  # workers have sessions of their own
            with contextlib.suppress(psutil.Error):
                relative.kill()
        self.process.wait()

    def how_it_ended(self) -> str:
        """Its exit status, or the signal that ended it."""
        status = self.process.wait()
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"ended by {signal.Signals(-status).name}"
        return f"exit status {status}"

    def _tell(self, line: bytes) -> None:
        stream = self.process.stdin
        assert stream is not None
        with self._writing, contextlib.suppress(OSError, ValueError):  # that it ended shows at its output
            while line:
                line = line[stream.write(line) :]

    def _listen(self, events: queue.SimpleQueue[Event]) -> None:
        stream = self.process.stdout
        assert stream is not None
        for line in lines(stream.fileno(), LONGEST_ANSWER):
            with contextlib.suppress(ValueError, TypeError, RecursionError):
                events.put(("answer", self, json.loads(line or b"")))
        events.put(("gone", self, None))


class Lane:
    """Requests that wait for each other."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.child: Child | None = None


class Engine:
    """Takes lines, keeps the lanes going, and sends what they have to tell."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._out = Outgoing(outgoing, broken=lambda: self._events.put(("end", None, None)))
        self._lanes = (Lane(), Lane())
        threading.Thread(target=self._listen, args=(incoming,), daemon=True).start()
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self._events.put(("end", None, None)))

    def run(self) -> None:
        """Serve until the input ends, the reader has gone, or a signal says so; leaves no process behind."""
        try:
            while True:
                kind, one, other = self._next()
                if kind == "end":
                    return
                if kind == "line":
                    self._take(one)
                elif kind == "answer":
                    self._pass_on(one, other)
                elif kind == "gone":
                    self._bury(one)
                for lane in self._lanes:
                    self._go_on(lane)
        finally:
            for lane in self._lanes:
                if lane.child is not None:
                    lane.child.end()
            self._out.flush(LAST_WORDS)

    def _listen(self, incoming: int) -> None:
        for line in lines(incoming):
            self._events.put(("line", line, None))
        self._events.put(("end", None, None))

    def _next(self) -> Event:
        """The next event, or the end of a job's grace."""
        while True:
            children = [lane.child for lane in self._lanes if lane.child is not None]
            deadline = min((child.deadline for child in children), default=float("inf"))
            left = deadline - time.monotonic()
            try:
                return self._events.get(timeout=max(left, 0.0) if left < float("inf") else None)
            except queue.Empty:
                for child in children:
                    if child.deadline <= time.monotonic():
                        child.deadline = float("inf")
                        child.end()

    def _take(self, line: bytes | None) -> None:
        """A line from the host."""
        if line is not None and not line.strip():
            return
        number: Id | None = None
        try:
            message = parse(line)
            number = id_of(message)
            if number is None:
                raise InvalidJob("a request without an id", hint="Give each request a number of its own.")
            if message.get("op") == "cancel":
                self._cancel(number)
                return
            if number in self._ids():
                raise InvalidJob(f"there is a request {number!r} already", hint="Give each its own number.")
            request = read_request(message)
        except Refused as refused:
            self._error(number, InvalidJob(str(refused), hint="Send one JSON object a line."))
            return
        except InvalidJob as error:
            self._error(number, error)
            return
        lane = self._lanes[0 if isinstance(request, Localize) else 1]
        lane.waiting.append(message)
        if lane.child is not None:
            self._out.send({"event": "note", "id": number, "text": "waiting for the request before it"})

    def _ids(self) -> set[Id]:
        running = {lane.child.id for lane in self._lanes if lane.child and not lane.child.answered}
        return running | {message["id"] for lane in self._lanes for message in lane.waiting}

    def _cancel(self, number: Id) -> None:
        """Stop a request, wherever it is. One that is done already needs nothing."""
        for lane in self._lanes:
            for message in list(lane.waiting):
                if message["id"] == number:
                    lane.waiting.remove(message)
                    self._error(number, Cancelled("stopped before it began"))
            if lane.child is not None and lane.child.id == number and not lane.child.cancelled:
                lane.child.cancel()

    def _go_on(self, lane: Lane) -> None:
        while lane.child is None and lane.waiting:
            message = lane.waiting.popleft()
            try:
                lane.child = Child(message, self._events)
            except OSError as error:
                text = f"no process can be started for it: {error.strerror or error}"
                self._error(message["id"], BackendFailed(text, hint="Close other programs and try again."))

    def _pass_on(self, child: Child, message: Message) -> None:
        """What a child tells; its answer ends it."""
        if child.answered:
            return
        if message.get("event") == "progress":
            child.stage = str(message.get("stage", ""))
        if message.get("event") in ("result", "error"):
            child.answered = True
            child.end()  # before the host hears of it: then its memory and its locks are free
        self._out.send(message)

    def _bury(self, child: Child) -> None:
        child.end()
        for lane in self._lanes:
            if lane.child is child:
                lane.child = None
        if child.answered:
            return
        if child.cancelled:
            stopped = Cancelled("stopped", hint="Start it again to go on with what was finished before.")
            stopped.stage = child.stage
            self._error(child.id, stopped)
            return
        self._error(
            child.id,
            BackendFailed(
                f"the process that did the work died: {child.how_it_ended()}",
                hint="A lack of memory is the usual reason: close other programs, or take a smaller model. "
                "What was finished before is kept.",
                stage=child.stage,
            ),
        )

    def _error(self, number: Id | None, error: DublineError) -> None:
        self._out.send({"event": "error", "id": number, **error.to_dict()})


def serve(incoming: int, outgoing: int) -> None:
    """Serve on two descriptors until the input ends; does not return."""
    Engine(incoming, outgoing).run()
    os._exit(0)  # threads that wait for lines would keep the process

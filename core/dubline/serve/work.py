"""The process of one request: `python -m dubline.serve.work`, started by the engine.

Its first line of input is the request; then a cancel may come. When its input ends, the engine has gone, and
so does this process, with everything it has started, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from dubline.serve.wire import Message, Outgoing, lines, parse, take_wire


class Worker:
    """Works on one request and tells about it."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        from dubline.report import Progress

        self.out = Outgoing(outgoing, broken=vanish)
        self.progress = Progress(self._show)
        self.id: Any = None
        self._stage = ""
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(incoming,), daemon=True).start()

    def run(self) -> None:
        """Do what the first line asks, and send its result or its error."""
        from dubline.errors import DublineError
        from dubline.serve.requests import read_request

        message = self._requests.get()
        self.id = message.get("id")
        try:
            answer = self._answer(read_request(message))
        except DublineError as error:
            self.out.send({"event": "error", "id": self.id, **error.to_dict()})
        except BaseException as error:
            traceback.print_exc()
            self.out.send({"event": "error", "id": self.id, **unexpected(error, self._stage)})
        else:
            self.out.send({"event": "result", "id": self.id, **answer})
        # Until the engine has read it; if the engine has gone, so has this process.
        self.out.flush(3600.0)

    def _listen(self, incoming: int) -> None:
        first = True
        for line in lines(incoming):
            if first:
                self._requests.put(parse(line))
            else:
                self.progress.cancel()
            first = False
        vanish()

    def _answer(self, request: Any) -> dict[str, Any]:
        from dubline.serve import requests

        if isinstance(request, requests.Localize):
            return self._localize(request)
        if isinstance(request, requests.MakePlan):
            from dubline.programme.resolve_plan import make_plan, plan_json

            return {"plan": plan_json(make_plan(Path(request.folder), request.timeline, request.want))}
        if isinstance(request, requests.Subtitles):
            from dubline.serve.returned import take_back

            return {"report": take_back(request)}
        return {"backends": backends()}

    def _localize(self, request: Any) -> dict[str, Any]:
        from dubline.exchange.report import write_report
        from dubline.pipeline import decide, localize, summary
        from dubline.run import Run

        root = Path(request.folder)
        decided = decide(request.job, root)
        with Run(root, report=self.progress.stage, tell=self._note, said=self._said) as run:
            for reason in decided.reasons:
                self._note(reason)
            localized = localize(request.job, run, decided=decided, tell=self._note)
            write_report(root)
            return {"folder": root.absolute().as_posix(), "summary": summary(localized, run)}

    def _note(self, text: str) -> None:
        self.out.send({"event": "note", "id": self.id, "text": text})

    def _said(self, record: Any) -> None:
        if record.state == "kept":
            self._note(f"{record.name}: kept from before")

    def _show(self, stage: str, done: float, total: float, left: float | None) -> None:
        from dubline.report import UNITS

        self._stage = stage
        self.out.send(
            {
                "event": "progress",
                "id": self.id,
                "stage": stage,
                "done": round(float(done), 3),
                "total": round(float(total), 3),
                "left": None if left is None else round(float(left), 1),
                "unit": UNITS.get(stage, "seconds"),
            }
        )


def backends() -> list[dict[str, Any]]:
    """All back ends: what each lacks and how to get it, what it costs, and if its name alone is enough."""
    from dubline.backends.backend import KINDS
    from dubline.backends.choosing import available, find

    lines = []
    for kind in KINDS:
        for info in available(kind).values():
            cls = find(kind, info.name) if info.installed else None
            lines.append(
                {
                    "kind": kind,
                    "name": info.name,
                    "installed": info.installed,
                    "missing": list(info.missing),
                    "remedy": info.remedy,
                    "cost": str(getattr(cls, "cost", "")),
                    "own_input": cls is not None and _needs_own_input(cls),
                }
            )
    return lines


def _needs_own_input(cls: Any) -> bool:
    """Whether its name alone is not enough: it needs settings of the user's own, or the right to voices."""
    try:
        return cls.trial_options() is None or bool(getattr(cls, "clones", False))
    except Exception:  # a stranger's may break in any way; the others are listed
        return True


def unexpected(error: BaseException, stage: str) -> dict[str, str]:
    """What is no error of ours, as one: never a traceback on the wire."""
    if isinstance(error, MemoryError):
        message, hint = "there is not enough memory", "Close other programs, or take a smaller model."
    elif isinstance(error, OSError):
        message, hint = str(error), "Check that the disk is there and that you may read and write on it."
    else:
        message = f"{type(error).__name__}: {error}"
        hint = "This is a fault of the program: please report it with the log."
    return {"code": "error", "message": message, "hint": hint, "stage": stage}


def vanish() -> NoReturn:
    """End this process and everything it has started, at once."""
    with contextlib.suppress(Exception):
        import psutil

        for relative in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                relative.kill()
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Take the wire before anything else is loaded, then work."""
    incoming, outgoing = take_wire()
    import psutil  # noqa: F401 - loaded now, since `vanish` may come while something else is being loaded

    Worker(incoming, outgoing).run()
    os._exit(0)  # the listening thread would keep the process


if __name__ == "__main__":
    main()

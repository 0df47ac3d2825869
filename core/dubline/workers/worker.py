"""The worker: a process in an environment of its own, for a back end whose library cannot share ours.

    python worker.py SERVICE FOLDER

SERVICE is a name (`paddlespeech` means paddlespeech_worker.py beside this file) or the path of a
Python file; FOLDER is the working folder, made and removed by whoever started this. The file defines
`methods() -> dict[str, Callable[[params, report], result]]`: `params` is a dict and `result` a value that
JSON can say; `report(done, total)` tells progress. It imports its heavy libraries inside the methods.

One JSON object a line, UTF-8, both ways:

    out  {"hello": {"protocol": 1, "service": NAME, "methods": [...], "pid": N, "python": "3.11.7"}}
    in   {"id": 1, "method": "load", "params": {...}}
    out  {"id": 1, "progress": [done, total]}                  any number of times
    out  {"id": 1, "result": ...}  or  {"id": 1, "error": {"code": ..., "message": ..., "hint": ...}}

An error takes `code` and `hint` from the exception's attributes of that name, where it has them. One request
is worked on at a time. When the input ends, the process ends at once, whatever it is doing.

This file runs in a foreign environment: standard library only, and nothing of `dubline`.
"""

from __future__ import annotations

import os
import sys

PROTOCOL = 1
FOLDER_PREFIX = "dubline-worker-"


def wire() -> tuple[int, int]:
    """Take the real input and output for the wire: what libraries print goes to standard error, C code
    included, and what asks for input finds its end. Returns two descriptors that children do not inherit."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return incoming, outgoing


def main() -> None:
    """Move the wire aside, load the service, say hello, and answer until the input ends."""
    incoming, outgoing = wire()  # before anything else is imported: imports print

    import importlib.util
    import json
    import queue
    import shutil
    import threading
    import traceback
    from pathlib import Path
    from typing import Any

    name, folder = sys.argv[1], Path(sys.argv[2]).absolute()
    os.chdir(folder)  # libraries drop logs where they stand
    lock = threading.Lock()

    def send(message: dict[str, Any]) -> None:
        line = json.dumps(message, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with lock:
            while line:
                line = line[os.write(outgoing, line) :]

    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen_until_the_end() -> None:
        try:
            with os.fdopen(incoming, "rb") as lines:
                for line in lines:
                    requests.put(json.loads(line))
        finally:
            # Whoever started this has gone or wants it to go; the main thread may be inside a model.
            os.chdir(folder.parent)
            if folder.name.startswith(FOLDER_PREFIX):
                shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)

    threading.Thread(target=listen_until_the_end, daemon=True).start()

    path = Path(name) if name.endswith(".py") else Path(__file__).with_name(f"{name}_worker.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    methods = module.methods()
    version = ".".join(map(str, sys.version_info[:3]))
    hello = {"protocol": PROTOCOL, "service": path.stem, "methods": sorted(methods), "pid": os.getpid()}
    send({"hello": {**hello, "python": version}})

    while True:
        request = requests.get()
        number = request["id"]

        def report(done: float, total: float, number: int = number) -> None:
            send({"id": number, "progress": [float(done), float(total)]})

        try:
            method = methods.get(request["method"])
            if method is None:
                raise LookupError(f"this worker has no method {request['method']!r}")
            send({"id": number, "result": method(request.get("params", {}), report)})
        except BaseException as error:  # libraries call sys.exit() where they mean "that file is missing"
            traceback.print_exc()
            send({"id": number, "error": error_message(error)})


def error_message(error: BaseException) -> dict[str, str]:
    """An exception as it goes over the wire."""
    code, hint = getattr(error, "code", ""), getattr(error, "hint", "")
    # SystemExit has a `code` too: its exit status.
    known = isinstance(code, str) and code and not isinstance(error, SystemExit)
    return {
        "code": str(code) if known else "backend_failed",
        "message": str(error) if known else f"{type(error).__name__}: {error}".rstrip(": "),
        "hint": hint if isinstance(hint, str) else "",
    }


if __name__ == "__main__":
    main()

"""A service that dies in the middle of a request: always, or only the first time."""

import os
import signal
import sys
from pathlib import Path


def crash(params, report):
    print("about to fall over", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def crash_once(params, report):
    mark = Path(params["mark"])
    if mark.exists():
        return "second time"
    mark.touch()
    os._exit(42)


def methods():
    return {"crash": crash, "crash_once": crash_once, "echo": lambda params, report: params}

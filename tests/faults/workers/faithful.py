"""A service that does what it is asked, and a few things that libraries do."""

import subprocess
import sys


class Unwilling(Exception):
    code = "weights"
    hint = "Put it there."


class Strange(Exception):
    code = "no code of ours"


def refuse(params, report):
    raise (Strange if params.get("strange") else Unwilling)("big.bin is missing")


def count(params, report):
    for done in range(params["to"] + 1):
        report(done, params["to"])
    return "counted"


def child(params, report):
    code = "import threading; threading.Event().wait()"
    return subprocess.Popen([sys.executable, "-c", code]).pid


def methods():
    state = {}

    def load(params, report):
        state.update(params)
        return {"loaded": params}

    return {
        "load": load,
        "state": lambda params, report: state,
        "echo": lambda params, report: params,
        "refuse": refuse,
        "leave": lambda params, report: sys.exit(-1),
        "ask": lambda params, report: input("Input(Y/N):"),
        "count": count,
        "child": child,
        "unsayable": lambda params, report: float("nan"),
    }

"""A service whose model never comes back, whatever happens around it."""

import threading


def hang(params, report):
    report(1, 3)
    threading.Event().wait()


def methods():
    return {"hang": hang, "echo": lambda params, report: params}

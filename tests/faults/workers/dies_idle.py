"""A service that answers, and then dies with nothing to do."""

import os
import threading


def farewell(params, report):
    threading.Timer(0.01, os._exit, [7]).start()
    return os.getpid()


def methods():
    return {"farewell": farewell, "echo": lambda params, report: params}

"""A program that speaks the protocol badly: python rogue.py MODE FOLDER."""

import json
import os
import signal
import sys
import threading

mode = sys.argv[1]


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def wait():
    threading.Event().wait()


if mode == "silent":
    wait()
if mode == "stillborn":
    sys.exit("no module named paddle")
if mode == "chatty":  # prints before it can be stopped, as an environment's start-up files do
    print("welcome to this environment", flush=True)
say(
    {"hello": {"protocol": 99 if mode == "future" else 1, "service": mode, "methods": [], "pid": os.getpid()}}
)
if mode == "deaf":  # ignores the end of its input, and requests to stop
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wait()
for line in sys.stdin:
    request = json.loads(line)
    if mode == "nonsense":
        print("Loading: 37%|###", flush=True)
    elif mode == "list":
        print([1, 2, 3], flush=True)
    elif mode == "empty":
        say({"id": request["id"]})
    elif mode == "number":
        say({"id": request["id"] + 1, "result": "to a question nobody asked"})
    elif mode == "endless":
        while True:
            sys.stdout.write("x" * 65536)
    elif mode == "late" and request["method"] == "slow":
        wait()
    else:
        say({"id": request["id"], "result": "answer to " + request["method"]})

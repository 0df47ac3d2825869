"""A service that prints wherever a library might: at import and while working, from Python and past it."""

import ctypes
import os
import subprocess
import sys

print('{"id": 1, "result": "printed by Python"}', flush=True)
os.write(1, b'{"id": 1, "result": "written to descriptor 1"}\n')
sys.__stdout__.write('{"id": 1, "result": "the first stdout"}\n')
sys.__stdout__.flush()


def talk(params, report):
    print("in a method", flush=True)
    os.write(1, b"\x00\xff not even text\n")
    if os.name == "posix":
        libc = ctypes.CDLL(None)
        libc.printf(b"from C\n")
        libc.fflush(None)
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return params


def methods():
    return {"talk": talk}

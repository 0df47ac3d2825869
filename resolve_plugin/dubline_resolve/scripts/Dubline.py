"""Dubline in DaVinci Resolve: Workspace > Scripts > Dubline. Put here by `install/run.py resolve install`."""

import inspect
import json
import os
import sys

POINTER = ""  # the installer writes the path of Dubline.json here


def pointer_path():
    # __file__ and sys.argv may not exist in here; the code itself may know its name.
    if POINTER and os.path.isfile(POINTER):
        return POINTER
    return os.path.join(
        os.path.dirname(os.path.abspath(inspect.currentframe().f_code.co_filename)), "Dubline.json"
    )


def start(names):
    if sys.version_info < (3, 6):
        print("Dubline: Python 3.6 or later is needed; this is %d.%d." % sys.version_info[:2])
        return
    path = pointer_path()
    try:
        with open(path, encoding="utf-8") as file:
            package = json.load(file)["package"]
        if not os.path.isdir(os.path.join(package, "dubline_resolve")):
            raise ValueError("no dubline_resolve in {}".format(package))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("Dubline: {} cannot be used ({}).".format(path, error))
        print("Install the script again: python3 install/run.py resolve install")
        return
    sys.dont_write_bytecode = True  # nothing of this Python stays behind
    # Where Resolve runs scripts in one process, modules of an older version may be there still.
    for name in [name for name in sys.modules if name.split(".")[0] == "dubline_resolve"]:
        del sys.modules[name]
    sys.path.insert(0, package)
    try:
        from dubline_resolve import menu

        menu.run(path, names)
    finally:
        sys.path.remove(package)


start(globals())

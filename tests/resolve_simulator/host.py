"""Runs one menu script the way Resolve does, in the interpreter under test (5; section 9, rule 23).

Started by ``runner`` as ``PYTHON -I -S host.py SPEC``; writes what happened to the file that SPEC names.
"""

import importlib.machinery
import json
import os
import sys
import traceback

FOREIGN = ("site-packages", "dist-packages")
OURS = ("dubline", "otio_dubline", "resolve_simulator")


class Forbid:
    """Refuses what the interpreter of a plain user does not have."""

    def __init__(self, world):
        self.world = world

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in OURS:
            self.world.violate(23, f"the script imports {name}")
            raise ImportError(f"no module named {name} in Resolve's Python")
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and any(word in str(spec.origin) for word in FOREIGN):
            self.world.violate(23, f"the script imports {name}, which is no part of Python")
            raise ImportError(f"no module named {name} in Resolve's Python")
        return None


def shown_text(element):
    keys = {"ComboBox": "CurrentText", "TextEdit": "PlainText", "Window": "WindowTitle"}
    return str(element.values.get(keys.get(element.sort, "Text"), ""))


def plain(values):
    return {key: value for key, value in values.items() if isinstance(value, (str, int, float, bool, list))}


def main(spec_path):
    with open(spec_path, encoding="utf-8") as file:
        spec = json.load(file)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, here)
    from resolve_simulator import ResolveCrashed, Simulator, build, profile

    sys.path.remove(here)
    world = Simulator(profile(spec["profile"], **spec["switches"]), media=spec["media"], rate=spec["rate"])
    build(world, spec["scene"])
    for name, value in spec["faults"].items():
        setattr(world.faults, name, value)
    world.calls.clear()
    del world.order[:]
    world.ui.steps = list(spec["user"])
    world.ui.picks = list(spec["picks"])
    before = world.snapshot()
    script = spec["script"]
    with open(script, encoding="utf-8") as file:
        code = compile(file.read(), script, "exec")
    for name in [name for name in sys.modules if name.split(".")[0] == "resolve_simulator"]:
        del sys.modules[name]
    given = {
        "__name__": "__main__",
        "__builtins__": __builtins__,
        "resolve": world.resolve,
        "fusion": world.fusion,
        "fu": world.fusion,
        "bmd": world.bmd,
        "app": world.fusion,
    }
    sys.argv = []
    sys.executable = spec["executable"]
    sys.meta_path.insert(0, Forbid(world))
    failure = ""
    try:
        exec(code, given)
    except SystemExit as stop:
        failure = "" if stop.code in (None, 0) else f"SystemExit: {stop.code}"
    except ResolveCrashed as crash:
        failure = f"ResolveCrashed: {crash}"
    except BaseException:
        failure = traceback.format_exc()
    named = world.ui.named()
    result = {
        "failure": failure,
        "dead": world.dead,
        "modal": world.modal,
        "violations": world.violations,
        "failures": world.ui.failures,
        "unknown": world.unknown,
        "stale": world.stale,
        "calls": dict(world.calls),
        "order": world.order,
        "dropped": world.dropped,
        "before": before,
        "after": world.snapshot(),
        "texts": {name: shown_text(element) for name, element in named.items()},
        "elements": {name: plain(element.values) for name, element in named.items()},
    }
    with open(spec["result"], "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(sys.argv[1])

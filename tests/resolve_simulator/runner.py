"""Start a menu script in a chosen interpreter, inside a simulated Resolve (section 9, rule 23)."""

import json
import os
import subprocess
import sys
import tempfile

from resolve_simulator.profiles import profile


class ScriptRun:
    """What happened. Every attribute is plain JSON values.

    ``listed``: False where the edition shows no Python script; nothing ran then. ``failure``: the traceback
    or the crash that ended the script, else "". ``violations``: [[rule, text]]. ``failures``: tracebacks of
    window handlers. ``calls``: {"Class.Method": count}, ``order``: the same in order. ``before`` and
    ``after``: snapshots of the project. ``texts``: {id: text} of the windows' elements at the end,
    ``elements``: {id: {attribute: value}} with all that was set. ``modal``: a dialog
    is open. ``stdout``, ``stderr``: the console.
    """

    def __init__(self, listed, stdout="", stderr="", **facts):
        self.listed = listed
        self.stdout = stdout
        self.stderr = stderr
        self.failure = ""
        self.dead = ""
        self.modal = False
        self.violations, self.failures, self.unknown, self.stale = [], [], [], []
        self.calls, self.order, self.dropped = {}, [], []
        self.before, self.after, self.texts, self.elements = {}, {}, {}, {}
        for name, value in facts.items():
            setattr(self, name, value)

    def check(self):
        """AssertionError when the script failed, or did what no script may do."""
        lines = ["rule {}: {}".format(*one) for one in self.violations] + self.failures
        lines += [self.failure] if self.failure else []
        if lines:
            raise AssertionError("\n".join([*lines, self.stdout, self.stderr]))
        return self


def run_menu_script(
    path,
    profile_name="studio-20.2",
    python=sys.executable,
    scene=None,
    rate="24",
    user=(),
    picks=(),
    media=None,
    faults=None,
    switches=None,
    environment=None,
    executable="/opt/resolve/bin/resolve",
    timeout=60,
):
    """Run the script at ``path`` as Workspace > Scripts would. Gives a ScriptRun.

    ``python``: the interpreter, 3.6 or later. ``scene``: see ``scenes.build``. ``user``: steps as in
    ``window.Desk``. ``media``: facts by path, for files that are neither WAV nor SRT. ``faults``: values for
    ``profiles.Faults``, ``switches``: for the profile. ``environment``: added to this process's own.
    subprocess.TimeoutExpired after ``timeout`` seconds.
    """
    if not profile(profile_name).python_host:
        return ScriptRun(False)  # 9.3
    env = dict(
        os.environ, PYTHONHOME="/opt/resolve/no-such-python", PYTHONPATH="/opt/resolve/no-such-modules"
    )
    env.update(environment or {})
    with tempfile.TemporaryDirectory() as folder:
        spec = {
            "script": os.path.abspath(str(path)),
            "profile": profile_name,
            "switches": switches or {},
            "scene": scene or {},
            "rate": rate,
            "user": [list(step) for step in user],
            "picks": list(picks),
            "media": media or {},
            "faults": faults or {},
            "executable": executable,
            "result": os.path.join(folder, "result.json"),
        }
        path_of_spec = os.path.join(folder, "spec.json")
        with open(path_of_spec, "w", encoding="utf-8") as file:
            json.dump(spec, file)
        host = os.path.join(os.path.dirname(os.path.abspath(__file__)), "host.py")
        process = subprocess.run(
            [str(python), "-I", "-S", host, path_of_spec],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=folder,
            timeout=timeout,
        )
        stdout, stderr = [data.decode("utf-8", "replace") for data in (process.stdout, process.stderr)]
        if not os.path.exists(spec["result"]):
            return ScriptRun(True, stdout, stderr, failure=f"the interpreter ended with {process.returncode}")
        with open(spec["result"], encoding="utf-8") as file:
            return ScriptRun(True, stdout, stderr, **json.load(file))

"""Kdenlive itself, on a screen and a message bus of its own: opens a project, saves it, and goes.

    resaved(project, folder)      saved over itself, as a person does with Ctrl-S

Nothing of the user's is read or written: home and settings lie in `folder`, the run-time folder in a
temporary one. All processes are one group, which is ended after `LONGEST` seconds whatever they do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = ("kdenlive", "xvfb-run", "dbus-run-session", "gdbus", "xwininfo")
LONGEST = 150.0
BUS = "org.kde.kdenlive-{}"


def resaved(project: Path, folder: Path) -> str:
    """Let Kdenlive open and save a project; what it said.

    Raises:
        RuntimeError: it did not save, or not in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Not in the folder: names of sockets lie in it, and a path of over 107 characters is none.
    run_time = Path(tempfile.mkdtemp(prefix="kd-"))
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL")}
    env = {
        **keep,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(run_time),
        "TMPDIR": str(run_time),  # its working copies of subtitles
        "LANG": keep.get("LANG", "C.UTF-8"),
        "QT_LOGGING_RULES": "*.debug=false",
        "OMP_NUM_THREADS": "1",
    }
    driver = [sys.executable, __file__, str(project)]
    display = ["xvfb-run", "-a", "-s", "-screen 0 1600x900x24"]
    with (folder / "said.txt").open("w+b") as said:
        process = subprocess.Popen(
            ["dbus-run-session", "--", *display, *driver],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            shutil.rmtree(run_time, ignore_errors=True)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    if status:
        raise RuntimeError(f"Kdenlive did not save the project ({status}):\n{text[-2000:]}")
    return text


def _drive(project: Path) -> int:
    """Inside the session: start it, wait for its window, save until the file is another, close it."""
    before = project.read_bytes()
    kdenlive = subprocess.Popen(["kdenlive", "--config", "dublinetest", str(project)])
    ends = time.monotonic() + LONGEST - 10
    try:
        while time.monotonic() < ends and kdenlive.poll() is None:
            windows = subprocess.run(["xwininfo", "-root", "-tree"], capture_output=True, timeout=20).stdout
            if " — Kdenlive".encode() in windows and project.stem.split(" ")[0].encode() in windows:
                _call(kdenlive.pid, "org.kde.KMainWindow.activateAction", "file_save")
                if project.exists() and project.read_bytes() != before:
                    return 0
            time.sleep(0.5)  # between looks: X and the bus are asked, not awaited
        print("it ended" if kdenlive.poll() is not None else "no time left")
        return 1
    finally:
        # It may crash on its way out; the file is what counts.
        with contextlib.suppress(subprocess.TimeoutExpired):
            _call(kdenlive.pid, "org.kde.kdenlive.MainWindow.exitApp")
            kdenlive.wait(10)
        kdenlive.kill()


def _call(pid: int, method: str, *values: str) -> None:
    command = ["gdbus", "call", "--session", "--timeout", "30", "--dest", BUS.format(pid)]
    command += ["--object-path", "/kdenlive/MainWindow_1", "--method", method, *values]
    subprocess.run(command, timeout=40, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(_drive(Path(sys.argv[1])))

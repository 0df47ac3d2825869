"""The engine killed, cut off, cancelled or out of disk in a job: nobody is left, and nothing half-written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from command import shown
from host import Host, all_gone, stems_job

from dubline.values.stems import STEM_NAMES

resource = pytest.importorskip("resource", reason="signals and limits of this kind are POSIX's")

SECONDS = 12

# Loaded with the pipeline, and so only in the process of a job: something that has a session of its own and
# listens to nobody, as a library's server would be.
STUBBORN = """
import importlib.abc, subprocess, sys
class Late(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "dubline.pipeline" and not hasattr(sys, "stubborn"):
            sys.stubborn = subprocess.Popen(
                [sys.executable, "-S", "-c", "import signal\\nwhile True: signal.pause()"],
                start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
sys.meta_path.insert(0, Late())
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "a.wav"
    samples = np.random.default_rng(0).normal(size=(48000 * SECONDS, 2)) * 0.1
    soundfile.write(path, samples, 48000, subtype="PCM_24")
    return path


@pytest.fixture
def stubborn(tmp_path: Path) -> dict[str, str]:
    """An environment in which each job starts a process that does not stop by itself."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(STUBBORN)
    return {"PYTHONPATH": str(site)}


def working(host: Host, root: Path, sound: Path) -> list[psutil.Process]:
    """Start a job and wait until it is at work; the whole family then."""
    host.send({"op": "localize", "id": 1, "folder": str(root), "job": stems_job(sound)})
    host.until(1, "progress", stage="separate")
    family = host.family()
    assert len(family) >= 3, "the engine, the job, and what the job has started"
    return family


def nothing_half(root: Path) -> None:
    known = root.glob("work/steps/original-*/*")
    finished = {"work/run.json", *(p.relative_to(root).as_posix() for p in known)}
    assert set(shown(root)) <= finished
    assert not [p for p in root.iterdir() if p.name.endswith(".part")]


def goes_on(root: Path, sound: Path) -> None:
    with Host() as host:
        host.send({"op": "localize", "id": 1, "folder": str(root), "job": stems_job(sound)})
        answer = host.answer(1)
        assert answer["event"] == "result", answer
    source = soundfile.read(sound, dtype="int32")[0] >> 8
    total = sum(soundfile.read(root / f"stems/{name}.wav", dtype="int32")[0] >> 8 for name in STEM_NAMES)
    np.testing.assert_array_equal(total, source)
    assert not [p for p in root.rglob("*") if p.name.endswith(".part")]


@pytest.mark.parametrize("how", ["closed", "killed", "terminated", "not read"])
def test_the_host_goes(how: str, sound: Path, tmp_path: Path, stubborn: dict[str, str]) -> None:
    root = tmp_path / "run.dubline"
    with Host(env=stubborn) as host:
        family = working(host, root, sound)
        if how == "closed":
            assert host.close() == 0
        elif how == "killed":
            host.process.kill()
        elif how == "terminated":
            host.process.terminate()
        else:
            assert host.process.stdout is not None
            host.process.stdout.close()
        assert all_gone(family), [p for p in family if p.is_running()]
    nothing_half(root)
    if how == "killed":
        goes_on(root, sound)


def test_cancelled_though_it_never_ticks(sound: Path, tmp_path: Path, stubborn: dict[str, str]) -> None:
    """A process that has been halted answers nothing; it is ended, and the next job runs."""
    root = tmp_path / "run.dubline"
    with Host(env=stubborn) as host:
        family = working(host, root, sound)
        job = next(p for p in family if p.ppid() == host.process.pid)
        job.suspend()
        host.send({"op": "cancel", "id": 1})
        answer = host.answer(1)
        assert (answer["event"], answer["code"], answer["stage"]) == ("error", "cancelled", "separate")
        assert all_gone(family[1:]) and len(host.family()) == 1
        nothing_half(root)
        host.send({"op": "backends", "id": 2})
        assert host.answer(2)["event"] == "result"


def test_a_job_that_dies_is_told(sound: Path, tmp_path: Path, stubborn: dict[str, str]) -> None:
    root = tmp_path / "run.dubline"
    with Host(env=stubborn) as host:
        family = working(host, root, sound)
        job = next(p for p in family if p.ppid() == host.process.pid)
        job.kill()
        answer = host.answer(1)
        assert (answer["code"], answer["stage"]) == ("backend_failed", "separate")
        assert "SIGKILL" in answer["message"] and "memory" in answer["hint"]
        host.send({"op": "backends", "id": 2})
        assert host.answer(2)["event"] == "result", "the engine lives on"
    nothing_half(root)


def limit() -> None:
    """No file may grow beyond 1 MiB: the system then refuses as it does on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_full_disk_is_told_with_its_remedy(sound: Path, tmp_path: Path) -> None:
    root = tmp_path / "run.dubline"
    with Host(preexec_fn=limit) as host:
        host.send({"op": "localize", "id": 1, "folder": str(root), "job": stems_job(sound)})
        answer = host.answer(1)
        assert answer["code"] == "storage_full" and answer["stage"] == "separate"
        assert "room" in answer["hint"] or "space" in answer["hint"]
        host.send({"op": "backends", "id": 2})
        assert host.answer(2)["event"] == "result"
    nothing_half(root)
    goes_on(root, sound)


def test_a_folder_that_cannot_be_written(sound: Path) -> None:
    with Host() as host:
        folder = f"/proc/{os.getpid()}/nowhere" if Path("/proc").is_dir() else "/dev/null/run"
        host.send({"op": "localize", "id": 1, "folder": folder, "job": stems_job(sound)})
        answer = host.answer(1)
        assert answer["code"] == "invalid_job" and "run folder" in answer["message"]


def test_two_engines_do_not_work_in_one_run(sound: Path, tmp_path: Path) -> None:
    root = tmp_path / "run.dubline"
    with Host() as one, Host() as other:
        one.send({"op": "localize", "id": 1, "folder": str(root), "job": stems_job(sound)})
        one.until(1, "progress", stage="separate")
        other.send({"op": "localize", "id": 1, "folder": str(root), "job": stems_job(sound)})
        assert "another Dubline" in other.answer(1)["message"]

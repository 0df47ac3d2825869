"""Workers: what goes over the wire, what happens when one misbehaves, and that none is ever left behind.

Every test talks through the real client to a real child process; the faulty ones are in tests/faults/workers.
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.errors import BackendFailed, BackendMissing, Cancelled, InvalidJob, StorageFull, WeightsError
from dubline.workers import environments as worker_environments
from dubline.workers.client import WorkerClient, worker_file
from dubline.workers.worker import PROTOCOL

FAULTS = Path(__file__).resolve().parents[1] / "faults" / "workers"
START = [sys.executable, "-I", "-X", "utf8"]


def service(name: str, **more: Any) -> WorkerClient:
    """A client of a service that runs inside the real worker program."""
    return WorkerClient([*START, worker_file(), str(FAULTS / f"{name}.py")], name=name, **more)


def rogue(mode: str, **more: Any) -> WorkerClient:
    """A client of a program that does not keep to the protocol."""
    return WorkerClient([*START, str(FAULTS / "rogue.py"), mode], name=mode, **more)


def gone(pid: int) -> bool:
    """Whether a process ends, or has ended; waits for it a while."""
    try:
        psutil.Process(pid).wait(20)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.fixture(scope="module")
def faithful() -> Iterator[WorkerClient]:
    with service("faithful") as client:
        yield client


# --- the wire ----------------------------------------------------------------------------------

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(params=st.dictionaries(st.text(), json_values))
@settings(max_examples=50, deadline=None)
def test_any_json_comes_back_as_it_went(faithful: WorkerClient, params: dict[str, Any]) -> None:
    assert faithful.call("echo", params) == params


def test_hello_names_protocol_and_methods(faithful: WorkerClient) -> None:
    hello = faithful.start()
    assert hello["protocol"] == PROTOCOL
    assert hello["pid"] == faithful.pid
    assert {"echo", "refuse"} <= set(hello["methods"])


def test_long_answers_arrive_whole(faithful: WorkerClient) -> None:
    params = {"text": "çok uzun\n" * 100_000}
    assert faithful.call("echo", params) == params


def test_progress_arrives_in_order(faithful: WorkerClient) -> None:
    seen: list[tuple[float, float]] = []
    assert faithful.call("count", {"to": 5}, report=lambda d, t: seen.append((d, t))) == "counted"
    told = [pair for pair in seen if pair != (0.0, 0.0)]
    assert sorted(set(told)) == [(float(n), 5.0) for n in range(6)]
    assert told == sorted(told)


def test_errors_keep_their_kind_and_hint(faithful: WorkerClient) -> None:
    faithful.start()
    before = faithful.pid
    with pytest.raises(WeightsError, match=r"big\.bin is missing") as told:
        faithful.call("refuse")
    assert told.value.hint == "Put it there."
    with pytest.raises(BackendFailed, match=r"big\.bin"):
        faithful.call("refuse", {"strange": True})
    with pytest.raises(BackendFailed, match="no method 'dance'"):
        faithful.call("dance")
    assert faithful.pid == before


@pytest.mark.parametrize(
    ("method", "words"), [("leave", "SystemExit: -1"), ("ask", "EOFError"), ("unsayable", "ValueError")]
)
def test_what_libraries_do_is_contained(faithful: WorkerClient, method: str, words: str) -> None:
    faithful.start()
    before = faithful.pid
    with pytest.raises(BackendFailed, match=words):
        faithful.call(method, timeout=20)
    assert faithful.call("echo", {"still": "there"}) == {"still": "there"}
    assert faithful.pid == before


def test_prints_do_not_reach_the_wire() -> None:
    with service("prints") as client:
        assert client.call("talk", {"n": 1}) == {"n": 1}
        assert client.call("talk", {"n": 2}) == {"n": 2}
        pid = client.pid
        client.close()
        printed = "\n".join(client.printed)
    expected = ["printed by Python", "descriptor 1", "the first stdout", "in a method", "from a child"]
    for words in expected + ["from C"] * (os.name == "posix"):
        assert words in printed
    assert pid is not None and gone(pid)


def test_prints_before_the_hello_are_set_aside() -> None:
    with rogue("chatty") as client:
        assert client.call("talk") == "answer to talk"
        assert "welcome to this environment" in client.printed


def test_worker_program_needs_nothing_of_ours() -> None:
    for path in (Path(worker_file()), *Path(worker_file()).parent.glob("*_worker.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "dubline"], path


# --- faults ------------------------------------------------------------------------------------


def test_a_crash_is_tried_once_more_with_its_setup(tmp_path: Path) -> None:
    with service("crash", setup=[("echo", {"model": "loaded"})]) as client:
        client.start()
        before = client.pid
        assert client.call("crash_once", {"mark": str(tmp_path / "mark")}) == "second time"
        assert client.pid != before
        assert client.ready == [{"model": "loaded"}]
        assert before is not None and gone(before)


def test_a_second_crash_is_told_with_the_last_words() -> None:
    with service("crash") as client:
        with pytest.raises(BackendFailed, match="died twice") as told:
            client.call("crash")
        assert "about to fall over" in told.value.message
        if os.name == "posix":
            assert "SIGSEGV" in told.value.message
        assert told.value.hint
        assert client.pid is None
        assert client.call("echo", {"a": 1}) == {"a": 1}


def test_one_that_died_idle_is_started_again() -> None:
    with service("dies_idle", setup=[("echo", {"model": "loaded"})]) as client:
        dead = client.call("farewell")
        assert gone(dead)
        assert client.call("echo", {"a": 1}) == {"a": 1}
        assert client.pid != dead
        assert client.ready == [{"model": "loaded"}]


def test_a_hang_ends_with_the_time_out() -> None:
    with service("hang") as client:
        client.start()
        pid = client.pid
        with pytest.raises(BackendFailed, match=r"silent for 0\.3 s over 'hang'") as told:
            client.call("hang", timeout=0.3)
        assert "timeout" in told.value.hint
        assert pid is not None and gone(pid)
        assert client.call("echo", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("stop", [Cancelled("stopped"), KeyboardInterrupt()])
def test_cancelling_ends_the_worker(stop: BaseException) -> None:
    with service("hang") as client:
        client.start()
        pid = client.pid

        def report(done: float, total: float) -> None:
            if total:  # it has begun and said so
                raise stop

        with pytest.raises(type(stop)):
            client.call("hang", report=report)
        assert pid is not None and gone(pid)
        assert client.call("echo", {"a": 1}) == {"a": 1}


def test_starting_can_be_cancelled() -> None:
    def report(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with rogue("silent") as client:
        with pytest.raises(Cancelled):
            client.start(report)
        assert client.pid is None


@pytest.mark.parametrize("mode", ["nonsense", "list", "empty", "number", "endless"])
def test_nonsense_is_refused(mode: str) -> None:
    with rogue(mode) as client:
        client.start()
        pid = client.pid
        with pytest.raises(BackendFailed, match="unreadable answer") as told:
            client.call("speak", timeout=30)
        assert len(told.value.message) < 2000
        assert pid is not None and gone(pid)


def test_a_late_answer_is_never_taken_for_another() -> None:
    with rogue("late") as client:
        with pytest.raises(BackendFailed, match="silent"):
            client.call("slow", timeout=0.3)
        assert client.call("quick") == "answer to quick"


def test_starts_that_fail() -> None:
    with rogue("silent", start_timeout=0.3) as client, pytest.raises(BackendFailed, match="over starting"):
        client.start()
    with rogue("stillborn") as client:
        with pytest.raises(BackendFailed, match="no module named paddle") as told:
            client.start()
        assert "dubline backends" in told.value.hint
        with pytest.raises(BackendFailed, match="died twice"):
            client.call("anything")
    with rogue("future") as client, pytest.raises(BackendFailed, match="protocol 99"):
        client.start()
    missing = WorkerClient(["/nowhere/python"], name="paddlespeech")
    with missing as client, pytest.raises(BackendMissing) as absent:
        client.start()
    assert "dubline backends install paddlespeech" in absent.value.hint


def test_a_setup_that_is_refused_is_not_ready() -> None:
    with service("faithful", setup=[("refuse", {})]) as client:
        for _ in range(2):  # the second call must not find a half ready worker
            with pytest.raises(WeightsError):
                client.call("echo")
            assert client.pid is None


# --- nothing is left behind --------------------------------------------------------------------


def test_closing_ends_it_and_removes_its_folder() -> None:
    client = service("faithful")
    client.start()
    pid, folder = client.pid, client.folder
    assert folder.is_dir()
    client.close()
    client.close()
    assert pid is not None and gone(pid)
    assert not folder.exists()


def test_closing_ends_one_that_does_not_listen() -> None:
    with rogue("deaf") as client:
        client.start()
        pid = client.pid
    assert pid is not None and gone(pid)


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_what_it_started_goes_with_it() -> None:
    with service("faithful") as client:
        child = client.call("child")
        assert psutil.pid_exists(child)
    assert gone(child)


ORPHAN = """
import sys
from dubline.workers.client import WorkerClient
client = WorkerClient(sys.argv[1:], name="hang")
client.start()
def told(done, total):
    if total:
        print(client.pid, client.folder, flush=True)
client.call("hang", report=told, timeout=600)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_no_orphan_when_we_are_killed() -> None:
    command = [*START, worker_file(), str(FAULTS / "hang.py")]
    with subprocess.Popen([sys.executable, "-c", ORPHAN, *command], stdout=subprocess.PIPE, text=True) as us:
        assert us.stdout is not None
        pid, folder = us.stdout.readline().split(maxsplit=1)
        us.send_signal(signal.SIGKILL)
        us.wait()
    assert gone(int(pid))
    assert not Path(folder.strip()).exists()


# --- environments ------------------------------------------------------------------------------


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of environments, with a recipe that needs no network."""
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setenv("DUBLINE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    little = worker_environments.Recipe(
        name="little",
        installs=(),
        imports=("json",),
        packages=1,
        room=1,
        tried=sys.version_info[:2],
        parts={"talking": ()},
    )
    monkeypatch.setitem(worker_environments.RECIPES, "little", little)
    return tmp_path / "workers"


def test_an_environment_is_made_once_completed_and_removed(
    workers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendMissing) as missing:
        worker_environments.command("little")
    assert "dubline backends install little" in missing.value.hint
    said: list[str] = []
    mark = worker_environments.install("little", say=said.append)
    assert mark.bytes > 0 and said
    python = worker_environments.command("little")[0]
    assert Path(python).is_relative_to(workers)

    said.clear()
    assert worker_environments.install("little", say=said.append) == mark
    assert not said, "what is whole is left alone"

    # Broken off before the mark was written: what is there is used, and completed.
    (workers / "little" / "installed.json").unlink()
    with pytest.raises(BackendMissing, match="not whole"):
        worker_environments.command("little")
    worker_environments.install("little", say=said.append)
    assert not [line for line in said if line.startswith("making")]
    assert worker_environments.command("little")[0] == python

    with pytest.raises(InvalidJob, match="no part singing"):
        worker_environments.install("little", ("singing",))
    with pytest.raises(BackendMissing) as lacking:
        worker_environments.command("little", ("talking",))
    assert "--with talking" in lacking.value.hint
    assert worker_environments.install("little", ("talking",)).parts == ("talking",)
    assert worker_environments.install("little").parts == ("talking",), "parts that are there stay"
    assert worker_environments.command("little", ("talking",))[0] == python

    # Another recipe than the one it was made by, which cannot be followed here.
    changed = worker_environments.Recipe(
        name="little", installs=(("--no-index", "no-such-package"),), imports=(), packages=1, room=1
    )
    monkeypatch.setitem(worker_environments.RECIPES, "little", changed)
    with pytest.raises(BackendMissing, match="another version"):
        worker_environments.command("little")
    with pytest.raises(BackendMissing, match="no-such-package") as failed:
        worker_environments.install("little")
    assert "goes on where it stopped" in failed.value.hint
    assert worker_environments.installed("little") is None

    assert worker_environments.uninstall("little")
    assert not (workers / "little").exists()
    assert not worker_environments.uninstall("little")


def test_installing_stops_before_it_begins(workers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidJob, match="demucs"):
        worker_environments.install("demucs")
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as small:
        small.setattr(shutil, "disk_usage", lambda path: usage(10**10, 10**10, 10**6))
        with pytest.raises(StorageFull, match=r"2\.5 GB") as full:
            worker_environments.install("paddlespeech")
    assert "DUBLINE_WORKERS" in full.value.hint

    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        worker_environments.install("little", report=stop)
    assert worker_environments.installed("little") is None
    ancient = worker_environments.Recipe(
        name="little", installs=(), imports=(), packages=1, room=1, pythons=((2, 6), (2, 7)), tried=(2, 7)
    )
    monkeypatch.setitem(worker_environments.RECIPES, "little", ancient)
    shutil.rmtree(workers / "little", ignore_errors=True)
    with pytest.raises(BackendMissing, match=r"2\.6 to 2\.7"):
        worker_environments.install("little")

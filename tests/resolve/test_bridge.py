"""The engine as the plug-in's child: what comes, what goes, and that nothing stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from plugin_engine import HELLO, engine, until, wait_for

from dubline.serve import wire
from dubline_resolve.bridge import PROTOCOL, Engine, clean_environment


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_both_sides_speak_the_same_protocol() -> None:
    assert PROTOCOL == wire.PROTOCOL


def test_the_real_engine_says_hello_answers_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    with engine(tmp_path) as made:
        assert wait_for(made, "hello")["protocol"] == PROTOCOL
        assert made.state == "ready"
        number = made.send("backends")
        assert made.busy == {number}
        result = wait_for(made, "result")
        assert result["id"] == number
        assert {"separator", "recognizer"} <= {one["kind"] for one in result["backends"]}
        assert made.busy == set()
        bad = made.send("sing")
        error = wait_for(made, "error")
        assert (error["id"], error["code"]) == (bad, "invalid_job")
        family = [psutil.Process(made._process.pid), *psutil.Process(made._process.pid).children(True)]
        made.stop()
        assert all(gone(one.pid) for one in family)
        assert made.state == "off"
        made.start()  # and once more
        wait_for(made, "hello")


def test_what_is_resolves_own_is_kept_from_the_engine() -> None:
    cleaned = clean_environment(
        {
            "PYTHONHOME": "/opt/resolve/python",
            "PYTHONPATH": "x",
            "PYTHONSTARTUP": "y",
            "PATH": "/usr/bin",
            "LD_LIBRARY_PATH": os.pathsep.join(["/opt/resolve/libs", "/usr/local/cuda/lib64"]),
            "LD_PRELOAD": "/opt/resolve/libs/x.so",
        }
    )
    assert cleaned == {"PATH": "/usr/bin", "LD_LIBRARY_PATH": "/usr/local/cuda/lib64"}


def test_an_engine_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    made = Engine(str(tmp_path / "no python"))
    made.start()
    (event,) = made.poll()
    assert event["event"] == "dead"
    assert "no python" in event["message"]
    assert "install/run.py resolve check" in event["hint"]
    assert made.state == "dead"
    assert made.poll() == []


def test_an_engine_that_dies_before_its_hello_says_why(tmp_path: Path) -> None:
    with engine(tmp_path, "import no_such_library") as made:
        event = wait_for(made, "dead")
    assert "cannot be started" in event["message"]
    assert "no_such_library" in event["message"]  # the last line of the log
    assert "engine.log" in event["hint"]


@pytest.mark.parametrize(
    ("theirs", "older"), [(0, "engine is older"), (PROTOCOL + 1, "script in Resolve is older")]
)
def test_another_protocol_is_told_with_the_side_that_is_behind(
    tmp_path: Path, theirs: int, older: str
) -> None:
    hello = HELLO.replace(f'"protocol":{PROTOCOL}', f'"protocol":{theirs}')
    with engine(tmp_path, f"say({hello!r})\nnext(lines, '')") as made:
        event = wait_for(made, "dead")
        assert older in event["message"]
        assert str(theirs) in event["message"] and str(PROTOCOL) in event["message"]
        assert "install/run.py resolve install" in event["hint"]
        assert made.state == "dead"


def test_an_engine_that_dies_at_work_is_told_once_and_can_be_started_again(tmp_path: Path) -> None:
    with engine(tmp_path, f"say({HELLO!r})\nnext(lines)\nos.kill(os.getpid(), 9)") as made:
        wait_for(made, "hello")
        made.send("localize", job={}, folder="/x")
        event = wait_for(made, "dead")
        assert "unexpectedly" in event["message"]
        assert "signal 9" in event["message"]
        assert "kept" in event["hint"]
        assert made.poll() == []
        made.start()
        wait_for(made, "hello")


def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    noise = "say('Loading model...')\nsay('[1]')\nsay('{\"no\": 1}')\nsys.stdout.buffer.write(b'\\xff\\n')\n"
    with engine(tmp_path, f"{noise}say({HELLO!r})\nnext(lines, '')") as made:
        assert wait_for(made, "hello")["version"] == "0.1.0"


def test_sending_never_waits_for_an_engine_that_does_not_read(tmp_path: Path) -> None:
    with engine(tmp_path, f"say({HELLO!r})\nwhile True: time.sleep(60)") as made:
        wait_for(made, "hello")
        cues = [{"start": n, "end": n + 1, "text": "ş" * 40, "name": ""} for n in range(6000)]
        numbers = [made.send("subtitles", folder="/x", language="tr", cues=cues) for _ in range(3)]
        assert numbers == [1, 2, 3]
        assert made.poll() == []
        pid = made._process.pid
        made.stop()
        assert gone(pid)


def test_six_thousand_cues_arrive_whole(tmp_path: Path) -> None:
    back = "say(json.dumps({'event': 'result', 'id': got['id'], 'cues': got['cues']}))"
    program = f"say({HELLO!r})\nfor line in lines:\n    got = json.loads(line)\n    {back}"
    with engine(tmp_path, program) as made:
        wait_for(made, "hello")
        cues = [{"start": n, "end": n + 1, "text": f"ş{n}", "name": ""} for n in range(6000)]
        made.send("subtitles", cues=cues)
        assert wait_for(made, "result")["cues"] == cues


def test_the_engine_goes_when_its_host_is_killed(tmp_path: Path) -> None:
    host = (
        "import sys, time; from dubline_resolve.bridge import Engine\n"
        "engine = Engine(sys.executable); engine.start()\n"
        "while engine.state != 'ready': engine.poll()\n"
        "print(engine._process.pid, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert not gone(pid)
        process.kill()
    until(lambda: gone(pid))


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")
def test_what_the_engine_started_and_left_is_killed_as_well(tmp_path: Path) -> None:
    program = (
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"say({HELLO!r})\nsay(json.dumps({{'event': 'child', 'pid': child.pid}}))\nnext(lines, '')"
    )
    with engine(tmp_path, program) as made:
        child = wait_for(made, "child")["pid"]
        made.stop()
        until(lambda: gone(child))


def test_a_long_log_is_begun_anew(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_bytes(b"x" * (2 << 20))
    with engine(tmp_path, "sys.stderr.write('new\\n')") as made:
        wait_for(made, "dead")
    assert log.read_bytes() == b"new\n"

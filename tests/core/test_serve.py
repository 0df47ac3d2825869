"""The engine on its wire: what a host sends, what it gets, and that nothing else ever comes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import soundfile
from host import Host, stems_job
from hypothesis import given, settings
from hypothesis import strategies as st
from localized_run import clip_file, localized_run, put_words, timeline

from dubline import __version__
from dubline.serve.wire import LONGEST_LINE, PROTOCOL, Outgoing, Refused, encoded, lines, parse
from dubline.values.translated import read_translation

HEAVY = {"numpy", "torch", "av", "soundfile", "scipy", "opentimelineio", "msgspec", "psutil"}


def test_the_hello_comes_before_anything_is_loaded() -> None:
    with Host() as host:
        python = ".".join(map(str, sys.version_info[:3]))
        assert host.hello == {
            "event": "hello",
            "protocol": PROTOCOL,
            "version": __version__,
            "python": python,
        }
    code = (
        "import sys, dubline.serve.wire, dubline.serve.__main__\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))\n"
        "import dubline.serve.lanes\n"
        f"print(sorted({HEAVY - {'msgspec', 'psutil'}!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"], "and the engine itself stays light"


def test_isolated_as_the_plug_in_starts_it(tmp_path: Path) -> None:
    """A folder of the user's that holds a `json.py` changes nothing."""
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    command = [sys.executable, "-I", "-X", "utf8", "-m", "dubline.serve"]
    with Host(command, cwd=tmp_path) as host:
        host.send({"op": "backends", "id": 1})
        answer = host.answer(1)
        kinds = {b["kind"] for b in answer["backends"]}
        assert kinds >= {"separator", "diarizer", "recognizer", "translator"}
        assert {"kind", "name", "installed", "missing", "remedy", "cost", "own_input"} == set(
            answer["backends"][0]
        )


def test_a_timeline_to_stems_and_plan(tmp_path: Path) -> None:
    media = timeline(tmp_path, rate="24000/1001", first=24, frames=48)
    clip = media.clips[0]
    told = {
        "kind": "timeline", "rate": "24000/1001", "start": 86400, "frames": 72, "drop": False, "in": 24,
        "out": 72,
        "clips": [{"path": clip.path, "record": 0, "frames": 72, "source_start": "0/1", "name": "Bölüm",
                   "channels": [[0, 0], [0, 1]], "track": 1, "enabled": True}],
    }  # fmt: skip
    root = tmp_path / "run of Ayşe.dubline"
    with Host() as host:
        host.send({"op": "localize", "id": 7, "folder": str(root), "job": stems_job(tmp_path, media=told)})
        done = host.answer(7)
        assert done["event"] == "result", done
        assert done["folder"] == root.as_posix() and done["summary"]["files"][0] == "stems/vocals.wav"
        told_of = [m for m in host.seen if m["event"] == "progress"]
        assert {m["stage"] for m in told_of} == {"timeline", "separate"}
        assert all(0 <= m["done"] <= m["total"] and m["unit"] == "seconds" for m in told_of)
        assert soundfile.info(root / "stems/vocals.wav").frames == round(48 * 1001 / 24000 * 48000)
        host.send(
            {
                "op": "plan",
                "id": "p",
                "folder": str(root),
                "timeline": {"name": "T", "rate": "24000/1001", "start": 86400, "drop": False, "frames": 72},
                "want": {"stems": ["vocals"], "dub": True, "languages": [], "subtitles": "per_speaker",
                         "markers": True, "mute_original": True},
            }
        )  # fmt: skip
        plan = host.answer("p")["plan"]
        assert [(a["key"], a["record"], a["frames"]) for a in plan["audio"]] == [("stem:vocals", 24, 48)]
        host.send({"op": "localize", "id": 8, "folder": str(root), "job": stems_job(tmp_path, media=told)})
        assert host.answer(8)["event"] == "result"
        notes = [m["text"] for m in host.seen if m["event"] == "note" and m["id"] == 8]
        assert "separate: kept from before" in notes


def test_edited_subtitles_come_back(tmp_path: Path) -> None:
    root = localized_run(tmp_path)
    timeline = {"rate": "25", "start": 90000, "frames": 75}
    with Host() as host:
        host.send({"op": "plan", "id": 1, "folder": str(root), "timeline": timeline})
        plan = host.answer(1)["plan"]
        cues = [
            {"start": start / 25, "end": end / 25, "text": text, "name": track["name"]}
            for track in plan["subtitles"]
            if track["language"] == "en"
            for start, end, text, _ in track["cues"]
        ]
        assert len(cues) == 2
        cues[0]["text"] = "Where were you?"
        ask = {"op": "subtitles", "folder": str(root), "language": "en", "cues": cues}
        before = read_translation(root / "translated.json")
        host.send({**ask, "id": 2, "dry_run": True})
        report = host.answer(2)["report"]
        assert report["kinds"] == {"edited": 1} and report["unchanged"] == 1 and not report["files"]
        assert read_translation(root / "translated.json") == before, "a dry run writes nothing"
        host.send({**ask, "id": 3, "dry_run": False})
        assert host.answer(3)["report"]["files"]
        after = read_translation(root / "translated.json")
        assert after[1].text == "Where were you?" and after[1].edited
        assert (after[1].start, after[1].end) == (before[1].start, before[1].end)
        host.send({**ask, "id": 4, "cues": []})
        assert "no subtitles" in host.answer(4)["message"]
        host.send({**ask, "id": 5, "language": "de"})
        assert host.answer(5)["event"] == "error"


def test_a_plan_of_six_thousand_cues(tmp_path: Path) -> None:
    said = [
        (n * 1.2, n * 1.2 + 1, f"SPEAKER_{n % 4:02d}", f"Söz {n} çok uzun.", f"Line {n} ✓")
        for n in range(3000)
    ]
    root = tmp_path / "long.dubline"
    (root / "work/steps").mkdir(parents=True)
    put_words(root, said)
    with Host() as host:
        timeline = {"rate": "24000/1001", "start": 0, "frames": 90000}
        host.send({"op": "plan", "id": 1, "folder": str(root), "timeline": timeline})
        plan = host.answer(1)["plan"]
        assert sum(len(track["cues"]) for track in plan["subtitles"]) == 6000
        assert len(plan["subtitles"]) == 8
        cues = [
            {"start": a * 1001 / 24000, "end": b * 1001 / 24000, "text": text}
            for track in plan["subtitles"]
            if track["language"] == "en"
            for a, b, text, _ in track["cues"]
        ]
        host.send(
            {"op": "subtitles", "id": 2, "folder": str(root), "language": "en", "cues": cues, "dry_run": True}
        )
        report = host.answer(2)["report"]
        assert (report["cues"], report["unchanged"]) == (3000, 3000)


def test_bad_lines_are_refused_and_the_engine_lives_on(tmp_path: Path) -> None:
    here = str(tmp_path)
    file = {"kind": "file", "path": "/x"}
    with Host() as host:
        for line in (
            b"nonsense", b"[1]", b"\xff\xfe", b'{"op":', b"NaN", b'{"id": NaN}', b"[" * 100_000,
            b'"text"', b"{}", b'{"op":"backends"}', b'{"op":"backends","id":true}', 
            b'{"op":"backends","id":1.5}', b'{"id":' + b"9" * 5000 + b"}",
        ):  # fmt: skip
            host.raw(line + b"\n")
            answer = host.next()
            assert (answer["event"], answer["id"], answer["code"]) == ("error", None, "invalid_job"), line
            assert answer["message"] and answer["hint"]
        for message, said in (
            ({"op": "dance", "id": 1}, "dance"),
            ({"id": 1}, "op"),
            ({"op": "localize", "id": 1, "folder": here}, "job"),
            ({"op": "localize", "id": 1, "folder": here, "job": {"media": {"kind": "radio"}}}, "radio"),
            ({"op": "localize", "id": 1, "folder": here, "job": {"media": file, "colour": 1}}, "colour"),
            ({"op": "localize", "id": 1, "folder": here, "job": {"media": file, "dub": {"say": 1}}}, "say"),
            ({"op": "localize", "id": 1, "folder": "here", "job": {"media": file}}, "absolute"),
            ({"op": "plan", "id": 1, "folder": here, "timeline": {"rate": 25}}, "timeline"),
            ({"op": "backends", "id": 1, "more": 1}, "more"),
            ({"op": "localize", "id": 1, "folder": here, "job": {"media": file}}, "no file /x"),
            (
                {"op": "localize", "id": 1, "folder": here, "job": stems_job(tmp_path, separate=None)},
                "nothing",
            ),
        ):
            host.send(message)
            answer = host.answer(1)
            assert answer["event"] == "error" and said in answer["message"], (message, answer)
        host.raw(b"\n\r\n")
        host.send({"op": "backends", "id": 2})
        assert host.answer(2)["event"] == "result"


def test_a_line_of_a_hundred_megabytes_is_refused() -> None:
    with Host() as host:
        for _ in range(100):
            host.raw(b"x" * (1 << 20))
        host.raw(b"\n")
        answer = host.next()
        assert answer["id"] is None and "16 MiB" in answer["message"]
        host.send({"op": "backends", "id": 1})
        assert host.answer(1)["event"] == "result"


def test_requests_wait_for_each_other_and_questions_do_not(tmp_path: Path) -> None:
    path = clip_file(tmp_path, 40)
    with Host() as host:
        for number in (1, 2):
            folder = str(tmp_path / f"{number}.dubline")
            host.send({"op": "localize", "id": number, "folder": folder, "job": stems_job(path)})
        assert "waiting" in host.until(2, "note")["text"]
        host.send({"op": "localize", "id": 1, "folder": str(tmp_path / "x"), "job": stems_job(path)})
        assert "already" in host.until(1, "error")["message"]
        host.send({"op": "backends", "id": 3})
        assert host.answer(3)["event"] == "result", "a question is answered while a job runs"
        host.send({"op": "cancel", "id": 2})
        assert host.answer(2)["code"] == "cancelled"
        host.send({"op": "cancel", "id": 1})
        assert host.answer(1)["code"] == "cancelled"
        host.send({"op": "cancel", "id": 1})
        host.send({"op": "cancel", "id": 99})
        host.send({"op": "backends", "id": 4})
        host.answer(4)
        answers = [m["id"] for m in host.seen if m["event"] in ("result", "error")]
        assert answers == [1, 3, 2, 1, 4], "one answer each, and none for a cancel that came too late"
    assert not (tmp_path / "2.dubline").exists(), "it never began"


def test_what_libraries_print_never_reaches_the_wire(tmp_path: Path) -> None:
    """A start-up file that prints through Python, through C and from another process, in every process."""
    noise = (
        "import atexit, os, subprocess, sys, threading, time\n"
        "def shout():\n"
        "    while True:\n"
        '        print(\'{"event":"result","id":1}\', flush=True)\n'
        "        os.write(1, b'from C\\n')\n"
        "        os.system('echo from a shell')\n"
        "        time.sleep(0.01)\n"
        "import dubline.errors\n"
        "threading.Thread(target=shout, daemon=True).start()\n"
    )
    # `sitecustomize` comes before the wire is taken; this module is loaded after.
    site = tmp_path / "site"
    site.mkdir()
    (site / "noisy_errors.py").write_text(noise)
    (site / "sitecustomize.py").write_text(
        "import sys, importlib.abc\n"
        "class Late(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'dubline.values' and 'noisy_errors' not in sys.modules:\n"
        "            import noisy_errors\n"
        "sys.meta_path.insert(0, Late())\n"
    )
    with (tmp_path / "log").open("wb") as log, Host(stderr=log, env={"PYTHONPATH": str(site)}) as host:
        host.send({"op": "backends", "id": 1})  # `next` refuses what is no message
        answer = host.answer(1)
        assert answer["event"] == "result" and answer["backends"]
        assert {m["event"] for m in host.seen} <= {"hello", "result", "note"}
    told = (tmp_path / "log").read_bytes()
    assert b"from C" in told and b"from a shell" in told and b'"event":"result"' in told


def test_an_input_that_ends_at_once_ends_the_engine() -> None:
    with Host() as host:
        assert host.close() == 0
    done = subprocess.run(
        [sys.executable, "-m", "dubline.serve"], stdin=subprocess.DEVNULL, capture_output=True
    )
    assert done.returncode == 0 and done.stdout.count(b"\n") == 1


# --- lines ---------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    said=st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=12),
    cuts=st.lists(st.integers(1, 30), max_size=40),
    rest=st.binary(max_size=10).map(lambda b: b.replace(b"\n", b"")),
)
def test_lines_come_whole_however_they_are_cut(said: list[bytes], cuts: list[int], rest: bytes) -> None:
    data = b"".join(line + b"\n" for line in said) + rest
    reading, writing = os.pipe()

    def write() -> None:
        left = data
        for cut in cuts:
            os.write(writing, left[:cut]) if left[:cut] else None
            left = left[cut:]
        os.write(writing, left) if left else None
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    read = list(lines(reading, longest=20))
    thread.join()
    os.close(reading)
    assert read == [line if len(line) <= 20 else None for line in said]


def test_numbers_that_json_has_not() -> None:
    for line in (b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": NaN}', None):
        with pytest.raises(Refused):
            parse(line)
    assert parse('{"a": "ş"}'.encode()) == {"a": "ş"}
    assert encoded({"a": "ş\n"}) == b'{"a":"\\u015f\\n"}\n' and LONGEST_LINE > 1 << 20


def test_a_reader_that_is_behind_gets_the_newest_progress() -> None:
    reading, writing = os.pipe()
    out = Outgoing(writing)
    blocker = {"event": "note", "id": 1, "text": "x" * (1 << 20)}  # more than any pipe holds
    out.send(blocker)
    for done in range(1000):
        out.send({"event": "progress", "id": 1, "done": done})
    out.send({"event": "result", "id": 1})
    coming = lines(reading)
    read = [parse(next(coming)) for _ in range(3)]
    assert read == [blocker, {"event": "progress", "id": 1, "done": 999}, {"event": "result", "id": 1}]
    out.flush(10)
    os.close(writing)
    os.close(reading)


def test_a_reader_that_has_gone_is_told_once() -> None:
    reading, writing = os.pipe()
    gone = threading.Event()
    out = Outgoing(writing, broken=gone.set)
    os.close(reading)
    out.send({"event": "note", "id": 1})
    assert gone.wait(10)
    out.send({"event": "note", "id": 1})
    out.flush(10)
    os.close(writing)


@pytest.mark.parametrize(
    ("wishes", "part"),
    [
        ({"separate": {"separator": "nosuch"}}, "nosuch"),
        ({"dub": {"voice": "espeak-ng"}}, "needs a translation"),
    ],
)
def test_a_refused_job_leaves_nothing(tmp_path: Path, wishes: dict[str, Any], part: str) -> None:
    path = clip_file(tmp_path, 1)
    root = tmp_path / "run.dubline"
    with Host() as host:
        host.send({"op": "localize", "id": 1, "folder": str(root), "job": stems_job(path, **wishes)})
        answer = host.answer(1)
        assert answer["code"] == "invalid_job" and part in answer["message"]
    assert not root.exists()

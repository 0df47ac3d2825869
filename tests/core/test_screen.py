"""What a person sees of a command that works: on a terminal, through a pipe, when it is stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command import dubline
from hypothesis import given
from hypothesis import strategies as st
from run_to_dub import sound_of

import dubline as dubline_package
from dubline.backends.choosing import in_brief
from dubline.cli import app
from dubline.cli.pace import Job, keep_pace, known_paces
from dubline.cli.progress import Bar
from dubline.cli.screen import COMMANDS, Line, as_typed, wrapped
from dubline.cli.steps import STEPS
from dubline.report import Progress
from dubline.report import part as piece_of
from dubline.run import StepRecord

COMMAND = (sys.executable, "-c", "from dubline.cli import main; main()")
PLAN = r"(content|film model|separator|diarizer|recognizer|translator|voice)"
TALKS = """
import logging, os, subprocess, sys, warnings
from dubline.cli.screen import no_output, quiet
with quiet() as screen:
    with no_output(screen):
        screen.say("ours")
        os.write(2, b"from C\\n"); os.write(1, b"from C too\\n")
        print("a library"); print("a library", file=sys.stderr)
        warnings.warn("a warning"); logging.warning("a log")
        subprocess.run([sys.executable, "-c", "import sys; print(1); print('child', file=sys.stderr)"])
        with screen.results():
            print("result")
        with screen.lent():
            print("a display", file=sys.stderr)
        screen.log.move(__import__("pathlib").Path(sys.argv[1]))
        print("a library, later", file=sys.stderr)
    print("the end")
"""


def fresh(home: Path) -> dict[str, str]:
    """The environment of somebody who never ran anything here."""
    left = ("COLUMNS", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "PYTHONWARNINGS", "NO_COLOR")
    known = {name: value for name, value in os.environ.items() if name not in left}
    return {**known, "HOME": str(home), "TERM": "xterm-256color"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It is new to the first test alone: to build Matplotlib's font cache takes its time."""
    return tmp_path_factory.mktemp("home")


def separate(folder: Path, *words: str, seconds: float = 2.0) -> list[str]:
    film = folder / "a.wav"
    if not film.exists():
        sound_of(film, seconds)
    return [*COMMAND, "separate", str(film), "--separator", "builtin", "--threads", "1", *words]


# --- through a pipe ------------------------------------------------------------------------------------


def test_through_a_pipe_there_are_plain_lines_of_known_kinds(tmp_path: Path, home: Path) -> None:
    done = subprocess.run(separate(tmp_path, seconds=6.0), capture_output=True, text=True, env=fresh(home))
    assert done.returncode == 0, done.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stderr + done.stdout)
    kinds = rf"{PLAN}: .+|  ?\d?\d0 %  [a-z ]+, .+|100 %  [a-z ]+, .+|  0 %  [a-z ]+, .+"
    kinds += "|the separated voices are nearly silent .+"  # it is no voice
    assert [line for line in done.stderr.splitlines() if not re.fullmatch(kinds, line)] == []
    told = [int(line[:3]) for line in done.stderr.splitlines() if re.match(r" *\d+ %", line)]
    assert told == sorted(set(told)) and told[-1] == 100, "a line a tenth at most"
    assert done.stdout.splitlines()[-1] == str(tmp_path / "a.dubline/stems")
    log = (tmp_path / "a.dubline/work/log.txt").read_text("utf-8")
    assert "SHA-256" in log and "What it costs" in log and "SHA-256" not in done.stderr
    (pace,) = known_paces().items()
    assert pace[0] == "separate by builtin" and 0 < pace[1] < 1e3, "what the next job's time is told by"


def test_verbose_says_what_goes_to_the_log(tmp_path: Path) -> None:
    answer = dubline(*separate(tmp_path, "--verbose")[len(COMMAND) :])
    assert answer.status == 0 and "weights of RNNoise, SHA-256: " in answer.err
    assert "What it costs" in answer.err


def test_nobody_else_writes_on_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    done = subprocess.run([sys.executable, "-c", TALKS, str(log)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "result\nthe end\n", "ours\na display\n")
    kept = log.read_text("utf-8")
    for words in ("from C\n", "from C too", "a library\na library\n", "a warning", "a log", "child", "later"):
        assert words in kept, words


def test_what_stops_a_command_is_said_on_the_screen_again() -> None:
    code = (
        "import sys\nfrom dubline.cli.screen import quiet\n"
        "with quiet() as screen:\n    raise RuntimeError('the driver is gone')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "the driver is gone" in done.stderr


# --- on a terminal -------------------------------------------------------------------------------------


def on_a_terminal(
    words: list[str], env: dict[str, str], columns: int = 72, stop_at: str = ""
) -> tuple[int, str, bool]:
    """(exit status, all that was written, whether the terminal is set as it was) of a command on a terminal;
    Ctrl-C is typed when `stop_at` is seen."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    import fcntl
    import struct

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    before = termios.tcgetattr(slave)

    def take() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, env=env, preexec_fn=take
    ) as process:
        same = slave
        seen, stopped = b"", not stop_at
        os.set_blocking(master, False)
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            gone = process.poll() is not None
            try:
                seen += os.read(master, 65536)
            except BlockingIOError:
                if gone:
                    break
                time.sleep(0.02)
            if not stopped and stop_at in seen.decode(errors="replace"):
                os.write(master, b"\x03")
                stopped = True
        status = process.wait(10)
        after: list[Any] = termios.tcgetattr(same)
    os.close(master)
    os.close(slave)
    return status, seen.decode(), before == after


def shown(written: str) -> list[str]:
    """The lines that are left on a terminal: what stands there is written over, and erased."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|[^\x1b]", written):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.startswith("\x1b"):
            if part.endswith("A"):
                row -= int(part[2:-1] or 1)
            elif part.endswith("K"):
                lines[row] = ""
        else:
            lines[row] = lines[row].ljust(column)[:column] + part + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def test_on_a_terminal_bars_come_and_go_and_words_are_not_cut(tmp_path: Path, home: Path) -> None:
    status, written, as_before = on_a_terminal(separate(tmp_path), fresh(home))
    assert status == 0 and as_before, written
    assert "whole job" in written and "separating" in written and "stage 1 of 1" in written
    left = shown(written)
    assert not [line for line in left if "━" in line], left
    assert all(len(line) <= 72 for line in left if str(tmp_path) not in line)
    plan = "\n".join(left)
    assert (
        "separator    builtin, as asked: a preview, in which voices stay faintly\n             audible"
        in plan
    )
    assert re.match(PLAN, left[0]), "nobody else says a word first"


def test_ctrl_c_leaves_a_terminal_that_can_be_typed_in(tmp_path: Path, home: Path) -> None:
    words = separate(tmp_path, seconds=60.0)
    status, written, as_before = on_a_terminal(words, fresh(home), stop_at="separating")
    assert status == 130 and as_before, written
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l"), "the cursor is there"
    left = [line for line in shown(written) if line]
    assert not [line for line in left if "━" in line], left
    assert "dubline: stopped" in left and "Run the same command again" in left[-1]


# --- words and figures ---------------------------------------------------------------------------------


@given(st.text("abc -/é", max_size=300), st.integers(20, 120), st.integers(0, 15))
def test_words_stay_whole(text: str, width: int, indent: int) -> None:
    lines = wrapped(text, width, indent).split("\n")
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)


def test_a_reason_in_brief_says_who_why_and_at_what_cost() -> None:
    long = "builtin, since uvr has no model on this machine. What it costs: a preview. For a better one: `x`"
    assert in_brief(long) == ("builtin", "builtin, the best that is set up here: a preview")
    assert in_brief("manual, as asked") == ("manual", "manual, as asked")
    assert in_brief("faster-whisper with base") == ("faster-whisper with base", "faster-whisper with base")


def test_the_time_left_is_told_only_where_all_stages_were_measured() -> None:
    stages = (("separate", "a"), ("translate", "b"))
    unknown = Job(stages, {"separate by a": 2.0})
    assert unknown.begin("separate") and unknown.share(0.5) == 0.25
    assert unknown.left(5.0, 100.0) is None
    assert unknown.end("separate") == ("separate", "a") and unknown.share(0.0) == 0.5
    assert unknown.begin("translate") and unknown.left(5.0, 100.0) == 5.0, "the last one tells for itself"
    known = Job(stages, {"separate by a": 3.0, "translate by b": 1.0})
    assert known.share(1.0) == 0.75 and known.left(30.0, 60.0) == 90.0
    assert known.left(None, 60.0) is None and known.left(30.0, None) is None
    assert not known.begin("tone") and known.end("original") is None and known.share(0.0) == 0.0
    assert known.end("translate") == ("translate", "b") and known.share(0.0) == 1.0, "what is passed over"


def test_commands_are_said_as_they_are_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (
        "Give `dubline models fetch x`, or dubline setup. A /dubline demo, a dubline folder, my-dubline dub"
    )
    assert as_typed(text) == text
    monkeypatch.setenv("DUBLINE_COMMAND", "python3 'my \\1 films/install/run.py'")
    typed = "python3 'my \\1 films/install/run.py'"
    assert as_typed(text) == text.replace("`dubline models", f"`{typed} models").replace(
        "or dubline setup", f"or {typed} setup"
    )
    wav = tmp_path / "a.wav"
    soundfile.write(wav, np.zeros(8000), 8000)
    answer = dubline("separate", wav, "--separator", "nosuch")
    assert "dubline: " in answer.err and "install/run.py' backends" in answer.err


def test_every_command_can_be_said() -> None:
    groups = {group.name for group in app.registered_groups}
    assert groups | {command.name for command in app.registered_commands} == {*COMMANDS}


# --- how far it is -------------------------------------------------------------------------------------


class Watched:
    """A screen that keeps what the bars show."""

    log, verbose, watched = None, False, True

    def __init__(self) -> None:
        self.shown: list[tuple[Line, Line]] = []
        self.said: list[str] = []

    def bars(self, whole: Line, part: Line) -> None:
        self.shown.append((whole, part))

    def say(self, text: str, indent: int = 0) -> None:
        self.said.append(text)

    write = say


def test_no_bar_steps_back_and_no_clock_changes_its_end() -> None:
    """Over a stage that hears its sound twice, stages that weigh otherwise once one was measured, and steps
    that are no stage."""
    keep_pace(("recognize", "whisper"), 1.0)
    keep_pace(("speak", "piper"), 10.0)
    screen = Watched()
    bar = Bar(screen, ("separate", "recognize", "speak"))  # type: ignore[arg-type]
    bar.film, bar.progress = 60.0, Progress(bar.show, per_second=1e9)
    bar.plan(("separator: builtin", "recognizer: whisper", "voice: piper"))
    for name in ("separate", "recognize", "speak"):
        report = bar.stage(name)
        for at in (*range(0, 50, 10), *range(0, 61, 10)):
            report(at, 60.0)
        bar.finished(StepRecord(name=name, key="k", state="done", seconds=6.0))
        bar.plan(["voice: piper"])  # said on the way; what was measured by then counts
        bar.stage("pitch")(1, 2)
    wholes = [whole.share for whole, _ in screen.shown if whole.share is not None]
    assert wholes == sorted(wholes) and wholes[-1] == 1.0 and len(set(wholes)) > 12
    for name in ("separating", "words"):
        clocks = [part.amount for _, part in screen.shown if part.name == name]
        assert clocks == sorted(clocks) and {clock.partition(" of ")[2] for clock in clocks} == {"1:00"}


def test_a_piece_of_a_stage_is_told_in_what_the_stage_counts() -> None:
    told: list[tuple[float, float]] = []
    report = piece_of(lambda done, total: told.append((done, total)), 0.5, 0.25, 120.0)
    for at in (0, 20, 40):
        report(at, 40)
    assert told == [(60.0, 120.0), (75.0, 120.0), (90.0, 120.0)]


def test_every_step_has_words_and_none_is_shown_by_its_name() -> None:
    root = Path(dubline_package.__file__).parent
    texts = [path.read_text("utf-8") for path in root.rglob("*.py")]
    found = {name for text in texts for name in re.findall(r'^@step\("(\w+)"', text, re.M)}
    assert found and found - {*STEPS} == set()
    assert all(len(words.doing) <= 14 and "_" not in words.doing + words.made for words in STEPS.values())
    screen = Watched()
    bar = Bar(screen)  # type: ignore[arg-type]
    for name in ("extract", "original", "separate", "diarize", "witness"):
        bar.finished(StepRecord(name=name, key="k", state="kept"))
    bar.say("on")
    assert screen.said == ["kept from before: sound, stems, speakers", "on"]

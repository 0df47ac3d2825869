"""A terminal that goes, a job that is silent for long, and a run that may only be read."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command import dubline, results
from run_to_dub import run_to_dub, sound_of

from dubline import files
from dubline.cli.heartbeat import Heartbeat
from dubline.cli.screen import Screen

CHILD = """
import signal, sys
from dubline.cli import main
from dubline.separation import assembly, stage
from dubline.media.sound import SoundWriter
from unittest import mock

write = SoundWriter.write
def writing(self, block):
    write(self, block)
    signal.raise_signal(signal.SIGHUP)

sys.argv = ["dubline", *sys.argv[1:]]
with mock.patch.object(SoundWriter, "write", writing):
    main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGKILL")
@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_goes_is_a_stop(tmp_path: Path, ignored: bool) -> None:
    """As Ctrl-C is; under `nohup` the job goes on."""
    sound = sound_of(tmp_path / "a.wav")
    words = [sys.executable, "-c", CHILD, "separate", str(sound), "--separator", "builtin", "--threads", "1"]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ})
    finally:
        signal.signal(signal.SIGHUP, before)
    root = tmp_path / "a.dubline"
    if ignored:
        assert done.returncode == 0 and (root / "stems/vocals.wav").is_file(), done.stderr
        return
    assert done.returncode == 130 and "Run the same command again" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and results(root) == []
    assert dubline("separate", sound, "--separator", "builtin").status == 0


def test_a_silent_job_says_that_it_lives(tmp_path: Path) -> None:
    told: list[str] = []
    heart = Heartbeat(told.append, silence=0.05)
    with heart.beating():
        heart.now("separating, 0:10 of 3:00:00")
        until = time.monotonic() + 10
        while not told and time.monotonic() < until:
            time.sleep(0.01)
    assert told and "separating, 0:10 of 3:00:00" in told[0]
    stream = io.StringIO()
    Screen(stream).still(told[0])
    assert stream.getvalue() == f"{told[0]}\n"


def test_a_run_that_may_only_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = run_to_dub(tmp_path)
    write = files._write

    def read_only(path: Path, data: bytes, **options: Any) -> None:
        if root in path.parents:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        write(path, data, **options)

    monkeypatch.setattr(files, "_write", read_only)
    (root / "translated.json").write_text((root / "translated.json").read_text() + "\n")
    told = dubline("export", root, "--to", "srt", "--out", tmp_path / "out")
    assert told.status == 0 and list((tmp_path / "out/srt").glob("*.srt")), told.err
    for words in (["report", root], ["subtitles", "export", root]):
        told = dubline(*words)
        assert told.status != 0 and "may only be read" in told.err and len(told.err.splitlines()) == 2

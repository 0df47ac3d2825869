"""Killed, interrupted, and gone on: nothing half-written is seen, no finished chunk is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import soundfile
from command import Answer, at_call, dubline, results
from random_demucs import htdemucs, save_bag

from dubline.separation import passes, run_demucs_separation
from dubline.values.stems import STEM_NAMES

SECONDS = 20
CHUNKS = 14  # of 2 s, one every 1.5 s

# Waits in the middle of its work for the kill that comes.
CHILD = """
import os
import sys
from unittest import mock
from command import at_call
from dubline.cli import main
from dubline.separation import passes
from dubline.media.sound import SoundWriter

told = os.fdopen(os.dup(1), "w")  # the command gives its own output to a log
kill_at, sys.argv = sys.argv[1], ["dubline", *sys.argv[2:]]
passes.take_apart.__kwdefaults__["checkpoint_seconds"] = 0.0

def wait():
    print("here", file=told, flush=True)
    sys.stdin.read()

write = SoundWriter.write
def writing(self, block):
    write(self, block)
    if kill_at == "stems" and self.frames > 400_000:
        wait()

number = int(kill_at) if kill_at.isdigit() else 0
with mock.patch.object(SoundWriter, "write", writing), at_call(number, wait):
    main()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], dict[str, bytes]]:
    """A sound, the words of the command, and the stems of an undisturbed run."""
    folder = tmp_path_factory.mktemp("made")
    samples = np.random.default_rng(0).normal(size=(44100 * SECONDS, 2)) * 0.1
    soundfile.write(folder / "a.wav", samples, 44100, subtype="PCM_24")
    model = str(save_bag(folder / "model", "house", [htdemucs(seed=1)]))
    words = ["separate", str(folder / "a.wav"), "--separator", "demucs", "--model", model,
             "--precision", "fp32", "--threads", "1"]  # fmt: skip
    with mock.patch.dict(os.environ, DUBLINE_MODELS=str(folder / "none")), at_call(0) as calls:
        answer = dubline(*words, "--out", folder / "straight")
    assert answer.status == 0, answer.err
    assert len(calls) == CHUNKS
    return folder / "a.wav", words, stems(folder / "straight")


def stems(root: Path) -> dict[str, bytes]:
    return {name: (root / "stems" / f"{name}.wav").read_bytes() for name in STEM_NAMES}


def nothing_seen(root: Path) -> None:
    assert results(root) == []


def often() -> Any:
    """A checkpoint wherever one is possible."""
    return mock.patch.dict(passes.take_apart.__kwdefaults__ or {}, checkpoint_seconds=0.0)


def goes_on(root: Path, words: list[str], expected: dict[str, bytes], most: int) -> None:
    with at_call(0) as calls:
        answer = dubline(*words, "--out", root)
    assert answer.status == 0, answer.err
    assert stems(root) == expected, "bit for bit"
    assert len(calls) <= most, "finished chunks were done again"
    assert not [p for p in root.rglob("*") if p.name.endswith(".part")]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize(("kill_at", "most"), [("9", CHUNKS - 7), ("stems", 0)])
def test_killed(made: Any, tmp_path: Path, kill_at: str, most: int) -> None:
    """`most`: of the 8 chunks finished before the kill, at most the last one may be done again."""
    _, words, expected = made
    root = tmp_path / "run"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, kill_at, *words, "--out", str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == b"here"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    nothing_seen(root)
    goes_on(root, words, expected, most)


@pytest.mark.parametrize("twice", [False, True])
def test_ctrl_c(made: Any, tmp_path: Path, twice: bool) -> None:
    _, words, expected = made
    root = tmp_path / "run"

    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)
        if twice:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with often(), at_call(9, interrupt) as calls:
        answer: Answer = dubline(*words, "--out", root)
    assert answer.status == 130 and answer.out == ""
    assert len(calls) <= 10, "it stopped at the next chunk"
    assert "Run the same command again" in answer.err and "Ctrl-C again" in answer.err
    assert "Traceback" not in answer.err
    assert signal.getsignal(signal.SIGINT) is before
    nothing_seen(root)
    goes_on(root, words, expected, CHUNKS - 7)


def test_terminated(made: Any, tmp_path: Path) -> None:
    """A machine that shuts down asks first."""
    _, words, expected = made
    with often(), at_call(5, lambda: signal.raise_signal(signal.SIGTERM)):
        assert dubline(*words, "--out", tmp_path / "run").status == 130
    nothing_seen(tmp_path / "run")
    goes_on(tmp_path / "run", words, expected, CHUNKS - 3)


@pytest.mark.parametrize("place", ["mark", "prepared", "state"])
def test_killed_between_the_files_of_a_finished_pass(
    made: Any, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far the tidying had come, the next call finds a pass that is done."""
    _, words, expected = made
    unlink, write_whole = Path.unlink, passes.write_whole

    class Killed(BaseException):
        pass

    def dying_unlink(self: Path, missing_ok: bool = False) -> None:
        if place == "prepared" and self.name.endswith(".in.f32"):
            raise Killed
        unlink(self, missing_ok=missing_ok)
        if place == "state" and self.name.endswith(".in.f32"):
            raise Killed

    def dying_write(path: Path, data: bytes) -> None:
        if place == "mark" and path.name.endswith(".done"):
            raise Killed
        write_whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying_unlink)
        patch.setattr(passes, "write_whole", dying_write)
        with pytest.raises(Killed), often():
            dubline(*words, "--out", tmp_path / "run")
    nothing_seen(tmp_path / "run")
    goes_on(tmp_path / "run", words, expected, 2 if place == "mark" else 0)


def test_other_weights_do_not_go_on_with_the_work_of_the_first(made: Any, tmp_path: Path) -> None:
    source, words, _ = made
    model = Path(words[words.index("--model") + 1])
    mine = tmp_path / "house"
    save_bag(mine, "house", [htdemucs(seed=1)])
    options: dict[str, Any] = {"model": str(mine / "house.yaml"), "precision": "fp32", "threads": 1}

    def stop() -> None:
        raise KeyboardInterrupt  # a signal is ignored where a shell has started the tests in the background

    with often(), at_call(9, stop), pytest.raises(KeyboardInterrupt):
        run_demucs_separation(source, tmp_path / "out", **options)
    for file in mine.glob("*.th"):
        file.unlink()
    save_bag(mine, "house", [htdemucs(seed=2)])
    with at_call(0) as calls:
        run_demucs_separation(source, tmp_path / "out", **options)
    assert len(calls) == CHUNKS and model.exists()

"""SIGKILL at renamings and in between, in every command that writes into a run."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from kills import Kills
from run_to_dub import dub, run_to_dub


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")
def test_a_kill_loses_nothing_and_leaves_nothing_half_or_old(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = run_to_dub(tmp_path_factory.mktemp("made"))
    assert dub(root).status == 0
    kills = Kills(root, tmp_path_factory.mktemp("kills") / "here")
    wrong = [
        f"{moment}: {'; '.join(faults)}"
        for moment in kills.moments(random.Random(7), 30)
        if (faults := kills.faults(moment))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_a_process_that_is_gone_had_begun_is_cleared(tmp_path: Path) -> None:
    """And what one that lives is writing is left alone."""
    from dubline.run import Run

    with Run(tmp_path) as run:
        (run.layout.subtitles).mkdir()
    gone = [tmp_path / ".final.wav.part", tmp_path / "subtitles/.en.srt.4194999.part"]
    lives = tmp_path / f"work/.run.json.{os.getppid()}.part"
    for path in (*gone, lives):
        path.write_bytes(b"half")
    with Run(tmp_path):
        assert not any(path.exists() for path in gone) and lives.exists()

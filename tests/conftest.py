"""What holds for every test: the user's models folder is never touched, and models take one thread."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # also for the processes that tests start

settings.register_profile("dubline", deadline=None)  # a busy machine makes no test fail
settings.load_profile("dubline")


@pytest.fixture(autouse=True)
def own_models_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$DUBLINE_MODELS points to a folder of the test's own, which does not exist yet."""
    folder = tmp_path_factory.mktemp("user") / "models"
    monkeypatch.setenv("DUBLINE_MODELS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Threads of torch that wait for each other spin, and slow down everything else."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)

"""What holds for every test: the user's models folder is never touched, and models take one thread."""

from __future__ import annotations

import gc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from shared_media import DATA, Shared, shared_from
from skips import pytest_addoption, pytest_configure

__all__ = ["pytest_addoption", "pytest_configure"]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # also for the processes that tests start

settings.register_profile("dubline", deadline=None)  # a busy machine makes no test fail
settings.load_profile("dubline")

SLOW = Path(__file__).with_name("slow_tests.txt")
"""Files with slow tests, the slowest first. They begin first: no worker is alone with them at the end."""


LATER = "program or paddle"
"""What `install/test.py` runs by itself, once what these tests need is there."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without such a test need not be read for them."""
    if config.option.markexpr != LATER or not DATA.is_dir() or collection_path.suffix != ".py":
        return None
    marked = re.search(r"mark\.(program|paddle)\b", collection_path.read_text(encoding="utf-8"))
    return None if marked else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        for item in items:
            if "shared" in getattr(item, "fixturenames", ()):
                item.add_marker("program")  # a program of the system may speak in the place of real voices
    rank = {name: place for place, name in enumerate(SLOW.read_text(encoding="utf-8").split())}
    items.sort(key=lambda item: rank.get(item.path.relative_to(SLOW.parent).as_posix(), len(rank)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program of the system that is not there (`pytest.mark.program`)."""
    missing = [name for mark in item.iter_markers("program") for name in mark.args if not present(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(sorted(missing))}; .ci/programs says how")


@cache
def present(name: str) -> bool:
    """Whether a program is there, or a pair of apertium's (`apertium-eng-spa`)."""
    if not name.startswith("apertium-"):
        return shutil.which(name) is not None
    if not present("apertium"):
        return False
    pairs = subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=False).stdout
    return name.removeprefix("apertium-") in pairs


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Real media by name, or what stands in for them: see shared_media.py."""
    return shared_from(tmp_path_factory.mktemp("shared"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests that wait are no garbage: nobody need look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def models_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders that do not exist. (`mktemp` for each test looks through thousands of them.)"""
    parent = tmp_path_factory.mktemp("user")
    return (parent / str(number) / "models" for number in count())


@pytest.fixture(autouse=True)
def own_models_folder(models_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """$DUBLINE_MODELS points to a folder of the test's own, which does not exist yet."""
    folder = next(models_folders)
    folder.parent.mkdir()
    monkeypatch.setenv("DUBLINE_MODELS", str(folder))
    return folder


@pytest.fixture
def any_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any bytes pass for a model: for tests of how files are copied, named and told (`test_structure` has
    the rest)."""
    for place in ("files.check_structure", "intake_files.check_loads", "intake_folders.check_folder"):
        monkeypatch.setattr(f"dubline.weights.{place}", lambda *given: None)
    monkeypatch.setattr("dubline.weights.kinds.check_structure", lambda path: None)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Threads of torch that wait for each other spin, and slow down everything else."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)

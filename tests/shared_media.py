"""Real media beside the project (`../shared/data`), and what stands in for some of them in a clone without.

Tests ask the fixture `shared` for a file by its name there:

    shared("scene/mix.flac")               the real one, else one made on the spot, else the test skips
    shared("scene/mix.flac", real=True)    for what is known of the real one alone
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest
import standins

DATA = Path(__file__).resolve().parents[1] / "../shared/data"


class Shared(Protocol):
    """The fixture's type."""

    def __call__(self, name: str, *, real: bool = False) -> Path: ...


def shared_from(folder: Path) -> Shared:
    """Makes what stands in for real files in `folder`, each once."""

    def shared(name: str, *, real: bool = False) -> Path:
        if (DATA / name).exists():
            return DATA / name
        maker = None if real else standins.MAKERS.get(name)
        if maker is None:
            pytest.skip(f"{name} is not in ../shared/data: real media, which come with no clone")
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            maker(folder / name)
        return folder / name

    return shared

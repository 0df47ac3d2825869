"""Our separators keep what every separator promises (`dubline.testing`).

The models are real ones with random weights, built on the spot: they separate nothing, but every sample
takes the way it takes with released weights.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import random_mdx
from our_backends import ours
from random_demucs import FILM, htdemucs, save_bag, save_safetensors, save_th

from dubline.backends.choosing import find, options_of
from dubline.testing import SEPARATOR_PROMISES, Subject, keep

Make = Callable[[Path], tuple[str, dict[str, Any]]]


def _demucs(path: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    return "demucs", {"model": str(path), "precision": "fp32", "threads": 1, **options}


SEPARATORS: dict[str, Make] = {
    "builtin": lambda folder: ("builtin", {}),
    "builtin without rnnoise": lambda folder: ("builtin", {"rnnoise": "off"}),
    "deepfilternet": lambda folder: ("deepfilternet", {}),
    "deepfilternet, alone": lambda folder: ("deepfilternet", {"alone": True}),
    "demucs, one model": lambda folder: _demucs(save_th(htdemucs(seed=1), folder, "aaaaaaaa")),
    "demucs, a bag of two": lambda folder: _demucs(
        save_bag(folder, "pair", [htdemucs(seed=1), htdemucs(seed=2)], weights=[[1, 0, 2, 1], [1, 3, 0, 1]])
    ),
    "demucs, film model": lambda folder: _demucs(save_bag(folder, "film", [htdemucs(FILM, seed=3)])),
    "demucs, safetensors": lambda folder: _demucs(
        save_safetensors(htdemucs(seed=4), folder / "hub.safetensors")
    ),
    "demucs, shifts": lambda folder: _demucs(save_th(htdemucs(seed=1), folder, "bbbbbbbb"), shifts=2),
    "demucs, bf16": lambda folder: _demucs(save_th(htdemucs(seed=1), folder, "cccccccc"), precision="bf16"),
    "demucs at 48 kHz": lambda folder: _demucs(save_th(htdemucs(seed=5, rate=48000), folder, "dddddddd")),
    "uvr": lambda folder: ("uvr", {"model": str(random_mdx.build(folder)), "threads": 1}),
    "uvr, batch and denoise": lambda folder: (
        "uvr",
        {"model": str(random_mdx.build(folder)), "threads": 1, "batch": 3, "denoise": True},
    ),
}


@pytest.fixture(params=SEPARATORS, scope="module")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A separator, loaded."""
    folder = tmp_path_factory.mktemp("separator")
    name, options = SEPARATORS[request.param](folder)
    cls = find("separator", name)
    with cls(options_of(cls, options)) as opened:
        yield Subject(cls, options, opened, folder)
    gc.collect()


@pytest.mark.parametrize("promise", SEPARATOR_PROMISES)
def test_promise(subject: Subject, promise: str) -> None:
    keep(SEPARATOR_PROMISES, promise, subject)


def test_all_of_ours_are_tried() -> None:
    assert set(ours("separator")) == {name.partition(",")[0].split()[0] for name in SEPARATORS}

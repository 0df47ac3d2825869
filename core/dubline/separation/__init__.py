"""The separation stage: one sound in, four stems out that sum to it.

from dubline.separation import run_demucs_separation
run_demucs_separation("episode.wav", "stems", model="htdemucs")
"""

from importlib import import_module
from typing import Any

_HOMES = {"SeparationJob": "plan", "separate": "stage", "run_demucs_separation": "two_stems"}


def __getattr__(name: str) -> Any:
    # numpy comes with these, so they are loaded when somebody asks for them.
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"dubline.separation.{_HOMES[name]}"), name)

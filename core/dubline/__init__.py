"""Dubline: stems, transcript, translation and dub of a film, on the editor's own timeline.

    from dubline import LocalizeJob, Run, localize

Importing this package costs nothing heavy: numpy, torch and the model libraries are loaded by
the function that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dubline.pipeline import localize
    from dubline.processor import CinematicAudioProcessor
    from dubline.run import Run
    from dubline.values.wishes import LocalizeJob

__all__ = ["CinematicAudioProcessor", "LocalizeJob", "Run", "localize"]
__version__ = "0.1.0"

_HOMES = {
    "CinematicAudioProcessor": "dubline.processor",
    "LocalizeJob": "dubline.values.wishes",
    "Run": "dubline.run",
    "localize": "dubline.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dubline' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

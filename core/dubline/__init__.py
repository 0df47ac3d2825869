"""Dubline: stems, transcript, translation and dub of a film, on the editor's own timeline.

    from dubline import FileMedia, LocalizeJob, Run, localize

    with Run(Path("EPISODE.dubline")) as run:
        localize(LocalizeJob(media=FileMedia(path="/films/EPISODE.mov")), run)

Importing this package costs nothing heavy: numpy, torch and the model libraries are loaded by
the function that needs them.
"""

import os
from typing import Any

__version__ = "0.1.0"

# Nothing of the user's leaves the machine by a library's back door. Each reads its word when it is imported;
# onnxruntime would keep a number of this machine and send what its sessions are.
os.environ |= {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYANNOTE_METRICS_ENABLED": "0",
}

_PLACES = {
    "localize": "dubline.pipeline",
    "LocalizeJob": "dubline.values.wishes",
    "FileMedia": "dubline.values.timeline",
    "Run": "dubline.run",
    "CinematicAudioProcessor": "dubline.processor",
}


def __getattr__(name: str) -> Any:
    """What the package offers by its first name, loaded when it is asked for."""
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)

"""The mix stage: stems and takes in, the finished sound of the dub out.

from dubline.mix import MixJob, remix
mix = run.step(remix, stems, takes, MixJob(target="ebu-r128"))
"""

from importlib import import_module
from typing import Any

_HOMES = {"MixJob": "job", "TARGETS": "job", "remix": "stage"}


def __getattr__(name: str) -> Any:
    # numpy comes with the stage, so it is loaded when somebody asks for it.
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"dubline.mix.{_HOMES[name]}"), name)

"""The mix stage: stems and takes in, the finished sound of the dub out.

from dubline.mix import MixJob, remix
mix = run.step(remix, stems, takes, MixJob(target="ebu-r128"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dubline.mix.job import TARGETS, MixJob, Target

if TYPE_CHECKING:
    from dubline.mix.encode import mux
    from dubline.mix.stage import remix

__all__ = ["TARGETS", "MixJob", "Target", "mux", "remix"]


def __getattr__(name: str) -> Any:
    # numpy comes with these, so they are loaded when somebody asks for them.
    if name == "remix":
        from dubline.mix.stage import remix

        return remix
    if name == "mux":
        from dubline.mix.encode import mux

        return mux
    raise AttributeError(name)

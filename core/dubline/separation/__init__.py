"""The separation stage: one sound in, four stems out that sum to it.

from dubline.separation import run_demucs_separation
run_demucs_separation("episode.wav", "stems", model="htdemucs")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dubline.separation.plan import SeparationJob
    from dubline.separation.stage import separate
    from dubline.separation.two_stems import TwoStems, run_demucs_separation

__all__ = ["SeparationJob", "TwoStems", "run_demucs_separation", "separate"]


def __getattr__(name: str) -> Any:
    # numpy comes with these, so they are loaded when somebody asks for them.
    if name == "SeparationJob":
        from dubline.separation.plan import SeparationJob

        return SeparationJob
    if name == "separate":
        from dubline.separation.stage import separate

        return separate
    if name in ("TwoStems", "run_demucs_separation"):
        from dubline.separation import two_stems

        return getattr(two_stems, name)
    raise AttributeError(name)

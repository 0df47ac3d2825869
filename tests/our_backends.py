"""The back ends that this project declares itself; a stranger's plug-in may be installed beside them."""

from __future__ import annotations

from dubline.backends.choosing import OURS, available


def ours(kind: str) -> list[str]:
    """Names of our own back ends of a kind."""
    return [name for name, info in available(kind).items() if info.package == OURS]

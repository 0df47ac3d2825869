"""A strict stand-in for DaVinci Resolve's scripting API. How to use it: README.md beside this file.

Standard library and Python 3.6 syntax only, as it also runs inside the interpreter that a menu script gets.
"""

from .media import Facts, facts_from
from .profiles import PROFILES, profile
from .scenes import build
from .surface import NotModelled, ResolveCrashed
from .world import Heard, Shown, Simulator

__all__ = [
    "PROFILES",
    "Facts",
    "Heard",
    "NotModelled",
    "ResolveCrashed",
    "Shown",
    "Simulator",
    "build",
    "facts_from",
    "profile",
]

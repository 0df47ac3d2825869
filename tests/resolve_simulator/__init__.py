"""A strict stand-in for DaVinci Resolve's scripting API. How to use it: README.md beside this file.

Standard library and Python 3.6 syntax only, as it also runs inside the interpreter that a menu script gets.
"""

from resolve_simulator.media import Facts, facts_from
from resolve_simulator.profiles import PROFILES, profile
from resolve_simulator.scenes import build
from resolve_simulator.surface import NotModelled, ResolveCrashed
from resolve_simulator.world import Heard, Shown, Simulator

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

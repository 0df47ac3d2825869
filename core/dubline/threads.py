"""How many processor threads a model may take."""

from __future__ import annotations


def default_threads() -> int:
    """Physical cores this process may use, less one; at least 1.

    Two threads on one core, or on a core that somebody else uses, made the models slower than a single
    thread: their libraries wait for each other by spinning.
    """
    import os

    import psutil

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, cores - 1)

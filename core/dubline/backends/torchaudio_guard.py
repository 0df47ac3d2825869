"""Importing libraries that need torchaudio where torchaudio's compiled part does not load.

The torchaudio wheel of a package index may be built for CUDA; beside a torch for CPUs its extension fails
with an OSError, and with it every library that imports torchaudio. What such libraries use of it
(resampling, Kaldi's filter banks, MFCC) is plain Python over torch. So, and only when the real one cannot
load, the module of the extension is replaced by one that says "not available", as torchaudio itself knows
it from builds without extension. Nothing of torchaudio reads or writes sound here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

from dubline.errors import BackendMissing, first_line
from dubline.weights.installation import pip_command

_EXTENSION = "torchaudio._extension"
REMEDY = pip_command("--no-deps", "torchaudio")


def before_transformers() -> None:
    """Call it before transformers is imported: transformers imports torchaudio wherever it is installed.

    Raises:
        BackendMissing: torchaudio is installed and cannot be imported even without its compiled part.
    """
    if importlib.util.find_spec("torchaudio"):
        ensure_torchaudio()


def ensure_torchaudio() -> str:
    """Make `import torchaudio` work in this process. Returns "" if it does by itself, else what was wrong.

    Raises:
        BackendMissing: it is not installed, or cannot be imported even without its compiled part.
    """
    known = sys.modules.get(_EXTENSION)
    if known is not None and "torchaudio" in sys.modules:
        return str(getattr(known, "dubline_reason", ""))
    if importlib.util.find_spec("torchaudio") is None:
        raise BackendMissing("torchaudio is not installed", hint=f"Install it with: {REMEDY}")
    try:
        importlib.import_module("torchaudio")
    except (OSError, ImportError) as error:
        reason = first_line(error)
    else:
        return ""
    _forget()
    sys.modules[_EXTENSION] = _without_extension(reason)
    try:
        importlib.import_module("torchaudio")
    except Exception as error:
        _forget()
        raise BackendMissing(
            f"torchaudio cannot be imported: {reason}; nor without its compiled part: {error}",
            hint=f"Install the release that belongs to your torch: {REMEDY}==VERSION",
        ) from error
    return reason


def _forget() -> None:
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        del sys.modules[name]


def _without_extension(reason: str) -> types.ModuleType:
    """The names of `torchaudio._extension` as they are in a build without one."""

    def missing(_: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*args: object, **named: object) -> None:
            raise RuntimeError(f"torchaudio's compiled part could not be loaded: {reason}")

        return refuse

    module: Any = types.ModuleType(_EXTENSION)
    module._IS_TORCHAUDIO_EXT_AVAILABLE = False
    module._IS_ALIGN_AVAILABLE = False
    module._IS_RIR_AVAILABLE = False
    module._check_cuda_version = lambda: None
    module.fail_if_no_align = missing
    module.fail_if_no_rir = missing
    module.dubline_reason = reason
    found: types.ModuleType = module
    return found

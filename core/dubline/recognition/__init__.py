"""From recognised words to a transcript: who said what, and where a segment begins and ends.

from dubline.recognition import segment
transcript = segment(words, turns, duration=57.5, language="tr")
"""

from importlib import import_module
from typing import Any

_HOMES = {
    **dict.fromkeys(("Passage", "Witness"), "passages"),
    "filter_passages": "filters",
    "FilterRules": "filter_rules",
    **dict.fromkeys(("SegmentRules", "resegment", "segment"), "segments"),
    **dict.fromkeys(("read_rttm", "to_ctm", "to_rttm"), "exports"),
    "spread": "words",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"dubline.recognition.{_HOMES[name]}"), name)

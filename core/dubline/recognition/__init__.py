"""From recognised words to a transcript: who said what, and where a segment begins and ends.

from dubline.recognition import segment
transcript = segment(words, turns, duration=57.5, language="tr")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dubline.recognition.exports import read_rttm, to_ctm, to_rttm, to_srt, to_vtt
    from dubline.recognition.filters import FilterRules, Passage, filter_passages
    from dubline.recognition.segments import SegmentRules, resegment, segment
    from dubline.recognition.words import spread

_HOMES = {
    "FilterRules": "filters",
    "Passage": "filters",
    "SegmentRules": "segments",
    "filter_passages": "filters",
    "read_rttm": "exports",
    "resegment": "segments",
    "segment": "segments",
    "spread": "words",
    "to_ctm": "exports",
    "to_rttm": "exports",
    "to_srt": "exports",
    "to_vtt": "exports",
}

__all__ = [
    "FilterRules",
    "Passage",
    "SegmentRules",
    "filter_passages",
    "read_rttm",
    "resegment",
    "segment",
    "spread",
    "to_ctm",
    "to_rttm",
    "to_srt",
    "to_vtt",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"dubline.recognition.{_HOMES[name]}"), name)

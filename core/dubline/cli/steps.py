"""The steps of a run as the screen calls them."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """`doing`: what is going on, in at most 14 letters, for a bar. `made`: what there is when it is done."""

    doing: str
    made: str


STEPS = {
    "extract": Words("reading film", "sound"),
    "timeline": Words("reading clips", "sound"),
    "original": Words("reading film", "sound"),
    "content": Words("listening", "kind of sound"),
    "separate": Words("separating", "stems"),
    "no_vocals": Words("writing stems", "stems"),
    "raw_audio": Words("raw sound", "raw sound"),
    "opening": Words("first minute", "language"),
    "enhance": Words("finding voice", "cleaned voices"),
    "listen": Words("listening", "sound"),
    "microphones": Words("listening", "speakers"),
    "diarize": Words("who speaks", "speakers"),
    "choose_turns": Words("who speaks", "speakers"),
    "take_turns": Words("who speaks", "speakers"),
    "witness": Words("who speaks", "speakers"),
    "cast": Words("names", "names"),
    "recognize": Words("words", "words"),
    "cut": Words("lines", "lines"),
    "place": Words("placing text", "lines"),
    "attribute": Words("placing text", "lines"),
    "tone": Words("tone of voice", "tone of voice"),
    "translate": Words("translating", "translation"),
    "references": Words("voice clips", "voice clips"),
    "rights": Words("voice rights", "voice rights"),
    "pace": Words("trying voices", "pace of the voices"),
    "pitch": Words("pitches", "pitch of the voices"),
    "speak": Words("speaking", "takes"),
    "remix": Words("mixing", "mix"),
    "audition": Words("audition", "audition"),
    "mux": Words("writing film", "film"),
    "verify": Words("reading", "files"),
}
"""Each step; two have the same word where a person makes no difference between what they make."""


def doing(step: str) -> str:
    """What a step does."""
    return STEPS[step].doing if step in STEPS else step


def made(step: str) -> str:
    """What a step makes."""
    return STEPS[step].made if step in STEPS else step

"""How the report calls what a run calls by a word for programs."""

from __future__ import annotations

from dubline.values.programme import MarkKind

# What a person should look at, the worst first.
KINDS: dict[MarkKind, str] = {
    "failed": "not translated",
    "take_failed": "not spoken",
    "take_too_long": "spoken, and too long",
    "too_long": "too long for their time",
    "pending": "left to a person",
    "doubtful": "that may be made up",
    "low_confidence": "heard with little confidence",
}
GIVEN = {
    "turns": "nobody: an .rttm says who speaks when",
    "manual": "a person",
    "microphones": "nobody: each has a microphone",
}
FITS = {
    "fits": "fits",
    "borrowed": "fits with silence after it",
    "short": "short",
    "too_long": "too long",
    "unsure": "too near to call",
}

"""What a dub has taught about its voices: how long they really take."""

from __future__ import annotations

from dubline.dubbed import Takes
from dubline.translation.durations import DurationModel, calibrated, default_model


def voice_durations(takes: Takes) -> dict[str, DurationModel]:
    """Voice's full name -> how long it takes for a text, from what it has just spoken at its own pace.

    A translation made with it (`TranslationJob.durations`) fits this voice's takes better than one made with
    the language's ordinary pace. Voices with few takes keep that one (see `durations.calibrated`).
    """
    spoken: dict[str, list[tuple[str, float]]] = {}
    voices = {cast.speaker: cast.voice for cast in takes.cast}
    for take in takes.takes:
        if take.state in ("spoken", "too_long"):
            spoken.setdefault(voices[take.speaker], []).append((take.text, take.natural))
    model = default_model(takes.language)
    return {voice: calibrated(model, lines) for voice, lines in sorted(spoken.items())}


def programme_durations(takes: Takes) -> DurationModel:
    """The same for all voices of a dub together."""
    lines = [(take.text, take.natural) for take in takes.takes if take.natural]
    return calibrated(default_model(takes.language), lines)

"""How long a line takes in its speaker's mouth, whoever that is: the actor as he is heard in the source, or
the voice that will speak his lines.

    of the language and the actor   DurationModel of the language, times his pace and the line's   "estimated"
    of the voice, from other lines  its own DurationModel; a machine has no mood                  "calibrated"
    of the voice, this very text    `DurationModel.spoken`                                          "measured"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from dubline.fit.durations import DurationModel, default_model
from dubline.fit.isochrony import RULES, FitRules, fit, slowness
from dubline.language.markup import unmark
from dubline.values.translated import Fit, FitBasis, Tone, Translation, counted


class SpeechTime:
    """`paces`: how much longer than ordinary each actor takes. `voices`: speaker -> the model of the voice
    that speaks for him, "" for everybody who is not listed; none, where no voice is known."""

    def __init__(
        self, language: str, paces: Mapping[str, float], voices: Mapping[str, DurationModel] | None = None
    ) -> None:
        self._ordinary = default_model(language)
        self._paces = paces
        self._voices = voices or {}

    def voice(self, speaker: str) -> DurationModel | None:
        """The model of the voice that speaks for him, if one is known."""
        return self._voices.get(speaker) or self._voices.get("")

    def model(self, speaker: str) -> DurationModel:
        """The voice's model, or the language's."""
        return self.voice(speaker) or self._ordinary

    def slower(self, speaker: str, tone: Tone | None = None) -> float:
        """How much longer than his model says a line is expected to take: 1.0 for a voice."""
        return slowness(self._paces.get(speaker, 1.0), tone) if self.voice(speaker) is None else 1.0

    def fit(
        self,
        text: str,
        speaker: str,
        slot: float,
        room: float,
        *,
        tone: Tone | None = None,
        rules: FitRules = RULES,
    ) -> Fit:
        """How a plain text fits `slot` seconds with `room` seconds of silence after them."""
        voice, seconds = self.voice(speaker), self.model(speaker).seconds(text)
        if voice is None:
            return fit(slot, room, seconds * self.slower(speaker, tone), rules)
        if text in voice.spoken:
            return fit(slot, room, seconds, rules, basis="measured")
        # A voice that nothing is known of has its language's pace: an estimate like any other.
        basis: FitBasis = "calibrated" if voice.error else "estimated"
        return fit(slot, room, seconds, rules, doubt=voice.doubt(seconds), basis=basis)


def refitted(
    translation: Translation,
    voices: Mapping[str, DurationModel],
    free: Sequence[float],
) -> Translation:
    """A translation whose lines say how they fit in these voices; nothing else of it changes.

    `voices` as in `SpeechTime`; lines of speakers without one stay as they are. `free`: the silence after
    each segment (see `isochrony.rooms`).
    """
    time = SpeechTime(translation.target_language, translation.paces, voices)
    lines = []
    for line, room in zip(translation.segments, free, strict=True):
        if line.state == "translated" and line.text and time.voice(line.speaker) is not None:
            plain, slot = unmark(line.text).plain, line.end - line.start
            line = structs.replace(line, fit=time.fit(plain, line.speaker, slot, room, tone=line.tone))
        lines.append(line)
    made = tuple(lines)
    return structs.replace(translation, segments=made, totals=counted(made, translation.totals.glossary))

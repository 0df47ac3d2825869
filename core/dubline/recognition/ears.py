"""Which sound is listened to: who speaks and what is said may be heard in different ones.

    mix             the sound as it is
    deepfilternet   the voice that DeepFilterNet finds in it; nothing is separated for that
    vocals          the voices of the run's stems

Voices are told apart best where they are clean; a recognizer was trained on sound as it is, and what cleans a
voice takes words away. `auto` is the pair that measured best of those that are here, and needs no stems.
"""

from __future__ import annotations

from typing import NamedTuple

from dubline.backends.choosing import settle
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.values.base import Choice
from dubline.values.media import Sound
from dubline.values.stems import Stems
from dubline.values.wishes import TranscribeWish

MIX, VOCALS, NETWORK = "mix", "vocals", "deepfilternet"
NAMES = {MIX: "the mix", VOCALS: "the separated voices", NETWORK: "DeepFilterNet's voice"}


class Measured(NamedTuple):
    """In percent, of all sounds of `benchmarks/ears.py` together: time in which somebody wrong, nobody or one
    too many is heard (collar 0.25 s, overlaps counted), and words wrong with Whisper base."""

    speakers: float
    words: float


MEASURED: dict[tuple[str, str], Measured] = {
    (NETWORK, MIX): Measured(18.4, 14.5),
    (MIX, MIX): Measured(25.7, 14.4),
}
"""(turns from, words from) -> what was measured; docs/figures.md repeats it. `vocals` are the built-in
separator's."""
BEST = (NETWORK, MIX)
WITHOUT = (MIX, MIX)  # where DeepFilterNet is not here


class Ears(NamedTuple):
    """What is listened to: the ear for turns and that for words, "" where nobody listens for them. `network`
    is there where DeepFilterNet is among them. `reason` is one sentence, "" without any."""

    turns: str = ""
    words: str = ""
    network: Choice | None = None
    reason: str = ""

    @property
    def stems(self) -> bool:
        """Whether the separated voices are needed."""
        return VOCALS in (self.turns, self.words)


def settle_ears(wish: TranscribeWish, asked: TranscribeWish, *, turns: bool, words: bool) -> Ears:
    """Decide what is listened to, for turns and for words as far as they are listened for. `asked`: what of
    the wish was said now, and not before.

    Raises:
        BackendMissing, WeightsError: DeepFilterNet is named, and cannot be used.
    """
    named = ((wish.turns_from or "auto") if turns else "", (wish.words_from or "auto") if words else "")
    if not any(named):
        return Ears()
    network, remedy, best = None, "", BEST
    if NETWORK in named or ("auto" in named and NETWORK in _pair(named, BEST)):
        try:
            network = settle("separator", NETWORK).choice
        except (BackendMissing, WeightsError) as error:
            if NETWORK in named:
                raise
            remedy, best = error.hint, WITHOUT
    pair = _pair(named, best)
    why = ""
    if "auto" not in named:
        why = ", as asked" if asked.turns_from or asked.words_from else ", as this run has it"
    reason = _told(*pair) + why
    if measured := _figures(*pair):
        reason += f"; on the benchmark's sounds {measured} were wrong so"
    if remedy and (better := _figures(*_pair(named, BEST))):
        reason += f", with DeepFilterNet {better}. {remedy}"
    turns_from, words_from = pair
    return Ears(turns_from, words_from, network if NETWORK in pair else None, reason)


def _pair(named: tuple[str, str], best: tuple[str, str]) -> tuple[str, str]:
    """What is named, with what is best for what is left open."""
    turns, words = (ear if said == "auto" else said for said, ear in zip(named, best, strict=True))
    return turns, words


def require_voices(stems: Stems | None) -> Sound:
    """The separated voices, as a sound to listen to; the mix where they were lost in the separation.

    Raises:
        InvalidJob: there are none.
    """
    if stems is None or not stems.separated:
        raise InvalidJob(
            "the separated voices are to be listened to, and nothing is separated",
            hint="Let the sound be separated, or say --on auto.",
        )
    return stems.voices


def _told(turns: str, words: str) -> str:
    if turns == words:
        return f"sound: {NAMES[turns]}, for who speaks and for the words"
    parts = [f"who speaks is heard in {NAMES[turns]}"] if turns else []
    if words:
        parts.append(f"the words {'' if turns else 'are heard '}in {NAMES[words]}")
    return "sound: " + ", ".join(parts)


def _figures(turns: str, words: str) -> str:
    """What was measured of a pair; where one of the two is not listened for, of the other."""
    for pair, wrong in MEASURED.items():
        if turns in ("", pair[0]) and words in ("", pair[1]):
            told = [f"{wrong.speakers:g} % of who speaks"] if turns else []
            return " and ".join([*told, *([f"{wrong.words:g} % of the words"] if words else [])])
    return ""

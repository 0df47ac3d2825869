"""Which sound is listened to: who speaks and what is said may be heard in different ones.

    mix             the sound as it is
    deepfilternet   the voice that DeepFilterNet finds in it; nothing is separated for that
    vocals          the voices of the run's stems
    auto            for turns: DeepFilterNet's voice, or the mix where that voice has lost speech

Voices are told apart best where they are clean; a recognizer was trained on sound as it is, and what cleans a
voice takes words away. Left open, both are what measured best of what is here; no stems are needed for that.
"""

from __future__ import annotations

from typing import NamedTuple

from dubline.backends.choosing import settle
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.media.speech import Speech
from dubline.recognition.stage import Diarized, SpeechFile
from dubline.run import Work, step
from dubline.timebase import merged
from dubline.values.base import Choice
from dubline.values.media import Sound
from dubline.values.stems import Stems
from dubline.values.wishes import TranscribeWish

MIX, VOCALS, NETWORK, EITHER = "mix", "vocals", "deepfilternet", "auto"
NAMES = {
    MIX: "the mix",
    VOCALS: "the separated voices",
    NETWORK: "the voices cleaned by DeepFilterNet",
    EITHER: "the voices cleaned by DeepFilterNet (in the mix where that loses speech)",
}
LOST = 0.05
LITTLE = 2.5
"""A voice has lost speech where by more than this share less time is spoken in it than in the mix, though it
is less than so many dB quieter: far and reverberant rooms. Where there is music or noise to take away it is
quieter by more. Chosen on one half of the sounds of `benchmarks/ears.py`; on the other it chooses as well."""


SPEAKERS_WRONG = {EITHER: 14.8, NETWORK: 16.0, MIX: 25.4}
"""The ear for turns -> percent of the speech of all sounds of `benchmarks/ears.py` in which somebody wrong,
nobody or one too many is heard by the built-in diarizer: collar 0.25 s, overlaps counted. What `vocals` are
worth depends on who separates. docs/figures.md has the same figures."""
WORDS_WRONG = {(EITHER, MIX): 14.5, (NETWORK, MIX): 14.5, (NETWORK, NETWORK): 17.1, (MIX, MIX): 15.7}
"""(turns from, words from) -> percent of the known words that Whisper base gets wrong, as far as measured."""
BEST = (EITHER, MIX)
WITHOUT = (MIX, MIX)  # where DeepFilterNet is not here


class Ears(NamedTuple):
    """What is listened to: the ear for turns and that for words, "" where nobody listens for them. `network`
    is there where DeepFilterNet is needed. `reason` is one sentence, "" without any."""

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
    if {NETWORK, EITHER} & {*_pair(named, BEST)}:
        try:
            # The network's voice as it is: the figures above are of it, and one channel needs no direction.
            network = settle("separator", NETWORK, options={"alone": True}).choice
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
        reason += f". In our tests {measured}"
    if remedy and (better := _figures(*_pair(named, BEST))):
        reason += f". With DeepFilterNet {better}. {remedy}"
    turns_from, words_from = pair
    return Ears(turns_from, words_from, network, reason)


def _pair(named: tuple[str, str], best: tuple[str, str]) -> tuple[str, str]:
    """What is named, with what is best for what is left open."""
    turns, words = (ear if said == "auto" else said for said, ear in zip(named, best, strict=True))
    return turns, words


@step("choose_turns", version=1)
def choose_turns(
    work: Work, voice: SpeechFile, mix: SpeechFile, in_voice: Diarized, in_mix: Diarized
) -> Diarized:
    """Who speaks as heard in DeepFilterNet's voice, or in the mix where that voice has lost speech."""
    spoken = [
        sum(end - start for start, end in merged((t.start, t.end) for t in found.turns))
        for found in (in_voice, in_mix)
    ]
    with Speech(work.open(mix.path)) as whole, Speech(work.open(voice.path)) as part:
        quieter = whole.level() - part.level()
    lost = 1 - spoken[0] / spoken[1] if spoken[1] else 0.0
    if lost <= LOST or quieter >= LITTLE:
        return in_voice
    work.note(
        f"who speaks is taken from the mix: in DeepFilterNet's voice {100 * lost:.0f} % less is spoken, "
        f"though it is only {quieter:.1f} dB quieter"
    )
    return in_mix


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
        return f"sound: speakers and words are both heard in {NAMES[turns]}"
    parts = [f"speakers are told apart in {NAMES[turns]}"] if turns else []
    parts += [f"words are heard in {NAMES[words]}"] if words else []
    return "sound: " + ", ".join(parts)


def _figures(turns: str, words: str) -> str:
    """What was measured of a pair."""
    measured = (
        (SPEAKERS_WRONG.get(turns), "who speaks was wrong in {:g} % of the speech"),
        (WORDS_WRONG.get((turns or EITHER, words)), "{:g} % of the words were wrong"),
    )
    return " and ".join(told.format(wrong) for wrong, told in measured if wrong is not None)

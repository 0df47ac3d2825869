"""Wishes for a transcript that contradict each other, each refused with what to leave out."""

from __future__ import annotations

from dubline.backends.choosing import find, opened, options_of
from dubline.errors import InvalidJob
from dubline.values.base import Choice
from dubline.values.wishes import TranscribeWish


def check_together(wish: TranscribeWish) -> None:
    """Refuse wishes that contradict each other.

    Raises:
        InvalidJob: they do.
    """
    counted = bool(wish.speakers or wish.min_speakers or wish.max_speakers)
    for wrong, what, hint in (
        (wish.refine and not wish.text, "--refine without a text", "Give the text with --text."),
        (
            wish.refine and wish.speakers_from_tracks,
            "--refine together with --speakers-from-tracks",
            "Times are refined on one sound; leave out one of the two.",
        ),
        (
            wish.microphones and not wish.speakers_from_tracks,
            "--microphones without --speakers-from-tracks",
            "Add --speakers-from-tracks.",
        ),
        (
            wish.speakers and (wish.min_speakers or wish.max_speakers),
            "--speakers together with --min-speakers or --max-speakers",
            "Say how many there are, or between how many.",
        ),
        (
            wish.max_speakers and (wish.min_speakers or 1) > wish.max_speakers,
            f"at least {wish.min_speakers} speakers and at most {wish.max_speakers}",
            "Give the smaller number to --min-speakers.",
        ),
        (
            wish.speakers_from_tracks and wish.cast,
            "--cast together with --speakers-from-tracks",
            "There the tracks name the speakers: give the tracks titles, or use `dubline speakers rename`.",
        ),
        (
            wish.speakers_from_tracks and counted,
            "a number of speakers together with --speakers-from-tracks",
            "There the microphones are counted; choose them with --microphones.",
        ),
        (
            wish.turns and wish.speakers_from_tracks,
            "--turns together with --speakers-from-tracks",
            "Both say who speaks: leave one of the two out.",
        ),
        (
            wish.turns and (wish.diarizer or wish.diarizer_model or wish.diarizer_options or counted),
            "--turns together with a diarizer or a number of speakers",
            "The turns say who speaks: leave one of the two out.",
        ),
        (
            wish.speakers_from_tracks and (wish.diarizer or wish.diarizer_model or wish.diarizer_options),
            "a diarizer together with --speakers-from-tracks",
            "There nobody is told apart by voice: leave one of the two out.",
        ),
    ):
        if wrong:
            raise InvalidJob(what, hint=hint)


def refuse_early(kind: str, choice: Choice, asked: TranscribeWish, language: str) -> None:
    """Have a back end look at what is asked of it now, before the work that comes before its own. One whose
    model must be read to know whether it hears a language is opened once, and closed again.

    Raises:
        InvalidJob, BackendMissing, WeightsError: it cannot do it.
    """
    named = (getattr(asked, kind), getattr(asked, f"{kind}_model"), getattr(asked, f"{kind}_options"))
    if not any(named) and not (language and asked.language):
        return
    cls = find(kind, choice.backend)
    if language and choice.options.get("model"):
        with opened(kind, choice):
            pass
    else:
        cls(options_of(cls, choice.options))

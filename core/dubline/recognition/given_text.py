"""Text that somebody has written already, as the transcript: its words to the letter, a segment a cue.

    place_text       when each cue is spoken: its own times, or those of recognised words; refined
    attribute_text   whose it is (`attribution`)

Neither step hears speakers or words anew: another text redoes these two alone. Every cue becomes one
segment, or is in `dropped` with the reason.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType, structs

from dubline.errors import InvalidJob
from dubline.language.script import base_language
from dubline.media.speech import RATE, Speech
from dubline.recognition.alignment import AlignedCue, align, align_spoken, normal_tokens, placed_cue, snap
from dubline.recognition.given_cues import Cue
from dubline.recognition.sound_edges import REACH
from dubline.recognition.stage import Recognized, SpeechFile
from dubline.recognition.words import likely_length, spread
from dubline.report import Report
from dubline.run import Work, step
from dubline.values.base import Value
from dubline.values.transcript import DroppedSegment, Engine, milliseconds

UNHEARD = 1 / 3
"""A cue of which less than this was heard has guessed times (`align`)."""
STRANGE, DOUBTFUL = 0.15, 0.35
"""Shares of a script's words that were heard, below which it is refused, and told to be doubtful."""
ALIGNED_REACH = 0.3
"""Seconds in which an edge is looked for that forced alignment has found already."""
LONGEST_ALIGNED = 60.0


class GivenText(Value, frozen=True):
    """A text's cues. `language` is its code, "" where not known; `refine` moves times to the sound; `more`:
    see `Transcript`."""

    cues: tuple[Cue, ...]
    language: str = ""
    refine: bool = False
    more: dict[str, Any] | UnsetType = UNSET

    @property
    def timed(self) -> bool:
        """Whether every cue has times, so that no recognizer is needed."""
        return all(cue.start is not None and cue.end is not None for cue in self.cues)


class PlacedText(Value, frozen=True):
    """Cues with times, in order of start, and for each how many people it shows, and flags. `dropped` holds
    what lies outside the programme, `language` the text's or, unknown, the recogniser's."""

    cues: tuple[AlignedCue, ...]
    voices: tuple[int, ...]
    flags: tuple[tuple[str, ...], ...]
    dropped: tuple[DroppedSegment, ...] = ()
    language: str = ""
    recognizer: Engine | None = None
    more: dict[str, Any] | UnsetType = UNSET


# --- when ------------------------------------------------------------------------------------------


@step("place", version=1)
def place_text(work: Work, heard: SpeechFile, text: GivenText, words: Recognized | None) -> PlacedText:
    """When each cue is spoken. `words` are needed unless the text is `timed`.

    Raises:
        InvalidJob: no cue lies inside the programme, or hardly a word of the text was heard.
        Cancelled: the report asked to stop.
    """
    duration = heard.frames / RATE
    if text.timed:
        cues = sorted(text.cues, key=lambda cue: cue.start or 0.0)
        placed, dropped = _inside(cues, duration)
        flags: list[tuple[str, ...]] = [()] * len(placed)
    else:
        if words is None:
            raise InvalidJob("a text without times needs recognised words", hint="Name a recognizer.")
        placed, flags = _heard_text(text, words, duration, work)
        dropped = []
    language = text.language or (words.language if words else "")
    aligned = [cue for _, cue in placed]
    if text.refine:
        with Speech(work.open(heard.path)) as speech:
            aligned = refined(aligned, speech, language, report=work.report, tell=work.note)
    return PlacedText(
        cues=tuple(aligned),
        voices=tuple(cue.voices for cue, _ in placed),
        flags=tuple(flags),
        dropped=tuple(dropped),
        language=language,
        recognizer=words.engine if words and not text.timed else None,
        more=text.more,
    )


def _inside(
    cues: Sequence[Cue], duration: float
) -> tuple[list[tuple[Cue, AlignedCue]], list[DroppedSegment]]:
    """Cues with times of their own, brought inside the programme, and those that lie outside it.

    Raises:
        InvalidJob: all lie outside.
    """
    placed, dropped = [], []
    for cue in cues:
        start, end = cue.start or 0.0, cue.end or 0.0
        if milliseconds(end) <= milliseconds(start):
            end = start + likely_length(cue.text) / 1000
        if milliseconds(start) >= milliseconds(duration) or milliseconds(end) <= 0:
            dropped.append(
                DroppedSegment(
                    reason="outside_programme",
                    text=cue.text,
                    start=start,
                    end=end,
                    detail=f"it lies outside the programme's {duration:.3f} s",
                )
            )
            continue
        start, end = max(0.0, start), min(end, duration)
        words = spread(cue.text.split(), start, end)
        if cue.confidence is not UNSET:
            words = tuple(structs.replace(word, confidence=cue.confidence) for word in words)
        placed.append((cue, placed_cue(cue, start, end, words)))
    if not placed:
        raise InvalidJob(
            f"no cue lies inside the programme, which is {duration:.1f} s long; the first begins at "
            f"{dropped[0].start:.1f} s",
            hint="If the text counts from a timecode, shift it, such as by --text-offset -3600.",
        )
    return placed, dropped


def _heard_text(
    text: GivenText, words: Recognized, duration: float, work: Work
) -> tuple[list[tuple[Cue, AlignedCue]], list[tuple[str, ...]]]:
    """A text on recognised words, in its own order."""
    spoken = [word for passage in words.passages for word in passage.words if word.start is not None]
    if not spoken:
        raise InvalidJob(
            "no words were recognised that the text could be put on",
            hint="Check that somebody speaks in this sound, or give the text with times (.srt).",
        )
    aligned = align(text.cues, sorted(spoken, key=lambda word: word.start or 0.0))
    sizes = [len(normal_tokens(cue.text)) for cue in text.cues]
    share = sum(a.matched * n for a, n in zip(aligned, sizes, strict=True)) / max(sum(sizes), 1)
    if share < STRANGE:
        raise InvalidJob(
            f"only {share:.0%} of the text's words were heard: text and sound do not belong together",
            hint="Check the file and the language, or use a better recognizer; .srt needs no words.",
        )
    work.note(f"{share:.0%} of the text's words were heard; the others' times are estimated")
    if share < DOUBTFUL:
        work.note(
            "that is little: check that text and sound belong together, and look at the times", warn=True
        )
    placed: list[tuple[Cue, AlignedCue]] = []
    before = 0.0
    for cue, one in zip(text.cues, aligned, strict=True):
        start = min(max(one.start, before), max(0.0, duration - 0.001))
        end = min(max(one.end, start + 0.001), duration)
        placed.append((cue, structs.replace(one, start=start, end=end)))
        before = start
    flags: list[tuple[str, ...]] = [("not_heard",) if cue.matched < UNHEARD else () for cue in aligned]
    return placed, flags


def refined(
    cues: Sequence[AlignedCue],
    speech: Speech,
    language: str,
    *,
    report: Report,
    tell: Callable[[str], None] = lambda text: None,
) -> list[AlignedCue]:
    """Cues in order of start with their edges moved to the sound; order stays, and what was apart is apart.

    English text is aligned by force where pocketsphinx is installed. Then, and for other languages, edges
    move to where the sound begins and ends. `report` counts seconds of the programme; `tell` is given a
    sentence on how it was done.
    """
    forced: list[AlignedCue | None] = [None] * len(cues)
    english = base_language(language) == "en"
    if english and importlib.util.find_spec("pocketsphinx") is not None:
        fit = [i for i, c in enumerate(cues) if c.end - c.start <= LONGEST_ALIGNED]
        plain = [Cue(text=cues[i].text, start=cues[i].start, end=cues[i].end) for i in fit]
        for index, one in zip(fit, align_spoken(plain, speech, report=report), strict=True):
            forced[index] = one
        count = sum(one is not None for one in forced)
        tell(
            f"times refined: {count} of {len(cues)} cues by forced alignment, the others to the sound's edges"
        )
    else:
        why = "pocketsphinx is not installed" if english else "forced alignment knows English only"
        tell(f"times refined to the sound's edges ({why})")
    moved = []
    for given, match in zip(cues, forced, strict=True):
        if match is not None:
            one = structs.replace(given, start=match.start, end=match.end, words=match.words)
            moved.append(snap(one, speech, reach=ALIGNED_REACH))
        else:
            moved.append(snap(given, speech, reach=REACH))
    report(speech.duration, speech.duration)
    return in_given_order(cues, moved)


def in_given_order(given: Sequence[AlignedCue], moved: Sequence[AlignedCue]) -> list[AlignedCue]:
    """Moved cues in the order they had, none reaching into the next where they did not before."""
    cues: list[AlignedCue] = []
    for number, cue in enumerate(moved):
        if cues:
            last, apart = cues[-1], given[number - 1].end <= given[number].start
            least = last.start + 0.001 if given[number - 1].start < given[number].start else last.start
            if apart and cue.start < last.end:
                # Between the two, as near as may be to where the text parts them.
                border = min(max(given[number].start, cue.start), last.end)
                cues[-1] = last = structs.replace(last, end=max(border, last.start + 0.001))
                least = last.end
            if cue.start < least:
                cue = structs.replace(cue, start=least)
        if cue.end <= cue.start:
            cue = structs.replace(cue, end=cue.start + 0.001)
        cues.append(cue)
    return cues

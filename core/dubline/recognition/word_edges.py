"""Recognised words that follow a pause begin where the sound does.

Recognizers place the first word after a silence too early or too late: what they look at is coarse there, or
the word has taken in a part of the pause.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from dubline.media.speech import Speech
from dubline.recognition.sound_edges import sound_edge
from dubline.values.transcript import HeardWord

PAUSE = 0.2
"""Seconds without a word, from which the next word is looked at."""
REACH = 0.3
"""Seconds that a start is moved at most."""
SHORTEST = 0.03
"""Seconds that a word keeps at least."""


def first_words_on_sound(words: Iterable[HeardWord], speech: Speech) -> tuple[HeardWord, ...]:
    """The words, in the order given, with starts after a pause moved to where sound begins nearby.

    A word without times, one that follows the last without a pause, and one near which no sound begins
    (somebody speaks on, or there is music) stay as they are. No start moves over another word's time.
    """
    moved: list[HeardWord] = []
    last = 0.0  # the latest end of a word so far
    first = True
    for word in words:
        if word.start is None or word.end is None:
            moved.append(word)
            continue
        if first or word.start - last >= PAUSE:
            edge = sound_edge(speech, word.start, reach=REACH)
            start = max(0.0 if first else last, min(edge, word.end - SHORTEST))
            if start < word.end:
                word = structs.replace(word, start=start)
        first = False
        last = max(last, word.end or 0.0)
        moved.append(word)
    return tuple(moved)

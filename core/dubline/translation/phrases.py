"""What goes to the translator: a transcript's segments, joined to sentences where they are pieces of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import structs

from dubline.fit.durations import DurationModel
from dubline.language.sentences import groups, join, sentences
from dubline.values.base import key_of
from dubline.values.transcript import Segment
from dubline.values.translated import SourceLine, Tone

Wanted = Literal["", "shorter", "longer"]

LETTERS_A_SYLLABLE = 2.6
"""To turn a time into a number of syllables; between English and Turkish, and only ever a hint."""


@dataclass
class Phrase:
    """One thing to translate. `parts` are indices of segments, `texts` their plain texts, `text` the whole.

    `sentences` is what the translator gets one by one. `occurrence` counts the same words by the same speaker
    before it. `wishes` are what was asked for.
    """

    parts: tuple[int, ...]
    texts: tuple[str, ...]
    text: str
    speaker: str
    sentences: tuple[str, ...]
    occurrence: int = 0
    wishes: list[Wanted] = field(default_factory=lambda: [""])

    @property
    def speakable(self) -> bool:
        """Whether there is a letter to translate: numbers and marks alone are the same in any language."""
        return any(letter.isalpha() for letter in self.text)

    def singly(self, language: str) -> list[Phrase]:
        """Each part that has words by itself, for a translation that cannot be split back."""
        whole = len(self.sentences) == 1
        return [
            Phrase(
                (part,),
                (text,),
                text,
                self.speaker,
                (text,) if whole else sentences(text, language) or (text,),
                self.occurrence,
            )
            for part, text in zip(self.parts, self.texts, strict=True)
            if text
        ]


def phrases(
    segments: Sequence[Segment], texts: Sequence[str], language: str, *, whole_sentences: bool
) -> list[Phrase]:
    """The phrases of a transcript in order; every segment is in one. `texts` are the segments' plain
    texts."""
    plain = [structs.replace(s, text=text) for s, text in zip(segments, texts, strict=True)]
    in_order = []
    met: dict[tuple[str, str], int] = {}
    for parts in groups(plain, language):
        whole = join([texts[part] for part in parts])
        speaker = segments[parts[0]].speaker
        cut = sentences(whole, language) if whole_sentences else (whole,)
        occurrence = met.get((speaker, whole), 0)
        met[speaker, whole] = occurrence + 1
        in_order.append(
            Phrase(parts, tuple(texts[part] for part in parts), whole, speaker, cut or (whole,), occurrence)
        )
    return in_order


def source_lines(
    phrase: Phrase,
    segments: Sequence[Segment],
    model: DurationModel,
    *,
    in_context: bool,
    speaker: str,
    tone: Tone | None,
    slower: float,
    wishes: Iterable[Wanted] = ("",),
) -> tuple[SourceLine, ...]:
    """A line for each sentence of a phrase and each thing wanted.

    `speaker` is what he is called, `slower` the factor of his pace (see `isochrony.slowness`). A key holds
    what the translation depends on: the words, and for a translator that looks at the context who says them
    for the how many-th time.
    """
    seconds = sum(segments[part].end - segments[part].start for part in phrase.parts)
    letters = sum(len(text) for text in phrase.sentences) or 1
    lines = []
    for number, text in enumerate(phrase.sentences):
        time = seconds * len(text) / letters
        for what in wishes:
            context = (phrase.speaker, phrase.occurrence, number) if in_context else ()
            lines.append(
                SourceLine(
                    key=key_of(text, what, *context),
                    text=text,
                    ids=tuple(segments[part].id for part in phrase.parts),
                    speaker=speaker,
                    seconds=round(time, 3),
                    syllables=_syllables(time / slower, model),
                    tone=tone.tag if tone else "",
                    wanted=what,
                )
            )
    return tuple(lines)


def _syllables(seconds: float, model: DurationModel) -> int:
    each = model.syllable + LETTERS_A_SYLLABLE * model.character
    return max(1, round((seconds - model.constant) / each)) if each > 0 else 1

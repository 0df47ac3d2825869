"""What is said as subtitles, by the profile of its language; on a timeline a track for each speaker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from dubline.programme.dub_tracks import speaker_names
from dubline.subtitles.checks import TAGS
from dubline.subtitles.profiles import profile_of
from dubline.subtitles.spotting import Spoken, spotted
from dubline.values.programme import SubtitleCue, SubtitleTrack
from dubline.values.transcript import Segment, Transcript, milliseconds
from dubline.values.translated import TranslatedSegment, Translation

_spotted = lru_cache(maxsize=8)(spotted)
"""A command asks for the same cues again and again: for each speaker, each file, each page."""

Line = tuple[Segment | TranslatedSegment, str, str]
"""A segment with its text in a language, and in the source's."""


def lines_of(text: Transcript | Translation) -> list[Line]:
    """All lines of a transcript or a translation."""
    if isinstance(text, Transcript):
        return [(segment, segment.text, segment.text) for segment in text.segments]
    return [(segment, _said(segment), segment.source_text) for segment in text.segments]


def _said(segment: TranslatedSegment) -> str:
    """A line's text; what has no words, a note of music or a place on the screen, stays as it came."""
    wordless = segment.state == "silent" and not any(map(str.isalnum, TAGS.sub("", segment.source_text)))
    return segment.source_text if wordless else segment.text or ""


def language_of(text: Transcript | Translation) -> str:
    """The language of a transcript's or a translation's lines."""
    return text.language if isinstance(text, Transcript) else text.target_language


def cues_of(
    text: Transcript | Translation,
    fps: Fraction,
    *,
    bilingual: bool = False,
    labels: Mapping[str, str] = {},
) -> tuple[SubtitleCue, ...]:
    """The cues of everybody, in order of time; see `spotted`.

    `bilingual` puts the source's words in the row above, `labels` a speaker's name before the words.
    """
    language, lines = language_of(text), {line[0].id: line for line in lines_of(text)}
    spoken = tuple(
        _spoken(*line, bilingual=bilingual)._replace(label=labels.get(line[0].speaker, ""))
        for line in lines.values()
    )
    made = _spotted(spoken, profile_of(language), fps, language=language, until=milliseconds(text.duration))
    return tuple(
        SubtitleCue(
            id=ids[0],
            start=cue.start_ms / 1000,
            end=cue.end_ms / 1000,
            text=cue.text,
            speaker=lines[ids[0]][0].speaker,
            source_text=" ".join(lines[number][2] for number in ids),
            ids=ids,
        )
        for cue, ids in made
    )


def _spoken(segment: Segment | TranslatedSegment, text: str, source: str, *, bilingual: bool) -> Spoken:
    words = segment.words if isinstance(segment, Segment) else ()
    return Spoken(
        id=segment.id,
        start_ms=milliseconds(segment.start),
        end_ms=milliseconds(segment.end),
        text=text,
        speaker=segment.speaker,
        beats=tuple((milliseconds(word.start), milliseconds(word.end)) for word in words),
        above=source if bilingual else "",
    )


def subtitle_tracks(
    transcript: Transcript | None,
    translations: Sequence[Translation],
    fps: Fraction,
    *,
    bilingual: bool = False,
) -> tuple[SubtitleTrack, ...]:
    """A track for each speaker in the source language, then in each target. `bilingual`: as for `cues_of`, in
    the targets."""
    tracks: list[SubtitleTrack] = []
    if transcript is not None:
        tracks += _per_speaker(transcript, speaker_names(transcript, ()), fps)
    for translation in translations:
        # A speaker may have been named since.
        names = speaker_names(transcript, (translation,))
        tracks += _per_speaker(translation, names, fps, bilingual=bilingual)
    return tuple(tracks)


def _per_speaker(
    text: Transcript | Translation, names: dict[str, str], fps: Fraction, *, bilingual: bool = False
) -> Iterable[SubtitleTrack]:
    cues, language = cues_of(text, fps, bilingual=bilingual), language_of(text)
    for speaker in dict.fromkeys(segment.speaker for segment, said, _ in lines_of(text) if said.strip()):
        name = names.get(speaker) or speaker
        yield SubtitleTrack(
            name=f"{language or 'und'} {name}".strip() if name else f"{language or 'und'} unknown",
            language=language,
            speaker=speaker,
            speaker_name=name,
            cues=tuple(cue for cue in cues if cue.speaker == speaker),
        )

"""The subtitles that lie in a run folder: one file for each language, as its texts stand.

    subtitles/source.srt            the film's own words
    subtitles/en.srt                a translation
    subtitles/en.to-translate.srt   what it leaves to a person, in the film's language

They follow the texts: whatever command sees that a text has changed writes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dubline.files import full_disk_is_told, write_if_new
from dubline.programme.publications import published
from dubline.programme.reading import programme_rate, read_translations
from dubline.programme.subtitle_tracks import cues_of
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.rolling import plain
from dubline.subtitles.sent import Sent, SentCue, digest_of, keep_sent
from dubline.subtitles.srt import write_srt
from dubline.values.layout import Layout
from dubline.values.programme import SubtitleCue
from dubline.values.transcript import milliseconds, read_transcript
from dubline.values.translated import Translation

SOURCE = "source"


def publish_subtitles(root: Path) -> tuple[Path, ...]:
    """Write the subtitles of a run as its texts stand; returns the files that are there, the source's first.

    A file that says the same already is left alone, one that has nothing to say any more is removed.

    Raises:
        InvalidJob: a text is damaged.
        StorageFull: the disk is full.
    """
    return published(root, "subtitles", lambda: _written(root))


def _written(root: Path) -> tuple[Path, ...]:
    fps, files = programme_rate(root), {}
    heard = Layout(root).transcript
    if heard.is_file():
        files[f"{SOURCE}.srt"] = shown(cues_of(read_transcript(heard), fps))
    for translation in read_translations(root):
        name = translation.target_language
        files[f"{name}.srt"] = shown(cues_of(translation, fps))
        files[f"{name}.to-translate.srt"] = _left(translation)
    here = Layout(root).subtitles
    with full_disk_is_told(root):
        for name, cues in files.items():
            if not cues:
                (here / name).unlink(missing_ok=True)
                continue
            here.mkdir(exist_ok=True)
            write_if_new(here / name, write_srt(map(plain, cues)).encode())
        for translation in read_translations(root):
            if waiting := _waiting(translation):
                keep_sent(Sent(language=translation.target_language, cues=waiting), root)
    return tuple(here / name for name in files if (here / name).is_file())


def shown(cues: Iterable[SubtitleCue]) -> list[SubtitleText]:
    """Cues as a file has them, numbered from 1."""
    return [
        SubtitleText(
            index=number, start_ms=milliseconds(cue.start), end_ms=milliseconds(cue.end), text=cue.text
        )
        for number, cue in enumerate(cues, 1)
    ]


def sent_cues(texts: Sequence[SubtitleText], cues: Sequence[SubtitleCue]) -> tuple[SentCue, ...]:
    """The record of cues as a file shows them: one for each line.

    Of a line in several cues it has their whole time and text; of lines that share one, each its part of the
    time, and no text to be known by.
    """
    places: dict[int, list[int]] = {}
    for place, cue in enumerate(cues):
        for number in cue.ids or (cue.id,):
            places.setdefault(number, []).append(place)
    made = []
    for number, mine in places.items():
        first, last = texts[mine[0]], texts[mine[-1]]
        lines = cues[mine[0]].ids or (number,)
        at, length = lines.index(number), last.end_ms - first.start_ms
        text = "\n".join(texts[place].text for place in mine)
        made.append(
            SentCue(
                number=first.index,
                start_ms=first.start_ms + length * at // len(lines),
                end_ms=first.start_ms + length * (at + 1) // len(lines),
                digest=digest_of(text) if len(lines) == 1 else "",
                id=number,
                speaker=cues[mine[0]].speaker,
                parts=len(mine),
                shares=len(lines) > 1,
            )
        )
    return tuple(made)


def _waiting(translation: Translation) -> tuple[SentCue, ...]:
    """The record of the lines for a person to translate, so that they are known when they come back."""
    speakers = {line.id: line.speaker for line in translation.segments}
    return tuple(
        SentCue(
            number=cue.index,
            start_ms=cue.start_ms,
            end_ms=cue.end_ms,
            digest=digest_of(plain(cue).text),
            id=cue.index,
            speaker=speakers[cue.index],
        )
        for cue in _left(translation)
    )


def _left(translation: Translation) -> list[SubtitleText]:
    """Lines for a person to translate: whole, with their own numbers and times."""
    return [
        SubtitleText(
            index=line.id,
            start_ms=milliseconds(line.start),
            end_ms=milliseconds(line.end),
            text=line.source_text,
        )
        for line in translation.segments
        if line.state in ("pending", "failed")
    ]

"""What a run says: the transcript, and its translations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.programme.subtitle_tracks import lines_of
from dubline.subtitles.roundtrip import LineNow
from dubline.values.layout import Layout
from dubline.values.transcript import Segment, Transcript, milliseconds, read_transcript
from dubline.values.translated import TranslatedSegment, Translation, read_translation


@dataclass(frozen=True)
class Texts:
    """A run's text: the transcript, and its translations by language with their files. Of a run that was made
    of a text alone, the transcript is what its translation says of that text; it has no file (`heard`)."""

    transcript: Transcript
    translations: dict[str, tuple[Path, Translation]]
    heard: bool = True

    @property
    def languages(self) -> tuple[str, ...]:
        """The film's own first."""
        return (self.transcript.language, *self.translations)

    def text(self, language: str) -> Transcript | Translation:
        """The text in a language.

        Raises:
            InvalidJob: there is none.
        """
        if language == self.transcript.language:
            return self.transcript
        if language not in self.translations:
            raise InvalidJob(
                f"this run has no text in {language!r}",
                hint=f"It has {', '.join(self.languages)}. `dubline translate` makes others: --to LANGUAGE.",
            )
        return self.translations[language][1]

    def lines(self, language: str) -> tuple[LineNow, ...]:
        """The segments in a language, in the transcript's order.

        Raises:
            InvalidJob: there is no text in that language.
        """
        segments = {s.id: s for s in self.transcript.segments}
        return tuple(
            self._line(segments.get(segment.id, segment), text, source)
            for segment, text, source in lines_of(self.text(language))
        )

    def _line(self, at: Segment | TranslatedSegment, text: str, source_text: str) -> LineNow:
        return LineNow(
            id=at.id,
            start_ms=milliseconds(at.start),
            end_ms=milliseconds(at.end),
            text=text,
            speaker=at.speaker,
            name=self.names.get(at.speaker, ""),
            source_text=source_text,
        )

    @property
    def names(self) -> dict[str, str]:
        """Speaker -> the name that a person gave."""
        return {s.id: s.name for s in self.transcript.speakers if s.name}


def read_texts(root: Path) -> Texts:
    """The texts of a run folder.

    Raises:
        InvalidJob: no run, no text in it, or a damaged file.
    """
    translations: dict[str, tuple[Path, Translation]] = {}
    for path in Layout(root).translations():
        translation = read_translation(path)
        translations.setdefault(translation.target_language, (path, translation))
    if Layout(root).transcript.is_file():
        return Texts(read_transcript(Layout(root).transcript), translations)
    if not translations:
        raise InvalidJob(
            f"there is no transcript in {root}",
            hint="Give a run folder (EPISODE.dubline) in which `dubline transcribe` has been.",
        )
    first = next(iter(translations.values()))[1]
    return Texts(_translated_from(first), translations, heard=False)


def _translated_from(translation: Translation) -> Transcript:
    return Transcript(
        language=translation.source_language,
        duration=translation.duration,
        segments=tuple(
            Segment(
                id=s.id,
                start=s.start,
                end=s.end,
                speaker=s.speaker,
                text=s.source_text,
                language=s.source_language,
            )
            for s in translation.segments
        ),
        speakers=translation.speakers,
    )


def state_of(root: Path) -> str:
    """A digest of the files that `read_texts` reads: another one means that they were changed."""
    digest = hashlib.sha256()
    for path in (Layout(root).transcript, *Layout(root).translations()):
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"{path.name} {len(data)}\n".encode() + data)
    return digest.hexdigest()

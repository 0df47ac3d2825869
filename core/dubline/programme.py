"""Everything of a run that belongs on a timeline, in one value: picture, sounds, subtitles, marks.

    programme = read_programme(Path("EPISODE.dubline"))

Timelines, exports and the Resolve side are made from this value alone. Times of cues are seconds from the
first picture frame; the clock of the timeline (rate, start timecode) is the picture's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import msgspec

from dubline.errors import InvalidJob
from dubline.model import Media, Sound, Stems, Value
from dubline.run import Manifest, read_manifest
from dubline.timebase import Timecode, frame_rate, rate_text, seconds_to_frames
from dubline.transcript import Transcript, read_transcript
from dubline.translated import Translation, read_translation

Role = Literal["original", "vocals", "music", "sfx", "ambient", "dub", "m_and_e"]
MarkKind = Literal["too_long", "failed", "pending", "low_confidence"]

NO_PICTURE_RATE = Fraction(25)
"""The rate of a timeline for sound without picture, unless another is asked for."""
LOW_CONFIDENCE = 0.5
"""Segments of which the recognizer was less sure than this get a mark."""


class SoundTrack(Value, frozen=True):
    """A sound file that lies under the whole programme; its first sample sounds with the first frame.

    `path` is absolute. `enabled`: whether it is heard; the original is not, where there are stems. `track`
    is the number of the audio stream where the file is the video itself, counted from 0.
    """

    name: str
    role: Role
    path: str
    rate: int
    channels: int
    frames: int
    layout: str = ""
    language: str = ""
    enabled: bool = True
    level_db: float = 0.0
    track: int | None = None


class SubtitleCue(Value, frozen=True):
    """One subtitle; `id` is the transcript's segment. Seconds."""

    id: int
    start: float
    end: float
    text: str
    speaker: str = ""
    source_text: str = ""


class SubtitleTrack(Value, frozen=True):
    """The cues of one speaker (`speaker` "" : of nobody known) in one language, in order of start."""

    name: str
    language: str
    speaker: str
    speaker_name: str
    cues: tuple[SubtitleCue, ...]


class Mark(Value, frozen=True):
    """A place that a person should look at. Seconds."""

    id: int
    start: float
    end: float
    kind: MarkKind
    text: str


class Programme(Value, frozen=True):
    """A programme as a timeline needs it.

    `rate` is the picture's exact rate as text, `frames` the length in picture frames, `start` the number of
    the first frame on a clock that begins at midnight, `drop` whether its timecode drops numbers. `notes` are
    sentences for whoever opens the timeline.
    """

    name: str
    rate: str
    frames: int
    start: int = 0
    drop: bool = False
    picture: Media | None = None
    sounds: tuple[SoundTrack, ...] = ()
    subtitles: tuple[SubtitleTrack, ...] = ()
    marks: tuple[Mark, ...] = ()
    root: str = ""
    notes: tuple[str, ...] = ()

    @property
    def fps(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.rate)

    @property
    def timecode(self) -> Timecode:
        """The timecode of the first frame."""
        return Timecode(self.start, self.fps, self.drop)


def read_programme(root: Path, *, rate: str = "", low_confidence: float = LOW_CONFIDENCE) -> Programme:
    """What a run folder holds, as far as it has come.

    `rate` is for a sound without picture; a picture's own rate is never changed. Media are not opened here:
    whether they are still in their place is for whoever writes a timeline of them.

    Raises:
        InvalidJob: no run there, nothing in it to show, a damaged transcript or translation, no frame rate,
            or one for a picture that has its own.
    """
    if not root.is_dir():
        raise InvalidJob(f"there is no run folder {root}", hint="Give the folder, such as EPISODE.dubline.")
    manifest = read_manifest(root)
    media = _input(manifest, "extract", Media)
    fps = _rate_of(media, rate)
    source = _source(manifest, root, media)
    transcript = read_transcript(root / "transcript.json") if (root / "transcript.json").exists() else None
    translations = read_translations(root)
    if source is None and transcript is None:
        raise InvalidJob(
            f"there is nothing in {root} to put on a timeline",
            hint="Run `dubline separate` or `dubline transcribe` first.",
        )
    seconds = _length(media, source, transcript)
    frames = seconds_to_frames(seconds, fps, "nearest" if media and media.video else "ceil")
    if media and media.video and media.video.frames:
        frames = media.video.frames
    start, notes = _start(media, fps)
    return Programme(
        name=root.absolute().name.removesuffix(".dubline"),
        rate=rate_text(fps),
        frames=frames,
        start=start.frame,
        drop=start.drop,
        picture=media if media and media.video else None,
        sounds=tuple(_sounds(manifest, root, media, source)),
        subtitles=tuple(_subtitles(transcript, translations)),
        marks=tuple(_marks(transcript, translations, low_confidence)),
        root=root.absolute().as_posix(),
        notes=notes,
    )


def programme_of_text(
    name: str,
    transcript: Transcript | None,
    translations: tuple[Translation, ...],
    *,
    rate: str = "",
    low_confidence: float = LOW_CONFIDENCE,
) -> Programme:
    """A programme of words alone: no picture, no sound, from 00:00:00:00.

    Raises:
        InvalidJob: `rate` is no frame rate.
    """
    fps = frame_rate(rate) if rate else NO_PICTURE_RATE
    seconds = max([t.duration for t in (transcript, *translations) if t is not None], default=0.0)
    return Programme(
        name=name,
        rate=rate_text(fps),
        frames=seconds_to_frames(seconds, fps, "ceil"),
        subtitles=tuple(_subtitles(transcript, translations)),
        marks=tuple(_marks(transcript, translations, low_confidence)),
    )


def read_translations(root: Path) -> tuple[Translation, ...]:
    """The translations in a run folder: translated.json, then translated.LANGUAGE.json by name. Files that
    were set aside before a change (translated.before.json) are none of them."""
    others = (p for p in sorted(root.glob("translated.*.json")) if not p.name.endswith(".before.json"))
    paths = [root / "translated.json", *others]
    return tuple(read_translation(path) for path in paths if path.exists())


def result_of(manifest: Manifest, root: Path, name: str, wanted: Any) -> Any:
    """The result of the last step of that name that was finished, or None."""
    for record in reversed(manifest.steps):
        if record.name == name and record.state in ("done", "kept"):
            path = root / "steps" / f"{name}-{record.key}" / "result.json"
            try:
                return msgspec.json.decode(path.read_bytes(), type=wanted)
            except (OSError, ValueError):  # cleared away, or written by another version
                continue
    return None


def _input(manifest: Manifest, name: str, wanted: Any) -> Any:
    """The first input of the last step of that name, where it is of that kind; else None."""
    for record in reversed(manifest.steps):
        if record.name == name and record.state in ("done", "kept"):
            try:
                return msgspec.convert(record.inputs[0], wanted)
            except (msgspec.ValidationError, LookupError, TypeError):
                continue
    return None


def _rate_of(media: Media | None, rate: str) -> Fraction:
    wanted = frame_rate(rate) if rate else None
    if media is None or media.video is None:
        return wanted or NO_PICTURE_RATE
    own = frame_rate(media.video.rate)
    if wanted is not None and wanted != own:
        raise InvalidJob(
            f"the picture runs at {rate_text(own)} frames a second, not at {rate_text(wanted)}",
            hint="Leave the rate out: it is for sound without a picture.",
        )
    return own


def _start(media: Media | None, fps: Fraction) -> tuple[Timecode, tuple[str, ...]]:
    """Where the programme's clock begins, and what is to be said about that."""
    notes: tuple[str, ...] = ()
    if media and media.video and media.video.variable:
        notes = (
            f"The frames of {Path(media.path).name} are unevenly spaced; the timeline counts them at a "
            f"steady {rate_text(fps)} a second, as editing programs do.",
        )
    if not media or not media.timecode:
        return Timecode(0, fps), notes
    try:
        return Timecode.parse(media.timecode, fps), notes
    except InvalidJob as error:
        told = f"The timecode of {Path(media.path).name} is not used, and the timeline begins at 0: {error}."
        return Timecode(0, fps), (*notes, told)


def _source(manifest: Manifest, root: Path, media: Media | None) -> Sound | None:
    """The programme's sound: extracted from the video, or the file that was given."""
    if media is not None:
        extracted: Sound | None = result_of(manifest, root, "extract", Sound)
        return extracted
    given: Sound | None = _input(manifest, "separate", Sound) or _input(manifest, "listen", Sound)
    return given


def _length(media: Media | None, source: Sound | None, transcript: Transcript | None) -> Fraction:
    if media and media.video:
        return Fraction(media.duration)
    if source is not None:
        return Fraction(source.frames, source.rate)
    return Fraction(transcript.duration if transcript else 0)


def _absolute(root: Path, path: str) -> str:
    return (root / path).absolute().as_posix()


def _sounds(
    manifest: Manifest, root: Path, media: Media | None, source: Sound | None
) -> Iterable[SoundTrack]:
    stems: Stems | None = result_of(manifest, root, "separate", Stems)
    if source is not None:
        yield SoundTrack(
            name="original",
            role="original",
            path=_absolute(root, source.path),
            rate=source.rate,
            channels=source.channels,
            frames=source.frames,
            layout=source.layout,
            enabled=stems is None,
        )
    if stems is None:
        return
    for stem in stems.stems:
        shown = root / "stems" / f"{stem.name}.wav"
        yield SoundTrack(
            name=stem.name,
            role=stem.name,
            path=shown.absolute().as_posix() if shown.exists() else _absolute(root, stem.path),
            rate=stem.rate,
            channels=stem.channels,
            frames=stem.frames,
            layout=stem.layout,
        )


def _subtitles(
    transcript: Transcript | None, translations: tuple[Translation, ...]
) -> Iterable[SubtitleTrack]:
    """A track for each speaker in the source language, then in each target."""
    if transcript is not None:
        cues = [
            SubtitleCue(id=s.id, start=s.start, end=s.end, text=s.text, speaker=s.speaker, source_text=s.text)
            for s in transcript.segments
            if s.text.strip()
        ]
        yield from _per_speaker(cues, transcript.language, {s.id: s.name for s in transcript.speakers})
    for translation in translations:
        cues = [
            SubtitleCue(
                id=s.id, start=s.start, end=s.end, text=s.text, speaker=s.speaker, source_text=s.source_text
            )
            for s in translation.segments
            if s.text and s.text.strip()
        ]
        names = {s.id: s.name for s in translation.speakers}
        if transcript is not None:  # a speaker may have been named since
            names.update({s.id: s.name for s in transcript.speakers if s.name})
        yield from _per_speaker(cues, translation.target_language, names)


def _per_speaker(cues: list[SubtitleCue], language: str, names: dict[str, str]) -> Iterable[SubtitleTrack]:
    for speaker in dict.fromkeys(cue.speaker for cue in cues):
        name = names.get(speaker) or speaker
        yield SubtitleTrack(
            name=f"{language or 'und'} {name}".strip() if name else f"{language or 'und'} unknown",
            language=language,
            speaker=speaker,
            speaker_name=name,
            cues=tuple(cue for cue in cues if cue.speaker == speaker),
        )


def _marks(
    transcript: Transcript | None, translations: tuple[Translation, ...], low_confidence: float
) -> Iterable[Mark]:
    found: list[Mark] = []
    for s in transcript.segments if transcript else ():
        if s.confidence is not None and s.confidence < low_confidence:
            text = f"{s.confidence:.0%} sure: {s.text}"
            found.append(Mark(id=s.id, start=s.start, end=s.end, kind="low_confidence", text=text))
    for translation in translations:
        language = translation.target_language
        for line in translation.segments:
            kind: MarkKind | None = None
            why = ""
            if line.state == "failed":
                kind, why = "failed", "; ".join(line.reasons)
            elif line.state == "pending":
                kind, why = "pending", line.source_text
            elif line.fit is not None and line.fit.status == "too_long":
                kind, why = "too_long", f"{line.fit.speed:.2f}x: {line.text}"
            if kind is not None:
                text = f"{language}: {why}"
                found.append(Mark(id=line.id, start=line.start, end=line.end, kind=kind, text=text))
    return sorted(found, key=lambda m: (m.start, m.id, m.kind))

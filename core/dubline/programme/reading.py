"""Everything of a run that belongs on a timeline, in one value: picture, sounds, takes, subtitles, marks.

    programme = read_programme(Path("EPISODE.dubline"))

Timelines, exports and the Resolve side are made from this value alone. Times of cues are seconds from the
first picture frame; the clock of the timeline (rate, start timecode) is the picture's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.language.markup import unmark
from dubline.media.film_place import original_in
from dubline.programme.coherence import at_odds
from dubline.programme.dub_tracks import (
    dub_marks,
    dub_sounds,
    dub_takes,
    published,
    speaker_names,
    spoken_lines,
)
from dubline.programme.subtitle_tracks import subtitle_tracks
from dubline.run import check, standing
from dubline.timebase import Timecode, frame_rate, rate_text, seconds_to_frames
from dubline.values.dubbed import Dub, read_dubs
from dubline.values.layout import Layout
from dubline.values.media import Media, Sound
from dubline.values.programme import Mark, MarkKind, Programme, SoundTrack
from dubline.values.stems import Stems
from dubline.values.transcript import Transcript, read_transcript
from dubline.values.translated import Translation, read_translation

NO_PICTURE_RATE = Fraction(25)
"""The rate of a timeline for sound without picture, unless another is asked for."""
LOW_CONFIDENCE = 0.5
"""Segments of which the recognizer was less sure than this get a mark."""


def read_programme(root: Path, *, rate: str = "", bilingual: bool = False) -> Programme:
    """What a run folder holds, as far as it has come.

    `rate` is for a sound without picture; a picture's own rate is never changed. `bilingual` puts the film's
    own words above the translations in their subtitles. Media are not opened here: whether they are still in
    their place is for whoever writes a timeline of them.

    Raises:
        InvalidJob: no run there, nothing in it to show, a damaged transcript, translation or dub, no frame
            rate, or one for a picture that has its own.
    """
    if not root.is_dir():
        raise InvalidJob(f"there is no run folder {root}", hint="Give the folder, such as EPISODE.dubline.")
    original = original_in(root)
    media = original.media if original is not None else None
    source = original.sound if original is not None else None
    fps = _rate_of(media, rate)
    transcript = read_transcript(heard) if (heard := Layout(root).transcript).exists() else None
    translations = read_translations(root)
    dubs = read_dubs(root)
    if source is None and transcript is None and translations:  # subtitles that were translated alone
        name = root.absolute().name.removesuffix(".dubline")
        return programme_of_text(name, None, translations, rate=rate, bilingual=bilingual)
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
        sounds=tuple(_sounds(root, source, dubs)),
        takes=tuple(dub_takes(root, dubs, speaker_names(transcript, translations))),
        subtitles=subtitle_tracks(transcript, translations, fps, bilingual=bilingual),
        marks=tuple(_marks(transcript, translations, dubs)),
        root=root.absolute().as_posix(),
        notes=(*notes, *at_odds(root, translations)),
    )


def programme_of_text(
    name: str,
    transcript: Transcript | None,
    translations: tuple[Translation, ...],
    *,
    rate: str = "",
    bilingual: bool = False,
) -> Programme:
    """A programme of words alone: no picture, no sound, from 00:00:00:00.

    Raises:
        InvalidJob: `rate` is no frame rate.
    """
    fps = _rate_of(None, rate)
    seconds = max([t.duration for t in (transcript, *translations) if t is not None], default=0.0)
    return Programme(
        name=name,
        rate=rate_text(fps),
        frames=seconds_to_frames(seconds, fps, "ceil"),
        subtitles=subtitle_tracks(transcript, translations, fps, bilingual=bilingual),
        marks=tuple(_marks(transcript, translations)),
    )


def read_translations(root: Path) -> tuple[Translation, ...]:
    """The translations in a run folder, the first language's first."""
    return tuple(map(read_translation, Layout(root).translations()))


def programme_rate(root: Path) -> Fraction:
    """Frames a second of a run's picture; `NO_PICTURE_RATE` where there is none."""
    original = original_in(root)
    return _rate_of(original.media if original is not None else None, "")


def start_timecode(root: Path) -> Timecode:
    """The timecode of a run's first frame; 00:00:00:00 where its picture has none."""
    original = original_in(root)
    media = original.media if original is not None else None
    return _start(media, _rate_of(media, ""))[0]


def _rate_of(media: Media | None, rate: str) -> Fraction:
    wanted = frame_rate(rate) if rate else None
    if media is None or media.video is None:
        return wanted or NO_PICTURE_RATE
    own = frame_rate(media.video.rate)
    if wanted is not None and wanted != own:
        raise InvalidJob(
            f"the picture runs at {rate_text(own)} frames a second, not at {rate_text(wanted)}",
            hint="Leave out the rate: it is for sound without a picture.",
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


def _length(media: Media | None, source: Sound | None, transcript: Transcript | None) -> Fraction:
    if media and media.video:
        return Fraction(media.duration)
    if source is not None:
        return Fraction(source.frames, source.rate)
    return Fraction(transcript.duration if transcript else 0)


def _sounds(root: Path, source: Sound | None, dubs: tuple[Dub, ...]) -> Iterable[SoundTrack]:
    """Of all sounds one way is heard: the dub, else the stems, else the original."""
    dubbed = tuple(dub_sounds(root, dubs, source.layout if source else ""))
    stems = standing(root, "stems", Stems)
    if source is not None:
        check(root, source.path)
        yield SoundTrack(
            name="original",
            role="original",
            path=Layout(root).file(source.path).absolute().as_posix(),
            rate=source.rate,
            channels=source.channels,
            frames=source.frames,
            layout=source.layout,
            enabled=stems is None and not dubbed,
        )
    for stem in stems.stems if stems else ():
        yield SoundTrack(
            name=stem.name,
            role=stem.name,
            path=published(root, Layout(root).stem(stem.name), stem.path),
            rate=stem.rate,
            channels=stem.channels,
            frames=stem.frames,
            layout=stem.layout,
            enabled=not dubbed,
        )
    yield from dubbed


def _marks(
    transcript: Transcript | None, translations: tuple[Translation, ...], dubs: tuple[Dub, ...] = ()
) -> Iterable[Mark]:
    """What needs an eye, in order of time. Of a line that was spoken its take tells whether it is too long,
    not the estimate that came with its translation."""
    spoken = spoken_lines(dubs)
    spans = {
        (t.target_language, line.id): (line.start, line.end) for t in translations for line in t.segments
    }
    found = list(dub_marks(dubs, spans))
    for s in transcript.segments if transcript else ():
        if s.doubted:
            text = f"{s.doubted}: {s.text}"
            found.append(Mark(id=s.id, start=s.start, end=s.end, kind="doubtful", text=text))
        elif s.confidence is not None and s.confidence < LOW_CONFIDENCE:
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
                if (language, line.id, unmark(line.text or "").plain) in spoken:
                    continue
                kind, why = "too_long", f"{line.fit.speed:.2f}x: {line.text}"
            if kind is not None:
                text = f"{language}: {why}"
                found.append(Mark(id=line.id, start=line.start, end=line.end, kind=kind, text=text))
    return sorted(found, key=lambda m: (m.start, m.id, m.kind))

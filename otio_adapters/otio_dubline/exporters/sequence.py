"""Timelines as Premiere and Final Cut see them (see `otio_dubline.exporters.strips`).

    sequence = sequence_of(timeline)

What a timeline holds beyond that is named in `lost`; what would come out wrong is refused.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob
from otio_dubline.build import SUBTITLE
from otio_dubline.exporters.media_files import number, pixel_aspect, sound_head
from otio_dubline.exporters.strips import Caption, CaptionStrip, Flag, Medium, Piece, Sequence, Strip
from otio_dubline.reading import (
    exact_rate,
    facts_of,
    frames_of,
    is_still,
    media_file,
    placed,
    rate_of,
    start_of,
    without_file,
)

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
"""Kinds of sample -> bits of one."""


def sequence_of(timeline: otio.schema.Timeline, *, captions: bool = True) -> Sequence:
    """Timeline -> sequence. What is no track is taken off the timeline, and named.

    Without `captions` subtitle tracks are passed over: they go elsewhere.

    Raises:
        InvalidJob: there is nothing on it, its rate is none, or a medium is no file of this machine.
    """
    fps = rate_of(timeline)
    start, drop = start_of(timeline, fps)
    made = Sequence(name=timeline.name or "timeline", fps=fps, start=start, drop=drop)
    if start < 0:
        raise InvalidJob(
            "the timeline begins before midnight of its own clock",
            hint="Give it a start of 00:00:00:00 or later.",
        )
    made.flags += _flags(timeline.tracks.markers, fps, 0)
    for place in reversed(range(len(timeline.tracks))):
        if not isinstance(timeline.tracks[place], otio.schema.Track):
            made.lose(f"{_called(timeline.tracks[place])} lies among the tracks and is left out.")
            del timeline.tracks[place]
    for place, track in enumerate(timeline.tracks, 1):
        if track.kind == SUBTITLE and not captions:
            if not track.enabled:
                made.lose(f"The subtitles {track.name!r} are switched off and left out.")
        elif track.kind == SUBTITLE:
            made.captions.append(_captions(track, made))
        elif track.kind in (otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio):
            made.strips.append(_strip(track, made, place))
        else:
            made.lose(f"Track {track.name!r} is of the kind {track.kind!r} and is left out.")
    made.flags.sort(key=lambda flag: (flag.at, flag.name))
    if not made.frames:
        raise InvalidJob(
            f"there is nothing on the timeline {made.name!r}", hint="Export one that holds a clip."
        )
    outside = [flag for flag in made.flags if not 0 <= flag.at < made.frames]
    if outside:
        made.lose(f"Markers beyond the first or last clip are left out: {len(outside)}.")
        made.flags = [flag for flag in made.flags if 0 <= flag.at < made.frames]
    for caption in made.captions:
        if caption.captions and not caption.language:
            made.note(f"The language of the subtitles {caption.name!r} is not known.")
    return made


# --- tracks --------------------------------------------------------------------------------------


def _called(item: Any) -> str:
    name = str(getattr(item, "name", "") or "")
    return f"{type(item).__name__} {name!r}" if name else f"A {type(item).__name__.lower()}"


def _strip(track: otio.schema.Track, made: Sequence, place: int) -> Strip:
    name = track.name or f"{track.kind} {place}"
    if track.effects:
        made.lose(f"The effects on track {name!r} are left out.")
    if any(isinstance(item, otio.schema.Transition) for item in track):
        made.lose(f"The transitions on track {name!r} become cuts.")
    made.flags += _flags(track.markers, made.fps, 0)
    pieces = []
    for at, frames, item in placed(track, made.fps):
        if isinstance(item, otio.schema.Gap):
            made.flags += _flags(
                item.markers, made.fps, at - frames_of(item.trimmed_range().start_time, made.fps)
            )
        else:
            piece = _piece(item, at, frames, made, name)
            if piece is not None:
                pieces.append(piece)
                made.frames = max(made.frames, piece.at + piece.frames)
    facts = facts_of(track)
    return Strip(
        name=name,
        sound=track.kind == otio.schema.TrackKind.Audio,
        enabled=bool(track.enabled),
        level_db=number(facts.get("level_db")),
        role=str(facts.get("role") or ""),
        language=str(facts.get("language") or ""),
        pieces=tuple(pieces),
    )


def _piece(item: Any, at: int, frames: int, made: Sequence, track: str) -> Piece | None:
    """A clip's part of a file; None for what has no file, of which something is told."""
    where = f"{_called(item)} on track {track!r}"
    if not isinstance(item, otio.schema.Clip):
        made.lose(f"{where} is left out: nested timelines are not carried over.")
        return None
    media = item.media_reference
    if not isinstance(media, otio.schema.ExternalReference):
        made.lose(f"{where} is left out: {without_file(media)}.")
        return None
    if any(isinstance(effect, otio.schema.TimeEffect) for effect in item.effects):
        made.lose(f"{where} plays at its normal speed.")
    elif item.effects:
        made.lose(f"The effects of {where} are left out.")
    begin = item.trimmed_range().start_time
    known = media.available_range
    origin, length = 0, None
    if known is not None:
        origin, length = frames_of(known.start_time, made.fps), frames_of(known.duration, made.fps)
    if is_still(media):  # shown as long as its clip lasts, from any frame on
        origin, length = frames_of(begin, made.fps), None
    first = frames_of(begin, made.fps) - origin
    medium = _medium(media, made, first + frames)
    if first < 0:
        made.lose(f"{where} begins {-first} frames before its file; that part is left out.")
        at, frames, first = at - first, frames + first, 0
    if length is not None and first + frames > length:
        made.lose(f"{where} runs {first + frames - length} frames past its file; that part is left out.")
        frames = length - first
    if frames <= 0:
        return None
    return Piece(
        name=item.name or medium.name,
        medium=medium,
        at=at,
        first=first,
        frames=frames,
        enabled=bool(item.enabled),
        flags=_flags(item.markers, made.fps, -origin),
        level_db=number(facts_of(item).get("level_db")),
    )


def _medium(media: otio.schema.ExternalReference, made: Sequence, needed: int) -> Medium:
    """The file of a reference; the same file is the same medium, as long as its longest use."""
    path = media_file(media.target_url)
    windows = not path.is_absolute()
    if windows and not PureWindowsPath(str(path)).is_absolute():
        raise InvalidJob(
            f"{media.target_url} is not a whole path",
            hint="Relink the clip in the program that made the timeline.",
        )
    url = PureWindowsPath(str(path)).as_uri() if windows else path.as_uri()
    facts = facts_of(media)
    earlier = made.media.get(url)
    if earlier is None and not windows and not path.is_file():
        made.note(f"{path} is not there: relink it after opening.")
    known = media.available_range
    begin, rate, frames = Fraction(0), made.fps, needed
    if known is not None:
        frames = frames_of(known.duration, made.fps)
        exact = exact_rate(known.start_time.rate)
        begin = Fraction(known.start_time.value) / exact
        if known.start_time.rate <= 1000:
            rate = exact
    if earlier is not None:  # the clock of the first use stands; another may show that the file is longer
        made.media[url] = replace(earlier, frames=max(earlier.frames, frames))
        return made.media[url]
    channels, bits = int(number(facts.get("channels"))), 0
    sample_rate = int(number(facts.get("sample_rate")))
    own = facts.get("audio")
    if not channels and own:
        channels = sum(int(number(stream.get("channels"))) for stream in own if hasattr(stream, "get"))
        sample_rate = max((int(number(s.get("rate"))) for s in own if hasattr(s, "get")), default=0)
    head = None if windows else sound_head(path)
    if head is not None:
        channels, sample_rate, bits = head.channels, head.samplerate, BITS.get(head.subtype, 0)
    made.media[url] = Medium(
        url=url,
        name=(PureWindowsPath if windows else PurePosixPath)(str(path)).name,
        begin=begin,
        frames=frames,
        rate=rate,
        channels=max(channels, 0),
        sample_rate=max(sample_rate, 0),
        bits=bits,
        width=max(int(number(facts.get("width"))), 0),
        height=max(int(number(facts.get("height"))), 0),
        pixel_aspect=pixel_aspect(facts),
    )
    return made.media[url]


# --- markers and subtitles -----------------------------------------------------------------------


def _flags(markers: Any, fps: Fraction, shift: int) -> tuple[Flag, ...]:
    return tuple(
        Flag(
            at=frames_of(marker.marked_range.start_time, fps) + shift,
            frames=max(frames_of(marker.marked_range.duration, fps), 0),
            name=marker.name or "marker",
            comment=marker.comment or "",
            colour=str(marker.color or ""),
            kind=str(facts_of(marker).get("kind") or ""),
        )
        for marker in markers
    )


def _captions(track: otio.schema.Track, made: Sequence) -> CaptionStrip:
    captions = []
    for at, frames, item in placed(track, made.fps):
        if isinstance(item, otio.schema.Gap):
            continue
        if not isinstance(item, otio.schema.Clip):
            made.lose(f"{_called(item)} on track {track.name!r} is left out: it is not a subtitle.")
        elif not item.enabled:
            made.lose(f"Subtitles that are switched off on track {track.name!r} are left out.")
        elif frames and item.name.strip():
            captions.append(Caption(at=at, frames=frames, text=item.name))
            made.frames = max(made.frames, at + frames)
    facts = facts_of(track)
    return CaptionStrip(
        name=track.name or "subtitles",
        language=str(facts.get("language") or ""),
        speaker=str(facts.get("speaker_name") or facts.get("speaker") or ""),
        enabled=bool(track.enabled),
        captions=tuple(captions),
    )

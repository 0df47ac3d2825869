"""A timeline as a mixer sees it: lanes of sound and picture with pieces of files on whole frames.

    laid = lay_out(timeline)

Made for targets of the MLT family, which know only frames of the project counted from 0, files counted from
their own first frame, and cuts. Whatever a timeline holds beyond that is named in `laid.lost`; one that
would come out wrong is refused. A timeline that somebody else made may lack `metadata["dubline"]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.timebase import Timecode, may_drop, whole
from otio_dubline.exporters import Account
from otio_dubline.exporters.media_files import File, file_of, number
from otio_dubline.reading import called as _called
from otio_dubline.reading import exact_rate, exact_start, facts_of, is_still, rate_of, without_file

MOST_FRAMES = 2**31 - 1
"""MLT counts frames in a C int."""


@dataclass(frozen=True)
class Piece:
    """`frames` frames of a file from its frame `first` (0: its beginning), at `start` on the timeline.

    `exact`: where it begins in seconds, for those who can say it finer than in frames; None: with the frame.
    """

    name: str
    file: File
    start: int
    first: int
    frames: int
    level_db: float = 0.0
    exact: Fraction | None = None


@dataclass(frozen=True)
class Lane:
    """A track: pieces in order, never one over the other."""

    name: str
    sound: bool
    enabled: bool
    level_db: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Guide:
    """A marker. `colour` is a name of OTIO's, `kind` Dubline's own (else "")."""

    start: int
    frames: int
    text: str
    kind: str
    colour: str


@dataclass(frozen=True)
class Cue:
    """A subtitle, in frames of the timeline."""

    start: int
    end: int
    text: str
    speaker: str
    source_text: str


@dataclass
class Laid(Account):
    """The whole timeline. `start`: the number of its first frame; `cues`: by language, in order of time."""

    name: str
    fps: Fraction
    start: int = 0
    drop: bool = False
    frames: int = 0
    lanes: list[Lane] = field(default_factory=list)
    guides: list[Guide] = field(default_factory=list)
    cues: dict[str, list[Cue]] = field(default_factory=dict)

    @property
    def timecode(self) -> Timecode:
        """Of the first frame."""
        return Timecode(self.start, self.fps, self.drop)

    def files(self) -> list[File]:
        """Every file once, in the order of the lanes."""
        return list({p.file.path: p.file for lane in self.lanes for p in lane.pieces}.values())


def lay_out(timeline: otio.schema.Timeline) -> Laid:
    """Timeline -> lanes.

    Raises:
        InvalidJob: nothing on it; a time that is no number or negative; media that are no local file.
    """
    facts = facts_of(timeline)
    laid = Laid(name=timeline.name or "timeline", fps=rate_of(timeline))
    if timeline.global_start_time is not None:
        laid.start = _at(timeline.global_start_time, laid.fps, "the start time")
        laid.drop = bool(facts.get("drop_frame", False)) and may_drop(laid.fps)
    if timeline.tracks.effects:
        laid.lose("Effects on the whole timeline are left out.")
    laid.guides += _guides(timeline.tracks.markers, laid.fps, 0)
    for track in timeline.tracks:
        if isinstance(track, otio.schema.Track):
            _track(track, laid)
        else:
            laid.lose(f"{_called(track)} lies among the tracks and is left out.")
    if early := sum(guide.start < 0 for guide in laid.guides):
        laid.lose(f"Markers before the first frame are left out: {early}.")
        laid.guides = [guide for guide in laid.guides if guide.start >= 0]
    laid.guides.sort(key=lambda guide: (guide.start, guide.text))
    for language in laid.cues:
        laid.cues[language].sort(key=lambda cue: (cue.start, cue.end))
    if not laid.frames:
        raise InvalidJob(
            f"there is nothing on the timeline {laid.name!r}", hint="Export one that holds a clip."
        )
    if laid.frames > MOST_FRAMES:
        raise InvalidJob(
            f"the timeline {laid.name!r} has {laid.frames} frames, more than MLT can count",
            hint="Check the durations of its clips.",
        )
    return laid


# --- time ----------------------------------------------------------------------------------------


def _frames(time: otio.opentime.RationalTime, fps: Fraction, what: str) -> Fraction | int:
    """A time in frames of the timeline, exactly, its rate being what that number stands for."""
    try:
        value, rate = time.value, exact_rate(time.rate)
        if rate == fps and value.is_integer():  # nearly always, and much faster
            return int(value)
        return Fraction(value) / rate * fps
    except (InvalidJob, ValueError, OverflowError, ZeroDivisionError):
        raise InvalidJob(
            f"{what} is not a time: {time.value} at {time.rate} a second",
            hint="Export the timeline anew from the program that made it.",
        ) from None


def _at(time: otio.opentime.RationalTime, fps: Fraction, what: str) -> int:
    return whole(Fraction(_frames(time, fps, what)))


# --- tracks --------------------------------------------------------------------------------------


def _track(track: otio.schema.Track, laid: Laid) -> None:
    name = track.name or f"{track.kind} {len(laid.lanes) + 1}"
    for effect in track.effects:
        laid.lose(f"The effect {effect.effect_name or effect.name!r} on track {name!r} is left out.")
    if track.kind not in ("Video", "Audio"):
        if track.kind == "Subtitle":
            _subtitles(track, laid)
        else:
            laid.lose(f"Track {name!r} is of the kind {track.kind!r} and is left out.")
        return
    pieces = [_piece(item, start, end - start, laid, name) for start, end, item in _items(track, laid, name)]
    laid.lanes.append(
        Lane(
            name=name,
            sound=track.kind == "Audio",
            enabled=bool(track.enabled),
            level_db=number(facts_of(track).get("level_db")),
            pieces=tuple(piece for piece in pieces if piece is not None),
        )
    )


def _items(track: otio.schema.Track, laid: Laid, name: str) -> Iterator[tuple[int, int, Any]]:
    """(first frame, frame after the last, item) of all that takes time, from exact sums: no error grows."""
    at: Fraction | int = 0
    for item in track:
        if isinstance(item, otio.schema.Transition):
            laid.lose(
                f"The transition {item.name or item.transition_type!r} on track {name!r} becomes a cut."
            )
            continue
        try:
            duration = _frames(item.trimmed_range().duration, laid.fps, _called(item))
        except (otio.exceptions.OTIOError, NotImplementedError):
            raise InvalidJob(
                f"{_called(item)} on track {name!r} has no length",
                hint="Give it a source range, or its media an available range.",
            ) from None
        if duration < 0:
            raise InvalidJob(
                f"{_called(item)} on track {name!r} is shorter than nothing",
                hint="Export the timeline anew from the program that made it.",
            )
        start, end = whole(Fraction(at)), whole(Fraction(at + duration))
        laid.frames = max(laid.frames, end)
        laid.guides += _guides(item.markers, laid.fps, at, item)
        at += duration
        yield start, end, item
    laid.guides += _guides(track.markers, laid.fps, 0)


def _piece(item: Any, start: int, frames: int, laid: Laid, track: str) -> Piece | None:
    """A clip's part of a file; None for gaps and what has no file, of which something is told."""
    if isinstance(item, otio.schema.Gap) or not frames:
        return None
    where = f"{_called(item)} on track {track!r}"
    if not isinstance(item, otio.schema.Clip):
        laid.lose(f"{where} is left out: nested timelines cannot be carried over.")
        return None
    media = item.media_reference
    if not isinstance(media, otio.schema.ExternalReference):
        laid.lose(f"{where} is left out: {without_file(media)}.")
        return None
    if not item.enabled:
        laid.lose(f"{where} is switched off and left out.")
        return None
    for effect in item.effects:
        if isinstance(effect, otio.schema.TimeEffect):
            laid.lose(f"{where} plays at its normal speed.")
        else:
            laid.lose(f"The effect {effect.effect_name or effect.name!r} of {where} is left out.")
    origin: Fraction | int = 0
    length = 0
    if media.available_range is not None:
        origin = _frames(media.available_range.start_time, laid.fps, _called(item))
        length = whole(Fraction(_frames(media.available_range.duration, laid.fps, _called(item))), "ceil")
    began = _frames(item.trimmed_range().start_time, laid.fps, _called(item))
    if is_still(media):  # shown as long as its clip lasts, from any frame on
        origin, length = began, 0
    first = whole(Fraction(began - origin))
    if first < 0:
        laid.lose(f"{where} begins {-first} frames before its media: not shown.")
        start, frames, first = start - first, frames + first, 0
        if frames <= 0:
            return None
    if length and first + frames > length:
        laid.lose(f"{where} runs {first + frames - length} frames past its file; that part is left out.")
        frames = length - first
        if frames <= 0:
            return None
    file = file_of(media, length, laid.note)
    return Piece(
        name=item.name or Path(file.path).name,
        file=file,
        start=start,
        first=first,
        frames=frames,
        level_db=number(facts_of(item).get("level_db")),
        exact=exact_start(item, start, laid.fps) if not first else None,
    )


# --- markers and subtitles -----------------------------------------------------------------------


def _guides(markers: Any, fps: Fraction, at: Fraction | int, item: Any = None) -> list[Guide]:
    """Markers on the timeline's frames. A clip's markers are counted on its media's clock."""
    guides = []
    for marker in markers:
        start = at + _frames(marker.marked_range.start_time, fps, _called(marker))
        if isinstance(item, otio.schema.Clip):
            start -= _frames(item.trimmed_range().start_time, fps, _called(item))
        text = ": ".join(part for part in (marker.name, marker.comment) if part) or "marker"
        guides.append(
            Guide(
                start=whole(Fraction(start)),
                frames=max(_at(marker.marked_range.duration, fps, _called(marker)), 0),
                text=text,
                kind=str(facts_of(marker).get("kind", "")),
                colour=str(marker.color or ""),
            )
        )
    return guides


def _subtitles(track: otio.schema.Track, laid: Laid) -> None:
    facts = facts_of(track)
    language = str(facts.get("language") or "und")
    cues = laid.cues.setdefault(language, [])
    for start, end, item in _items(track, laid, track.name):
        if isinstance(item, otio.schema.Clip) and end > start:
            own = facts_of(item)
            text = str(own.get("text") or item.name)
            cues.append(
                Cue(
                    start=start,
                    end=end,
                    text=text,
                    speaker=str(facts.get("speaker_name") or own.get("speaker") or ""),
                    source_text=str(own.get("source_text") or text),
                )
            )

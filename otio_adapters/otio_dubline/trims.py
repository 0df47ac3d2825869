"""Tracks that show a part of what they hold, as tracks that hold what they show: what every target can say.

A track's `source_range`, and that of the stack of all tracks, is a window: before its items there is nothing,
so one that begins before 0 begins with a gap. Lists of edits are read otherwise by OpenTimelineIO's CMX 3600
adapter: there the window begins at minus the track's first record timecode, and all of the track is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob
from otio_dubline.reading import called, exact_rate, rate_of

CMX = "cmx_3600"
"""What the adapter of edit decision lists calls its own metadata."""

Span = tuple[Fraction, Fraction]  # seconds on a track: from, to; "to" may be the end of the track


def without_trims(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """A copy in which no track is trimmed; the same timeline where none is. Where every track of an edit
    decision list begins at a record timecode, the first of them is the timeline's start.

    Raises:
        InvalidJob: something on a track has no length, or one that is none; the place is named.
    """
    for track in timeline.tracks:
        for item in _timed(track):
            length_of(item, track)
    trimmed = [timeline.tracks, *timeline.tracks]
    if all(item.source_range is None for item in trimmed):
        return timeline
    made = timeline.deepcopy()
    whole = made.tracks.source_range
    made.tracks.source_range = None
    windows = [_window(track) for track in made.tracks]
    if origin := _record_start(made):
        windows = [(start + origin, None) for start, _ in windows]
    rate = float(rate_of(timeline))
    for track, window in zip(made.tracks, windows, strict=True):
        start, end = window
        if whole is not None:
            begin = _seconds(whole.start_time)
            start, until = start + begin, start + begin + _seconds(whole.duration)
            end = until if end is None else min(end, until)
        if isinstance(track, otio.schema.Track):
            track.source_range = None
            _cut(track, start, end, rate)
    if whole is not None:
        _shift(made.tracks.markers, _seconds(whole.start_time))
    return made


def length_of(item: Any, track: Any) -> Fraction:
    """An item's length in seconds.

    Raises:
        InvalidJob: it has none.
    """
    try:
        length = _seconds(item.duration())
    except (otio.exceptions.OTIOError, NotImplementedError, ValueError, OverflowError):
        length = Fraction(-1)
    if length < 0:
        raise InvalidJob(
            f"{called(item)} on {called(track)} has no length",
            hint="Give it a source range, or its media an available range, in the program that made it.",
        )
    return length


def _timed(track: Any) -> Iterator[Any]:
    for item in track if isinstance(track, otio.schema.Track) else ():
        if not isinstance(item, otio.schema.Transition):
            yield item


def _seconds(time: otio.opentime.RationalTime) -> Fraction:
    return Fraction(time.value) / exact_rate(time.rate)


def _time(seconds: Fraction, rate: float) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(float(seconds * exact_rate(rate)), rate)


def _window(item: Any) -> tuple[Fraction, Fraction | None]:
    """What a track shows: from, and to (None: to its end), in seconds."""
    span = item.source_range
    if span is None:
        return Fraction(0), None
    return _seconds(span.start_time), _seconds(span.start_time) + _seconds(span.duration)


def _record_start(timeline: otio.schema.Timeline) -> Fraction:
    """The record timecode, in seconds, at which a timeline made from an edit decision list begins, which is
    taken as its start where it has none; 0 for other timelines."""
    windows = [_window(track) for track in timeline.tracks]
    before = [start for start, end in windows if start < 0 and end is not None and end <= 0]
    listed = any(CMX in clip.metadata for clip in timeline.find_clips())
    if not before and not (listed and any(start < 0 for start, _ in windows)):
        return Fraction(0)
    first = min(-start for start, _ in windows)
    begin = timeline.global_start_time
    if begin is not None:
        return min(first, _seconds(begin))
    timeline.global_start_time = _time(first, float(rate_of(timeline)))
    return first


def _cut(track: otio.schema.Track, start: Fraction, end: Fraction | None, rate: float) -> None:
    """Leave of a track what lies from `start` to `end`, in seconds; `rate` is that of gaps."""
    kept: list[Any] = []
    at = Fraction(0)
    if start < 0:
        until = Fraction(0) if end is None else min(Fraction(0), end)
        if until > start:
            kept.append(otio.schema.Gap(duration=_time(until - start, rate)))
    for item in list(track):
        if isinstance(item, otio.schema.Transition):
            if start < at and (end is None or at < end):
                kept.append(item)
            continue
        stop = at + length_of(item, track)
        low, high = max(at, start), stop if end is None else min(stop, end)
        if low < high:
            if (low, high) != (at, stop):
                span = item.trimmed_range()
                item.source_range = otio.opentime.TimeRange(
                    _time(_seconds(span.start_time) + low - at, span.start_time.rate),
                    _time(high - low, span.duration.rate),
                )
            kept.append(item)
        at = stop
    while kept and isinstance(kept[-1], otio.schema.Transition):  # half of it is not shown
        kept.pop()
    del track[:]
    track.extend(kept)
    _shift(track.markers, start)


def _shift(markers: Any, start: Fraction) -> None:
    """Move markers by a track's new beginning; those before it come to lie before 0."""
    for marker in markers:
        span = marker.marked_range
        moved = _time(_seconds(span.start_time) - start, span.start_time.rate)
        marker.marked_range = otio.opentime.TimeRange(moved, span.duration)

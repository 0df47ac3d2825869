"""A timeline as another program would write it: cuts, gaps, and things that few can carry."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

START = 90000
MEDIA_START = 86400


def at(frames: float, rate: float) -> otio.opentime.RationalTime:
    """So many frames."""
    return otio.opentime.RationalTime(frames, rate)


def span(start: float, length: float, rate: float) -> otio.opentime.TimeRange:
    """A range of frames."""
    return otio.opentime.TimeRange(at(start, rate), at(length, rate))


def media(path: Path, start: float, length: float, rate: float) -> otio.schema.ExternalReference:
    """A file that need not be there."""
    return otio.schema.ExternalReference(target_url=path.as_uri(), available_range=span(start, length, rate))


def cut_timeline(folder: Path, rate: float = 24000 / 1001) -> otio.schema.Timeline:
    """Two picture tracks, two sound tracks of 300 frames, markers on timeline, clip, gap and track.

    The first picture track begins with a gap of 10 frames and has two parts of one file whose timecode begins
    at frame `MEDIA_START`; the second part begins at frame 100 and is switched off.
    """
    film, music = folder / "a film & <more>.mov", folder / "müzik.wav"
    timeline = otio.schema.Timeline("cut <one> & two", global_start_time=at(START, rate))
    first = otio.schema.Clip("one", media(film, MEDIA_START, 1000, rate), span(MEDIA_START + 50, 90, rate))
    first.markers.append(otio.schema.Marker("in one", span(MEDIA_START + 60, 1, rate), "RED", comment="look"))
    second = otio.schema.Clip("two", media(film, MEDIA_START, 1000, rate), span(MEDIA_START + 400, 30, rate))
    second.enabled = False
    gap = otio.schema.Gap(source_range=span(0, 10, rate))
    gap.markers.append(otio.schema.Marker("in gap", span(3, 5, rate), "BLACK"))
    low = otio.schema.Track("V low", [gap, first, second], kind="Video")
    low.markers.append(otio.schema.Marker("on track", span(120, 1, rate)))
    over = otio.schema.Clip("over", media(folder / "over.mov", 0, 40, rate), span(0, 40, rate))
    high = otio.schema.Track("V high", [otio.schema.Gap(source_range=span(0, 20, rate)), over], kind="Video")
    pieces = [
        otio.schema.Gap(source_range=span(0, 7, rate)),
        otio.schema.Clip("m1", media(music, 0, 500, rate), span(11, 93, rate)),
        otio.schema.Clip("m2", media(music, 0, 500, rate), span(200, 200, rate)),
    ]
    sound = otio.schema.Track("A", pieces, kind="Audio")
    off = otio.schema.Track(
        "A off", [otio.schema.Clip("all", media(music, 0, 500, rate), span(0, 300, rate))], kind="Audio"
    )
    off.enabled = False
    timeline.tracks.extend([low, high, sound, off])
    timeline.tracks.markers.append(otio.schema.Marker("whole", span(250, 4, rate), "CYAN", comment="a & <b>"))
    return timeline


def with_strange_things(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """The same with what no exchange format of editing programs carries, at the ends of its tracks."""
    rate = timeline.global_start_time.rate
    picture, sound = timeline.tracks[0], timeline.tracks[2]
    text = otio.schema.Clip(
        "a title", otio.schema.GeneratorReference(generator_kind="Rich"), source_range=span(0, 24, rate)
    )
    missing = otio.schema.Clip("nowhere", otio.schema.MissingReference(), source_range=span(0, 24, rate))
    fast = sound[1].clone()
    fast.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    nested = otio.schema.Stack("nested", children=[sound.clone()])
    late = otio.schema.Clip(
        "late", media(Path("/media/late.mov"), 0, 50, rate), source_range=span(-10, 80, rate)
    )
    fade = otio.schema.Transition(in_offset=at(5, rate), out_offset=at(5, rate))
    picture.extend([text, missing, late])
    picture.insert(2, fade)
    sound.extend([fast, nested])
    timeline.tracks.append(otio.schema.Track("odd", kind="Data"))
    timeline.tracks.append(otio.schema.Stack("stacked"))
    return timeline


STRANGE = ("a title", "nowhere", "transitions", "normal speed", "nested", "late", "odd", "stacked")
"""Words by which an exporter must speak of each of those things."""

"""Subtitle files as timelines and timelines as subtitle files: what the OTIO adapters srt and vtt do."""

from __future__ import annotations

import sys
from pathlib import Path

import opentimelineio as otio

from dubline.errors import DublineError, InvalidJob
from dubline.files import write_whole
from dubline.subtitles.cues import Subtitles, SubtitleText
from dubline.subtitles.srt import read_srt, write_srt
from dubline.subtitles.vtt import read_vtt, write_vtt
from dubline.timebase import frame_rate
from otio_dubline.cue_tracks import CueTrack, cue_tracks, mixed, timeline_of
from otio_dubline.naming import file_name, unique

MANNERS = ("mixed", "apart")


def read(
    place: str, kind: str, rate: str, language: str, speakers: str, encoding: str
) -> otio.schema.Timeline:
    """A subtitle file -> a timeline at `rate` (a file of subtitles has none of its own).

    `speakers`: "mixed" makes one track, "apart" one for each speaker that the file names. What was odd in the
    file stands in metadata["dubline"]["notes"].

    Raises:
        OTIOError: with what is wrong and where.
    """
    try:
        path = Path(place)
        if kind == "srt":
            subtitles = read_srt(path, encoding=encoding, language=language)
        else:
            subtitles = read_vtt(path, encoding=encoding, language=language)
        return _timeline(subtitles, path.stem, rate, language, speakers)
    except DublineError as error:
        raise _as_otio(error) from error


def from_text(text: str, kind: str, rate: str, language: str, speakers: str) -> otio.schema.Timeline:
    """Like `read`, of text."""
    try:
        subtitles = read_srt(text) if kind == "srt" else read_vtt(text)
        return _timeline(subtitles, "subtitles", rate, language, speakers)
    except DublineError as error:
        raise _as_otio(error) from error


def to_text(timeline: otio.schema.Timeline, kind: str, track: str, language: str) -> str:
    """The subtitles of a timeline in one text: of the track of that name, or of that language, or all.

    Raises:
        OTIOError: the timeline has none. Of several languages the first is taken, and standard error says so.
    """
    try:
        return _text(mixed(_chosen(timeline, track, language)), kind)
    except DublineError as error:
        raise _as_otio(error) from error


def write(
    timeline: otio.schema.Timeline, place: str, kind: str, track: str, language: str, speakers: str
) -> None:
    """Write the subtitles to a file; with `speakers` "apart" to one for each, PLACE.SPEAKER.srt.

    Raises:
        OTIOError: as `to_text`, or there is no such manner.
    """
    path = Path(place)
    try:
        tracks = _chosen(timeline, track, language)
        if _manner(speakers) == "mixed":
            write_whole(path, _text(mixed(tracks), kind).encode())
            return
        taken: set[str] = set()
        for speaker in dict.fromkeys(t.speaker for t in tracks):
            cues = mixed([t for t in tracks if t.speaker == speaker])
            name = unique(f"{path.stem}.{file_name(speaker, 'unknown')}{path.suffix}", taken)
            write_whole(path.with_name(name), _text(cues, kind).encode())
    except DublineError as error:
        raise _as_otio(error) from error


def _timeline(
    subtitles: Subtitles, name: str, rate: str, language: str, speakers: str
) -> otio.schema.Timeline:
    apart = _manner(speakers) == "apart"
    timeline = timeline_of(subtitles.cues, name, frame_rate(str(rate)), language=language, per_speaker=apart)
    problems = [f"line {p.line}: {p.reason}{', text lost' if p.lost else ''}" for p in subtitles.problems]
    timeline.metadata["dubline"]["notes"] = [*subtitles.notes, *problems]
    return timeline


def _chosen(timeline: otio.schema.Timeline, track: str, language: str) -> list[CueTrack]:
    if not isinstance(timeline, otio.schema.Timeline):
        raise InvalidJob("only a timeline has subtitle tracks", hint="Convert a timeline, not a part of one.")
    tracks = list(cue_tracks(timeline))
    if not tracks:
        raise InvalidJob("there are no subtitles on this timeline", hint="They are tracks of kind Subtitle.")
    names = ", ".join(t.name for t in tracks)
    if track:
        tracks = [t for t in tracks if t.name == track]
    if language:
        tracks = [t for t in tracks if t.language == language]
    if not tracks:
        raise InvalidJob("there is no such subtitle track", hint=f"This timeline has: {names}.")
    languages = list(dict.fromkeys(t.language for t in tracks))
    if len(languages) > 1:
        taken = tracks[0].language
        others = ", ".join(name for name in languages if name != taken)
        print(f"took the subtitles in {taken!r}; for {others} give -A language=...", file=sys.stderr)
        tracks = [t for t in tracks if t.language == taken]
    return tracks


def _text(cues: tuple[SubtitleText, ...], kind: str) -> str:
    return write_srt(cues) if kind == "srt" else write_vtt(cues)


def _manner(speakers: str) -> str:
    if speakers not in MANNERS:
        raise InvalidJob(f"there is no speakers={speakers}", hint=f"Use {' or '.join(MANNERS)}.")
    return speakers


def _as_otio(error: DublineError) -> otio.exceptions.OTIOError:
    return otio.exceptions.OTIOError(f"{error.message}. {error.hint}".strip())

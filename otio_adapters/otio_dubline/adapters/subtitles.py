"""OTIO adapters `dubline_srt` and `dubline_vtt`: files of subtitles as timelines, and the other way round.

OTIO loads this file once for each of the two, under the adapter's name.
"""

from __future__ import annotations

import sys
from pathlib import Path

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name, unique, write_whole
from dubline.subtitles.cues import Subtitles
from dubline.subtitles.srt import read_srt, write_srt
from dubline.subtitles.vtt import read_vtt, write_vtt
from dubline.subtitles.writing import read_subtitles
from dubline.timebase import frame_rate
from otio_dubline.cue_tracks import CueTrack, cue_tracks, mixed, timeline_of
from otio_dubline.otio_errors import otio_errors

MANNERS = ("mixed", "apart")
_read, _text = (read_vtt, write_vtt) if __name__.endswith("_vtt") else (read_srt, write_srt)


def read_from_file(
    filepath: str, rate: object = "25", language: str = "", speakers: str = "mixed", encoding: str = ""
) -> otio.schema.Timeline:
    """A subtitle file -> a timeline at `rate` (a file of subtitles has none of its own).

    `speakers`: "mixed" makes one track, "apart" one for each speaker that the file names. What was odd in the
    file stands in metadata["dubline"]["notes"].

    Raises:
        OTIOError: with what is wrong and where.
    """
    with otio_errors():
        path = Path(filepath)
        subtitles = read_subtitles(path, encoding=encoding, language=language)
        return _timeline(subtitles, path.stem, rate, language, speakers)


def read_from_string(
    input_str: str, rate: object = "25", language: str = "", speakers: str = "mixed"
) -> otio.schema.Timeline:
    """Like `read_from_file`, of text."""
    with otio_errors():
        return _timeline(_read(input_str), "subtitles", rate, language, speakers)


def write_to_string(input_otio: otio.schema.Timeline, track: str = "", language: str = "") -> str:
    """The subtitles of a timeline in one text: of the track of that name, or of that language, or all.

    Raises:
        OTIOError: the timeline has none. Of several languages the first is taken, and standard error says so.
    """
    with otio_errors():
        return _text(mixed(_chosen(input_otio, track, language)))


def write_to_file(
    input_otio: otio.schema.Timeline,
    filepath: str,
    track: str = "",
    language: str = "",
    speakers: str = "mixed",
) -> None:
    """Write the subtitles to a file; with `speakers` "apart" to one for each, PLACE.SPEAKER.srt.

    Raises:
        OTIOError: as `write_to_string`, or there is no such manner.
    """
    path = Path(filepath)
    with otio_errors():
        tracks = _chosen(input_otio, track, language)
        if _manner(speakers) == "mixed":
            write_whole(path, _text(mixed(tracks)).encode())
            return
        taken: set[str] = set()
        for speaker in dict.fromkeys(t.speaker for t in tracks):
            cues = mixed([t for t in tracks if t.speaker == speaker])
            name = unique(f"{path.stem}.{file_name(speaker, 'unknown')}{path.suffix}", taken)
            write_whole(path.with_name(name), _text(cues).encode())


def _timeline(
    subtitles: Subtitles, name: str, rate: object, language: str, speakers: str
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


def _manner(speakers: str) -> str:
    if speakers not in MANNERS:
        raise InvalidJob(f"there is no speakers={speakers}", hint=f"Use {' or '.join(MANNERS)}.")
    return speakers

"""Subtitle files of a timeline: for each language everybody in one file, and one file for each speaker."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name, unique
from dubline.subtitles.writing import write_subtitles
from dubline.timebase import Timecode
from otio_dubline.cue_tracks import CueTrack, cue_tracks, mixed
from otio_dubline.exporters import Account, ExportOptions, Written
from otio_dubline.reading import rate_of, start_of

TITLE = "Subtitle files, for each language and for each speaker"
TARGET_FEATURES = {
    "takes": "no",
    "picture": "no",
    "mono tracks": "no",
    "stereo tracks": "no",
    "5.1": "no",
    "track names": "part: in the names of the files",
    "start timecode": "part: in the csv only",
    "media timecode": "no",
    "disabled tracks": "no",
    "levels": "no",
    "markers": "no",
    "marker colours": "no",
    "speaker names": "part: srt in the names of files only",
}
SPEAKERS = "speakers"
"""The folder of the files that hold one speaker each."""


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.LANGUAGE.srt (or .vtt, .ass, .ttml, .csv, as `options.target` says) and speakers/*.

    Raises:
        InvalidJob: there are no subtitles.
    """
    kind = options.target or "srt"
    tracks = cue_tracks(timeline)
    if not tracks:
        raise InvalidJob(
            "there are no subtitles on this timeline",
            hint="Leave them out where nobody speaks. Else `dubline transcribe` finds the words; those that "
            "a person is to translate are in the run's subtitles/*.to-translate.srt.",
        )
    files = write_files(timeline, tracks, folder, kind)
    account = Account()
    others = sum(getattr(track, "kind", "Video") in ("Video", "Audio") for track in timeline.tracks)
    if others:
        account.lose(f"{others} tracks of picture and sound")
    if timeline.tracks.markers:
        account.lose(f"{len(timeline.tracks.markers)} markers")
    note_start(timeline, account)
    return account.written(*files)


def note_start(timeline: otio.schema.Timeline, account: Account) -> None:
    """What to know where the timeline begins at another timecode than 0."""
    fps = rate_of(timeline)
    start, drop = start_of(timeline, fps)
    if start:
        clock = Timecode(start, fps, drop)
        account.note(
            f"Subtitle times count from the first frame of the picture, which has the timecode {clock}."
        )


def write_files(
    timeline: otio.schema.Timeline,
    tracks: Sequence[CueTrack],
    folder: Path,
    kind: str,
    *,
    inside: str = "",
    marked: bool = False,
) -> tuple[str, ...]:
    """Write the files of each language; names relative to `folder`, those with everybody first.

    `inside`: the folder in it that they go to. `marked` puts a byte order mark before UTF-8.
    """
    title = file_name(timeline.name, "subtitles")
    fps = rate_of(timeline)
    start, drop = start_of(timeline, fps)

    taken: set[str] = set()

    def written(place: Path, chosen: Sequence[CueTrack], language: str, who: str = "") -> str:
        parts = filter(None, (title, file_name(language, ""), who, kind))
        file = place / unique(".".join(parts), taken)
        data = write_subtitles(mixed(chosen), kind, rate=fps, start=start, drop=drop, language=language)
        (folder / place).mkdir(exist_ok=True)
        (folder / file).write_bytes(codecs.BOM_UTF8 + data if marked else data)
        return file.as_posix()

    together, apart = [], []
    for language in dict.fromkeys(track.language for track in tracks):
        mine = [track for track in tracks if track.language == language]
        together.append(written(Path(inside), mine, language))
        speakers = dict.fromkeys(track.speaker for track in mine)
        for speaker in speakers if len(speakers) > 1 else ():
            his = [track for track in mine if track.speaker == speaker]
            apart.append(written(Path(inside, SPEAKERS), his, language, file_name(speaker, "unknown")))
    return (*together, *apart)

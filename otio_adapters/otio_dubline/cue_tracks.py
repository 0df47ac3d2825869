"""Subtitle tracks of a timeline as cues, and cues as subtitle tracks.

Files of subtitles count milliseconds from the timeline's first frame, whatever its start timecode says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec
import opentimelineio as otio

from dubline.subtitles.cues import SubtitleText, frame_to_ms
from dubline.timebase import rate_text, seconds_to_frames
from dubline.values.programme import Programme, SubtitleCue, SubtitleTrack
from dubline.values.transcript import milliseconds
from otio_dubline.build import SUBTITLE, build
from otio_dubline.reading import facts_of, placed, rate_of


class CueTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A subtitle track: its cues in order of start, and whose they are where that is known."""

    name: str
    language: str
    speaker: str
    cues: tuple[SubtitleText, ...]


def cue_tracks(timeline: otio.schema.Timeline) -> tuple[CueTrack, ...]:
    """The subtitle tracks of a timeline that say anything; a clip's name is its text.

    A cue has the transcript's own times, to the millisecond, as long as its clip still lies where they put
    it; a clip that somebody moved or cut has the times of its frames.
    """
    fps = rate_of(timeline)
    tracks = []
    for track in timeline.tracks:
        if not isinstance(track, otio.schema.Track) or track.kind != SUBTITLE or not track.enabled:
            continue
        facts = facts_of(track)
        who = str(facts.get("speaker_name") or facts.get("speaker") or "")
        cues = tuple(
            _cue(clip, at, length, number, who, fps)
            for number, (at, length, clip) in enumerate(_clips(track, fps), 1)
        )
        if cues:
            tracks.append(
                CueTrack(name=track.name, language=str(facts.get("language") or ""), speaker=who, cues=cues)
            )
    return tuple(tracks)


def _clips(track: otio.schema.Track, fps: Fraction) -> Iterable[tuple[int, int, otio.schema.Clip]]:
    for at, length, item in placed(track, fps):
        if isinstance(item, otio.schema.Clip) and item.enabled and length and item.name.strip():
            yield at, length, item


def _cue(clip: otio.schema.Clip, at: int, length: int, number: int, who: str, fps: Fraction) -> SubtitleText:
    facts = facts_of(clip)
    return SubtitleText(
        index=number,
        start_ms=_time(facts.get("start"), at, fps),
        end_ms=_time(facts.get("end"), at + length, fps),
        text=clip.name,
        speaker=who,
        source_text=str(facts.get("source_text") or ""),
    )


def _time(seconds: object, frame: int, fps: Fraction) -> int:
    if isinstance(seconds, int | float) and 0 <= seconds < 1e9 and seconds_to_frames(seconds, fps) == frame:
        return milliseconds(seconds)
    return frame_to_ms(frame, fps)


def mixed(tracks: Iterable[CueTrack]) -> tuple[SubtitleText, ...]:
    """The cues of several tracks in one, in order of start, numbered from 1."""
    cues = sorted((cue for track in tracks for cue in track.cues), key=lambda c: (c.start_ms, c.end_ms))
    return tuple(msgspec.structs.replace(cue, index=number) for number, cue in enumerate(cues, 1))


# --- cues -> timeline --------------------------------------------------------------------------


def timeline_of(
    cues: Sequence[SubtitleText], name: str, fps: Fraction, *, language: str = "", per_speaker: bool = False
) -> otio.schema.Timeline:
    """A timeline with the cues on subtitle tracks: one, or one for each speaker.

    Cues lie on the nearest frames, at least one frame long; those that overlap go on further tracks.
    """
    groups: dict[str, list[SubtitleCue]] = {}
    for cue in cues:
        placed = SubtitleCue(
            id=cue.index,
            start=cue.start_ms / 1000,
            end=cue.end_ms / 1000,
            text=cue.text,
            speaker=cue.speaker,
            source_text=cue.source_text,
        )
        groups.setdefault(cue.speaker if per_speaker else "", []).append(placed)
    tracks = tuple(
        SubtitleTrack(
            name=" ".join(filter(None, (language, speaker))) or "subtitles",
            language=language,
            speaker=speaker,
            speaker_name=speaker,
            cues=tuple(mine),
        )
        for speaker, mine in groups.items()
    )
    return build(Programme(name=name, rate=rate_text(fps), frames=0, subtitles=tracks))

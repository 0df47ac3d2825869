"""What of a run goes where on a timeline of DaVinci Resolve: a flat plan that the plug-in carries out.

    plan = make_plan(Path("EPISODE.dubline"), timeline, want)

Everything is in frames of that timeline, counted from its start. The plug-in adds the start, and decides
nothing. Section numbers in comments are those of the notes on Resolve's scripting interface.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dubline.errors import InvalidJob
from dubline.files import full_disk_is_told, write_whole
from dubline.media.film_place import ORIGINAL
from dubline.programme.frames import Placed, cue_layers
from dubline.programme.reading import read_programme
from dubline.programme.resolve_sounds import chosen, clean_name, sound_tracks, take_tracks
from dubline.programme.subtitle_files import sent_cues
from dubline.run import standing
from dubline.subtitles.cues import SubtitleText, frame_to_ms
from dubline.subtitles.rolling import plain
from dubline.subtitles.sent import Sent, keep_sent
from dubline.subtitles.srt import write_srt
from dubline.timebase import frame_rate, seconds_to_frames
from dubline.values.layout import Layout
from dubline.values.media import Original
from dubline.values.programme import Mark, Programme
from dubline.values.resolve import MarkerPlan, Plan, ResolveTimeline, SubtitlePlan, Want
from dubline.values.transcript import read_transcript

BIG = 300
"""Tracks, clips and markers of a job that is better imported in one piece (6)."""
TRACKS_WITH_RECORDS = 6
"""Up to so many tracks of a language, each is also known by itself when its subtitles come back."""

# Colours of clips and of markers are two different lists of names (1.5, 1.8).
MARKERS = {"too_long": "Red", "failed": "Fuchsia", "pending": "Cyan", "low_confidence": "Yellow",
           "doubtful": "Sand",
           "take_too_long": "Rose", "take_failed": "Purple"}  # fmt: skip


def make_plan(root: Path, timeline: ResolveTimeline, want: Want) -> Plan:
    """The plan for a run, its sounds linked and its subtitles written into RUN/resolve, plan.json there too.

    Sound files get names that tell run and content, and subtitle files names that are used once: Resolve
    keeps what it has read from a path (3). For more than `BIG` tracks, clips and markers there is a timeline
    to import, too, where the run is of a whole timeline.

    Raises:
        InvalidJob: no run, nothing in it, a rate that is none, or not the one the run was made for; a
            language that the run does not have.
        StorageFull: the disk is full.
    """
    fps = frame_rate(timeline.rate)
    if timeline.frames < 1 or timeline.start < 0:
        raise InvalidJob("the timeline is empty", hint="Put the programme on it first.")
    programme = read_programme(root)
    clock = clock_of(root)
    if clock.rate and frame_rate(clock.rate) != fps:
        raise InvalidJob(
            f"this run was made for a timeline of {clock.rate} frames a second, not {timeline.rate}",
            hint="Open that timeline, or localize this one.",
        )
    notes = list(programme.notes)
    programme = chosen(programme, root, want, notes)
    place = Layout(root.absolute()).resolve
    with full_disk_is_told(place):
        place.mkdir(exist_ok=True)
        audio = tuple(sound_tracks(programme, place, clock.first, fps))
        audio += tuple(take_tracks(programme, place, clock.first, fps, timeline.frames, notes))
        subtitles = _subtitles(programme, root, place, clock.first, fps, timeline.frames, want, notes)
        original = any(sound.role == "original" and sound.enabled for sound in programme.sounds)
        markers = _markers(programme.marks, clock.first, fps, timeline.frames)
        things = len(subtitles) + len(markers) + sum(1 + len(sound.clips) for sound in audio)
        big = things > BIG and not clock.first
        plan = Plan(
            run=root.absolute().as_posix(),
            timeline=timeline,
            bin=f"Dubline {programme.name}",
            audio=audio,
            subtitles=subtitles,
            markers=markers,
            mute=("original",) if want.mute_original and audio and not original else (),
            otio=_timeline_file(programme, timeline, place, clock) if want.otio or big else "",
            notes=tuple(notes),
        )
        write_whole(place / "plan.json", msgspec.json.encode(plan))
    return plan


class RunClock(NamedTuple):
    """Where a run's sound lies on the timeline it was made for: it begins with frame `first`, counted from
    the timeline's start. `rate` is the timeline's, "" where only a file is known."""

    rate: str = ""
    first: int = 0


def clock_of(root: Path) -> RunClock:
    """Where the run's sound lies on its timeline; from the start, where the run was made for a file alone."""
    original = standing(root, ORIGINAL, Original)
    return RunClock(original.rate, original.first) if original is not None else RunClock()


def _subtitles(
    programme: Programme,
    root: Path,
    place: Path,
    first: int,
    fps: Fraction,
    length: int,
    want: Want,
    notes: list[str],
) -> tuple[SubtitlePlan, ...]:
    known = list(dict.fromkeys(track.language for track in programme.subtitles))
    missing = [language for language in want.languages if language not in known]
    if want.subtitles == "none":
        return ()
    if missing:
        raise InvalidJob(
            f"the run has no text in {', '.join(missing)}",
            hint=f"It has {', '.join(filter(None, known)) or 'none'}. Translate it first.",
        )
    # Never twice the same file name: stamp and a random part (3).
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"
    made: list[SubtitlePlan] = []
    for language in want.languages or known:
        tracks = [track for track in programme.subtitles if track.language == language]
        groups = [(track.name, f"sub:{language}:{track.speaker}", track.cues) for track in tracks]
        if want.subtitles == "mixed":
            cues = tuple(cue for track in tracks for cue in track.cues)
            groups = [(language or "und", f"sub:{language}", cues)]
        placed: list[list[Placed]] = []
        for name, key, cues in groups:
            for number, layer in enumerate(cue_layers(cues, fps, first, length), 1):
                more = "" if number == 1 else f" ({number})"
                file = place / f"{clean_name(name + more)} {stamp}-{len(made):02d}.srt"
                write_whole(file, _srt(layer, fps))
                made.append(
                    SubtitlePlan(
                        key=key if number == 1 else f"{key}:{number}",
                        name=name + more,
                        language=language,
                        srt=file.as_posix(),
                        cues=tuple((start, end, cue.text, cue.id) for start, end, cue in layer),
                    )
                )
                placed.append(layer)
        given = sum(len(cues) for _, _, cues in groups)
        left_out = given - sum(map(len, placed))
        if left_out:
            notes.append(f"{language}: {left_out} of {given} cues lie behind the timeline's end")
        _remember(root, placed, language, first, fps)
    return tuple(made)


def _srt(layer: Sequence[Placed], fps: Fraction) -> bytes:
    # With a byte order mark, times from the timeline's start, on frames (3).
    cues = [
        SubtitleText(index=n, start_ms=frame_ms(start, fps), end_ms=frame_ms(end, fps), text=cue.text)
        for n, (start, end, cue) in enumerate(layer, 1)
    ]
    return write_srt(map(plain, cues)).encode("utf-8-sig")


def frame_ms(frame: int, fps: Fraction) -> int:
    """The first whole millisecond not before a frame: whoever takes the nearest frame to it, or the one in
    which it lies, comes to that frame, at any rate below 500 frames a second.

    The nearest millisecond may lie before the frame (83 for frame 2 at 23.976), and so in the one before it.
    """
    return math.ceil(frame * 1000 / fps)


def _remember(root: Path, placed: list[list[Placed]], language: str, first: int, fps: Fraction) -> None:
    """Keep a record of what goes out, so that it is known again when it comes back."""
    path = Layout(root).transcript
    source = language == (read_transcript(path).language if path.exists() else "")
    everything = sorted((item for layer in placed for item in layer), key=lambda item: item[:2])
    groups = [everything] if everything else []
    if 1 < len(placed) <= TRACKS_WITH_RECORDS:
        groups += placed
    for group in groups:
        texts = [
            SubtitleText(
                index=number,
                start_ms=frame_to_ms(start - first, fps),
                end_ms=frame_to_ms(end - first, fps),
                text=cue.text,
            )
            for number, (start, end, cue) in enumerate(group, 1)
        ]
        cues = sent_cues(texts, [cue for _, _, cue in group])
        keep_sent(Sent(language=language, source=source, cues=cues), root)


def _markers(marks: Sequence[Mark], first: int, fps: Fraction, length: int) -> tuple[MarkerPlan, ...]:
    """One for each segment and kind, all on frames of their own: Resolve has one marker a frame (1.5)."""
    together: dict[tuple[int, str], list[Mark]] = {}
    for mark in marks:
        together.setdefault((mark.id, mark.kind), []).append(mark)
    taken: set[int] = set()
    made = []
    for (number, kind), group in together.items():
        frame = first + seconds_to_frames(group[0].start, fps)
        end = min(first + seconds_to_frames(group[0].end, fps), length)
        while frame in taken:
            frame += 1
        if frame >= length:
            continue
        taken.add(frame)
        made.append(
            MarkerPlan(
                frame=frame,
                frames=max(end - frame, 1),
                colour=MARKERS[kind],
                name=f"{kind.replace('_', ' ')} {number}",
                note="\n".join(mark.text for mark in group),
                key=f"dubline:{number}:{kind}",
            )
        )
    return tuple(made)


def _timeline_file(programme: Programme, timeline: ResolveTimeline, place: Path, clock: RunClock) -> str:
    """An .otio in Resolve's own dialect, for ImportTimelineFromFile; it becomes a new timeline (6)."""
    if clock.first:
        raise InvalidJob(
            "a timeline can only be imported for a run of the whole timeline, and this one begins at frame "
            f"{clock.first}",
            hint="Place it directly, or localize the whole timeline.",
        )
    from otio_dubline.build import build
    from otio_dubline.exporters import ExportOptions, export
    from otio_dubline.exporters.takes import on_whole_frames

    if programme.picture is None:
        programme = msgspec.structs.replace(
            programme, rate=timeline.rate, start=timeline.start, drop=timeline.drop, frames=timeline.frames
        )
    folder = place / f"timeline-{uuid.uuid4().hex[:8]}"
    # The takes are those of the plan's own tracks: one file for both.
    whole = on_whole_frames(build(programme), place)
    (edition,) = export(whole, ["resolve"], folder, ExportOptions(gather=False))
    return edition.files[0].as_posix()


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON says it."""
    plain: dict[str, Any] = msgspec.to_builtins(plan)
    return plain

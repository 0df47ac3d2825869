"""DaVinci Resolve: OTIO in Resolve's own dialect, subtitles as SRT beside it, and a page on how to import.

Resolve marks what is its own with `metadata["Resolve_OTIO"]`: the type of an audio track, the channels that
a clip takes from its file, link groups, levels as parameters of a clip's effects, the text of a marker. The
keys are those of a timeline exported by Resolve. It refuses a timeline, without a word, when one media file
is missing; so nothing goes in that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name, link
from dubline.timebase import Timecode, rate_text
from otio_dubline.build import SUBTITLE, frames_range
from otio_dubline.cue_tracks import CueTrack, cue_tracks, mixed
from otio_dubline.exporters import Account, ExportOptions, Written
from otio_dubline.exporters.media_files import number, sound_head
from otio_dubline.exporters.named_sounds import sound_name
from otio_dubline.exporters.neutral import schema_versions
from otio_dubline.exporters.subtitles import write_files
from otio_dubline.exporters.takes import FOLDER, is_takes, padded
from otio_dubline.reading import (
    called,
    facts_of,
    frames_of,
    mapping_of,
    media_file,
    rate_of,
    require_media,
    start_of,
    without_file,
)
from otio_dubline.time_reference import begins_at

TITLE = "DaVinci Resolve 18.5 and later, free and Studio (.otio)"
WHOLE_FRAMES = True
COPIES = "sound"
TARGET_FEATURES = {
    "5.1": "part: as track type 5.1, which no export of Resolve's at hand confirms",
    "start timecode": "part: non-drop labels unless the project drops frames",
    "marker colours": "part: magenta becomes pink, orange blue",
    "subtitles": "sidecar",
    "speaker names": "sidecar",
}
NAMESPACE = "Resolve_OTIO"
TYPES = {1: "Mono", 2: "Stereo", 6: "5.1", 8: "7.1"}
QUIETEST, LOUDEST = -100.0, 30.0
COLOURS = {"MAGENTA": "PINK", "ORANGE": "BLUE", "BLACK": "PURPLE", "WHITE": "CYAN"}
"""OpenTimelineIO's colours that Resolve's markers do not have, and one in the stead of each."""


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.otio, subtitles/*.srt, HOWTO.txt, and the run's own sounds in media/.

    Raises:
        InvalidJob: media are missing or not on this machine; nothing to export.
    """
    versions = schema_versions(options.schema)
    require_media(timeline)
    fps = rate_of(timeline)
    start, drop = start_of(timeline, fps)
    account = Account()
    cues = cue_tracks(timeline)
    # Resolve takes a file without the mark for the system's own encoding.
    subtitles = write_files(timeline, cues, folder, "srt", inside="subtitles", marked=True)
    if cues:
        account.lose("subtitle tracks: SRT files are beside the timeline")
        if crowded := _overlaps(cues):
            account.note(
                f"{crowded} subtitles begin before the last one ends, and a track of Resolve's holds one at "
                "a time: take the files of the speakers, each on a track."
            )
    strange = [t for t in timeline.tracks if getattr(t, "kind", "Video") not in ("Video", "Audio")]
    for track in strange:
        if track.kind != SUBTITLE:
            account.lose(f"tracks of kind {track.kind}")
        timeline.tracks.remove(track)
    if not len(timeline.tracks):
        raise InvalidJob(
            "there is neither picture nor sound on this timeline", hint="Export its subtitles with --to srt."
        )
    final = folder.with_name(options.target or "resolve")
    timeline.metadata[NAMESPACE] = {"Resolve OTIO Meta Version": "1.0"}
    groups = count(
        1 + max((int(number(_own(c).get("Link Group ID"))) for c in timeline.find_clips()), default=0)
    )
    for track in timeline.tracks:
        _dress_track(track, groups, account)
    copied = _without_time_references(timeline, folder, final)
    gathered = _gathered(timeline, folder, final) if options.gather else ()
    if copied:
        account.note(
            f"{', '.join(Path(c).name for c in copied)}: copied without its time reference, by which Resolve "
            "would move it."
        )
    _apart(timeline.tracks.markers, fps)
    for item in [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]:
        for marker in item.markers:
            marker.color = COLOURS.get(marker.color, marker.color)
            marker.metadata[NAMESPACE] = {"Keywords": [], "Note": marker.comment}
    if drop:
        account.lose("drop-frame labels: choose a drop-frame rate in the project's settings first")
    name = f"{file_name(timeline.name)}.otio"
    otio.adapters.write_to_file(timeline, str(folder / name), "otio_json", target_schema_versions=versions)
    clock = Timecode(start, fps, drop)
    text = _howto(name, subtitles, fps, clock, list(timeline.tracks), bool(gathered))
    (folder / "HOWTO.txt").write_text(text, encoding="utf-8")
    return account.written(name, "HOWTO.txt", *subtitles, *copied, *gathered)


def _overlaps(tracks: Sequence[CueTrack]) -> int:
    """How many cues begin before the one above them ends, counted in each language's file."""
    crowded = 0
    for language in {track.language for track in tracks}:
        cues = mixed([track for track in tracks if track.language == language])
        crowded += sum(after.start_ms < before.end_ms for before, after in pairwise(cues))
    return crowded


def _own(thing: Any) -> dict[str, Any]:
    """What Resolve noted about something."""
    return mapping_of(thing.metadata.get(NAMESPACE))


def _dress_track(track: otio.schema.Track, groups: Iterator[int], account: Account) -> None:
    """Put Resolve's own marks on a track and its clips; `groups`: free numbers of link groups."""
    for clip in list(track.find_clips()):
        if not isinstance(clip.media_reference, otio.schema.ExternalReference):
            account.lose(
                f"{called(clip)}, which would keep Resolve from importing anything: "
                f"{without_file(clip.media_reference)}"
            )
            parent = clip.parent()
            parent[parent.index(clip)] = otio.schema.Gap(duration=clip.trimmed_range().duration)
    facts: dict[str, Any] = {"Locked": False}
    clips = list(track.find_clips())
    if track.kind == otio.schema.TrackKind.Audio:
        channels = max((_channels(clip, account) for clip in clips), default=2)
        if channels not in TYPES:
            account.note(f"{track.name or 'A track'} has {channels} channels; its type is adaptive.")
        if channels > 2:
            account.note(
                f"{track.name or 'A track'} has {channels} channels. Look at its type after the import: "
                "right-click the track's name, Change Track Type To."
            )
        facts = {"Audio Type": TYPES.get(channels, f"Adaptive {channels}"), "Locked": False, "SoloOn": False}
    track.metadata[NAMESPACE] = facts
    for clip in clips:
        _dress_clip(clip, track, groups, account)


def _dress_clip(
    clip: otio.schema.Clip, track: otio.schema.Track, groups: Iterator[int], account: Account
) -> None:
    path = media_file(clip.media_reference.target_url)
    clip.media_reference.target_url = path.as_posix()
    clip.media_reference.name = path.name
    # By a medium's own name it is found again in the pool.
    clip.name = path.name if is_takes(track) else clip.name or path.name
    facts = _own(clip)
    if "Link Group ID" not in facts:
        facts["Link Group ID"] = next(groups)
    if track.kind == otio.schema.TrackKind.Audio:
        if "Channels" not in facts:
            stream = facts_of(clip.media_reference).get("track") or 0
            facts["Channels"] = [
                {"Source Channel ID": number, "Source Track ID": stream}
                for number in range(_channels(clip, account))
            ]
        level = facts_of(clip).get("level_db", facts_of(clip.media_reference).get("level_db"))
        has_volume = any(_own(effect).get("Name") == "Volume" for effect in clip.effects)
        if isinstance(level, int | float) and not has_volume:
            clip.effects.append(_volume(float(level), clip.name, account))
    clip.metadata[NAMESPACE] = facts


def _channels(clip: otio.schema.Clip, account: Account) -> int:
    channels = facts_of(clip.media_reference).get("channels")
    if isinstance(channels, int) and channels > 0:
        return channels
    if known := _own(clip).get("Channels"):
        return len(known)
    path = media_file(clip.media_reference.target_url)
    head = sound_head(path)
    if head is None:
        account.note(f"How many channels {path.name} has was not found out; two were written.")
        return 2
    return int(head.channels)


def _volume(level: float, name: str, account: Account) -> otio.schema.Effect:
    """Resolve's clip volume; one that was not touched has no parameters."""
    parameters = []
    if level:
        inside = min(max(level, QUIETEST), LOUDEST)
        if inside != level:
            account.lose(f"the level of {name}, {level:g} dB: {inside:g} dB was written")
        parameters = [
            {
                "Default Parameter Value": 0.0,
                "Key Frames": {},
                "Parameter ID": "volume",
                "Parameter Value": inside,
                "Variant Type": "Double",
                "maxValue": LOUDEST,
                "minValue": QUIETEST,
            }
        ]
    about = {
        "Display Type": 1,
        "Effect Name": "Fairlight Clip Volume and Fades",
        "Enabled": True,
        "Name": "Volume",
        "Parameters": parameters,
        "Type": 62,
    }
    return otio.schema.Effect(effect_name="Resolve Effect", metadata={NAMESPACE: about})


Sound = tuple[otio.schema.Track, otio.schema.ExternalReference, Path]


def _sounds(timeline: otio.schema.Timeline) -> Iterator[Sound]:
    """(track, reference, its file) of every sound."""
    for track in timeline.tracks:
        for item in track.find_clips() if track.kind == otio.schema.TrackKind.Audio else ():
            if isinstance(item.media_reference, otio.schema.ExternalReference):
                yield track, item.media_reference, media_file(item.media_reference.target_url)


def _without_time_references(timeline: otio.schema.Timeline, folder: Path, final: Path) -> tuple[str, ...]:
    """Copies of the sounds that carry a time reference while their clips count from 0."""
    made: dict[Path, str] = {}
    for _, reference, path in _sounds(timeline):
        span = reference.available_range
        if (span is not None and span.start_time.value) or not begins_at(path):
            continue
        if path not in made:
            (folder / "media").mkdir(exist_ok=True)
            made[path] = f"media/{len(made) + 1} {path.name}"
            padded(path, folder / made[path])
        reference.target_url = (final / made[path]).absolute().as_posix()
    return tuple(made.values())


def _gathered(timeline: otio.schema.Timeline, folder: Path, final: Path) -> tuple[str, ...]:
    """The sounds that the run has made, beside the timeline: stems, dub, M&E and takes. What is the user's
    own stays where it lies."""
    run = facts_of(timeline).get("run")
    roots = [final.absolute().with_name(FOLDER), *([Path(run).absolute()] if run else [])]
    made: dict[Path, str] = {}
    taken: set[str] = set()
    for track, reference, path in _sounds(timeline):
        if final.absolute() in path.parents or not any(root in path.parents for root in roots):
            continue
        if path not in made:
            name = path.name if is_takes(track) else sound_name(timeline.name, track.name, path.suffix)
            while name.casefold() in taken:
                name = f"{len(made) + 1} {name}"
            taken.add(name.casefold())
            made[path] = f"media/{name}"
            (folder / "media").mkdir(exist_ok=True)
            link(path, folder / made[path])
        reference.target_url = (final / made[path]).absolute().as_posix()
        reference.name = Path(made[path]).name
    return tuple(made.values())


def _apart(markers: Sequence[otio.schema.Marker], fps: Fraction) -> None:
    """One marker on a frame: Resolve keeps no more. A second one moves on to the next free frame."""
    taken: set[int] = set()
    for marker in sorted(markers, key=lambda m: frames_of(m.marked_range.start_time, fps)):
        frame = frames_of(marker.marked_range.start_time, fps)
        while frame in taken:
            frame += 1
        taken.add(frame)
        length = frames_of(marker.marked_range.end_time_exclusive(), fps) - frame
        marker.marked_range = frames_range(frame, max(length, 1), float(fps))


def _howto(
    name: str,
    subtitles: tuple[str, ...],
    fps: Fraction,
    clock: Timecode,
    tracks: Sequence[otio.schema.Track],
    gathered: bool,
) -> str:
    rate = rate_text(fps)
    shown = f"{float(fps):.3f}".rstrip("0").rstrip(".")
    drop = " Choose drop frame there." if clock.drop else ""
    rows = [
        f"{name} in DaVinci Resolve",
        "",
        "1. Make a new project. File > Project Settings > Master Settings > Timeline frame rate:",
        f"   {shown} ({rate}).{drop} Resolve fixes the rate with the first clip that is imported.",
        "2. File > Import > Timeline, and choose this .otio file. Leave",
        '   "Automatically import source clips into media pool" on; without it every clip is offline.',
        f"   The timeline begins at {clock}.",
        "3. If nothing happens, or an error gives no reason, one of the media files was moved or",
        "   renamed. Put it back, or export again: Resolve does not relink while it imports.",
    ]
    if gathered:
        rows += [
            "   The folder media holds stems, dub and takes; they can be dragged in by themselves, too.",
            "   Those that last as long as the programme begin with its first frame.",
        ]
    steps = count(4)
    if dubs := [track.name for track in tracks if facts_of(track).get("role") == "dub"]:
        rows += [
            f"{next(steps)}. The dub. Heard is {dubs[0]}: the finished mix, background included. The other",
            "   sounds are on the timeline and switched off: M&E is the sound without voices.",
        ]
    if any(is_takes(track) for track in tracks):
        rows += [
            "   To mix anew, switch the dub off, and music, sfx, ambient and the tracks called takes on.",
            "   There is a clip for each spoken line, with its level. Markers show those that are too long.",
        ]
    if subtitles:
        rows += [
            f"{next(steps)}. Subtitles. Resolve cannot carry them inside a timeline of this kind. Drag",
            *(f"       {file}" for file in subtitles),
            "   into the Media Pool, as many as you want; then right-click one and choose",
            "   Insert Selected Subtitles to Timeline Using Timecode. Each file makes a track.",
            "   Their times count from the first frame: if they come to lie elsewhere, move them there.",
            "   Resolve remembers files by their path: after another export, take the old ones out of",
            "   the Media Pool first.",
        ]
    return "\r\n".join(rows) + "\r\n"

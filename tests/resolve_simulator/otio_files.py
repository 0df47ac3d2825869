"""Timelines in and out as files (1.4, 1.6, 6; section 9, rules 17 and 18). OTIO is read as plain JSON."""

import json
import os
from fractions import Fraction
from urllib.parse import unquote, urlparse

from resolve_simulator.item import TimelineItem
from resolve_simulator.media import seconds
from resolve_simulator.surface import Constant

OPTIONS = {
    "timelineName",
    "importSourceClips",
    "sourceClipsPath",
    "sourceClipsFolders",
    "interlaceProcessing",
}


def _time(value):
    """An OTIO RationalTime in seconds. Rates such as 23.976 mean the exact fraction."""
    rate = float(value["rate"])
    nominal = round(rate)
    exact = (
        Fraction(nominal * 1000, 1001) if abs(rate - nominal * 1000 / 1001.0) < 0.005 else Fraction(str(rate))
    )
    return Fraction(str(value["value"])) / exact


def _path(url):
    parts = urlparse(url)
    return unquote(parts.path) if parts.scheme == "file" else url


def _reference(clip):
    if "media_references" in clip:
        return clip["media_references"].get(clip.get("active_media_reference_key", "DEFAULT_MEDIA")) or {}
    return clip.get("media_reference") or {}


def import_otio(pool, path, options):
    """9.17. None for a taken name, a relative path, missing media or a range outside the media."""
    world, project = pool.world, pool.project
    if not isinstance(path, str) or not os.path.isabs(path) or not os.path.isfile(path):
        return None
    if not isinstance(options, dict) or os.path.splitext(path)[1].lower() != ".otio":
        return None
    try:
        with open(path, encoding="utf-8") as file:
            tree = json.load(file)
    except ValueError:
        return None
    if not str(tree.get("OTIO_SCHEMA", "")).startswith("Timeline."):
        return None
    name = options.get("timelineName") or tree.get("name") or os.path.splitext(os.path.basename(path))[0]
    source = options.get("importSourceClips", True)
    plan = []
    for track in tree["tracks"]["children"]:
        if track.get("kind") not in ("Video", "Audio"):
            continue  # 2: no subtitle track has been seen to arrive
        entries = _entries(world, track, source)
        if entries is None:
            return None
        plan.append((track, entries))
    if project.timeline_named(name):
        return None
    before = project.current
    timeline = project.new_timeline(name)
    if not world.profile.import_switches and before is not None:
        project.current = before
    if tree.get("global_start_time"):
        start = int(_time(tree["global_start_time"]) * timeline.rate.exact)
        timeline.start = timeline.playhead = start
    timeline.tracks = {"video": [], "audio": [], "subtitle": []}
    groups = {}
    for track, entries in plan:
        _lay_track(pool, timeline, track, entries, source, groups)
    for items in groups.values():
        for item in items:
            item.linked = [other for other in items if other is not item]
    for sort in ("video", "audio"):
        if not timeline.tracks[sort]:
            timeline.add_track(sort, "stereo" if sort == "audio" else "")
    for marker in tree["tracks"].get("markers") or ():
        _mark(timeline, marker)
    return timeline


def _entries(world, track, source):
    """``[(clip, path, source second into the file)]`` with None for gaps; None when Resolve would refuse."""
    entries = []
    for child in track.get("children", ()):
        schema = str(child.get("OTIO_SCHEMA", ""))
        if schema.startswith("Transition."):
            continue
        if schema.startswith("Gap."):
            entries.append((child, None, Fraction(0)))
            continue
        if not schema.startswith("Clip.") or (schema == "Clip.2" and not world.profile.reads_clip_2):
            return None
        reference = _reference(child)
        path = _path(reference.get("target_url") or "")
        if not os.path.isabs(path):
            return None
        facts = world.facts(path)
        if source and facts is None:
            return None  # 6.2
        span = child.get("source_range") or reference.get("available_range")
        if span is None:
            return None
        first, length = _time(span["start_time"]), _time(span["duration"])
        if facts is not None:
            # 6.1: ranges lie on the file's own timecode.
            end = facts.start + seconds(facts)
            if first < facts.start or first + length > end + Fraction(1, 1000):
                return None
            available = reference.get("available_range")
            if available is not None and abs(_time(available["start_time"]) - facts.start) > Fraction(
                1, 1000
            ):
                return None
        entries.append((child, path, first - (facts.start if facts else 0)))
    return entries


def _lay_track(pool, timeline, track, entries, source, groups):
    sort = track["kind"].lower()
    meta = (track.get("metadata") or {}).get("Resolve_OTIO") or {}
    made = timeline.add_track(sort, str(meta.get("Audio Type", "stereo")).lower() if sort == "audio" else "")
    made.name = track.get("name") or made.name
    made.locked = bool(meta.get("Locked", False))
    at = Fraction(0)
    for child, path, first in entries:
        span = child.get("source_range") or _reference(child).get("available_range")
        length = _time(span["duration"])
        start = timeline.start + round(at * timeline.rate.exact)
        end = timeline.start + round((at + length) * timeline.rate.exact)
        at += length
        if path is None or end <= start:
            continue
        media = pool.take_in(path) if source else None
        item = TimelineItem(pool.world, timeline, made, sort, start, end - start)
        item.name = child.get("name") or os.path.basename(path)
        item.media = media  # 9.17: without source clips everything is offline
        item.source_start = first
        item.source_frame = int(first * media.exact_fps) if media else 0
        item.enabled = child.get("enabled", True)
        for effect in child.get("effects") or ():
            _volume(item, effect)
        for marker in child.get("markers") or ():
            _mark(item, marker)
        group = ((child.get("metadata") or {}).get("Resolve_OTIO") or {}).get("Link Group ID")
        if group is not None:
            groups.setdefault(group, []).append(item)
        made.items.append(item)


def _volume(item, effect):
    """6: clip volume in decibels, with key frames from the clip's start on the timeline, and fades."""
    meta = (effect.get("metadata") or {}).get("Resolve_OTIO") or {}
    if meta.get("Effect Name") != "Fairlight Clip Volume and Fades":
        return
    for entry in meta.get("Parameters") or ():
        if entry.get("Parameter ID") == "volume":
            keys = {int(frame): float(key["Value"]) for frame, key in (entry.get("Key Frames") or {}).items()}
            item.gain = keys or float(entry["Parameter Value"])
        elif entry.get("Parameter ID") == "faderIn":
            item.fades = (int(entry["Parameter Value"]), item.fades[1])
        elif entry.get("Parameter ID") == "faderOut":
            item.fades = (item.fades[0], int(entry["Parameter Value"]))


def _mark(thing, marker):
    """6: colour and name arrive, the note only from Resolve's own metadata."""
    rate = thing.rate if hasattr(thing, "rate") else thing.timeline.rate
    span = marker["marked_range"]
    frame = round(_time(span["start_time"]) * rate.exact)
    length = max(1, round(_time(span["duration"]) * rate.exact))
    note = ((marker.get("metadata") or {}).get("Resolve_OTIO") or {}).get("Note", "")
    colour = str(marker.get("color") or "Blue").capitalize()
    thing.AddMarker(frame, colour, str(marker.get("name") or ""), str(note), length, "")


def export_timeline(timeline, path, export, sub_type=None):
    """9.18: an enum constant, or nothing is written."""
    name = repr(export).strip("<>")
    if not isinstance(export, Constant) or not name.startswith("EXPORT_") or not isinstance(path, str):
        return False
    if name in ("EXPORT_AAF", "EXPORT_EDL") and not isinstance(sub_type, Constant):
        return False  # 1.6
    if not os.path.isdir(os.path.dirname(path)):
        return False
    if name == "EXPORT_FCPXML_1_10":
        os.makedirs(path, exist_ok=True)  # 1.6: a folder
        path = os.path.join(path, "Info.fcpxml")
    text = json.dumps(as_otio(timeline)) if name == "EXPORT_OTIO" else f"{name} of {timeline.name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def as_otio(timeline):
    """The shape Resolve writes (6): Clip.2, bare paths, no subtitle tracks."""
    rate = float(timeline.rate.exact)

    def time(frames, rate=rate):
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(frames)}

    def span(start, frames):
        return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(frames)}

    tracks = []
    for sort in ("video", "audio"):
        for track in timeline.tracks[sort]:
            children, at = [], timeline.start
            for item in sorted(track.items, key=lambda item: item.start):
                if item.start > at:
                    children.append({"OTIO_SCHEMA": "Gap.1", "source_range": span(0, item.start - at)})
                at = item.end
                first = (
                    (item.media.facts.start + item.source_start) * timeline.rate.exact if item.media else 0
                )
                reference = {"OTIO_SCHEMA": "MissingReference.1"}
                if item.media:
                    frames = seconds(item.media.facts) * timeline.rate.exact
                    own = item.media.facts.start * timeline.rate.exact
                    reference = {
                        "OTIO_SCHEMA": "ExternalReference.1",
                        "target_url": item.media.path,
                        "available_range": span(own, frames),
                    }
                children.append(
                    {
                        "OTIO_SCHEMA": "Clip.2",
                        "name": item.name,
                        "enabled": item.enabled,
                        "source_range": span(first, item.length),
                        "media_references": {"DEFAULT_MEDIA": reference},
                        "active_media_reference_key": "DEFAULT_MEDIA",
                    }
                )
            tracks.append(
                {
                    "OTIO_SCHEMA": "Track.1",
                    "kind": sort.capitalize(),
                    "name": track.name,
                    "children": children,
                }
            )
    return {
        "OTIO_SCHEMA": "Timeline.1",
        "name": timeline.name,
        "metadata": {"Resolve_OTIO": {"Resolve OTIO Meta Version": "1.0"}},
        "global_start_time": time(timeline.start),
        "tracks": {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": tracks},
    }


def copy_timeline(timeline, made):
    """Fill ``made`` with what ``timeline`` holds, for DuplicateTimeline."""
    made.rate, made.start, made.playhead = timeline.rate, timeline.start, timeline.playhead
    made.markers = {frame: dict(marker) for frame, marker in timeline.markers.items()}
    made.tracks = {"video": [], "audio": [], "subtitle": []}
    for sort, tracks in timeline.tracks.items():
        for track in tracks:
            copy = made.add_track(sort, track.sub_type)
            copy.name, copy.enabled, copy.locked = track.name, track.enabled, track.locked
            for item in track.items:
                twin = TimelineItem(made.world, made, copy, sort, item.start, item.length)
                for key in (
                    "name",
                    "media",
                    "origin",
                    "source_start",
                    "source_frame",
                    "enabled",
                    "colour",
                    "gain",
                ):
                    setattr(twin, key, getattr(item, key))
                copy.items.append(twin)
    return made

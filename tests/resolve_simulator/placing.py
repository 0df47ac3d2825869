"""AppendToTimeline: what lands where (1.9, 3; section 9, rules 8, 9, 12 and 14)."""

from fractions import Fraction

from resolve_simulator.item import TimelineItem
from resolve_simulator.rates import nearest_frame, whole_frames
from resolve_simulator.surface import whole

INFO_KEYS = {"mediaPoolItem", "startFrame", "endFrame", "mediaType", "trackIndex", "recordFrame"}


def append_clips(timeline, clips):
    """The plain list: whole clips at the end of the timeline, on track 1."""
    return [_place(timeline, clip, {}) for clip in clips]


def append_infos(timeline, infos):
    """The list of clipInfo dicts."""
    made = []
    for info in infos:
        clip = info.get("mediaPoolItem")
        if getattr(clip, "kind", "") != "MediaPoolItem" or not clip.alive():
            return []
        strange = sorted(set(info) - INFO_KEYS)
        if strange:
            timeline.world.violate(1, "clipInfo has no key {}".format(", ".join(strange)))
        if clip.sort == "Subtitle":
            if "startFrame" in info or "endFrame" in info:
                timeline.world.crash(14, "startFrame or endFrame in the clipInfo of a subtitle file")
            # 9.14: trackIndex and recordFrame are ignored, the cues land behind the timeline's end.
            made += _lay_cues(timeline, clip, timeline.GetEndFrame())
        else:
            made.append(_place(timeline, clip, info))
    if made and all(item is False for item in made):
        return []
    return [None if item is False else item for item in made]


def _place(timeline, clip, info):
    """One clip. None: skipped because something lies there. False: refused as a whole."""
    only = info.get("mediaType")
    if only not in (None, 1, 2) or isinstance(only, bool):
        return False
    sorts = []
    if clip.facts is not None and clip.facts.rate and only != 2:
        sorts.append("video")
    if clip.facts is not None and clip.facts.channels and only != 1:
        sorts.append("audio")
    index = info.get("trackIndex", 1)
    if not sorts or not whole(index):
        return False
    tracks = []
    for sort in sorts:
        track = timeline.track(sort, index)
        if track is None or track.locked:
            return False  # 9.12: never a new track; a locked one takes nothing
        tracks.append(track)
    span = _span(clip, info)
    if span is None:
        return False
    first, end = span
    record = info.get("recordFrame")
    if record is None:
        record = timeline.GetEndFrame()
    elif not isinstance(record, (int, float)) or isinstance(record, bool):
        return False
    start = int(record)
    length = max(1, whole_frames(Fraction(end - first) / clip.exact_fps, timeline.rate.exact))  # 9.9
    if any(track.busy(start, start + length) for track in tracks):
        timeline.world.dropped.append((timeline.name, clip.name, start))
        return None  # 9.12: no word of it
    items = []
    for sort, track in zip(sorts, tracks):
        item = TimelineItem(timeline.world, timeline, track, sort, start, length)
        item.media = clip
        item.name = clip.name
        item.source_start = Fraction(first) / clip.exact_fps
        item.source_frame = first
        track.items.append(item)
        items.append(item)
    for item in items:
        item.linked = [other for other in items if other is not item]
    return items[0]


def _span(clip, info):
    """First frame and the frame behind the last one, at the clip's own rate; None when out of range (9.9)."""
    first = info.get("startFrame", 0)
    last = info.get("endFrame")
    for value in (first, 0 if last is None else last):
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return None
    if last is None:
        end = clip.frames
    else:
        end = int(last) + (1 if clip.world.profile.end_frame == "inclusive" else 0)
    first = int(first)
    if not 0 <= first < end <= clip.frames:
        return None
    return first, end


def append_subtitles(timeline, clips):
    """The plain list of subtitle files: onto the enabled, unlocked track that Resolve picks (9.14)."""
    made = []
    for clip in clips:
        if not timeline.tracks["subtitle"]:
            timeline.add_track("subtitle")
        settle = timeline.world.faults.settle
        free = [track for track in timeline.tracks["subtitle"] if track.takes_cues(settle)]
        if not free:
            return made
        track = free[-1 if timeline.world.profile.subtitle_pick == "last" else 0]
        ends = [item.start + item.length for item in track.items]
        made += _lay_cues(timeline, clip, max(ends) if ends else timeline.start, track)
    return made


def _lay_cues(timeline, clip, origin, track=None):
    if track is None:
        if not timeline.tracks["subtitle"]:
            timeline.add_track("subtitle")
        track = timeline.tracks["subtitle"][0]
    floor = timeline.world.profile.subtitle_rounding == "floor"
    frames = whole_frames if floor else nearest_frame
    made = []
    for cue in clip.cues:
        start = origin + frames(cue.start, timeline.rate.exact)
        end = origin + frames(cue.end, timeline.rate.exact)
        if end <= start or track.busy(start, end):
            timeline.world.dropped.append((timeline.name, cue.text, start))
            continue
        item = TimelineItem(timeline.world, timeline, track, "subtitle", start, end - start)
        item.name = cue.text
        item.origin = clip
        track.items.append(item)
        made.append(item)
    track.items.sort(key=lambda item: item.start)
    return made

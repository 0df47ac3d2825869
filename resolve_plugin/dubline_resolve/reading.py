"""What to work on: the timeline, its in and out range, chosen clips, or a clip of the media pool -> MEDIA."""

import os
from typing import Any, Dict, List, Set, Tuple

from dubline_resolve import receipt
from dubline_resolve.clips import Media, clip_of, known_media
from dubline_resolve.objects import Refused, Session, ask, can, number
from dubline_resolve.tracks import count


def read_timeline(session: Session, ranged: bool = True, run: str = "") -> Dict[str, Any]:
    """The current timeline's sound, as far as it is on -> {"media": MEDIA, "notes": [text]}.

    ``ranged``: only the range between the in and out points, where they are set. ``run``: folder of an
    earlier run; what it placed is left out, and what it switched off counts as on. Clips outside the range
    may be offline or retimed.

    Refused: an empty timeline, no sound in it, and what ``clips`` refuses.
    """
    facts = session.facts
    first, stop = in_and_out(session, ranged)
    muted = _muted_by_us(session, run)
    notes, clips, heard = [], [], 0
    cache: Dict[str, Media] = {}
    for track in range(1, count(session.timeline, "audio") + 1):
        on = track in muted or ask(session.timeline, "GetIsTrackEnabled", "audio", track)
        items = ask(session.timeline, "GetItemListInTrack", "audio", track) or []
        if not on:
            if items:
                notes.append("audio track {} is off and not worked on".format(track))
            continue
        for item in items:
            record = number(ask(item, "GetStart"), "where a clip begins") - session.start
            if record >= stop or record + number(ask(item, "GetDuration"), "a clip's length") <= first:
                continue
            if ours(item, cache):
                notes.append("audio track {} was placed by Dubline and is not worked on".format(track))
                break
            clip = clip_of(session, item, track, cache, _clip_on(item))
            if clip is not None:
                clips.append(clip)
                heard += clip["enabled"]
    if not heard:
        raise Refused(
            "there is no sound on {}".format(
                "the timeline " + facts["name"] if (first, stop) == (0, facts["frames"]) else "this range"
            ),
            "Switch on the audio tracks and clips that are to be heard, or choose another range.",
        )
    return {"media": _media(session, first, stop, clips), "notes": notes}


def read_selection(session: Session) -> Dict[str, Any]:
    """The clips chosen on the timeline, with their linked sound -> {"media": MEDIA, "notes": []}.

    Refused: before 21.0.4, which does not tell the selection (1.5), and where nothing with sound is chosen.
    """
    if not can(session.timeline, "GetSelectedClips"):
        raise Refused(
            "{} does not tell which clips are chosen".format(session.edition.text),
            "Set in and out points around them instead. 21.0.4 and later tell it.",
        )
    chosen, clips = {}, []
    cache: Dict[str, Media] = {}
    for item in ask(session.timeline, "GetSelectedClips") or []:
        for each in [item, *(ask(item, "GetLinkedItems") or [])]:
            sort, track = list(ask(each, "GetTrackTypeAndIndex") or ["", 0])[:2]
            if sort == "audio":
                chosen[ask(each, "GetUniqueId")] = (each, int(track))
    for item, track in chosen.values():
        clip = clip_of(session, item, track, cache, _clip_on(item))
        if clip is not None:
            clips.append(clip)
    if not any(clip["enabled"] for clip in clips):
        raise Refused("no clip with sound is chosen", "Choose clips on the timeline first.")
    clips.sort(key=lambda clip: (clip["record"], clip["track"]))
    first = min(clip["record"] for clip in clips)
    stop = max(clip["record"] + clip["frames"] for clip in clips)
    return {"media": _media(session, first, stop, clips), "notes": []}


def read_pool_clip(session: Session) -> Dict[str, Any]:
    """The one clip that is chosen in the media pool -> {"media": MEDIA of its file, "notes": []}."""
    chosen = (ask(session.pool, "GetSelectedClips") or []) if can(session.pool, "GetSelectedClips") else []
    if len(chosen) != 1:
        raise Refused(
            "{} clips are chosen in the media pool".format(len(chosen) or "no"),
            "Choose the one clip that is to be worked on.",
        )
    name = ask(chosen[0], "GetName") or ""
    if os.path.splitext(name)[1].lower() in (".srt", ".vtt"):
        # GetClipProperty on a subtitle file has crashed Resolve (1.9): judged by its name alone.
        raise Refused("{} is a subtitle file".format(name), "Choose a video or a sound.")
    media = Media(chosen[0])
    if not media.path:
        raise Refused("{} is a timeline, not a file".format(name), "Open it and work on the timeline.")
    if not media.online:
        raise Refused(
            "{} is offline: {} is missing".format(name, media.path), "Relink it, or bring its disk online."
        )
    return {"media": {"kind": "file", "path": media.path, "track": ""}, "notes": []}


def in_and_out(session: Session, ranged: bool = True) -> Tuple[int, int]:
    """(first, behind the last) frame from the timeline's start; all of it where no points are set.

    The marks count from the start, the last frame included (1.5); before 20 they cannot be read. Not
    ``ranged``: all of it in any case. Refused: an empty timeline, nothing between the points.
    """
    frames = session.facts["frames"]
    if not frames:
        raise Refused(
            "the timeline {} is empty".format(session.facts["name"]), "Put the programme on it first."
        )
    can_tell = ranged and can(session.timeline, "GetMarkInOut")
    marks = ask(session.timeline, "GetMarkInOut") if can_tell else None
    for sort in ("audio", "video"):
        points = (marks or {}).get(sort) or {}
        if "in" in points or "out" in points:
            first = max(0, int(points.get("in", 0)))
            stop = min(frames, int(points.get("out", frames - 1)) + 1)
            if first >= stop:
                raise Refused("there is nothing between the in and out points", "Move them, or clear them.")
            return first, stop
    return 0, frames


def ours(item: Any, cache: Dict[str, Media]) -> bool:
    """Whether an item's file was made for placing: it lies in the folder resolve of a run, or deeper."""
    pool_item = ask(item, "GetMediaPoolItem")
    if pool_item is None:
        return False
    parts = known_media(pool_item, cache).path.replace("\\", "/").split("/")
    return any(run.endswith(".dubline") and kept == "resolve" for run, kept in zip(parts, parts[1:-1]))


def _clip_on(item: Any) -> bool:
    return ask(item, "GetClipEnabled") is not False


def _muted_by_us(session: Session, run: str) -> Set[int]:
    placed = receipt.Book(run).placed(session) if run else None
    return {entry["index"] for entry in placed["muted"]} if placed else set()


def _media(session: Session, first: int, stop: int, clips: List[Dict[str, Any]]) -> Dict[str, Any]:
    media = {key: session.facts[key] for key in ("rate", "start", "frames", "drop")}
    media.update({"kind": "timeline", "in": first, "out": stop, "clips": clips})
    return media

"""Taking away what a receipt lists, and nothing else."""

import os
from typing import Any, Dict, List, Optional

from dubline_resolve.markers import remove_markers
from dubline_resolve.objects import Refused, Session, Step, Steps, ask, timelines
from dubline_resolve.receipt import Book, Placement
from dubline_resolve.tracks import count, find, items_on

NOTHING: Placement = {"tracks": [], "media": [], "bins": [], "markers": [], "muted": []}
"""A placement of which nothing stays."""


def undo(session: Session, run: str) -> Steps:
    """Take away what the run placed on the current timeline -> notes, a list of texts.

    What a person changed since stays, and is told. Refused: nothing of this run lies here.
    """
    book = Book(run)
    placements = [each for each in (book.unfinished(session), book.placed(session)) if each is not None]
    if not placements:
        elsewhere = [each["timeline_name"] for each in book.placements()]
        raise Refused(
            "nothing of {} was placed on the timeline {}".format(
                os.path.basename(run.rstrip("/\\")), session.facts["name"]
            ),
            "It was placed on {}: open that one.".format(", ".join(elsewhere))
            if elsewhere
            else "Place it first.",
        )
    notes: List[str] = []
    for placement in placements:
        notes += yield from removal(session, placement)
        book.end(placement)
    book.forget(placements[-1])
    return notes


def removal(session: Session, placement: Placement, keep: Optional[Placement] = None) -> Steps:
    """Remove what a placement lists -> notes. ``keep``: a newer placement, whose things stay.

    A timeline that was imported goes as a whole, and the one it was made from is opened.
    """
    notes: List[str] = []
    stays = keep or NOTHING
    if placement.get("imported") and not keep:
        yield Step(0, 1, "Removing {}".format(placement["imported"]["name"]), 0.0)
        session.alive()
        _open_again(session, placement.get("origin"))
        notes += remove_timeline(session, placement["imported"])
        clear_pool(session, placement, NOTHING, notes)
        yield Step(1, 1, "Removed", 0.0)
        return notes
    tracks = [entry for entry in placement["tracks"] if entry not in stays["tracks"]]
    total = len(tracks) + 3
    # From the last track on: a deleted one moves those above it down (9.11).
    done = 0
    for entry in sorted(tracks, key=lambda entry: -entry["index"]):
        yield Step(done, total, "Removing {}".format(entry["name"]), 0.0)
        session.alive()
        notes += _remove_track(session, entry, stays)
        done += 1
    yield Step(done, total, "Removing markers", 0.0)
    session.alive()
    going = [entry for entry in placement["markers"] if entry not in stays["markers"]]
    left = remove_markers(session.timeline, going, [entry["frame"] for entry in stays["markers"]])
    if left:
        notes.append("{} markers could not be removed".format(left))
    _hear_again(session, [entry for entry in placement["muted"] if entry not in stays["muted"]], notes)
    yield Step(done + 1, total, "Clearing the media pool", 0.0)
    clear_pool(session, placement, stays, notes)
    yield Step(total, total, "Removed", 0.0)
    return notes


def _remove_track(session: Session, entry: Dict[str, Any], stays: Placement) -> List[str]:
    timeline, sort = session.timeline, entry["type"]
    newer = [each["index"] for each in stays["tracks"] if each["type"] == sort and each.get("new")]
    place = find(timeline, entry, session.start, min(newer, default=None))
    if place is None:
        return []
    index, ours, others = place
    if ask(timeline, "GetIsTrackLocked", sort, index):
        ask(timeline, "SetTrackLock", sort, index, False)
    if not others:
        before = count(timeline, sort)
        ask(timeline, "DeleteTrack", sort, index)
        if count(timeline, sort) != before - 1:
            return ["the track {} could not be removed".format(entry["name"])]
        for each in stays["tracks"]:
            if each["type"] == sort and each["index"] > index:
                each["index"] -= 1
        return []
    delete_items(session, ours)
    left = len(items_on(timeline, sort, index)) - len(others)
    note = "the track {} stays with {} of your own or changed by you".format(
        entry["name"], "one item" if len(others) == 1 else "{} items".format(len(others))
    )
    return [note] + (["{} items of it could not be removed".format(left)] if left else [])


def delete_items(session: Session, items: List[Any]) -> bool:
    """Delete items of the timeline. Resolve does it on the Edit page only (1.5); the page is put back."""
    if not items:
        return True
    page = ask(session.resolve, "GetCurrentPage")
    if page != "edit":
        ask(session.resolve, "OpenPage", "edit")
    try:
        # Once more where it said no: it does at times, for no reason (9.21).
        return bool(
            ask(session.timeline, "DeleteClips", items) or ask(session.timeline, "DeleteClips", items)
        )
    finally:
        if page and page != "edit":
            ask(session.resolve, "OpenPage", page)


def _hear_again(session: Session, muted: List[Dict[str, Any]], notes: List[str]) -> None:
    """Switch on again what was switched off, found by its number and name, or else by its name alone."""
    timeline = session.timeline
    if not muted:
        return
    names = {n: ask(timeline, "GetTrackName", "audio", n) for n in range(1, count(timeline, "audio") + 1)}
    for entry in muted:
        index = entry["index"]
        if names.get(index) != entry["name"]:
            alike = [n for n, name in names.items() if name == entry["name"]]
            index = alike[0] if len(alike) == 1 else 0
        if not index or not (
            ask(timeline, "GetIsTrackEnabled", "audio", index)
            or ask(timeline, "SetTrackEnable", "audio", index, True)
        ):
            notes.append(
                "the audio track {} could not be switched on again: do it by hand".format(entry["name"])
            )


def _open_again(session: Session, origin: Optional[Dict[str, str]]) -> None:
    """Open the timeline that another was made from, if it is still there."""
    for timeline in timelines(session.project):
        if origin and ask(timeline, "GetUniqueId") == origin["id"]:
            ask(session.project, "SetCurrentTimeline", timeline)
            return


def remove_timeline(session: Session, imported: Dict[str, str]) -> List[str]:
    """Delete a timeline that was made -> notes, empty where that worked or it is gone already."""
    for timeline in timelines(session.project):
        if ask(timeline, "GetUniqueId") == imported["id"]:
            if ask(session.pool, "DeleteTimelines", [timeline]):
                return []
            return ["the timeline {} could not be removed".format(imported["name"])]
    return []


def clear_pool(session: Session, placement: Placement, stays: Placement, notes: List[str]) -> None:
    """Take out what was brought in and is used nowhere any more, then our bins where they are empty."""
    staying = {entry["id"] for entry in stays["media"]}
    going = {entry["id"]: entry for entry in placement["media"] if entry["id"] not in staying}
    used = _used(session, [entry for entry in going.values() if not is_subtitle(entry["path"])])
    if used:
        notes.append(
            "{} stay in the media pool: they are used elsewhere".format(", ".join(sorted(used.values())))
        )
    root = ask(session.pool, "GetRootFolder")
    bins = {entry["id"] for entry in placement["bins"]} - {entry["id"] for entry in stays["bins"]}
    known = bins | {entry.get("bin") for entry in going.values()}
    for folder in ask(root, "GetSubFolderList") or []:
        key = ask(folder, "GetUniqueId")
        if key not in known:
            continue
        clips = ask(folder, "GetClipList") or []
        ids = [ask(clip, "GetUniqueId") for clip in clips]
        ours = [clip for clip, uid in zip(clips, ids) if uid in going and uid not in used]
        if ours and not (ask(session.pool, "DeleteClips", ours) or ask(session.pool, "DeleteClips", ours)):
            notes.append("{} files could not be taken out of the media pool".format(len(ours)))
        if key in bins and not (ask(folder, "GetClipList") or ask(folder, "GetSubFolderList")):
            ask(session.pool, "DeleteFolders", [folder])


def _used(session: Session, entries: List[Dict[str, Any]]) -> Dict[str, str]:
    """{id: name} of media that any timeline still plays: to delete them would empty its clips."""
    names = {os.path.basename(entry["path"]): entry["id"] for entry in entries}
    used: Dict[str, str] = {}
    if not names:
        return used
    for timeline in timelines(session.project):
        for track in range(1, count(timeline, "audio") + 1):
            for item in items_on(timeline, "audio", track):
                media = ask(item, "GetMediaPoolItem")
                uid = ask(media, "GetUniqueId") if media is not None else None
                if uid in names.values():
                    used[str(uid)] = str(ask(media, "GetName"))
    return used


def is_subtitle(path: str) -> bool:
    """Whether a path is a subtitle file, of which no properties may be asked (1.9)."""
    return os.path.splitext(path)[1].lower() == ".srt"

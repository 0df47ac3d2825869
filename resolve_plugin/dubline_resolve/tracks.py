"""Tracks of our own: made, found again, and told apart from what the user put there (1.5, 9)."""

from typing import Any, Dict, List, Optional, Tuple

from dubline_resolve.objects import Refused, ask, need, number
from dubline_resolve.proof import plain

Entry = Dict[str, Any]


def count(timeline: Any, sort: str) -> int:
    """Tracks of a sort: "audio", "video", "subtitle"."""
    return number(ask(timeline, "GetTrackCount", sort), "its tracks")


def items_on(timeline: Any, sort: str, index: int) -> List[Any]:
    """The items on a track; none where there is no such track."""
    return [item for item in ask(timeline, "GetItemListInTrack", sort, index) or [] if item is not None]


def add_track(timeline: Any, sort: str, name: str, before: int, sub_type: str = "") -> int:
    """A new last track with a name -> its number. Refused where Resolve makes none; nothing is left then.

    ``before``: how many tracks there were when they were last counted.
    """
    # Without a sub type an audio track would be mono (9.11).
    need(timeline, "AddTrack", sort, *([sub_type] if sub_type else []))
    index = count(timeline, sort)
    if index <= before:
        raise Refused(
            "DaVinci Resolve says it made a track, but there is none",
            "Close any dialog that is open in DaVinci Resolve, and start once more.",
        )
    named = ask(timeline, "SetTrackName", sort, index, name)
    if not named or (sub_type and ask(timeline, "GetTrackSubType", sort, index) != sub_type):
        ask(timeline, "DeleteTrack", sort, index)
        raise Refused(
            "DaVinci Resolve did not make the {} track {!r}".format(sub_type or sort, name),
            "Close any dialog that is open in DaVinci Resolve, and start once more.",
        )
    return index


def split(timeline: Any, entry: Entry, index: int, start: int) -> Tuple[List[Any], List[Any]]:
    """(ours, the user's) of the items on a track, by what the receipt says.

    A sound is ours by its id, or because it plays our file on our track, as after a cut; the takes of a line
    each are known by their files alone. A cue is ours when its text, start and end are as they were placed:
    one that was edited since is the user's.
    """
    items = items_on(timeline, entry["type"], index)
    ours: List[Any] = []
    others: List[Any] = []
    if entry["type"] == "subtitle":
        left: Dict[str, List[List[int]]] = {}
        for first, end, text in entry["cues"]:
            left.setdefault(plain(text), []).append([first, end])
        for item in items:
            near = left.get(plain(ask(item, "GetName")), [])
            at = number(ask(item, "GetStart"), "where a cue begins") - start
            match = [span for span in near if abs(span[0] - at) <= 1]
            if match:
                until = number(ask(item, "GetEnd"), "where a cue ends") - start
                match = [span for span in match if abs(span[1] - until) <= 1]
            if match:
                near.remove(match[0])
            (ours if match else others).append(item)
        return ours, others
    ids, files = set(entry["items"]), set(entry.get("medias") or [entry["media"]])
    for item in items:
        mine = bool(ids) and ask(item, "GetUniqueId") in ids
        if not mine:
            media = ask(item, "GetMediaPoolItem")
            mine = media is not None and ask(media, "GetUniqueId") in files
        (ours if mine else others).append(item)
    return ours, others


def in_place(timeline: Any, entry: Entry) -> bool:
    """Whether the track of a receipt still has its number and its name."""
    return bool(ask(timeline, "GetTrackName", entry["type"], entry["index"]) == entry["name"])


def find(
    timeline: Any, entry: Entry, start: int, below: Optional[int] = None
) -> Optional[Tuple[int, List[Any], List[Any]]]:
    """(index, ours, the user's) of a track in the receipt, None where it is no longer there.

    Tracks carry no identity: the one at its old place under its old name is looked at first, then those with
    the name, then the rest. ``below``: only tracks with a number below this.
    """
    sort = entry["type"]
    last = count(timeline, sort) if below is None else below - 1
    names = {index: ask(timeline, "GetTrackName", sort, index) for index in range(1, last + 1)}
    order = sorted(names, key=lambda index: (names[index] != entry["name"], index != entry["index"], index))
    for index in order:
        ours, others = split(timeline, entry, index, start)
        # An empty one in its place is ours too: never filled, or emptied by the user.
        in_place = names[index] == entry["name"] and index == entry["index"]
        if ours or (in_place and not others):
            return index, ours, others
    return None


def muted_now(timeline: Any, sort: str) -> Dict[int, bool]:
    """{track: whether it is on} of every track of a sort."""
    return {
        index: bool(ask(timeline, "GetIsTrackEnabled", sort, index))
        for index in range(1, count(timeline, sort) + 1)
    }

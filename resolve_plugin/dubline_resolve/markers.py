"""Markers of a plan on the timeline, known again by their custom data, which nobody sees (1.5)."""

from typing import Any, Dict, Iterable, List, Tuple

from dubline_resolve.objects import ask, number

NEAR = 12
"""Frames a marker may move to the right where a user's marker has its frame: there is one marker a frame."""


def read_markers(timeline: Any) -> Dict[int, Dict[str, Any]]:
    """{frame from the start: marker}. Some versions answer floats (9.7)."""
    markers = ask(timeline, "GetMarkers") or {}
    return {int(float(frame)): marker for frame, marker in markers.items()}


def place_markers(
    timeline: Any, markers: List[Dict[str, Any]], old: List[Dict[str, Any]], made: List[Dict[str, Any]]
) -> Tuple[int, List[Dict[str, Any]]]:
    """Add what is not there yet -> (how many found no place, old entries that stay as they are).

    ``markers``: a plan's markers. ``old``: the entries of an earlier receipt; one that is the same again
    stays, one that changed gives way. Each new one is added to ``made`` at once, and each that gave way, so
    that all can be put back whatever happens next.
    """
    if not markers:
        return 0, []
    there = read_markers(timeline)
    known = {entry["key"]: entry for entry in old}
    stay, lost = [], 0
    for marker in markers:
        before = known.get(marker["key"])
        if before is not None and _ours(there.get(before["frame"]), marker):
            frame = before["frame"]
            if _same(there[frame], marker, before):
                stay.append(before)
                continue
            if ask(timeline, "DeleteMarkerAtFrame", frame):
                made.append({"frame": frame, "key": marker["key"], "was": there.pop(frame), "gone": True})
        for frame in range(marker["frame"], marker["frame"] + NEAR):
            if frame not in there and _add(timeline, frame, marker):
                there[frame] = {}
                made.append({"frame": frame, "key": marker["key"], "from": marker["frame"]})
                break
        else:
            lost += 1
    now = read_markers(timeline)
    for each in list(made):
        if not each.get("gone") and now.get(each["frame"], {}).get("customData") != each["key"]:
            made.remove(each)
            lost += 1
    return lost, stay


def remove_markers(timeline: Any, entries: List[Dict[str, Any]], keep: Iterable[int] = ()) -> int:
    """Delete the markers of a receipt, moved ones too, and put back what gave way -> how many are left.

    ``keep``: frames whose markers belong to a newer placement.
    """
    there = {frame: marker for frame, marker in read_markers(timeline).items() if frame not in set(keep)}
    left = 0
    for entry in entries:
        if entry.get("gone"):
            continue
        places = [frame for frame, marker in there.items() if marker.get("customData") == entry["key"]]
        for frame in sorted(places, key=lambda frame: frame != entry["frame"])[:1]:
            if ask(timeline, "DeleteMarkerAtFrame", frame):
                there.pop(frame)
            else:
                left += 1
    for entry in entries:
        if entry.get("gone"):
            was = entry["was"]
            looks = (was.get("color"), was.get("name"), was.get("note"), int(was.get("duration") or 1))
            ask(timeline, "AddMarker", entry["frame"], *looks, entry["key"])
    return left


def _add(timeline: Any, frame: int, marker: Dict[str, Any]) -> bool:
    looks = (marker["colour"], marker["name"], marker["note"], max(1, marker["frames"]))
    return bool(ask(timeline, "AddMarker", frame, *looks, marker["key"]))


def _ours(was: Any, marker: Dict[str, Any]) -> bool:
    return bool(was) and was.get("customData") == marker["key"]


def _same(there: Dict[str, Any], marker: Dict[str, Any], before: Dict[str, Any]) -> bool:
    return (
        before.get("from", before["frame"]) == marker["frame"]
        and there.get("color") == marker["colour"]
        and there.get("name") == marker["name"]
        and there.get("note") == marker["note"]
        and number(there.get("duration"), "a marker's length") == max(1, marker["frames"])
    )

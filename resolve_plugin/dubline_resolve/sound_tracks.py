"""Sounds of a plan on new audio tracks of the right kind (1.4, 1.5)."""

from typing import Any, Dict, List

from dubline_resolve.objects import Refused, Session, Step, Steps, ask, need, number
from dubline_resolve.receipt import Placement
from dubline_resolve.tracks import add_track, items_on

POLLS = 9
POLL = 0.25
"""Seconds between looks at a track on which nothing shows yet; with POLLS about two seconds (3)."""
LENGTH_TOLERANCE = 2
"""Frames by which a sound may be longer or shorter: it takes the project's rate, and both are cut to whole
frames (1.9)."""


def lay_sounds(
    session: Session, wanted: List[Dict[str, Any]], media: Dict[str, Any], placement: Placement, total: int
) -> Steps:
    """Place every sound of ``wanted`` (a plan's "audio") on a track of its own.

    ``media``: {path: pool item}. Entries go into ``placement`` before anything lands on their tracks. Refused
    where a sound does not lie to the frame where it should.
    """
    timeline = session.timeline
    entries = []
    for sound in wanted:
        yield Step(len(placement["tracks"]), total, "Making the track {}".format(sound["name"]), 0.0)
        session.check()
        index = add_track(timeline, "audio", sound["name"], sound["subtype"])
        entry = {
            "type": "audio",
            "index": index,
            "name": sound["name"],
            "key": sound["key"],
            "path": sound["path"],
            "media": ask(media[sound["path"]], "GetUniqueId"),
            "record": sound["record"],
            "items": [],
            "cues": [],
            "new": True,
        }
        placement["tracks"].append(entry)
        entries.append((entry, sound))
    if not entries:
        return
    yield Step(len(placement["tracks"]), total, "Placing {} sounds".format(len(entries)), 0.0)
    session.check()
    # Absolute frames (0.6); no startFrame or endFrame, whose meaning differs between versions (0.7).
    infos = [
        {
            "mediaPoolItem": media[sound["path"]],
            "trackIndex": entry["index"],
            "recordFrame": session.start + sound["record"],
        }
        for entry, sound in entries
    ]
    ask(session.pool, "AppendToTimeline", infos)  # its answer is worth nothing (1.9)
    for entry, sound in entries:
        for _ in range(POLLS):
            items = items_on(timeline, "audio", entry["index"])
            if items:
                break
            yield Step(len(placement["tracks"]), total, "Placing {}".format(sound["name"]), POLL)
        entry["items"] = [ask(item, "GetUniqueId") for item in items]
        _verify(session, items, sound)
        colour = sound.get("colour")
        if colour:
            ask(items[0], "SetClipColor", colour)
        if not sound.get("enabled", True):
            need(timeline, "SetTrackEnable", "audio", entry["index"], False)


def recount(session: Session, placement: Placement) -> None:
    """Look again after the project was saved: what Resolve only seemed to have taken is gone then (1.9)."""
    for entry in placement["tracks"]:
        if entry.get("new"):
            there = len(items_on(session.timeline, entry["type"], entry["index"]))
            if there != (len(entry["items"]) if entry["type"] == "audio" else len(entry["cues"])):
                raise Refused(
                    "lost",
                    "DaVinci Resolve lost what was on the track {} when it saved".format(entry["name"]),
                    "Start DaVinci Resolve anew, open the project and place once more.",
                )


def _verify(session: Session, items: List[Any], sound: Dict[str, Any]) -> None:
    name, wanted = sound["name"], session.start + sound["record"]
    hint = "Nothing of it was left on the timeline. Import the .otio file of the export for Resolve instead."
    if len(items) != 1:
        raise Refused("not_placed", "DaVinci Resolve did not place the sound {}".format(name), hint)
    start = number(ask(items[0], "GetStart"), "where a clip begins")
    frames = number(ask(items[0], "GetDuration"), "how long a clip is")
    if start != wanted:
        raise Refused(
            "misplaced",
            "the sound {} lies {} frames beside its place".format(name, abs(start - wanted)),
            hint,
        )
    if abs(frames - sound["frames"]) > LENGTH_TOLERANCE:
        raise Refused(
            "misplaced",
            "the sound {} lasts {} frames on the timeline instead of {}".format(
                name, frames, sound["frames"]
            ),
            hint,
        )

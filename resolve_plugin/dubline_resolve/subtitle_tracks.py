"""Native subtitle tracks from SRT files: the one way that works, or else the way by hand (3)."""

from typing import Any, Dict, List, Tuple

from dubline_resolve.clock import cue_tolerance
from dubline_resolve.objects import Refused, Session, Step, Steps, ask, number
from dubline_resolve.receipt import Placement
from dubline_resolve.sound_tracks import POLL, POLLS
from dubline_resolve.tracks import SAMPLE, SMALL, add_track, count, items_on, muted_now, plain
from dubline_resolve.undo import delete_items

SETTLE = 0.3
"""Seconds between switching tracks and appending: Resolve picks its target late (3)."""
BY_HAND = (
    "DaVinci Resolve did not take the subtitles {name}. The file is in the media pool, bin {bin}: "
    "make a subtitle track, right-click the file and choose Insert Selected Subtitles to Timeline Using "
    "Timecode. If the cues then lie an hour off, put the playhead on the timeline's start and drag the file "
    "onto the track there. The file: {path}"
)


class NotPlaced(Exception):
    """A subtitle track that Resolve did not take as it should. Nothing of it was left."""


def lay_subtitles(
    session: Session, wanted: List[Dict[str, Any]], media: Dict[str, Any], placement: Placement, total: int,
    notes: List[str], bin_name: str,
) -> Steps:  # fmt: skip
    """Place every subtitle track of ``wanted`` (a plan's "subtitles"); what was on stays on.

    ``media``: {srt path: pool item}. After the first that Resolve does not take, the rest is told in
    ``notes`` as work by hand: nothing half-placed is left.
    """
    timeline = session.timeline
    if not wanted:
        return
    before = muted_now(timeline, "subtitle")
    was_on = set(placement.get("was_on", ()))
    playhead = ask(timeline, "GetCurrentTimecode")
    made: List[Tuple[int, str]] = []
    try:
        for index, on in before.items():
            if on:
                ask(timeline, "SetTrackEnable", "subtitle", index, False)
        # Some versions lay cues from the playhead on (3).
        ask(timeline, "SetCurrentTimecode", ask(timeline, "GetStartTimecode"))
        for position, subtitle in enumerate(wanted):
            try:
                yield from _lay(session, subtitle, media[subtitle["srt"]], placement, total)
            except NotPlaced as error:
                notes.append("{}".format(error))
                for each in wanted[position:]:
                    notes.append(BY_HAND.format(name=each["name"], bin=bin_name, path=each["srt"]))
                break
            index = placement["tracks"][-1]["index"]
            ask(timeline, "SetTrackEnable", "subtitle", index, False)
            made.append((index, subtitle["key"]))
    finally:
        _show(session, before, made, was_on, playhead)


def _lay(session: Session, subtitle: Dict[str, Any], item: Any, placement: Placement, total: int) -> Steps:
    timeline = session.timeline
    name = subtitle["name"]
    session.check()
    others = _ends(timeline, placement)
    index = add_track(timeline, "subtitle", name)
    entry = {
        "type": "subtitle", "index": index, "name": name, "key": subtitle["key"], "path": subtitle["srt"],
        "media": ask(item, "GetUniqueId"), "record": 0, "items": [],
        "cues": [list(cue[:3]) for cue in subtitle["cues"]], "new": True,
    }  # fmt: skip
    placement["tracks"].append(entry)
    yield Step(len(placement["tracks"]), total, "Placing the subtitles {}".format(name), SETTLE)
    session.check()
    # The plain list, never a clipInfo: with one the cues land behind the end, or Resolve quits (3).
    answer = ask(session.pool, "AppendToTimeline", [item])
    items: List[Any] = []
    for _ in range(POLLS):
        items = items_on(timeline, "subtitle", index)
        if len(items) >= len(entry["cues"]):
            break
        yield Step(len(placement["tracks"]), total, "Placing the subtitles {}".format(name), POLL)
    try:
        _verify(session, items, subtitle)
    except NotPlaced:
        strays = [stray for stray in answer or [] if stray is not None] if not items else []
        _sweep(session, others, strays)
        if ask(timeline, "GetTrackName", "subtitle", index) == name:
            ask(timeline, "DeleteTrack", "subtitle", index)
        placement["tracks"].remove(entry)
        raise


def _verify(session: Session, items: List[Any], subtitle: Dict[str, Any]) -> None:
    """Every cue's place; every cue's end and text on a small track, those of a sample on a long one."""
    cues, name = subtitle["cues"], subtitle["name"]
    if len(items) != len(cues):
        raise NotPlaced("{} of {} cues of {} arrived".format(len(items), len(cues), name))
    tolerance = cue_tolerance(session.rate)
    stride = 1 if len(cues) <= SMALL else -(-len(cues) // SAMPLE)
    placed = sorted(
        (
            (number(ask(item, "GetStart"), "where a cue begins") - session.start, n)
            for n, item in enumerate(items)
        )
    )
    for position, (start, n) in enumerate(placed):
        first, end, text = cues[position][:3]
        if abs(start - first) > tolerance:
            raise NotPlaced(
                "a cue of {} lies at {} instead of {}".format(
                    name, session.timecode(start), session.timecode(first)
                )
            )
        if position % stride and position != len(cues) - 1:
            continue
        if abs(number(ask(items[n], "GetEnd"), "where a cue ends") - session.start - end) > tolerance:
            raise NotPlaced("a cue of {} at {} has another end".format(name, session.timecode(first)))
        if plain(ask(items[n], "GetName")) != plain(text):
            raise NotPlaced("a cue of {} at {} has another text".format(name, session.timecode(first)))


def _ends(timeline: Any, placement: Placement) -> Dict[int, Tuple[int, int]]:
    """{track: (cues, end of the last)} of all tracks but ours: where cues would land that go astray."""
    ours = {entry["index"] for entry in placement["tracks"] if entry["type"] == "subtitle"}
    ends = {}
    for index in range(1, count(timeline, "subtitle") + 1):
        if index not in ours:
            items = items_on(timeline, "subtitle", index)
            ends[index] = (len(items), number(ask(items[-1], "GetEnd"), "a cue's end") if items else 0)
    return ends


def _sweep(session: Session, before: Dict[int, Tuple[int, int]], strays: List[Any]) -> None:
    """Delete cues that landed on a track of the user: Resolve lays them behind all that is there (3)."""
    found = {ask(stray, "GetUniqueId"): stray for stray in strays}
    for index, (number_before, end) in before.items():
        items = items_on(session.timeline, "subtitle", index)
        if len(items) > number_before:
            for item in items:
                if number(ask(item, "GetStart"), "where a cue begins") >= end:
                    found[ask(item, "GetUniqueId")] = item
    if not delete_items(session, list(found.values())):
        raise Refused(
            "strays",
            "{} cues landed on another subtitle track and cannot be deleted".format(len(found)),
            "Undo once in DaVinci Resolve (Ctrl+Z, or Cmd+Z on a Mac).",
        )


def _show(
    session: Session, before: Dict[int, bool], made: List[Tuple[int, str]], was_on: Any, playhead: Any
) -> None:
    """The user's tracks as they were; of ours those in the stead of a visible one, or the first."""
    timeline = session.timeline
    for index, on in before.items():
        if on:
            ask(timeline, "SetTrackEnable", "subtitle", index, True)
    show = [index for index, key in made if key in was_on]
    if not show and not any(before.values()):
        show = [index for index, _ in made[:1]]
    for index in show:
        ask(timeline, "SetTrackEnable", "subtitle", index, True)
    if playhead:
        ask(timeline, "SetCurrentTimecode", playhead)

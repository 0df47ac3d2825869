"""Native subtitle tracks from SRT files: the one way that works, or else the way by hand (3)."""

from typing import Any, Dict, Iterable, List, Mapping, Tuple

from dubline_resolve.clock import cue_tolerance
from dubline_resolve.objects import Refused, Session, Step, Steps, ask, number
from dubline_resolve.pool import Clip
from dubline_resolve.proof import plain, wrong
from dubline_resolve.receipt import Placement
from dubline_resolve.sound_tracks import POLL, POLLS
from dubline_resolve.tracks import add_track, items_on, muted_now
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
    session: Session, subtitles: List[Dict[str, Any]], media: Mapping[str, Clip], placement: Placement,
    total: int, notes: List[str], bin_name: str,
) -> Steps:  # fmt: skip
    """Place every subtitle track of ``subtitles`` (a plan's "subtitles"); what was on stays on.

    ``media``: {srt path: file in the pool}. After the first that Resolve does not take, the rest is told in
    ``notes`` as work by hand: nothing half-placed is left.
    """
    timeline = session.timeline
    if not subtitles:
        return
    before = muted_now(timeline, "subtitle")
    was_on = set(placement.get("was_on", ()))
    others = _ends(timeline, before)
    first, playhead = session.facts["label"], ask(timeline, "GetCurrentTimecode")
    made: List[Tuple[int, str]] = []
    try:
        for index, on in before.items():
            if on:
                ask(timeline, "SetTrackEnable", "subtitle", index, False)
        # Some versions lay cues from the playhead on (3).
        if playhead != first:
            ask(timeline, "SetCurrentTimecode", first)
        for position, subtitle in enumerate(subtitles):
            try:
                yield from _lay(
                    session,
                    subtitle,
                    media[subtitle["srt"]],
                    placement,
                    total,
                    others,
                    len(before) + len(made),
                )
            except NotPlaced as error:
                notes.append("{}".format(error))
                for each in subtitles[position:]:
                    notes.append(BY_HAND.format(name=each["name"], bin=bin_name, path=each["srt"]))
                break
            index = placement["tracks"][-1]["index"]
            ask(timeline, "SetTrackEnable", "subtitle", index, False)
            made.append((index, subtitle["key"]))
    finally:
        _show(session, before, made, was_on, playhead if playhead != first else "")


def _lay(
    session: Session, subtitle: Dict[str, Any], clip: Clip, placement: Placement, total: int,
    others: Dict[int, Tuple[int, int]], tracks: int,
) -> Steps:  # fmt: skip
    timeline = session.timeline
    name = subtitle["name"]
    index = add_track(timeline, "subtitle", name, tracks)
    entry = {
        "type": "subtitle", "index": index, "name": name, "key": subtitle["key"], "path": subtitle["srt"],
        "media": clip.uid, "record": 0, "items": [],
        "cues": [list(cue[:3]) for cue in subtitle["cues"]], "new": True,
    }  # fmt: skip
    placement["tracks"].append(entry)
    yield Step(len(placement["tracks"]), total, "Placing the subtitles {}".format(name), SETTLE)
    session.check()
    # The plain list, never a clipInfo: with one the cues land behind the end, or Resolve quits (3).
    answer = ask(session.pool, "AppendToTimeline", [clip.item])
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
        _sweep(session, others, strays, entry["cues"])
        if ask(timeline, "GetTrackName", "subtitle", index) == name:
            ask(timeline, "DeleteTrack", "subtitle", index)
        placement["tracks"].remove(entry)
        raise


def _verify(session: Session, items: List[Any], subtitle: Dict[str, Any]) -> None:
    cues, name = subtitle["cues"], subtitle["name"]
    if len(items) != len(cues):
        raise NotPlaced("{} of {} cues of {} arrived".format(len(items), len(cues), name))
    tolerance = cue_tolerance(session.rate)
    fault = wrong(session, items, cues, tolerance, tolerance)
    if fault:
        raise NotPlaced("a cue of {} {}".format(name, fault))


def _ends(timeline: Any, tracks: Iterable[int]) -> Dict[int, Tuple[int, int]]:
    """{track: (cues, end of the last)} of the tracks that are there: where cues would land that go astray."""
    ends = {}
    for index in tracks:
        items = items_on(timeline, "subtitle", index)
        ends[index] = (len(items), number(ask(items[-1], "GetEnd"), "a cue's end") if items else 0)
    return ends


def _sweep(
    session: Session, before: Dict[int, Tuple[int, int]], strays: List[Any], cues: List[List[Any]]
) -> None:
    """Delete cues of ours on a track of the user: Resolve lays them behind all that is there (3)."""
    texts = {plain(cue[2]) for cue in cues}
    strays_by_id = {ask(stray, "GetUniqueId"): stray for stray in strays}
    for index, (number_before, end) in before.items():
        items = items_on(session.timeline, "subtitle", index)
        if len(items) > number_before:
            for item in items:
                behind = number(ask(item, "GetStart"), "where a cue begins") >= end
                if behind and plain(ask(item, "GetName")) in texts:
                    strays_by_id[ask(item, "GetUniqueId")] = item
    if not delete_items(session, list(strays_by_id.values())):
        raise Refused(
            "{} cues landed on another subtitle track and cannot be deleted".format(len(strays_by_id)),
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

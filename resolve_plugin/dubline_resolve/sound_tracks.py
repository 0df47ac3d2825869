"""Sounds of a plan on new audio tracks of the right kind (1.4, 1.5)."""

from typing import Any, Dict, List, Mapping, Tuple

from dubline_resolve.objects import Refused, Session, Step, Steps, ask, need, number
from dubline_resolve.pool import Clip
from dubline_resolve.proof import wrong
from dubline_resolve.receipt import Placement
from dubline_resolve.tracks import Entry, add_track, count, items_on

POLLS = 9
POLL = 0.25
"""Seconds between looks at a track on which nothing shows yet; with POLLS about two seconds (3)."""
LENGTH_TOLERANCE = 2
"""Frames by which a sound may be longer or shorter: it takes the project's rate, and both are cut to whole
frames (1.9)."""
IMPORT = "Nothing of it was left on the timeline. Import the .otio file of the export for Resolve instead."

Sound = Dict[str, Any]


def clips_of(sound: Sound) -> List[Dict[str, Any]]:
    """The clips of a plan's sound, in the order of time: {"path", "record", "frames"}.

    A stem or a mix is one; a track of takes has one for each line.
    """
    clips = list(sound.get("clips") or ())
    if not clips and sound.get("path"):
        clips = [{key: sound[key] for key in ("path", "record", "frames")}]
    return sorted(clips, key=lambda clip: clip["record"])


def spans_of(sound: Sound) -> List[List[Any]]:
    """[[path, first frame]] of a sound: what a receipt keeps, and what must be the same to stay untouched."""
    return [[clip["path"], clip["record"]] for clip in clips_of(sound)]


def same_sound(entry: Entry, sound: Sound) -> bool:
    """Whether a receipt's track holds this sound, at this place."""
    return (entry.get("clips") or [[entry["path"], entry["record"]]]) == spans_of(sound)


def lay_sounds(
    session: Session, sounds: List[Sound], media: Mapping[str, Clip], placement: Placement, total: int
) -> Steps:
    """Place every sound of ``sounds`` (a plan's "audio") on a track of its own.

    ``media``: {path: file in the pool}. Entries go into ``placement`` before anything lands on their tracks.
    Refused where a sound does not lie to the frame where it should.
    """
    timeline = session.timeline
    entries: List[Tuple[Entry, Sound]] = []
    if not sounds:
        return
    last = count(timeline, "audio")
    for sound in sounds:
        yield Step(len(placement["tracks"]), total, "Making the track {}".format(sound["name"]), 0.0)
        last = add_track(timeline, "audio", sound["name"], last, sound["subtype"])
        entries.append((_entry(sound, last, media), sound))
        placement["tracks"].append(entries[-1][0])
    yield Step(len(placement["tracks"]), total, "Placing {} sounds".format(len(entries)), 0.0)
    session.check()
    # Absolute frames (0.6); no startFrame or endFrame, whose meaning differs between versions (0.7).
    infos = [
        {
            "mediaPoolItem": media[clip["path"]].item,
            "trackIndex": entry["index"],
            "recordFrame": session.start + clip["record"],
        }
        for entry, sound in entries
        for clip in clips_of(sound)
    ]
    ask(session.pool, "AppendToTimeline", infos)  # its answer is worth nothing (1.9)
    for entry, sound in entries:
        clips = clips_of(sound)
        items: List[Any] = []
        for _ in range(POLLS):
            items = items_on(timeline, "audio", entry["index"])
            if len(items) >= len(clips):
                break
            yield Step(len(placement["tracks"]), total, "Placing {}".format(sound["name"]), POLL)
        if len(clips) == 1:
            entry["items"] = [ask(item, "GetUniqueId") for item in items]
            _verify(session, items, sound["name"], clips[0])
            if sound.get("colour"):
                ask(items[0], "SetClipColor", sound["colour"])
        else:
            _verify_many(session, items, sound["name"], clips, media)
        if not sound.get("enabled", True):
            need(timeline, "SetTrackEnable", "audio", entry["index"], False)


def _entry(sound: Sound, index: int, media: Mapping[str, Clip]) -> Entry:
    clips = clips_of(sound)
    entry: Entry = {
        "type": "audio", "index": index, "name": sound["name"], "key": sound["key"], "path": clips[0]["path"],
        "media": media[clips[0]["path"]].uid, "record": clips[0]["record"], "items": [], "cues": [],
        "on": sound.get("enabled", True), "new": True,
    }  # fmt: skip
    if len(clips) > 1:
        entry["clips"] = spans_of(sound)
        entry["medias"] = sorted({media[clip["path"]].uid for clip in clips})
    return entry


def switch_kept(session: Session, plan: Dict[str, Any], kept: List[Entry]) -> List[str]:
    """Switch tracks that stay as the plan has them by now, as where a dub takes the stems' part -> notes.

    One that the plan has as before stays as the user has it.
    """
    switches = {sound["key"]: bool(sound.get("enabled", True)) for sound in plan["audio"]}
    notes = []
    for entry in kept:
        on = switches.get(entry["key"])
        if entry["type"] != "audio" or on is None or on == entry.get("on", True):
            continue
        ask(session.timeline, "SetTrackEnable", "audio", entry["index"], on)
        if bool(ask(session.timeline, "GetIsTrackEnabled", "audio", entry["index"])) != on:
            word = "on" if on else "off"
            notes.append("the track {} could not be switched {}: do it by hand".format(entry["name"], word))
        entry["on"] = on
    return notes


def recount(session: Session, placement: Placement) -> None:
    """Look again after the project was saved: what Resolve only seemed to have taken is gone then (1.9)."""
    for entry in placement["tracks"]:
        if entry.get("new"):
            there = len(items_on(session.timeline, entry["type"], entry["index"]))
            if there != len(entry["cues"] or entry.get("clips") or entry["items"]):
                raise Refused(
                    "DaVinci Resolve lost what was on the track {} when it saved".format(entry["name"]),
                    "Start DaVinci Resolve anew, open the project and place once more.",
                )


def _verify(session: Session, items: List[Any], name: str, clip: Dict[str, Any]) -> None:
    place = session.start + clip["record"]
    if len(items) != 1:
        raise Refused("DaVinci Resolve did not place the sound {}".format(name), IMPORT)
    start = number(ask(items[0], "GetStart"), "where a clip begins")
    frames = number(ask(items[0], "GetDuration"), "how long a clip is")
    if start != place:
        raise Refused("the sound {} lies {} frames beside its place".format(name, abs(start - place)), IMPORT)
    if abs(frames - clip["frames"]) > LENGTH_TOLERANCE:
        raise Refused(
            "the sound {} lasts {} frames on the timeline instead of {}".format(name, frames, clip["frames"]),
            IMPORT,
        )


def _verify_many(
    session: Session, items: List[Any], name: str, clips: List[Dict[str, Any]], media: Mapping[str, Clip]
) -> None:
    """A take that lies on another one's end is skipped without a word (9.12): so they are counted."""
    if len(items) != len(clips):
        raise Refused(
            "DaVinci Resolve placed {} of {} clips of {}".format(len(items), len(clips), name), IMPORT
        )
    targets = [[clip["record"], clip["record"] + clip["frames"], media[clip["path"]].name] for clip in clips]
    fault = wrong(session, items, targets, 0, LENGTH_TOLERANCE)
    if fault:
        raise Refused("a clip of {} {}".format(name, fault), IMPORT)

"""A plan carried out on the current timeline, step by step, every write read back.

    steps = place(Session(resolve), plan)      # a generator of Step; a timer asks for the next one
    outcome = drive(steps)                     # or all at once

Closing the generator cancels: what it had placed is taken away again, and what the user had is put back.
"""

import os
import time
from typing import Any, Dict, List, Optional

from dubline_resolve import reading
from dubline_resolve.clips import Media
from dubline_resolve.markers import place_markers
from dubline_resolve.objects import Refused, Session, Step, Steps, ask, drive, need, number
from dubline_resolve.pool import import_files, open_bin
from dubline_resolve.proof import wrong
from dubline_resolve.receipt import Book, Placement, new_placement, record_timeline
from dubline_resolve.sound_tracks import clips_of, lay_sounds, recount, same_sound, switch_kept
from dubline_resolve.subtitle_tracks import lay_subtitles
from dubline_resolve.tracks import count, find, in_place, items_on
from dubline_resolve.undo import removal, remove_timeline

FORMAT = "dubline.plan.1"
BIG = 300
"""Tracks, markers and clips of takes from which a timeline is better imported: loops of 336 have crashed
Resolve (1.9)."""
UNTITLED = "Untitled Project"
"""A project that was never saved: to save it fails, or waits for ever (1.9)."""

Plan = Dict[str, Any]
Outcome = Dict[str, Any]


def is_big(plan: Plan) -> bool:
    """Whether the plan is better imported as a timeline (``importing``) than placed.

    Cues do not count: a track of them takes two calls, however many they are.
    """
    clips = sum(max(len(clips_of(sound)), 1) for sound in plan["audio"])
    return clips + len(plan["subtitles"]) + len(plan["markers"]) > BIG


def place(session: Session, plan: Plan, copy: bool = False) -> Steps:
    """Place a plan; a second time it updates what the first one placed.

    Result: {"placed", "kept", "removed": numbers of tracks, "markers": number, "notes": [text for the user]}.

    Sounds whose file and place did not change, and subtitle tracks whose cues did not, stay untouched, with
    all that was done to them. ``copy``: a copy of the timeline is made first. The project is saved at the end
    and looked at again, since Resolve at times loses at the save what it had shown (1.9).

    Refused: another rate, missing files, anything Resolve does not do as asked; then nothing of it is left.
    """
    check_plan(session, plan)
    book = Book(plan["run"])
    if book.imported(session) is not None:
        raise Refused(
            "the timeline {} was imported by this run".format(session.facts["name"]),
            "Import it anew, or open the timeline it was made from.",
        )
    outcome: Outcome = {"placed": 0, "kept": 0, "removed": 0, "markers": 0, "notes": []}
    broken_off = book.unfinished(session)
    if broken_off is not None:
        outcome["notes"] += yield from removal(session, broken_off)
        outcome["notes"].append("an earlier placement had been broken off: it was cleared away first")
        book.end(broken_off)
    old = book.placed(session)
    placement = new_placement(session)
    here = ask(session.pool, "GetCurrentFolder")
    page = ask(session.resolve, "GetCurrentPage")
    sounds, subtitles, kept = _what_is_new(session, plan, old, placement)
    outcome["kept"] = len(kept)
    total = len(plan["audio"]) + len(plan["subtitles"]) + 5
    complete = False
    try:
        if copy:
            yield Step(0, total, "Copying the timeline", 0.0)
            _copy(session, placement, outcome)
        yield Step(0, total, "Importing", 0.0)
        session.check()
        if page in ("media", "fusion", "photo"):
            need(session.resolve, "OpenPage", "edit")  # the playhead cannot be set elsewhere (1.5)
        book.begin(placement)
        paths = files_of(sounds)
        media = import_files(
            session,
            open_bin(session, plan["bin"], placement),
            paths + [each["srt"] for each in subtitles],
            placement,
        )
        book.begin(placement)
        yield from noted(book, placement, lay_sounds(session, sounds, media, placement, total))
        laid = lay_subtitles(session, subtitles, media, placement, total, outcome["notes"], plan["bin"])
        yield from noted(book, placement, laid)
        yield Step(total - 3, total, "Placing markers", 0.0)
        book.begin(dict(placement, markers=[{"frame": m["frame"], "key": m["key"]} for m in plan["markers"]]))
        lost, stay = place_markers(
            session.timeline, plan["markers"], old["markers"] if old else [], placement["markers"]
        )
        outcome["markers"] = len(plan["markers"]) - lost
        if lost:
            outcome["notes"].append("{} markers found no free frame".format(lost))
        _mute(session, book, plan, placement, old, outcome)
        book.begin(placement)
        if session.project_name != UNTITLED:
            yield Step(total - 2, total, "Saving the project", 0.0)
            session.check()
            outcome["notes"] += _save(session, placement)
        complete = True
    finally:
        if not complete:
            _give_back(session, book, placement)
        _put_back(session, here, page)
    outcome["placed"] = sum(1 for entry in placement["tracks"] if entry.get("new"))
    outcome["notes"] += switch_kept(session, plan, kept)
    placement["tracks"] += kept
    placement["markers"] = [each for each in placement["markers"] if not each.get("gone")] + stay
    if old is not None:
        carried = {path for entry in kept for path, _ in entry.get("clips") or [[entry["path"], 0]]}
        carried |= set(paths)
        placement["media"] += [entry for entry in old["media"] if entry["path"] in carried]
        placement["bins"] += [entry for entry in old["bins"] if entry not in placement["bins"]]
        yield Step(total - 1, total, "Removing what was there before", 0.0)
        outcome["notes"] += yield from removal(session, old, keep=placement)
        outcome["removed"] = len(old["tracks"]) - len(kept)
    for entry in placement["tracks"]:
        entry.pop("new", None)
    del placement["was_on"]
    book.keep(placement)
    yield Step(total, total, "Placed", 0.0)
    return outcome


def noted(book: Book, placement: Placement, steps: Steps) -> Steps:
    """The steps, with what was made so far kept before each: Resolve may go away in any of them."""
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as last:
                return last.value
            book.begin(placement)
            yield step
    finally:
        # At once, not when it is collected: it puts tracks back by their numbers.
        steps.close()


def import_here(session: Session, plan: Plan, placement: Placement) -> Steps:
    """The subtitles of a plan on a timeline that was just imported, its other tracks being there -> notes."""
    notes: List[str] = []
    folder = open_bin(session, plan["bin"], placement)
    media = import_files(session, folder, [each["srt"] for each in plan["subtitles"]], placement)
    yield from lay_subtitles(
        session, plan["subtitles"], media, placement, len(plan["subtitles"]) + 1, notes, plan["bin"]
    )
    if session.project_name != UNTITLED:
        notes += _save(session, placement)
    for entry in placement["tracks"]:
        entry.pop("new", None)
    return notes


def _save(session: Session, placement: Placement) -> List[str]:
    """Save the project, and look at what was placed again -> notes."""
    if not ask(session.manager, "SaveProject"):
        return ["DaVinci Resolve did not save the project: save it yourself"]
    recount(session, placement)
    return []


def files_of(sounds: List[Dict[str, Any]]) -> List[str]:
    """The files of a plan's sounds, each once."""
    return list(dict.fromkeys(clip["path"] for sound in sounds for clip in clips_of(sound)))


def check_plan(session: Session, plan: Plan) -> None:
    """Refused where the plan is none, is for another rate, or names files that are missing."""
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        raise Refused(
            "this plan is of another version", "Update the plug-in and the engine to the same version."
        )
    target = plan["timeline"]
    if target["rate"] != session.facts["rate"]:
        raise Refused(
            "the timeline runs at {} frames a second, and the results were made for {}".format(
                session.facts["rate"], target["rate"]
            ),
            "Open the timeline {!r}, or localize this one.".format(target["name"]),
        )
    for path in files_of(plan["audio"]) + [each["srt"] for each in plan["subtitles"]]:
        if not os.path.isfile(path):
            raise Refused("{} is missing".format(path), "Ask for the plan once more, then place.")
    for sound in plan["audio"]:
        if any(clip["record"] < 0 for clip in clips_of(sound)):
            raise Refused("the sound {} begins before the timeline".format(sound["name"]), "Make it again.")


def _what_is_new(session: Session, plan: Plan, old: Optional[Placement], placement: Placement) -> Any:
    """(sounds, subtitles to place, entries of the old receipt that stay as they are).

    Cues that the plan now has as well count as ours on the old tracks.
    """
    timeline = session.timeline
    before = {entry["key"]: entry for entry in old["tracks"]} if old else {}
    sounds, subtitles, kept = [], [], []
    for sound in plan["audio"]:
        entry, clips = before.get(sound["key"]), clips_of(sound)
        if not clips:
            continue
        if entry is None or not same_sound(entry, sound):
            sounds.append(sound)
            continue
        there = find(timeline, entry, session.start)
        ours = there[1] if there else []
        starts = [number(ask(item, "GetStart"), "a clip's start") - session.start for item in ours]
        if there and len(ours) == len(clips) and clips[0]["record"] in starts:
            entry["index"] = there[0]
            kept.append(entry)
        else:
            sounds.append(sound)
    for subtitle in plan["subtitles"]:
        cues = [list(cue[:3]) for cue in subtitle["cues"]]
        entry = before.get(subtitle["key"])
        if entry is not None:
            # Where the plan is what was placed, a sample tells enough: a track that stays loses nothing.
            if entry["cues"] == cues and _holds(session, entry, cues):
                kept.append(entry)
                continue
            # As the plan wants it by now, by our hand or by the user's, whose edits came back to the run.
            there = find(timeline, dict(entry, cues=cues), session.start)
            if there and not there[2] and len(there[1]) == len(cues):
                entry["index"], entry["cues"] = there[0], cues
                kept.append(entry)
                continue
            entry["cues"] += [cue for cue in cues if cue not in entry["cues"]]
        subtitles.append(subtitle)
    placed = [each for each in before.values() if each["type"] == "subtitle" and in_place(timeline, each)]
    placement["was_on"] = [
        each["key"] for each in placed if ask(timeline, "GetIsTrackEnabled", "subtitle", each["index"])
    ]
    return sounds, subtitles, kept


def _holds(session: Session, entry: Dict[str, Any], cues: List[List[Any]]) -> bool:
    """Whether these cues lie on the track of a receipt."""
    if not in_place(session.timeline, entry):
        return False
    items = items_on(session.timeline, "subtitle", entry["index"])
    return len(items) == len(cues) > 0 and not wrong(session, items, cues, 1, 1)


def _mute(
    session: Session,
    book: Book,
    plan: Plan,
    placement: Placement,
    old: Optional[Placement],
    outcome: Outcome,
) -> None:
    """Switch off the tracks of the original sound: those with clips that are on and not ours."""
    heard = [
        clips_of(sound)[0] for sound in plan["audio"] if sound.get("enabled", True) and sound.get("path")
    ]
    if "original" not in plan["mute"] or not heard:
        return  # takes alone do not replace it
    timeline = session.timeline
    # Tracks of ours that are about to go are still there, under the numbers the receipt was brought up to.
    ours = {entry["index"] for entry in placement["tracks"] if entry["type"] == "audio"}
    for entry in old["tracks"] if old else ():
        if entry["type"] == "audio":
            there = find(timeline, entry, session.start)
            ours |= {there[0]} if there else set()
    carried = list(old["muted"]) if old else []
    cache: Dict[str, Media] = {}
    for index in range(1, count(timeline, "audio") + 1):
        if index in ours or not ask(timeline, "GetIsTrackEnabled", "audio", index):
            continue
        items = items_on(timeline, "audio", index)
        if not items:
            continue
        name = ask(timeline, "GetTrackName", "audio", index)
        if reading.ours(items[0], cache):
            outcome["notes"].append("the audio track {} of another run stays on".format(name))
            continue
        placement["muted"].append({"index": index, "name": name})
        book.begin(placement)
        ask(timeline, "SetTrackEnable", "audio", index, False)
        if ask(timeline, "GetIsTrackEnabled", "audio", index):
            placement["muted"].pop()
            outcome["notes"].append(
                "the audio track {} could not be switched off: do it by hand".format(name)
            )
    placement["muted"] += [entry for entry in carried if entry not in placement["muted"]]
    last = max(clip["record"] + clip["frames"] for clip in heard)
    first = min(clip["record"] for clip in heard)
    if placement["muted"] and (first > 0 or last < session.facts["frames"] - session.rate):
        outcome["notes"].append(
            "the new sounds last from {} to {}; outside of that the original tracks, which are off now, were "
            "all there was to hear".format(session.timecode(first), session.timecode(last))
        )


def _copy(session: Session, placement: Placement, outcome: Outcome) -> None:
    """A safety copy; Resolve makes the copy the current timeline."""
    session.check()
    name = "{} before Dubline {}".format(session.facts["name"], time.strftime("%Y-%m-%d %H.%M.%S"))
    made = need(session.timeline, "DuplicateTimeline", name)
    placement["copy"] = record_timeline(made)
    need(session.project, "SetCurrentTimeline", session.timeline)
    session.check()
    outcome["notes"].append("the timeline as it was is kept as {!r}".format(name))


def _give_back(session: Session, book: Book, placement: Placement) -> None:
    """Take away what has been placed so far. What cannot be is left in the book, for the next start."""
    notes = drive(removal(session, placement))
    if placement["copy"]:
        notes += remove_timeline(session, placement["copy"])
    if not notes:
        book.end(placement)


def _put_back(session: Session, folder: Any, page: Any) -> None:
    """The user's bin and page."""
    if folder is not None and ask(folder, "GetUniqueId"):
        ask(session.pool, "SetCurrentFolder", folder)
    if page and ask(session.resolve, "GetCurrentPage") != page:
        ask(session.resolve, "OpenPage", page)

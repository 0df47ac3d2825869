"""Big jobs: the whole timeline from a file, in one call, as a new timeline (6)."""

import json
import os
from typing import Any, Dict, List
from urllib.parse import unquote, urlparse

from dubline_resolve.markers import read_markers
from dubline_resolve.objects import Refused, Session, Step, Steps, ask, number, timelines
from dubline_resolve.placing import check_plan, import_here, noted
from dubline_resolve.pool import open_bin
from dubline_resolve.proof import questions
from dubline_resolve.receipt import Book, Placement, new_placement, record_timeline
from dubline_resolve.sound_tracks import LENGTH_TOLERANCE, clips_of
from dubline_resolve.tracks import count, items_on
from dubline_resolve.undo import NOTHING, clear_pool, removal

HINT = "Choose File > Import > Timeline in DaVinci Resolve, and that file: there it says what is missing."


def import_timeline(session: Session, plan: Dict[str, Any]) -> Steps:
    """Import ``plan["otio"]`` as a new timeline and lay the subtitles on it, which no such file carries.

    The new timeline is the current one afterwards; the old one stays as it is, also where it is one that was
    imported before: a person may have worked on it. Result as of ``place``, with "timeline", the name.
    ``undo`` on the new timeline takes it away, with all that was done to it.

    Refused: no such file in the plan, missing media, whatever Resolve does not take; then nothing is left.
    """
    check_plan(session, plan)
    path = plan.get("otio") or ""
    if not path or not os.path.isfile(path):
        raise Refused("the plan holds no timeline to import", "Ask for the plan with its timeline.")
    missing = [each for each in media_of(path) if not os.path.isfile(each)]
    if missing:
        # Resolve would answer None and say nothing (6.2).
        raise Refused("{} is missing".format(missing[0]), "Bring its disk online, then start once more.")
    book = Book(plan["run"])
    broken_off = book.unfinished(session)
    if broken_off is not None:
        yield from removal(session, broken_off)
        book.end(broken_off)
    origin = (book.imported(session) or {}).get("origin") or record_timeline(session.timeline)
    name = _free_name(session, "{} localized".format(origin["name"]))
    here = ask(session.pool, "GetCurrentFolder")
    placement = dict(new_placement(session), origin=origin)
    draft = placement  # kept under the timeline that is open now, as long as there is no other
    made = None
    complete = False
    try:
        yield Step(0, 3, "Importing the timeline", 0.0)
        session.check()
        book.begin(draft)
        folder = open_bin(session, plan["bin"], placement).folder
        before = [ask(clip, "GetUniqueId") for clip in ask(folder, "GetClipList") or []]
        options = {"timelineName": name, "importSourceClips": True}  # False leaves it offline (6.4)
        made = ask(session.pool, "ImportTimelineFromFile", path, options)
        _note_media(folder, before, name, placement)
        if made is None:
            raise Refused("DaVinci Resolve did not import the timeline {}".format(path), HINT)
        draft = dict(placement, imported=record_timeline(made))
        book.begin(draft)
        # Not settled whether the import switches by itself (10).
        ask(session.project, "SetCurrentTimeline", made)
        target = Session(session.resolve)
        if target.timeline_id != ask(made, "GetUniqueId"):
            raise Refused("DaVinci Resolve did not open the timeline {}".format(name), HINT)
        _verify(target, plan)
        placement = dict(draft, timeline=target.timeline_id, timeline_name=name)
        notes = yield from noted(book, draft, import_here(target, plan, placement))
        arrived = _markers(target, plan)
        if arrived < len(plan["markers"]):
            notes.append(
                "{} of {} markers did not arrive".format(len(plan["markers"]) - arrived, len(plan["markers"]))
            )
        book.keep(placement)
        complete = True
    finally:
        if not complete:
            if made is not None:
                ask(session.project, "SetCurrentTimeline", session.timeline)
                ask(session.pool, "DeleteTimelines", [made])
            clear_pool(session, placement, NOTHING, [])
        book.end(draft)
        if here is not None:
            ask(session.pool, "SetCurrentFolder", here)
    yield Step(3, 3, "Imported", 0.0)
    return {
        "placed": len(placement["tracks"]),
        "kept": 0,
        "removed": 0,
        "markers": arrived,
        "notes": notes,
        "timeline": name,
    }


def _markers(target: Session, plan: Dict[str, Any]) -> int:
    """How many of the plan's markers stand on their frames."""
    there = read_markers(target.timeline) if plan["markers"] else {}
    return sum(1 for marker in plan["markers"] if marker["frame"] in there)


def _note_media(folder: Any, before: List[str], timeline: str, placement: Placement) -> None:
    """What the import brought into the bin, for undo; the timeline itself is noted by its own."""
    for clip in ask(folder, "GetClipList") or []:
        uid, name = ask(clip, "GetUniqueId"), ask(clip, "GetName")
        if uid not in before and name != timeline:
            placement["media"].append({"id": uid, "path": name, "bin": ask(folder, "GetUniqueId")})


def media_of(path: str) -> List[str]:
    """The files an .otio points to, as paths, each once."""
    paths: Dict[str, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            url = value.get("target_url")
            if isinstance(url, str) and url:
                parts = urlparse(url)
                paths[_path(parts.path) if parts.scheme == "file" else url] = None
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    try:
        with open(path, encoding="utf-8") as file:
            walk(json.load(file))
    except (OSError, ValueError, RecursionError) as error:
        raise Refused("the timeline {} cannot be read: {}".format(path, error), "Make the plan anew.")
    return list(paths)


def _path(url_path: str) -> str:
    path = unquote(url_path)
    return path[1:] if os.name == "nt" and path[2:3] == ":" else path


def _free_name(session: Session, base: str) -> str:
    """A name that no timeline has: with a taken one the import is refused without a word (6.3)."""
    taken = {ask(timeline, "GetName") for timeline in timelines(session.project)}
    name, n = base, 1
    while name in taken:
        n += 1
        name = "{} {}".format(base, n)
    return name


def _verify(target: Session, plan: Dict[str, Any]) -> None:
    facts, plan_timeline = target.facts, plan["timeline"]
    if facts["rate"] != plan_timeline["rate"]:
        raise Refused(
            "the imported timeline runs at {} frames a second, not {}".format(
                facts["rate"], plan_timeline["rate"]
            ),
            "Make an empty project, set its frame rate to that of the timeline, and import there.",
        )
    timeline = target.timeline
    tracks: Dict[str, List[int]] = {}
    for index in range(1, count(timeline, "audio") + 1):
        tracks.setdefault(str(ask(timeline, "GetTrackName", "audio", index)), []).append(index)
    for sound in plan["audio"]:
        clips = clips_of(sound)
        if not any(_holds(target, index, clips) for index in tracks.get(sound["name"], ())):
            raise Refused(
                "the imported timeline lacks the sound {}, or it lies elsewhere on it".format(sound["name"]),
                HINT,
            )


def _holds(target: Session, index: int, clips: List[Dict[str, Any]]) -> bool:
    """Whether the clips lie on an audio track; of a long one a sample is looked at. They have other names."""
    items = items_on(target.timeline, "audio", index)
    if len(items) != len(clips):
        return False
    for position, asked in questions(len(clips)):
        first = target.start + clips[position]["record"]
        end = first + clips[position]["frames"]
        if "start" in asked and number(ask(items[position], "GetStart"), "where a clip begins") != first:
            return False
        if "end" in asked:
            until = number(ask(items[position], "GetEnd"), "where a clip ends")
            if abs(until - end) > LENGTH_TOLERANCE:
                return False
    return True

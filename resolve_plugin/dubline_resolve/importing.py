"""Big jobs: the whole timeline from a file, in one call, as a new timeline (6)."""

import json
import os
from typing import Any, Dict, List
from urllib.parse import unquote, urlparse

from dubline_resolve.objects import Refused, Session, Step, Steps, ask, number
from dubline_resolve.placing import check_plan, import_here
from dubline_resolve.pool import open_bin
from dubline_resolve.receipt import Book, Placement, new_placement, record_timeline
from dubline_resolve.tracks import count
from dubline_resolve.undo import clear_pool

HINT = "Choose File > Import > Timeline in DaVinci Resolve, and that file: there it says what is missing."


def import_timeline(session: Session, plan: Dict[str, Any], name: str = "", save: bool = True) -> Steps:
    """Import ``plan["otio"]`` as a new timeline and lay the subtitles on it, which no such file carries.

    The new timeline is the current one afterwards; the old one stays as it is. Result as of ``place``, with
    "timeline", the name. ``undo`` on the new timeline takes it away, with all that was done to it.

    Refused: no such file in the plan, missing media, whatever Resolve does not take; then nothing is left.
    """
    check_plan(session, plan)
    path = plan.get("otio") or ""
    if not path or not os.path.isfile(path):
        raise Refused(
            "missing", "the plan holds no timeline to import", "Ask for the plan with its timeline."
        )
    missing = [each for each in media_of(path) if not os.path.isfile(each)]
    if missing:
        # Resolve would answer None and say nothing (6.2).
        raise Refused(
            "offline", "{} is missing".format(missing[0]), "Bring its disk online, then start once more."
        )
    name = _free_name(session, name or "{} localized".format(session.facts["name"]))
    here = ask(session.pool, "GetCurrentFolder")
    placement = new_placement(session)
    made = None
    done = False
    try:
        yield Step(0, 3, "Importing the timeline", 0.0)
        session.check()
        folder = open_bin(session, plan["bin"], placement)
        before = [ask(clip, "GetUniqueId") for clip in ask(folder, "GetClipList") or []]
        options = {"timelineName": name, "importSourceClips": True}  # False leaves it offline (6.4)
        made = ask(session.pool, "ImportTimelineFromFile", path, options)
        _note_media(folder, before, name, placement)
        if made is None:
            raise Refused("not_imported", "DaVinci Resolve did not import the timeline {}".format(path), HINT)
        # Not settled whether the import switches by itself (10).
        ask(session.project, "SetCurrentTimeline", made)
        target = Session(session.resolve)
        if target.timeline_id != ask(made, "GetUniqueId"):
            raise Refused("not_imported", "DaVinci Resolve did not open the timeline {}".format(name), HINT)
        _verify(target, plan)
        placement.update(timeline=target.timeline_id, timeline_name=name, imported=record_timeline(made))
        notes = yield from import_here(target, plan, placement, save)
        Book(plan["run"]).keep(placement)
        done = True
    finally:
        if not done:
            if made is not None:
                ask(session.project, "SetCurrentTimeline", session.timeline)
                ask(session.pool, "DeleteTimelines", [made])
            clear_pool(session, placement, None, [])
        if here is not None:
            ask(session.pool, "SetCurrentFolder", here)
    yield Step(3, 3, "Imported", 0.0)
    return {
        "placed": len(placement["tracks"]),
        "kept": 0,
        "removed": 0,
        "markers": len(plan["markers"]),
        "notes": notes,
        "timeline": name,
    }


def _note_media(folder: Any, before: List[str], timeline: str, placement: Placement) -> None:
    """What the import brought into the bin, for undo; the timeline itself is noted by its own."""
    for clip in ask(folder, "GetClipList") or []:
        uid, name = ask(clip, "GetUniqueId"), ask(clip, "GetName")
        if uid not in before and name != timeline:
            placement["media"].append({"id": uid, "path": name, "bin": ask(folder, "GetUniqueId")})


def media_of(path: str) -> List[str]:
    """The files an .otio points to, as paths, each once."""
    found: Dict[str, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            url = value.get("target_url")
            if isinstance(url, str) and url:
                parts = urlparse(url)
                found[_path(parts.path) if parts.scheme == "file" else url] = None
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    try:
        with open(path, encoding="utf-8") as file:
            walk(json.load(file))
    except (OSError, ValueError) as error:
        raise Refused("plan", "the timeline {} cannot be read: {}".format(path, error), "Make the plan anew.")
    return list(found)


def _path(url_path: str) -> str:
    path = unquote(url_path)
    return path[1:] if os.name == "nt" and path[2:3] == ":" else path


def _free_name(session: Session, wanted: str) -> str:
    """A name that no timeline has: with a taken one the import is refused without a word (6.3)."""
    total = number(ask(session.project, "GetTimelineCount"), "its timelines")
    taken = {ask(ask(session.project, "GetTimelineByIndex", n), "GetName") for n in range(1, total + 1)}
    name, n = wanted, 1
    while name in taken:
        n += 1
        name = "{} {}".format(wanted, n)
    return name


def _verify(target: Session, plan: Dict[str, Any]) -> None:
    facts, told = target.facts, plan["timeline"]
    if facts["rate"] != told["rate"]:
        raise Refused(
            "rate",
            "the imported timeline runs at {} frames a second, not {}".format(facts["rate"], told["rate"]),
            "Make an empty project, set its frame rate to that of the timeline, and import there.",
        )
    if count(target.timeline, "audio") < len(plan["audio"]):
        raise Refused("not_imported", "the imported timeline lacks audio tracks", HINT)

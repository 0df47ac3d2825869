"""Subtitle tracks of the timeline, read back for the engine."""

from typing import Any, Dict, List, Tuple

from dubline_resolve.objects import Refused, Session, ask, number
from dubline_resolve.receipt import Book
from dubline_resolve.tracks import find, in_place, items_on

PREFIX = "sub:"


def read_cues(session: Session, run: str) -> List[Dict[str, Any]]:
    """Cues as they stand on the timeline now -> [{"language", "cues": [{"start", "end", "text", "name"}]}].

    Those of the tracks that the run placed. One entry for each language, its cues in the order of time; times
    in seconds from the timeline's start; "name" is the speaker where the track is one speaker's.

    Refused: no such track, or no cues.
    """
    placed = _placed(session, run)
    if not placed:
        raise Refused(
            "there is no subtitle track of this run on the timeline {}".format(session.facts["name"]),
            "Place the subtitles first.",
        )
    by_language: Dict[str, List[Dict[str, Any]]] = {}
    for index, (language, speaker) in sorted(placed.items()):
        cues = by_language.setdefault(language, [])
        for item in items_on(session.timeline, "subtitle", index):
            start = number(ask(item, "GetStart"), "where a cue begins") - session.start
            end = number(ask(item, "GetEnd"), "where a cue ends") - session.start
            text = str(ask(item, "GetName") or "").replace("\u2028", "\n")
            if 0 <= start < end:
                times = {"start": float(start / session.rate), "end": float(end / session.rate)}
                cues.append(dict(times, text=text, name=speaker))
    if not any(by_language.values()):
        raise Refused("there are no subtitles on these tracks", "Place them again.")
    for cues in by_language.values():
        cues.sort(key=lambda cue: (cue["start"], cue["end"]))
    return [{"language": key, "cues": cues} for key, cues in sorted(by_language.items()) if cues]


def _placed(session: Session, run: str) -> Dict[int, Tuple[str, str]]:
    """{track: (language, speaker)} by the receipt; keys there are sub:LANGUAGE[:SPEAKER[:LAYER]]."""
    placement = Book(run).placed(session)
    known = {}
    for entry in placement["tracks"] if placement else ():
        if entry["type"] == "subtitle" and entry["key"].startswith(PREFIX):
            there = find(session.timeline, entry, session.start)
            # Where every cue was edited none is ours any more, but the track in its place is.
            index = there[0] if there else entry["index"] if in_place(session.timeline, entry) else None
            parts = entry["key"].split(":")
            if index is not None and parts[1]:
                known[index] = (parts[1], parts[2] if len(parts) > 2 else "")
    return known

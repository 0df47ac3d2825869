"""Subtitle tracks of the timeline, read back for the engine."""

from typing import Any, Dict, List, Optional

from dubline_resolve.objects import Refused, Session, ask, number
from dubline_resolve.receipt import Book
from dubline_resolve.tracks import count, find, in_place, items_on

PREFIX = "sub:"


def subtitle_tracks(session: Session, run: str = "") -> List[Dict[str, Any]]:
    """Every subtitle track: {"index", "name", "cues", "enabled", "language", "speaker"}.

    The last two are those of a plan where the run's receipt knows the track, else "".
    """
    timeline = session.timeline
    known = _known(session, run)
    return [
        {
            "index": index,
            "name": ask(timeline, "GetTrackName", "subtitle", index) or "",
            "cues": len(items_on(timeline, "subtitle", index)),
            "enabled": bool(ask(timeline, "GetIsTrackEnabled", "subtitle", index)),
            "language": known.get(index, ("", ""))[0],
            "speaker": known.get(index, ("", ""))[1],
        }
        for index in range(1, count(timeline, "subtitle") + 1)
    ]


def read_cues(
    session: Session, run: str = "", tracks: Optional[List[int]] = None, language: str = ""
) -> List[Dict[str, Any]]:
    """Cues as they stand on the timeline now -> [{"language", "cues": [{"start", "end", "text", "name"}]}].

    One entry for each language, its cues in the order of time; times in seconds from the timeline's start;
    "name" is the speaker where the track is one speaker's. ``tracks``: numbers of the chosen tracks; None is
    every track that the run placed. ``language``: of chosen tracks that the run did not place.

    Refused: no such track, or no cues.
    """
    every = subtitle_tracks(session, run)
    if tracks is None:
        chosen = [track for track in every if track["language"]]
    else:
        chosen = [track for track in every if track["index"] in tracks]
    if not chosen:
        raise Refused(
            "no_subtitles",
            "there is no subtitle track of this run on the timeline {}".format(session.facts["name"]),
            "Place the subtitles first, or choose the tracks to read.",
        )
    by_language: Dict[str, List[Dict[str, Any]]] = {}
    for track in chosen:
        cues = by_language.setdefault(track["language"] or language, [])
        for item in items_on(session.timeline, "subtitle", track["index"]):
            start = number(ask(item, "GetStart"), "where a cue begins") - session.start
            end = number(ask(item, "GetEnd"), "where a cue ends") - session.start
            text = str(ask(item, "GetName") or "").replace("\u2028", "\n")
            if start < 0 or end <= start:
                continue
            rate = session.rate
            cues.append(
                {
                    "start": float(start / rate),
                    "end": float(end / rate),
                    "text": text,
                    "name": track["speaker"],
                }
            )
    if not any(by_language.values()):
        raise Refused(
            "no_subtitles", "there are no subtitles on these tracks", "Choose tracks with subtitles on them."
        )
    if "" in by_language:
        raise Refused(
            "no_language", "it is not known in which language these subtitles are", "Choose the language."
        )
    for cues in by_language.values():
        cues.sort(key=lambda cue: (cue["start"], cue["end"]))
    return [{"language": key, "cues": cues} for key, cues in sorted(by_language.items()) if cues]


def _known(session: Session, run: str) -> Dict[int, Any]:
    """{track: (language, speaker)} by the receipt; keys there are sub:LANGUAGE[:SPEAKER[:LAYER]]."""
    placed = Book(run).placed(session) if run else None
    known = {}
    for entry in placed["tracks"] if placed else ():
        if entry["type"] == "subtitle" and entry["key"].startswith(PREFIX):
            there = find(session.timeline, entry, session.start)
            # Where every cue was edited none is ours any more, but the track in its place is.
            index = there[0] if there else entry["index"] if in_place(session.timeline, entry) else None
            if index is not None:
                parts = entry["key"].split(":")
                known[index] = (parts[1], parts[2] if len(parts) > 2 else "")
    return known

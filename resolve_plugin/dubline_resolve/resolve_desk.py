"""What the window works on in Resolve: the open timeline, a part of it, or a clip; see `view_model`."""

import hashlib
import os
import sys
from typing import Any, Dict, Iterator, List, Optional

from dubline_resolve.choices import safe_name
from dubline_resolve.objects import Edition, Refused, Session, Step

PLACES = (
    ("timeline", "The current timeline"),
    ("range", "The timeline between its in and out points"),
    ("clips", "The clips chosen on the timeline"),
    ("pool", "The clip chosen in the media pool"),
    ("mixdown", "The timeline's mix, rendered (Fairlight levels count)"),
)


class ResolveDesk:
    """A desk for one Resolve. Every call looks anew at what is open: handles go stale (9.5)."""

    places = PLACES
    place_word = "Place on the timeline"
    timed = True

    def __init__(self, resolve: Any) -> None:
        self.resolve = resolve
        self.edition = Edition(resolve)

    def describe(self) -> str:
        session = self._either()
        return "{}: {}, {}".format(
            self.edition.text,
            session.project_name or "Untitled",
            "timeline " + session.facts["name"] if session.timeline_id else "no timeline is open",
        )

    def identity(self) -> Any:
        session = self._either()
        return (session.project_id, session.timeline_id)

    def timeline(self) -> Dict[str, Any]:
        return self._session().told()

    def media(self, what: str, path: str, run: str) -> Dict[str, Any]:
        from dubline_resolve import reading

        if what == "pool":
            found = reading.read_pool_clip(self._session(timeline=False))
            found["notes"].append("Placed, it will begin with the first frame of the timeline.")
            return found
        session = self._session()
        if what == "clips":
            return reading.read_selection(session)
        try:
            return reading.read_timeline(session, what == "range", None, run)
        except Refused as refused:
            if refused.code in reading.CAN_RENDER:
                refused.hint = "{} Or choose {!r} above.".format(
                    refused.hint, dict(PLACES)["mixdown"]
                ).strip()
            raise

    def rendering(self, what: str) -> Optional[Iterator[Step]]:
        if what != "mixdown":
            return None
        from dubline_resolve import rendering

        session = self._session()
        folder = os.path.join(films_folder(), "Dubline", "mixdowns")
        os.makedirs(folder, exist_ok=True)
        return rendering.render(session, folder)

    def folder(self, what: str, path: str) -> str:
        """Beside the film's file for a pool clip, as the command does; else one for the timeline."""
        from dubline_resolve import reading

        if what == "pool":
            media = reading.read_pool_clip(self._session(timeline=False))["media"]["path"]
            return os.path.splitext(media)[0] + ".dubline"
        session = self._session()
        # The name may change and may be there twice in a project; the id may not.
        mark = hashlib.sha256(
            "{}/{}/{}".format(session.project_id, session.timeline_id, what).encode("utf-8")
        )
        name = "{} {}".format(safe_name(session.facts["name"] or "Timeline"), mark.hexdigest()[:6])
        return os.path.join(
            films_folder(), "Dubline", safe_name(session.project_name or "Project"), name + ".dubline"
        )

    def imports(self, plan: Dict[str, Any]) -> bool:
        from dubline_resolve import placing

        return placing.is_big(plan)

    def place(self, plan: Dict[str, Any], copy: bool) -> Iterator[Step]:
        from dubline_resolve import importing, placing

        if plan.get("otio") and placing.is_big(plan):
            return told(importing.import_timeline(self._session(), plan), "Everything is on a new timeline.")
        return told(
            placing.place(self._session(), plan, copy), "Everything is in its place, and was read back."
        )

    def undo(self, folder: str) -> Iterator[Step]:
        from dubline_resolve import undo

        return told(undo.undo(self._session(), folder), "The placement is taken back.")

    def cues(self, folder: str) -> List[Dict[str, Any]]:
        from dubline_resolve import cues

        return cues.read_cues(self._session(), folder)

    def _either(self) -> Session:
        """With the timeline, or without where none is open: a media pool clip needs none."""
        try:
            return self._session()
        except Refused as refused:
            if refused.code != "no_timeline":
                raise
            return self._session(timeline=False)

    def _session(self, timeline: bool = True) -> Session:
        return Session(self.resolve, timeline)


def told(steps: Iterator[Step], sentence: str) -> Iterator[Step]:
    """A generator of steps whose result is a sentence, with the notes of the steps after it."""
    result = yield from steps
    notes = result.get("notes", ()) if isinstance(result, dict) else result
    notes = [str(note) for note in notes] if isinstance(notes, (list, tuple)) else []
    return " ".join([sentence] + [note[:1].upper() + note[1:] + "." for note in notes])


def films_folder(home: str = "", system: str = sys.platform) -> str:
    """Where this system's users keep films; their home where there is no such folder."""
    home = home or os.path.expanduser("~")
    films = os.path.join(home, "Movies" if system == "darwin" else "Videos")
    return films if os.path.isdir(films) else home

"""What the window works on in Resolve: the open timeline, a part of it, or a clip; see `view_model`."""

import contextlib
import glob
import hashlib
import os
import sys
from typing import Any, Dict, Iterator, List, Optional

from dubline_resolve import clips, importing, placing, reading, rendering, undo
from dubline_resolve.choices import safe_name
from dubline_resolve.cue_reading import read_cues
from dubline_resolve.objects import Edition, NoTimeline, Refused, Session, Step
from dubline_resolve.receipt import Book

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
        self._runs: List[str] = []  # that were placed from this window, wherever they lie

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
        return self._session().description()

    def media(self, what: str, path: str, run: str) -> Dict[str, Any]:
        if what == "pool":
            clip = reading.read_pool_clip(self._session(timeline=False))
            clip["notes"].append("Placed, it will begin with the first frame of the timeline.")
            return clip
        session = self._session()
        if what == "clips":
            return reading.read_selection(session)
        try:
            return reading.read_timeline(session, what == "range", run)
        except clips.Unreadable as refused:
            refused.hint = "{} Or choose {!r} above.".format(refused.hint, dict(PLACES)["mixdown"])
            raise

    def rendering(self, what: str) -> Optional[Iterator[Step]]:
        if what != "mixdown":
            return None
        session = self._session()
        folder = os.path.join(films_folder(), "Dubline", "mixdowns")
        os.makedirs(folder, exist_ok=True)
        return rendering.render(session, folder)

    def folder(self, what: str, path: str) -> str:
        """Beside the film's file for a pool clip, as the command does; else one for the timeline.

        For a timeline that a run has imported it is that run's, so that it can be taken back from there.
        """
        if what == "pool":
            media = reading.read_pool_clip(self._session(timeline=False))["media"]["path"]
            return os.path.splitext(media)[0] + ".dubline"
        session = self._session()
        project = os.path.join(films_folder(), "Dubline", safe_name(session.project_name or "Project"))
        imported = self._imported_by(session, project)
        if imported:
            return imported
        # The name may change and may be there twice in a project; the id may not.
        mark = hashlib.sha256(
            "{}/{}/{}".format(session.project_id, session.timeline_id, what).encode("utf-8")
        )
        name = "{} {}".format(safe_name(session.facts["name"] or "Timeline"), mark.hexdigest()[:6])
        return os.path.join(project, name + ".dubline")

    def _imported_by(self, session: Session, project: str) -> str:
        """The run that made the timeline of a session, "" where none did that is known."""
        for run in [*self._runs, *sorted(glob.glob(os.path.join(glob.escape(project), "*.dubline")))]:
            with contextlib.suppress(Refused):  # a receipt that cannot be read is told where it matters
                if Book(run).imported(session) is not None:
                    return run
        return ""

    def imports(self, plan: Dict[str, Any]) -> bool:
        return placing.is_big(plan) or Book(plan["run"]).imported(self._session()) is not None

    def place(self, plan: Dict[str, Any], copy: bool) -> Iterator[Step]:
        if plan["run"] not in self._runs:
            self._runs.append(plan["run"])
        if plan.get("otio") and self.imports(plan):
            return ending_in(importing.import_timeline(self._session(), plan), "Imported as a new timeline.")
        return ending_in(placing.place(self._session(), plan, copy), "Placed and verified.")

    def undo(self, folder: str) -> Iterator[Step]:
        return ending_in(undo.undo(self._session(), folder), "Placement undone.")

    def cues(self, folder: str) -> List[Dict[str, Any]]:
        return read_cues(self._session(), folder)

    def _either(self) -> Session:
        """With the timeline, or without where none is open: a media pool clip needs none."""
        try:
            return self._session()
        except NoTimeline:
            return self._session(timeline=False)

    def _session(self, timeline: bool = True) -> Session:
        return Session(self.resolve, timeline)


def ending_in(steps: Iterator[Step], sentence: str) -> Iterator[Step]:
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

"""The receipt: what was put into which timeline, so that exactly this can be updated or taken away again.

RUN/resolve/receipt.json holds one placement for each timeline: ``{"format", "placements": [...]}``. One
that is still being made stands in receipt-unfinished.json. Found there at a start, it was broken off, and is
taken away first.
"""

import json
import os
import time
from typing import Any, Dict, List, Optional

from dubline_resolve.objects import Refused, Session, ask

FORMAT = "dubline.receipt.1"
FOLDER = "resolve"

Placement = Dict[str, Any]


def new_placement(session: Session) -> Placement:
    """An empty placement. Frames in it count from the timeline's start, track numbers from 1.

    "tracks": [{"type", "index", "name", "key", "media", "path", "record", "items": [ids], "cues": [[start,
    end, text]]}]; "media": [{"id", "path", "bin"}] brought into the pool; "bins": [{"id", "name"}] that were
    made; "markers": [{"frame", "key", "from"}]; "muted": [{"index", "name"}] of audio tracks that were on;
    "copy", "imported": {"id", "name"} of timelines that were made; "origin" that of the one an imported one
    was made from. A track of takes has "clips": [[path, frame]] and "medias": [ids] besides, and no items.
    """
    return {
        "project": session.project_id,
        "project_name": session.project_name,
        "timeline": session.timeline_id,
        "timeline_name": session.facts["name"],
        "resolve": session.edition.text,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "tracks": [],
        "media": [],
        "bins": [],
        "markers": [],
        "muted": [],
        "copy": None,
        "imported": None,
        "origin": None,
    }


class Book:
    """The receipts of a run folder."""

    def __init__(self, run: str) -> None:
        self.path = os.path.join(run, FOLDER, "receipt.json")
        self.unfinished_path = os.path.join(run, FOLDER, "receipt-unfinished.json")

    def placements(self) -> List[Placement]:
        """Every placement there is. Refused where the file cannot be understood."""
        return self._read(self.path)

    def placed(self, session: Session) -> Optional[Placement]:
        """The placement on the session's timeline, None where there is none."""
        return _of(self.placements(), session)

    def imported(self, session: Session) -> Optional[Placement]:
        """The placement that made the session's timeline, where a run of this folder has imported it."""
        placement = self.placed(session)
        return placement if placement is not None and placement.get("imported") else None

    def unfinished(self, session: Session) -> Optional[Placement]:
        """A placement on this timeline that was broken off."""
        return _of(self._read(self.unfinished_path), session)

    def begin(self, placement: Placement) -> None:
        """Keep what has been made so far, in case Resolve goes away in the middle."""
        self._write(self.unfinished_path, [*self._others(self.unfinished_path, placement), placement])

    def end(self, placement: Placement) -> None:
        """The placement is neither here nor there: nothing of it is left unfinished."""
        self._strike_out(self.unfinished_path, placement)

    def keep(self, placement: Placement) -> None:
        """The placement is done, in the stead of an older one on the same timeline."""
        self._write(self.path, [*self._others(self.path, placement), placement])
        self.end(placement)

    def forget(self, placement: Placement) -> None:
        """The placement was taken away."""
        self._strike_out(self.path, placement)

    def _others(self, path: str, placement: Placement) -> List[Placement]:
        return [each for each in self._read(path) if not _alike(each, placement)]

    def _strike_out(self, path: str, placement: Placement) -> None:
        others = self._others(path, placement)
        if others:
            self._write(path, others)
        elif os.path.exists(path):
            os.remove(path)

    def _read(self, path: str) -> List[Placement]:
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            raise self._broken(path, error)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self._broken(path, "it has another format")
        placements = content.get("placements")
        if not isinstance(placements, list) or not all(_sound(each) for each in placements):
            raise self._broken(path, "something is missing in it")
        return placements

    def _broken(self, path: str, reason: Any) -> Refused:
        return Refused(
            "the receipt {} cannot be read: {}".format(path, reason),
            "Take what was placed off the timeline by hand, then delete that file.",
        )

    def _write(self, path: str, placements: List[Placement]) -> None:
        aside = path + ".part"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(aside, "w", encoding="utf-8") as file:
                json.dump({"format": FORMAT, "placements": placements}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError as error:
            raise Refused(
                "the receipt {} cannot be written: {}".format(path, error.strerror or error),
                "Make room on that disk, or make the folder writable.",
            )


def record_timeline(timeline: Any) -> Dict[str, str]:
    """A timeline that was made, as a receipt names it."""
    return {"id": ask(timeline, "GetUniqueId"), "name": ask(timeline, "GetName")}


def _sound(placement: Any) -> bool:
    lists = ("tracks", "media", "bins", "markers", "muted")
    return isinstance(placement, dict) and all(isinstance(placement.get(key), list) for key in lists)


def _alike(one: Placement, other: Placement) -> bool:
    return (one["project"], one["timeline"]) == (other["project"], other["timeline"])


def _of(placements: List[Placement], session: Session) -> Optional[Placement]:
    here = {"project": session.project_id, "timeline": session.timeline_id}
    return next((each for each in placements if _alike(each, here)), None)

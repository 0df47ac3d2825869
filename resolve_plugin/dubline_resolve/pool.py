"""Our bin and our files in the media pool (1.4)."""

import os
from typing import Any, Dict, List, NamedTuple

from dubline_resolve.objects import Refused, Session, ask, need
from dubline_resolve.receipt import Placement
from dubline_resolve.undo import is_subtitle


class Bin(NamedTuple):
    """A folder of the media pool. ``fresh``: it was just made, so nothing is in it."""

    folder: Any
    uid: str
    fresh: bool


class Clip(NamedTuple):
    """A file in the media pool."""

    item: Any
    uid: str
    name: str


def open_bin(session: Session, name: str, placement: Placement) -> Bin:
    """The bin called ``name`` at the top of the pool, made where there is none, and made the current one."""
    root = need(session.pool, "GetRootFolder")
    folder, fresh = None, False
    for each in ask(root, "GetSubFolderList") or []:
        if ask(each, "GetName") == name:
            folder = each
            break
    if folder is None:
        folder, fresh = need(session.pool, "AddSubFolder", root, name), True
    uid = need(folder, "GetUniqueId")
    if fresh:
        placement["bins"].append({"id": uid, "name": name})
    need(session.pool, "SetCurrentFolder", folder)
    return Bin(folder, uid, fresh)


def import_files(session: Session, home: Bin, paths: List[str], placement: Placement) -> Dict[str, Clip]:
    """Files into the bin -> {path: Clip}; into the receipt goes what was not in the bin before.

    Refused where Resolve does not take one, by its name.
    """
    if not paths:
        return {}
    before = set() if home.fresh else set(_ids(home.folder))
    known: Dict[str, Clip] = {}
    for form in (list(paths), [{"FilePath": path} for path in paths]):
        # On some machines only the second form takes sounds and subtitles (1.4).
        for item in ask(session.pool, "ImportMedia", form) or []:
            if item is not None:
                _sort_in(item, paths, known)
        if len(known) == len(paths):
            break
    # One that lies in another bin of the user's is listed too, and stays there: undo looks in this bin alone.
    placement["media"] += [
        {"id": clip.uid, "path": path, "bin": home.uid}
        for path, clip in known.items()
        if clip.uid not in before
    ]
    missing = [os.path.basename(path) for path in paths if path not in known]
    if missing:
        raise Refused(
            "DaVinci Resolve did not take {} into the media pool".format(", ".join(missing)),
            "Close any dialog that is open in DaVinci Resolve. Is the disk with these files still there?",
        )
    return known


def _ids(folder: Any) -> List[Any]:
    return [ask(clip, "GetUniqueId") for clip in ask(folder, "GetClipList") or []]


def _sort_in(item: Any, paths: List[str], known: Dict[str, Clip]) -> None:
    """Which path an item is of: by its name, since properties of subtitle files must not be asked (1.9)."""
    uid = need(item, "GetUniqueId")
    if uid in [clip.uid for clip in known.values()]:
        return
    name = str(ask(item, "GetName") or "")
    left = [path for path in paths if path not in known]
    alike = [path for path in left if os.path.basename(path) == name]
    if len(alike) != 1 and not is_subtitle(name):
        # Renamed by the user in the pool, or two of a name in two folders; only sounds may be asked.
        sounds = [path for path in alike or left if not is_subtitle(path)]
        where = ask(item, "GetClipProperty", "File Path") if sounds else ""
        alike = [path for path in sounds if os.path.normpath(path) == os.path.normpath(str(where))]
    if alike:
        known[alike[0]] = Clip(item, uid, name)

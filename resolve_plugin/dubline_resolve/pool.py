"""Our bin and our files in the media pool (1.4)."""

import os
from typing import Any, Dict, List, Tuple

from dubline_resolve.objects import Refused, Session, ask, need
from dubline_resolve.receipt import Placement
from dubline_resolve.undo import is_subtitle


def open_bin(session: Session, name: str, placement: Placement) -> Any:
    """The bin called ``name`` at the top of the pool, made where there is none, and made the current one."""
    root = need(session.pool, "GetRootFolder")
    folder = None
    for each in ask(root, "GetSubFolderList") or []:
        if ask(each, "GetName") == name:
            folder = each
            break
    if folder is None:
        folder = need(session.pool, "AddSubFolder", root, name)
        placement["bins"].append({"id": ask(folder, "GetUniqueId"), "name": name})
    need(session.pool, "SetCurrentFolder", folder)
    return folder


def import_files(session: Session, folder: Any, paths: List[str], placement: Placement) -> Dict[str, Any]:
    """Files into the bin -> {path: pool item}; into the receipt goes what was not in the pool before.

    Refused where Resolve does not take one, by its name.
    """
    if not paths:
        return {}
    before = {ask(clip, "GetUniqueId") for clip in ask(folder, "GetClipList") or []}
    known: Dict[str, Tuple[Any, str]] = {}
    for form in (list(paths), [{"FilePath": path} for path in paths]):
        # On some machines only the second form takes sounds and subtitles (1.4).
        for item in ask(session.pool, "ImportMedia", form) or []:
            if item is not None:
                _sort_in(item, paths, known)
        if len(known) == len(paths):
            break
    home = ask(folder, "GetUniqueId")
    there = {ask(clip, "GetUniqueId") for clip in ask(folder, "GetClipList") or []}
    for path, (_, uid) in known.items():
        if uid in there and uid not in before:
            placement["media"].append({"id": uid, "path": path, "bin": home})
    missing = [os.path.basename(path) for path in paths if path not in known]
    if missing:
        raise Refused(
            "not_imported",
            "DaVinci Resolve did not take {} into the media pool".format(", ".join(missing)),
            "Close any dialog that is open in DaVinci Resolve. Is the disk with these files still there?",
        )
    return {path: item for path, (item, _) in known.items()}


def _sort_in(item: Any, paths: List[str], known: Dict[str, Tuple[Any, str]]) -> None:
    """Which path an item is of: by its name, since properties of subtitle files must not be asked (1.9)."""
    uid = ask(item, "GetUniqueId")
    name = ask(item, "GetName")
    alike = [path for path in paths if os.path.basename(path) == name]
    if not alike:
        # Renamed by the user in the pool; only sounds may be asked.
        sounds = [path for path in paths if not is_subtitle(path) and path not in known]
        if sounds and not is_subtitle(str(name)):
            where = ask(item, "GetClipProperty", "File Path")
            alike = [path for path in sounds if os.path.normpath(path) == os.path.normpath(str(where))]
    if alike:
        known[alike[0]] = (item, uid)

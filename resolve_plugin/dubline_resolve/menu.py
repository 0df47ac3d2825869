"""What the menu script starts: one window for the Resolve that called, and one engine behind it.

    run(path, names)         from Workspace > Scripts; ``names`` are the script's globals
    python -m dubline_resolve.menu POINTER      without Resolve, for files

The window is up before anything heavy is loaded: the engine starts beside it, and is waited for by nobody.
"""

import json
import os
import subprocess
import sys
from typing import Any, Callable, Dict, Optional

from dubline_resolve.bridge import PROTOCOL, Engine
from dubline_resolve.choices import keep_answers, read_answers
from dubline_resolve.objects import Refused, find_resolve
from dubline_resolve.single import Door, state_folder
from dubline_resolve.view_model import WindowModel
from dubline_resolve.wording import sentence

POINTER = ("python", "protocol", "package")


def run(path: str, names: Dict[str, Any], standalone: bool = False) -> int:
    """Show the window until it is closed. 0, or 1 where it could not be shown; then the console says why.

    ``path``: the file that the installer put beside the script. ``names``: the script's globals.
    """
    try:
        return _run(read_pointer(path), names, standalone)
    except Refused as refused:
        print("Dubline: {}".format(sentence(refused.message)))
        if refused.hint:
            print(refused.hint)
        return 1


def read_pointer(path: str) -> Dict[str, Any]:
    """What the installer wrote beside the script. Refused where it is missing or for another protocol."""
    again = "Install the script again: python3 install/run.py resolve install"
    try:
        with open(path, encoding="utf-8") as file:
            pointer = json.load(file)
        if not isinstance(pointer, dict) or any(name not in pointer for name in POINTER):
            raise ValueError("it lacks an entry")
    except (OSError, ValueError, RecursionError) as error:
        raise Refused("{} cannot be read ({})".format(path, error), again) from None
    if pointer["protocol"] != PROTOCOL:
        raise Refused(
            "the script in Resolve speaks protocol {}, its plug-in {}".format(pointer["protocol"], PROTOCOL),
            again,
        )
    return pointer


def _run(pointer: Dict[str, Any], names: Dict[str, Any], standalone: bool) -> int:
    folder = state_folder(os.environ)
    door = Door(folder)
    try:
        if not door.mine:
            if not door.knock():
                raise Refused(
                    "Dubline's window is open already", "Look behind Resolve's windows, or close it."
                )
            print("Dubline's window was open already; it is in front now.")
            return 0
        resolve = None if standalone else find_resolve(names)
        model = _model(pointer, resolve, folder)
        try:
            model.engine.start()
            _window(model, resolve, names, door.knocked).run()
        finally:
            model.close()
        return 0
    finally:
        door.close()


def _model(pointer: Dict[str, Any], resolve: Any, folder: str) -> WindowModel:
    if resolve is None:
        from dubline_resolve.file_desk import FileDesk

        desk: Any = FileDesk(pointer["python"])
    else:
        from dubline_resolve.resolve_desk import ResolveDesk

        desk = ResolveDesk(resolve)
    answers = os.path.join(folder, "answers.json")
    return WindowModel(
        desk,
        Engine(pointer["python"], os.path.join(folder, "engine.log")),
        read_answers(answers),
        lambda given: keep_answers(answers, given),
        show_folder,
    )


def _window(model: WindowModel, resolve: Any, names: Dict[str, Any], knocked: Callable[[], bool]) -> Any:
    """The first face that this place has. UIManager is not even looked at where it opens an advertisement."""
    if resolve is not None and model.desk.edition.windows:
        fusion, bmd = names.get("fusion") or names.get("fu"), names.get("bmd")
        if fusion is None:
            fusion = resolve.Fusion()
        if fusion is not None and bmd is not None and fusion.UIManager is not None:
            from dubline_resolve.window_uimanager import FusionWindow

            return FusionWindow(model, fusion, bmd, knocked)
    try:
        from dubline_resolve.window_tk import TkWindow

        return TkWindow(model, knocked)
    except Exception as error:  # no tkinter, no screen, a broken Tcl: whatever it is, a browser may be there
        print("Dubline: no window of its own ({}); it is a page in the browser.".format(error))
    from dubline_resolve.window_page import PageWindow

    return PageWindow(model, knocked)


def show_folder(folder: str, launch: Optional[Callable[..., Any]] = None) -> None:
    """Open a folder in the system's file manager. Refused where it does not exist."""
    if not os.path.isdir(folder):
        raise Refused("There is no folder {} yet".format(folder), "Press Start first.")
    if sys.platform == "win32" and launch is None:
        os.startfile(folder)
        return
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        (launch or subprocess.Popen)(
            [opener, folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
    except OSError:
        raise Refused("No file manager was found", "The folder is {}".format(folder)) from None


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(run(sys.argv[1], {}, standalone=True) if len(sys.argv) == 2 else "usage: menu.py Dubline.json")

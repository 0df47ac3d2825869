"""Runs inside OpenShot's own Python: lets its Final Cut Pro importer read a file, and tells what came of it.

    xvfb-run -a /usr/bin/python3 tests/openshot_import.py FILE.xml RATE

No window is opened: the importer gets a project and what it asks of the window. It knows plain paths only, so
a `file:` URL becomes one here. Prints the project's tracks and clips as JSON on the last line.
"""

import contextlib
import json
import os
import sys
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

sys.path.insert(0, "/usr/lib/python3/dist-packages/openshot_qt")


def main() -> None:
    path, rate = sys.argv[1:3]
    with contextlib.suppress(ImportError):
        from PyQt5.QtWebEngineWidgets import QWebEngineView  # noqa: F401  before an application is made
    from classes.app import OpenShotApp

    app = OpenShotApp(["openshot"], mode="unittest")
    from classes.importers import final_cut_pro as importer

    numerator, _, denominator = rate.partition("/")
    app.project.new()
    app.updates.update(["fps"], {"num": int(numerator), "den": int(denominator or 1)})
    table = SimpleNamespace(select_frame=lambda frame: None)
    player = SimpleNamespace(Position=lambda: 1)
    app.window = SimpleNamespace(
        refreshFrameSignal=SimpleNamespace(emit=lambda: None),
        propertyTableView=table,
        preview_thread=SimpleNamespace(player=player),
    )
    app._tr = lambda text: text
    importer.QFileDialog = SimpleNamespace(getOpenFileName=lambda *told: (path, ""))
    importer.find_missing_file = lambda url: (unquote(urlsplit(url).path), False, False)
    importer.import_xml()
    clips = [
        {key: clip[key] for key in ("title", "layer", "position", "start", "end")}
        | {"path": clip["reader"]["path"], "volume": clip["volume"]["Points"]}
        for clip in app.project.get("clips")
    ]
    layers = [layer for layer in app.project.get("layers") if "XML Import" in layer.get("label", "")]
    print("\n" + json.dumps({"clips": clips, "layers": layers}))
    sys.stdout.flush()
    # Qt and libopenshot are not taken down in any order that both survive.
    os._exit(0)


main()

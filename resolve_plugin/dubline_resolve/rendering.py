"""The timeline's sound by the render queue, where its clips cannot be read one by one (1.3, 1.7, section 2).

    steps = render(Session(resolve), folder)    # a generator of Step, driven by a timer

On every way out our job is gone and the page, the marks and the render mode are as they were.
"""

import os
import uuid
from typing import Any, Dict, List

from dubline_resolve.objects import Refused, Session, Step, Steps, ask, can, need
from dubline_resolve.reading import in_and_out

PRESET = "Audio Only"
POLL = 0.5
STALL = 6
"""Looks at a job that neither runs nor is done, before it counts as failed."""


def render(session: Session, folder: str) -> Steps:
    """Render the sound between the in and out points into ``folder`` -> {"media": MEDIA, "notes": [text]}.

    Refused: an empty timeline, a folder that cannot be written, a render that runs or fails, no preset.
    """
    project = session.project
    first, stop = in_and_out(session)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise Refused("{} cannot be written".format(folder), "Choose another folder.")
    if ask(project, "IsRenderingInProgress"):
        raise Refused("DaVinci Resolve is rendering", "Wait until it is done, then start once more.")
    presets = [str(each) for each in ask(project, "GetRenderPresetList") or []]
    if PRESET not in presets:
        raise Refused(
            "the render preset {!r} is missing".format(PRESET),
            "Render the sound by hand on the Deliver page as WAV, and work on that file.",
        )
    name = "dubline-{}".format(uuid.uuid4().hex[:12])
    notes: List[str] = []
    state = _remember(session, notes)
    job = ""
    complete = False
    try:
        yield Step(0, 100, "Rendering the sound", 0.0)
        session.check()
        need(session.resolve, "OpenPage", "deliver")
        # WAV cannot be chosen by format and codec (9.20): the preset first, then our own settings on top.
        need(project, "LoadRenderPreset", PRESET)
        need(
            project,
            "SetRenderSettings",
            {
                "SelectAllFrames": False,
                "MarkIn": session.start + first,  # absolute (1.7)
                "MarkOut": session.start + stop - 1,  # the last frame counts
                "TargetDir": folder,
                "CustomName": name,
                "ExportVideo": False,
                "ExportAudio": True,
            },
        )
        job = need(project, "AddRenderJob")
        need(project, "StartRendering", job)
        yield from _wait(project, job)
        path = _file(folder, name)
        complete = True
    finally:
        if job:
            if not complete and ask(project, "IsRenderingInProgress"):
                ask(project, "StopRendering")
            ask(project, "DeleteRenderJob", job)
        _put_back(session, state)
        if not complete:
            for path in _files(folder, name):
                os.remove(path)
    yield Step(100, 100, "Rendered", 0.0)
    return {"media": {"kind": "file", "path": path, "track": "", "offset_frames": first}, "notes": notes}


def _wait(project: Any, job: str) -> Steps:
    """Until the job is done. Its status word is in the language of the interface and says nothing (1.3)."""
    idle = 0
    while True:
        running = ask(project, "IsRenderingInProgress")
        status = ask(project, "GetRenderJobStatus", job) or {}
        part = int(float(status.get("CompletionPercentage") or 0))
        error = str(status.get("Error") or "")
        if error:
            raise Refused("the render failed: {}".format(error), "See the Deliver page.")
        if part >= 100 and not running:
            return
        idle = 0 if running else idle + 1
        if idle > STALL:
            raise Refused("the render was stopped at {} %".format(part), "Start once more and let it finish.")
        yield Step(min(part, 99), 100, "Rendering the sound", POLL)


def _file(folder: str, name: str) -> str:
    """The rendered file, whatever its ending: success is a file with sound in it, not a word."""
    for path in _files(folder, name):
        if os.path.getsize(path) > 44:  # more than a WAV's header
            return path
    raise Refused(
        "the render left no file in {}".format(folder), "Is there room on that disk? See the Deliver page."
    )


def _files(folder: str, name: str) -> List[str]:
    entries = sorted(entry for entry in os.listdir(folder) if os.path.splitext(entry)[0] == name)
    return [os.path.join(folder, entry) for entry in entries]


def _remember(session: Session, notes: List[str]) -> Dict[str, Any]:
    """What the Deliver page and the preset change."""
    timeline, project = session.timeline, session.project
    marks = None
    if can(timeline, "GetMarkInOut"):
        marks = ask(timeline, "GetMarkInOut") or {}
    else:
        notes.append("the in and out points may have changed: this DaVinci Resolve does not tell them")
    return {
        "page": ask(session.resolve, "GetCurrentPage"),
        "marks": marks,
        "format": ask(project, "GetCurrentRenderFormatAndCodec") or {},
        "mode": ask(project, "GetCurrentRenderMode"),
        "playhead": ask(timeline, "GetCurrentTimecode"),
    }


def _put_back(session: Session, state: Dict[str, Any]) -> None:
    timeline, project = session.timeline, session.project
    kind = state["format"]
    if kind.get("format") and kind.get("codec"):
        ask(project, "SetCurrentRenderFormatAndCodec", kind["format"], kind["codec"])
    if state["mode"] is not None:
        ask(project, "SetCurrentRenderMode", state["mode"])
    if state["page"]:
        ask(session.resolve, "OpenPage", state["page"])
    # After the page: opening Deliver writes marks of its own (9.20).
    if state["marks"] is not None:
        ask(timeline, "ClearMarkInOut", "all")
        for sort, points in state["marks"].items():
            if "in" in points and "out" in points:
                ask(timeline, "SetMarkInOut", points["in"], points["out"], sort)
    if state["playhead"] and ask(timeline, "GetCurrentTimecode") != state["playhead"]:
        ask(timeline, "SetCurrentTimecode", state["playhead"])

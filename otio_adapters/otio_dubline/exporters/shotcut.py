"""A project for Shotcut (22.12 and later): picture, sounds, markers; subtitles as SRT files beside it.

NAME.mlt               MLT XML with the properties by which Shotcut knows its own
NAME.LANGUAGE.srt      the subtitles of each language
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from dubline.files import file_name
from dubline.timebase import whole
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.exporters.lanes import Laid, Lane, lay_out
from otio_dubline.exporters.mlt import (
    COLOURS,
    bin_producers,
    black,
    channels_of,
    clip_gain,
    fill,
    own_producers,
    properties,
    root,
    sidecars,
    timed,
    transition,
    volume,
    write,
)

TITLE = "Shotcut 22.12 and later"
WHOLE_FRAMES = True
TARGET_FEATURES = {"start timecode": "no", "subtitles": "sidecar", "speaker names": "sidecar"}


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write the project into `folder`.

    Raises:
        InvalidJob: see `lay_out`.
    """
    laid = lay_out(timeline)
    name = file_name(laid.name)
    document = project(laid)
    files = [f"{name}.mlt", *sidecars(laid, folder, name)]
    if len(files) > 1:
        laid.lose(f"Subtitles are not on the timeline; they are in {', '.join(files[1:])}.")
    if laid.start:
        laid.lose(f"The timeline starts at 00:00:00:00 instead of {laid.timecode}.")
    write(document, folder / files[0])
    return laid.written(*files)


def project(laid: Laid) -> ET.Element:
    """The document."""
    channels = channels_of(laid)
    lanes = [lane for lane in laid.lanes if not lane.sound] + [lane for lane in laid.lanes if lane.sound]
    mlt = root(laid)
    _bin(mlt, laid)
    black(mlt, "black", laid.frames)
    ground = ET.SubElement(mlt, "playlist", {"id": "background"})
    timed(ground, "entry", laid.frames, producer="black")
    for number, lane in enumerate(lanes):
        _track(mlt, number, lane, laid.frames, channels)
    tractor = timed(mlt, "tractor", laid.frames, id="main", title="Dubline", global_feed="1")
    # Without the first of these Shotcut opens the project as one clip.
    properties(tractor, {"shotcut": 1, "shotcut:projectAudioChannels": channels, "shotcut:projectFolder": 0})
    _markers(tractor, laid)
    ET.SubElement(tractor, "track", {"producer": "background"})
    for number, lane in enumerate(lanes):
        track = ET.SubElement(tractor, "track", {"producer": f"playlist{number}"})
        if lane.sound:
            track.set("hide", "video" if lane.enabled else "both")
        elif not lane.enabled:
            track.set("hide", "both")
    pictures = 0
    for number, lane in enumerate(lanes, 1):
        transition(tractor, "mix", number, {"sum": 1})
        if not lane.sound:
            values: dict[str, str | int] = {"version": "0.1", "threads": 0, "disable": int(not pictures)}
            transition(tractor, "frei0r.cairoblend", number, values)
            pictures += 1
    return mlt


def _bin(mlt: ET.Element, laid: Laid) -> None:
    """Shotcut's playlist: every file once."""
    producers = list(bin_producers(mlt, laid))
    playlist = ET.SubElement(mlt, "playlist", {"id": "main_bin"})
    properties(playlist, {"xml_retain": 1})
    for made, file, length in producers:
        properties(made, {"shotcut:caption": Path(file.path).name, "xml": "was here"})
        timed(playlist, "entry", length, producer=made.attrib["id"])


def _track(mlt: ET.Element, number: int, lane: Lane, length: int, channels: int) -> None:
    names: dict[str, str] = {}
    for made, piece in own_producers(mlt, number, lane):
        names[piece.file.path] = made.attrib["id"]
        properties(made, {"shotcut:caption": piece.name, f"{'video' if lane.sound else 'audio'}_index": -1})
    playlist = ET.SubElement(mlt, "playlist", {"id": f"playlist{number}"})
    properties(playlist, {"shotcut:name": lane.name, f"shotcut:{'audio' if lane.sound else 'video'}": 1})
    for entry, piece in fill(playlist, lane, names, length):
        if lane.sound and (gain := clip_gain(piece, channels)):
            volume(entry, gain, {"shotcut:filter": "audioGain"})
    if lane.sound and lane.level_db:
        volume(playlist, lane.level_db, {"shotcut:filter": "audioGain"})


def _markers(tractor: ET.Element, laid: Laid) -> None:
    if not laid.guides:
        return
    held = ET.SubElement(tractor, "properties", {"name": "shotcut:markers"})
    for number, guide in enumerate(laid.guides):
        end = min(guide.start + max(guide.frames, 1), laid.frames) - 1
        properties(
            ET.SubElement(held, "properties", {"name": str(number)}),
            {
                "text": guide.text,
                "start": _clock(guide.start, laid.fps),
                "end": _clock(max(end, guide.start), laid.fps),
                "color": COLOURS.get(guide.colour, COLOURS["GREEN"]),
            },
        )


def _clock(frame: int, fps: Fraction) -> str:
    """MLT's clock: "HH:MM:SS.mmm"."""
    ms = whole(frame * 1000 / fps)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"

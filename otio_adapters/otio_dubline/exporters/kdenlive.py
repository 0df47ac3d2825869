"""A project for Kdenlive (22.12 and later): picture, sounds, guides, and one subtitle track.

NAME.kdenlive          document version 1.04, which opens without a question
NAME.kdenlive.srt      the subtitles that Kdenlive shows; it looks for them under this name
NAME.LANGUAGE.srt      the subtitles of each language, to load instead (Project > Subtitles)
"""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import opentimelineio as otio

from dubline.files import file_name
from otio_dubline.build import COLOURS as MARKS
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.exporters.lanes import Cue, Laid, Lane, lay_out
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
    shown_language,
    sidecars,
    timed,
    transition,
    volume,
    with_speaker,
    write,
    write_subtitles,
)

TITLE = "Kdenlive 22.12 and later"
WHOLE_FRAMES = True
TARGET_FEATURES = {
    "start timecode": "no",
    "markers": "part: without their length",
    "subtitles": "part: one track; a sidecar for each language",
    "speaker names": "part: before each text",
}
VERSION = "1.04"
INTERNAL = 237
"""Marks what Kdenlive itself adds and looks after: mixes, faders, the subtitle filter."""
KINDS = {kind: (kind.replace("_", " ").capitalize(), colour) for kind, colour in MARKS.items()}
"""Dubline's kinds of marks -> their name and colour."""


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write the project into `folder`.

    Raises:
        InvalidJob: see `lay_out`.
    """
    laid = lay_out(timeline)
    name = file_name(laid.name)
    document = project(laid, f"{name}.kdenlive.srt")
    files = [f"{name}.kdenlive"]
    language = shown_language(laid)
    if laid.cues.get(language):
        write_subtitles(_one_a_frame(laid, language), laid.fps, folder / f"{name}.kdenlive.srt")
        files.append(f"{name}.kdenlive.srt")
    others = sidecars(laid, folder, name)
    if len(others) > 1:
        laid.lose(f"One subtitle track is shown ({language}); load {', '.join(others)} for another language.")
    files += others
    if laid.start:
        laid.lose(f"The timeline starts at 00:00:00:00 instead of {laid.timecode}.")
    if any(guide.frames > 1 for guide in laid.guides):
        laid.lose("Markers stand at their first frame; their length is left out.")
    write(document, folder / files[0])
    return laid.written(*files)


def project(laid: Laid, subtitles: str) -> ET.Element:
    """The document. `subtitles`: the file's name, beside the project."""
    channels = channels_of(laid)
    # From below: sound tracks from the last to the first, then picture tracks. That is how they are shown.
    lanes = [lane for lane in reversed(laid.lanes) if lane.sound]
    lanes += [lane for lane in laid.lanes if not lane.sound]
    mlt = root(laid)
    ids = {file.path: number for number, file in enumerate(laid.files(), 2)}
    producers = list(bin_producers(mlt, laid))
    for made, file, _ in producers:
        properties(made, {"kdenlive:id": ids[file.path], "kdenlive:clipname": Path(file.path).name})
        properties(made, {"kdenlive:folderid": -1})
    _bin(mlt, laid, channels, [(made.attrib["id"], length) for made, _, length in producers])
    ground = black(mlt, "black_track", laid.frames)
    properties(ground, {"kdenlive:playlistid": "black_track"})
    for number, lane in enumerate(lanes):
        _track(mlt, number, lane, ids, laid.frames, channels)
    tractor = timed(mlt, "tractor", laid.frames, id="main", global_feed="1")
    ET.SubElement(tractor, "track", {"producer": "black_track"})
    for number in range(len(lanes)):
        ET.SubElement(tractor, "track", {"producer": f"track{number}"})
    for number, lane in enumerate(lanes, 1):
        if lane.sound:
            common: dict[str, str | int] = {"kdenlive_id": "mix", "internal_added": INTERNAL}
            transition(tractor, "mix", number, {**common, "accepts_blanks": 1, "sum": 1})
    if any(laid.cues.values()):
        made = ET.SubElement(tractor, "filter")
        properties(made, {"mlt_service": "avfilter.subtitles", "internal_added": INTERNAL})
        properties(made, {"av.filename": subtitles})
    return mlt


def _one_a_frame(laid: Laid, language: str) -> list[Cue]:
    """Cues of which no two begin together: Kdenlive would keep the first and forget the others."""
    cues: list[Cue] = []
    for cue in laid.cues[language]:
        if cues and cues[-1].start == cue.start:
            laid.lose("Subtitles that begin on the same frame become one, which ends with the last of them.")
            before = cues[-1]
            text = f"{with_speaker(before)}\n{with_speaker(cue)}"
            cues[-1] = replace(before, end=max(before.end, cue.end), text=text, speaker="")
        else:
            cues.append(cue)
    return cues


def _bin(mlt: ET.Element, laid: Laid, channels: int, producers: list[tuple[str, int]]) -> None:
    guides, categories = _guides(laid)
    made = ET.SubElement(mlt, "playlist", {"id": "main_bin"})
    facts = {
        "version": VERSION,
        "kdenliveversion": "22.12.3",
        "documentid": _number(laid),
        "profile": "dubline",  # a name that no profile has: Kdenlive then takes the one in this file
        "audioChannels": channels,
        "position": 0,
        "guides": json.dumps(guides, ensure_ascii=False),
        "guidesCategories": json.dumps(categories, ensure_ascii=False),
    }
    properties(made, {f"kdenlive:docproperties.{key}": str(value) for key, value in facts.items()})
    properties(made, {"xml_retain": 1})
    for name, length in producers:
        timed(made, "entry", length, producer=name)


def _number(laid: Laid) -> int:
    """A document's number, another for another content.

    Under it Kdenlive keeps working copies, of subtitles for one, and takes up what a project of the same
    number left when it crashed.
    """
    content = repr((laid.name, laid.fps, laid.lanes, laid.guides, sorted(laid.cues.items())))
    return int(hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:10], 16)


def _guides(laid: Laid) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """(guides, their categories): a category for each kind of mark, and each other colour.

    Kdenlive keeps one guide on a frame, so what falls on the same frame is one guide with both texts.
    """
    categories = {name: number for number, (name, _) in enumerate(KINDS.values())}
    colours = dict(KINDS.values())
    made: dict[int, dict[str, object]] = {}
    for guide in laid.guides:
        name, colour = KINDS.get(guide.kind, (guide.colour.capitalize() or "Marker", guide.colour or "GREEN"))
        number = categories.setdefault(name, len(categories))
        colours.setdefault(name, colour)
        if guide.start in made:
            laid.lose("Markers on the same frame become one guide with the texts of all.")
            made[guide.start]["comment"] = f"{made[guide.start]['comment']} / {guide.text}"
        else:
            made[guide.start] = {"comment": guide.text, "pos": guide.start, "type": number}
    legend: list[dict[str, object]] = [
        {"color": COLOURS.get(colours[name], COLOURS["GREEN"]), "comment": name, "index": number}
        for name, number in categories.items()
    ]
    return list(made.values()), legend


def _track(mlt: ET.Element, number: int, lane: Lane, ids: dict[str, int], length: int, channels: int) -> None:
    """A track is a tractor of two playlists, of which the second serves Kdenlive's own cross-fades."""
    kind: dict[str, str | int] = {"kdenlive:audio_track": 1} if lane.sound else {}
    # A clip of Kdenlive's is heard or seen, on tracks of one kind each.
    shown = {"set.test_image": int(lane.sound), "set.test_audio": int(not lane.sound)}
    names: dict[str, str] = {}
    for made, piece in own_producers(mlt, number, lane):
        names[piece.file.path] = made.attrib["id"]
        properties(made, {"kdenlive:id": ids[piece.file.path], **shown})
    first = properties(ET.SubElement(mlt, "playlist", {"id": f"playlist{2 * number}"}), kind)
    for entry, piece in fill(first, lane, names, length):
        properties(entry, {"kdenlive:id": ids[piece.file.path]})
        if lane.sound and (gain := clip_gain(piece, channels)):
            volume(entry, gain, {"kdenlive_id": "volume"})
    properties(ET.SubElement(mlt, "playlist", {"id": f"playlist{2 * number + 1}"}), kind)
    tractor = timed(mlt, "tractor", length, id=f"track{number}")
    properties(tractor, {**kind, "kdenlive:track_name": lane.name, "kdenlive:timeline_active": 1})
    # Kdenlive looks for a muted track here, not on the track of the whole timeline.
    hidden = "both" if not lane.enabled else "video" if lane.sound else "audio"
    for half in range(2):
        ET.SubElement(tractor, "track", {"producer": f"playlist{2 * number + half}", "hide": hidden})
    if lane.sound:
        volume(tractor, lane.level_db, {"internal_added": INTERNAL})

"""FCPXML 1.10 for Final Cut Pro 10.6 and later; DaVinci Resolve reads it too.

A project has one storyline, of the lowest picture track; everything else is connected to it on lanes, above
(pictures, captions) and below (sounds), and is told apart by roles, because there are no tracks. Times are
exact fractions of a second, on frames of the project. Each item's `offset` counts on the clock of the item
that holds it, and that clock begins with the item's own `start`: the timecode of its media.

Element order and attributes follow Apple's document type definition, FCPXMLv1_10.dtd. The tests hold files
against these and other rules of the format, written down anew; Final Cut Pro itself was not at hand.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name
from dubline.timebase import rate_text
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.exporters.markup import add, clean, document
from otio_dubline.exporters.sequence import sequence_of
from otio_dubline.exporters.strips import CaptionStrip, Flag, Medium, Piece, Sequence, Strip, level_of

TITLE = "Final Cut Pro 10.6 and later (.fcpxml)"
WHOLE_FRAMES = True
TARGET_FEATURES = {
    "track names": "part: as roles",
    "disabled tracks": "part: every clip of it is disabled",
    "markers": "part: without their length",
    "marker colours": "part: red to-do markers and blue standard markers",
    "speaker names": "part: as caption roles",
}
VERSION = "1.10"
RATES = {
    Fraction(24000, 1001): "2398",
    Fraction(24): "24",
    Fraction(25): "25",
    Fraction(30000, 1001): "2997",
    Fraction(30): "30",
    Fraction(50): "50",
    Fraction(60000, 1001): "5994",
    Fraction(60): "60",
}
"""The rates of a project -> their name in Final Cut's formats."""
SIZES = {(1280, 720): "720p", (1920, 1080): "1080p", (3840, 2160): "3840x2160p", (4096, 2160): "4096x2160p"}
AUDIO_RATES = {32000: "32k", 44100: "44.1k", 48000: "48k", 88200: "88.2k", 96000: "96k", 192000: "192k"}
SURROUND = "L, R, C, LFE, Ls, Rs"
"""The channels of a 5.1 wav in order, by Final Cut's names."""
LOWEST_DB, HIGHEST_DB = -96.0, 12.0
ROLES = {
    "original": "dialogue.original",
    "vocals": "dialogue.vocals",
    "dub": "dialogue.dub",
    "music": "music.music",
    "sfx": "effects.sfx",
    "ambient": "effects.ambient",
    "m_and_e": "effects.music and effects",
}
"""Dubline's role -> Final Cut's role and subrole; dialogue, music and effects are its own three."""
LANGUAGES = {"zh": "cmn-Hans", "zh-hans": "cmn-Hans", "zh-cn": "cmn-Hans", "zh-sg": "cmn-Hans"} | {
    "zh-hant": "cmn-Hant",
    "zh-tw": "cmn-Hant",
    "zh-hk": "cmn-Hant",
}
"""Languages that Final Cut calls otherwise."""
TODO = frozenset(("too_long", "failed", "pending", "doubtful", "take_too_long", "take_failed"))


@dataclass
class _Held:
    """An item of the storyline, and the piece in it. `begin`: what its own clock shows at its first frame,
    in seconds."""

    element: ET.Element
    at: int
    begin: Fraction
    piece: Piece | None = None


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.fcpxml.

    Raises:
        InvalidJob: nothing on the timeline, a rate that Final Cut has no project for, media that are no
            local file.
    """
    sequence = sequence_of(timeline)
    if sequence.fps not in RATES:
        raise InvalidJob(
            f"Final Cut Pro has no projects of {rate_text(sequence.fps)} frames a second",
            hint=f"It has {', '.join(rate_text(rate) for rate in RATES)}. Use another target.",
        )
    name = f"{file_name(sequence.name)}.fcpxml"
    (folder / name).write_bytes(document(_Writer(sequence).root()))
    return sequence.written(name)


def seconds(time: Fraction) -> str:
    """A time as FCPXML writes it: "1001/24000s", "5s"."""
    return f"{time}s"


def role_name(text: str) -> str:
    """A text as part of a role: there "." parts role and subrole, "?" begins the caption format."""
    return " ".join(re.sub(r"[.?=]+", " ", clean(text)).split())


class _Writer:
    """Elements of one project, and the ids given so far."""

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self.resources = ET.Element("resources")
        self.formats: dict[tuple[Fraction, int, int, Fraction], str] = {}
        self.assets: dict[str, str] = {}
        self.styles = 0
        self.seen = {p.medium.url for strip in sequence.pictures for p in strip.pieces}
        self.heard = {p.medium.url for strip in sequence.sounds for p in strip.pieces}
        self.held: list[_Held] = []

    def root(self) -> ET.Element:
        """`<fcpxml>` with everything in it."""
        sequence = self.sequence
        fcpxml = ET.Element("fcpxml", {"version": VERSION})
        fcpxml.append(self.resources)
        event = add(add(fcpxml, "library"), "event", attributes={"name": sequence.name})
        project = add(event, "project", attributes={"name": sequence.name})
        width, height, aspect = sequence.screen
        sounds = [strip for strip in sequence.sounds if strip.pieces]
        rates = {piece.medium.sample_rate for strip in sounds for piece in strip.pieces}
        facts = {
            "format": self._format(sequence.fps, width, height, aspect),
            "duration": self._time(sequence.frames),
            "tcStart": self._time(sequence.start),
            "tcFormat": self._clock(sequence.fps),
            "audioLayout": "surround" if any(strip.channels > 2 for strip in sounds) else "stereo",
            "audioRate": AUDIO_RATES.get(max(rates, default=48000), "48k"),
        }
        spine = add(add(project, "sequence", attributes=facts), "spine")
        self._storyline(spine)
        for lane, strip in enumerate(sequence.pictures[1:], 1):
            self._connect(strip, lane)
        above = max(len(sequence.pictures), 1)
        for lane, captions in enumerate(sequence.captions, above):
            self._captions(captions, lane)
        for lane, strip in enumerate(sounds, 1):
            self._connect(strip, -lane)
        self._markers()
        return fcpxml

    # --- times ---

    def _time(self, frames: int) -> str:
        return seconds(frames / self.sequence.fps)

    def _clock(self, rate: Fraction) -> str:
        return "DF" if self.sequence.drop and rate == self.sequence.fps else "NDF"

    def _local(self, held: _Held, at: int) -> str:
        """A frame of the timeline on an item's own clock."""
        return seconds(held.begin + (at - held.at) / self.sequence.fps)

    def _under(self, at: int) -> _Held:
        """The item of the storyline that lies at a frame."""
        return self.held[max(bisect_right(self.held, at, key=lambda held: held.at) - 1, 0)]

    # --- resources ---

    def _format(self, rate: Fraction, width: int, height: int, aspect: Fraction) -> str:
        key = (rate, width, height, aspect)
        if key not in self.formats:
            self.formats[key] = f"r{len(self.resources) + 1}"
            facts = {"id": self.formats[key], "frameDuration": seconds(1 / rate)}
            if aspect == 1 and (width, height) in SIZES and rate in RATES:
                facts["name"] = f"FFVideoFormat{SIZES[width, height]}{RATES[rate]}"
            if width and height:
                facts |= {"width": str(width), "height": str(height)}
            if aspect != 1:
                facts |= {"paspH": str(aspect.numerator), "paspV": str(aspect.denominator)}
            add(self.resources, "format", attributes=facts)
        return self.formats[key]

    def _asset(self, url: str) -> str:
        if url in self.assets:
            return self.assets[url]
        medium = self.sequence.media[url]
        facts = {"name": medium.name, "start": seconds(medium.begin), "duration": self._time(medium.frames)}
        if url in self.seen:
            facts["hasVideo"] = "1"
            facts["videoSources"] = "1"
            size = (medium.width, medium.height, medium.pixel_aspect)
            facts["format"] = self._format(medium.rate, *size)
        if medium.channels or url in self.heard:
            facts |= {"hasAudio": "1", "audioSources": "1"}
            if medium.channels:
                facts["audioChannels"] = str(medium.channels)
            if medium.sample_rate:
                facts["audioRate"] = str(medium.sample_rate)
        # Numbered after its format, which stands before it.
        self.assets[url] = f"r{len(self.resources) + 1}"
        asset = add(self.resources, "asset", attributes={"id": self.assets[url], **facts})
        add(asset, "media-rep", attributes={"kind": "original-media", "src": medium.url})
        return self.assets[url]

    # --- story ---

    def _storyline(self, spine: ET.Element) -> None:
        """The lowest picture track, and gaps where it shows nothing, to the end of the timeline."""
        at = 0
        pictures = self.sequence.pictures
        for piece in pictures[0].pieces if pictures else ():
            self._gap(spine, at, piece.at)
            clip = self._clip(
                spine, pictures[0], piece, {"offset": self._time(self.sequence.start + piece.at)}
            )
            self.held.append(_Held(clip, piece.at, self._begin(piece), piece))
            at = piece.at + piece.frames
        self._gap(spine, at, self.sequence.frames)

    def _gap(self, spine: ET.Element, at: int, end: int) -> None:
        if at < end:
            facts = {
                "name": "Gap",
                "offset": self._time(self.sequence.start + at),
                "start": "0s",
                "duration": self._time(end - at),
            }
            self.held.append(_Held(add(spine, "gap", attributes=facts), at, Fraction(0)))

    def _begin(self, piece: Piece) -> Fraction:
        """The timecode of a piece's first frame, in seconds."""
        return self.sequence.media[piece.medium.url].begin + piece.first / self.sequence.fps

    def _connect(self, strip: Strip, lane: int) -> None:
        for piece in strip.pieces:
            held = self._under(piece.at)
            place = {"lane": str(lane), "offset": self._local(held, piece.at)}
            clip = self._clip(held.element, strip, piece, place)
            self._own_markers(clip, piece)
            if strip.sound:
                self._channels(clip, piece.medium, self._role(strip))

    def _clip(self, parent: ET.Element, strip: Strip, piece: Piece, place: dict[str, str]) -> ET.Element:
        """An `<asset-clip>` of a file's picture alone or its sound alone."""
        medium = self.sequence.media[piece.medium.url]
        facts = {
            "ref": self._asset(medium.url),
            "name": strip.name if strip.sound and strip.role not in ("", "takes") else piece.name,
            **place,
            "start": seconds(self._begin(piece)),
            "duration": self._time(piece.frames),
            "enabled": "" if strip.enabled and piece.enabled else "0",
            "srcEnable": "audio" if strip.sound else "video",
            "tcFormat": self._clock(medium.rate),
        }
        facts["audioRole" if strip.sound else "videoRole"] = self._role(strip)
        clip = add(parent, "asset-clip", attributes=facts)
        if strip.sound:
            db = level_of(strip, piece, LOWEST_DB, HIGHEST_DB, self.sequence)
            if db:
                add(clip, "adjust-volume", attributes={"amount": f"{db:.6g}dB"})
        return clip

    def _channels(self, clip: ET.Element, medium: Medium, role: str) -> None:
        """Where the channels of a 5.1 file go; mono and stereo need no word."""
        if medium.channels == 6:
            facts = {"srcCh": "1, 2, 3, 4, 5, 6", "outCh": SURROUND, "role": role}
            add(clip, "audio-channel-source", attributes=facts)
        elif medium.channels > 2:
            self.sequence.note(
                f"{medium.name} has {medium.channels} channels: set their places in the inspector."
            )

    def _role(self, strip: Strip) -> str:
        if not strip.sound:
            return "video"
        if strip.role == "takes":  # its name tells language and speaker
            return f"dialogue.{role_name(strip.name)}"
        role = ROLES.get(strip.role) or f"dialogue.{role_name(strip.name) or 'sound'}"
        return f"{role} {role_name(strip.language)}".strip() if strip.language else role

    # --- captions ---

    def _captions(self, strip: CaptionStrip, lane: int) -> None:
        language = LANGUAGES.get(strip.language.lower(), strip.language)
        if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
            self.sequence.note(f"The captions of {strip.name!r} are filed under English: set their language.")
            language = "en"
        role = f"{role_name(strip.speaker) or 'SRT'}?captionFormat=SRT.{language}"
        for caption in strip.captions:
            held = self._under(caption.at)
            facts = {
                "lane": str(lane),
                "offset": self._local(held, caption.at),
                "name": " ".join(caption.text.split())[:60],
                "duration": self._time(caption.frames),
                "enabled": "" if strip.enabled else "0",
                "role": role,
            }
            made = add(held.element, "caption", attributes=facts)
            self.styles += 1
            style = f"ts{self.styles}"
            text = add(made, "text", attributes={"placement": "bottom"})
            add(text, "text-style", caption.text, {"ref": style})
            look = {"font": ".AppleSystemUIFont", "fontSize": "13", "fontFace": "Regular"}
            look |= {"fontColor": "1 1 1 1", "backgroundColor": "0 0 0 1"}
            add(add(made, "text-style-def", attributes={"id": style}), "text-style", attributes=look)

    # --- markers ---

    def _markers(self) -> None:
        """Markers of the storyline and on it; in each item they come after what is connected there."""
        for held in self.held:
            if held.piece is not None:
                self._own_markers(held.element, held.piece)
        for flag in self.sequence.flags:
            held = self._under(flag.at)
            self._marker(held.element, flag, self._local(held, flag.at))

    def _own_markers(self, clip: ET.Element, piece: Piece) -> None:
        begin = self.sequence.media[piece.medium.url].begin
        for flag in piece.flags:
            if piece.first <= flag.at < piece.first + piece.frames:
                self._marker(clip, flag, seconds(begin + flag.at / self.sequence.fps))
            else:
                self.sequence.lose("Markers on parts of a file that are not on the timeline are left out.")

    def _marker(self, parent: ET.Element, flag: Flag, start: str) -> None:
        todo = flag.kind in TODO or (not flag.kind and flag.colour == "RED")
        facts = {
            "start": start,
            "duration": self._time(1),
            "value": flag.name,
            "note": flag.comment,
            "completed": "0" if todo else "",
        }
        add(parent, "marker", attributes=facts)
        if flag.frames > 1:
            self.sequence.lose("Markers stand at their first frame; their length is left out.")
        if flag.colour:
            self.sequence.lose("Markers are red (to do) or blue; their other colours are left out.")

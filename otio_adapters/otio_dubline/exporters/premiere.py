"""Final Cut Pro 7 XML (xmeml 4), as Premiere Pro writes and reads it; Resolve and OpenShot read it too.

The format knows mono tracks only. Premiere writes a wide track as one `<track>` for each channel, marks them
as parts of one ("exploded"), and joins them again when it reads them; other programs see the mono tracks. A
file is told of where it is first used, afterwards by its id. Rates are whole numbers, or 1000/1001 of them.

Checked with OTIO's adapter for the format and with OpenShot's importer; Premiere itself was not at hand.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence as Several
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name
from dubline.timebase import Timecode, nominal, rate_text, whole
from otio_dubline.cue_tracks import cue_tracks
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.exporters.markup import add, add_all, document, truth
from otio_dubline.exporters.sequence import sequence_of
from otio_dubline.exporters.strips import Flag, Medium, Piece, Sequence, Strip, level_of
from otio_dubline.exporters.subtitles import note_start, write_files

TITLE = "Premiere Pro, by Final Cut Pro 7 XML (.xml)"
WHOLE_FRAMES = True
TARGET_FEATURES = {
    "5.1": "part: six tracks, marked as the channels of one 5.1 track",
    "track names": "part: Premiere's own attribute; other programs number the tracks",
    "marker colours": "part: Premiere's eight, in its own tag",
    "subtitles": "sidecar",
    "speaker names": "sidecar",
}
LOWEST_DB, HIGHEST_DB = -96.0, 12.0
"""Below is silence in 16 bits; above, Premiere's filter ends: its largest factor is 3.98109."""
LARGEST_FACTOR = "3.98109"
PIXELS = {
    Fraction(1): "square",
    Fraction(10, 11): "NTSC-601",
    Fraction(8, 9): "NTSC-601",
    Fraction(12, 11): "PAL-601",
    Fraction(16, 15): "PAL-601",
}
"""Pixel aspect -> the format's name for it; it knows no others of standard definition."""
TYPES = {1: "Mono", 2: "Stereo", 6: "5.1"}
"""Channels -> Premiere's kind of track. Any other number is as many mono tracks."""
COLOURS = {
    "RED": 0xFF362CD2,
    "PINK": 0xFFB18BAF,
    "MAGENTA": 0xFFB18BAF,
    "PURPLE": 0xFFB18BAF,
    "ORANGE": 0xFF246FE9,
    "YELLOW": 0xFF2BA1D0,
    "WHITE": 0xFFFFFFFF,
    "BLUE": 0xFFFC8D42,
    "CYAN": 0xFFD6F419,
}
"""OTIO's colours -> the number, 0xAABBGGRR, that Premiere writes for the nearest of its own; it has no pink
and no magenta. Green is what a marker without a colour is."""


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.xml, and SRT files for the subtitles.

    Raises:
        InvalidJob: nothing on the timeline, a rate that the format cannot say, media that are no local file.
    """
    sequence = sequence_of(timeline, captions=False)
    if not _sayable(sequence.fps):
        raise InvalidJob(
            f"Final Cut Pro 7 XML cannot say {rate_text(sequence.fps)} frames a second",
            hint="It knows whole rates and those times 1000/1001. Use another target.",
        )
    name = file_name(sequence.name)
    (folder / f"{name}.xml").write_bytes(document(_Writer(sequence).root()))
    sequence.note("OpenShot knows no addresses of files: show it the folder when it asks for one.")
    sidecars = write_files(timeline, cue_tracks(timeline), folder, "srt")
    if sidecars:
        sequence.lose("The subtitles are not in the XML; they are SRT files beside it.")
        sequence.note("Import an SRT file and put it at the sequence's first frame.")
        note_start(timeline, sequence)
    return sequence.written(f"{name}.xml", *sidecars)


class _Writer:
    """Elements of one sequence, and the ids given so far."""

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self.ids = {url: number for number, url in enumerate(sequence.media, 1)}
        self.seen = {p.medium.url for strip in sequence.pictures for p in strip.pieces}
        self.files: set[str] = set()
        self.clips = 0

    def root(self) -> ET.Element:
        """`<xmeml>` with everything in it."""
        sequence = self.sequence
        xmeml = ET.Element("xmeml", {"version": "4"})
        made = add(xmeml, "sequence", attributes={"id": "sequence-1"})
        add_all(made, name=sequence.name, duration=sequence.frames)
        _rate(made, sequence.fps)
        _timecode(made, Timecode(sequence.start, sequence.fps, sequence.drop))
        media = add(made, "media")
        self._video(add(media, "video"))
        self._audio(add(media, "audio"))
        for flag in sequence.flags:
            self._marker(made, flag)
        return xmeml

    def _video(self, video: ET.Element) -> None:
        width, height, aspect = self.sequence.screen
        _picture(add(video, "format"), width, height, aspect, self.sequence.fps)
        if aspect not in PIXELS:
            self.sequence.note(
                f"The picture's pixels are {aspect} as wide as high: set that in the sequence."
            )
        for number, strip in enumerate(self.sequence.pictures, 1):
            track = add(video, "track", attributes={"MZ.TrackName": strip.name})
            for place, piece in enumerate(strip.pieces, 1):
                self._clip(track, piece, "video", [(self._next(), number, place)], 0)
            _ending(track, strip)

    def _audio(self, audio: ET.Element) -> None:
        strips = self.sequence.sounds
        outputs = 6 if any(strip.channels == 6 for strip in strips) else 2
        add(audio, "numOutputChannels", outputs)
        rates = [m.sample_rate for m in self.sequence.media.values() if m.sample_rate]
        form = add(add(audio, "format"), "samplecharacteristics")
        add_all(form, depth=16, samplerate=max(rates, default=48000))
        groups = add(audio, "outputs")
        for channel in range(1, outputs + 1):
            group = add(groups, "group")
            add_all(group, index=channel, numchannels=1, downmix=0)
            add(add(group, "channel"), "index", channel)
        number = 1
        for strip in strips:
            number = self._sound(audio, strip, number)

    def _sound(self, audio: ET.Element, strip: Strip, number: int) -> int:
        """The tracks of a sound, from track `number` on; gives the number after the last."""
        width = strip.channels
        kind = TYPES.get(width)
        if kind is None:
            self.sequence.note(f"{strip.name!r} has {width} channels: each is a mono track.")
        levels = [level_of(strip, piece, LOWEST_DB, HIGHEST_DB, self.sequence) for piece in strip.pieces]
        ids = [[self._next() for _ in range(width)] for _ in strip.pieces]
        for channel in range(width):
            index, count = (channel, width) if kind else (0, 1)
            facts = {
                "MZ.TrackName": strip.name if kind else f"{strip.name} {channel + 1}",
                "currentExplodedTrackIndex": str(index),
                "totalExplodedTrackCount": str(count),
                "premiereTrackType": kind or "Mono",
            }
            track = add(audio, "track", attributes=facts)
            for place, piece in enumerate(strip.pieces, 1):
                own = piece.medium.channels
                # A mono clip on a wide track sounds on all of its channels, a stereo clip on the first two.
                used = [c for c in range(width) if own <= 1 or c < own]
                links = [(ids[place - 1][c], number + c, place) for c in used]
                if channel in used:
                    source = channel + 1 if own > 1 else 1
                    db, which = levels[place - 1], used.index(channel)
                    self._clip(track, piece, "audio", links, which, source, kind or "Mono", db)
            _ending(track, strip)
            add(track, "outputchannelindex", index + 1)
        return number + width

    def _next(self) -> str:
        self.clips += 1
        return f"clipitem-{self.clips}"

    def _clip(
        self,
        track: ET.Element,
        piece: Piece,
        media: str,
        links: Several[tuple[str, int, int]],
        which: int,
        source: int = 0,
        kind: str = "",
        db: float = 0.0,
    ) -> None:
        """A `<clipitem>`. `links`: id, track and place of it and those that go with it; it is number `which`.

        `source`: the channel of the file, from 1; `kind`: the track's; `db`: its level.
        """
        medium = self.sequence.media[piece.medium.url]
        facts = {"id": links[which][0], "premiereChannelType": kind.lower()}
        clip = add(track, "clipitem", attributes=facts)
        add_all(clip, masterclipid=f"masterclip-{self.ids[medium.url]}", name=piece.name)
        add_all(clip, enabled=truth(piece.enabled), duration=medium.frames)
        _rate(clip, self.sequence.fps)
        add_all(clip, start=piece.at, end=piece.at + piece.frames)
        add(clip, "in", piece.first)
        add(clip, "out", piece.first + piece.frames)
        self._file(clip, medium)
        if source:
            add_all(add(clip, "sourcetrack"), mediatype=media, trackindex=source)
        if db:
            _level(clip, db)
        if len(links) > 1:
            for name, number, place in links:
                link = add(clip, "link")
                add_all(link, linkclipref=name, mediatype=media)
                add_all(link, trackindex=number, clipindex=place, groupindex=1)
        if which == 0:
            for flag in piece.flags:
                self._marker(clip, flag)

    def _file(self, clip: ET.Element, medium: Medium) -> None:
        """`<file>`: all of it where it is first used, the id alone afterwards."""
        made = add(clip, "file", attributes={"id": f"file-{self.ids[medium.url]}"})
        if medium.url in self.files:
            return
        self.files.add(medium.url)
        rate = medium.rate if _sayable(medium.rate) else self.sequence.fps
        add(made, "name", medium.name)
        # The host is empty in a `file:` URL; the format's documentation and Premiere write it out.
        add(made, "pathurl", medium.url.replace("file:///", "file://localhost/", 1))
        _rate(made, rate)
        add(made, "duration", whole(medium.frames / self.sequence.fps * rate))
        drops = self.sequence.drop and rate == self.sequence.fps
        _timecode(made, Timecode(whole(medium.begin * rate), rate, drops))
        media = add(made, "media")
        if medium.url in self.seen:
            _picture(add(media, "video"), medium.width, medium.height, medium.pixel_aspect, rate)
        if medium.channels:
            sound = add(media, "audio")
            form = add(sound, "samplecharacteristics")
            if medium.bits:
                add(form, "depth", medium.bits)
            if medium.sample_rate:
                add(form, "samplerate", medium.sample_rate)
            add(sound, "channelcount", medium.channels)

    def _marker(self, parent: ET.Element, flag: Flag) -> None:
        made = add(parent, "marker")
        add_all(made, name=flag.name, comment=flag.comment)
        add(made, "in", flag.at)
        add(made, "out", flag.at + flag.frames if flag.frames > 1 else -1)
        if flag.colour in COLOURS:
            add(made, "pproColor", COLOURS[flag.colour])
        elif flag.colour not in ("", "GREEN"):
            self.sequence.lose(f"Premiere has no {flag.colour.lower()} markers; they are green.")


def _sayable(rate: Fraction) -> bool:
    return rate in (nominal(rate), nominal(rate) * Fraction(1000, 1001))


def _rate(parent: ET.Element, rate: Fraction) -> None:
    made = add(parent, "rate")
    add_all(made, timebase=nominal(rate), ntsc=truth(rate != nominal(rate)))


def _timecode(parent: ET.Element, clock: Timecode) -> None:
    made = add(parent, "timecode")
    _rate(made, clock.rate)
    add_all(made, string=str(clock), frame=clock.frame, displayformat="DF" if clock.drop else "NDF")


def _picture(parent: ET.Element, width: int, height: int, aspect: Fraction, rate: Fraction) -> None:
    """`<samplecharacteristics>` of a picture; nothing about a size that nobody knows."""
    made = add(parent, "samplecharacteristics")
    _rate(made, rate)
    if width and height:
        add_all(made, width=width, height=height, anamorphic="FALSE")
        add_all(made, pixelaspectratio=PIXELS.get(aspect, "square"), fielddominance="none")


def _level(clip: ET.Element, db: float) -> None:
    """The Audio Levels filter; its value is a factor, 10 ** (dB / 20)."""
    effect = add(add(clip, "filter"), "effect")
    add_all(effect, name="Audio Levels", effectid="audiolevels", effectcategory="audiolevels")
    add_all(effect, effecttype="audiolevels", mediatype="audio")
    parameter = add(effect, "parameter", attributes={"authoringApp": "PremierePro"})
    add_all(parameter, parameterid="level", name="Level", valuemin=0, valuemax=LARGEST_FACTOR)
    add(parameter, "value", f"{10 ** (db / 20):.6f}")


def _ending(track: ET.Element, strip: Strip) -> None:
    add_all(track, enabled=truth(strip.enabled), locked="FALSE")

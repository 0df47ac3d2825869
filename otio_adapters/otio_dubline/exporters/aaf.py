"""AAF for Avid Media Composer, Pro Tools and other audio workstations, written with pyaaf2.

A track of sound becomes one mono track for each of its channels, named "vocals L" and so on, at an edit rate
of 48,000: positions and lengths are whole samples. The sound is inside the file, or (`embed=False`) in mono
WAV files in the folder `audio` beside it. The picture is a reference that is offline until it is relinked by
its name and timecode. Subtitles go beside it as SRT, one file for each language and speaker.

Ids of media are made from their content, so that the same sound has the same id in every export.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aaf2
import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name
from dubline.timebase import frames_to_samples, whole
from otio_dubline.cue_tracks import cue_tracks
from otio_dubline.exporters import ExportOptions, Written
from otio_dubline.exporters.aaf_media import AUDIO, MediaMobs, media_starts, mob_id, put
from otio_dubline.exporters.aaf_sound import RATE, channel_names
from otio_dubline.exporters.lanes import Laid, Lane, Piece, lay_out
from otio_dubline.exporters.subtitles import write_files

TITLE = "Avid Media Composer, Pro Tools, Nuendo, Logic Pro (AAF)"
TARGET_FEATURES = {
    "picture": "part: an offline reference",
    "mono tracks": "part: a mono track for each channel",
    "stereo tracks": "part: a mono track for each channel",
    "marker colours": "part: the nearest of Avid's",
    "subtitles": "sidecar",
    "speaker names": "sidecar",
    "disabled tracks": "part: turned all the way down",
    "5.1": "part: a mono track for each channel",
}

AUDIO_GAIN = "9d2ea894-0968-11d3-8a38-0050040ef7d2"
"""Mono Audio Gain, an operation of the AAF Edit Protocol; its parameter is a factor."""
AMPLITUDE = "e4962320-2267-11d3-8a4c-0050040ef7d2"
AVID_COLOURS = {
    **{"RED": ("Red", (0xFFFF, 0, 0)), "GREEN": ("Green", (0, 0xFFFF, 0)), "BLUE": ("Blue", (0, 0, 0xFFFF))},
    **{"CYAN": ("Cyan", (0, 0xFFFF, 0xFFFF)), "MAGENTA": ("Magenta", (0xFFFF, 0, 0xFFFF))},
    **{"YELLOW": ("Yellow", (0xFFFF, 0xFFFF, 0)), "BLACK": ("Black", (0, 0, 0))},
    **{"WHITE": ("White", (0xFFFF, 0xFFFF, 0xFFFF)), "PINK": ("Magenta", (0xFFFF, 0, 0xFFFF))},
    **{"ORANGE": ("Yellow", (0xFFFF, 0xFFFF, 0)), "PURPLE": ("Magenta", (0xFFFF, 0, 0xFFFF))},
}


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.aaf, and `audio/*.wav` where sound is not to be inside.

    Raises:
        InvalidJob: the timeline is refused (see `lay_out`), a sound is missing, or it is too long for WAV.
    """
    laid = lay_out(timeline)
    if not laid.lanes:
        raise InvalidJob(
            "there is neither picture nor sound on this timeline", hint="Export its subtitles with --to srt."
        )
    name = f"{file_name(laid.name)}.aaf"
    with aaf2.open(str(folder / name), "w") as file:
        media = MediaMobs(file, laid, folder, options, media_starts(timeline, laid.fps))
        _Writer(file, laid, media).write()
    tracks = cue_tracks(timeline)
    subtitles = write_files(timeline, tracks, folder, "srt", inside="subtitles")
    if tracks:
        laid.lose("Subtitle tracks: SRT files are beside the AAF.")
    sounds = sorted(f"{AUDIO}/{path.name}" for path in (folder / AUDIO).glob("*.wav"))
    return laid.written(name, *sounds, *subtitles)


@dataclass
class _Writer:
    file: Any
    laid: Laid
    media: MediaMobs

    def write(self) -> None:
        laid, file = self.laid, self.file
        put(file.header["IdentificationList"].value[0], CompanyName="Dubline", ProductName="Dubline")
        composition = file.create.CompositionMob(laid.name)
        composition.usage = "Usage_TopLevel"
        composition.mob_id = mob_id("composition", laid.name, str(laid.fps))
        file.content.mobs.append(composition)
        clock = composition.create_timeline_slot(laid.fps)
        clock.name = "TC1"
        put(clock, PhysicalTrackNumber=1)
        clock.segment = self.media.timecode(laid.start, laid.frames)
        first = None
        for number, lane in enumerate((lane for lane in laid.lanes if not lane.sound), 1):
            slot = composition.create_picture_slot(laid.fps)
            self._name(slot, lane.name, number)
            parts = [(piece, piece.start, piece.frames) for piece in lane.pieces]
            self._fill(slot, laid.frames, parts, "picture", self._picture_clip)
            if not lane.enabled:
                laid.lose(f"Video track {lane.name!r} is switched off; here it is on.")
            first = first or slot
        number = 1
        for lane in laid.lanes:
            if lane.sound:
                for slot in self._sound_slots(composition, lane, number):
                    first = first or slot
                    number += 1
        self._markers(composition, first or clock)

    @staticmethod
    def _name(slot: Any, name: str, number: int) -> None:
        slot.name = name
        put(slot, PhysicalTrackNumber=number)

    def _fill(self, slot: Any, length: int, parts: Any, kind: str, make: Any) -> None:
        """A slot's sequence: clips with silence or black between, `length` units in all."""
        sequence = self.file.create.Sequence(media_kind=kind)
        sequence.components.value = []
        slot.segment = sequence
        at = 0
        for piece, start, most in parts:
            clip, units = make(piece, most)
            if clip is None or units <= 0:
                continue
            if at < start:
                sequence.components.append(self.file.create.Filler(kind, start - at))
                at = start
            sequence.components.append(clip)
            at += units
        if at < length:
            sequence.components.append(self.file.create.Filler(kind, length - at))
        sequence.length = max(length, at)

    # --- sound ---------------------------------------------------------------------------------

    def _at(self, frame: int) -> int:
        return frames_to_samples(frame, self.laid.fps, RATE)

    def _sound_slots(self, composition: Any, lane: Lane, number: int) -> Iterator[Any]:
        """A slot for each channel of a track. A mono clip on a wider track sounds in the first of them."""
        media = {piece.file.path: self.media.sound(piece.file.path) for piece in lane.pieces}
        channels = max([len(m.masters) for m in media.values() if m is not None], default=1)
        if not lane.enabled:
            self.laid.note(f"Track {lane.name!r} is switched off: its clips are turned all the way down.")
        for channel, called in enumerate(channel_names(channels)):

            def clip(piece: Piece, most: int, channel: int = channel) -> tuple[Any, int]:
                known = media[piece.file.path]
                if known is None or channel >= len(known.masters):
                    return None, 0
                first = self._at(piece.first)
                length = min(most, known.frames - first)
                if length <= 0:
                    return None, 0
                master = known.masters[channel]
                made = master.create_source_clip(master.slots[0].slot_id, first, length, "sound")
                return self._at_level(made, lane, lane.level_db + piece.level_db, length), length

            slot = composition.create_sound_slot(RATE)
            self._name(slot, f"{lane.name} {called}".strip(), number + channel)
            parts = [self._part(piece) for piece in lane.pieces]
            self._fill(slot, self._at(self.laid.frames), parts, "sound", clip)
            yield slot

    def _part(self, piece: Piece) -> tuple[Piece, int, int]:
        """(a piece, the sample where it begins, how many samples of it at most).

        A whole take lies where it is spoken and ends with its file, both between two frames.
        """
        start, end = self._at(piece.start), self._at(piece.start + piece.frames)
        if piece.exact is None:
            return piece, start, end - start
        begin = whole(piece.exact * RATE)
        if piece.frames >= piece.file.frames:
            end = max(end, self._at(min(piece.start + piece.frames + 1, self.laid.frames)))
        return piece, begin, end - begin

    def _at_level(self, clip: Any, lane: Lane, db: float, length: int) -> Any:
        """The clip, or the clip with its gain. A clip at 0 dB is left alone, so that it stays the file's."""
        if lane.enabled and not db:
            return clip
        factor = 10 ** (db / 20) if lane.enabled else 0.0
        dictionary = self.file.dictionary
        try:
            operation = dictionary.lookup_operationdef(AUDIO_GAIN)
            amplitude = dictionary.lookup_parameterdef(AMPLITUDE)
        except Exception:  # pyaaf2 raises whatever its search came upon
            amplitude = self.file.create.ParameterDef(
                AMPLITUDE, "Amplitude", "", dictionary.lookup_typedef("Rational")
            )
            dictionary.register_def(amplitude)
            operation = self.file.create.OperationDef(AUDIO_GAIN, "Audio Gain", "")
            operation.media_kind = "sound"
            put(operation, IsTimeWarp=False, Bypass=0, NumberInputs=1)
            put(operation, OperationCategory="OperationCategory_Effect")
            operation["ParametersDefined"].extend([amplitude])
            dictionary.register_def(operation)
        group = self.file.create.OperationGroup(operation, length, "sound")
        value = Fraction(factor).limit_denominator(1_000_000)
        group.parameters.append(self.file.create.ConstantValue(amplitude, value))
        group.segments.append(clip)
        return group

    # --- picture -------------------------------------------------------------------------------

    def _picture_clip(self, piece: Piece, length: int) -> tuple[Any, int]:
        master = self.media.picture(piece)
        return master.create_source_clip(master.slots[0].slot_id, piece.first, length, "picture"), length

    # --- markers -------------------------------------------------------------------------------

    def _markers(self, composition: Any, described: Any) -> None:
        """Avid's locators, on the picture or the first track of sound."""
        if not self.laid.guides:
            return
        slot = self.file.create.EventMobSlot()
        put(slot, EditRate=self.laid.fps, SlotID=1 + max(s.slot_id for s in composition.slots))
        self._name(slot, "Markers", described["PhysicalTrackNumber"].value)
        sequence = self.file.create.Sequence(media_kind="DescriptiveMetadata")
        sequence.components.value = []
        for guide in self.laid.guides:
            name, rgb = AVID_COLOURS.get(guide.colour.upper(), AVID_COLOURS["RED"])
            marker = self.file.create.DescriptiveMarker()
            put(marker, Position=guide.start, Comment=guide.text, DescribedSlots={described.slot_id})
            colour = dict(zip(("red", "green", "blue"), rgb, strict=True))
            put(marker, CommentMarkerUser="Dubline", CommentMarkerColor=colour)
            marker.length = max(guide.frames, 1)
            for key, value in (("_ATN_CRM_COLOR", name), ("_ATN_CRM_LENGTH", max(guide.frames, 1))):
                marker["CommentMarkerAttributeList"].append(self.file.create.TaggedValue(key, value))
            sequence.components.append(marker)
        slot.segment = sequence
        composition.slots.append(slot)

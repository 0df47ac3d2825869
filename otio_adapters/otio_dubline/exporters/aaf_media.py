"""The media of an AAF: master mobs over file mobs over essence, a link, or a tape with its timecode."""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name, unique
from dubline.timebase import nominal
from otio_dubline.exporters import ExportOptions
from otio_dubline.exporters.aaf_sound import RATE, SoundFile, channel_names, open_sound, pcm
from otio_dubline.exporters.lanes import Laid, Piece
from otio_dubline.reading import frames_of, media_file

NAMESPACE = uuid.UUID("8b9a7c62-6d6f-5f0c-9a55-0f6f7e5d4b21")
AUDIO = "audio"
"""The folder of mono WAV files beside the AAF."""
LONGEST_WAV = 2**32 - 1024
"""Bytes: the length field of a WAV file has 32 bits."""


@dataclass
class SoundMobs:
    """A sound file as master mobs, one for each channel; `frames` at 48 kHz."""

    masters: list[Any]
    frames: int


@dataclass
class MediaMobs:
    """Makes the mobs of each file once, in `file`; `starts` as `media_starts` gives them."""

    file: Any
    laid: Laid
    folder: Path
    options: ExportOptions
    starts: dict[str, int]
    sounds: dict[str, SoundMobs | None] = field(default_factory=dict)
    pictures: dict[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def timecode(self, start: int, length: int) -> Any:
        """A timecode of the timeline's kind."""
        made = self.file.create.Timecode(nominal(self.laid.fps), drop=self.laid.drop, length=length)
        made.start = start
        return made

    def sound(self, path: str) -> SoundMobs | None:
        """The master mobs of a sound file, written when it is first asked for."""
        if path not in self.sounds:
            self.sounds[path] = self._written(path)
        return self.sounds[path]

    def _written(self, path: str) -> SoundMobs | None:
        import soundfile

        if Path(path).is_file():
            try:
                soundfile.info(path)
            except soundfile.SoundFileError:
                self.laid.lose(f"The sound of {Path(path).name} is left out: only sound files can go in.")
                return None
        with open_sound(path) as sound:
            if not sound.frames:
                return None
            names = [f"{Path(path).stem} {name}".strip() for name in channel_names(sound.channels)]
            width = sound.bits // 8
            with ExitStack() as open_files:
                places = [open_files.enter_context(self._place(name, sound)) for name in names]
                heard = [hashlib.sha256(f"{RATE} {sound.bits}".encode()) for _ in names]
                for block in sound.blocks():
                    for channel, (put, _) in enumerate(places):
                        data = pcm(block[channel], sound.bits)
                        heard[channel].update(data)
                        put.write(data)
            masters = [
                self._master(name, data, where, sound.frames, width)
                for name, data, (_, where) in zip(names, heard, places, strict=True)
            ]
            for change in sound.changes:
                self.laid.note(change)
            return SoundMobs(masters=masters, frames=sound.frames)

    @contextmanager
    def _place(self, name: str, sound: SoundFile) -> Iterator[tuple[Any, Any]]:
        """(where bytes of PCM go, the essence or the WAV file that they become)."""
        if self.options.embed:
            essence = self.file.create.EssenceData()
            yield essence["Data"].open("w"), essence
            return
        length = sound.frames * sound.bits // 8
        if length > LONGEST_WAV:
            raise InvalidJob(
                f"{name} is too long for a WAV file", hint="Export with the sound inside the AAF instead."
            )
        path = self.folder / AUDIO / unique(f"{file_name(name)}.wav", self.taken)
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as wav:
            wav.write(wav_head(length, sound.bits))
            yield wav, path
            if length % 2:  # chunks of RIFF have even lengths
                wav.write(b"\0")

    def _master(self, name: str, heard: Any, where: Any, frames: int, width: int) -> Any:
        """A master mob over the file mob that describes one channel's sound."""
        digest = heard.hexdigest()
        source = self.file.create.SourceMob(f"{name}.PHYS")
        # Sound inside and beside the file are two things to a program that keeps ids.
        source.mob_id = mob_id("inside" if self.options.embed else "beside", digest, name)
        if self.options.embed:
            descriptor = self.file.create.PCMDescriptor()
            put(descriptor, Channels=1, BlockAlign=width, AverageBPS=RATE * width)
            put(descriptor, QuantizationBits=width * 8, AudioSamplingRate=RATE)
            where.mob_id = source.mob_id
        else:
            descriptor = self.file.create.WAVEDescriptor()
            put(descriptor, Summary=bytearray(wav_head(frames * width, width * 8)))
            self._locate(descriptor, self._shown(where))
        put(descriptor, SampleRate=RATE)
        descriptor.length = frames
        source.descriptor = descriptor
        # Some programs link a file mob to its essence by slot 1 only.
        slot = source.create_empty_slot(RATE, "sound", 1)
        slot.segment.length = frames
        if source.mob_id not in self.file.content.mobs:
            self.file.content.mobs.append(source)
            if self.options.embed:
                self.file.content.essencedata.append(where)
        master = self.file.create.MasterMob(name)
        master.mob_id = mob_id("master", str(source.mob_id))
        if master.mob_id in self.file.content.mobs:  # two files with the same name and sound
            return self.file.content.mobs.get(master.mob_id)
        slot = master.create_timeline_slot(RATE)
        slot.name = name
        put(slot, PhysicalTrackNumber=1)
        slot.segment = source.create_source_clip(1, 0, frames, "sound")
        self.file.content.mobs.append(master)
        return master

    def _locate(self, descriptor: Any, path: Path) -> None:
        locator = self.file.create.NetworkLocator()
        put(locator, URLString=path.as_uri())
        descriptor["Locator"].append(locator)

    def _shown(self, path: Path) -> Path:
        """Where a file of the folder lies when the folder has taken its place."""
        final = self.folder.with_name(self.options.target or "aaf")
        return (final / path.relative_to(self.folder)).absolute()

    def picture(self, piece: Piece) -> Any:
        """The master mob of a picture, which is offline until somebody relinks it."""
        path = piece.file.path
        if path not in self.pictures:
            self.pictures[path] = self._picture(piece)
            self.laid.note(f"{Path(path).name} is offline in this file: relink it to the picture.")
        return self.pictures[path]

    def _picture(self, piece: Piece) -> Any:
        """Master mob, file mob with a link, and the tape mob that has the media's timecode."""
        file, fps, media = self.file, self.laid.fps, piece.file
        length = media.frames or piece.first + piece.frames
        name = Path(media.path).name
        tape = file.create.SourceMob(name)
        tape.mob_id = mob_id("tape", media.path)
        tape.descriptor = file.create.TapeDescriptor()
        tape.create_empty_slot(fps, "picture", 1).segment.length = length
        clock = tape.create_timeline_slot(fps)
        put(clock, PhysicalTrackNumber=1)
        clock.segment = self.timecode(self.starts.get(media.path, 0), length)
        source = file.create.SourceMob(f"{name}.PHYS")
        source.mob_id = mob_id("picture", media.path)
        width, height = media.width or 1920, media.height or 1080
        descriptor = file.create.CDCIDescriptor()
        put(descriptor, StoredWidth=width, StoredHeight=height, ComponentWidth=8, HorizontalSubsampling=2)
        put(descriptor, FrameLayout="FullFrame", VideoLineMap=[0, 0])
        shape = (width * media.pixel_aspect / height).limit_denominator(10_000)
        put(descriptor, ImageAspectRatio=f"{shape.numerator}/{shape.denominator}")
        put(descriptor, SampleRate=f"{fps.numerator}/{fps.denominator}")
        descriptor.length = length
        self._locate(descriptor, Path(media.path).absolute())
        source.descriptor = descriptor
        slot = source.create_empty_slot(fps, "picture", 1)
        slot.segment = tape.create_source_clip(1, 0, length, "picture")
        master = file.create.MasterMob(name)
        master.mob_id = mob_id("master", str(source.mob_id))
        slot = master.create_timeline_slot(fps)
        slot.segment = source.create_source_clip(1, 0, length, "picture")
        file.content.mobs.extend([tape, source, master])
        return master


def put(thing: Any, **values: Any) -> None:
    """Set properties of an object of the file by their names."""
    for name, value in values.items():
        thing[name].value = value


def media_starts(timeline: otio.schema.Timeline, fps: Fraction) -> dict[str, int]:
    """Path -> number of the first frame of the media, which lanes count from 0."""
    starts = {}
    for clip in timeline.find_clips():
        media = clip.media_reference
        if isinstance(media, otio.schema.ExternalReference) and media.available_range is not None:
            try:
                path = str(media_file(media.target_url, Path()))
            except InvalidJob:  # lay_out has said so
                continue
            starts[path] = frames_of(media.available_range.start_time, fps)
    return starts


def mob_id(*parts: str) -> Any:
    """An id that is the same for the same parts."""
    from aaf2.mobid import MobID

    made = MobID.new()
    made.material = uuid.uuid5(NAMESPACE, "\n".join(parts))
    return made


def wav_head(length: int, bits: int) -> bytes:
    """The bytes of a mono WAV file at 48 kHz before its samples."""
    width = bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * width, width, bits)
    body = 4 + len(form) + 8 + length + length % 2
    return struct.pack("<4sI4s", b"RIFF", body, b"WAVE") + form + struct.pack("<4sI", b"data", length)

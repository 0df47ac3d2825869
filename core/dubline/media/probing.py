"""Source media: what is in a file, and its sound on the clock of its picture.

PyAV carries FFmpeg's libraries; no program is called. Files are only read, and only as files: a name
can never be taken for a network address or another protocol, nor can anything written inside a file.

The media clock is zero where the picture starts (without picture: where the file starts), so sample k
of a decoded track is heard k/rate seconds after the first frame is seen. A track that starts late has
silence in front; what lies before the picture, an encoder's priming included, is left out. Timestamps
are only as fine as the container writes them: 1 ms in Matroska, one sample in MP4 and MOV.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dubline.errors import FFmpegError, InvalidJob, ValidationError
from dubline.media.containers import (
    clock_zero,
    guessed_rate,
    moving_pictures,
    open_container,
    start_timecode,
)
from dubline.media.decoding import Converter, Format, Piece, looking_ahead, main_format, packets
from dubline.media.headers import told_wrong
from dubline.media.sound import (
    FRAMES,
    SoundWriter,
    Subtype,
    check_readable,
    open_sound,
    require_space,
    sound_bytes,
    system_name,
)
from dubline.media.timestamps import Placing, cut_evenly, silence, speakers
from dubline.report import Report
from dubline.timebase import frame_rate, rate_text, seconds_to_samples, whole
from dubline.values.media import AudioTrack, Media, Sound, VideoTrack

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Block = NDArray[np.float32]  # (channels, samples)

MIB = 2**20

# Kinds of file that soundfile reads without loss, straight from where they lie.
_DIRECT = {"WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF"}
_LOSSLESS = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"}

_TOLERANCE = Fraction(1, 100)  # seconds: less than a frame of any usual codec, more than their jitter
_STRAYING = 0.5  # seconds in which sound that runs straight on is back on its clock, if single times stray
_CLOCK_BREAK = 60  # seconds: a step back by more, or ahead past the end by more, is no gap but a new clock


# --- probing -----------------------------------------------------------------------------------


def fingerprint(path: Path) -> str:
    """Size, modification time in ns, and BLAKE2b of the first and last MiB: "size-time-hex"."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        digest.update(file.read(MIB))
        file.seek(max(MIB, status.st_size - MIB))
        digest.update(file.read(MIB))
    return f"{status.st_size}-{status.st_mtime_ns}-{digest.hexdigest()}"


def probe(path: Path, *, need_sound: bool = True) -> Media:
    """What is in a media file. `duration` is the container's, in seconds, 0.0 where it does not tell.

    Starts are on the media clock: `video.start` is 0, an audio track's `start` is negative when it
    begins before the picture. `timecode` is the label of the first frame as the file has it: of a
    timecode track, else of the picture, else of the container; "" if there is none.

    Raises:
        ValidationError: missing, a folder, empty, or without sound (unless `need_sound` is False).
        FFmpegError: not a media file, or one that only points to others.
    """
    path = Path(path).absolute()
    check_readable(path)
    found = told_wrong(path)
    if found is not None:
        return found.media(fingerprint(path))
    with open_container(path) as container:
        zero = clock_zero(container)
        pictures = moving_pictures(container)
        media = Media(
            path=path.as_posix(),
            fingerprint=fingerprint(path),
            duration=(container.duration or 0) / 1e6,
            audio=tuple(_audio_track(container, n, zero) for n in range(len(container.streams.audio))),
            video=_video_track(container, pictures[0]) if pictures else None,
            timecode=start_timecode(container),
            container=container.format.name,
        )
        tracks = tuple(_as_mostly(container, track) for track in media.audio)
        media = msgspec.structs.replace(media, audio=tracks)
    if need_sound:
        _need_sound(media)
    return media


def _need_sound(media: Media) -> None:
    if not media.audio:
        raise ValidationError(f"{media.path} has no sound", hint="Choose a file with an audio stream.")


def _audio_track(container: InputContainer, index: int, zero: Fraction) -> AudioTrack:
    import av

    stream = container.streams.audio[index]
    context, base = stream.codec_context, stream.time_base or Fraction(0)
    start = Fraction(0) if stream.start_time is None else stream.start_time * base - zero
    # Ogg counts what primes the decoder too.
    exact = stream.duration and base * stream.rate == 1 and container.format.name != "ogg"
    return AudioTrack(
        index=index,
        rate=stream.rate if context else 0,
        channels=stream.channels if context else 0,
        layout=stream.layout.name if context else "",
        codec=context.name if context else "",
        language=stream.language if stream.language not in (None, "und") else "",
        title=stream.metadata.get("title", ""),
        default=bool(stream.disposition & av.stream.Disposition.default),
        start=float(start),
        frames=stream.duration if exact else None,
    )


def _as_mostly(container: InputContainer, track: AudioTrack) -> AudioTrack:
    """The track in the format that most of it has, where that is not its header's."""
    stream = container.streams.audio[track.index]
    if not track.rate or stream.codec_context is None:
        return track
    rate, layout = main_format(container, stream)
    channels = len(_speakers_of(layout))
    if (rate, channels) == (track.rate, track.channels):
        return track
    return msgspec.structs.replace(track, rate=rate, channels=channels, layout=layout, frames=None)


def _video_track(container: InputContainer, stream: VideoStream) -> VideoTrack:
    rate = frame_rate(guessed_rate(stream))
    return VideoTrack(
        rate=rate_text(rate),
        width=stream.width,
        height=stream.height,
        codec=stream.codec_context.name,
        frames=stream.frames or None,
        variable=_uneven(container, stream, rate),
        pixel_aspect=str(stream.sample_aspect_ratio or 1),
    )


def _uneven(container: InputContainer, stream: VideoStream, rate: Fraction) -> bool:
    """Whether more than one frame in a hundred stands elsewhere than the rate says.

    The index knows all frames where it is complete (MP4, MOV); elsewhere the first 300 must do.
    """
    import av

    index = getattr(stream, "index_entries", ())
    times = [entry.timestamp for entry in index] if 0 < stream.frames <= len(index) else []
    if not times:
        try:
            times = [p.pts for p in islice(container.demux(stream), 300) if p.pts is not None]
        except av.FFmpegError:  # damage is for the decoder to report
            return False
    gaps: list[int] = [later - earlier for earlier, later in pairwise(sorted(times))]
    step = 1 / (rate * (stream.time_base or 1))
    ticks, parts = step.numerator, step.denominator  # of a long film there are too many for fractions
    return 100 * sum(abs(gap * parts - ticks) > parts for gap in gaps) > len(gaps)


def choose_track(media: Media, choice: int | str | None = None) -> AudioTrack:
    """An audio track by number (from 0), by language or title, or the default one (else the first).

    Raises:
        ValidationError: the media has no sound.
        InvalidJob: no such track; the hint lists those there are.
    """
    _need_sound(media)
    if choice is None:
        tracks = list(media.audio)
    elif isinstance(choice, int) or choice.strip().isdecimal():
        tracks = [track for track in media.audio if track.index == int(choice)]
    else:
        text = choice.strip().casefold()
        tracks = [t for t in media.audio if text and text in (t.language.casefold(), t.title.casefold())]
    if not tracks:
        listed = "; ".join(
            " ".join(filter(None, (f"{t.index}:", t.language, t.layout, t.title, "(default)" * t.default)))
            for t in media.audio
        )
        raise InvalidJob(f"{media.path} has no audio track {choice!r}", hint=f"Its tracks are {listed}.")
    return next((track for track in tracks if track.default), tracks[0])


# --- decoding ----------------------------------------------------------------------------------


def decode(
    path: Path, track: AudioTrack, block: int = FRAMES, *, notes: list[str] | None = None
) -> Iterator[Block]:
    """A track's sound on the media clock: float32 (channels, `block`), the last one shorter.

    At the track's rate and with its channels, in the order of a WAV file; up to 24 bits are exact. What has
    another format on the way is converted. It ends where the track ends, not where the picture does. What was
    missing, doubled, damaged or converted is told in `notes` when the end is reached (as warnings, if no list
    was given).

    Raises:
        ValidationError: the track holds no sound, or none of it could be decoded.
        FFmpegError: no decoder.
    """
    remarks: list[str] = []
    found = told_wrong(Path(path))
    if found is not None:
        yield from found.blocks(block)
        remarks.append(found.note)
    else:
        yield from cut_evenly(_pieces(Path(path), track, block, remarks), block)
    if notes is not None:
        notes += remarks
    for note in remarks if notes is None else ():
        warnings.warn(f"{path}: {note}", stacklevel=2)


def _pieces(path: Path, track: AudioTrack, block: int, notes: list[str]) -> Iterator[Block]:
    """What the decoder gives, with silence between where there was none."""
    rate, channels = track.rate, track.channels
    with open_container(path) as container:
        stream, zero = _stream(container, path, track), clock_zero(container)
        wanted = Format(rate, _layout_name(stream, track))
        order, _ = speakers(_speakers_of(wanted.layout))
        base = stream.time_base or Fraction(1, rate)
        length = Fraction(container.duration or 86_400_000_000, 1_000_000)
        placing = Placing(
            rate=rate,
            tolerance=whole(max(2 * base, _TOLERANCE) * rate, "ceil"),
            limit=seconds_to_samples(length + _CLOCK_BREAK, rate),
            reset=_CLOCK_BREAK * rate,
        )
        converter, last = Converter(wanted, channels), None

        def decoded() -> Iterator[Piece | None]:
            """Pieces in one format; None for what is damaged."""
            nonlocal last
            for packet, frames in packets(container, stream):
                if packet.pts is not None and packet.duration:
                    last = seconds_to_samples((packet.pts + packet.duration) * base - zero, rate)
                if frames is None:
                    yield from converter.rest()
                    yield None
                for frame in frames or ():
                    yield from converter.take(frame)
            yield from converter.rest()

        def time_of(piece: Piece) -> int | None:
            return None if piece.time is None else seconds_to_samples(piece.time - zero, rate)

        exact, heard = True, False
        for piece, ahead in looking_ahead(decoded(), _STRAYING, rate):
            if piece is None:
                placing.damage()
                continue
            follow = [
                (time_of(p), p.samples.shape[1]) for p in takewhile(lambda p: p is not None, ahead) if p
            ]
            before, cut = placing.place(time_of(piece), piece.samples.shape[1], follow)
            yield from silence(channels, before, block)
            exact, heard = exact and piece.exact, True
            yield piece.samples[order, cut:] if order else piece.samples[:, cut:]
        if not heard:
            raise ValidationError(
                f"audio track {track.index} of {path} holds no sound that could be decoded",
                hint="Choose another track; if all are like this, the file is damaged or encrypted.",
            )
        yield from silence(channels, placing.end(last), block)
    notes += placing.notes() + converter.notes()
    if not exact:
        notes.append("samples of more than 24 bits were rounded to 24")
    promise = seconds_to_samples(track.start, rate) + (track.frames or 0)
    if placing.position + rate // 10 < promise:
        ends = placing.position / rate
        notes.append(f"the sound ends at {ends:.3f} s although the file promises {promise / rate:.3f} s")


def _layout_name(stream: Any, track: AudioTrack) -> str:
    """FFmpeg's name of the layout that a track's sound gets."""
    if stream.layout.nb_channels == track.channels:
        return str(stream.layout.name)
    return track.layout or {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels}c")


def _speakers_of(layout: str) -> tuple[str, ...]:
    import av

    return tuple(channel.name for channel in av.AudioLayout(layout).channels)


def _stream(container: InputContainer, path: Path, track: AudioTrack) -> Any:
    streams = container.streams.audio
    if track.index >= len(streams) or streams[track.index].codec_context is None:
        raise FFmpegError(
            f"audio track {track.index} of {path} cannot be decoded ({track.codec or 'unknown codec'})",
            hint="Choose another track, or convert the file to one with AAC or PCM sound.",
        )
    return streams[track.index]


def extract(path: Path, track: AudioTrack, out: Path, report: Report) -> tuple[Sound, tuple[str, ...]]:
    """A track's sound as a WAV at `out`, and what `decode` had to note. Nothing decoded is lost.

    8- and 16-bit sources become PCM_16, 24-bit PCM becomes PCM_24, all else float32; RF64 beyond 4 GiB.
    `report` is called in seconds.

    Raises:
        StorageFull: it does not fit on the disk.
        ValidationError, FFmpegError: as `decode`.
    """
    found = told_wrong(path)
    if found is not None:
        seconds, layout = found.frames / track.rate, track.layout
        subtype = found.subtype
    else:
        with open_container(path) as container:
            stream = _stream(container, path, track)
            seconds = (container.duration or 0) / 1e6
            subtype = _subtype(stream)
            _, layout = speakers(_speakers_of(_layout_name(stream, track)))
    frames = seconds_to_samples(seconds, track.rate, "ceil")
    require_space(out.parent, sound_bytes(frames, track.channels, subtype), f"the sound of {path.name}")
    roomy = frames + frames // 10 + 60 * track.rate if frames else 2**40  # containers can be wrong
    notes: list[str] = []
    with SoundWriter(out, track.rate, track.channels, roomy, subtype, layout=layout) as writer:
        for block in decode(path, track, notes=notes):
            writer.write(block)
            length = writer.frames / track.rate
            report(length, max(length, seconds))
    report(length, length)
    sound = msgspec.structs.replace(open_sound(out), layout=layout)  # read back: it is what was written
    return sound, tuple(notes)


def _subtype(stream: Any) -> Subtype:
    """The smallest kind of sample that holds what this decoder gives."""
    if stream.codec_context.format.name.rstrip("p") in ("u8", "s16"):
        return "PCM_16"
    return "PCM_24" if stream.codec_context.name.startswith("pcm_s24") else "FLOAT"


def as_sound(path: Path) -> Sound | None:
    """A WAV, FLAC or AIFF as it lies there, with its fingerprint and absolute path; None for all else, also
    where its header does not tell what is in it.

    Raises:
        ValidationError: missing, a folder, empty, or a sound file that holds no sound.
    """
    import soundfile

    path = Path(path).absolute()
    check_readable(path)
    try:
        info = soundfile.info(system_name(path))
    except soundfile.LibsndfileError:
        return None
    if info.format not in _DIRECT or info.subtype not in _LOSSLESS or told_wrong(path) is not None:
        return None
    return msgspec.structs.replace(open_sound(path), fingerprint=fingerprint(path))

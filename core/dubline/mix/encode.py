"""The mix for players: an AAC file, and the picture with both languages.

Nothing here is decoded but the mix: picture and original sound are copied packet by packet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dubline.errors import DublineError, FFmpegError, InvalidJob, ValidationError
from dubline.files import aside_of, rename
from dubline.media.sound import check_readable, open_sound, read_blocks, storage_error
from dubline.mix.text_tracks import TextTrack, text_packets, text_stream
from dubline.report import Report, silent

if TYPE_CHECKING:
    from av.container import OutputContainer

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
# Subtitles that a container takes as they are.
_SUBTITLES = {
    "mp4": {"mov_text"},
    "mov": {"mov_text"},
    "matroska": {"subrip", "srt", "ass", "ssa", "webvtt", "dvdsub", "pgssub", "dvbsub"},
}
_KINDS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

# Codes of ISO 639-1 -> ISO 639-2/T, which containers write. Others are written as they are if they have
# three letters, else as "und".
_THREE = {
    **{"ar": "ara", "az": "aze", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan"},
    **{"de": "deu", "el": "ell", "en": "eng", "es": "spa", "et": "est", "fa": "fas", "fi": "fin"},
    **{"fr": "fra", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "hy": "hye", "id": "ind"},
    **{"it": "ita", "ja": "jpn", "ka": "kat", "kk": "kaz", "ko": "kor", "ku": "kur", "lt": "lit"},
    **{"lv": "lav", "mk": "mkd", "ms": "msa", "nb": "nob", "nl": "nld", "nn": "nno", "no": "nor"},
    **{"pl": "pol", "pt": "por", "ro": "ron", "ru": "rus", "sk": "slk", "sl": "slv", "sq": "sqi"},
    **{"sr": "srp", "sv": "swe", "ta": "tam", "te": "tel", "th": "tha", "tk": "tuk", "tl": "tgl"},
    **{"tr": "tur", "uk": "ukr", "ur": "urd", "uz": "uzb", "vi": "vie", "zh": "zho"},
}


def container_language(language: str) -> str:
    """ "tr-TR" -> "tur": the three letters that MP4, MOV and Matroska take; "und" where there are none."""
    base = language.replace("_", "-").split("-")[0].lower()
    if len(base) == 3 and base.isascii() and base.isalpha():
        return base
    return _THREE.get(base, "und")


def can_encode(rate: int, channels: int) -> str:
    """Why AAC cannot hold such a sound, or ""."""
    if channels not in _LAYOUTS:
        return f"AAC has no layout for {channels} channels"
    if rate not in AAC_RATES:
        return f"AAC has no rate of {rate} Hz"
    return ""


def encode_m4a(wav: Path, out: Path, *, bitrate: int, language: str = "", report: Report = silent) -> None:
    """A WAV as AAC (the "LC" profile) in an MP4 of sound alone. The encoder's delay is declared, so players
    begin at the first sample.

    `bitrate` in bits a second, for each pair of channels. `report` is called in samples.

    Raises:
        InvalidJob: a rate or a number of channels that AAC does not have.
        FFmpegError, StorageFull: encoding or writing failed; nothing is left at `out`.
    """
    import av

    sound = open_sound(wav)
    reason = can_encode(sound.rate, sound.channels)
    if reason:
        raise InvalidJob(reason, hint="Use the WAV, or convert it to 48 kHz stereo.")
    layout = _LAYOUTS[sound.channels]
    with _written(out, "mp4") as container:
        stream: Any = container.add_stream("aac", rate=sound.rate, layout=layout)
        stream.bit_rate = bitrate * sound.channels // 2
        stream.metadata["language"] = container_language(language)
        at = 0
        for block in read_blocks(wav):
            # Interleaved: PyAV's planar frames stop short of 8 channels.
            packed = np.ascontiguousarray(block.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = sound.rate, at, Fraction(1, sound.rate)
            container.mux(stream.encode(frame))
            at += block.shape[1]
            report(at, sound.frames)
        container.mux(stream.encode(None))


def mux(
    video: Path,
    original: int,
    dub: Path,
    out: Path,
    *,
    languages: tuple[str, str] = ("", ""),
    subtitles: tuple[TextTrack, ...] = (),
    report: Report = silent,
) -> tuple[str, ...]:
    """The picture with its original sound and the dub, as two tracks that name their languages.

    Picture, original, subtitles and chapters are copied as they are, times included; the timecode of the
    first picture is kept. Sample 0 of the dub sounds with the first picture. The original is the first
    audio track and the dub the second, which plays unless a viewer chooses the other: a film that is opened
    to be seen dubbed shall be heard dubbed, and whoever counts tracks finds the original where it was.

    Args:
        video: the film. `original` is the number of its audio track, from 0.
        dub: the mix as `encode_m4a` wrote it.
        out: .mp4, .m4v, .mov or .mkv.
        languages: of the original and of the dub, as "en" or "tr-TR".
        subtitles: go in as tracks after the film's own; a viewer chooses (MP4 and MOV have
            their first on).
        report: called in seconds.

    Returns:
        What of the film was left out, in words: subtitles that such a file does not take.

    Raises:
        ValidationError: no picture, or a file that cannot be read.
        InvalidJob: no such track, `out` is one of the sources, or its kind does not take what is copied.
        FFmpegError, StorageFull: reading or writing failed; nothing is left at `out`.
    """
    import av

    from dubline.media.containers import clock_zero, moving_pictures, open_container, start_timecode

    kind = _KINDS.get(out.suffix.lower())
    if kind is None:
        raise InvalidJob(f"{out.name} is not a film that can be written", hint="Use .mp4, .mov or .mkv.")
    check_readable(video)
    check_readable(dub)
    if out.exists() and any(out.samefile(source) for source in (video, dub)):
        raise InvalidJob(f"{out} is a source of this work", hint="Choose another name for the result.")
    with open_container(video) as film, open_container(dub) as voice:
        pictures = moving_pictures(film)
        if not pictures:
            raise ValidationError(f"{video} has no picture", hint="The mix itself is in final.wav.")
        if original >= len(film.streams.audio):
            raise InvalidJob(f"{video.name} has no audio track {original}", hint="Tracks are counted from 0.")
        if not voice.streams.audio:
            raise ValidationError(f"{dub} has no sound", hint="Name the mix, final.m4a.")
        zero = clock_zero(film)
        taken = [s for s in film.streams.subtitles if _codec(s) in _SUBTITLES[kind]]
        with _written(out, kind) as container:
            copied = [pictures[0], film.streams.audio[original], *taken]
            spoken = voice.streams.audio[0]
            picture, old, new = (_copied(container, s, out.suffix) for s in (*copied[:2], spoken))
            texts = [_copied(container, stream, out.suffix) for stream in taken]
            picture.codec_context.framerate = pictures[0].average_rate  # or drop-frame labels are refused
            if start_timecode(film):
                picture.metadata["timecode"] = start_timecode(film)
            _name(old, languages[0], copied[1].metadata.get("title") or "Original")
            _name(new, languages[1], "Dub")
            kinds, ours = av.stream.Disposition, {}
            for track in subtitles:
                ours[text_stream(container, kind)] = track
            for made, track in ours.items():
                _name(made, track.language, track.title)
            for made in [*ours][:1]:  # as every player shows the first one of an MP4
                made.disposition |= kinds.default
            for text, stream in zip(texts, taken, strict=True):
                text.metadata.update({k: v for k, v in stream.metadata.items() if k in ("language", "title")})
                text.disposition = stream.disposition & ~kinds.default if ours else stream.disposition
            picture.disposition |= kinds.default
            old.disposition = (old.disposition & ~kinds.default) | kinds.original
            new.disposition |= kinds.default | kinds.dub
            container.set_chapters(film.chapters())
            routes: dict[Any, tuple[Any, Fraction]] = {
                stream: (track, Fraction(0))
                for stream, track in zip(copied, (picture, old, *texts), strict=True)
            }
            routes[spoken] = (new, zero)
            seconds = (film.duration or 0) / 1e6
            written = [(made, text_packets(track, kind, zero)) for made, track in ours.items()]
            for packet in _in_order(film, copied, voice, spoken, zero, written):
                if packet.dts is not None and packet.stream is pictures[0]:
                    report(max(0.0, min(seconds, float(packet.dts * packet.time_base - zero))), seconds)
                target, shift = routes.get(packet.stream, (packet.stream, Fraction(0)))
                if shift:
                    moved = round(shift / packet.time_base)
                    packet.pts = None if packet.pts is None else packet.pts + moved
                    packet.dts = None if packet.dts is None else packet.dts + moved
                packet.stream = target
                container.mux(packet)
            report(seconds, seconds)
        left = len(film.streams.subtitles) - len(taken)
        names = ", ".join(sorted({_codec(s) for s in film.streams.subtitles if s not in taken}))
        return (f"{out.suffix} takes no {names}: {left} subtitle tracks were left out",) if left else ()


def _codec(stream: Any) -> str:
    """The name of what a track holds; "" where FFmpeg does not know it."""
    return stream.codec_context.name if stream.codec_context is not None else ""


def _name(track: Any, language: str, title: str) -> None:
    """Language and name of a track; MP4 and MOV show the handler's name as the track's."""
    track.metadata["language"] = container_language(language)
    track.metadata["title"] = track.metadata["handler_name"] = title


def _copied(container: OutputContainer, stream: Any, suffix: str) -> Any:
    """A track that takes the packets of `stream` as they are."""
    import av

    try:
        track: Any = container.add_stream_from_template(stream)
    except (ValueError, av.FFmpegError) as error:
        raise InvalidJob(
            f"{suffix} does not take {stream.codec_context.name}: {error}", hint="Write an .mkv instead."
        ) from error
    track.time_base = stream.time_base
    return track


def _in_order(
    film: Any, streams: Any, voice: Any, spoken: Any, zero: Fraction, texts: Sequence[tuple[Any, Any]]
) -> Iterator[Any]:
    """Packets of both files and of texts in the order of their times, so that the muxer holds few of them."""

    def timed(packets: Any, shift: Fraction) -> Iterator[tuple[Fraction, int, Any]]:
        last = Fraction(-(2**40))
        for number, packet in enumerate(packets):
            if packet.size and packet.dts is not None:
                last = packet.dts * packet.time_base + shift
            if packet.size:
                yield last, number, packet

    def of(stream: Any, packets: Any) -> Iterator[Any]:
        for packet in packets:
            packet.stream = stream
            yield packet

    both = merge(
        timed(film.demux(streams), Fraction(0)),
        timed(voice.demux(spoken), zero),
        *(timed(of(stream, packets), Fraction(0)) for stream, packets in texts),
        key=lambda item: item[0],
    )
    for _, _, packet in both:
        yield packet


@contextmanager
def _written(out: Path, kind: str) -> Iterator[OutputContainer]:
    """A container that takes its name when it is whole and vanishes when it is not."""
    import av

    part = aside_of(out)
    options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
    try:
        try:
            with av.open(f"file:{part.absolute()}", "w", format=kind, options=options) as container:
                yield container
            with part.open("r+b") as file:
                os.fsync(file.fileno())
            rename(part, out)
        finally:
            part.unlink(missing_ok=True)
    except DublineError:  # StorageFull is an OSError too, and already ours
        raise
    except av.FFmpegError as error:
        # What the system refused carries the system's number; FFmpeg's own errors have others.
        problem = storage_error(out, OSError(error.errno, error.strerror))
        if problem.code == "storage_full":
            raise problem from error
        raise FFmpegError(
            f"{out.name} could not be written: {error.strerror}", hint="Check the disk, or try an .mkv."
        ) from error
    except OSError as error:
        raise storage_error(out, error) from error

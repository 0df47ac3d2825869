"""What is heard where on a timeline: every clip's file looked at, and its place settled to the sample.

A clip begins on the sample nearest to its frame and lasts until the one nearest to its end, so clips that
touch have neither gap nor overlap between them and nothing drifts. Levels, pans, fades and effects do not
count: editing programs do not tell them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import msgspec

from dubline.errors import DublineError, FFmpegError, InvalidJob, ValidationError
from dubline.timebase import frames_to_samples, seconds_to_samples
from dubline.values.base import Value
from dubline.values.media import AudioTrack, Sound
from dubline.values.timeline import TimelineClip, TimelineMedia, check_range, fraction

USUAL_RATE = 48_000
"""Hertz, where clips do not agree."""
CENTRE = math.sqrt(0.5)
"""A mono clip in each side of a stereo timeline: equal power, as a pan in the middle."""

Send = tuple[int, int, float]  # channel of the file's stream, channel of the result, gain


class Piece(Value, frozen=True):
    """What one stream of a file gives to one clip.

    `track` is the stream as probed; None: the file is a sound that is read where it lies. `rate`, `channels`:
    the stream's. `start`: its sample that is heard first, may be negative. `begin`, `samples`: where on the
    result, in its samples. `place` names the clip.
    """

    path: str
    fingerprint: str
    place: str
    track: AudioTrack | None
    rate: int
    channels: int
    start: int
    begin: int
    samples: int
    sends: tuple[Send, ...]


class TimelineCut(Value, frozen=True):
    """What is heard on a timeline's range: `frames` samples at `rate` hertz in `channels` channels."""

    rate: int
    channels: int
    frames: int
    pieces: tuple[Piece, ...]


class _File(msgspec.Struct, frozen=True):
    """A file as looked at: the sound itself, or its audio streams."""

    fingerprint: str
    sound: Sound | None
    tracks: tuple[AudioTrack, ...] = ()
    default: int = 0

    def stream(self, number: int) -> tuple[int, int, AudioTrack | None] | None:
        """(rate, channels, track) of a stream, if there is one of that number."""
        if self.sound is not None:
            return (self.sound.rate, self.sound.channels, None) if number == 0 else None
        track = next((t for t in self.tracks if t.index == number), None)
        return (track.rate, track.channels, track) if track is not None else None


def cut_timeline(media: TimelineMedia) -> TimelineCut:
    """Look at every file of the range, and settle what goes where.

    The result's rate is the one that all clips have, else 48 kHz; it is mono where all clips are, else it has
    as many channels as the clip that has most. A mono clip goes to both sides of stereo 3 dB down, and to the
    centre of 5.1 and 7.1; other clips go to the first channels. Clips that are disabled do not count.

    Raises:
        InvalidJob: no clip with sound in the range, a retimed clip, an impossible range or time.
        ValidationError, FFmpegError: a file is missing or holds no such sound; the message names the clip.
    """
    check_range(media)
    heard = [
        clip
        for clip in media.clips
        if clip.enabled and clip.record < media.end and clip.record + clip.frames > media.first
    ]
    if not heard:
        raise InvalidJob(
            "no clip with sound is enabled in this range",
            hint="Choose another range, or enable the clips and tracks that are to be heard.",
        )
    files: dict[str, _File] = {}
    clips = []
    for clip in heard:
        place = media.place(clip)
        if clip.path not in files:
            files[clip.path] = _looked_at(clip.path, place)
        clips.append((clip, place, files[clip.path], _channels(clip, place, files[clip.path])))
    rates = {
        stream[0]
        for _, _, file, channels in clips
        for number, _ in channels
        if (stream := file.stream(number)) is not None
    }
    rate = rates.pop() if len(rates) == 1 else USUAL_RATE
    width = max(len(channels) for _, _, _, channels in clips)
    pieces = tuple(
        piece
        for clip, place, file, channels in clips
        for piece in _pieces(media, clip, place, file, channels, rate, width)
    )
    frames = frames_to_samples(media.end - media.first, media.fps, rate)
    return TimelineCut(rate=rate, channels=width, frames=frames, pieces=pieces)


def _looked_at(path: str, place: str) -> _File:
    from dubline.media.probing import as_sound, choose_track, probe

    if not path:
        raise ValidationError(f"{place} has no file", hint="Relink it, or disable it.")
    try:
        sound = as_sound(Path(path))
        if sound is not None:
            return _File(sound.fingerprint, sound)
        media = probe(Path(path))
        return _File(media.fingerprint, None, media.audio, choose_track(media).index)
    except DublineError as error:
        kind = FFmpegError if isinstance(error, FFmpegError) else ValidationError
        raise kind(
            f"{place}: {error.message}", hint="Relink the clip or bring its disk online, or disable it."
        ) from error


def _channels(clip: TimelineClip, place: str, file: _File) -> tuple[tuple[int, int], ...]:
    """The clip's channels, each of which the file has."""
    channels = clip.channels
    if not channels:
        stream = file.stream(file.default)
        channels = tuple((file.default, n) for n in range(stream[1] if stream else 0))
    places = []
    for first, counted in channels:
        number, channel = first, counted
        stream = file.stream(number)
        # An editing program may count a file's channels through all of its streams.
        while stream is not None and channel >= stream[1]:
            number, channel = number + 1, channel - stream[1]
            stream = file.stream(number)
        if stream is None or channel < 0:
            raise ValidationError(
                f"{place}: its file has no channel {counted + 1} in audio stream {first + 1}",
                hint="Was the file replaced? Relink the clip, or set its audio channels anew.",
            )
        places.append((number, channel))
    return tuple(places)


def _pieces(
    media: TimelineMedia,
    clip: TimelineClip,
    place: str,
    file: _File,
    channels: tuple[tuple[int, int], ...],
    rate: int,
    width: int,
) -> Iterator[Piece]:
    fps = media.fps
    start = fraction(clip.source_start, place)
    if clip.source_end:
        lasts = fraction(clip.source_end, place) - start
        if abs(lasts * fps - clip.frames) > Fraction(3, 2):
            raise InvalidJob(
                f"{place} is retimed: {float(lasts):.3f} s of its file last {clip.frames} frames",
                hint="Render the timeline's sound and work on that file, or set the clip's speed to 100 %.",
            )
    first, stop = max(clip.record, media.first), min(clip.record + clip.frames, media.end)
    begin = frames_to_samples(first - media.first, fps, rate)
    samples = frames_to_samples(stop - media.first, fps, rate) - begin
    start += (first - clip.record) / fps
    for number in sorted({stream for stream, _ in channels}):
        source = file.stream(number)
        assert source is not None
        yield Piece(
            path=clip.path,
            fingerprint=file.fingerprint,
            place=place,
            track=source[2],
            rate=source[0],
            channels=source[1],
            start=seconds_to_samples(start, source[0]),
            begin=begin,
            samples=samples,
            sends=tuple(
                (channel, out, gain)
                for place_in_clip, (stream, channel) in enumerate(channels)
                if stream == number
                for out, gain in _outputs(place_in_clip, len(channels), width)
            ),
        )


def _outputs(channel: int, count: int, width: int) -> tuple[tuple[int, float], ...]:
    """Where a channel of a clip with `count` of them is heard among `width`."""
    if count == 1 and width == 2:
        return ((0, CENTRE), (1, CENTRE))
    if count == 1 and width in (6, 8):
        return ((2, 1.0),)
    return ((channel, 1.0),)

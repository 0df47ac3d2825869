"""One clip with sound on a timeline, as the engine is told it; what cannot be is refused by name (1.8)."""

import json
import os
from fractions import Fraction
from typing import Any, Dict, List, Optional, Tuple

from dubline_resolve.clock import frame_of, rate_of
from dubline_resolve.objects import Refused, Session, ask, number

RENDER = 'Choose "render the timeline\'s sound" instead, or change the clip.'
SOUNDS = (".wav", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus")
"""Files without a picture. "Type" would tell, in the language of the interface (1.4)."""
SPEED_TOLERANCE = Fraction(3, 2)
"""Frames by which a clip's part of its file may be longer or shorter than the clip: rounding, not speed."""


class Unreadable(Refused):
    """A clip whose sound cannot be read by itself; rendering the timeline's sound gets around that."""

    def __init__(self, message: str) -> None:
        super().__init__(message, RENDER)


class Media:
    """What a clip of the media pool says of its file, read once."""

    def __init__(self, item: Any) -> None:
        # One call for all: a call with no key is no danger for anything but subtitle files (1.9).
        properties = ask(item, "GetClipProperty")
        properties = properties if isinstance(properties, dict) else {}
        self.path = str(properties.get("File Path") or "")
        # Words such as "Offline" are in the language of the interface; the file itself is looked for.
        self.online = bool(self.path) and os.path.isfile(self.path)
        self.picture = os.path.splitext(self.path)[1].lower() not in SOUNDS
        self.rate: Optional[Fraction] = None
        self.begin: Optional[Fraction] = None
        try:
            self.rate, drop = rate_of(properties.get("FPS"))
            label = str(properties.get("Start TC") or "")
            self.begin = frame_of(label, self.rate, drop or ";" in label) / self.rate
        except (ValueError, ZeroDivisionError, TypeError):
            pass


def known_media(item: Any, cache: Dict[str, Media]) -> Media:
    """What a clip of the media pool says of its file, asked once."""
    key = ask(item, "GetUniqueId")
    if key not in cache:
        cache[key] = Media(item)
    return cache[key]


def clip_of(
    session: Session, item: Any, track: int, cache: Dict[str, Media], enabled: bool = True
) -> Optional[Dict[str, Any]]:
    """A timeline item -> CLIP, a dict; None for one before the timeline's start, which is never heard (9.8).

    Refused: no media file (a nested timeline, a generator), a file that is missing, a changed speed, sound
    from another file.
    """
    name = str(ask(item, "GetName") or "")
    record = number(ask(item, "GetStart"), "where a clip begins") - session.start
    frames = number(ask(item, "GetDuration"), "how long a clip is")
    if record < 0 or frames < 1:
        return None
    place = "the clip {!r} at {} on audio track {}".format(name, session.timecode(record), track)
    pool_item = ask(item, "GetMediaPoolItem")
    if pool_item is None:
        raise Unreadable("{} has no media file".format(place))
    media = known_media(pool_item, cache)
    if not media.path:
        raise Unreadable("{} is a nested timeline, a compound or a multicam clip".format(place))
    if not media.online and enabled:
        raise Refused(
            "{} is offline: {} is missing".format(place, media.path),
            "Relink the clip or bring its disk online, or disable it.",
        )
    start, end = source_range(session, item, media, frames, place)
    return {
        "path": media.path,
        "record": record,
        "frames": frames,
        "source_start": str(start),
        "source_end": str(end),
        "channels": channels_of(item, place),
        "track": track,
        "name": name,
        "enabled": bool(enabled),
    }


def source_range(
    session: Session, item: Any, media: Media, frames: int, place: str
) -> Tuple[Fraction, Fraction]:
    """(start, end) of the part of the file that is heard, as Fractions of seconds from its first sample.

    Two sources are compared: the left offset, in frames of the timeline, and the source time, which counts
    from the file's own timecode (1.9).
    """
    rate = session.rate
    first, last = ask(item, "GetSourceStartTime"), ask(item, "GetSourceEndTime")
    offset = ask(item, "GetLeftOffset", True)
    if not isinstance(offset, (int, float)) or isinstance(offset, bool):
        raise Unreadable("DaVinci Resolve does not tell which part of its file {} plays".format(place))
    start = _on_frame(Fraction(offset).limit_denominator(1000000)) / rate
    if isinstance(first, (int, float)) and isinstance(last, (int, float)):
        lasts = Fraction(last) - Fraction(first)
        if abs(lasts * rate - frames) > SPEED_TOLERANCE:
            raise Unreadable(
                "{} does not play at its own speed: {:.3f} s of its file last {} frames".format(
                    place, float(lasts), frames
                )
            )
        if media.begin is not None and media.rate is not None:
            other = Fraction(first) - media.begin
            gap = abs(other - start) * rate
            if gap > 1 + SPEED_TOLERANCE:
                raise Unreadable("it cannot be told which part of its file {} plays".format(place))
            if Fraction(offset).denominator == 1 and Fraction(1, 100) < gap < 1 and media.picture:
                # A whole number that hides a part of a frame: the picture's own frames say which. A sound's
                # time reference need not lie on a frame, and its timecode text does.
                start = _on_frame(other * media.rate) / media.rate
    return start, start + frames / rate


def _on_frame(value: Fraction) -> Fraction:
    near = round(value)
    return Fraction(near) if abs(value - near) < Fraction(1, 200) else value


def channels_of(item: Any, place: str) -> List[List[int]]:
    """[[stream, channel], ...] of a clip, from 0; empty where Resolve does not tell: all channels then (1.8).

    Channels count through the whole file, on from stream 0: Resolve does not tell which stream holds them.
    """
    try:
        mapping = json.loads(ask(item, "GetSourceAudioChannelMapping") or "{}")
        tracks = mapping.get("track_mapping") or {}
        embedded = int(mapping.get("embedded_audio_channels") or 0)
        channels = [
            int(channel)
            for key in sorted(tracks, key=int)
            if not tracks[key].get("mute")
            for channel in tracks[key].get("channel_idx") or ()
        ]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []
    if any(channel > embedded for channel in channels):
        raise Unreadable("{} plays sound that is linked from another file".format(place))
    return [[0, channel - 1] for channel in dict.fromkeys(channels)]

"""CMX 3600 edit decision lists: the picture and two sounds, for programs that read nothing else.

The layout is that of the CMX 3600 manual as today's programs write it: an event has a number of three
digits, a reel of eight letters, a channel (V, A, A2), a cut, and four timecodes; comments after it carry what
does not fit. A list says drop frame or not in its FCM line, but never its rate.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.files import file_name
from dubline.timebase import Timecode, rate_text
from otio_dubline.exporters import Account, ExportOptions, Written
from otio_dubline.reading import called, frames_of, media_file, placed, rate_of, start_of, without_file

TITLE = "CMX 3600 edit decision list (.edl): every editing and grading program"
TARGET_FEATURES = {
    "takes": "no",
    "mono tracks": "part: two tracks",
    "stereo tracks": "part: two tracks; the width is the file's own",
    "5.1": "part: two tracks; the width is the file's own",
    "track names": "no",
    "disabled tracks": "no",
    "levels": "no",
    "markers": "no",
    "marker colours": "no",
    "subtitles": "no",
    "speaker names": "no",
}
CHANNELS = ("A", "A2")
MOST_EVENTS = 999

Event = tuple[int, str, otio.schema.Clip, int]  # first frame, channel, clip, length


def export(timeline: otio.schema.Timeline, folder: Path, options: ExportOptions) -> Written:
    """Write NAME.edl.

    Raises:
        InvalidJob: nothing to write, more events than three digits count, media on other machines.
    """
    fps = rate_of(timeline)
    start, drop = start_of(timeline, fps)
    account = Account()
    events = _events(timeline, fps, account)
    if not events:
        raise InvalidJob(
            "an edit decision list of this timeline would be empty", hint="Export to another target."
        )
    if len(events) > MOST_EVENTS:
        raise InvalidJob(
            f"the timeline has {len(events)} clips; an edit decision list has room for {MOST_EVENTS}",
            hint="Export to another target, such as fcpx, premiere or aaf.",
        )
    rows = [f"TITLE: {_line(timeline.name)}", f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}", ""]
    reels: dict[str, str] = {}
    for number, (at, channel, clip, length) in enumerate(events, 1):
        rows += _event(number, at + start, channel, clip, length, fps, drop, reels)
    name = f"{file_name(timeline.name)}.edl"
    (folder / name).write_bytes(("\r\n".join(rows) + "\r\n").encode())
    account.note(
        f"An edit decision list does not tell its rate: set the project to {rate_text(fps)} before importing."
    )
    return account.written(name)


def _events(timeline: otio.schema.Timeline, fps: Fraction, account: Account) -> list[Event]:
    for item in list(timeline.tracks):
        if not isinstance(item, otio.schema.Track):
            account.lose(f"{called(item)}, which lies among the tracks")
            timeline.tracks.remove(item)
    pictures = [t for t in timeline.tracks if t.kind == otio.schema.TrackKind.Video and t.enabled]
    heard = [t for t in timeline.tracks if t.kind == otio.schema.TrackKind.Audio and t.enabled]
    others = [t for t in timeline.tracks if t.kind not in ("Video", "Audio")]
    muted = [t for t in timeline.tracks if t.kind in ("Video", "Audio") and not t.enabled]
    for what, tracks in (
        ("video tracks beyond the first", pictures[1:]),
        ("audio tracks beyond the second", heard[len(CHANNELS) :]),
        ("disabled tracks", muted),
        ("subtitle tracks", others),
    ):
        if tracks:
            account.lose(f"{what}: {', '.join(t.name or 'unnamed' for t in tracks)}")
    markers = len(timeline.tracks.markers) + sum(
        len(item.markers) for item in timeline.find_children(descended_from_type=otio.core.Item)
    )
    if markers:
        account.lose(f"{markers} markers")
    events: list[Event] = []
    for channel, track in [("V", t) for t in pictures[:1]] + list(zip(CHANNELS, heard, strict=False)):
        for at, length, item in placed(track, fps):
            if isinstance(item, otio.schema.Gap) or not length:
                continue
            if not isinstance(item, otio.schema.Clip):
                account.lose("nested sequences")
                continue
            if not item.enabled:
                account.lose("disabled clips")
                continue
            if not isinstance(item.media_reference, otio.schema.ExternalReference):
                account.lose(f"{called(item)}: {without_file(item.media_reference)}")
                continue
            if item.effects:
                account.lose("effects and speed changes")
            events.append((at, channel, item, length))
        if any(isinstance(item, otio.schema.Transition) for item in track):
            account.lose("transitions: they are cuts")
    return sorted(events, key=lambda e: (e[0], ("V", *CHANNELS).index(e[1])))


def _event(
    number: int,
    at: int,
    channel: str,
    clip: otio.schema.Clip,
    length: int,
    fps: Fraction,
    drop: bool,
    reels: dict[str, str],
) -> list[str]:
    path = media_file(clip.media_reference.target_url, Path())
    begin = frames_of(clip.trimmed_range().start_time, fps)
    clock = [Timecode(frame, fps, drop) for frame in (begin, begin + length, at, at + length)]
    reel = _reel(path, reels)
    return [
        f"{number:03d}  {reel:<8} {channel:<4}  C        {' '.join(map(str, clock))}",
        f"* FROM CLIP NAME: {_line(path.name)}",
        f"* SOURCE FILE: {_line(path.name)}",
        "",
    ]


def _reel(path: Path, reels: dict[str, str]) -> str:
    """Up to eight capitals and digits for a file, each file its own: EPISODE1, EPISOD-2."""
    key = str(path)
    if key not in reels:
        plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode().upper()
        stem = re.sub("[^A-Z0-9]", "", plain)[:8] or "REEL"
        number, reel = 1, stem
        while reel in reels.values():
            number += 1
            reel = f"{stem[: 8 - len(str(number))]}{number}"
        reels[key] = reel
    return reels[key]


def _line(text: str) -> str:
    return " ".join(text.split())

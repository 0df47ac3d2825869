"""Timelines that somebody else made: read without loss, and refused with a reason where they are unsafe.

    timeline = read_timeline(Path("edit.otio"))      # as OpenTimelineIO reads it, after the checks
    path = media_file(reference.target_url)          # a file of this machine, or a refusal

The library's own reader trusts what it reads, so the JSON is looked through first (`otio_dubline.structure`),
and a file is read in a process of its own (`otio_dubline.apart`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import opentimelineio as otio

from dubline.errors import InvalidJob
from dubline.timebase import frame_rate, may_drop, whole
from otio_dubline.structure import HINT, checked

LARGEST_FILE = 256 * 2**20
"""Bytes. Three hours with 6,000 segments in six languages are a tenth of this."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_STRINGS_OR_NONE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|nan|Infinity|Inf|inf)\b', re.DOTALL)
PICTURES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"))
"""The names of files that hold one picture end with these."""
SLOWEST, FASTEST = 6, 1000
"""Frames a second: a timeline's start with a lower rate counts seconds; any higher rate is one of sound."""


def read_timeline(path: Path) -> otio.schema.Timeline:
    """A timeline from an .otio file, read in a process of its own (see `otio_dubline.apart`).

    Raises:
        InvalidJob: the file cannot be read or is refused; see `parse_timeline`.
    """
    from otio_dubline.apart import read_apart

    return read_apart(path)


def parse_file(path: Path) -> otio.schema.Timeline:
    """A timeline from an .otio file, read here: a damaged one may end the process.

    Raises:
        InvalidJob: the file cannot be read or is refused; see `parse_timeline`.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InvalidJob(f"{path} is not a file", hint="Give an .otio file.")
        if size > LARGEST_FILE:
            raise InvalidJob(
                f"{path.name} has {size / 2**20:.0f} MB; a timeline may have {LARGEST_FILE // 2**20}",
                hint="Export a shorter timeline from the program that wrote it.",
            )
        data = path.read_bytes()
    except OSError as error:
        raise InvalidJob(f"{path} cannot be read: {error.strerror}", hint="Check the path.") from None
    return parse_timeline(data, path.name)


def parse_timeline(data: bytes, where: str = "timeline") -> otio.schema.Timeline:
    """OTIO JSON -> timeline. What was dropped or read as something older stands in its notes (`note_on`).

    Raises:
        InvalidJob: not JSON; nested too deep; a field that holds what it cannot; a time that is none; a
            negative duration; no timeline; an object of a kind that plain OpenTimelineIO cannot put on a
            track, or that holds itself.
    """
    try:
        data = data.removeprefix(b"\xef\xbb\xbf")
        try:
            raw, dropped = msgspec.json.decode(data), 0
        except msgspec.DecodeError:
            data, dropped = _without_no_numbers(data)
            if not dropped:
                raise
            raw = msgspec.json.decode(data)
        cleaned, notes = checked(raw, where)
    except RecursionError:
        raise InvalidJob(f"{where} is nested too deep to be a timeline", hint=HINT) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJob(f"{where} is not JSON: {error}", hint=HINT) from None
    try:
        timeline = otio.adapters.read_from_string(msgspec.json.encode(cleaned).decode(), "otio_json")
    except (otio.exceptions.OTIOError, ValueError, TypeError, KeyError, msgspec.MsgspecError) as error:
        raise InvalidJob(f"{where} is not a timeline that OTIO reads: {error}", hint=HINT) from None
    if not isinstance(timeline, otio.schema.Timeline):
        raise InvalidJob(f"{where} is not a timeline", hint=HINT)
    if dropped:
        notes = (f"Numbers that are none (NaN or infinite) were left out: {dropped}.", *notes)
    for note in notes:
        note_on(timeline, note)
    return timeline


def _without_no_numbers(data: bytes) -> tuple[bytes, int]:
    """JSON in which NaN and the infinities, which only some programs read and write, are null; how many."""
    count = 0

    def kept(match: re.Match[bytes]) -> bytes:
        nonlocal count
        if match[0].startswith(b'"'):
            return match[0]
        count += 1
        return b"null"

    return _STRINGS_OR_NONE.sub(kept, data), count


# --- media -------------------------------------------------------------------------------------


def media_file(url: str, beside: Path | None = None) -> Path:
    """Where a media reference's file lies: a `file://` URL, or a bare path as DaVinci Resolve writes it.

    A relative one is looked for in the folder `beside` (the timeline's own) and may not leave it.

    Raises:
        InvalidJob: another scheme or machine, an empty or impossible name, a relative path without a folder
            or out of it. Nothing is fetched, ever.
    """
    hint = "Relink the clip to a file of this machine in the program that wrote the timeline."
    if not url or "\0" in url:
        raise InvalidJob(f"a clip's media has no usable path: {url!r}", hint=hint)
    if _DRIVE.match(url):
        return Path(url)
    parts = urlsplit(url)
    if parts.scheme and parts.scheme != "file":
        raise InvalidJob(f"{url} is not a file of this machine", hint=f"Nothing is fetched. {hint}")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise InvalidJob(f"{url} lies on another machine", hint=hint)
        text = unquote(parts.path, errors="surrogateescape")
        if "\0" in text:
            raise InvalidJob(f"a clip's media has no usable path: {url!r}", hint=hint)
        return Path(text[1:] if _DRIVE.match(text[1:]) else text)
    path = Path(url)
    if path.is_absolute():
        return path
    name = PurePosixPath(unquote(url))
    if beside is None or ".." in name.parts or name.is_absolute():
        raise InvalidJob(f"{url} leads out of the timeline's folder", hint=hint)
    return beside / name


def external_references(timeline: otio.schema.Timeline) -> Iterator[otio.schema.ExternalReference]:
    """The external reference that each clip shows."""
    for clip in timeline.find_clips():
        if isinstance(clip.media_reference, otio.schema.ExternalReference):
            yield clip.media_reference


def require_media(timeline: otio.schema.Timeline, beside: Path | None = None) -> None:
    """Make the references that clips show absolute `file://` URLs of files that are there. The others, such
    as proxies, stay where their file is there too, else they go, and a note on the timeline tells it.

    Raises:
        InvalidJob: as `media_file`; or files are missing, and the first of them are named.
    """
    missing: dict[str, None] = {}
    for reference in external_references(timeline):
        path = media_file(reference.target_url, beside)
        if not path.is_file():
            missing[str(path)] = None
            continue
        reference.target_url = path.absolute().as_uri()
    if missing:
        names = ", ".join(list(missing)[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise InvalidJob(
            f"media of this timeline are missing: {names}",
            hint="Put them back in their place. What a run made is made again by its command.",
        )
    gone: dict[str, None] = {}
    for clip in timeline.find_clips():
        references, active = clip.media_references(), clip.active_media_reference_key
        absent = []
        for key, reference in references.items():
            if key == active or not isinstance(reference, otio.schema.ExternalReference):
                continue
            try:
                path = media_file(reference.target_url, beside)
            except InvalidJob:
                path = None
            if path is not None and path.is_file():
                reference.target_url = path.absolute().as_uri()
            else:
                gone[f"{called(clip)}: {key!r} ({reference.target_url})"] = None
                absent.append(key)
        if absent:  # copies, because the clip drops those that it holds
            kept = {key: value.deepcopy() for key, value in references.items() if key not in absent}
            clip.set_media_references(kept, active)
    for text in gone:
        note_on(timeline, f"Other media of a clip are not there and are left out: {text}.")


def note_on(timeline: otio.schema.Timeline, text: str) -> None:
    """Keep a sentence with a timeline, for whoever exports it."""
    facts = facts_of(timeline)
    notes = facts.get("notes")
    kept = [str(note) for note in notes] if hasattr(notes, "__iter__") and not isinstance(notes, str) else []
    if text not in kept:
        timeline.metadata["dubline"] = facts | {"notes": [*kept, text]}


# --- what every target asks of a timeline --------------------------------------------------------


def rate_of(timeline: otio.schema.Timeline) -> Fraction:
    """The timeline's exact rate: what a run noted, else that of its start, else of the picture's media, else
    of most of its clips; 25 where nothing tells one (`rate_is_told`).

    Raises:
        InvalidJob: the rate that a run noted is none.
    """
    rate = facts_of(timeline).get("rate")
    if isinstance(rate, str):
        return frame_rate(rate)
    return _told_rate(timeline) or Fraction(25)


def rate_is_told(timeline: otio.schema.Timeline) -> bool:
    """Whether anything on a timeline tells its rate."""
    return isinstance(facts_of(timeline).get("rate"), str) or _told_rate(timeline) is not None


def _told_rate(timeline: otio.schema.Timeline) -> Fraction | None:
    begin = timeline.global_start_time
    if begin is not None and (rate := _rate_of_frames(begin.rate)) is not None and rate >= SLOWEST:
        return rate
    kinds: tuple[dict[Fraction, float], ...] = ({}, {}, {}, {})  # in the order in which they count
    for clip in timeline.find_clips():
        media, own = clip.media_reference, clip.source_range
        picture = getattr(clip.parent(), "kind", "") == otio.schema.TrackKind.Video and not is_still(media)
        known = getattr(media, "available_range", None)
        for votes, span in zip(kinds, (known, own, own, known), strict=True):
            counts = picture or votes is kinds[2] or votes is kinds[3]
            if span is not None and counts and (rate := _rate_of_frames(span.duration.rate)) is not None:
                shown = (own or span).duration
                votes[rate] = votes.get(rate, 0.0) + shown.value / shown.rate
    for votes in kinds:
        if votes:
            return max(votes, key=lambda rate: (votes[rate], rate))
    return None


def _rate_of_frames(rate: float) -> Fraction | None:
    """A rate of frames; None of samples, and where it is none."""
    try:
        return frame_rate(rate) if rate <= FASTEST else None
    except InvalidJob:
        return None


def start_of(timeline: otio.schema.Timeline, fps: Fraction) -> tuple[int, bool]:
    """(number of the timeline's first frame, whether its labels drop numbers).

    Without Dubline's word for it labels drop none, because OTIO does not say.
    """
    begin = timeline.global_start_time
    drops = facts_of(timeline).get("drop_frame") is True and may_drop(fps)
    return (0 if begin is None else frames_of(begin, fps)), drops


def frames_of(time: otio.opentime.RationalTime, fps: Fraction) -> int:
    """A time as OTIO has it -> the nearest whole frame at `fps`."""
    return whole(Fraction(time.value) * fps / exact_rate(time.rate))


@lru_cache(maxsize=64)
def exact_rate(rate: float) -> Fraction:
    """What a rate stands for: of frames, or above 1000 of samples.

    Remembered, since looking it up for every cue would take most of an export.
    """
    return frame_rate(rate) if rate <= 1000 else Fraction(rate)


def placed(track: otio.schema.Track, fps: Fraction) -> Iterator[tuple[int, int, otio.core.Item]]:
    """(first frame on the track, length, item) of what lies on a track, gaps and nested pieces too.

    Transitions take no time of their own. Positions are rounded, not lengths, so that nothing drifts.
    """
    at = Fraction(0)
    for item in track:
        if isinstance(item, otio.schema.Transition):
            continue
        start, length = whole(at), item.duration()
        at += Fraction(length.value) * fps / exact_rate(length.rate)
        yield start, whole(at) - start, item


def is_still(media: Any) -> bool:
    """Whether a reference is to one picture, which is shown as long as its clip lasts."""
    if not isinstance(media, otio.schema.ExternalReference):
        return False
    return PurePosixPath(media.target_url.rpartition("/")[2]).suffix.lower() in PICTURES


def without_file(media: Any) -> str:
    """Why a clip cannot be carried over where a media file is wanted: what it shows instead of one."""
    if isinstance(media, otio.schema.ImageSequenceReference):
        name, digits = media.name_prefix, media.frame_zero_padding
        first = f"{name}{media.start_frame:0{max(min(digits, 20), 1)}d}{media.name_suffix}"
        return f"it is an image sequence ({first} and on): make a video file of it, or put it in by hand"
    if isinstance(media, otio.schema.GeneratorReference):
        return f"it is made by the program itself ({media.generator_kind or media.name or 'a generator'})"
    return "it names no media file"


def called(item: Any) -> str:
    """What a sentence calls something on a timeline: "clip 'a'"."""
    name = str(getattr(item, "name", "") or "")
    return f"{type(item).__name__.lower()} {name!r}" if name else f"a {type(item).__name__.lower()}"


def exact_start(clip: otio.schema.Clip, at: int, fps: Fraction) -> Fraction | None:
    """Where a take begins, in seconds from the timeline's first frame: between two frames, mostly.

    `at` is the frame at which its clip lies. None where nobody told, where it was told for a copy that begins
    with the frame, or where the clip lies elsewhere than on the frame nearest to that.
    """
    facts = facts_of(clip)
    sample, rate = facts.get("sample_start"), facts.get("sample_rate")
    samples, number = facts.get("samples"), facts.get("id")
    if not all(type(value) is int for value in (sample, rate, samples, number)) or "silence_before" in facts:
        return None
    assert isinstance(sample, int) and isinstance(rate, int) and isinstance(samples, int)
    if not (0 <= sample < 2**53 and 0 < rate < 2**31 and 0 < samples < 2**53):
        return None
    begin = Fraction(sample, rate)
    return begin if whole(begin * fps) == at else None


def facts_of(thing: Any) -> dict[str, Any]:
    """What Dubline noted about something on a timeline; {} where it is somebody else's."""
    return mapping_of(thing.metadata.get("dubline"))


def mapping_of(value: Any) -> dict[str, Any]:
    """A dictionary of metadata; {} of anything else."""
    return dict(value) if hasattr(value, "keys") else {}

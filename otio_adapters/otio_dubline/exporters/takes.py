"""Takes for programs that know whole frames only: copies that begin and end with a frame.

A line is spoken where it has to be, mostly between two frames. Its copy has as much silence before it as
brings it to its exact sample when the copy begins with the frame, and silence after it to the end of its last
frame, so that nothing is moved, nothing is cut, and no clip runs past its file.
"""

from __future__ import annotations

import errno
import hashlib
import os
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from dubline.files import aside_of, file_name, rename
from dubline.timebase import frames_to_samples, samples_to_frames, whole
from otio_dubline.build import file_url, frames_range, pad
from otio_dubline.exporters.media_files import sound_head
from otio_dubline.reading import exact_start, facts_of, frames_of, media_file, placed, rate_of

FOLDER = "takes"
LONGEST_TEXT = 30
"""Characters of a line's text in its file's name."""
_BLOCK = 1 << 16

Span = tuple[int, int, otio.schema.Clip, int]  # first frame, behind the last, clip, samples of silence before


def on_whole_frames(timeline: otio.schema.Timeline, folder: Path) -> otio.schema.Timeline:
    """A copy of the timeline in which every take lies on whole frames; the files are made in `folder`.

    A copy that is there already is used again. A take that somebody moved or cut, and one whose file cannot
    be read, stays as it is. The same timeline comes back where there are no takes.

    Raises:
        OSError: a file cannot be written; what has its name is whole.
    """
    if not any(is_takes(track) for track in timeline.tracks):
        return timeline
    made = timeline.deepcopy()
    fps = rate_of(made)
    for track in made.tracks:
        if is_takes(track) and track.source_range is None:
            _retake(track, fps, folder)
    return made


def is_takes(track: otio.core.Composable) -> bool:
    """Whether a track holds the takes of a speaker."""
    return isinstance(track, otio.schema.Track) and facts_of(track).get("role") == "takes"


def padded(path: Path, target: Path, before: int = 0, samples: int = 0) -> None:
    """A copy with `before` samples of silence before it, and as much after it as makes `samples` in all.

    With neither it is the sound as it is, without any chunk besides. Memory does not grow with length.
    """
    import soundfile

    aside = aside_of(target)
    try:
        with soundfile.SoundFile(str(path)) as source:
            # 32-bit integers hold every PCM format exactly, doubles every float format.
            kind = "float64" if source.subtype in ("FLOAT", "DOUBLE") else "int32"
            whole = samples or before + source.frames
            with soundfile.SoundFile(
                str(aside), "w", source.samplerate, source.channels, source.subtype, format=source.format
            ) as copy:
                left = whole - before
                _silence(copy, before, kind)
                while left > 0 and len(block := source.read(min(_BLOCK, left), dtype=kind, always_2d=True)):
                    copy.write(block)
                    left -= len(block)
                _silence(copy, left, kind)
        if soundfile.info(str(aside)).frames != whole:  # its header is written last, and nothing complains
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        rename(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def _silence(file: object, samples: int, kind: str) -> None:
    import numpy as np

    while samples > 0:
        block = min(_BLOCK, samples)
        file.write(np.zeros((block, file.channels), kind))  # type: ignore[attr-defined]
        samples -= block


def _retake(track: otio.schema.Track, fps: Fraction, folder: Path) -> None:
    """Put the takes of a track on their exact places, by copies."""
    items = list(placed(track, fps))
    if not all(isinstance(item, (otio.schema.Clip, otio.schema.Gap)) for _, _, item in items):
        return
    if len(items) < len(track):  # there are transitions
        return
    length = sum(frames for _, frames, _ in items)
    clips = [(at, frames, item) for at, frames, item in items if isinstance(item, otio.schema.Clip)]
    begins = [at for at, _, _ in clips][1:] + [length][: len(clips)]
    spans: list[Span] = []
    for (at, frames, clip), following in zip(clips, begins, strict=True):
        before = spans[-1][1] if spans else 0
        spans.append(_span(clip, at, frames, fps, before, following))
    language = str(facts_of(track).get("language") or "und")
    del track[:]
    at, rate = 0, float(fps)
    for start, end, clip, silence in spans:
        pad(track, at, start, rate)
        if silence >= 0:
            _point(clip, language, end - start, silence, fps, folder)
        track.append(clip)
        at = end
    pad(track, at, length, rate)


def _span(clip: otio.schema.Clip, at: int, frames: int, fps: Fraction, before: int, following: int) -> Span:
    """The frames in which a take sounds, and the silence before it; as it is, with -1, where it must stay."""
    as_it_is = (max(at, before), max(at, before) + frames, clip, -1)
    begin = exact_start(clip, at, fps)
    if begin is None or frames_of(clip.trimmed_range().start_time, fps):
        return as_it_is
    facts = facts_of(clip)
    rate, sample, samples = int(facts["sample_rate"]), int(facts["sample_start"]), int(facts["samples"])
    start = samples_to_frames(sample, rate, fps, "floor")
    end = samples_to_frames(sample + samples, rate, fps, "ceil")
    if frames < samples_to_frames(samples, rate, fps, "ceil"):  # it runs past the programme's end
        end = min(end, at + frames)
    path = media_file(clip.media_reference.target_url)
    end = max(end, start + 1)
    head = sound_head(path)
    if start < before or end > following or head is None or head.samplerate != rate:
        return as_it_is
    return start, end, clip, sample - frames_to_samples(start, fps, rate)


def _point(
    clip: otio.schema.Clip, language: str, frames: int, silence: int, fps: Fraction, folder: Path
) -> None:
    """Make the copy, and let the clip show all of it."""
    facts = facts_of(clip)
    rate = int(facts["sample_rate"])
    samples = whole(frames / fps * rate, "ceil")
    path = media_file(clip.media_reference.target_url)
    about = path.stat()
    mark = f"{path} {about.st_size} {about.st_mtime_ns} {silence} {samples}"
    digest = hashlib.sha256(mark.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    text = file_name(" ".join(str(facts.get("text") or "").split())[:LONGEST_TEXT], "")
    name = " ".join(filter(None, (file_name(language), f"{int(facts['id']):05d}", text, digest)))
    target = folder / f"{name}{path.suffix}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        padded(path, target, silence, samples)
    known = dict(facts_of(clip.media_reference)) | {"samples": samples}
    clip.source_range = frames_range(0, frames, float(fps))
    clip.media_reference = otio.schema.ExternalReference(
        target_url=file_url(str(target)), available_range=clip.source_range, metadata={"dubline": known}
    )
    clip.metadata["dubline"] = facts | {"silence_before": silence}

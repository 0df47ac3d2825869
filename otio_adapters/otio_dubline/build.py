"""The neutral timeline of a programme, made of what plain OpenTimelineIO knows.

    timeline = build(read_programme(Path("EPISODE.dubline")))

    V1                the picture, if there is one
    A1 original       the sound as it came; disabled where there are stems or a dub
    A2 ... vocals, music, sfx, ambient            a track for each; disabled where there is a dub
    ... dub LANGUAGE, M&E                         the mix of each dub, heard; music and effects, not heard
    ... takes LANGUAGE SPEAKER                    a clip for each spoken line; disabled
    S1 ...            `Track(kind="Subtitle")`, one for each speaker and language: a clip's name is its text

All ranges are in whole frames at the picture's exact rate. Every track is as long as the timeline. What only
Dubline knows stands in `metadata["dubline"]`; another reader loses nothing that it could show.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from dubline.programme.frames import Placed, cue_layers, sound_frames
from dubline.timebase import samples_to_frames, seconds_to_frames
from dubline.values.programme import Mark, Programme, SoundTrack, SubtitleTrack, TakeClip, TakeTrack

NAMESPACE = "dubline"
SUBTITLE = "Subtitle"
COLOURS = {
    "too_long": otio.schema.MarkerColor.RED,
    "failed": otio.schema.MarkerColor.MAGENTA,
    "pending": otio.schema.MarkerColor.CYAN,
    "low_confidence": otio.schema.MarkerColor.YELLOW,
    "doubtful": otio.schema.MarkerColor.PINK,
    "take_too_long": otio.schema.MarkerColor.ORANGE,
    "take_failed": otio.schema.MarkerColor.PURPLE,
}
LONGEST_NAME = 60
"""Characters of a take's name, which is its line's number and text."""


def build(programme: Programme) -> otio.schema.Timeline:
    """Programme -> timeline. Its length is the longest of picture, sounds (to the last whole frame) and cues;
    of takes alone, the last one's end.

    A sound's clip ends with the last whole frame that its file fills, so that no clip runs past its media by
    as much as a sample. Cues lie on the nearest frames, at least one frame long; what overlaps within one
    speaker gets a second track. A take begins on the nearest frame and has all of its last frame, which its
    file need not fill; its exact place stands in the metadata, and what of it runs past the timeline's end is
    left out. The picture's frames count on from its timecode, past midnight too: labels wrap there, frame
    numbers do not.
    """
    fps = programme.fps
    rate = float(fps)
    lengths = [sound_frames(sound.frames, sound.rate, fps) for sound in programme.sounds]
    layers = [
        (track, cues) for track in programme.subtitles for cues in enumerate(cue_layers(track.cues, fps), 1)
    ]
    ends = [cues[-1][1] for _, (_, cues) in layers]
    length = max([programme.frames, *lengths, *ends], default=0)
    takes = [(track, layer) for track in programme.takes for layer in enumerate(take_layers(track, fps), 1)]
    length = length or max([clips[-1][1] for _, (_, clips) in takes], default=0)
    timeline = otio.schema.Timeline(
        name=programme.name, global_start_time=otio.opentime.RationalTime(programme.start, rate)
    )
    timeline.metadata[NAMESPACE] = {
        "rate": programme.rate,
        "drop_frame": programme.drop,
        "start_timecode": str(programme.timecode),
        "frames": length,
        "run": programme.root,
        "notes": list(programme.notes),
    }
    if programme.picture is not None:
        timeline.tracks.append(_picture(programme, length, rate))
    for sound, frames in zip(programme.sounds, lengths, strict=True):
        timeline.tracks.append(_sound(sound, frames, length, rate))
    for spoken, (number, clips) in takes:
        if clips[0][0] < length:
            timeline.tracks.append(_takes(spoken, clips, number, length, rate))
    for track, (number, cues) in layers:
        timeline.tracks.append(_subtitles(track, cues, number, length, rate))
    for mark in programme.marks:
        timeline.tracks.markers.append(_marker(mark, fps, length))
    return timeline


def file_url(path: str) -> str:
    """An absolute path as a `file://` URL."""
    return Path(path).absolute().as_uri()


def frames_range(start: int, length: int, rate: float) -> otio.opentime.TimeRange:
    """Whole frames as OTIO counts them."""
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(length, rate)
    )


def _clip(path: str, span: otio.opentime.TimeRange, facts: dict[str, object]) -> otio.schema.Clip:
    """A clip that shows all of a file, of which `facts` are known."""
    reference = otio.schema.ExternalReference(
        target_url=file_url(path), available_range=span, metadata={NAMESPACE: facts}
    )
    return otio.schema.Clip(name=Path(path).name, media_reference=reference, source_range=span)


def _picture(programme: Programme, length: int, rate: float) -> otio.schema.Track:
    assert programme.picture is not None
    video = programme.picture.video
    assert video is not None
    facts = {
        "width": video.width,
        "height": video.height,
        "pixel_aspect": video.pixel_aspect,
        "codec": video.codec,
        "variable_rate": video.variable,
        "audio": [{"channels": a.channels, "rate": a.rate} for a in programme.picture.audio],
    }
    track = otio.schema.Track(
        name="picture", kind=otio.schema.TrackKind.Video, metadata={NAMESPACE: {"role": "picture"}}
    )
    # The media's own timecode: its first frame is the timeline's first frame.
    span = frames_range(programme.start, programme.frames, rate)
    track.append(_clip(programme.picture.path, span, facts))
    pad(track, programme.frames, length, rate)
    return track


def _sound(sound: SoundTrack, frames: int, length: int, rate: float) -> otio.schema.Track:
    facts = {
        "role": sound.role,
        "sample_rate": sound.rate,
        "channels": sound.channels,
        "layout": sound.layout,
        "samples": sound.frames,
        "level_db": sound.level_db,
        "language": sound.language,
    }
    track = otio.schema.Track(name=sound.name, kind=otio.schema.TrackKind.Audio, metadata={NAMESPACE: facts})
    track.enabled = sound.enabled
    if frames:
        track.append(_clip(sound.path, frames_range(0, frames, rate), facts))
    pad(track, frames, length, rate)
    return track


def pad(track: otio.schema.Track, at: int, end: int, rate: float) -> None:
    """Append a gap from frame `at` to `end`, if there is anything between."""
    if at < end:
        track.append(otio.schema.Gap(source_range=frames_range(0, end - at, rate)))


Laid = tuple[int, int, TakeClip]


def take_layers(track: TakeTrack, fps: Fraction) -> list[list[Laid]]:
    """The takes of a speaker on frames, (first, behind the last, take), in as few tracks as hold them.

    They never run into each other, but their frames may: one that begins in the frame in which the last one
    ends goes on a second track, so that nothing of either is cut, whether it lies on the nearest frame or in
    all the frames in which it sounds.
    """
    layers: list[list[Laid]] = []
    ends: list[int] = []
    for take in track.clips:
        start = samples_to_frames(take.start, take.rate, fps)
        end = start + max(samples_to_frames(take.frames, take.rate, fps, "ceil"), 1)
        first = samples_to_frames(take.start, take.rate, fps, "floor")
        last = samples_to_frames(take.start + take.frames, take.rate, fps, "ceil")
        place = next((n for n, before in enumerate(ends) if before <= first), len(layers))
        if place == len(layers):
            layers.append([])
            ends.append(0)
        layers[place].append((start, end, take))
        ends[place] = max(end, last)
    return layers


def _takes(track: TakeTrack, clips: list[Laid], number: int, length: int, rate: float) -> otio.schema.Track:
    name = track.name if number == 1 else f"{track.name} ({number})"
    made = otio.schema.Track(name=name, kind=otio.schema.TrackKind.Audio)
    made.enabled = track.enabled
    made.metadata[NAMESPACE] = {
        "role": "takes",
        "language": track.language,
        "speaker": track.speaker,
        "speaker_name": track.speaker_name,
        "channels": 1,
    }
    at = 0
    for start, end, take in clips:
        if start >= length:
            break
        pad(made, at, start, rate)
        facts = {"role": "takes", "sample_rate": take.rate, "channels": 1, "samples": take.frames}
        clip = _clip(take.path, frames_range(0, end - start, rate), facts)
        clip.name = f"{take.id} {' '.join(take.text.split())}"[:LONGEST_NAME].strip()
        clip.source_range = frames_range(0, min(end, length) - start, rate)
        clip.metadata[NAMESPACE] = {
            "id": take.id,
            "speaker": track.speaker,
            "text": take.text,
            "state": take.state,
            "level_db": take.gain_db,
            "sample_start": take.start,
            "sample_rate": take.rate,
            "samples": take.frames,
        }
        made.append(clip)
        at = min(end, length)
    pad(made, at, length, rate)
    return made


def _subtitles(
    track: SubtitleTrack, cues: list[Placed], number: int, length: int, rate: float
) -> otio.schema.Track:
    made = otio.schema.Track(name=track.name if number == 1 else f"{track.name} ({number})", kind=SUBTITLE)
    made.metadata[NAMESPACE] = {
        "role": "subtitles",
        "language": track.language,
        "speaker": track.speaker,
        "speaker_name": track.speaker_name,
    }
    at = 0
    for start, end, cue in cues:
        pad(made, at, start, rate)
        clip = otio.schema.Clip(name=cue.text, source_range=frames_range(0, end - start, rate))
        clip.metadata[NAMESPACE] = {
            "id": cue.id,
            "speaker": cue.speaker,
            "text": cue.text,
            "source_text": cue.source_text,
            "start": cue.start,
            "end": cue.end,
        }
        made.append(clip)
        at = end
    pad(made, at, length, rate)
    return made


def _marker(mark: Mark, fps: Fraction, length: int) -> otio.schema.Marker:
    start = min(seconds_to_frames(mark.start, fps), max(length - 1, 0))
    end = max(min(seconds_to_frames(mark.end, fps), length), start + 1)
    marker = otio.schema.Marker(
        name=f"{mark.kind.replace('_', ' ')} {mark.id}",
        marked_range=frames_range(start, end - start, float(fps)),
        color=COLOURS[mark.kind],
        comment=mark.text,
    )
    marker.metadata[NAMESPACE] = {"id": mark.id, "kind": mark.kind, "key": f"dubline:{mark.id}:{mark.kind}"}
    return marker

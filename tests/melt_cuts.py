"""A timeline that no programme makes: cuts, gaps, media with a timecode, ranges counted in samples.

    timeline, mix = cut_sounds(folder, Fraction(25))

`mix` is what its enabled tracks sum to, float64 (2, samples), worked out from the files alone.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import soundfile as sf

from dubline.timebase import frames_to_samples

RATE = 48000
LENGTH = 131
HOUR = 3600
Cut = tuple[int, int, int]
CUTS: dict[str, tuple[Cut, ...]] = {
    "dialogue": ((0, 0, 20), (20, 60, 27), (60, 3, 31), (95, 95, 36)),
    "room & <tone>": ((7, 0, 33), (61, 54, 70)),
    "muted": ((0, 0, 131),),
}
"""First frame on the timeline, first frame of the file, frames. Each file is entered at its beginning:
where MLT enters it elsewhere it is not exact."""


def cut_sounds(folder: Path, fps: Fraction) -> tuple[otio.schema.Timeline, np.ndarray]:
    """The timeline, of which the second track is mono and counted in samples, and the sound it makes.

    At 29.97, where a frame has 1601.6 samples, cuts lie on multiples of five frames: between them MLT has an
    order of its own of 1601 and 1602.
    """
    grid = 5 if fps == Fraction(30000, 1001) else 1
    long = LENGTH // grid * grid
    timeline = otio.schema.Timeline(name="kesilmiş & <cut>")
    timeline.global_start_time = otio.opentime.RationalTime(86400, float(fps))
    mix = np.zeros((2, frames_to_samples(long, fps, RATE)))
    chance = np.random.default_rng(5)
    for place, (name, cuts) in enumerate(CUTS.items()):
        sound = chance.uniform(-0.2, 0.2, (mix.shape[1], 1 if place == 1 else 2))
        path = folder / f"{name.replace('<', '').replace('>', '')} ş.wav"
        sf.write(path, sound, RATE, subtype="PCM_24")
        heard = sf.read(path, always_2d=True)[0].T
        track = otio.schema.Track(name=name, kind="Audio")
        track.enabled = name != "muted"
        counted = Fraction(RATE) if place == 1 else fps
        origin = HOUR * counted if place == 0 else Fraction(0)
        at = 0
        for cut in cuts:
            start, first, frames = (number // grid * grid for number in cut)
            if at < start:
                track.append(otio.schema.Gap(source_range=_range(Fraction(0), start - at, fps, counted)))
            media = otio.schema.ExternalReference(
                target_url=path.as_uri(), available_range=_range(origin, long, fps, counted)
            )
            where = _range(origin + first * counted / fps, frames, fps, counted)
            track.append(otio.schema.Clip(name=f"{name} {start}", media_reference=media, source_range=where))
            at = start + frames
            if track.enabled:
                begin, end = frames_to_samples(start, fps, RATE), frames_to_samples(at, fps, RATE)
                inside = frames_to_samples(first, fps, RATE)
                mix[:, begin:end] += heard[:, inside : inside + end - begin]
        timeline.tracks.append(track)
    return timeline, mix


def _range(start: Fraction, frames: int, fps: Fraction, counted: Fraction) -> otio.opentime.TimeRange:
    rate = float(counted)
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(float(start), rate),
        otio.opentime.RationalTime(float(frames * counted / fps), rate),
    )

"""One line over its background, as it would be in the mix, without mixing the rest."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.mix.job import MixJob
from dubline.mix.levels import Placed, Voices, place
from dubline.mix.render import LARGEST_MATCH, Renderer, dialogue_levels, stem_blocks, stem_paths, write_mix
from dubline.mix.room import Room, find_room
from dubline.report import Report, silent
from dubline.signal.true_peak import HEADROOM
from dubline.values.dubbed import LoudnessReport, Takes
from dubline.values.layout import Layout
from dubline.values.media import Sound
from dubline.values.stems import Stems

_LASTING = 6  # seconds, longer than any reverb or ducking
_LISTENED = 600.0  # seconds around a line in which its room is looked for


def audition(
    root: Path,
    stems: Stems,
    takes: Takes,
    job: MixJob,
    ident: int,
    out: Path,
    handles: float = 1.0,
    *,
    voice_gain_db: float | None = None,
    gain_db: float | None = None,
    room: tuple[float, float] | None = None,
    report: Report = silent,
) -> LoudnessReport | None:
    """Write the take of a segment over its background to `out`: a WAV of 24 bits, whole or not at all.

    Levels, ducking, reverb and the takes beside it are those of the mix. Only this stretch of the stems is
    read, so it takes a moment.

    Args:
        root: the run folder, in which the paths of stems and takes lie.
        ident: the segment's id.
        handles: seconds before and after the take, 0 to 60; less where the programme begins or ends.
        voice_gain_db, gain_db, room: what the last mix found (`Mix` has them under these names). Without
            `voice_gain_db` the line is made as loud as the source's voice in its own time, without
            `gain_db` the whole keeps its level, and without `room` it is looked for around the line.
        report: called in samples.

    Returns:
        What a meter reads on what was written; None where the take has no sound, and nothing is written.

    Raises:
        InvalidJob: there is no such take, handles out of their range, or `out` is a stem or a take.
        ValidationError: the stems do not belong together, or a take is not what it is said to be.
        StorageFull: the disk is full.
        Cancelled: the report asked to stop.
    """
    if not 0.0 <= handles <= 60.0:
        raise InvalidJob(f"handles of {handles:g} s", hint="Give 0 to 60 seconds.")
    line = next((take for take in takes.takes if take.id == ident), None)
    if line is None:
        raise InvalidJob(
            f"there is no line {ident}", hint="Lines have the ids of the translation's segments."
        )
    sound = stems.source
    paths = stem_paths(root, stems)
    sources = [*paths.values(), *(Layout(root).file(take.path) for take in takes.takes if take.path)]
    if out.exists() and any(path.exists() and out.samefile(path) for path in sources):
        raise InvalidJob(f"{out} is a source of this work", hint="Choose another name for the audition.")
    margin = round(handles * sound.rate)
    first = max(0, line.start - margin)
    last = min(sound.frames, line.start + line.frames + margin)
    # What ended seconds earlier may still be heard in its reverb, or in the ducking; what comes soon, too.
    reach = _LASTING * sound.rate
    heard = [t for t in takes.takes if t.start < last + reach and t.start + t.frames > first - reach]
    put = partial(place, rate=sound.rate, frames=sound.frames, where=Layout(root).file, note=_unsaid)
    placed, alone = put(heard), put([line])
    if not alone:
        return None
    voices = Voices(placed, round(job.fade * sound.rate))
    around = Room(*room, 0) if room is not None else None
    if job.reverb == "room" and around is None and stems.separated:
        around = _room_around(paths, sound, line.start, report)
    renderer = Renderer(sound, paths, voices, job, around if job.reverb == "room" else None)
    if job.voice_level == "original" and job.voice_volume:
        gain = _matched(renderer, alone[0]) if voice_gain_db is None else voice_gain_db
        renderer.voice_gain = job.voice_volume * 10 ** (gain / 20)
    target = job.loudness_target
    ceiling = target.true_peak - HEADROOM if target is not None else None
    return write_mix(
        renderer, out, first, last, gain_db=gain_db or 0.0, ceiling=ceiling, report=report
    ).loudness


def _unsaid(text: str) -> None:
    """What is odd about takes was told when they were mixed."""


def _matched(renderer: Renderer, take: Placed) -> float:
    """dB that make the takes in one's time as loud as the source's voices in it; 0 where one is silent."""
    original, dub = dialogue_levels(renderer, ((take.start, take.stop),), lambda at: None)
    if original is None or dub is None:
        return 0.0
    return min(max(original - dub, -LARGEST_MATCH), LARGEST_MATCH)


def _room_around(paths: dict[str, Path], sound: Sound, at: int, report: Report) -> Room | None:
    """The room of the source's voices, from some minutes around a sample."""
    reach = round(_LISTENED / 2 * sound.rate)
    first, last = max(0, at - reach), min(sound.frames, at + reach)
    blocks = stem_blocks(paths, "vocals", first, last)
    return find_room(blocks, sound.rate, lambda samples: report(0, last - first))[0]

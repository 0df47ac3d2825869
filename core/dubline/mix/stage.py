"""The mix stage: stems and takes in, one finished sound out, as loud as it shall be.

The programme is rendered in blocks, several times over: once to measure it, once or more to write it.
Nothing but the results is kept on disk, and memory does not depend on the length.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from dubline.media.sound import SoundWriter, require_space, sound_bytes
from dubline.mix.encode import can_encode, encode_m4a
from dubline.mix.job import MixJob, Target
from dubline.mix.levels import Voices, inside, place, voice_channels
from dubline.mix.render import LARGEST_MATCH, Renderer, dialogue_levels, stem_blocks, stem_paths, write_mix
from dubline.mix.room import MOST, Room, find_room
from dubline.report import Report, part
from dubline.run import Work, step
from dubline.signal.loudness import LoudnessMeter
from dubline.signal.true_peak import HEADROOM
from dubline.values.dubbed import LoudnessReport, Mix, Takes
from dubline.values.media import Sound
from dubline.values.stems import Stems

TOLERANCE = 0.05  # LU: half of what is promised, so that other meters agree to 0.1
TRIES = 8


@step("remix", version=2)
def remix(work: Work, stems: Stems, takes: Takes, job: MixJob) -> Mix:
    """Mix the dub: `final.wav` (24 bit), `final.m4a` (AAC) and `M&E.wav`, the sound without voices.

    Of a sound that was not separated there is no `M&E.wav`: the whole lies under the takes.

    All have the source's rate and channels; the WAVs have exactly its samples. M&E is the sum of music,
    sfx and ambient at their own levels, neither turned down nor brought to a loudness. The mix is measured,
    brought to the job's target and kept under its true peak, and measured again as it is written; it is
    written anew until it is within `TOLERANCE`, `TRIES` times at most.

    Raises:
        ValidationError: the stems do not belong together, or a take is not what it is said to be.
        StorageFull: the disk has too little room, now or on the way.
        FFmpegError: the AAC encoder failed.
        Cancelled: the report asked to stop.
    """
    sound = stems.source
    paths = stem_paths(work.root, stems)
    placed = place(takes.takes, rate=sound.rate, frames=sound.frames, where=work.open, note=work.note)
    voices = Voices(placed, round(job.fade * sound.rate))
    wavs = (1 + stems.separated) * sound_bytes(sound.frames, sound.channels, "PCM_24")
    coded = int(sound.duration * job.bitrate / 8 * (sound.channels + 1) / 2)
    require_space(work.root, wavs + coded + (1 << 20), "the mix")

    def progress(done: float, total: float) -> None:
        work.report(sound.duration * done / total, sound.duration)

    room, gain = None, 0.0
    if not stems.separated:
        under = f", {job.duck_db:g} dB lower under each line" if voices.spans and job.duck_db else ""
        work.note(
            f"the background is the film's own sound with its voices{under}: nothing was separated, so there "
            "is no M&E.wav either",
            warn=True,
        )
    elif voices.spans and job.voice_volume and job.reverb == "room":
        room = _room(work, sound, paths, part(progress, 0.0, 0.05))
    renderer = Renderer(sound, paths, voices, job, room)
    if voices.spans and job.voice_volume:
        if job.voice_level == "original":
            whose = "source's voices" if stems.separated else "film's own sound there"
            gain = _match(work, renderer, whose, part(progress, 0.05, 0.05))
            renderer.voice_gain = job.voice_volume * 10 ** (gain / 20)
        if len(voice_channels(sound.channels, sound.layout)) == 2 and sound.channels > 2:
            work.note("the layout of the channels is not known: the dub is in the first two")
    before = _first_pass(work, renderer, stems.separated, part(progress, 0.1, 0.25))
    target = job.loudness_target
    after, change = _write(work, renderer, target, before, part(progress, 0.35, 0.5))

    m4a = ""
    reason = can_encode(sound.rate, sound.channels)
    if reason:
        work.note(f"there is no final.m4a: {reason}", warn=True)
    else:
        m4a = work.result("final.m4a")
        encode_m4a(
            work.folder / "final.wav",
            work.folder / "final.m4a",
            bitrate=job.bitrate,
            language=takes.language,
            report=part(progress, 0.85, 0.15),
        )
    work.facts["loudness"] = {"before": msgspec.to_builtins(before), "after": msgspec.to_builtins(after)}
    return Mix(
        wav=work.result("final.wav"),
        m4a=m4a,
        m_and_e=work.result("M&E.wav") if stems.separated else "",
        rate=sound.rate,
        channels=sound.channels,
        frames=sound.frames,
        target=job.target,
        before=before,
        after=after,
        voice_gain_db=round(gain, 3),
        gain_db=round(change, 3),
        room=(room.decay, room.level) if room is not None else None,
        notes=tuple(work.notes),
    )


def _room(work: Work, sound: Sound, paths: dict[str, Path], report: Report) -> Room | None:
    """The room of the source's voices, for the reverb of the takes."""
    room, why = find_room(stem_blocks(paths, "vocals"), sound.rate, lambda at: report(at, sound.frames))
    if room is None:
        work.note(f"the takes get no reverb: {why}")
        return None
    work.note(
        f"the takes get a reverb of {room.decay:.2f} s at {min(room.level, MOST):.0f} dB, "
        f"after the room of the source's voices ({room.decays} decays)"
    )
    return room


def _match(work: Work, renderer: Renderer, whose: str, report: Report) -> float:
    """dB that make the takes as loud as the source in the same stretches of time. `whose`: what of it."""
    frames = renderer.sound.frames
    original, dub = dialogue_levels(renderer, renderer.voices.spans, lambda at: report(at, frames))
    if original is None or dub is None:
        who = whose if original is None else "takes"
        work.note(f"the takes keep the level they were spoken at: the {who} are silent there")
        return 0.0
    gain = original - dub
    if abs(gain) > LARGEST_MATCH:
        work.note(
            f"the takes would need {gain:+.1f} dB to be as loud as the {whose}; "
            f"they were given {LARGEST_MATCH:g} dB of it"
        )
        return LARGEST_MATCH if gain > 0 else -LARGEST_MATCH
    work.note(f"the takes were changed by {gain:+.1f} dB to be as loud as the {whose}")
    return gain


def _first_pass(work: Work, renderer: Renderer, m_and_e: bool, report: Report) -> LoudnessReport:
    """Measure the programme as it is, and write M&E on the way, where there is one."""
    sound = renderer.sound
    meter = LoudnessMeter(sound.rate, sound.channels, sound.layout)
    path = work.folder / "M&E.wav"
    with ExitStack() as stack:
        writer = None
        if m_and_e:
            writer = stack.enter_context(
                SoundWriter(path, sound.rate, sound.channels, sound.frames, layout=sound.layout)
            )
        for start, mix, bed in renderer.blocks():
            if writer is not None:
                writer.write(bed.astype(np.float32))
            meter.push(mix.astype(np.float32), inside(renderer.voices.spans, start, start + mix.shape[1]))
            report(start, sound.frames)
    if writer is not None and writer.clipped:
        work.note(f"{writer.clipped} samples of M&E.wav went over full scale and were limited to it")
    return meter.result()


def _write(
    work: Work, renderer: Renderer, target: Target | None, before: LoudnessReport, report: Report
) -> tuple[LoudnessReport, float]:
    """Write the programme at its target; -> what a meter reads on what was written, and the gain in dB."""
    write = partial(write_mix, renderer, work.folder / "final.wav", 0, renderer.sound.frames)
    if target is None:
        made = write(gain_db=0.0, ceiling=None, report=report)
        if made.clipped:
            work.note(
                f"{made.clipped} samples of the mix went over full scale and were limited to it; "
                "a loudness target would have kept them under it"
            )
        return made.loudness, 0.0
    gate = target.gate
    if gate == "dialogue" and before.dialogue is None:
        work.note("there is no dialogue to measure: the whole programme was measured instead")
        gate = "programme"

    def loudness(reading: LoudnessReport) -> float | None:
        return reading.dialogue if gate == "dialogue" else reading.integrated

    measured = loudness(before)
    if measured is None:
        work.note("the mix is too short or too quiet to have a loudness: its level was left alone")
        return write(gain_db=0.0, ceiling=target.true_peak, report=report).loudness, 0.0
    gain, ceiling = target.loudness - measured, target.true_peak - HEADROOM
    known: list[tuple[float, float]] = []  # gain, loudness
    at = 0.0
    for attempt in range(TRIES):
        # Mostly one pass is all; another one takes half of what is left of the bar.
        share = (1.0 - at) * (0.9 if attempt == 0 else 0.5)
        after, _, limiter = write(gain_db=gain, ceiling=ceiling, report=part(report, at, share))
        at += share
        read = loudness(after)
        error = target.loudness - read if read is not None else 0.0
        excess = (after.true_peak or -200.0) - target.true_peak
        if abs(error) <= TOLERANCE and excess <= 0:
            break
        if excess > 0:
            ceiling -= excess + 0.01
        if attempt < TRIES - 1:
            known.append((gain, target.loudness - error))
            gain += error / _steepness(known)
    change = f"{gain:+.2f} dB" if limiter is None or not limiter.reduced else f"{gain:+.2f} dB and a limiter"
    what = "loudness of the dialogue:" if gate == "dialogue" else "loudness:"
    work.note(f"{what} {measured:.1f} LUFS before, {read or -70.0:.1f} after {change} ({target.name})")
    if limiter is not None and limiter.touched:
        work.note(
            f"the limiter took up to {limiter.reduced:.1f} dB, "
            f"for {limiter.touched / renderer.sound.rate:.1f} s in all"
        )
    if abs(error) > TOLERANCE or excess > 0:
        work.note(
            f"{target.name} asks for {target.loudness:g} LUFS under {target.true_peak:g} dBTP, which this "
            f"sound did not reach in {TRIES} tries: its peaks are too high for its loudness",
            warn=True,
        )
    return after, gain


def _steepness(known: list[tuple[float, float]]) -> float:
    """How much of a change in gain arrives: 1 without a limiter, less where it works."""
    if len(known) < 2 or known[-1][0] == known[-2][0]:
        return 1.0
    (gain0, loud0), (gain1, loud1) = known[-2:]
    return float(np.clip((loud1 - loud0) / (gain1 - gain0), 0.2, 1.0))

"""The mix stage: stems and takes in, one finished sound out, as loud as it shall be.

The programme is rendered in blocks, several times over: once to measure it, once or more to write it.
Nothing but the results is kept on disk, and memory does not depend on the length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from dubline.dubbed import LoudnessReport, Mix, Takes
from dubline.errors import ValidationError
from dubline.mix.encode import can_encode, encode_m4a
from dubline.mix.job import MixJob, Target
from dubline.mix.levels import Voices, ducking, inside, place, voice_channels
from dubline.mix.limiter import TruePeakLimiter
from dubline.mix.loudness import LoudnessMeter
from dubline.model import STEM_NAMES, Sound, Stems
from dubline.report import Report, part
from dubline.run import Work, step
from dubline.sound import FRAMES, SoundWriter, open_sound, read_blocks, require_space, sound_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Block = NDArray[np.float32]  # (channels, samples)
    Floats = NDArray[np.float64]

TOLERANCE = 0.05  # LU: half of what is promised, so that other meters agree to 0.1
TRIES = 8
HEADROOM = 0.05  # dB under the ceiling for the limiter, since meters interpolate differently
LARGEST_MATCH = 24.0  # dB: voices further apart than this were not measured right


class Renderer:
    """The programme before loudness: stems and takes at their levels, block by block, as often as asked."""

    def __init__(self, sound: Sound, stems: dict[str, Path], voices: Voices, job: MixJob) -> None:
        self.sound, self.voices, self._stems, self._job = sound, voices, stems, job
        self._to = list(voice_channels(sound.channels, sound.layout))
        self.voice_gain = job.voice_volume
        self._slopes = (round(job.duck_attack * sound.rate), round(job.duck_release * sound.rate))

    def blocks(self) -> Iterator[tuple[int, Floats, Floats]]:
        """(first sample, mix, M&E): both (channels, n) in double precision, M&E at the source's level."""
        job = self._job
        levels = {"music": job.music, "sfx": job.sfx, "ambient": job.ambient}
        wanted = [name for name, level in levels.items() if level]
        wanted += ["vocals"] if job.original_volume else []
        for start, parts in self._read(wanted):
            shape = (self.sound.channels, min(FRAMES, self.sound.frames - start))
            bed = np.zeros(shape)
            for name, level in levels.items():
                if name in parts:
                    bed += parts[name] * np.float64(level)
            mix = bed * job.bg_volume
            if "vocals" in parts:
                mix += parts["vocals"] * np.float64(job.original_volume)
            stop = start + shape[1]
            attack, release = self._slopes
            down = ducking(self.voices.spans, start, stop, depth=job.duck_db, attack=attack, release=release)
            if down is not None:
                mix *= down
            voice = self.voices.read(start, stop) if self.voice_gain else None
            if voice is not None:
                mix[self._to] += voice * self.voice_gain
            yield start, mix, bed

    def dialogue(self) -> Iterator[tuple[int, Block, Block]]:
        """(first sample, voices of the source, takes as they are), for blocks in which a take sounds."""
        for first, last in _covering(self.voices.spans, self.sound.frames):
            blocks = read_blocks(self._stems["vocals"], FRAMES, first, last)
            start = first
            for vocals in blocks:
                takes = np.zeros(vocals.shape, np.float32)
                voice = self.voices.read(start, start + vocals.shape[1])
                if voice is not None:
                    takes[self._to] = voice.astype(np.float32)
                yield start, vocals, takes
                start += vocals.shape[1]

    def _read(self, names: list[str]) -> Iterator[tuple[int, dict[str, Block]]]:
        readers = [read_blocks(self._stems[name]) for name in names]
        for start in range(0, self.sound.frames, FRAMES):
            yield start, {name: next(reader) for name, reader in zip(names, readers, strict=True)}


def _covering(spans: tuple[tuple[int, int], ...], frames: int) -> Iterator[tuple[int, int]]:
    """Spans widened to whole blocks and joined, so that no block is read twice."""
    at = 0
    for start, stop in spans:
        first = max(at, start // FRAMES * FRAMES)
        last = min(frames, -(-stop // FRAMES) * FRAMES)
        if last > first:
            yield first, last
            at = last


@step("remix", version=1)
def remix(work: Work, stems: Stems, takes: Takes, job: MixJob) -> Mix:
    """Mix the dub: `final.wav` (24 bit), `final.m4a` (AAC) and `M&E.wav`, the sound without voices.

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
    paths = _stem_paths(work, stems)
    placed = place(takes.takes, rate=sound.rate, frames=sound.frames, where=work.open, note=work.note)
    voices = Voices(placed, round(job.fade * sound.rate))
    renderer = Renderer(sound, paths, voices, job)
    wavs = 2 * sound_bytes(sound.frames, sound.channels, "PCM_24")
    coded = int(sound.duration * job.bitrate / 8 * (sound.channels + 1) / 2)
    require_space(work.root, wavs + coded + (1 << 20), "the mix")

    def progress(done: float, total: float) -> None:
        work.report(sound.duration * done / total, sound.duration)

    if voices.spans and job.voice_volume:
        if job.voice_level == "original":
            gain = _match(work, renderer, part(progress, 0.0, 0.1))
            renderer.voice_gain = job.voice_volume * 10 ** (gain / 20)
        if len(voice_channels(sound.channels, sound.layout)) == 2 and sound.channels > 2:
            work.note("the layout of the channels is not known: the dub is in the first two")
    before = _first_pass(work, renderer, part(progress, 0.1, 0.25))
    target = job.wanted
    after = _write(work, renderer, target, before, part(progress, 0.35, 0.5))

    m4a = ""
    reason = can_encode(sound.rate, sound.channels)
    if reason:
        work.note(f"there is no final.m4a: {reason}")
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
        m_and_e=work.result("M&E.wav"),
        rate=sound.rate,
        channels=sound.channels,
        frames=sound.frames,
        target=job.target,
        before=before,
        after=after,
        notes=tuple(work.notes),
    )


def _stem_paths(work: Work, stems: Stems) -> dict[str, Path]:
    """Where the stems lie, once it is sure that they are as long, as fast and as wide as their source."""
    source = stems.source
    paths: dict[str, Path] = {}
    again = "Separate the sound again; the stems of one separation always belong together."
    for name in STEM_NAMES:
        try:
            stem = stems[name]
        except KeyError:
            raise ValidationError(f"there is no {name} stem", hint=again) from None
        paths[name] = work.open(stem.path)
        found = open_sound(paths[name])
        if (found.rate, found.channels, found.frames) != (source.rate, source.channels, source.frames):
            raise ValidationError(
                f"the {name} stem has {found.frames} samples in {found.channels} channels at "
                f"{found.rate} Hz, and its source {source.frames} in {source.channels} at {source.rate} Hz",
                hint=again,
            )
    return paths


def _match(work: Work, renderer: Renderer, report: Report) -> float:
    """dB that make the takes as loud as the source's voices in the same stretches of time."""
    sound = renderer.sound
    meters = [LoudnessMeter(sound.rate, sound.channels, sound.layout, peaks=False) for _ in range(2)]
    for start, vocals, takes in renderer.dialogue():
        mask = inside(renderer.voices.spans, start, start + vocals.shape[1])
        meters[0].push(vocals, mask)
        meters[1].push(takes, mask)
        report(start, sound.frames)
    original, dub = (meter.result().dialogue for meter in meters)
    if original is None or dub is None:
        who = "source's voices" if original is None else "takes"
        work.note(f"the takes keep the level they were spoken at: the {who} are silent there")
        return 0.0
    gain = original - dub
    if abs(gain) > LARGEST_MATCH:
        work.note(
            f"the takes would need {gain:+.1f} dB to be as loud as the source's voices; "
            f"they were given {LARGEST_MATCH:g} dB of it"
        )
        return LARGEST_MATCH if gain > 0 else -LARGEST_MATCH
    work.note(f"the takes were changed by {gain:+.1f} dB to be as loud as the source's voices")
    return gain


def _first_pass(work: Work, renderer: Renderer, report: Report) -> LoudnessReport:
    """Measure the programme as it is, and write M&E on the way."""
    sound = renderer.sound
    meter = LoudnessMeter(sound.rate, sound.channels, sound.layout)
    with _writer(work.folder / "M&E.wav", sound) as writer:
        for start, mix, bed in renderer.blocks():
            writer.write(bed.astype(np.float32))
            meter.push(mix.astype(np.float32), inside(renderer.voices.spans, start, start + mix.shape[1]))
            report(start, sound.frames)
    if writer.clipped:
        work.note(f"{writer.clipped} samples of M&E.wav went over full scale and were limited to it")
    return meter.result()


def _write(
    work: Work, renderer: Renderer, target: Target | None, before: LoudnessReport, report: Report
) -> LoudnessReport:
    """Write the programme at its target; -> what a meter reads on what was written."""
    if target is None:
        after, clipped, _ = _one_pass(work, renderer, 0.0, None, report)
        if clipped:
            work.note(
                f"{clipped} samples of the mix went over full scale and were limited to it; "
                "a loudness target would have kept them under it"
            )
        return after
    gate = target.gate
    if gate == "dialogue" and before.dialogue is None:
        work.note("there is no dialogue to measure: the whole programme was measured instead")
        gate = "programme"

    def loudness(reading: LoudnessReport) -> float | None:
        return reading.dialogue if gate == "dialogue" else reading.integrated

    measured = loudness(before)
    if measured is None:
        work.note("the mix is too short or too quiet to have a loudness: its level was left alone")
        return _one_pass(work, renderer, 0.0, target.true_peak, report)[0]
    gain, ceiling = target.loudness - measured, target.true_peak - HEADROOM
    known: list[tuple[float, float]] = []  # gain, loudness
    done = 0.0
    for attempt in range(TRIES):
        # Mostly one pass is all; another one takes half of what is left of the bar.
        share = (1.0 - done) * (0.9 if attempt == 0 else 0.5)
        after, _, limiter = _one_pass(work, renderer, gain, ceiling, part(report, done, share))
        done += share
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
            f"sound did not reach in {TRIES} tries: its peaks are too high for its loudness"
        )
    return after


def _steepness(known: list[tuple[float, float]]) -> float:
    """How much of a change in gain arrives: 1 without a limiter, less where it works."""
    if len(known) < 2 or known[-1][0] == known[-2][0]:
        return 1.0
    (gain0, loud0), (gain1, loud1) = known[-2:]
    return float(np.clip((loud1 - loud0) / (gain1 - gain0), 0.2, 1.0))


def _one_pass(
    work: Work, renderer: Renderer, gain: float, ceiling: float | None, report: Report
) -> tuple[LoudnessReport, int, TruePeakLimiter | None]:
    """Write `final.wav` with a gain in dB, under a ceiling in dBTP (None: no limiter).

    -> what a meter reads, samples that had to be clipped, and the limiter.
    """
    sound = renderer.sound
    meter = LoudnessMeter(sound.rate, sound.channels, sound.layout)
    limiter = TruePeakLimiter(sound.rate, sound.channels, ceiling) if ceiling is not None else None
    factor = 10 ** (gain / 20)
    with ExitStack() as stack:
        writer = stack.enter_context(_writer(work.folder / "final.wav", sound))

        def keep(block: Block) -> None:
            start = writer.frames
            writer.write(block)
            meter.push(block, inside(renderer.voices.spans, start, writer.frames))

        for start, mix, _ in renderer.blocks():
            block = (mix * factor if factor != 1.0 else mix).astype(np.float32)
            keep(limiter.push(block) if limiter else block)
            report(start, sound.frames)
        if limiter:
            keep(limiter.flush())
    return meter.result(), writer.clipped, limiter


def _writer(path: Path, sound: Sound) -> SoundWriter:
    return SoundWriter(path, sound.rate, sound.channels, sound.frames, layout=sound.layout)

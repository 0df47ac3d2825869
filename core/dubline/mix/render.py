"""The programme before its loudness is set: stems, takes and their reverb at their levels, in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dubline.errors import ValidationError
from dubline.media.sound import FRAMES, SoundWriter, open_sound, read_blocks
from dubline.mix.job import MixJob
from dubline.mix.levels import Spans, Voices, ducking, inside, voice_channels
from dubline.mix.room import Reverb, Room, impulse
from dubline.report import Report
from dubline.run import placed
from dubline.signal.loudness import LoudnessMeter
from dubline.signal.true_peak import TruePeakLimiter
from dubline.values.dubbed import LoudnessReport
from dubline.values.layout import Layout
from dubline.values.media import Sound
from dubline.values.stems import STEM_NAMES, Stems

Block = NDArray[np.float32]  # (channels, samples)
Floats = NDArray[np.float64]

_AGAIN = "Separate the sound again; the stems of one separation always belong together."
LARGEST_MATCH = 24.0  # dB: voices further apart than this were not measured right
WHOLE = "original"
"""The only part of a sound that was not separated."""


class Renderer:
    """The programme before loudness: stems and takes at their levels, block by block, as often as asked.

    `room`: the takes get a reverb like it; None leaves them dry. `voice_gain` is a factor for the takes.
    """

    def __init__(
        self, sound: Sound, stems: dict[str, Path], voices: Voices, job: MixJob, room: Room | None = None
    ) -> None:
        self.sound, self.voices, self._stems, self._job = sound, voices, stems, job
        self._to = list(voice_channels(sound.channels, sound.layout))
        self.voice_gain = job.voice_volume
        self._slopes = (round(job.duck_attack * sound.rate), round(job.duck_release * sound.rate))
        self._answer = impulse(room, sound.rate, len(self._to)) if room is not None else None
        self._voices_in = WHOLE if WHOLE in stems else "vocals"

    def blocks(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, Floats, Floats]]:
        """(first sample, mix, M&E): both (channels, n) in double precision, M&E at the source's level.

        From sample `first` to `last` of the programme (None: its end). Of a sound that was not separated the
        whole is the background, and what is called M&E here has the voices in it.
        """
        last = self.sound.frames if last is None else last
        spoken = self._spoken()
        job = self._job
        levels = {"music": job.music, "sfx": job.sfx, "ambient": job.ambient}
        if WHOLE in self._stems:
            levels = {WHOLE: 1.0}
        names = [name for name, level in levels.items() if level]
        names += ["vocals"] if job.original_volume and WHOLE not in self._stems else []
        for start, parts in self._read(names, first, last):
            shape = (self.sound.channels, min(FRAMES, last - start))
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
            voice = spoken.read(start, stop) if self.voice_gain else None
            if voice is not None:
                mix[self._to] += voice * self.voice_gain
            yield start, mix, bed

    def dialogue(self, spans: Spans) -> Iterator[tuple[int, Block, Block]]:
        """(first sample, voices of the source, takes with their reverb), for the blocks of some stretches."""
        spoken = self._spoken()
        for first, last in _covering(spans, self.sound.frames):
            blocks = stem_blocks(self._stems, self._voices_in, first, last)
            start = first
            for vocals in blocks:
                takes = np.zeros(vocals.shape, np.float32)
                voice = spoken.read(start, start + vocals.shape[1])
                if voice is not None:
                    takes[self._to] = voice.astype(np.float32)
                yield start, vocals, takes
                start += vocals.shape[1]

    def _spoken(self) -> Voices | Reverb:
        return self.voices if self._answer is None else Reverb(self.voices, self._answer)

    def _read(self, names: list[str], first: int, last: int) -> Iterator[tuple[int, dict[str, Block]]]:
        readers = [stem_blocks(self._stems, name, first, last) for name in names]
        for start in range(first, last, FRAMES):
            yield start, {name: next(reader) for name, reader in zip(names, readers, strict=True)}


class WrittenMix(NamedTuple):
    """What a meter reads on what was written, how many samples had to be clipped, and the limiter."""

    loudness: LoudnessReport
    clipped: int
    limiter: TruePeakLimiter | None


def write_mix(
    renderer: Renderer,
    path: Path,
    first: int,
    last: int,
    *,
    gain_db: float,
    ceiling: float | None,
    report: Report,
) -> WrittenMix:
    """Write the samples `first` to `last` of the programme as a WAV of 24 bits, with a gain, under a ceiling
    in dBTP (None: no limiter)."""
    sound = renderer.sound
    meter = LoudnessMeter(sound.rate, sound.channels, sound.layout)
    limiter = TruePeakLimiter(sound.rate, sound.channels, ceiling) if ceiling is not None else None
    factor = 10 ** (gain_db / 20)
    with SoundWriter(path, sound.rate, sound.channels, last - first, layout=sound.layout) as writer:

        def keep(block: Block) -> None:
            at = first + writer.frames
            writer.write(block)
            meter.push(block, inside(renderer.voices.spans, at, first + writer.frames))

        for start, mix, _ in renderer.blocks(first, last):
            report(start - first, last - first)
            block = (mix * factor if factor != 1.0 else mix).astype(np.float32)
            keep(limiter.push(block) if limiter else block)
        if limiter:
            keep(limiter.flush())
        report(last - first, last - first)
    return WrittenMix(meter.result(), writer.clipped, limiter)


def _covering(spans: Spans, frames: int) -> Iterator[tuple[int, int]]:
    """Spans widened to whole blocks and joined, so that no block is read twice."""
    at = 0
    for start, stop in spans:
        first = max(at, start // FRAMES * FRAMES)
        last = min(frames, -(-stop // FRAMES) * FRAMES)
        if last > first:
            yield first, last
            at = last


def dialogue_levels(
    renderer: Renderer, spans: Spans, tick: Callable[[int], None]
) -> tuple[float | None, float | None]:
    """LUFS of the source's voices and of the takes in these stretches; None where they are silent.

    `tick` is called with the sample that was reached.
    """
    sound = renderer.sound
    meters = [LoudnessMeter(sound.rate, sound.channels, sound.layout, peaks=False) for _ in range(2)]
    for start, vocals, takes in renderer.dialogue(spans):
        mask = inside(spans, start, start + vocals.shape[1])
        meters[0].push(vocals, mask)
        meters[1].push(takes, mask)
        tick(start)
    original, dub = (meter.result().dialogue for meter in meters)
    return original, dub


def stem_blocks(
    paths: dict[str, Path], name: str, first: int = 0, last: int | None = None
) -> Iterator[Block]:
    """A stem's samples from `first` to `last` in blocks.

    Raises:
        ValidationError: a sample is not a number.
    """
    for block in read_blocks(paths[name], FRAMES, first, last):
        if not np.isfinite(block.sum(dtype=np.float64)):
            raise ValidationError(f"the {name} stem holds a sample that is not a number", hint=_AGAIN)
        yield block


def stem_paths(root: Path, stems: Stems) -> dict[str, Path]:
    """Where the stems lie, once it is sure that they are as long, as fast and as wide as their source; the
    source itself, as `WHOLE`, where it was not separated.

    Raises:
        ValidationError: one is missing or differs.
    """
    source = stems.source
    if not stems.separated:
        return {WHOLE: placed(root, source.path)}
    paths: dict[str, Path] = {}
    for name in STEM_NAMES:
        try:
            stem = stems[name]
        except KeyError:
            raise ValidationError(f"there is no {name} stem", hint=_AGAIN) from None
        paths[name] = Layout(root).file(stem.path)
        sound = open_sound(paths[name])
        if (sound.rate, sound.channels, sound.frames) != (source.rate, source.channels, source.frames):
            raise ValidationError(
                f"the {name} stem has {sound.frames} samples in {sound.channels} channels at "
                f"{sound.rate} Hz, and its source {source.frames} in {source.channels} at {source.rate} Hz",
                hint=_AGAIN,
            )
    return paths

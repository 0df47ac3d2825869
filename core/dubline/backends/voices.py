"""The contract of the voices: what they tell about themselves, and what they give.

`dubline.backends` gives these names on; import them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec

from dubline.model import ModelIdentity, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.float32]  # (channels, samples)


class Reference(Value, frozen=True):
    """A cut of a person's own voice, for voices that clone: a mono sound file and the words in it.

    `path` is relative to the run folder, and absolute when a voice is given it; `start` is where in the
    programme it was cut, `seconds` its length; `sha256` of the file.
    """

    path: str
    text: str
    sha256: str
    start: float = 0.0
    seconds: float = 0.0


class VoiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A voice that a back end has. `name` is what `speak` takes; `language` a code, "" for any; `gender`
    "female", "male" or ""; `pitch` its median fundamental frequency in Hz, None where nobody measured it."""

    name: str
    language: str = ""
    gender: str = ""
    pitch: float | None = None


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A text as a voice speaks it: (1, samples) float32 at `rate` hertz, silence at the ends allowed."""

    sound: Block
    rate: int


class Voice(Protocol):
    """Speaks texts. Use it in a `with`.

    `paces`: it can speak faster and slower by itself; `pitches`: it can speak higher and lower. What it
    cannot, the stage does to the sound. `any_voice`: it takes names that are not in `voices()`. One that can
    speak with a real person's voice is a `CloningVoice`.
    """

    requires: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]
    any_voice: ClassVar[bool]

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Settings; all voices know `language` (a code such as "tr", "pt-BR")."""

    identities: tuple[ModelIdentity, ...]
    notes: tuple[str, ...]
    paces: bool
    pitches: bool

    def __init__(self, options: Any) -> None:
        """Raises `BackendMissing`, `WeightsError` or `InvalidJob` (no voice for the language) with the
        remedy."""

    def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices for the language, the best first; always the same in the same order."""

    def knows(self, voice: str) -> bool:
        """Whether `speak` takes a voice of that name."""

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Callable[[], None]) -> Spoken:
        """A text spoken once. `speed` 1.1 is a tenth faster than the voice's own pace, `pitch` 1.1 a tenth
        higher; 1.0 both where it cannot. `tick()` is called several times a second and may raise
        `Cancelled`. Raises `BackendFailed` where this line cannot be spoken: others may still be."""

    def __enter__(self) -> Voice: ...

    def __exit__(self, *exc: object) -> None: ...


class CloningVoice(Voice, Protocol):
    """A voice that can speak like a person in the film, after a cut of that person's speech.

    Nobody is cloned before somebody has said that they have the right to: whoever calls sees to that.
    """

    @staticmethod
    def clones(options: Any) -> bool:
        """Whether it does so with these options. A class without this never does."""

    def speak(
        self,
        text: str,
        voice: str,
        *,
        speed: float,
        pitch: float,
        tick: Callable[[], None],
        reference: Reference | None = None,
    ) -> Spoken:
        """As `Voice.speak`; `reference` is given, its path absolute, wherever `clones` said yes."""

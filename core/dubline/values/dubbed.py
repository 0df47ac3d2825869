"""The values of the dub: spoken takes, who speaks them, and the mix that is made of them.

Sounds of a dub are at the programme's own sample rate. Times are whole samples from the first sample of the
programme, so that nothing is rounded twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from dubline.values.base import Choice, ModelIdentity, Value
from dubline.values.layout import Layout
from dubline.values.sealed import sealed, told_sealed

FORMAT = "dubline.dub.1"

TakeState = Literal["spoken", "too_long", "failed", "silent"]
"""spoken: fits, borrowed silence included. too_long: spoken whole, and runs over. failed: the voice gave
nothing usable; `reasons` say why. silent: there is nothing to say."""


class CastVoice(Value, frozen=True):
    """The voice of a speaker: "BACKEND:VOICE", a pitch factor, and where that was decided.

    `basis`: "cast file", "earlier" (as in another run), "pitch" (nearest to the speaker's own), or "default".
    """

    speaker: str
    voice: str
    pitch: float = 1.0
    basis: str = "default"


class Take(Value, frozen=True):
    """A line as it is spoken: a mono sound file of the run.

    `start` and `frames` are samples at `rate`, the programme's. `natural` is how long the voice took at its
    own pace, `slot` the segment's length, `borrowed` what is used of the silence after it (seconds);
    `speed` what was asked of the voice, `stretch` the small rest that a time stretch did (1.0: none).
    All takes are equally loud (their speech at -24 dBFS); `gain_db` follows the level of the line in the
    source, against that speaker's median, -12 to 12. `retaken`: it was spoken again by itself, and stands
    until its line changes; `voice` is what spoke it then, where that is not its speaker's voice ("").
    `fingerprint` tells by a part of the file's SHA-256 whether two takes are the same sound. `lost`: seconds
    of it behind the programme's end, which nobody hears.
    """

    id: int
    speaker: str
    state: TakeState
    path: str = ""
    rate: int = 48000
    frames: int = 0
    start: int = 0
    text: str = ""
    natural: float = 0.0
    slot: float = 0.0
    borrowed: float = 0.0
    speed: float = 1.0
    stretch: float = 1.0
    gain_db: float = 0.0
    reasons: tuple[str, ...] = ()
    retaken: bool = False
    voice: str = ""
    fingerprint: str = ""
    lost: float = 0.0

    @property
    def unheard(self) -> bool:
        """Whether something of the line is not heard."""
        return self.state == "failed" or self.lost > 0


class Takes(Value, frozen=True):
    """All takes of a programme in one language, in the order of the translation's segments."""

    language: str
    takes: tuple[Take, ...]
    cast: tuple[CastVoice, ...] = ()
    models: tuple[ModelIdentity, ...] = ()
    notes: tuple[str, ...] = ()


NO_TAKES = Takes(language="", takes=())
"""Nobody speaks: a mix of the film's own sound."""


class LoudnessReport(Value, frozen=True):
    """What a meter reads (ITU-R BS.1770-4): LUFS, dBTP; None where there is no sound to measure."""

    integrated: float | None
    true_peak: float | None
    range: float | None = None
    dialogue: float | None = None


class Mix(Value, frozen=True):
    """The finished sound: files of the run, and the loudness before and after it was brought to its
    target.

    `m_and_e` is "" where the sound was not separated, and `m4a` where AAC cannot hold it.
    `voice_gain_db` is what made the takes as loud as the source's voices, `gain_db` what brought the whole
    to its target; `room` the seconds and dB of the takes' reverb, None where they have none.
    """

    wav: str
    m4a: str
    m_and_e: str
    rate: int
    channels: int
    frames: int
    target: str
    before: LoudnessReport
    after: LoudnessReport
    voice_gain_db: float = 0.0
    gain_db: float = 0.0
    room: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


class DubSettings(Value, frozen=True):
    """What a dub was asked for, so that the next call need not say it again.

    `voice`: the back end with its options. `cast`: the cast file's path, "" without one. `like`: a person's
    name -> the voice in the other run that was named; `others`: that run's back ends. `mix`: the fields of
    `MixJob` that were asked for. `mux`: whether a film is made, None where nobody ever said. `attempt` counts
    how often failed lines, or some lines by themselves, were asked for again.
    """

    voice: Choice | None = None
    others: tuple[Choice, ...] = ()
    cast: str = ""
    like: dict[str, CastVoice] = {}
    mix: dict[str, Any] = {}
    mux: bool | None = None
    attempt: int = 0


class Dub(Value, frozen=True):
    """A programme's dub in one language, as `dubbed.json` keeps it: its takes, and the mix of them.

    Paths begin in the folder of that file. `mix` is None where the takes were not mixed. `consent`: whether
    somebody said that they may clone the voices, and None where nothing was cloned. `settings` are those of
    the last call.
    """

    takes: Takes
    mix: Mix | None = None
    consent: bool | None = None
    settings: DubSettings = DubSettings()
    format: str = FORMAT

    @property
    def language(self) -> str:
        """The language that is spoken."""
        return self.takes.language


def dub_json(dub: Dub) -> bytes:
    """The file's text, the same for the same value."""
    return sealed(dub)


def read_dub(path: Path) -> Dub:
    """A dub from its file; from its copy where that is damaged.

    Raises:
        InvalidJob: it cannot be read, or is no dub of this version.
    """
    again = "Run `dubline dub` again: what was spoken is kept."
    return told_sealed(path, Dub, hint=again, format=FORMAT, twice=True)


def read_dubs(root: Path) -> tuple[Dub, ...]:
    """The dubs in a run folder: dubbed.json, then dubbed.LANGUAGE.json by name."""
    return tuple(map(read_dub, Layout(root).dubs()))


def dub_place(root: Path, language: str) -> Path:
    """Where a run keeps its dub in a language: dubbed.json for its first, dubbed.LANGUAGE.json for others.

    Raises:
        InvalidJob: the first one's file is damaged; it must be looked at, not written over.
    """
    first = Layout(root).dub()
    if first.exists() and read_dub(first).language != language:
        return Layout(root).dub(f".{language}")
    return first

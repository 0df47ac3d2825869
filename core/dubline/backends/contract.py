"""What each kind of back end does. What all of them tell about themselves is `backend.Backend`.

A separator takes sound apart in a *stream*: the stage reads the file, brings it to the rate and the
two channels that the back end wants, feeds it in blocks, and deals with everything that makes a stem
a stem (length, level, channels, exact sum, files, resuming). A back end only turns blocks into blocks.

docs/back-ends.md shows how to write one; `dubline.testing` tries whether it keeps what is promised here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import msgspec

from dubline.values.base import ModelIdentity, Value
from dubline.values.media import Line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dubline.media.speech import Speech
    from dubline.report import Report
    from dubline.values.transcript import HeardWord, Turn
    from dubline.values.translated import Answer, SourceLine

    Block = NDArray[np.float32]  # (channels, samples)
    Sources = NDArray[np.float32]  # (sources, channels, samples)

Tick = Callable[[], None]
Self = TypeVar("Self", bound="Opened")


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a first pass over the whole sound found out, at the rate the back end asked for.

    `frames` samples per channel; `mean` and `std` (unbiased) of the mean of the channels over the whole
    length; `lines` the times in which somebody speaks, None when not known; `mono` tells that the two
    channels given are one channel twice, so that nothing can be learnt from their difference.
    """

    frames: int
    rate: int
    mean: float = 0.0
    std: float = 1.0
    lines: tuple[Line, ...] | None = None
    mono: bool = False


class SeparationStream(Protocol):
    """One sound on its way through a separator.

    Over its life it returns exactly as many samples as it was given, in order. Blocks may have any
    length, zero included, and the result does not depend on how the sound was cut into blocks.
    """

    def push(self, block: Block) -> Sources:
        """Give (2, n) samples; get back what is finished: (sources, 2, m), m >= 0."""

    def flush(self) -> Sources:
        """The sound has ended; get back the rest."""

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs to go on: names -> arrays, numbers or text. Never pickled."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state of a stream with the same settings."""


class Opened(Protocol):
    """A back end of any kind with its weights loaded. Use it in a `with`: leaving it frees the memory.

    `identities` say which weights are loaded, `notes` what was chosen, in words.
    """

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Settings of this back end; unknown ones are refused."""

    identities: tuple[ModelIdentity, ...]
    notes: tuple[str, ...]

    def __init__(self, options: Any) -> None:
        """Load the weights. Raises `WeightsError`, `BackendMissing` or `InvalidJob` (a language that it does
        not know) with the remedy."""

    def __enter__(self: Self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Separator(Opened, Protocol):
    """Takes a sound apart.

    `rate` is the sample rate it works at, `sources` the names of what it returns, in order; the stage
    looks for "vocals" (also spelt "speech" or "dialogue"), "music" and "sfx" (also "effects").
    """

    rate: int
    sources: tuple[str, ...]

    def stream(
        self, survey: Survey, tick: Tick, outputs: tuple[tuple[str, ...], ...] = ()
    ) -> SeparationStream:
        """Begin with one sound.

        `tick()` is called before each piece of work and may raise `Cancelled`. Each output is the sum of
        the sources it names, so that nothing is computed or moved that nobody wants; none means each
        source by itself. A back end with a single source may ignore it.
        """


class Diarization(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks when.

    `turns` may overlap between speakers; `exclusive` never do (for subtitles). Speakers carry the back
    end's own labels; the stage names them. `embeddings`: label -> one vector per voice, unit length, of the
    kind `embedding` names (vectors of different kinds cannot be compared); empty where the back end has none.
    """

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    embeddings: dict[str, tuple[float, ...]] = {}
    embedding: str = ""


class Diarizer(Opened, Protocol):
    """Finds who speaks when."""

    class Options(Opened.Options, frozen=True, kw_only=True):
        """Settings; all diarizers know `speakers`, `min_speakers` and `max_speakers` (None: estimate)."""

    embedding: str

    def diarize(self, speech: Speech, report: Report) -> Diarization:
        """Listen to the whole sound, in windows. `report` counts seconds and may raise `Cancelled`."""

    def embed(self, speech: Speech, spans: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        """One unit vector for the voice that speaks in these spans (seconds), of the kind `embedding` names.

        The spans count as one person's speech; what lies outside the sound does not count. Empty where they
        hold less than half a second together, or nothing above -80 dBFS.
        """


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a recognizer made of one stretch: words in reading order, on the sound's own clock.

    `language` is a code as `dubline.values.languages` writes it; `no_speech` the back end's probability that
    nobody speaks, and `log_probability` its mean log probability of the text's pieces, where it has them.
    """

    words: tuple[HeardWord, ...]
    language: str = ""
    no_speech: float | None = None
    log_probability: float | None = None


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of sound to recognise, at most 30 s long, seconds from the start of the sound.

    `language` is what is spoken in it, "" where that is not known; only a `DetectingRecognizer` is told.
    """

    start: float
    end: float
    language: str = ""


class Recognizer(Opened, Protocol):
    """Turns speech into words.

    `confidence` says in a sentence what a word's confidence means with this back end.
    """

    confidence: ClassVar[str]

    class Options(Opened.Options, frozen=True, kw_only=True):
        """Settings; all recognizers know `language` ("" lets the back end detect it, if it can)."""

    def recognize(self, speech: Speech, stretches: tuple[Stretch, ...], report: Report) -> Iterator[Heard]:
        """One `Heard` a stretch, in order. `report` is called before each and may raise `Cancelled`."""


class DetectingRecognizer(Recognizer, Protocol):
    """A recognizer that tells cheaply in which language something is said, without recognising it.

    One that has no `detect` finds the language of each stretch by itself, where none was named.
    """

    def detect(self, speech: Speech, stretch: Stretch) -> Mapping[str, float]:
        """Language -> how likely it is spoken in a stretch, whatever was named; empty without a sound."""


class Translator(Opened, Protocol):
    """Puts lines into another language.

    `whole_sentences`: it translates one sentence at a time and may drop what follows the first; the stage
    then gives it nothing longer. `in_context`: a line's answer depends on the lines before it, which it is
    given in order. `varies`: it can answer a line whose `wanted` is "shorter" or "longer". `by_hand`: it
    answers nothing, a person will. One that takes whatever language is named says so with `any_language`.
    """

    whole_sentences: ClassVar[bool]
    in_context: ClassVar[bool]
    varies: ClassVar[bool]
    by_hand: ClassVar[bool]

    class Options(Opened.Options, frozen=True, kw_only=True):
        """Settings; all translators know `source` and `target` (codes such as "tr", "en", "pt-BR"), and
        `candidates`: how many translations of a line to give at most. Those that can use them also know
        `glossary` (pairs source term, target term), `synopsis` and `cast` (speaker -> who that is)."""

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        """Answers by key, a batch at a time, until every line that is not `known` has one.

        Batches are planned over all lines, known ones too, so that a run that was stopped and goes on makes
        the same batches and so the same answers; a batch whose lines are all known is passed over. Answers
        never depend on the order in which batches are given out. `report` counts lines and may raise
        `Cancelled`. A line that cannot be translated is answered with a `failure`; only what concerns all
        lines (no server, no memory) is raised.
        """


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


class Voice(Opened, Protocol):
    """Speaks texts.

    `paces`: it can speak faster and slower by itself; `pitches`: it can speak higher and lower. What it
    cannot, the stage does to the sound. `any_voice`: it takes names that are not in `voices()`. One that can
    speak with a real person's voice is a `CloningVoice`.
    """

    any_voice: ClassVar[bool]

    class Options(Opened.Options, frozen=True, kw_only=True):
        """Settings; all voices know `language` (a code such as "tr", "pt-BR")."""

    paces: bool
    pitches: bool

    def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices for the language, the best first; always the same in the same order."""

    def knows(self, voice: str) -> bool:
        """Whether `speak` takes a voice of that name."""

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Tick) -> Spoken:
        """A text spoken once. `speed` 1.1 is a tenth faster than the voice's own pace, `pitch` 1.1 a tenth
        higher; 1.0 both where it cannot. `tick()` is called several times a second and may raise
        `Cancelled`. Raises `BackendFailed` where this line cannot be spoken: others may still be."""


class SampledVoice(Voice, Protocol):
    """A voice whose models do not say how high they are."""

    def sampled(self, tick: Tick) -> tuple[VoiceInfo, ...]:
        """`voices()`, with the pitch and the gender that a sample of each has shown. What is measured once is
        kept with the weights. `tick()` is called before each sample and may raise `Cancelled`."""


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
        tick: Tick,
        reference: Reference | None = None,
    ) -> Spoken:
        """As `Voice.speak`; `reference` is given, its path absolute, wherever `clones` said yes."""

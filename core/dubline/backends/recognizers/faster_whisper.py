"""Whisper through faster-whisper and CTranslate2: the recognizer to take first, on a CPU too.

Every stretch is heard by itself, without the text before it, so no mistake travels on and a run can go on
anywhere. Decoding is a beam search at temperature 0. Where Whisper would try again with dice, upon text that
repeats itself, the stretch is heard once more with repetition forbidden: the same sound gives the same words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dubline.backends import ctranslate2_device
from dubline.backends.backend import Backend, Sought, versions
from dubline.backends.contract import Heard, Stretch
from dubline.backends.recognizers.hearing import RATE, check_stretches, is_silent, orderly, samples_of
from dubline.backends.recognizers.whisper_folder import (
    WhisperBackend,
    its_language,
    our_language,
    refuse_language,
)
from dubline.errors import BackendFailed, InvalidJob, WeightsError, first_line
from dubline.threads import default_threads
from dubline.values.transcript import HeardWord
from dubline.weights.folders import folder_identity
from dubline.weights.hub import quiet_hub
from dubline.weights.kinds import FolderKind
from dubline.weights.recommended import RECOGNIZERS, TURBO, first
from dubline.weights.starters import STARTERS, short_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.media.speech import Speech
    from dubline.report import Report

_PLAIN = "tiny tiny.en base base.en small small.en medium medium.en large-v1 large-v2 large-v3"
_DISTILLED = "small.en medium.en large-v2 large-v3"
SIZES = {
    **{size: f"Systran/faster-whisper-{size}" for size in _PLAIN.split()},
    **{f"distil-{size}": f"Systran/faster-distil-whisper-{size}" for size in _DISTILLED.split()},
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": TURBO,
    "turbo": TURBO,
}
"""Where models are on the hub, by the names faster-whisper 1.2.1 has for them (`_MODELS` in its utils.py)."""
REPEATS = 2.4
"""Text that gzip makes smaller by more than this repeats itself (`compression_ratio_threshold` of OpenAI's
transcribe.py)."""
NO_REPEAT = 5  # tokens in a row that may not come twice when a stretch is heard again
LISTENED = 10 * RATE
"""Samples, filled up with silence, by which a language is told. Of 36 turns in English of half a second to
three, base's weights know 19 as they are, 32 filled up to 10 s, and 35 up to 30 s; of longer ones all."""
SHORTEST = RATE // 10  # samples; less is filled up with silence, for the spectrum needs some


class FasterWhisper(WhisperBackend):
    """`faster-whisper`: times and probabilities for every word; its own voice detector stays off."""

    requires: ClassVar[tuple[str, ...]] = ("faster_whisper", "ctranslate2")
    extra: ClassVar[str] = "faster-whisper"
    form: ClassVar[FolderKind] = "whisper-ct2"
    precedence: ClassVar[int | None] = 80  # first: it searches with a beam, and is fast on a processor

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model`: a size (small, large-v3, turbo ...), a hub repository, or a folder; "auto" is
        large-v3-turbo on a GPU and small on a CPU. `language`: a code such as "tr"; "" detects it anew in
        each stretch, so name it where you know it. `device`: auto, cpu or cuda. `precision`: a CTranslate2
        compute type; "auto" is float16 on a GPU and int8 on a CPU. `threads`: of the processor.
        `glossary`: names and terms that are likely to be heard."""

        model: str = "auto"
        language: str = ""
        device: str = "auto"
        precision: str = "auto"
        threads: int | None = None
        beam: int = 5
        glossary: tuple[str, ...] = ()

    @classmethod
    def repository(cls, name: str) -> str:
        """OWNER/NAME as it stands, a size as faster-whisper names it, one of the starter set."""
        if (starter := STARTERS.get(name)) and starter.kind == cls.form:
            return starter.hub
        return name if name.count("/") == 1 else SIZES.get(name, "")

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        if short := short_name(cls.repository(sought.model)):
            return f"`dubline models fetch {short}` brings it, or `dubline models import FOLDER`."
        usual = super().how_to_get(sought)
        draft = first(RECOGNIZERS, "draft").command
        return usual if sought.model else f"{usual} Smaller and faster: `{draft}`."

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        name = options.model
        if name == "auto":
            name = cls.usual(ctranslate2_device.choose(options.device)[0])
        return (*versions("faster_whisper", "ctranslate2"), *cls.sums(name))

    def __init__(self, options: Options) -> None:
        quiet_hub()
        import ctranslate2
        from faster_whisper import WhisperModel

        device, precision = ctranslate2_device.choose(options.device, options.precision)
        can = {*ctranslate2.get_supported_compute_types(device), "default", "auto"}
        if precision not in can:
            raise InvalidJob(
                f"{device} cannot compute in {precision!r} here", hint=f"It can: {', '.join(sorted(can))}."
            )
        if options.beam < 1 or (options.threads is not None and options.threads < 1):
            raise InvalidJob(
                "beam and threads must be 1 or more", hint="Leave them out to take the defaults."
            )
        name = self.usual(device) if options.model == "auto" else options.model
        folder = self.folder_of(name)
        try:
            self._model: Any = WhisperModel(
                str(folder),
                device=device,
                compute_type=precision,
                cpu_threads=options.threads or default_threads(),
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsError(
                f"{folder} could not be loaded: {error}",
                hint="Its model.bin is damaged or of another kind: get the files again.",
            ) from error
        self._language = its_language(options.language, self._model.supported_languages)
        if options.language and not self._language:
            raise refuse_language(name, options.language)
        self._options = options
        self.identities = (folder_identity(name, folder, self.repository(name)),)
        self.notes: tuple[str, ...] = (f"Whisper {name} on {device} in {precision}",)

    def recognize(self, speech: Speech, stretches: tuple[Stretch, ...], report: Report) -> Iterator[Heard]:
        """One `Heard` for each stretch, in order. `report` counts the seconds of the stretches.

        Raises:
            InvalidJob: a stretch is longer than 30 s.
            BackendFailed: CTranslate2 failed, most often for want of memory.
        """
        total, done = check_stretches(stretches), 0.0
        for stretch in stretches:
            report(done, total)
            yield self._hear(samples_of(speech, stretch), stretch)
            done += stretch.end - stretch.start
        report(total, total)

    def detect(self, speech: Speech, stretch: Stretch) -> dict[str, float]:
        """Language -> how likely it is spoken; of a model that knows one alone, for certain.

        The encoder is given the stretch filled up to `LISTENED`: a third of its window costs a seventh.

        Raises:
            BackendFailed: CTranslate2 failed.
        """
        samples = samples_of(speech, stretch)
        return {} if is_silent(samples) else self._chances(samples)

    def _chances(self, samples: NDArray[np.float32]) -> dict[str, float]:
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        samples = np.pad(samples, (0, max(0, LISTENED - len(samples))))
        with _told():
            features = self._model.feature_extractor(samples)[
                :, : self._model.feature_extractor.nb_max_frames
            ]
            (found,) = self._model.model.detect_language(self._model.encode(np.ascontiguousarray(features)))
        return {our_language(token[2:-2]): float(likely) for token, likely in found}

    def _hear(self, samples: NDArray[np.float32], stretch: Stretch) -> Heard:
        language = self._options.language or stretch.language
        if is_silent(samples):
            return Heard(words=(), language=language, no_speech=1.0)
        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        if not language:
            chances = self._chances(samples)
            language = max(chances, key=chances.__getitem__)
        segments = self._transcribe(samples, language)
        if _repetition(segments) > REPEATS:
            again = self._transcribe(samples, language, no_repeat_ngram_size=NO_REPEAT)
            segments = min(segments, again, key=_repetition)
        words = [
            HeardWord(
                text=word.word,
                start=stretch.start + float(word.start),
                end=stretch.start + float(word.end),
                confidence=float(word.probability),
            )
            for segment in segments
            for word in segment.words or ()
        ]
        # A stretch may take several windows; somebody speaks in it if somebody speaks in any of them.
        doubts = [float(segment.no_speech_prob) for segment in segments]
        likely = [float(segment.avg_logprob) for segment in segments]
        return Heard(
            words=orderly(words, stretch),
            language=language,
            no_speech=min(doubts, default=None),
            log_probability=sum(likely) / len(likely) if likely else None,
        )

    def _transcribe(self, samples: NDArray[np.float32], language: str, **more: Any) -> list[Any]:
        with _told():
            segments, _ = self._model.transcribe(
                samples,
                language=its_language(language, self._model.supported_languages),
                beam_size=self._options.beam,
                temperature=0.0,
                word_timestamps=True,
                vad_filter=False,
                condition_on_previous_text=False,
                # What is doubtful is passed on with its figures, not left out in silence.
                no_speech_threshold=None,
                log_prob_threshold=None,
                compression_ratio_threshold=None,
                hotwords=" ".join(self._options.glossary) or None,
                **more,
            )
            return list(segments)

    def __exit__(self, *exc: object) -> None:
        self._model = None


@contextmanager
def _told() -> Iterator[None]:
    """What CTranslate2 fails with, as an error of ours."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise BackendFailed(
            f"faster-whisper failed: {first_line(error)}",
            hint="If memory was short, use a smaller model, precision int8, or device cpu.",
        ) from error


def _repetition(segments: list[Any]) -> float:
    return max((float(segment.compression_ratio) for segment in segments), default=0.0)

"""Speech models of Hugging Face's transformers: Whisper, and whatever else it knows that writes speech down.

What a folder is says its config.json; `weights.speech_models` tells what such a model can, and the modules
named `..._decoding` how it comes to words. Where a model gives no times, a CTC model of the same language
says where the words lie, if one is here; else the times are a guess, and marked as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from msgspec import structs

from dubline.backends.backend import Backend, Sought, importable, versions
from dubline.backends.contract import Heard, Stretch
from dubline.backends.recognizers.decoding import Decoding, Said, hardly_heard
from dubline.backends.recognizers.hearing import RATE, check_stretches, is_silent, orderly, samples_of
from dubline.backends.recognizers.sound_times import along_the_sound
from dubline.backends.recognizers.speech_folders import (
    aligner_for,
    family_of,
    fitting,
    kind_of,
    refuse_request,
)
from dubline.backends.recognizers.whisper_folder import (
    WhisperBackend,
    its_language,
    our_language,
    refuse_language,
)
from dubline.errors import BackendFailed, BackendMissing, InvalidJob, WeightsError, first_line
from dubline.threads import default_threads
from dubline.values.transcript import HeardWord
from dubline.weights.folders import folder_identity
from dubline.weights.hub import quiet_hub
from dubline.weights.installation import pip_command
from dubline.weights.kinds import FolderKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.backends.recognizers.ctc_decoding import CtcDecoding
    from dubline.media.speech import Speech
    from dubline.report import Report
    from dubline.weights.speech_models import SpeechModel

    Samples = NDArray[np.float32]

SIZES = tuple(f"{size}{english}" for size in ("tiny", "base", "small", "medium") for english in ("", ".en"))
SIZES += ("large", "large-v2", "large-v3", "large-v3-turbo")
"""OpenAI's models on the hub: openai/whisper-SIZE."""
SHORTEST = RATE // 2
"""Samples; less is filled up with silence, for some models halve the sound three times."""


class Transformers(WhisperBackend):
    """`transformers`: speech models from a folder or the hub, safetensors only."""

    requires: ClassVar[tuple[str, ...]] = ("transformers", "torch", "safetensors")
    extra: ClassVar[str] = "transformers"
    cost: ClassVar[str] = "it decodes greedily, where faster-whisper searches with a beam"
    confidence: ClassVar[str] = "The mean of the model's probabilities of the pieces that make up the word."
    form: ClassVar[FolderKind] = "whisper"
    more_forms: ClassVar[tuple[FolderKind, ...]] = ("asr",)
    noun: ClassVar[str] = "speech model"
    precedence: ClassVar[int | None] = 70  # after the one that searches with a beam

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model`: a folder, a hub repository or a size of Whisper; "auto" is large-v3-turbo on a GPU and
        small on a CPU. `language`: a code such as "tr"; "" leaves it to the model, where that finds it out.
        `device`: auto, cpu, cuda, cuda:N or mps. `precision`: auto (on CUDA fp16, bf16 for models built on
        a language model; else fp32), fp32, fp16 or bf16. `batch`: stretches at once, halved when memory
        runs out; none means 8 on a GPU and 1 on a CPU. `glossary`: names and terms that are likely to be
        heard, for models that take them. `aligner`: the CTC model that finds the times of words where
        `model` has none; "auto" is one that knows the language, "none" leaves them guessed."""

        model: str = "auto"
        language: str = ""
        device: str = "auto"
        precision: str = "auto"
        threads: int | None = None
        batch: int | None = None
        glossary: tuple[str, ...] = ()
        aligner: str = "auto"

    @classmethod
    def repository(cls, name: str) -> str:
        """OWNER/NAME as it stands, a size as OpenAI publishes it."""
        return name if name.count("/") == 1 else f"openai/whisper-{name}" if name in SIZES else ""

    @classmethod
    def check(cls, sought: Sought) -> None:
        """Refuse a model that cannot hear what is asked, before anything is done."""
        if sought.model or not fitting(sought.language):
            super().check(sought)
        if sought.model and (found := cls.here(sought.model)):
            refuse_request(sought.model, found, sought.language)

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """Whisper's models, and the others that know the language for sure; see `speech_folders.fitting`."""
        if sought.model:
            return super().weights_here(sought)
        others = fitting(sought.language)
        try:
            return {**super().weights_here(sought), **others}
        except WeightsError:  # of Whisper's models none suits
            if not others:
                raise
            return others

    @classmethod
    def costs(cls, sought: Sought, place: Path | None) -> str:
        """Beside greedy decoding, what the model that was taken cannot do."""
        family = family_of(place) if place else None
        if place is None or family is None or family.times:
            return cls.cost
        if aligner := aligner_for(place, sought.language, "auto"):
            return f"{cls.cost}; {family.name} gives no times for words, {aligner[0]} finds them"
        return f"{cls.cost}; {family.name} gives no times for words, so that they are a guess"

    @classmethod
    def takes_glossary(cls, options: Mapping[str, Any]) -> bool:
        """Whether the model of these options can be told what is likely to be heard."""
        found = cls.here(str(options.get("model", "")))
        family = family_of(found) if found else None
        return bool(family and family.glossary)

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        name = options.model
        if name == "auto":
            from dubline.backends.torch_run import choose_device

            name = cls.usual(choose_device(options.device).type)
        sums = cls.sums(name)
        aligner = aligner_for(cls.folder_of(name), options.language, options.aligner)
        return (*versions("transformers", "torch"), *sums, *(cls.sums(str(aligner[1])) if aligner else ()))

    def __init__(self, options: Options) -> None:
        quiet_hub()
        import torch

        from dubline.backends.torch_run import choose_device

        self._torch = torch
        self._device = choose_device(options.device)
        name = self.usual(self._device.type) if options.model == "auto" else options.model
        folder = self.folder_of(name)
        family = family_of(folder)
        kinds = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
        precision = options.precision
        if precision == "auto":
            half = "bf16" if family and family.hearing == "request" else "fp16"
            precision = half if self._device.type == "cuda" else "fp32"
        if precision not in kinds:
            raise InvalidJob(f"there is no precision {precision!r}", hint=f"Use auto, {', '.join(kinds)}.")
        if min(options.batch or 1, options.threads or 1) < 1:
            raise InvalidJob(
                "batch and threads must be 1 or more", hint="Leave them out to take the defaults."
            )
        self._batch = options.batch or (1 if self._device.type == "cpu" else 8)
        if self._device.type == "cpu":
            torch.set_num_threads(options.threads or default_threads())
        self._language = refuse_request(name, folder, options.language)
        self._named = options.language
        if options.glossary and not (family and family.glossary):
            raise InvalidJob(f"{name} takes no glossary", hint="Leave it out, or use another model.")
        self._decoding = self._opened(folder, kinds[precision], options, name)
        self._aligner: CtcDecoding | None = None
        self.identities = (folder_identity(name, folder, self.repository(name)),)
        said = f"{family.name if family else 'Whisper'} {name} on {self._device} in {precision}"
        self._said = (said, *self._timed(family, folder, options, kinds[precision])) if family else (said,)
        self._halvings = 0

    def _opened(self, folder: Path, dtype: Any, options: Options, name: str) -> Decoding:
        family = family_of(folder)
        if family is None:
            from dubline.backends.recognizers.whisper_decoding import WhisperDecoding

            whisper = WhisperDecoding(folder, self._device, dtype)
            if options.language and not its_language(options.language, whisper.languages or ("en",)):
                raise refuse_language(name, options.language)
            return whisper
        if lacking := [module for module in family.requires if not importable(module)]:
            package = lacking[0].replace("_", "-")
            raise BackendMissing(
                f"{family.name} needs {package}, which is not installed",
                hint=f"Install it with: {pip_command(package)}",
            )
        if family.hearing == "ctc":
            from dubline.backends.recognizers.ctc_decoding import CtcDecoding

            return CtcDecoding(folder, self._device, dtype)
        kind = kind_of(folder)
        if family.hearing == "transducer":
            from dubline.backends.recognizers.transducer_decoding import TransducerDecoding

            return TransducerDecoding(folder, self._device, dtype, durations=kind.endswith("tdt"))
        from dubline.backends.recognizers.request_decoding import RequestDecoding

        return RequestDecoding(folder, self._device, dtype, kind, options.glossary)

    def _timed(self, family: SpeechModel, folder: Path, options: Options, dtype: Any) -> tuple[str, ...]:
        """Get ready to find times where the model has none; what is to be told about that."""
        found = aligner_for(folder, options.language, options.aligner)
        if found:
            from dubline.backends.recognizers.ctc_decoding import CtcDecoding

            self._aligner = CtcDecoding(found[1], self._device, dtype)
            self.identities += (folder_identity(found[0], found[1], self.repository(found[0])),)
            return (f"word times: {family.name} gives none, {found[0]} finds where its words lie",)
        if family.times:
            return ()
        which = f"for {self._language!r}" if self._language else "for a language that is not named"
        return (
            f"word times are a guess: {family.name} gives none, and no CTC model {which} is here to find "
            "them; `dubline models import FOLDER` brings one, such as a wav2vec 2.0 of that language",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, and whether memory ran short."""
        short = f"out of memory {self._halvings} times: went on with {self._batch} stretches at once"
        return (*self._said, short) if self._halvings else self._said

    def recognize(self, speech: Speech, stretches: tuple[Stretch, ...], report: Report) -> Iterator[Heard]:
        """One `Heard` for each stretch, in order. `report` counts the seconds of the stretches.

        Raises:
            InvalidJob: a stretch is longer than 30 s.
            BackendFailed: not even a single stretch fits into memory.
        """
        total, done, at = check_stretches(stretches), 0.0, 0
        while at < len(stretches):
            report(done, total)
            group = stretches[at : at + self._batch]
            for stretch, heard in zip(group, self._hear(speech, group), strict=True):
                yield heard
                done += stretch.end - stretch.start
                at += 1
                if at < len(stretches):
                    report(done, total)
        report(total, total)

    def _hear(self, speech: Speech, group: Sequence[Stretch]) -> list[Heard]:
        sounds = [samples_of(speech, stretch) for stretch in group]
        rows = [row for row, sound in enumerate(sounds) if not is_silent(sound)]
        given = [np.pad(sounds[row], (0, max(0, SHORTEST - len(sounds[row])))) for row in rows]
        answers = dict(zip(rows, self._within_memory(given), strict=True)) if rows else {}
        heard = []
        for row, stretch in enumerate(group):
            said = answers.get(row, Said([], no_speech=1.0))
            no_speech = said.no_speech
            if no_speech is None and hardly_heard(sounds[row]):
                no_speech = 1.0
            words = [
                structs.replace(
                    word,
                    start=None if word.start is None else stretch.start + word.start,
                    end=None if word.end is None else stretch.start + word.end,
                )
                for word in self._with_times(said, sounds[row])
            ]
            heard.append(
                Heard(
                    words=orderly(words, stretch),
                    language=self._named or our_language(said.language or self._language),
                    no_speech=no_speech,
                    log_probability=sum(said.logs) / len(said.logs) if said.logs else None,
                )
            )
        return heard

    def _with_times(self, said: Said, sound: Samples) -> list[HeardWord]:
        """Words as they are where the model timed them; else where the aligner finds them, or guessed."""
        words = [word for word in said.words if word.text.strip()]
        if all(word.start is not None for word in words):
            return words
        texts = [word.text for word in words]
        spans: Sequence[tuple[float, float] | None] = [None] * len(words)
        if self._aligner is not None:
            with self._torch.inference_mode():
                spans = self._aligner.align(sound, texts, said.language)
        guessed = not any(spans)
        if guessed:
            spans = along_the_sound(texts, sound)
        # A word without a letter that the aligner knows stays without times: its neighbours give it some.
        return [
            structs.replace(word, start=span[0], end=span[1], estimated=guessed) if span else word
            for word, span in zip(words, spans, strict=True)
        ]

    def _within_memory(self, sounds: list[Samples]) -> list[Said]:
        """What is said in each sound; halves the batch when memory runs out."""
        from dubline.backends.torch_run import out_of_memory

        result = None
        try:
            with self._torch.inference_mode():
                result = self._run(sounds)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise BackendFailed(
                    f"transformers failed on {self._device}: {first_line(error)}",
                    hint="Try precision fp32, or device cpu.",
                ) from error
        if result is not None:
            return result
        # Outside of the `except`: until it is left, the error keeps the memory that must become free.
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        if len(sounds) == 1:
            raise BackendFailed(
                f"{self._device} has too little memory for a single stretch",
                hint="Use a smaller model, precision fp16, or device cpu.",
            )
        self._halvings += 1
        self._batch = half = max(1, len(sounds) // 2)
        return [
            said
            for begin in range(0, len(sounds), half)
            for said in self._within_memory(sounds[begin : begin + half])
        ]

    def _run(self, sounds: list[Samples]) -> list[Said]:
        return self._decoding.hear(sounds, self._language)

    def __exit__(self, *exc: object) -> None:
        del self._decoding
        self._aligner = None
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()

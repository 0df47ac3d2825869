"""Models of transformers that write a sound down as an answer to a request: Canary, Cohere Transcribe,
Qwen3-ASR, Voxtral, Moonshine. Decoding is greedy. They give no times."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubline.backends.recognizers.chances import Chances
from dubline.backends.recognizers.decoding import NO_REPEAT, REPEATS, Pieces, Said, load, repetition
from dubline.backends.recognizers.hearing import LONGEST, RATE
from dubline.values.transcript import HeardWord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

MARK = "<asr_text>"
"""Qwen3-ASR says "language German<asr_text>Guten Tag", "language None" of a sound without words."""
MOST = 25
"""Pieces a second, and as many to begin with: more letters than anybody speaks, so that an answer that goes
round ends."""


class RequestDecoding:
    """A model that is asked; `kind` is its `model_type`."""

    def __init__(self, folder: Path, device: Any, dtype: Any, kind: str, glossary: tuple[str, ...]) -> None:
        self._device, self._kind, self._name = device, kind, folder.name
        self._model, self._processor = load(folder, "AutoModelForSpeechSeq2Seq", device, dtype)
        self._tokenizer = self._processor.tokenizer
        self._pieces = Pieces(self._tokenizer)
        self._glossary = ", ".join(glossary) or None
        settings = self._model.generation_config
        ends = settings.eos_token_id if settings.eos_token_id is not None else self._tokenizer.eos_token_id
        self._ends = set(ends if isinstance(ends, list | tuple) else [ends])
        self._special = {*self._tokenizer.all_special_ids}
        self._mark = self._tokenizer.convert_tokens_to_ids(MARK) if kind == "qwen3_asr" else None

    def hear(self, sounds: list[Samples], language: str) -> list[Said]:
        """What is said in each sound, without times."""
        given = self._given(sounds, language)
        if len(sounds) > 1 and not {"attention_mask", "input_features_mask"} & given.keys():
            # Without a mask the shorter ones would be heard with the silence that fills them up.
            return [said for sound in sounds for said in self.hear([sound], language)]
        return [
            self._again(sound, language, answer)
            if self._goes_round(*answer)
            else self._read(*answer, language)
            for sound, answer in zip(sounds, self._answers(given, sounds), strict=True)
        ]

    def _again(self, sound: Samples, language: str, answer: tuple[list[int], list[float]]) -> Said:
        """The better of an answer that repeats itself and another in which nothing may."""
        given = self._given([sound], language)
        (other,) = self._answers(given, [sound], no_repeat_ngram_size=NO_REPEAT)
        best = min((answer, other), key=lambda one: repetition(self._pieces.text(one[0])))
        return self._read(*best, language)

    def _goes_round(self, ids: list[int], _: list[float]) -> bool:
        return repetition(self._pieces.text(ids)) > REPEATS

    def _given(self, sounds: list[Samples], language: str) -> dict[str, Any]:
        """What the model is given: the sound, and the request in its own form."""
        processor = self._processor
        sounds = [sound[: round(LONGEST * RATE)] for sound in sounds]
        if self._kind == "canary":
            made = processor.apply_transcription_request(sounds, source_language=language)
        elif self._kind == "qwen3_asr":
            made = processor.apply_transcription_request(
                sounds, language=language or None, prompt=self._glossary
            )
        elif self._kind == "voxtral":
            made = processor.apply_transcription_request(
                sounds,
                model_id=self._name,
                language=language or None,
                sampling_rate=RATE,
                format=["WAV"] * len(sounds),
            )
        elif self._kind == "cohere_asr":
            made = processor(sounds, language=language, sampling_rate=RATE)
        else:
            made = processor(sounds, sampling_rate=RATE, return_tensors="pt", padding=True)
        tensors = {name: value for name, value in made.items() if hasattr(value, "to")}
        return {
            name: value.to(self._device, self._model.dtype if value.is_floating_point() else None)
            for name, value in tensors.items()
        }

    def _answers(
        self, given: dict[str, Any], sounds: list[Samples], **more: Any
    ) -> list[tuple[list[int], list[float]]]:
        """Each sound's pieces up to the end of the answer, and how likely they were."""
        chances = Chances()
        most = [MOST + round(MOST * len(sound) / RATE) for sound in sounds]
        out = self._model.generate(
            **given,
            max_new_tokens=max(most),
            num_beams=1,
            do_sample=False,
            logits_processor=[chances],
            **more,
        )
        answers = []
        rows = out[:, out.shape[1] - len(chances) :].tolist()
        for row, likely, limit in zip(rows, chances.rows(), most, strict=True):
            end = next((at for at, label in enumerate(row[:limit]) if label in self._ends), limit)
            answers.append((row[:end], likely[:end]))
        return answers

    def _read(self, ids: list[int], likely: list[float], language: str) -> Said:
        told, no_speech = language, None
        if self._mark in ids and not language:
            at = ids.index(self._mark)
            name = self._pieces.text(ids[:at]).strip().removeprefix("language").strip().lower()
            ids, likely = ids[at + 1 :], likely[at + 1 :]
            told, no_speech = _code(name), 1.0 if name == "none" else None
        text = [i for i, label in enumerate(ids) if label not in self._special and label != self._mark]
        words = []
        for spoken, group in self._pieces.words([ids[i] for i in text], told) if text else ():
            mean = sum(likely[text[i]] for i in group) / len(group)
            words.append(HeardWord(text=spoken, confidence=mean))
        return Said(words, told, [math.log(max(likely[i], 1e-9)) for i in text], no_speech)


def _code(name: str) -> str:
    """The code of a language that Qwen3-ASR names; "" for what it does not know."""
    from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

    return next((code for code, known in LANGUAGE_CODE_TO_NAME.items() if known.lower() == name), "")

"""CTC models of transformers: Parakeet CTC, wav2vec 2.0, HuBERT, WavLM. Times are those of the letters.

Such a model can also say where in a sound a text lies that another one heard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dubline.backends.recognizers.ctc_path import aligned, best_path
from dubline.backends.recognizers.decoding import Pieces, Said, load
from dubline.backends.recognizers.hearing import RATE
from dubline.values.transcript import HeardWord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


class CtcDecoding:
    """A CTC model: what it hears, and where a text lies."""

    def __init__(self, folder: Path, device: Any, dtype: Any) -> None:
        self._device = device
        self._model, self._processor = load(folder, "AutoModelForCTC", device, dtype)
        self._tokenizer = self._processor.tokenizer
        # Letters that last are one already: to the tokenizer a doubled one must not look as if it lasted.
        self._pieces = Pieces(self._tokenizer, group_tokens=False)
        self._blank = int(self._model.config.pad_token_id)
        self._border = getattr(self._tokenizer, "word_delimiter_token_id", None)
        self._frame = frame_seconds(self._model, self._processor)

    def hear(self, sounds: list[Samples], language: str) -> list[Said]:
        """What is said in each sound."""
        return [self._read(logs, language) for logs in self._logs(sounds)]

    def align(self, sound: Samples, words: Sequence[str], language: str) -> list[tuple[float, float] | None]:
        """Where words lie in a sound, seconds; None for a word that has no letter of the model's, and for all
        where the sound is too short for them."""
        labels: list[int] = []
        owners: list[int] = []
        for index, word in enumerate(words):
            ids = self._labels(word, language)
            if ids and labels and self._border is not None:
                labels.append(self._border)
                owners.append(-1)
            labels += ids
            owners += [index] * len(ids)
        (logs,) = self._logs([sound])
        found: list[tuple[float, float] | None] = [None] * len(words)
        for owner, (first, end) in zip(owners, aligned(logs, labels, self._blank) or (), strict=False):
            if owner >= 0:
                before = found[owner]
                found[owner] = (before[0] if before else first * self._frame, end * self._frame)
        return found

    def _labels(self, word: str, language: str) -> list[int]:
        text = self._pieces.fitted(word.strip(), language)
        ids = self._tokenizer(text, add_special_tokens=False).input_ids
        left_out = {*self._tokenizer.all_special_ids, self._blank, self._border}
        return [label for label in ids if label not in left_out]

    def _logs(self, sounds: list[Samples]) -> list[Any]:
        """(moments, labels) logarithms of probabilities for each sound."""
        given = self._processor(
            sounds, sampling_rate=RATE, return_tensors="pt", **({"padding": True} if len(sounds) > 1 else {})
        )
        if len(sounds) > 1 and "attention_mask" not in given:
            # Without a mask the shorter ones would be heard with the silence that fills them up.
            return [logs for sound in sounds for logs in self._logs([sound])]
        name = self._model.main_input_name
        mask = given.get("attention_mask")
        logits = self._model(
            given[name].to(self._device, self._model.dtype),
            attention_mask=None if mask is None else mask.to(self._device),
        ).logits
        logs = logits.float().log_softmax(-1).cpu().numpy()
        if len(sounds) == 1:
            return [logs[0]]
        return [
            row[: math.ceil(len(sound) / RATE / self._frame)] for row, sound in zip(logs, sounds, strict=True)
        ]

    def _read(self, logs: Any, language: str) -> Said:
        found = best_path(logs, self._blank)
        parts: list[list[tuple[int, tuple[int, int]]]] = [[]]
        for label, span in found:
            if label == self._border:
                parts.append([])
            elif label not in self._tokenizer.all_special_ids:
                parts[-1].append((label, span))
        words, likely = [], []
        for part in parts:
            ids = [label for label, _ in part]
            for text, group in self._pieces.words(ids, language) if ids else ():
                chances = [float(logs[part[i][1][0], part[i][0]]) for i in group]
                likely += chances
                words.append(
                    HeardWord(
                        text=text,
                        start=part[group[0]][1][0] * self._frame,
                        end=part[group[-1]][1][1] * self._frame,
                        confidence=sum(math.exp(chance) for chance in chances) / len(chances),
                    )
                )
        return Said(words, language, likely)


def frame_seconds(model: Any, processor: Any) -> float:
    """How long one moment of a model's output lasts."""
    config = model.config
    ratio = getattr(config, "inputs_to_logits_ratio", None) or config.encoder_config.subsampling_factor
    of_spectrum = model.main_input_name == "input_features"
    return float(ratio * (processor.feature_extractor.hop_length if of_spectrum else 1) / RATE)

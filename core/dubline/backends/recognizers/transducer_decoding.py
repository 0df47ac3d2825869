"""Transducers of transformers: Parakeet TDT and RNN-T. They go through the sound once, saying a piece where
they hear it, so that every piece has its time; TDT says how long it lasts as well."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubline.backends.recognizers.chances import Chances
from dubline.backends.recognizers.ctc_decoding import frame_seconds
from dubline.backends.recognizers.decoding import Pieces, Said, load
from dubline.backends.recognizers.hearing import RATE
from dubline.values.transcript import HeardWord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


class TransducerDecoding:
    """A transducer, decoded greedily."""

    def __init__(self, folder: Path, device: Any, dtype: Any, *, durations: bool) -> None:
        self._device = device
        self._model, self._processor = load(
            folder, "AutoModelForTDT" if durations else "AutoModelForRNNT", device, dtype
        )
        config = self._model.config
        self._durations = durations
        self._silent = {config.blank_token_id, config.pad_token_id}
        self._pieces = Pieces(self._processor.tokenizer, group_tokens=False)
        self._frame = frame_seconds(self._model, self._processor)
        settings = self._model.generation_config
        if settings.decoder_start_token_id is None:  # of folders that say only what their model is
            settings.decoder_start_token_id = config.blank_token_id

    def hear(self, sounds: list[Samples], language: str) -> list[Said]:
        """What is said in each sound."""
        given = self._processor(sounds, sampling_rate=RATE)
        chances = Chances(self._model.config.vocab_size)
        moments = [math.ceil(len(sound) / RATE / self._frame) for sound in sounds]
        symbols = self._model.config.max_symbols_per_step
        out = self._model.generate(
            input_features=given["input_features"].to(self._device, self._model.dtype),
            attention_mask=given["attention_mask"].to(self._device),
            max_new_tokens=max(moments) * symbols,
            return_dict_in_generate=True,
            logits_processor=[chances],
        )
        starts = (out.durations.cumsum(-1) - out.durations).tolist()
        rows = zip(
            out.sequences.tolist(), starts, out.durations.tolist(), chances.rows(), moments, strict=True
        )
        # The first piece is the one that generation starts with; nobody said it.
        # In a batch, a sound that has ended goes on until the longest one has: that was not said either.
        return [
            self._read(
                [label for label, start in zip(ids[1:], at[1:], strict=True) if start < end][: end * symbols],
                at[1:],
                lasts[1:],
                likely,
                language,
            )
            for ids, at, lasts, likely, end in rows
        ]

    def _read(
        self, ids: list[int], starts: list[int], lasts: list[int], likely: list[float], language: str
    ) -> Said:
        heard = [index for index, label in enumerate(ids) if label not in self._silent]
        words = []
        for text, group in self._pieces.words([ids[i] for i in heard], language) if heard else ():
            places = [heard[i] for i in group]
            end = max(starts[i] + (lasts[i] if self._durations else 1) for i in places)
            words.append(
                HeardWord(
                    text=text,
                    start=starts[places[0]] * self._frame,
                    end=end * self._frame,
                    confidence=sum(likely[i] for i in places) / len(places),
                )
            )
        return Said(words, language, [math.log(max(likely[i], 1e-9)) for i in heard])

"""Whisper in transformers' form. A window of sound goes through the encoder once; language, the probability
that nobody speaks, the text and its times all come from that. Decoding is greedy. As Whisper asks for, a
window whose text breaks off in the middle of a sentence is taken up again from its last timestamp.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubline.backends.recognizers.decoding import NO_REPEAT, REPEATS, Said, load, repetition, word_groups
from dubline.backends.recognizers.hearing import RATE
from dubline.backends.recognizers.whisper_folder import its_language, our_language
from dubline.language.script import UNSPACED_LANGUAGES
from dubline.values.transcript import HeardWord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

LEAST_LEFT = 0.5
"""Seconds that must be left of a window for its rest to be worth another look."""
STEP = 0.02  # seconds between two of Whisper's timestamps


class WhisperDecoding:
    """Whisper; word times from its attention. `languages` are the codes it knows, () of an English one."""

    def __init__(self, folder: Path, device: Any, dtype: Any) -> None:
        import torch

        self._torch, self._device = torch, device
        self._model, processor = load(
            folder, "WhisperForConditionalGeneration", device, dtype, attn_implementation="eager"
        )
        self._extract: Any = processor.feature_extractor
        self._tokens: Any = processor.tokenizer
        settings = self._model.generation_config
        multilingual = bool(getattr(settings, "is_multilingual", False))
        self._languages: dict[str, int] = dict(settings.lang_to_id) if multilingual else {}
        self._no_timestamps: int = settings.no_timestamps_token_id
        self._prefix = 3 if multilingual else 1
        self.languages = tuple(name[2:-2] for name in self._languages)

    def hear(self, sounds: list[Samples], language: str) -> list[Said]:
        """What is said in each sound."""
        words: list[list[HeardWord]] = [[] for _ in sounds]
        languages = [its_language(language, self.languages)] * len(sounds)
        likely: list[list[float]] = [[] for _ in sounds]
        doubt: list[float] = [1.0] * len(sounds)
        waiting = [(row, 0) for row in range(len(sounds))]  # (row, from sample)
        while waiting:
            windows = [sounds[row][begin:] for row, begin in waiting]
            results = self._windows(windows, [languages[row] for row, _ in waiting])
            further = []
            for (row, begin), window, result in zip(waiting, windows, results, strict=True):
                spoken, told, silence, upto, logs = result
                offset = begin / RATE
                words[row] += [
                    HeardWord(text=text, start=offset + a, end=offset + b, confidence=c)
                    for text, a, b, c in spoken
                ]
                languages[row] = languages[row] or told
                likely[row] += logs
                doubt[row] = min(doubt[row], silence)
                if upto is not None and 0 < upto < len(window) / RATE - LEAST_LEFT:
                    further.append((row, begin + round(upto * RATE)))
            waiting = further
        told = [language or our_language(code) for code in languages]
        return [Said(*row) for row in zip(words, told, likely, doubt, strict=True)]

    def _windows(self, windows: list[Any], languages: list[str]) -> list[Any]:
        """Each window's (words, language, no speech, where to go on or None, logs of the tokens'
        probabilities)."""
        torch, model = self._torch, self._model
        given = self._extract(windows, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True)
        features = given.input_features.to(self._device, model.dtype)  # (batch, mels, 3000)
        mask = given.attention_mask.to(self._device)
        encoded = model.get_encoder()(features)
        first = torch.full(
            (len(windows), 1), model.generation_config.decoder_start_token_id, device=self._device
        )
        opening = model(encoder_outputs=encoded, decoder_input_ids=first).logits[:, -1].float()
        silence = opening.softmax(-1)[:, self._no_timestamps - 1].tolist()
        names, numbers = list(self._languages), list(self._languages.values())
        if names:
            likely = opening[:, numbers].argmax(-1).tolist()
            languages = [told or names[i][2:-2] for told, i in zip(languages, likely, strict=True)]
        else:
            languages = ["en"] * len(windows)

        def generate(rows: list[int], **more: Any) -> tuple[Any, Any]:
            if names:
                more |= {"language": [languages[row] for row in rows], "task": "transcribe"}
            out = model.generate(
                features[rows],
                encoder_outputs=type(encoded)(last_hidden_state=encoded.last_hidden_state[rows]),
                attention_mask=mask[rows],
                return_timestamps=True,
                return_token_timestamps=True,
                return_dict_in_generate=True,
                force_unique_generate_call=True,
                num_beams=1,
                do_sample=False,
                **more,
            )
            return out["sequences"].cpu(), out["token_timestamps"].cpu()

        sequences, times = generate(list(range(len(windows))))
        results = []
        for row, (window, told) in enumerate(zip(windows, languages, strict=True)):
            line, clock = sequences[row], times[row]
            if repetition(self._text(line)) > REPEATS:
                again, moments = generate([row], no_repeat_ngram_size=NO_REPEAT)
                if repetition(self._text(again[0])) < repetition(self._text(line)):
                    line, clock = again[0], moments[0]
            states = type(encoded)(last_hidden_state=encoded.last_hidden_state[row : row + 1])
            chances = self._chances(states, line)
            spoken, upto, logs = self._read(line, clock, chances, told, len(window) / RATE)
            results.append((spoken, told, silence[row], upto, logs))
        return results

    def _chances(self, encoded: Any, line: Any) -> Any:
        """The probability of each token of a line, given those before it."""
        torch = self._torch
        tokens = line[None].to(self._device)
        logits = self._model(encoder_outputs=encoded, decoder_input_ids=tokens[:, :-1]).logits[0].float()
        picked = logits.softmax(-1).gather(1, tokens[0, 1:, None])[:, 0]
        return torch.cat([torch.ones(1, device=picked.device), picked]).tolist()

    def _text(self, line: Any) -> str:
        ids = [token for token in line.tolist() if token < self._eos]
        return str(self._tokens.decode(ids))

    @property
    def _eos(self) -> int:
        return int(self._model.config.eos_token_id)

    def _read(
        self, line: Any, clock: Any, chances: list[float], language: str, length: float
    ) -> tuple[list[tuple[str, float, float, float]], float | None, list[float]]:
        """Words with times in the window; where it must be taken up again, if at all; the tokens' logs."""
        tokens, stamp = line.tolist(), self._no_timestamps + 1
        end = len(tokens)
        while end > self._prefix and tokens[end - 1] == self._eos:
            end -= 1
        doubled = [i for i in range(self._prefix + 1, end) if min(tokens[i - 1 : i + 1]) >= stamp]
        upto = None
        closed = end >= 2 and tokens[end - 1] >= stamp > tokens[end - 2]
        if doubled and not closed:
            end = doubled[-1]
            upto = (tokens[end] - stamp) * STEP
        text = [i for i in range(self._prefix, end) if tokens[i] < self._eos]
        words = []
        for group in word_groups(
            [tokens[i] for i in text], self._spoken, self._begins, language not in UNSPACED_LANGUAGES
        ):
            places = [text[i] for i in group]
            # A token's time is where the attention arrives at it; it ends where the next one begins.
            last = places[-1] + 1
            finish = float(clock[last]) if last < len(clock) and last <= end else length
            mean = sum(chances[i] for i in places) / len(places)
            spoken = self._spoken([tokens[i] for i in places])
            words.append((spoken, min(float(clock[places[0]]), length), min(finish, length), mean))
        return words, upto, [math.log(max(chances[i], 1e-9)) for i in text]

    def _spoken(self, tokens: list[int]) -> str:
        return str(self._tokens.decode(tokens))

    def _begins(self, tokens: list[int]) -> bool:
        return self._spoken(tokens).startswith(" ")

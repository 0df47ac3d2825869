"""Whisper through Hugging Face's transformers: for models that exist in that form only, such as fine-tunes.

A window of sound goes through the encoder once; language, the probability that nobody speaks, the text and
its times all come from that. Decoding is greedy. As Whisper asks for, a window whose text breaks off in
the middle of a sentence is taken up again from its last timestamp.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dubline.backends.backend import Backend, versions
from dubline.backends.contract import Heard, Stretch
from dubline.backends.recognizers.hearing import RATE, check_stretches, is_silent, orderly, samples_of
from dubline.backends.recognizers.whisper_folder import WhisperBackend, refuse_language
from dubline.backends.torchaudio_guard import before_transformers
from dubline.errors import BackendFailed, InvalidJob, WeightsError, first_line
from dubline.threads import default_threads
from dubline.values.transcript import HeardWord
from dubline.weights.folders import folder_identity
from dubline.weights.hub import quiet_hub
from dubline.weights.kinds import FolderKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.media.speech import Speech
    from dubline.report import Report

SIZES = tuple(f"{size}{english}" for size in ("tiny", "base", "small", "medium") for english in ("", ".en"))
SIZES += ("large", "large-v2", "large-v3", "large-v3-turbo")
"""OpenAI's models on the hub: openai/whisper-SIZE."""
REPEATS = 2.4  # as in `faster_whisper`
NO_REPEAT = 5
LEAST_LEFT = 0.5
"""Seconds that must be left of a window for its rest to be worth another look."""
STEP = 0.02  # seconds between two of Whisper's timestamps
WITHOUT_SPACES = ("zh", "ja", "th", "lo", "my", "yue")


class TransformersWhisper(WhisperBackend):
    """`transformers`: Whisper from a folder or the hub, safetensors only; word times from its attention."""

    requires: ClassVar[tuple[str, ...]] = ("transformers", "torch", "safetensors")
    extra: ClassVar[str] = "transformers"
    cost: ClassVar[str] = "it decodes greedily, where faster-whisper searches with a beam"
    form: ClassVar[FolderKind] = "whisper"
    precedence: ClassVar[int | None] = 70  # after the one that searches with a beam

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model`: a folder, a hub repository or a size; "auto" is large-v3-turbo on a GPU and small on a
        CPU. `language`: a code such as "tr"; "" detects it in each stretch. `device`: auto, cpu, cuda,
        cuda:N or mps. `precision`: auto (fp16 on CUDA, else fp32), fp32, fp16 or bf16. `batch`: stretches
        at once, halved when memory runs out; none means 8 on a GPU and 1 on a CPU."""

        model: str = "auto"
        language: str = ""
        device: str = "auto"
        precision: str = "auto"
        threads: int | None = None
        batch: int | None = None

    @classmethod
    def repository(cls, name: str) -> str:
        """OWNER/NAME as it stands, a size as OpenAI publishes it."""
        return name if name.count("/") == 1 else f"openai/whisper-{name}" if name in SIZES else ""

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        name = options.model
        if name == "auto":
            from dubline.backends.torch_run import choose_device

            name = cls.usual(choose_device(options.device).type)
        return (*versions("transformers", "torch"), *cls.sums(name))

    def __init__(self, options: Options) -> None:
        quiet_hub()
        import torch

        from dubline.backends.torch_run import choose_device

        self._torch = torch
        self._device = choose_device(options.device)
        kinds = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
        precision = options.precision
        if precision == "auto":
            precision = "fp16" if self._device.type == "cuda" else "fp32"
        if precision not in kinds:
            raise InvalidJob(f"there is no precision {precision!r}", hint=f"Use auto, {', '.join(kinds)}.")
        if min(options.batch or 1, options.threads or 1) < 1:
            raise InvalidJob(
                "batch and threads must be 1 or more", hint="Leave them out to take the defaults."
            )
        self._batch = options.batch or (1 if self._device.type == "cpu" else 8)
        name = self.usual(self._device.type) if options.model == "auto" else options.model
        folder = self.folder_of(name)
        if self._device.type == "cpu":
            torch.set_num_threads(options.threads or default_threads())
        self._load(folder, kinds[precision])
        if options.language and f"<|{options.language}|>" not in self._languages:
            raise refuse_language(name, options.language)
        self._language = options.language
        self.identities = (folder_identity(name, folder, self.repository(name)),)
        self._said = f"Whisper {name} on {self._device} in {precision}"
        self._halvings = 0

    def _load(self, folder: Any, dtype: Any) -> None:
        before_transformers()
        from safetensors import SafetensorError
        from transformers import AutoFeatureExtractor, AutoTokenizer, WhisperForConditionalGeneration
        from transformers.utils import logging as noise

        noise.set_verbosity_error()
        noise.disable_progress_bar()
        try:
            model = WhisperForConditionalGeneration.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype, attn_implementation="eager"
            )
            self._model: Any = model.to(self._device).eval()
            self._extract: Any = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
            self._tokens: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            raise WeightsError(
                f"{folder} could not be loaded as a Whisper model: {first_line(error)}",
                hint="Its files are damaged or of another kind of model: get them again.",
            ) from error
        settings = model.generation_config
        multilingual = bool(getattr(settings, "is_multilingual", False))
        self._languages: dict[str, int] = dict(settings.lang_to_id) if multilingual else {}
        self._no_timestamps: int = settings.no_timestamps_token_id
        self._prefix = 3 if multilingual else 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, and whether memory ran short."""
        short = f"out of memory {self._halvings} times: went on with {self._batch} stretches at once"
        return (self._said, short) if self._halvings else (self._said,)

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
            ready = self._hear([samples_of(speech, stretch) for stretch in group], group)
            for stretch, heard in zip(group, ready, strict=True):
                yield heard
                done += stretch.end - stretch.start
                at += 1
                if at < len(stretches):
                    report(done, total)
        report(total, total)

    def _hear(self, sounds: list[NDArray[np.float32]], group: tuple[Stretch, ...]) -> list[Heard]:
        words: list[list[HeardWord]] = [[] for _ in group]
        language = [self._language] * len(group)
        likely: list[list[float]] = [[] for _ in group]
        doubt: list[float | None] = [1.0 if is_silent(sound) else None for sound in sounds]
        waiting = [(row, 0) for row, sound in enumerate(sounds) if not is_silent(sound)]  # (row, from sample)
        while waiting:
            windows = [sounds[row][begin:] for row, begin in waiting]
            results = self._windows(windows, [language[row] for row, _ in waiting])
            further = []
            for (row, begin), window, result in zip(waiting, windows, results, strict=True):
                spoken, told, silence, upto, logs = result
                offset = group[row].start + begin / RATE
                words[row] += [
                    HeardWord(text=text, start=offset + a, end=offset + b, confidence=c)
                    for text, a, b, c in spoken
                ]
                language[row] = language[row] or told
                likely[row] += logs
                before = doubt[row]
                doubt[row] = silence if before is None else min(before, silence)
                if upto is not None and 0 < upto < len(window) / RATE - LEAST_LEFT:
                    further.append((row, begin + round(upto * RATE)))
            waiting = further
        return [
            Heard(
                words=orderly(spoken, stretch),
                language=told,
                no_speech=silence,
                log_probability=sum(logs) / len(logs) if logs else None,
            )
            for spoken, stretch, told, silence, logs in zip(
                words, group, language, doubt, likely, strict=True
            )
        ]

    def _windows(self, windows: list[Any], languages: list[str]) -> list[Any]:
        """Each window's (words, language, no speech, where to go on or None, logs of the tokens'
        probabilities); halves the batch when memory runs out."""
        from dubline.backends.torch_run import out_of_memory

        result = None
        try:
            with self._torch.inference_mode():
                result = self._run(windows, languages)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise BackendFailed(
                    f"Whisper failed on {self._device}: {first_line(error)}",
                    hint="Try precision fp32, or device cpu.",
                ) from error
        if result is not None:
            return result
        # Outside of the `except`: until it is left, the error keeps the memory that must become free.
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        if len(windows) == 1:
            raise BackendFailed(
                f"{self._device} has too little memory for a single stretch",
                hint="Use a smaller Whisper model, precision fp16, or device cpu.",
            )
        self._halvings += 1
        self._batch = half = max(1, len(windows) // 2)
        return [
            item
            for begin in range(0, len(windows), half)
            for item in self._windows(windows[begin : begin + half], languages[begin : begin + half])
        ]

    def _run(self, windows: list[Any], languages: list[str]) -> list[Any]:
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
            if _repetition(self._text(line)) > REPEATS:
                again, moments = generate([row], no_repeat_ngram_size=NO_REPEAT)
                if _repetition(self._text(again[0])) < _repetition(self._text(line)):
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
        for group in self._grouped([tokens[i] for i in text], language not in WITHOUT_SPACES):
            places = [text[i] for i in group]
            # A token's time is where the attention arrives at it; it ends where the next one begins.
            last = places[-1] + 1
            finish = float(clock[last]) if last < len(clock) and last <= end else length
            mean = sum(chances[i] for i in places) / len(places)
            spoken = str(self._tokens.decode([tokens[i] for i in places]))
            words.append((spoken, min(float(clock[places[0]]), length), min(finish, length), mean))
        return words, upto, [math.log(max(chances[i], 1e-9)) for i in text]

    def _grouped(self, tokens: list[int], spaces: bool) -> list[list[int]]:
        """Indices of the tokens of each word. A word begins at a space, or, in scripts without, at a letter;
        bytes of one letter stay together, and punctuation stays with the word before it."""
        groups: list[list[int]] = []
        letter: list[int] = []
        for index in range(len(tokens)):
            letter.append(index)
            piece = self._tokens.decode([tokens[i] for i in letter])
            if piece.endswith("\ufffd") and index + 1 < len(tokens):
                continue
            follows = not any(c.isalnum() for c in piece) if not spaces else not piece.startswith(" ")
            if groups and follows:
                groups[-1] += letter
            else:
                groups.append(letter)
            letter = []
        return groups

    def __exit__(self, *exc: object) -> None:
        self._model = None
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()


def _repetition(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0

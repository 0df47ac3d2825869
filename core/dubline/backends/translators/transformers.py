"""Translation models of Hugging Face's transformers: Marian (OPUS-MT), NLLB and M2M100.

Candidates come from one beam search. For a line that must be shorter or longer the model draws lots as well
(top-p sampling): each draw has a seed of its own, made of the line's text, so that it does not matter which
lines are beside it. That is done with the Gumbel-max trick (Gumbel 1954; Yellott 1977): the likeliest of
log probability + Gumbel noise is a sample.

In int8 torch scales the numbers of a whole batch together. Of two translations that are nearly equally good,
another may then come first in other company; lots are therefore drawn for each line by itself.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from dubline.backends.backend import versions
from dubline.backends.translators.seq2seq_batches import BatchWork, Found
from dubline.backends.translators.seq2seq_folder import (
    Seq2SeqBackend,
    called,
    check_numbers,
)
from dubline.backends.translators.seq2seq_languages import Codec
from dubline.errors import InvalidJob, WeightsError, first_line
from dubline.threads import default_threads
from dubline.weights.folders import folder_identity, weight_sums
from dubline.weights.hub import quiet_hub
from dubline.weights.kinds import FolderKind, read_settings

if TYPE_CHECKING:
    from pathlib import Path

PRECISIONS = ("auto", "fp32", "int8", "bf16", "fp16")
FAMILIES = ("marian", "m2m_100")  # `model_type`; NLLB's is m2m_100
DRAWS = 8
"""How often lots are drawn for a line that must be shorter or longer."""
TOP_P = 0.95
TOP_K = 64
"""Among how many tokens lots are drawn at most."""
SCORES_AGREE = 0.05
"""By how much, on average, the best scores in half precision may differ from those in fp32."""


class TransformersTranslator(Seq2SeqBackend):
    """`transformers`: OPUS-MT, NLLB or M2M100 from a folder; safetensors only, no network."""

    requires: ClassVar[tuple[str, ...]] = ("transformers", "torch", "safetensors")
    extra: ClassVar[str] = "transformers"
    forms: ClassVar[tuple[FolderKind, ...]] = ("seq2seq",)
    precedence: ClassVar[int | None] = 70  # after the faster one

    class Options(Seq2SeqBackend.Options, frozen=True, kw_only=True):
        """As of all learned translators. `device`: auto, cpu, cuda, cuda:N or mps. `precision`: auto (int8 on
        a CPU; on CUDA bf16, or fp16 where that is missing, if it agrees with fp32 on the first batch; else
        fp32), fp32, int8, bf16, fp16. `seed`: of the lots drawn for shorter and longer ones."""

        seed: int = 0

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        sums = weight_sums(cls.chosen(options)[1])
        return (*versions("transformers", "torch"), *sums)

    def __init__(self, options: Options) -> None:
        check_numbers(options)
        if options.precision not in PRECISIONS:
            raise InvalidJob(
                f"there is no precision {options.precision!r}", hint=f"Use {', '.join(PRECISIONS)}."
            )
        quiet_hub()
        import torch

        from dubline.backends.torch_run import choose_device, out_of_memory

        self._torch = torch
        self._options = options
        self._device = choose_device(options.device)
        name, folder = self.chosen(options)
        settings = read_settings(folder)
        if settings.get("model_type") not in FAMILIES:
            raise WeightsError(
                f"{folder} is not Marian, NLLB or M2M100 (its model_type is {settings.get('model_type')})",
                hint="Take one of those: Helsinki-NLP/opus-mt-*, facebook/nllb-200-* or facebook/m2m100_*.",
            )
        self._codec = Codec(folder, options.source, options.target, settings.get("max_position_embeddings"))
        self._precision, self._trial = _chosen(options.precision, self._device)
        if self._device.type == "cpu":
            torch.set_num_threads(options.threads or default_threads())
        self._int8_missing = False
        self._half: Any = None  # what a GPU computes in while the weights stay as they are
        self._load(folder)
        self._work = BatchWork(
            self,
            candidates=options.candidates,
            budget=options.budget,
            out_of_memory=out_of_memory,
            make_room=torch.cuda.empty_cache if self._device.type == "cuda" else lambda: None,
        )
        self.identities = (folder_identity(called(name, folder), folder, name),)
        self._name = self.identities[0].name

    def _load(self, folder: Path) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModelForSeq2SeqLM, GenerationConfig
        from transformers.utils import logging as noise

        torch = self._torch
        noise.set_verbosity_error()
        noise.disable_progress_bar()
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self._precision, torch.float32)
        try:
            model = AutoModelForSeq2SeqLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=dtype
            )
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            raise WeightsError(
                f"{folder} could not be loaded as a translation model: {first_line(error)}",
                hint="Its files are damaged or of another kind of model: get them again.",
            ) from error
        told = model.generation_config
        start = told.decoder_start_token_id
        self._start: int = model.config.eos_token_id if start is None else start
        ends = told.eos_token_id if told.eos_token_id is not None else model.config.eos_token_id
        self._ends: list[int] = list(ends) if isinstance(ends, list | tuple) else [ends]
        pad = told.pad_token_id if told.pad_token_id is not None else model.config.pad_token_id
        self._pad: int = self._ends[0] if pad is None else pad
        # What a folder says about searching is for its author's purposes; here it is set for each batch.
        model.generation_config = GenerationConfig()
        model = model.to(self._device).eval()
        if self._precision == "int8":
            model, self._precision = _in_int8(model)
            self._int8_missing = self._precision != "int8"
        self._model: Any = model

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen and what happened, in words."""
        said = [f"{self._name} on {self._device} in {self._precision}, {self._beams} beams"]
        if self._int8_missing:
            said.append("this torch cannot compute in int8: fp32, which is slower")
        return (*said, *self._remarks())

    # --- what BatchWork asks ---------------------------------------------------------------

    def best(self, texts: Sequence[str]) -> list[list[Found]]:
        """The beam's candidates of each text."""
        if self._trial is not None:
            return self._judge(texts)
        return self._beam(texts)

    def varied(self, texts: Sequence[str], wanted: str) -> list[list[Found]]:
        """`DRAWS` samples of each text."""
        if self._precision == "int8" and len(texts) > 1:
            return [self.varied([text], wanted)[0] for text in texts]
        torch = self._torch
        seeds = [_seed(self._options.seed, text, draw) for text in texts for draw in range(DRAWS)]
        draws = _Draws(torch, seeds)
        rows = [text for text in texts for _ in range(DRAWS)]
        sequences, _ = self._generate(rows, num_beams=1, logits_processor=[draws])
        found: list[Found] = []
        for row, tokens in enumerate(sequences):
            item = self._found(tokens, 0.0)
            logs = draws.logs[row][: item.tokens]
            found.append(item._replace(score=math.fsum(logs) / max(1, len(logs))))
        return [found[at : at + DRAWS] for at in range(0, len(found), DRAWS)]

    def _beam(self, texts: Sequence[str]) -> list[list[Found]]:
        count = self._options.candidates
        sequences, scores = self._generate(texts, num_beams=self._beams, num_return_sequences=count)
        found = [self._found(tokens, score) for tokens, score in zip(sequences, scores, strict=True)]
        return [found[at : at + count] for at in range(0, len(found), count)]

    def _generate(self, texts: Sequence[str], **how: Any) -> tuple[list[list[int]], list[float]]:
        """(the tokens of each row after the first, their scores where the search has some)."""
        from transformers import GenerationConfig

        torch, codec = self._torch, self._codec
        rows = [codec.ids(text) for text in texts]
        longest = max(map(len, rows))
        given = torch.full((len(rows), longest), self._pad, dtype=torch.long)
        mask = torch.zeros_like(given)
        for row, ids in enumerate(rows):
            given[row, : len(ids)] = torch.tensor(ids)
            mask[row, : len(ids)] = 1
        processors = how.pop("logits_processor", None)
        settings = GenerationConfig(
            do_sample=False,
            # Twice the source is far beyond what a translation takes; a model that goes on has lost its way.
            max_new_tokens=min(2 * longest + 16, codec.room),
            length_penalty=1.0,
            early_stopping=False,
            decoder_start_token_id=self._start,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
            forced_bos_token_id=codec.number(codec.opening) if codec.opening else None,
            suppress_tokens=sorted({codec.unknown, self._pad} - set(self._ends)),
            return_dict_in_generate=True,
            output_scores=how["num_beams"] > 1,
            **how,
        )
        cast = torch.autocast(self._device.type, dtype=self._half, enabled=self._half is not None)
        with torch.inference_mode(), cast, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = self._model.generate(
                input_ids=given.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=settings,
                logits_processor=processors,
            )
        scores = getattr(out, "sequences_scores", None)
        count = len(out.sequences)
        return out.sequences[:, 1:].tolist(), [0.0] * count if scores is None else scores.tolist()

    def _found(self, tokens: list[int], score: float) -> Found:
        end = next((at for at, token in enumerate(tokens) if token in self._ends), None)
        kept = tokens if end is None else tokens[: end + 1]
        return Found(self._codec.text(kept), score, len(kept), end is not None)

    def _judge(self, texts: Sequence[str]) -> list[list[Found]]:
        """The first batch in fp32 and in half precision; goes on with the latter if they agree."""
        exact = self._beam(texts)
        self._half, self._trial = self._trial, None
        half = self._beam(texts)
        apart = [abs(a[0].score - b[0].score) for a, b in zip(exact, half, strict=True) if a and b]
        if apart and sum(apart) / len(apart) <= SCORES_AGREE:
            self._precision = "bf16" if self._half is self._torch.bfloat16 else "fp16"
            return half
        self._half = None
        return exact

    def __exit__(self, *exc: object) -> None:
        self._model = None
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()


class _Draws:
    """A processor for `generate` that leaves one token, drawn by lot, to each row. `logs` keeps the log
    probabilities of what was drawn, before anything was left out."""

    def __init__(self, torch: Any, seeds: Sequence[int]) -> None:
        self._torch = torch
        self._lots = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.logs: list[list[float]] = [[] for _ in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        torch = self._torch
        # On the processor: a GPU's generators give other numbers.
        logs = scores.float().log_softmax(-1).cpu()
        likeliest, tokens = logs.topk(min(TOP_K, logs.shape[-1]), dim=-1)
        before = likeliest.exp().cumsum(-1) - likeliest.exp()
        chances = likeliest.masked_fill(before >= TOP_P, -math.inf)
        even = torch.stack([torch.rand(tokens.shape[-1], generator=lot) for lot in self._lots])
        gumbel = -(-even.clamp_min(1e-20).log()).clamp_min(1e-20).log()
        drawn = tokens.gather(-1, (chances + gumbel).argmax(-1, keepdim=True))
        for row, value in enumerate(logs.gather(-1, drawn)[:, 0].tolist()):
            self.logs[row].append(value)
        left = torch.full_like(scores, -math.inf)
        return left.scatter(-1, drawn.to(scores.device), 0.0)


def _seed(seed: int, text: str, draw: int) -> int:
    digest = hashlib.sha256(f"{seed}\0{draw}\0{text}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def _chosen(asked: str, device: Any) -> tuple[str, Any]:
    """(the precision to load in, the half precision to try on the first batch or None)."""
    import torch

    if asked == "int8" and device.type != "cpu":
        raise InvalidJob(
            "transformers computes in int8 on a CPU only", hint="Use auto, bf16 or fp16, or ctranslate2."
        )
    if asked != "auto":
        return asked, None
    if device.type == "cpu":
        return "int8", None
    if device.type == "cuda":
        return "fp32", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return "fp32", None


def _in_int8(model: Any) -> tuple[Any, str]:
    """The model with the weights of its matrices in int8 (torch's dynamic quantization) and "int8"; as it was
    and "fp32" where this torch has no such thing or the processor no kernels for it."""
    import torch

    quantize = getattr(getattr(torch.ao, "quantization", None), "quantize_dynamic", None)
    engines = [e for e in torch.backends.quantized.supported_engines if e != "none"]
    if quantize is None or not engines:
        return model, "fp32"
    if torch.backends.quantized.engine == "none":
        torch.backends.quantized.engine = engines[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in favour of torchao, which is another package
        return quantize(model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True), "int8"

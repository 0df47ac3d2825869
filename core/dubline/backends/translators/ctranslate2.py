"""Translation through CTranslate2: the same models as `transformers`, several times faster on a CPU.

A model for transformers is converted once and kept in the models folder. CTranslate2's lots cannot be drawn
again: each of its workers goes on with the numbers it began with, whatever seed is set. Shorter and longer
translations therefore come from a wider beam, in which length counts for more or for less; there is no
chance in that.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from dubline.backends import ctranslate2_device
from dubline.backends.backend import versions
from dubline.backends.torchaudio_guard import before_transformers
from dubline.backends.translators.seq2seq_batches import BatchWork, Found
from dubline.backends.translators.seq2seq_folder import (
    Seq2SeqBackend,
    called,
    check_numbers,
)
from dubline.backends.translators.seq2seq_languages import Codec
from dubline.errors import BackendMissing, InvalidJob, WeightsError, first_line
from dubline.threads import default_threads
from dubline.weights.files import models_folder
from dubline.weights.folders import folder_identity, weight_sums
from dubline.weights.hub import quiet_hub
from dubline.weights.installation import extra_command
from dubline.weights.kinds import FolderKind, folder_kind, read_settings

NAMES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
WIDER = 12
"""Beams for a line that must be shorter or longer."""
LENGTH_COUNTS = {"shorter": 0.0, "longer": 2.0}
"""CTranslate2's length penalty: a hypothesis' score is divided by its tokens to this power."""


class CTranslate2Translator(Seq2SeqBackend):
    """`ctranslate2`: OPUS-MT, NLLB or M2M100 from a folder of either form; int8 on a CPU, no network."""

    requires: ClassVar[tuple[str, ...]] = ("ctranslate2", "transformers")
    extra: ClassVar[str] = "ctranslate2"
    forms: ClassVar[tuple[FolderKind, ...]] = ("seq2seq-ct2", "seq2seq")
    precedence: ClassVar[int | None] = 80  # first: several times faster on a processor

    class Options(Seq2SeqBackend.Options, frozen=True, kw_only=True):
        """As of all learned translators; `model` may be in the form of CTranslate2 or of transformers.
        `device`: auto, cpu or cuda. `precision`: a CTranslate2 compute type, or fp32, fp16, bf16; "auto" is
        float16 on a GPU and int8 on a CPU."""

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """CTranslate2 and transformers, which cuts the text up, and the model's weights."""
        sums = weight_sums(cls.chosen(options)[1])
        return (*versions("ctranslate2", "transformers"), *sums)

    def __init__(self, options: Options) -> None:
        check_numbers(options)
        quiet_hub()
        import ctranslate2

        self._options = options
        asked = NAMES.get(options.precision, options.precision)
        device, precision = ctranslate2_device.choose(options.device, asked)
        can = ctranslate2.get_supported_compute_types(device)
        if precision not in can:
            raise InvalidJob(
                f"{device} cannot compute in {options.precision!r} here",
                hint=f"It can: auto, {', '.join(sorted(can))}.",
            )
        name, folder = self.chosen(options)
        positions = read_settings(folder).get("max_position_embeddings")
        self._codec = Codec(folder, options.source, options.target, positions)
        self._said = [f"{called(name, folder)} on {device} in {precision}, {self._beams} beams"]
        place = folder
        if folder_kind(folder) == "seq2seq":
            place, new = _converted(folder, precision)
            self._said.append(f"{'converted' if new else 'converted before'}: {place}")
        try:
            self._model: Any = ctranslate2.Translator(
                str(place),
                device=device,
                compute_type=precision,
                inter_threads=1,
                intra_threads=options.threads or default_threads(),
            )
        except (RuntimeError, ValueError) as error:
            raise WeightsError(
                f"{place} could not be loaded: {first_line(error)}",
                hint="Its model.bin is damaged or of another kind: "
                + ("get the files again." if place == folder else "remove that folder; it is made again."),
            ) from error
        self._work = BatchWork(
            self, candidates=options.candidates, budget=options.budget, out_of_memory=_out_of_memory
        )
        self.identities = (folder_identity(called(name, folder), folder, name),)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen and what happened, in words."""
        return (*self._said, *self._remarks())

    # --- what BatchWork asks ---------------------------------------------------------------

    def best(self, texts: Sequence[str]) -> list[list[Found]]:
        """The beam's candidates of each text."""
        return self._ask(texts, self._beams, self._options.candidates, 1.0)

    def varied(self, texts: Sequence[str], wanted: str) -> list[list[Found]]:
        """The candidates of each text in a wider beam that prefers short ones, or long ones."""
        width = max(WIDER, self._beams)
        return self._ask(texts, width, width, LENGTH_COUNTS[wanted])

    def _ask(self, texts: Sequence[str], beams: int, count: int, power: float) -> list[list[Found]]:
        codec = self._codec
        rows = [codec.tokens(text) for text in texts]
        results = self._model.translate_batch(
            rows,
            target_prefix=[[codec.opening]] * len(rows) if codec.opening else None,
            beam_size=beams,
            num_hypotheses=count,
            length_penalty=power,
            # As in `transformers`.
            max_decoding_length=min(2 * max(map(len, rows)) + 16, codec.room),
            max_input_length=0,
            disable_unk=True,
            return_scores=True,
            return_end_token=True,
        )
        found = []
        for result in results:
            some = []
            for tokens, score in zip(result.hypotheses, result.scores, strict=True):
                whole = tokens[-1:] == [codec.end]
                mean = float(score) * len(tokens) ** power / max(1, len(tokens))
                some.append(Found(codec.text(tokens), mean, len(tokens), whole))
            found.append(some)
        return found

    def __exit__(self, *exc: object) -> None:
        self._model = None


def _converted(folder: Path, precision: str) -> tuple[Path, bool]:
    """(where a model for transformers lies in CTranslate2's form, whether it was made just now)."""
    import ctranslate2
    from filelock import FileLock

    made_of = "".join((*weight_sums(folder), precision, ctranslate2.__version__.split(".")[0]))
    name = folder.parents[1].name if folder.parent.name == "snapshots" else folder.name
    home = models_folder() / ".converted"
    place = home / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}-{precision}"
    if place.is_dir():
        return place, False
    if importlib.util.find_spec("torch") is None:
        raise BackendMissing(
            f"converting {folder.name} for CTranslate2 needs torch, which is not installed",
            hint=f"Install it with: {extra_command('ctranslate2')}. Or use a converted model.",
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place}.lock"):
            if place.is_dir():
                return place, False
            aside = home / f".{place.name}.part"
            shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
            try:
                _convert(folder, aside, precision)
                aside.rename(place)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise  # a full disk is told by who runs this
        raise WeightsError(
            f"{home} cannot be written, and {folder.name} has to be converted for CTranslate2",
            hint="Let $DUBLINE_MODELS name a folder that you may write to, or take the translator "
            "`transformers`.",
        ) from error
    return place, True


def _convert(folder: Path, place: Path, precision: str) -> None:
    before_transformers()
    from ctranslate2.converters import TransformersConverter

    converter = TransformersConverter(str(folder), low_cpu_mem_usage=True)
    load = converter.load_tokenizer

    def with_languages(*names: Any, **more: Any) -> Any:
        # transformers 5 leaves M2M100's languages out of the vocabulary, where the converter needs them.
        tokenizer = load(*names, **more)
        languages = getattr(tokenizer, "lang_token_to_id", None)
        if languages:
            vocabulary = {**tokenizer.get_vocab(), **languages}
            tokenizer.get_vocab = lambda: vocabulary
        return tokenizer

    converter.load_tokenizer = with_languages
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converter.convert(str(place), quantization=None if precision == "float32" else precision)
    except OSError:
        raise
    except Exception as error:  # what a model that it does not know makes it raise has no common class
        raise WeightsError(
            f"{folder} could not be converted for CTranslate2: {first_line(error)}",
            hint="Use the translator `transformers` with this model, or a model that is converted already.",
        ) from error


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()

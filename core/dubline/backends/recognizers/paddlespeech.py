"""PaddleSpeech: Whisper in Paddle for Turkish and 98 more languages; conformers for Chinese and English.

It lives in an environment of its own (`dubline backends install paddlespeech`) and works in a process of its
own. Nothing is downloaded and nothing leaves the machine; models come in by hand: an error tells which and
where to put them.

    whisper-base, -small, -medium, -large   PaddleSpeech's archive, or a folder of Hugging Face's Whisper with
                                            model.safetensors (80 mel bands: large-v2 and smaller)
    conformer_..., transformer_...          PaddleSpeech's archives; text without times or probabilities
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dubline.backends.backend import Backend, Sought
from dubline.backends.contract import Heard, Stretch
from dubline.backends.paddle import PaddleBackend
from dubline.backends.recognizers.whisper_folder import check_language
from dubline.errors import InvalidJob, WeightsError
from dubline.report import Report, silent
from dubline.values.base import ModelIdentity
from dubline.values.transcript import HeardWord
from dubline.weights.files import checksum, models_folder

if TYPE_CHECKING:
    from dubline.media.speech import Speech

CONFORMERS = {
    "conformer_wenetspeech": ("zh", "wenetspeech/asr1_conformer_wenetspeech_ckpt_0.1.1"),
    "conformer_online_wenetspeech": ("zh", "wenetspeech/asr1/asr1_chunk_conformer_wenetspeech_ckpt_1.0.0a"),
    "conformer_u2pp_online_wenetspeech": (
        "zh",
        "wenetspeech/asr1/asr1_chunk_conformer_u2pp_wenetspeech_ckpt_1.3.0",
    ),
    "conformer_online_multicn": ("zh", "multi_cn/asr1/asr1_chunk_conformer_multi_cn_ckpt_0.2.3"),
    "conformer_aishell": ("zh", "aishell/asr1/asr1_conformer_aishell_ckpt_0.1.2"),
    "conformer_online_aishell": ("zh", "aishell/asr1/asr1_conformer_aishell_ckpt_1.5.0"),
    "transformer_librispeech": ("en", "librispeech/asr1/asr1_transformer_librispeech_ckpt_0.1.1"),
    "conformer_talcs": ("zh_en", "tal_cs/asr1/asr1_conformer_talcs_ckpt_1.4.0"),
}
"""PaddleSpeech 1.5.0's own models (resource/pretrained_models.py): language, and the archive's name."""
ARCHIVES = "https://paddlespeech.cdn.bcebos.com"
SIZES = ("tiny", "base", "small", "medium", "large")
KNOWN = ", ".join([*(f"whisper-{size}" for size in SIZES), *CONFORMERS])
WIDE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
PIECES = re.compile(rf"\s*(?:[{WIDE}][^\w\s]*|[^\s{WIDE}]+)")
"""A word with the space before it; a Chinese or Japanese letter is a word, with the marks after it."""


class PaddleSpeech(PaddleBackend):
    """PaddleSpeech 1.5.0 behind a worker process.

    A worker that crashes is started once more; one that says nothing for `timeout` seconds is ended.
    """

    cost: ClassVar[str] = "word times are estimates"
    confidence: ClassVar[str] = (
        "With Whisper, exp(avg_logprob) of the segment the word stands in: the geometric mean of its tokens' "
        "probabilities. With conformers and transformers none: they tell no probability."
    )
    precedence: ClassVar[int | None] = 60  # after the Whispers that tell when each word is said

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model` is a name as above; `folder` where its files are, else in the models folder.

        `config` and `checkpoint` name a conformer's .yaml and .pdparams one by one. `beam` is Whisper's, 1 or
        more. `punctuation` is the folder of PaddleSpeech's ernie_linear_p7_wudao or _p3_wudao with ERNIE's
        vocab.txt, for Chinese conformers. `threads` 0 takes the physical cores less one. `timeout` is in
        seconds for one stretch.
        """

        model: str = "whisper-small"
        language: str = ""
        folder: str = ""
        config: str = ""
        checkpoint: str = ""
        beam: int = 1
        decoding: Literal[
            "attention_rescoring", "attention", "ctc_greedy_search", "ctc_prefix_beam_search"
        ] = "attention_rescoring"
        punctuation: str = ""
        threads: int = 0
        timeout: float = 300.0

    @classmethod
    def check(cls, sought: Sought) -> None:
        super().check(sought)
        if not sought.model:
            check_language(sought.language)

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """The models that may be asked for the language.

        Raises:
            InvalidJob: there is no model of that name.
        """
        names = [f"whisper-{size}" for size in reversed(SIZES)]
        names += [f"{name}-en" for name in names if sought.language == "en" and name != "whisper-large"]
        names += [name for name, (knows, _) in CONFORMERS.items() if sought.language in knows.split("_")]
        found: dict[str, Path] = {}
        for name in [sought.model] if sought.model else names:
            with suppress(WeightsError):
                found[name] = Path(_found(cls.Options(model=name))["checkpoint"]).parent
        return found

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        try:
            _found(cls.Options(model=sought.model or "whisper-small"))
        except WeightsError as error:
            return error.hint
        return ""

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        return cls.sums(_weights(options, _found(options)))

    def __init__(self, options: Options) -> None:
        """Find the files, start the worker and load the model.

        Raises:
            BackendMissing: the environment is not installed.
            WeightsError: a file of the model is missing or damaged.
            InvalidJob: an unknown model, or one that does not know the language.
            BackendFailed: the worker cannot be started.
        """
        from dubline.workers.environments import command

        if options.beam < 1 or options.threads < 0 or not options.timeout > 0:
            raise InvalidJob(
                "beam must be 1 or more, threads 0 or more, timeout above 0", hint="Fix the option."
            )
        self._options = options
        self._whisper = options.model.startswith("whisper")
        if self._whisper and options.punctuation:
            raise InvalidJob(
                "PaddleSpeech restores punctuation after its own Chinese models only",
                hint="Leave `punctuation` out: Whisper writes its own marks.",
            )
        start = command("paddlespeech", ("punctuation",) if options.punctuation else ())
        found = _found(options)
        self._language = found.get("language", "")
        files = _weights(options, found)
        self.identities = (
            ModelIdentity(
                name=options.model,
                files=tuple(file.name for file in files),
                sha256=tuple(checksum(file) for file in files),
                origin=Path(found["checkpoint"]).parent.as_posix(),
            ),
        )
        load = {
            **found,
            "family": "whisper" if self._whisper else options.model,
            "language": options.language,
            "beam": options.beam,
            "decoding": options.decoding,
            "punctuation": str(files[-1].parent) if options.punctuation else "",
        }
        told = self._start(start, options.threads, load)
        where = "within the times of its segment" if self._whisper else "over the whole stretch"
        self.notes = (
            f"PaddleSpeech {told['paddlespeech']} with PaddlePaddle {told['paddle']}, {options.model}, in a "
            f"process of its own",
            f"word times are estimates, spread {where} by the number of characters",
        )

    def recognize(
        self, speech: Speech, stretches: tuple[Stretch, ...], report: Report = silent
    ) -> Iterator[Heard]:
        """One `Heard` for each stretch, in order. `report` counts seconds and may raise `Cancelled`.

        Raises:
            BackendFailed: the worker died twice over a stretch, or was silent for too long.
            BackendMissing: its environment has been removed meanwhile.
        """
        import soundfile

        last = max((stretch.end for stretch in stretches), default=0.0)
        for stretch in stretches:
            report(stretch.start, last)
            first, after = round(stretch.start * speech.rate), round(stretch.end * speech.rate)
            if after <= first:
                yield Heard(words=(), language=self._language or self._options.language)
                continue
            path = self._worker.folder / "stretch.wav"
            soundfile.write(path, speech.read(first, after), speech.rate, subtype="PCM_16")

            def tick(done: float, total: float, at: float = stretch.start) -> None:
                report(at, last)

            answer = self._worker.call(
                "recognize", {"path": str(path)}, timeout=self._options.timeout, report=tick
            )
            yield self._heard(answer, stretch)

    def _heard(self, answer: dict[str, Any], stretch: Stretch) -> Heard:
        if not self._whisper:
            words = spread(str(answer["text"]), stretch.start, stretch.end, None)
            return Heard(words=words, language=self._language)
        words = ()
        segments = answer["segments"]
        for segment in segments:
            # Whisper hears a window of 30 s whatever it is given, and speaks of times after the end.
            start = min(stretch.start + max(0.0, segment["start"]), stretch.end)
            end = min(stretch.start + max(0.0, segment["end"]), stretch.end)
            if end > start:
                sure = min(1.0, math.exp(segment["avg_logprob"]))
                words += spread(segment["text"], start, end, sure)
        silence = [segment["no_speech"] for segment in segments]
        return Heard(words=words, language=answer["language"], no_speech=min(silence, default=None))


def spread(text: str, start: float, end: float, confidence: float | None) -> tuple[HeardWord, ...]:
    """A text's words between two times in seconds, each as long as its share of the characters."""
    pieces = PIECES.findall(text)
    lengths = [len(piece.strip()) for piece in pieces]
    total, at, words = sum(lengths), 0, []
    for piece, length in zip(pieces, lengths, strict=True):
        edges = [start + (end - start) * edge / total for edge in (at, at + length)]
        words.append(HeardWord(text=piece, start=edges[0], end=edges[1], confidence=confidence))
        at += length
    return tuple(words)


# --- finding the files -------------------------------------------------------------------------


def _found(options: PaddleSpeech.Options) -> dict[str, str]:
    """What the worker is given to load a model.

    Raises:
        WeightsError: a file is missing. InvalidJob: there is no such model.
    """
    find = _whisper_files if options.model.startswith("whisper") else _conformer_files
    return find(options)


def _weights(options: PaddleSpeech.Options, found: dict[str, str]) -> list[Path]:
    """The files that the words depend on."""
    marks = _punctuation_files(options, found["language"]) if options.punctuation else []
    return [Path(found[key]) for key in ("config", "checkpoint") if found[key]] + marks


def _places(options: PaddleSpeech.Options, tag: str) -> list[Path]:
    """Where a model's files are looked for, in order: `folder` alone, if it is named."""
    if options.folder:
        return [Path(options.folder).expanduser().absolute()]
    # The last is PaddleSpeech's own, for those who use it already; the newest version first.
    own = sorted(Path("~/.paddlespeech/models").expanduser().glob(f"{tag}/*"), reverse=True)
    return [models_folder() / f"paddlespeech-{options.model}", models_folder() / options.model, *own]


def _whisper_files(options: PaddleSpeech.Options) -> dict[str, str]:
    """`checkpoint`, `tokenizer`, and an empty `config`."""
    size, _, english = options.model.removeprefix("whisper-").partition("-")
    if not options.folder and not options.checkpoint and (size not in SIZES or english not in ("", "en")):
        raise InvalidJob(
            f"there is no PaddleSpeech model {options.model!r}",
            hint=f"Known: {KNOWN}; or name its `folder`.",
        )
    places = _places(options, f"{options.model}-16k")
    named = f"whisper-{size}{'-en' if english else ''}-model"
    if options.checkpoint:
        checkpoint: Path | None = Path(options.checkpoint).expanduser().absolute()
    else:
        found = [
            f
            for p in places
            for f in (p / "model.safetensors", *sorted(p.rglob("*.pdparams")))
            if f.is_file()
        ]
        checkpoint = found[0] if found else None
    if checkpoint is None or not checkpoint.is_file():
        raise WeightsError(
            f"the weights of {options.model} are missing: {checkpoint or places[0] / f'{named}.pdparams'}",
            hint=f"Unpack {ARCHIVES}/whisper/whisper_model_20221122/{named}.tar.gz into {places[0]}, or copy "
            "a Hugging Face Whisper there (model.safetensors, config.json, vocab.json, merges.txt; large-v2 "
            "or smaller).",
        )
    if checkpoint.suffix == ".safetensors" and not checkpoint.with_name("config.json").is_file():
        raise WeightsError(
            f"{checkpoint.with_name('config.json')} is missing", hint="It comes with the model.safetensors."
        )
    ours = "gpt2" if english else "multilingual"
    around = [checkpoint.parent, *places, models_folder() / "paddlespeech-whisper-assets"]
    around += sorted(Path("~/.paddlespeech/datasets").expanduser().glob("*/whisper"), reverse=True)
    for folder in around:
        for inner in (folder / "assets" / ours, folder / ours, folder):
            pair = all((inner / name).is_file() for name in ("vocab.json", "merges.txt"))
            if pair or (inner == folder and (inner / "tokenizer.json").is_file()):
                return {"config": "", "checkpoint": str(checkpoint), "tokenizer": str(folder)}
    raise WeightsError(
        f"the vocabulary of {options.model} is missing: {checkpoint.parent / 'vocab.json'} and merges.txt",
        hint=f"Copy both from a Hugging Face Whisper to {checkpoint.parent}, or unpack "
        f"{ARCHIVES}/whisper/whisper_model_20221108/assets.tar there.",
    )


def _conformer_files(options: PaddleSpeech.Options) -> dict[str, str]:
    """`config`, `checkpoint`, `language`, and an empty `tokenizer`."""
    family = re.match(r"(conformer|transformer)\w*_", options.model)
    language, archive = CONFORMERS.get(options.model, ("", ""))
    given = options.folder or (options.config and options.checkpoint)
    if family is None or not (archive or given):
        raise InvalidJob(
            f"there is no PaddleSpeech model {options.model!r} that works here",
            hint=f"Known: {KNOWN}; one of your own needs `folder` and a name that begins "
            "with conformer_ or transformer_.",
        )
    if language and options.language and options.language not in language.split("_"):
        raise InvalidJob(
            f"{options.model} knows {language.replace('_', ' and ')} only, not {options.language!r}",
            hint="PaddleSpeech has its Whisper for the other languages: model=whisper-small.",
        )
    places = _places(options, f"{options.model}-*16k")
    configs = [p / "model.yaml" for p in places] + [p / "conf" / "model.yaml" for p in places]
    config = _first([options.config] if options.config else configs)
    hint = f"Unpack {ARCHIVES}/s2t/{archive}.model.tar.gz into {places[0]}." if archive else "Check the path."
    if config is None:
        raise WeightsError(
            f"the settings of {options.model} are missing: {options.config or configs[0]}", hint=hint
        )
    homes = [config.parent, config.parent.parent] if config.parent.name == "conf" else [config.parent]
    checkpoints = [file for home in homes for file in sorted(home.glob("exp/**/*.pdparams"))]
    checkpoints += sorted(config.parent.glob("*.pdparams"))
    checkpoint = _first([options.checkpoint] if options.checkpoint else checkpoints)
    if checkpoint is None:
        wanted = options.checkpoint or config.parent / "exp" / "NAME.pdparams"
        raise WeightsError(f"the weights of {options.model} are missing: {wanted}", hint=hint)
    spoken = language.split("_")[0] if language else options.language
    return {"config": str(config), "checkpoint": str(checkpoint), "tokenizer": "", "language": spoken}


def _punctuation_files(options: PaddleSpeech.Options, language: str) -> list[Path]:
    """The four files of a punctuation model, punc_vocab.txt first."""
    if language != "zh":
        raise InvalidJob(
            f"PaddleSpeech restores Chinese punctuation only, and {options.model} does not know Chinese",
            hint="Leave `punctuation` out.",
        )
    folder = Path(options.punctuation).expanduser().absolute()
    settings = _first([folder / "ckpt" / "model_config.json", folder / "ckpt" / "config.json"])
    files = [
        folder / "punc_vocab.txt",
        settings or folder / "ckpt" / "model_config.json",
        folder / "ckpt" / "model_state.pdparams",
        folder / "vocab.txt",
    ]
    for file in files:
        if not file.is_file():
            raise WeightsError(
                f"a file of the punctuation model is missing: {file}",
                hint="ERNIE 1.0's vocab.txt goes beside punc_vocab.txt."
                if file.name == "vocab.txt"
                else f"Unpack {ARCHIVES}/text/ernie_linear_p7_wudao-punc-zh.tar.gz into {folder}.",
            )
    return files


def _first(paths: list[Any]) -> Path | None:
    """The first that is a file, as an absolute path."""
    found = (Path(path).expanduser().absolute() for path in paths)
    return next((path for path in found if path.is_file()), None)

"""PaddleSpeech, as it runs inside its own environment; `dubline.worker` loads this file.

Written against PaddleSpeech 1.5.0 with PaddlePaddle 3.0 and 3.1. It is made harmless before it does anything:

    network   an audit hook refuses every connection; its statistics (model, language, an install id, sent to
              Baidu over plain HTTP at every call, with no way to decline) are cut off at their source as well
    pip       it installs packages while it is imported: that function is replaced by one that does nothing
    home      what it writes to ~/.paddlespeech and ./exp goes to the worker's own folder
    log_softmax  Paddle's takes 2.3 s for (1, 51865) on a processor, x - logsumexp(x) 1-2 ms, with the same
              values to 1e-6 (measured with 3.1.1); Whisper calls it twice a token
    tokenizer PaddleNLP's GPT tokenizer numbers Whisper's special tokens wrongly and needs a package of its
              own: `GptTokenizer` stands in for it
    sys.exit  and input(), where it means "wrong file": contained by the worker

Errors carry `code` and `hint` for the other side.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

Report = Callable[[float, float], None]

WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
"""Where GPT-2's tokenizer cuts a text before it pairs bytes (Radford et al. 2019, encoder.py)."""


class Refused(Exception):
    """Something that the user can put right. `code` is one of Dubline's error codes."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


# --- guards ------------------------------------------------------------------------------------

connections: list[str] = []
"""Attempts to reach the network, all refused."""
_hooked = False


def no_network() -> None:
    """Refuse every connection of this process. There is no way back, which is meant."""
    global _hooked
    if _hooked:
        return

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        local = event == "socket.connect" and isinstance(arguments[1], (str, bytes))  # a socket in the file system
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto") and not local:
            connections.append(f"{event} {arguments[1:] if event == 'socket.connect' else arguments[:2]}")
            raise PermissionError("a worker does not reach for the network")

    sys.addaudithook(refuse)
    _hooked = True


def before_import(threads: int) -> None:
    """What has to be in place before Paddle is imported."""
    no_network()
    home = Path("paddlespeech-home").absolute()
    home.mkdir(exist_ok=True)
    os.environ.update(
        PPSPEECH_HOME=str(home), PIP_NO_INDEX="1", HF_HUB_OFFLINE="1", OMP_NUM_THREADS=str(threads)
    )
    quiet = types.ModuleType("paddlespeech.s2t.utils.dynamic_pip_install")
    quiet.install = lambda package_name: None  # type: ignore[attr-defined]
    sys.modules[quiet.__name__] = quiet


def after_import() -> None:
    """What has to be put right in Paddle and PaddleSpeech once they are there."""
    import paddle
    from paddlespeech.cli import utils

    def log_softmax(x: Any, axis: int = -1, dtype: Any = None, name: str | None = None) -> Any:
        x = x if dtype is None else x.astype(dtype)
        return x - paddle.logsumexp(x, axis=axis, keepdim=True)

    paddle.nn.functional.log_softmax = log_softmax
    utils._note_one_stat = lambda *arguments, **more: None
    utils.StatsWorker.start = lambda self: None
    utils.StatsWorker.run = lambda self: None


# --- the tokenizer -----------------------------------------------------------------------------


class GptTokenizer:
    """GPT-2's byte pairs, as much of PaddleNLP's class as PaddleSpeech's Whisper uses.

    Reads vocab.json and merges.txt, as Whisper's and PaddleSpeech's own folders hold them. <|endoftext|> gets
    the number after the last where the file does not give it one.
    """

    def __init__(self, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> None:
        self.ids = dict(vocabulary)
        self.ids.setdefault("<|endoftext|>", len(self.ids))
        self.eos_token_id = self.ids["<|endoftext|>"]
        self.additional_special_tokens: list[str] = []
        self.special = {"<|endoftext|>": self.eos_token_id}
        self.texts = {number: text for text, number in self.ids.items()}
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        # Bytes stand in the vocabulary as printable letters: themselves, or the next one after U+0100.
        plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in plain]
        self.letters = {byte: chr(byte) for byte in plain} | {b: chr(256 + n) for n, b in enumerate(others)}
        self.bytes = {letter: byte for byte, letter in self.letters.items()}

    @classmethod
    def from_pretrained(cls, folder: str) -> GptTokenizer:
        """Read a folder's files."""
        vocabulary = json.loads(Path(folder, "vocab.json").read_text(encoding="utf-8"))
        lines = Path(folder, "merges.txt").read_text(encoding="utf-8").splitlines()
        pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
        return cls(vocabulary, [(first, second) for first, second in pairs])

    def add_special_tokens(self, tokens: dict[str, list[str]]) -> None:
        """Number further tokens, each known to the vocabulary or after its last."""
        for text in tokens["additional_special_tokens"]:
            number = self.ids.setdefault(text, max(self.texts) + 1)
            self.texts[number] = text
            self.special[text] = number
            self.additional_special_tokens.append(text)

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        return [self.special[text] for text in self.additional_special_tokens]

    @property
    def all_special_ids(self) -> list[int]:
        return [self.eos_token_id, *self.additional_special_tokens_ids]

    def __len__(self) -> int:
        return max(self.texts) + 1

    def encode(self, text: str) -> types.SimpleNamespace:
        """Text, or one special token, to numbers: `.input_ids`."""
        if text in self.special:
            return types.SimpleNamespace(input_ids=[self.special[text]])
        numbers: list[int] = []
        for word in WORDS.findall(text):
            parts = [self.letters[byte] for byte in word.encode()]
            while len(parts) > 1:
                found = [
                    (self.ranks[pair], n) for n, pair in enumerate(zip(parts, parts[1:])) if pair in self.ranks  # noqa: B905
                ]
                if not found:
                    break
                _, n = min(found)
                parts[n : n + 2] = [parts[n] + parts[n + 1]]
            numbers += [self.ids[part] for part in parts]
        return types.SimpleNamespace(input_ids=numbers)

    def decode(self, numbers: Any) -> str:
        """Numbers, or one, to text; half a letter becomes U+FFFD."""
        several = [int(n) for n in numbers] if isinstance(numbers, list) else [int(numbers)]
        out, specials = b"", {number: text for text, number in self.special.items()}
        for number in several:
            if number in specials:
                out += specials[number].encode()
            else:
                out += bytes(self.bytes[letter] for letter in self.texts.get(number, ""))
        return out.decode("utf-8", "replace")


def tokenizer_module() -> Any:
    """PaddleSpeech's module of Whisper's tokenizer, on our stand-in and without its fault with empty texts."""
    stand_in = {name: types.ModuleType(name) for name in ("paddlenlp", "paddlenlp.transformers")}
    stand_in["paddlenlp.transformers"].GPTTokenizer = GptTokenizer  # type: ignore[attr-defined]
    kept = {name: sys.modules.pop(name, None) for name in stand_in}
    sys.modules.update(stand_in)
    try:
        import paddlespeech.s2t.models.whisper.tokenizer as module
    finally:
        for name, real in kept.items():
            del sys.modules[name]
            if real is not None:
                sys.modules[name] = real
    decode = module.Tokenizer.decode
    # Two time stamps with nothing between them are a silence, not an error.
    module.Tokenizer.decode = lambda self, ids, **more: decode(self, ids, **more) if len(ids) else ""
    return module


# --- the models --------------------------------------------------------------------------------


def _settings(path: str, changes: dict[str, Any]) -> str:
    """A copy of a model's .yaml with changes, and with the files it names found beside it."""
    import yaml

    source = Path(path)
    settings = {**yaml.safe_load(source.read_text(encoding="utf-8")), **changes}
    for key in ("vocab_filepath", "cmvn_file", "spm_model_prefix"):
        value = settings.get(key)
        if not value or not isinstance(value, str):
            continue
        ending = ".model" if key == "spm_model_prefix" else ""
        places = [folder / value for folder in (source.parent, source.parent.parent)]
        found = next((p for p in places if Path(f"{p}{ending}").is_file()), None)
        if found is None:
            raise Refused(
                "weights",
                f"{source} names {value}{ending} as its {key}, which is not there",
                f"Put it at {places[0]}{ending}.",
            )
        settings[key] = str(found)
    copy = Path("settings", source.name).absolute()  # PaddleSpeech takes the folder above it for the model's
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return str(copy)


class Whisper:
    """OpenAI's Whisper in Paddle: 80 mel bands, so no large-v3."""

    def __init__(self, p: dict[str, Any]) -> None:
        import numpy as np

        tokenizer = tokenizer_module()
        from paddlespeech.cli.whisper import infer
        from paddlespeech.s2t.models.whisper import whisper

        # Greedy decoding fails with Paddle 3 and, put right, tells no probability: a beam of one, and no
        # falling back to higher temperatures, which would be greedy. Silence is told, not skipped.
        changes = dict(verbose=None, beam_size=max(1, p["beam"]), patience=None, temperature=0.0)
        changes |= dict(temperature_increment_on_fallback=None, condition_on_previous_text=False)
        changes |= dict(no_speech_threshold=None, compression_ratio_threshold=None, logprob_threshold=None)
        assets = str(Path("whisper").absolute())
        _whisper_assets(Path(p["tokenizer"]), Path(assets))

        class Local(infer.WhisperExecutor):
            def download_resource(self, url: str, folder: str, md5: str) -> None:
                self.resource_path = assets

        self.executor = Local()
        self.executor.task_resource.res_dict = {"resource_data": "", "resource_data_md5": ""}
        self.executor.task_resource.version = "local"
        checkpoint = p["checkpoint"].removesuffix(".pdparams")
        self.executor._init_from_path(
            size="", language=p["language"] or "None", cfg_path=_settings(p["config"], changes), ckpt_path=checkpoint
        )
        self.languages = tokenizer.LANGUAGES
        multilingual = self.executor.model.is_multilingual
        if not multilingual and p["language"] not in ("", "en"):
            raise Refused("invalid_job", f"this Whisper knows English only, not {p['language']!r}")
        if p["language"] and p["language"] not in self.languages:
            raise Refused("invalid_job", f"Whisper does not know the language {p['language']!r}")
        # The first mel spectrogram reads its filters: a wrong file should be told now.
        whisper.log_mel_spectrogram(np.zeros(16000, np.float32), resource_path=assets)
        self.language = p["language"] or ("None" if multilingual else "en")

    def recognize(self, path: str) -> dict[str, Any]:
        """A WAV of at most 30 s -> its segments, in seconds from its start."""
        self.executor._outputs.clear()
        self.executor.language = self.language  # the executor keeps that of the first call
        result = self.executor(path, config="", ckpt_path="", device="cpu", force_yes=True)
        segments = [
            {
                "start": float(s["start"]),
                "end": float(s["end"]),
                "text": s["text"],
                "avg_logprob": float(s["avg_logprob"]),
                "no_speech": float(s["no_speech_prob"]),
            }
            for s in result["segments"]
        ]
        return {"language": result["language"], "segments": segments}


def _whisper_assets(tokenizer: Path, target: Path) -> None:
    """Lay out what PaddleSpeech's Whisper reads beside its weights, from a folder with the vocabulary."""
    import numpy as np

    for name in ("multilingual", "gpt2"):
        places = (tokenizer / "assets" / name, tokenizer / name, tokenizer)
        source = next((p for p in places if Path(p, "vocab.json").is_file()), None)
        if source is None or not Path(source, "merges.txt").is_file():
            raise Refused("weights", f"{tokenizer} lacks Whisper's vocab.json or merges.txt")
        folder = target / "assets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("vocab.json", "merges.txt"):
            (folder / file).write_bytes((source / file).read_bytes())
    # OpenAI's mel_filters.npz is this, saved (whisper/audio.py says how it was made).
    import librosa

    np.savez(target / "assets" / "mel_filters.npz", mel_80=librosa.filters.mel(sr=16000, n_fft=400, n_mels=80))


class Asr:
    """PaddleSpeech's own conformers and transformers: text alone, no times, no probabilities."""

    def __init__(self, p: dict[str, Any]) -> None:
        from paddlespeech.cli.asr import infer

        self.executor = infer.ASRExecutor()
        self.kind = p["family"]
        self.executor._init_from_path(
            self.kind,
            cfg_path=_settings(p["config"], {}),
            ckpt_path=p["checkpoint"].removesuffix(".pdparams"),
            decode_method=p["decode_method"],
        )

    def recognize(self, path: str) -> dict[str, Any]:
        """A WAV -> its text."""
        # A failure while decoding is logged and swallowed; what then comes back is the text before.
        self.executor._outputs.clear()
        try:
            text = self.executor(path, model=self.kind, config="", ckpt_path="", device="cpu", force_yes=True)
        except KeyError:
            raise Refused("backend_failed", "PaddleSpeech could not decode this stretch") from None
        return {"text": text}


class Service:
    """One model, and what it is asked to do."""

    def __init__(self) -> None:
        self.model: Whisper | Asr | None = None
        self.punctuation: Any = None

    def load(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """Import Paddle and read the weights. `params`: family, config, checkpoint, tokenizer, language,
        threads, beam, decode_method, punctuation."""
        began = time.monotonic()
        for key in ("config", "checkpoint"):
            if not Path(params[key]).is_file():
                raise Refused("weights", f"{params[key]} is missing", "Put it there, or name another folder.")
        before_import(params["threads"])
        try:
            import paddle
            import paddlespeech
        except ImportError as error:
            raise Refused(
                "backend_missing",
                f"the environment of PaddleSpeech is not whole: {error}",
                "Complete it with: dubline backends install paddlespeech",
            ) from error
        after_import()
        paddle.set_device("cpu")
        imported = time.monotonic()
        self.model = Whisper(params) if params["family"] == "whisper" else Asr(params)
        return {
            "paddle": paddle.__version__,
            "paddlespeech": getattr(paddlespeech, "__version__", ""),
            "import_seconds": imported - began,
            "load_seconds": time.monotonic() - imported,
        }

    def recognize(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """`params`: path of a mono WAV at 16 kHz."""
        if self.model is None:
            raise Refused("invalid_job", "no model is loaded")
        return self.model.recognize(params["path"])

    def echo(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """The parameters back: what a round trip costs."""
        return params

    def network(self, params: dict[str, Any], report: Report) -> list[str]:
        """The connections that were attempted, and refused, so far."""
        return connections


def methods() -> dict[str, Callable[[dict[str, Any], Report], Any]]:
    """What the worker answers."""
    service = Service()
    return {
        "load": service.load,
        "recognize": service.recognize,
        "echo": service.echo,
        "network": service.network,
    }

"""PaddleSpeech, as it runs inside its own environment; `dubline.workers.worker` loads this file by its path.

Standard library, Paddle and what comes with it; nothing of `dubline` but the files beside it. Errors
carry `code` and `hint` for the other side.
"""

from __future__ import annotations

import importlib.util
import json
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

Report = Callable[[float, float], None]

SIZES = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_source_positions",
    "n_audio_state": "d_model",
    "n_audio_head": "encoder_attention_heads",
    "n_audio_layer": "encoder_layers",
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_target_positions",
    "n_text_state": "d_model",
    "n_text_head": "decoder_attention_heads",
    "n_text_layer": "decoder_layers",
}
"""OpenAI's names for a Whisper's sizes, and Hugging Face's."""
RENAMED = (
    ("encoder.layer_norm", "encoder.ln_post"),
    ("decoder.layer_norm", "decoder.ln"),
    ("decoder.embed_tokens.weight", "decoder.token_embedding.weight"),
    ("embed_positions.weight", "positional_embedding"),
    (".layers.", ".blocks."),
    (".self_attn_layer_norm", ".attn_ln"),
    (".encoder_attn_layer_norm", ".cross_attn_ln"),
    (".final_layer_norm", ".mlp_ln"),
    (".encoder_attn.", ".cross_attn."),
    (".self_attn.", ".attn."),
    (".q_proj", ".query"),
    (".k_proj", ".key"),
    (".v_proj", ".value"),
    (".out_proj", ".out"),
    (".fc1", ".mlp.0"),
    (".fc2", ".mlp.2"),
)
"""Hugging Face's names for a Whisper's weights, and OpenAI's, which PaddleSpeech took over. In this order."""
TURNED = re.compile(r"\.(query|key|value|out|mlp\.[02])\.weight$")
"""Weights that Paddle keeps as (in, out) and PyTorch as (out, in)."""


def _beside(name: str) -> Any:
    """A module of this folder. It is no package here: the package's own start needs what this place lacks."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


guards = _beside("paddlespeech_guards")
weights_file = _beside("paddlespeech_weights")
Refused = weights_file.Refused


# --- Whisper -----------------------------------------------------------------------------------


def safetensors(path: Path) -> dict[str, Any]:
    """The arrays of a .safetensors file, as float32: 8 bytes of length, a JSON head, then the values."""
    import numpy as np

    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        head = json.loads(file.read(length))
    values = np.memmap(path, np.uint8, "r", offset=8 + length)
    arrays = {}
    for name, entry in head.items():
        if name == "__metadata__":
            continue
        start, stop = entry["data_offsets"]
        array = values[start:stop].view(kinds[entry["dtype"]])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = array.reshape(entry["shape"]).astype(np.float32)
    return arrays


def from_hugging_face(path: Path, code: Any) -> Any:
    """A Whisper in Paddle from Hugging Face's model.safetensors and the config.json beside it."""
    import numpy as np
    import paddle

    config = json.loads(path.with_name("config.json").read_text(encoding="utf-8"))
    if config.get("num_mel_bins") != 80:
        raise Refused(
            "weights",
            f"{path} listens to {config.get('num_mel_bins')} mel bands; PaddleSpeech's Whisper to 80",
            "large-v3 and turbo do not fit it: take large-v2 or smaller, or another recognizer.",
        )
    model = code.Whisper(code.ModelDimensions(**{ours: config[theirs] for ours, theirs in SIZES.items()}))
    state = model.state_dict()
    weights = {}
    for name, array in safetensors(path).items():
        if name == "proj_out.weight":  # the token embedding once more
            continue
        name = name.removeprefix("model.")
        for theirs, ours in RENAMED:
            name = name.replace(theirs, ours)
        if TURNED.search(name):
            array = array.T
        if name not in state or list(state[name].shape) != list(array.shape):
            raise Refused("weights", f"{path} does not hold a Whisper as PaddleSpeech knows it: {name}")
        weights[name] = paddle.to_tensor(np.ascontiguousarray(array))
    if lacking := state.keys() - weights.keys() - {"encoder.positional_embedding"}:
        raise Refused("weights", f"{path} lacks {', '.join(sorted(lacking)[:5])}")
    model.set_state_dict(weights)
    return model


def from_paddle(path: Path, code: Any) -> Any:
    """PaddleSpeech's own file: the weights, and the sizes under `dims`."""
    import paddle

    weights = paddle.load(str(path))
    if "dims" not in weights:
        raise Refused("weights", f"{path} is not a Whisper of PaddleSpeech's: it does not tell its sizes")
    model = code.Whisper(code.ModelDimensions(**weights.pop("dims")))
    model.set_state_dict(weights)
    return model


def lay_out(tokenizer: Path, target: Path) -> None:
    """Lay out what PaddleSpeech's Whisper reads beside its weights, from a folder with the vocabulary."""
    import librosa
    import numpy as np

    for name in ("multilingual", "gpt2"):
        places = (tokenizer / "assets" / name, tokenizer / name, tokenizer)
        folder = target / "assets" / name
        folder.mkdir(parents=True, exist_ok=True)
        source = next((p for p in places if (p / "vocab.json").is_file()), None)
        if source is not None:
            for file in ("vocab.json", "merges.txt"):
                (folder / file).write_bytes((source / file).read_bytes())
        elif (tokenizer / "tokenizer.json").is_file():  # the same in one file, as transformers 5 writes it
            model = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["model"]
            (folder / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
            pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
            (folder / "merges.txt").write_text("\n".join(pairs), encoding="utf-8")
    # OpenAI's mel_filters.npz is this, saved: whisper/audio.py says how it was made.
    mel = librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)
    np.savez(target / "assets" / "mel_filters.npz", mel_80=mel)


class Whisper:
    """OpenAI's Whisper in Paddle."""

    def __init__(self, p: dict[str, Any]) -> None:
        tokenizer = guards.tokenizer_module()
        from paddlespeech.cli.whisper import infer
        from paddlespeech.s2t.models.whisper import whisper as code

        path = Path(p["checkpoint"])
        self.language = {"he": "iw", "jv": "jw"}.get(p["language"], p["language"])
        if self.language and self.language not in tokenizer.LANGUAGES:
            raise Refused("invalid_job", f"Whisper does not know the language {p['language']!r}")
        self.executor = infer.WhisperExecutor()
        self.executor.model = (
            from_hugging_face(path, code) if path.suffix == ".safetensors" else from_paddle(path, code)
        )
        self.executor.model.eval()
        if not self.executor.model.is_multilingual:
            if self.language not in ("", "en"):
                raise Refused("invalid_job", f"{path.name} knows English only, not {p['language']!r}")
            self.language = "en"
        lay_out(Path(p["tokenizer"]), Path("whisper"))
        self.executor.resource_path = str(Path("whisper").absolute())
        self.executor.task = "transcribe"
        # Greedy decoding fails with Paddle 3 and, put right, tells no probability: so a beam, if of one, and
        # no falling back to higher temperatures, which is greedy. Silence is told, not skipped.
        self.executor.config = types.SimpleNamespace(
            verbose=None,
            temperature=0.0,
            temperature_increment_on_fallback=None,
            compression_ratio_threshold=None,
            logprob_threshold=None,
            no_speech_threshold=None,
            best_of=None,
            beam_size=p["beam"],
            patience=None,
            length_penalty=None,
            initial_prompt=None,
            condition_on_previous_text=False,
        )

    def recognize(self, path: str) -> dict[str, Any]:
        """A WAV of at most 30 s -> its segments, in seconds from its start."""
        self.executor._outputs.clear()
        self.executor.language = self.language or "None"
        result = self.executor(path, device="cpu", force_yes=True)
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
        return {
            "language": {"iw": "he", "jw": "jv"}.get(result["language"], result["language"]),
            "segments": segments,
        }


# --- PaddleSpeech's own models -----------------------------------------------------------------


def settled(path: Path) -> str:
    """A copy of a model's .yaml in which the files it names are found: beside it, or a folder above."""
    import yaml

    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, ending in (("vocab_filepath", ""), ("cmvn_file", ""), ("spm_model_prefix", ".model")):
        value = settings.get(key)
        if not value or not isinstance(value, str):
            continue
        places = [folder / value for folder in (path.parent, path.parent.parent)]
        file = next((file for file in places if Path(f"{file}{ending}").is_file()), None)
        if file is None:
            raise Refused(
                "weights",
                f"{path} names the file {value}{ending} ({key}), which is not there",
                f"Put it at {places[0]}{ending}.",
            )
        settings[key] = str(file.absolute())
    copy = Path("settings", path.name).absolute()
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return str(copy)


class Asr:
    """A conformer or transformer: text alone, no times, no probabilities."""

    def __init__(self, p: dict[str, Any]) -> None:
        from paddlespeech.cli.asr import infer

        self.executor = infer.ASRExecutor()
        self.family = p["family"]
        self.executor._init_from_path(
            self.family,
            cfg_path=settled(Path(p["config"])),
            ckpt_path=p["checkpoint"].removesuffix(".pdparams"),
            decode_method=p["decoding"],
        )

    def recognize(self, path: str) -> dict[str, Any]:
        """A WAV -> its text."""
        # A failure while decoding is logged and swallowed; what comes back is the text of the call before.
        self.executor._outputs.clear()
        try:
            text = self.executor(path, model=self.family, device="cpu", force_yes=True)
        except KeyError:
            raise Refused("backend_failed", "PaddleSpeech could not decode this stretch") from None
        return {"text": text}


# --- the service -------------------------------------------------------------------------------


class Service:
    """One model, and what it is asked to do."""

    def __init__(self) -> None:
        self.model: Whisper | Asr | None = None
        self.punctuation: Any = None

    def load(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """Import Paddle and read the weights. `params`: family, config, checkpoint, tokenizer, language,
        threads, beam, decoding, punctuation. Returns versions."""
        paddle, versions = weights_file.imported(guards, params["threads"])
        weights_file.guard(paddle)
        report(1, 2)
        self.model = Whisper(params) if params["family"] == "whisper" else Asr(params)
        if params["punctuation"]:
            self.punctuation = _beside("paddlespeech_punctuation").Punctuation(Path(params["punctuation"]))
        return dict(versions)

    def recognize(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """`params`: the `path` of a mono WAV at 16 kHz."""
        if self.model is None:
            raise Refused("invalid_job", "no model is loaded")
        heard = self.model.recognize(params["path"])
        if self.punctuation is not None:
            heard["text"] = self.punctuation.restore(heard["text"])
        return heard

    def network(self, params: dict[str, Any], report: Report) -> list[str]:
        """The connections that were attempted, and refused, so far."""
        return list(guards.connections)


def methods() -> dict[str, Callable[[dict[str, Any], Report], Any]]:
    """What the worker answers."""
    service = Service()
    return {name: getattr(service, name) for name in ("load", "recognize", "network")}

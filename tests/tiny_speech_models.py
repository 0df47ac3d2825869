"""Speech models of transformers in miniature, one for each way of hearing: real classes, random weights.

    speech_model("canary", folder)    a folder as their makers publish it: settings, safetensors, tokenizer

What they say is noise, so they are for what holds of any weights: loading, order, times, refusals.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kept_models import kept

from dubline.backends.torchaudio_guard import before_transformers

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
CARD = "---\nlicense: cc-by-4.0\nlanguage:\n- en\n- tr\n- de\n---\n# A model in miniature\n"
REQUEST = (
    "{%- for message in messages -%}{%- for part in message.content -%}"
    "{%- if part.type == 'text' -%}<|startofcontext|><|{{ part.source_language }}|>"
    "<|{{ part.target_language }}|>{%- endif -%}{%- endfor -%}{%- endfor -%}"
)
CHAT = (
    "{%- for message in messages -%}<|im_start|>{{ message.role }}\n"
    "{%- for part in message.content -%}{%- if part.type == 'text' -%}{{ part.text }}{%- else -%}"
    "<|audio_start|><|audio_pad|><|audio_end|>{%- endif -%}{%- endfor -%}<|im_end|>\n{%- endfor -%}"
)


def _pieces(special: list[str], letters: str = LETTERS) -> dict[str, int]:
    """A vocabulary: special tokens first, then letters, alone and at the beginning of a word."""
    return {
        piece: i for i, piece in enumerate([*special, "\u2581", *letters, *("\u2581" + x for x in letters)])
    }


def _sentencepiece(special: list[str], cls: str = "PreTrainedTokenizerFast", **more: Any) -> Any:
    import tokenizers
    import transformers

    vocabulary = _pieces(special)
    inner = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocabulary, [("\u2581", x) for x in LETTERS], unk_token="<unk>")
    )
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    inner.decoder = tokenizers.decoders.Metaspace()
    made = getattr(transformers, cls)(tokenizer_object=inner, unk_token="<unk>", **more)
    made.add_special_tokens({"additional_special_tokens": [s for s in special if s.startswith("<|")]})
    return made


def _encoder() -> dict[str, Any]:
    return {
        **SMALL,
        "num_mel_bins": 16,
        "subsampling_conv_channels": 8,
        "conv_kernel_size": 3,
        "dropout": 0.0,
        "layerdrop": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
    }


def _parakeet(head: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        import transformers as t

        special = ["<unk>", "<pad>", "<blank>"] if head != "CTC" else ["<unk>", "<pad>"]
        tokenizer = _sentencepiece(special, "ParakeetTokenizer", pad_token="<pad>")
        size = len(tokenizer)
        more = (
            {}
            if head == "CTC"
            else {
                "decoder_hidden_size": 8,
                "num_decoder_layers": 1,
                "blank_token_id": 2,
                "max_symbols_per_step": 2,
            }
        )
        config = getattr(t, f"Parakeet{head}Config")(
            vocab_size=size, pad_token_id=1, encoder_config=_encoder(), **more
        )
        model = getattr(t, f"ParakeetFor{head}")(config)
        if head != "CTC":
            model.generation_config.decoder_start_token_id = 2
        _save(folder, model, t.ParakeetProcessor(t.ParakeetFeatureExtractor(feature_size=16), tokenizer))

    return make


def _wav2vec2(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        import transformers as t

        folder.mkdir(parents=True, exist_ok=True)
        pieces = {p: i for i, p in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS.upper()])}
        (folder / "vocab.json").write_text(json.dumps(pieces))
        tokenizer = t.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
        config = getattr(t, f"{name}Config")(
            **SMALL,
            vocab_size=len(pieces),
            conv_dim=(8,) * 7,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            feat_proj_dropout=0.0,
            layerdrop=0.0,
            final_dropout=0.0,
            pad_token_id=0,
        )
        processor = t.Wav2Vec2Processor(t.Wav2Vec2FeatureExtractor(return_attention_mask=False), tokenizer)
        _save(folder, getattr(t, f"{name}ForCTC")(config), processor)

    return make


def _canary(folder: Path) -> None:
    import transformers as t

    special = ["<unk>", "<|nospeech|>", "<pad>", "<|endoftext|>", "<|startoftranscript|>"]
    special += ["<|startofcontext|>", "<|en|>", "<|de|>", "<|pl|>"]
    tokenizer = _sentencepiece(
        special, pad_token="<pad>", eos_token="<|endoftext|>", bos_token="<|startoftranscript|>"
    )
    config = t.CanaryConfig(
        vocab_size=len(tokenizer),
        encoder_config={"model_type": "parakeet_encoder", **_encoder()},
        decoder_config={
            **SMALL,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 2048,
        },
        decoder_start_token_id=5,
    )
    processor = t.CanaryProcessor(
        t.ParakeetFeatureExtractor(feature_size=16), tokenizer, chat_template=REQUEST
    )
    _save(folder, t.CanaryForConditionalGeneration(config), processor)


def _cohere(folder: Path) -> None:
    import transformers as t

    special = [
        "<unk>",
        "<|nospeech|>",
        "<pad>",
        "<|endoftext|>",
        "<|startoftranscript|>",
        "<|startofcontext|>",
    ]
    special += [
        "<|emo:undefined|>",
        "<|en|>",
        "<|de|>",
        "<|pnc|>",
        "<|nopnc|>",
        "<|noitn|>",
        "<|notimestamp|>",
        "<|nodiarize|>",
    ]
    tokenizer = _sentencepiece(
        special, pad_token="<pad>", eos_token="<|endoftext|>", bos_token="<|startoftranscript|>"
    )
    config = t.CohereAsrConfig(
        **SMALL,
        vocab_size=len(tokenizer),
        encoder_config={"model_type": "parakeet_encoder", **_encoder()},
        max_position_embeddings=2048,
    )
    processor = t.CohereAsrProcessor(t.CohereAsrFeatureExtractor(feature_size=16), tokenizer)
    _save(folder, t.CohereAsrForConditionalGeneration(config), processor)


def _moonshine(folder: Path) -> None:
    import transformers as t

    tokenizer = _sentencepiece(["<unk>", "<s>", "</s>"], bos_token="<s>", eos_token="</s>", pad_token="</s>")
    config = t.MoonshineConfig(
        hidden_size=16,
        intermediate_size=16,
        encoder_num_hidden_layers=1,
        decoder_num_hidden_layers=1,
        encoder_num_attention_heads=2,
        decoder_num_attention_heads=2,
        vocab_size=len(tokenizer),
        max_position_embeddings=2048,
    )
    model = t.MoonshineForConditionalGeneration(config)
    _save(folder, model, t.Wav2Vec2Processor(t.Wav2Vec2FeatureExtractor(), tokenizer))


def _qwen(folder: Path) -> None:
    import tokenizers
    import transformers as t

    special = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|audio_start|>",
        "<|audio_end|>",
        "<|audio_pad|>",
        "<asr_text>",
    ]
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: i for i, piece in enumerate(letters)}
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    tokenizer = t.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        extra_special_tokens={
            "audio_token": "<|audio_pad|>",
            "audio_bos_token": "<|audio_start|>",
            "audio_eos_token": "<|audio_end|>",
        },
    )
    tokenizer.add_tokens([t.AddedToken(s, special=s.startswith("<|"), normalized=False) for s in special])
    ids = tokenizer.convert_tokens_to_ids
    config = t.Qwen3ASRConfig(
        audio_config={
            "model_type": "qwen3_asr_encoder",
            "num_mel_bins": 16,
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 16,
            "d_model": 16,
            "output_dim": 16,
            "downsample_hidden_size": 8,
        },
        text_config={
            "model_type": "qwen3",
            **SMALL,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "vocab_size": len(tokenizer),
        },
        audio_token_id=ids("<|audio_pad|>"),
        pad_token_id=ids("<|endoftext|>"),
        eos_token_id=ids("<|im_end|>"),
    )
    processor = t.Qwen3ASRProcessor(
        t.Qwen3ASRFeatureExtractor(feature_size=16), tokenizer, chat_template=CHAT
    )
    _save(folder, t.Qwen3ASRForConditionalGeneration(config), processor)


def _voxtral(folder: Path) -> None:
    import transformers as t
    from mistral_common.tokens.tokenizers.base import SpecialTokens

    # Every name that the library asks for must be there; where these stand is fixed.
    names = {0: "<unk>", 1: "<s>", 2: "</s>", 11: "<pad>", 24: "[AUDIO]", 25: "[BEGIN_AUDIO]"}
    others = [token.value for token in SpecialTokens if token.value not in names.values()]
    names |= dict(zip((i for i in range(100) if i not in names), others, strict=False))
    tekken = {
        "config": {
            "pattern": r"[^\s]+|\s+",
            "num_vocab_tokens": 256,
            "default_vocab_size": 356,
            "default_num_special_tokens": 100,
            "version": "v11",
        },
        "vocab": [
            {"rank": i, "token_bytes": base64.b64encode(bytes([i])).decode(), "token_str": None}
            for i in range(256)
        ],
        "special_tokens": [
            {"rank": i, "token_str": names.get(i, f"<SPECIAL_{i}>"), "is_control": True} for i in range(100)
        ],
        "audio": {
            "sampling_rate": 16000,
            "frame_rate": 12.5,
            "audio_encoding_config": {"num_mel_bins": 128, "hop_length": 160, "window_size": 400},
            "chunk_length_s": 30.0,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tekken.json").write_text(json.dumps(tekken))
    sizes = {**SMALL, "intermediate_size": 64}  # four frames of sound become one piece
    config = t.VoxtralConfig(
        audio_config={"model_type": "voxtral_encoder", **sizes, "num_mel_bins": 128},
        text_config={
            "model_type": "llama",
            **SMALL,
            "vocab_size": 356,
            "num_key_value_heads": 2,
            "head_dim": 8,
        },
        audio_token_id=24,
    )
    model = t.VoxtralForConditionalGeneration(config)
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = 2, 11
    tokenizer = t.MistralCommonBackend(folder / "tekken.json")
    _save(folder, model, t.VoxtralProcessor(t.WhisperFeatureExtractor(feature_size=128), tokenizer))


def _save(folder: Path, model: Any, processor: Any) -> None:
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(CARD)


MODELS: dict[str, Callable[[Path], None]] = {
    "parakeet_ctc": _parakeet("CTC"),
    "parakeet_tdt": _parakeet("TDT"),
    "parakeet_rnnt": _parakeet("RNNT"),
    "wav2vec2": _wav2vec2("Wav2Vec2"),
    "hubert": _wav2vec2("Hubert"),
    "wavlm": _wav2vec2("WavLM"),
    "canary": _canary,
    "cohere_asr": _cohere,
    "moonshine": _moonshine,
    "qwen3_asr": _qwen,
    "voxtral": _voxtral,
}


def speech_model(kind: str, folder: Path) -> Path:
    """A tiny model of that `model_type`, made in a folder."""
    before_transformers()
    import torch

    torch.manual_seed(0)
    MODELS[kind](folder)
    return folder


def _make(kind: str, folder: Path) -> None:
    speech_model(kind, folder)


@cache
def kept_speech_model(kind: str) -> Path:
    """The same, made once for these versions of the libraries."""
    recipe = Path(__file__).read_bytes() + "".join(map(version, ("torch", "transformers"))).encode()
    return kept(f"speech-{kind}", recipe, lambda new: _make(kind, new))

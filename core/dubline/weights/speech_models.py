"""What the speech models of transformers can, by `model_type` of their config.json; Whisper stands by itself.

The languages of Canary, Cohere and Qwen3-ASR are those that transformers 5.24 knows for them
(LANGUAGE_CODE_TO_NAME in processing_canary.py and processing_qwen3_asr.py, LANGUAGES in
processing_cohere_asr.py). Those of any other model are what its model card says in its head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dubline.errors import WeightsError
from dubline.values.base import Value

Hearing = Literal["ctc", "transducer", "request"]
"""How a model comes to its text: a letter or none for every moment of the sound; piece by piece while it
goes through the sound; or as an answer to a request, piece by piece, with no times."""
HEADS: dict[Hearing, tuple[str, ...]] = {
    "ctc": ("ForCTC",),
    "transducer": ("ForTDT", "ForRNNT"),
    "request": ("ForConditionalGeneration",),
}
"""How the class in `architectures` ends. A wav2vec 2.0 without such a head has no words."""


class SpeechModel(Value, frozen=True):
    """A family of speech models.

    `languages` are codes, () where the model card tells. `must_be_told`: it hears a language only when that
    is named. `tells`: it says which it heard. `glossary`: it takes names and terms to expect. `requires`:
    modules that it needs beside transformers.
    """

    name: str
    hearing: Hearing
    languages: tuple[str, ...] = ()
    must_be_told: bool = False
    tells: bool = False
    glossary: bool = False
    requires: tuple[str, ...] = ()

    @property
    def times(self) -> bool:
        """Whether it gives times for its words."""
        return self.hearing != "request"


_CANARY = "bg hr cs da nl en et fi fr de el hu it lv lt mt pl pt ro sk sl es sv ru uk"
_COHERE = "ar de el en es fr it ja ko nl pl pt vi zh"
_QWEN = "ar yue zh cs da nl en fil fi fr de el hi hu id it ja ko mk ms fa pl pt ro ru es sv th tr vi"
_LIKE_WAV2VEC2 = {
    "wav2vec2": "wav2vec 2.0",
    "wav2vec2-conformer": "wav2vec 2.0 Conformer",
    "hubert": "HuBERT",
    "wavlm": "WavLM",
}

SPEECH_MODELS: dict[str, SpeechModel] = {
    "parakeet_tdt": SpeechModel(name="Parakeet TDT", hearing="transducer"),
    "parakeet_rnnt": SpeechModel(name="Parakeet RNN-T", hearing="transducer"),
    "parakeet_ctc": SpeechModel(name="Parakeet CTC", hearing="ctc"),
    "canary": SpeechModel(
        name="Canary", hearing="request", languages=tuple(_CANARY.split()), must_be_told=True
    ),
    "cohere_asr": SpeechModel(
        name="Cohere Transcribe", hearing="request", languages=tuple(_COHERE.split()), must_be_told=True
    ),
    "qwen3_asr": SpeechModel(
        name="Qwen3-ASR", hearing="request", languages=tuple(_QWEN.split()), tells=True, glossary=True
    ),
    "voxtral": SpeechModel(name="Voxtral", hearing="request", requires=("mistral_common",)),
    "moonshine": SpeechModel(name="Moonshine", hearing="request"),
    **{kind: SpeechModel(name=name, hearing="ctc") for kind, name in _LIKE_WAV2VEC2.items()},
}


def speech_model(settings: Mapping[str, Any]) -> SpeechModel | None:
    """The family of a model by its config.json; None where it is none, or hears no words.

    MMS keeps a small model beside itself for each language, which nothing here takes up: it is none.
    """
    found = SPEECH_MODELS.get(str(settings.get("model_type")))
    names = settings.get("architectures")
    heads = HEADS[found.hearing] if found else ()
    if isinstance(names, list) and not any(str(name).endswith(heads) for name in names):
        return None
    return None if settings.get("adapter_attn_dim") else found


def check_form(path: Path, settings: Mapping[str, Any]) -> None:
    """Refuse what only its makers' own package reads.

    Raises:
        WeightsError: with where the form for transformers is.
    """
    if "thinker_config" in settings:
        raise WeightsError(
            f"{path} is Qwen3-ASR in the form of its makers' own package, which transformers does not read",
            hint="Take the repository of the same name that ends in -hf, such as Qwen/Qwen3-ASR-0.6B-hf.",
        )


def model_languages(model: SpeechModel, path: Path) -> tuple[str, ...]:
    """The codes of what a model in a folder knows; () where neither its family nor its card says so."""
    return model.languages or read_languages(path / "README.md")


def read_languages(card: Path) -> tuple[str, ...]:
    """The language codes in the head of a Hugging Face model card (README.md), one or a list."""
    try:
        text = card.read_text(encoding="utf-8").lstrip("\ufeff")
    except (OSError, UnicodeDecodeError):
        return ()
    head = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    told = re.search(r"^languages?:[ \t]*(.*(?:\n[ \t]*-[ \t].*)*)", head[1], re.MULTILINE) if head else None
    codes = re.findall(r"[A-Za-z]{2,3}(?:[-_]\w+)*", told[1]) if told else []
    return tuple(dict.fromkeys(re.split(r"[-_]", code)[0].lower() for code in codes))

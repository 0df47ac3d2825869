# ruff: noqa: RUF001 - Turkish has a dotless i
"""Tiny translation models for the tests, made on the spot: nothing is downloaded.

    folder()   an NLLB in miniature that has learnt a small Turkish grammar; 40 s the first time, then kept
    marian()   a Marian, and m2m100() an M2M100, with random weights and real tokenizers: for loading only

Each sentence of the grammar has a long and a short translation, both learnt equally often, so that the
model's beam really holds candidates of different lengths.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from kept_models import kept

from dubline.backends.torchaudio_guard import before_transformers

MARKS = (".", "!", "?", "?!", "...")
PERSONS = (  # pronoun, ending after a hard and a soft vowel, long and short English
    ("Ben", "ıyorum", "iyorum", "I am", "I'm"),
    ("Sen", "ıyorsun", "iyorsun", "You are", "You're"),
    ("O", "ıyor", "iyor", "He is", "He's"),
    ("Biz", "ıyoruz", "iyoruz", "We are", "We're"),
    ("Onlar", "ıyorlar", "iyorlar", "They are", "They're"),
)
VERBS = (  # stem before the ending, whether its vowel is hard, English
    ("gel", False, "coming"),
    ("gid", False, "leaving"),
    ("bekl", False, "waiting"),
    ("bak", True, "looking"),
    ("kaç", True, "running away"),
    ("ağl", True, "crying"),
)
TIMES = (  # Turkish, long and short English
    ("", "", ""),
    ("şimdi", "right now", "now"),
    ("yine", "once again", "again"),
    ("burada", "over here", "here"),
    ("bugün", "on this day", "today"),
    ("yarın", "on the next day", "tomorrow"),
)
LETTERS = "abcçdefgğhıijklmnoöpqrsştuüvwxyzABCÇDEFGĞHIİJKLMNOÖPQRSŞTUÜVWXYZ0123456789.,!?'-…:;\"()"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
LANGUAGES = ("eng_Latn", "tur_Latn", "deu_Latn", "spa_Latn")
STEPS = 400
BATCH = 64
HELD_OUT = 100


@lru_cache(maxsize=1)
def _shuffled() -> tuple[tuple[str, str, str], ...]:
    made = []
    for person, verb, time, mark in itertools.product(PERSONS, VERBS, TIMES, MARKS):
        pronoun, hard, soft, long, short = person
        stem, is_hard, doing = verb
        turkish = " ".join(word for word in (pronoun, time[0], stem + (hard if is_hard else soft)) if word)
        made.append(
            (
                turkish + mark,
                f"{long} {doing} {time[1]}".strip() + mark,
                f"{short} {doing} {time[2]}".strip() + mark,
            )
        )
    random.Random(7).shuffle(made)
    return tuple(made)


def pairs() -> list[tuple[str, str, str]]:
    """All sentences: (Turkish, long English, short English), in an order that is always the same."""
    return list(_shuffled())


def held_out() -> list[tuple[str, str, str]]:
    """The 100 sentences that the model was not shown."""
    return list(_shuffled()[:HELD_OUT])


def folder() -> Path:
    """The trained model, as transformers saves it. Waits where another process is training it."""
    return _kept("nllb", _train)


def marian() -> Path:
    """A Marian with random weights, for two target languages: its vocabulary has >>eng<< and >>deu<<."""
    return _kept("marian", _marian)


def m2m100() -> Path:
    """An M2M100 with random weights and the real tokenizer class."""
    return _kept("m2m100", _m2m100)


@lru_cache(maxsize=8)
def _kept(name: str, make: Callable[[Path], None]) -> Path:
    for library in ("torch", "transformers", "tokenizers"):
        pytest.importorskip(library, reason=f"{library}, which makes the tiny translators, is not installed")
    if name != "nllb":
        pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    recipe = Path(__file__).read_bytes()
    recipe += "".join(version(library) for library in ("torch", "transformers", "tokenizers")).encode()
    return kept(name, recipe, make)


def _tokenizer(texts: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    before_transformers()
    from transformers import NllbTokenizer

    learnt = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    # Punctuation stays apart from words, or the few marks would be learnt anew with every word.
    learnt.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True),
            pre_tokenizers.Punctuation(),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=list(SPECIAL), initial_alphabet=list(LETTERS), show_progress=False
    )
    learnt.train_from_iterator(texts, trainer)
    model = json.loads(learnt.to_str())["model"]
    return NllbTokenizer(
        vocab=model["vocab"],
        merges=[tuple(merge) for merge in model["merges"]],
        src_lang="tur_Latn",
        tgt_lang="eng_Latn",
        extra_special_tokens=list(LANGUAGES),
    )


def _shape(words: int, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": words,
        "d_model": 128,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 256,
        "decoder_ffn_dim": 256,
        "max_position_embeddings": 128,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        **more,
    }


def _m2m_config(words: int, **more: Any) -> Any:
    before_transformers()
    from transformers import M2M100Config

    special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    layerdrop = {"encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0}
    return M2M100Config(**_shape(words, **special, **layerdrop, tie_word_embeddings=True, **more))


def _train(place: Path) -> None:
    import torch

    before_transformers()
    from transformers import M2M100ForConditionalGeneration

    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = random.Random(1)
    shown = _shuffled()[HELD_OUT:]
    tokenizer = _tokenizer([text for pair in _shuffled() for text in pair])
    model = M2M100ForConditionalGeneration(_m2m_config(len(tokenizer))).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=STEPS)
    for _ in range(STEPS):
        batch = rng.sample(shown, BATCH)
        given = tokenizer(
            [pair[0] for pair in batch],
            text_target=[rng.choice(pair[1:]) for pair in batch],
            padding=True,
            return_tensors="pt",
        )
        labels = given["labels"].masked_fill(given["labels"] == tokenizer.pad_token_id, -100)
        loss = model(input_ids=given["input_ids"], attention_mask=given["attention_mask"], labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval().save_pretrained(place)
    tokenizer.save_pretrained(place)
    (place / "README.md").write_text("---\nlicense: gpl-3.0\n---\n", encoding="utf-8")


def _pieces(place: Path, stem: str, texts: list[str], size: int, **more: Any) -> list[str]:
    """Train a sentencepiece model into `place`/`stem`.model; its pieces, in order."""
    import sentencepiece

    text = place / "text"
    text.write_text("\n".join(texts), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(place / stem),
        vocab_size=size,
        hard_vocab_limit=False,
        minloglevel=2,
        **more,
    )
    text.unlink()
    (place / f"{stem}.vocab").unlink()
    model = sentencepiece.SentencePieceProcessor(model_file=str(place / f"{stem}.model"))
    return [model.id_to_piece(number) for number in range(model.get_piece_size())]


def _marian(place: Path) -> None:
    import torch

    before_transformers()
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    torch.manual_seed(2)
    texts = [list(column) for column in zip(*_shuffled(), strict=True)]
    sources = _pieces(place, "source", texts[0], 200)
    targets = _pieces(place, "target", texts[1] + texts[2], 200)
    (place / "source.model").rename(place / "source.spm")
    (place / "target.model").rename(place / "target.spm")
    words = ["</s>", "<unk>", ">>eng<<", ">>deu<<", *sources, *targets, "<pad>"]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    (place / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    pad = vocabulary["<pad>"]
    config = MarianConfig(
        **_shape(len(vocabulary), pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad),
        decoder_vocab_size=len(vocabulary),
        scale_embedding=True,
        static_position_embeddings=True,
    )
    tokenizer = MarianTokenizer(
        source_spm=str(place / "source.spm"),
        target_spm=str(place / "target.spm"),
        vocab=str(place / "vocab.json"),
        source_lang="tr",
        target_lang="mul",
        model_max_length=128,
    )
    tokenizer.save_pretrained(place)
    MarianMTModel(config).eval().save_pretrained(place)


def _m2m100(place: Path) -> None:
    import torch

    before_transformers()
    from transformers import M2M100ForConditionalGeneration, M2M100Tokenizer

    torch.manual_seed(3)
    pieces = _pieces(place, "sentencepiece.bpe", [t for p in _shuffled() for t in p], 300, model_type="bpe")
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys((*SPECIAL, *pieces)))}
    (place / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    tokenizer = M2M100Tokenizer(
        vocab_file=str(place / "vocab.json"), spm_file=str(place / "sentencepiece.bpe.model")
    )
    tokenizer.save_pretrained(place)
    words = len(vocabulary) + len(tokenizer.lang_code_to_id) + tokenizer.num_madeup_words
    M2M100ForConditionalGeneration(_m2m_config(words)).eval().save_pretrained(place)

